/* SPDX-License-Identifier: MIT */
/*
 * value.h: parses the values of a configuration: numbers, times, sizes,
 * names. Each function returns false for a malformed value, or one out of range.
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_VALUE_H
#define BH_TOOLS_BULKHEAD_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits. */
bool bh_value_number(const char *text, uint64_t *out);

/* Milliseconds, or with a unit: 500, 500ms, 2s, 5m, 1h. */
bool bh_value_ms(const char *text, uint64_t *out);

/* The same in microseconds: 20us, 1ms; milliseconds without a unit. */
bool bh_value_us(const char *text, uint64_t *out);

/* Bytes, or with a unit: 64K, 512M, 4G, 1T (powers of 1024). */
bool bh_value_bytes(const char *text, uint64_t *out);

/* Letters, digits, '_', '-', '.'; not longer than fits in @size bytes. */
bool bh_value_name(const char *text, size_t size);

/* HOST:PORT, [HOST]:PORT, :PORT; port 0..65535; HOST is a numeric address or "localhost".
 * Splits it; @host is "" for all interfaces. */
bool bh_value_address(const char *text, char host[72], uint16_t *port);

/* Such an address, or one of Unix: unix:/PATH, or unix:@NAME (abstract). */
bool bh_value_listen(const char *text);

#define BH_VALUE_LISTEN                                                                     \
	"HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080 (an address; no names but " \
	"localhost), or unix: and an absolute path or @NAME of at most 107 bytes"

/* The time or size as people write it, for messages. */
const char *bh_value_ms_text(uint64_t ms, char out[24]);
const char *bh_value_bytes_text(uint64_t bytes, char out[24]);

#endif
