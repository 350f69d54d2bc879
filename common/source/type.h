/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_TYPE_H
#define SOURCE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "base/key.h"

/*
 * The abilities and the settings of a type of source, without the means to
 * reach a source.
 *
 * The settings of one source are a struct of its type that begins with a struct
 * source_config; a table of keys describes the members. The table drives
 * reading, checking, packing for the worker, and the manual, so a new setting
 * takes one new line in it.
 */
struct source_config {
	const struct source_type *type;
	char *name;          /* NAME of [source.NAME] or [target.NAME] */
	const char *section; /* "source" or "target" */
};

/* The server and login of the queue, which is a PostgreSQL database. */
struct source_queue {
	const char *conninfo, *secret_arn; /* NULL: not set */
};

enum source_ability {
	/* queries see the results of statements before them */
	SOURCE_SCRIPT = 1,
	SOURCE_SNAPSHOT =
	    2,             /* all queries of a job see one state of the data */
	SOURCE_UNLOAD = 4, /* the server itself writes a result into a place */
	/* the server knows which transactions are open: see source_horizon */
	SOURCE_HORIZON = 8,
	SOURCE_FILES = 16,  /* reads the files of inputs as relations */
	SOURCE_TARGET = 32, /* it may be a [target.NAME]: tables are loaded */
	SOURCE_INBOX = 64,  /* it has MERGE: a table may be the inbox */
};

/* A format that the servers of a type write themselves, and the options of
 * output_options that they know beside "unload", separated by ", ". */
struct source_unloads {
	const char *format, *options;
};

struct source_type {
	const char *name; /* the value of `type` in [source.NAME] */
	/* the product's name for people, such as Redshift */
	const char *product;
	unsigned abilities; /* bits of enum source_ability */
	size_t size;        /* bytes of the type's struct of settings */
	const struct key *keys;
	size_t key_count;
	/* With SOURCE_UNLOAD; the last one has no format. */
	const struct source_unloads *unloads;
	/* Checks that the settings agree with each other. */
	int (*check)(const struct source_config *config, struct err *e);
	/* Says whether this value of a T_SECRET key contains a secret; NULL:
	 * every value does. */
	bool (*holds_secret)(const char *key, const char *value);
	/* Optional, for [source.default]: when the settings name no server,
	 * copies the queue's server into them and returns true. */
	bool (*take_queue)(
	    struct source_config *config, const struct source_queue *queue);
	/* Optional: says whether the source logs in as the queue does. */
	bool (*is_queue)(const struct source_config *config,
	    const struct source_queue *queue);
	/* Optional: returns the first folder that the source reads and that is
	 * not there for this user, or NULL; the caller frees it. */
	char *(*missing_folder)(const struct source_config *config);
	/* Returns what an administrator should check and allow when no
	 * connection can be made. */
	const char *(*mend)(const struct source_config *config);
};

/* Checks that the source's type has all of these abilities (enum
 * source_ability). The error says which types have the missing ability, and
 * what to do. */
int source_type_check(
    const struct source_config *config, unsigned needed, struct err *e);

/* Checks that the type's servers write this format themselves, and know these
 * options of it. The schema refuses the same reports, see reportd.check_unload(). */
int source_type_check_unload(const struct source_type *type, const char *format,
    const json_t *options, struct err *e);

/* Returns NULL when there is no type of this name. */
const struct source_type *source_type_named(const char *name);
/* Returns the i-th type, NULL after the last one. */
const struct source_type *source_type_at(size_t i);
/* Returns the type's key of this name, or NULL. */
const struct key *source_type_key(
    const struct source_type *type, const char *name);

/* Makes settings with the type's defaults. source_config_free wipes the
 * texts. */
struct source_config *source_config_open(
    const struct source_type *type, const char *name);
void source_config_free(struct source_config *config); /* accepts NULL */

/* Adds {KEY: value, ...} of all keys to the object, except texts that are not
 * set. source_config_unpack does the reverse. */
void source_config_pack(const struct source_config *config, json_t *object);
struct source_config *source_config_unpack(
    const struct source_type *type, const char *name, const json_t *packed);

#endif
