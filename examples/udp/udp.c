/* SPDX-License-Identifier: MIT */
/* udp.c: sends back each datagram that it gets, as many at a time as have come. Where, is
 * `options: {at: "127.0.0.1:7007"}` in its configuration. */
#include <bulkhead/bulkhead.h>
#include <stdio.h>

enum {
	AT_ONCE = 32,
	LARGEST = 2048
};

struct echo {
	bh_io io;
	struct bh_datagram d[AT_ONCE];
	char data[AT_ONCE][LARGEST];
};

/* What was cut is not sent back. Whom it cannot be sent to does not get it: that is UDP. */
static int keep_whole(struct bh_datagram *d, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (d[i].len <= d[i].size) {
			struct bh_datagram whole = d[i];

			d[i] = d[kept];
			d[kept++] = whole;
		}
	return kept;
}

static int64_t echo(void *arg)
{
	struct echo *e = *(struct echo **)arg;
	int n;

	while ((n = bh_recv_batch(e->io, e->d, AT_ONCE, BH_FOREVER)) > 0)
		for (int at = 0, end = keep_whole(e->d, n); at < end;) {
			int sent = bh_send_batch(e->io, e->d + at, end - at, bh_after(BH_S(1)));

			if (sent == -BH_ECANCELED)
				return sent;
			at += sent > 0 ? sent : 1;
		}
	return n;
}

static int64_t udp_main(void *unused)
{
	const char *at = bh_option("at");
	struct echo *e = bh_calloc(1, sizeof(*e));
	char text[BH_ADDRESS_MAX];
	int err = e ? bh_open_datagram(&e->io, at ? at : "127.0.0.1:7007", NULL) : -ENOMEM;
	int64_t value;

	(void)unused;
	if (!err)
		err = bh_local_address(e->io, text, sizeof(text));
	if (err < 0) {
		fprintf(stderr, "udp: cannot open %s: %s\n", at, bh_strerror(err));
		return 1;
	}
	printf("echoing at %s\n", text);
	for (int i = 0; i < AT_ONCE; i++)
		e->d[i] = (struct bh_datagram){ .data = e->data[i], .size = LARGEST };
	/* Until the service is asked to stop. */
	return bh_token_run(bh_stop_token(), echo, &e, &value) == -BH_ECANCELED ? 0 : 1;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "udp",
	.main = udp_main,
};
