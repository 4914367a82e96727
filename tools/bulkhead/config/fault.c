/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int bh_fault_say(struct bh_fault *f, uint32_t line, uint32_t column, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	if (f->text[0])
		return -EINVAL;
	if (line)
		snprintf(f->text, sizeof(f->text), "%.200s:%u:%u: ", f->file, line, column);
	else
		snprintf(f->text, sizeof(f->text), "%.200s: ", f->file);
	n = strlen(f->text);
	va_start(ap, fmt);
	vsnprintf(f->text + n, sizeof(f->text) - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

const char *bh_quote(char out[BH_QUOTE_BYTES], const char *text)
{
	static const char dots[] = "...'";
	size_t n = 0;

	out[n++] = '\'';
	for (; *text && n < BH_QUOTE_BYTES - sizeof(dots); text++)
		out[n++] = *text >= ' ' && *text < 127 ? *text : '?';
	strcpy(out + n, *text ? dots : "'");
	return out;
}
