/* SPDX-License-Identifier: MIT */
#include "worker/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "place/place.h"
#include "settings/folders.h"

/* A page ends with this many files, or bytes: it passes through the supervisor,
 * which has little memory. */
#define PAGE_FILES 1000
#define PAGE_BYTES (256 << 10)

struct page {
	json_t *files;
	size_t bytes;
};

static int meet(void *arg, const struct place_file *f, struct err *e)
{
	struct page *page = arg;
	json_t *one = json_pack("{ss ss sI sI ss*}", "url", f->address,
	    "version", f->version, "size", (json_int_t)f->size, "modified",
	    (json_int_t)f->modified_ms, "fault", f->fault);

	(void)e;
	/* no UTF-8: such a name has no place in the ledger */
	if (one == NULL)
		return 0;
	json_array_append_new(page->files, one);
	page->bytes += strlen(f->address) + strlen(f->version) + 80;
	return json_array_size(page->files) >= PAGE_FILES ||
	       page->bytes >= PAGE_BYTES;
}

/* Lends the folder of the settings that holds a local pattern. */
static int lend(
    struct place_lent *lent, char **root, const char *pattern, struct err *e)
{
	const struct settings *set = services_settings(lent->services);

	if (*pattern == '/')
		*root = folders_holding(set->inputs_folders, pattern);
	lent->root = *root;
	if (*pattern != '/' || *root != NULL)
		return place_allow_read(lent, pattern, e);
	return err_set(e, ERR_PERMANENT,
	    "%s lies in no folder of [inputs] folders in the settings",
	    pattern);
}

static json_t *answer(const struct page *page, const struct place_scan *scan)
{
	char *files = json_dumps(page->files, JSON_COMPACT);
	json_t *body = json_pack("{ss sI ss*}", "files", files, "looked",
	    (json_int_t)scan->looked, "next", scan->next);

	free(files);
	return body;
}

void listing_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	struct place_lent lent = {.services = services,
	    .readable = json_object_get(message, "readable")};
	struct page page = {.files = json_array()};
	struct place_scan scan = {.pattern = json_str(message, "path", ""),
	    .after = json_str(message, "after", NULL),
	    .most = services_settings(services)->inputs_max_files,
	    .meet = meet,
	    .arg = &page};
	char *root = NULL;
	json_t *body;
	struct err e;

	(void)stopped;
	if (lend(&lent, &root, scan.pattern, &e) == 0 &&
	    place_scan(&lent, &scan, &e) == 0)
		body = answer(&page, &scan);
	else if (e.kind == ERR_CANCELLED)
		body = json_pack("{sb}", "again", true);
	else
		body = json_pack("{ss}", "error", e.text);
	message_errand(out, MSG_LISTED, json_int(message, "run_id", 0), body);
	free(scan.next);
	free(root);
	json_decref(page.files);
}

void listing_decline(const json_t *message, struct buf *out)
{
	message_errand(out, MSG_LISTED, json_int(message, "run_id", 0),
	    json_pack("{sb}", "again", true));
}
