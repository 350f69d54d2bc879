/* SPDX-License-Identifier: MIT */
#include "http/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "http/endpoint.h"
#include "http/files.h"

/* Puts a text in the place of its mark. */
static char *put(char *page, const char *mark, const char *text)
{
	char *at = strstr(page, mark);
	char *whole = mem_printf(
	    "%.*s%s%s", (int)(at - page), page, text, at + strlen(mark));

	free(page);
	return whole;
}

struct page *page_open(void)
{
	struct page *p = mem_zalloc(sizeof(*p));
	char script[SHA256_BASE64], style[SHA256_BASE64];

	sha256_base64(file_page_js, strlen(file_page_js), script);
	sha256_base64(file_page_css, strlen(file_page_css), style);
	p->html = put(mem_strdup(file_page_html), "@page.css@", file_page_css);
	p->html = put(p->html, "@page.js@", file_page_js);
	p->length = strlen(p->html);
	p->fields = mem_printf(
	    "Content-Security-Policy: default-src 'none'; script-src "
	    "'sha256-%s'; style-src 'sha256-%s'; connect-src 'self'; base-uri "
	    "'none'; form-action 'none'; frame-ancestors 'none'\r\n"
	    "X-Frame-Options: DENY\r\n"
	    "Cross-Origin-Opener-Policy: same-origin\r\n"
	    "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n",
	    script, style);
	return p;
}

void page_free(struct page *p)
{
	if (p == NULL)
		return;
	free(p->html);
	free(p->fields);
	free(p);
}

void serve_page(struct call *c)
{
	const struct page *p = c->app->page;

	call_answer(c, &(struct answer){.status = 200,
			   .type = "text/html; charset=utf-8",
			   .body = p->html,
			   .length = p->length,
			   .fields = p->fields});
}
