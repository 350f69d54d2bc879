/* SPDX-License-Identifier: MIT */
#include "worker/moving.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/place.h"
#include "settings/folders.h"

/* Lends the two folders of the settings that hold the ends of a local move. */
static int lend(struct place_lent *lent, struct place_move *m, char **from,
    char **to, struct err *e)
{
	const char *folders = services_settings(lent->services)->inputs_folders;

	if (m->address[0] != '/')
		return place_allow_read(lent, m->address, e) != 0
			   ? -1
			   : place_allow_read(lent, m->to, e);
	lent->root = *from = folders_holding(folders, m->address);
	m->to_root = *to = folders_holding(folders, m->to);
	if (*from != NULL && *to != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s lies in no folder of [inputs] folders in the settings",
	    *from ? m->to : m->address);
}

/* Returns the result of one file, as moved.sql takes it; NULL: the errand did
 * not reach this file. */
static json_t *move_one(const json_t *file, struct services *services)
{
	struct place_lent lent = {.services = services};
	struct place_move m = {.address = json_str(file, "url", ""),
	    .version = json_str(file, "version", ""),
	    .size = json_int(file, "size", 0),
	    .to = json_str(file, "to", ""),
	    .otherwise = json_str(file, "otherwise", ""),
	    .reason = json_str(file, "reason", NULL)};
	char *from = NULL, *to = NULL;
	json_t *result = NULL;
	struct err e;
	int rc = lend(&lent, &m, &from, &to, &e);

	if (rc == 0)
		rc = place_move(&lent, &m, &e);
	if (rc >= 0 || e.kind != ERR_CANCELLED)
		result = json_pack("{sI sb ss* ss*}", "file_id",
		    (json_int_t)json_int(file, "file_id", 0), "over", rc >= 0,
		    "moved_to", m.moved_to, "error", rc != 0 ? e.text : NULL);
	free(m.moved_to);
	free(from);
	free(to);
	return result;
}

void moving_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	json_t *results = json_array(), *one = NULL;
	const json_t *file;
	size_t i;

	json_array_foreach(json_object_get(message, "files"), i, file)
	{
		one = *stopped ? NULL : move_one(file, services);
		if (one == NULL)
			break;
		json_array_append_new(results, one);
	}
	message_errand(out, MSG_MOVED, json_int(message, "run_id", 0),
	    json_pack("{so}", "results", results));
}

void moving_decline(const json_t *message, struct buf *out)
{
	message_errand(out, MSG_MOVED, json_int(message, "run_id", 0),
	    json_pack("{s[]}", "results"));
}
