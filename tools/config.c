/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <string.h>

#include "config_schema.h"

/* What `bulkhead run` runs when it is not told: the demo. */
const char bh_config_built_in[] = "services:\n"
				  "  - name: http\n"
				  "    module: http.so\n"
				  "    workers: 2\n"
				  "    listen: [\"127.0.0.1:8080\"]\n"
				  "    crash:\n"
				  "      exempt: [http.crash]\n";

static const cyaml_config_t settings = {
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_ERROR, /* and no log_fn: bh_config_check() speaks */
	.flags = CYAML_CFG_NO_ALIAS,
};

static int load(struct bh_config *c, struct bh_fault *f)
{
	cyaml_err_t err;

	if (bh_config_check(&c->tree, f))
		return -EINVAL;
	err = cyaml_load_data((const uint8_t *)c->tree.text, c->tree.bytes, &settings,
			      &bh_config_schema, (cyaml_data_t **)&c->data, NULL);
	if (err != CYAML_OK || !c->data)
		return bh_fault(f, 0, 0, "cannot be loaded: %s", cyaml_strerror(err));
	return 0;
}

int bh_config_parse(struct bh_config *c, const char *text, size_t bytes, struct bh_fault *f)
{
	memset(c, 0, sizeof(*c));
	c->file = f->file;
	return bh_yaml_parse(&c->tree, text, bytes, f) ? -EINVAL : load(c, f);
}

int bh_config_load(struct bh_config *c, const char *path, struct bh_fault *f)
{
	if (!path) {
		f->file = BH_CONFIG_BUILT_IN;
		return bh_config_parse(c, bh_config_built_in, strlen(bh_config_built_in), f);
	}
	memset(c, 0, sizeof(*c));
	c->file = f->file = path;
	return bh_yaml_read(&c->tree, path, f) ? -EINVAL : load(c, f);
}

void bh_config_free(struct bh_config *c)
{
	if (c->data)
		cyaml_free(&settings, &bh_config_schema, c->data, 0);
	c->data = NULL;
	bh_yaml_free(&c->tree);
}
