/* SPDX-License-Identifier: MIT */
#include "notice/mail_report.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/encoder.h"
#include "sink/compress.h"

/* ---- the list ---- */

static const char *type_of(const char *name)
{
	const struct compression *c = compression_of_name(name);
	const struct encoder_type *type;
	const char *dot = strrchr(name, '.');

	if (c != NULL)
		return c->media_type;
	for (int i = 0; dot != NULL && (type = encoder_type_at(i)) != NULL;
	     i++) {
		if (strcasecmp(dot + 1, type->extension) == 0)
			return type->media_type;
	}
	return "application/octet-stream";
}

static int add(struct mail_reports *all, struct services *services,
    const struct mail_report *said, struct err *e)
{
	struct mail_report r = *said;

	r.lent = (struct place_lent){.services = services,
	    .root = services_settings(services)->output_root};
	r.place = place_of_url(r.url);
	/* The rows of a table are no file: the mail names the table. */
	if (!place_can_read(r.place)) {
		free(r.place);
		return 0;
	}
	/* Checks the address again: another program could have changed the rows
	 * that notices are read from. */
	if (place_allow(&r.lent, r.place, NULL, e) != 0 ||
	    place_check(r.place, NULL, e) != 0) {
		err_wrap(e, "the report %s cannot be read back", r.place);
		free(r.place);
		return -1;
	}
	r.name = mem_strdup(strrchr(r.place, '/') + 1);
	r.shown = notice_show(r.name);
	str_mask_hidden(r.name);
	r.type = type_of(r.name);
	all->list =
	    mem_realloc(all->list, (size_t)all->count + 1, sizeof(*all->list));
	all->list[all->count++] = r;
	return 0;
}

int mail_reports_open(struct services *services, const struct notice *n,
    struct mail_reports *r, struct err *e)
{
	struct mail_report one = {.url = n->output_url,
	    .rows = n->rows,
	    .bytes = n->bytes,
	    .sha256 = n->sha256};
	const json_t *v;
	size_t i;

	*r = (struct mail_reports){0};
	if (n->outputs == NULL)
		return *one.url == '\0' ? 0 : add(r, services, &one, e);
	json_array_foreach(n->outputs, i, v)
	{
		one = (struct mail_report){.url = json_str(v, "url", ""),
		    .rows = json_int(v, "rows", -1),
		    .bytes = json_int(v, "bytes", -1),
		    .sha256 = json_str(v, "sha256", "")};
		if (add(r, services, &one, e) != 0) {
			mail_reports_free(r);
			return -1;
		}
	}
	return 0;
}

static void end_reading(struct mail_report *r)
{
	place_read_end(r->reader);
	r->reader = NULL;
	EVP_MD_CTX_free(r->digest);
	r->digest = NULL;
	r->done = 0;
}

void mail_reports_free(struct mail_reports *r)
{
	for (int i = 0; i < r->count; i++) {
		end_reading(&r->list[i]);
		free(r->list[i].place);
		free(r->list[i].name);
		free(r->list[i].shown);
	}
	free(r->list);
	*r = (struct mail_reports){0};
}

/* ---- reading ---- */

static int refuse_change(const struct mail_report *r, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "%s is no longer what the run has made: it was replaced or changed "
	    "since; a later run sends its own mail",
	    r->place);
}

static int begin_reading(struct mail_report *r, struct err *e)
{
	r->reader = place_read(&r->lent, r->place, e);
	if (r->reader == NULL)
		return -1;
	return r->reader->size == r->bytes ? 0 : refuse_change(r, e);
}

int mail_report_begin(struct mail_report *r, struct err *e)
{
	end_reading(r);
	r->digest = EVP_MD_CTX_new();
	if (r->digest == NULL ||
	    EVP_DigestInit_ex(r->digest, EVP_sha256(), NULL) != 1)
		return err_set(
		    e, ERR_PERMANENT, "SHA-256 is not available here");
	/* A missing report is noticed here, before the mail server is
	 * contacted. */
	return begin_reading(r, e);
}

static int check_digest(struct mail_report *r, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned n = 0;

	EVP_DigestFinal_ex(r->digest, digest, &n);
	str_hex(hex, digest, n);
	if (*r->sha256 != '\0' && strcmp(hex, r->sha256) != 0)
		return refuse_change(r, e);
	return 0;
}

int mail_report_read(void *arg, char *to, size_t len, struct err *e)
{
	struct mail_report *r = arg;
	int rc = place_read_at(r->reader, r->done, to, len, e);

	if (rc != 0)
		return rc < 0 ? -1 : refuse_change(r, e);
	EVP_DigestUpdate(r->digest, to, len);
	r->done += (int64_t)len;
	return r->done == r->bytes ? check_digest(r, e) : 0;
}

/* No mail program runs a script, and many a server takes it for an attack. No
 * text of a report is markup, so the first <script> is the page's own. */
static void drop_script(char *document)
{
	static const char close[] = "</script>\n";
	char *from = strstr(document, "<script>");
	char *to = from ? strstr(from, close) : NULL;

	if (to == NULL)
		return;
	to += strlen(close);
	memmove(from, to, strlen(to) + 1);
}

char *mail_report_shown(struct mail_report *r, struct err *e)
{
	char *text = mem_alloc((size_t)r->bytes + 1);

	text[r->bytes] = '\0';
	if (mail_report_begin(r, e) == 0 &&
	    mail_report_read(r, text, (size_t)r->bytes, e) == 0) {
		drop_script(text);
		return text;
	}
	free(text);
	return NULL;
}

/* ---- linking ---- */

int mail_report_link(
    struct mail_report *r, char **url, int64_t *ends, struct err *e)
{
	const struct settings *set = services_settings(r->lent.services);

	int rc = place_link(
	    &r->lent, r->place, set->smtp_link_expiry / 1000, url, ends, e);

	/* A file has no URL: people open it at its path. So its existence and
	 * size are checked here. */
	if (rc == 0 && *url == NULL) {
		rc = begin_reading(r, e);
		end_reading(r);
	}
	return rc;
}
