/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ipc/base/address.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {
	{ "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { "", 1 },
};

static const struct unit short_times[] = { { "us", 1 }, { "ms", 1000 }, { "", 1000 } };

static const struct unit sizes[] = {
	{ "T", 1ull << 40 }, { "G", 1ull << 30 }, { "M", 1ull << 20 },
	{ "K", 1ull << 10 }, { "", 1 },
};

/* Digits without a leading zero: 010 is eight to YAML and ten to people. */
static const char *digits(const char *t, uint64_t *out)
{
	const char *start = t;

	*out = 0;
	for (; isdigit((unsigned char)*t); t++) {
		if (*out > (UINT64_MAX - 9) / 10)
			return NULL;
		*out = *out * 10 + (uint64_t)(*t - '0');
	}
	return t == start || (*start == '0' && t - start > 1) ? NULL : t;
}

bool bh_value_number(const char *text, uint64_t *out)
{
	const char *end = digits(text, out);

	return end && !*end;
}

static bool with_unit(const char *text, const struct unit *units, size_t n, uint64_t *out)
{
	const char *end = digits(text, out);

	for (size_t i = 0; end && i < n; i++)
		if (!strcmp(end, units[i].name))
			return !__builtin_mul_overflow(*out, units[i].factor, out);
	return false;
}

bool bh_value_ms(const char *text, uint64_t *out)
{
	return with_unit(text, times, sizeof(times) / sizeof(times[0]), out);
}

bool bh_value_us(const char *text, uint64_t *out)
{
	return with_unit(text, short_times, sizeof(short_times) / sizeof(short_times[0]), out);
}

bool bh_value_bytes(const char *text, uint64_t *out)
{
	return with_unit(text, sizes, sizeof(sizes) / sizeof(sizes[0]), out);
}

bool bh_value_name(const char *text, size_t size)
{
	size_t n = strlen(text);

	if (!n || n >= size)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_-.", *text))
			return false;
	return true;
}

/* Host names are refused: a name's addresses may change, be several, or need a network to
 * look up. The exception is "localhost", which means the same everywhere. */
static bool is_host(const char *host)
{
	unsigned char any[sizeof(struct in6_addr)];

	return !host[0] || !strcmp(host, "localhost") || inet_pton(AF_INET, host, any) == 1 ||
	       strchr(host, '%') || inet_pton(AF_INET6, host, any) == 1;
}

bool bh_value_address(const char *text, char host[72], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;
	size_t n;

	if (!colon || strlen(text) >= 72 || !bh_value_number(colon + 1, &number) || number > 65535)
		return false;
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)text[i]) || strchr("[]/", text[i]))
			return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!strcmp(host, "*"))
		host[0] = '\0';
	*port = (uint16_t)number;
	return is_host(host);
}

/* A relative path would depend on where the system was started; a line's end in one would
 * break the lines that name it. */
static bool is_unix(const char *text)
{
	const char *name = text + strlen("unix:");
	struct bh_address a;

	for (const char *t = name; *t; t++)
		if (iscntrl((unsigned char)*t))
			return false;
	return (*name == '/' || *name == '@') && !bh_address_parse(text, &a);
}

bool bh_value_listen(const char *text)
{
	char host[72];
	uint16_t port;

	return strncmp(text, "unix:", 5) ? bh_value_address(text, host, &port) : is_unix(text);
}

/* In the largest unit that leaves no rest. */
static const char *unit_text(uint64_t v, const struct unit *units, char out[24])
{
	while (units->factor > 1 && (!v || v % units->factor))
		units++;
	snprintf(out, 24, "%" PRIu64 "%s", v / units->factor, units->name);
	return out;
}

const char *bh_value_ms_text(uint64_t ms, char out[24])
{
	return unit_text(ms, times, out);
}

const char *bh_value_bytes_text(uint64_t bytes, char out[24])
{
	return unit_text(bytes, sizes, out);
}
