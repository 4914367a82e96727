/* SPDX-License-Identifier: MIT */
/* pages.c: GET /: page.html, which is built into this module. */
#include <string.h>

#include "response.h"
#include "routes.h"

__asm__(".pushsection .rodata\n"
	"http_page_html:\n"
	".incbin \"" HTTP_PAGE_FILE "\"\n"
	"http_page_html_end:\n"
	".byte 0\n"
	".popsection\n");

extern const char http_page_html[] __attribute__((visibility("hidden")));
extern const char http_page_html_end[] __attribute__((visibility("hidden")));

int64_t http_page(void *arg)
{
	(void)arg;
	return http_reply(200, HTTP_HTML, strlen(HTTP_HTML), http_page_html,
			  (size_t)(http_page_html_end - http_page_html));
}
