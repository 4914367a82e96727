/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/config.h"

#include <errno.h>
#include <string.h>

/* The configuration of `bulkhead run` without one: the demo. */
const char bh_config_built_in[] = "services:\n"
				  "  - name: http\n"
				  "    module: http.so\n"
				  "    workers: 2\n"
				  "    listen: [\"127.0.0.1:8080\"]\n"
				  "    crash:\n"
				  "      exempt: [http.crash]\n";

int bh_config_parse(struct bh_config *c, const char *text, size_t bytes, struct bh_fault *f)
{
	memset(c, 0, sizeof(*c));
	c->file = f->file;
	return bh_yaml_parse(&c->tree, text, bytes, f) ? -EINVAL : bh_config_check(&c->tree, f);
}

int bh_config_load(struct bh_config *c, const char *path, struct bh_fault *f)
{
	if (!path) {
		f->file = BH_CONFIG_BUILT_IN;
		return bh_config_parse(c, bh_config_built_in, strlen(bh_config_built_in), f);
	}
	memset(c, 0, sizeof(*c));
	c->file = f->file = path;
	return bh_yaml_read(&c->tree, path, f) ? -EINVAL : bh_config_check(&c->tree, f);
}

void bh_config_free(struct bh_config *c)
{
	bh_yaml_free(&c->tree);
}

const struct bh_yaml_node *bh_config_root(const struct bh_config *c)
{
	return &c->tree.nodes[0];
}

const struct bh_yaml_node *bh_config_service(const struct bh_config *c, uint32_t i)
{
	return bh_yaml_at(bh_yaml_get(bh_config_root(c), "services"), i);
}
