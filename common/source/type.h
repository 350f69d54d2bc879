/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_TYPE_H
#define SOURCE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "base/key.h"

/*
 * What a type of source can do and how one is set, without the means to reach it.
 *
 * The settings of one source are a struct of the type's own that begins with a
 * struct source_config, and a table of keys says what is in it. By that table they
 * are read, checked, packed for the worker and described in the manual: a setting
 * more is a line more there.
 */
struct source_config {
	const struct source_type *type;
	char *name; /* NAME of [source.NAME] */
};

/* The members that KEY(kind, name, ...) makes in a type's struct: see
 * source/postgres/postgres.keys. */
#define SOURCE_KEY_TEXT char *
#define SOURCE_KEY_SECRET char *
#define SOURCE_KEY_BOOL bool
#define SOURCE_KEY_INT int64_t
#define SOURCE_KEY_TIME int64_t
#define SOURCE_KEY_SIZE int64_t

/* The queue's own server and login, which is a PostgreSQL. */
struct source_queue {
	const char *conninfo, *secret_arn; /* NULL: not set */
};

enum source_ability {
	SOURCE_SCRIPT = 1, /* queries see what statements before them made */
	SOURCE_SNAPSHOT =
	    2,             /* all queries of a job see one state of the data */
	SOURCE_UNLOAD = 4, /* it writes a result into S3 by itself */
};

struct source_type {
	const char *name;    /* as [source.NAME] type has it */
	const char *product; /* as people call it: Redshift */
	unsigned abilities;  /* of enum source_ability */
	size_t size;         /* of its struct of settings */
	const struct key *keys;
	size_t key_count;
	/* Whether the settings agree with each other. */
	int (*check)(const struct source_config *config, struct err *e);
	/* Whether a secret stands in this value of a T_SECRET key; NULL: in
	 * each. */
	bool (*holds_secret)(const char *key, const char *value);
	/* Optional, for [source.default]: when no server is named, takes the
	 * queue's and says true. */
	bool (*take_queue)(
	    struct source_config *config, const struct source_queue *queue);
	/* Optional: whether it logs in as the queue does. */
	bool (*is_queue)(const struct source_config *config,
	    const struct source_queue *queue);
	/* What to look at, and to allow, when no connection can be made. */
	const char *(*mend)(const struct source_config *config);
};

/* Whether the source's type has all of these abilities (of enum source_ability);
 * the error says which types have the one that it lacks, and what to do. */
int source_type_check(
    const struct source_config *config, unsigned needed, struct err *e);

/* NULL: there is no such type. */
const struct source_type *source_type_named(const char *name);
/* The i-th type, NULL after the last. */
const struct source_type *source_type_at(size_t i);
/* The type's key of this name, or NULL. */
const struct key *source_type_key(
    const struct source_type *type, const char *name);

/* With the type's defaults; source_config_free wipes the texts. */
struct source_config *source_config_open(
    const struct source_type *type, const char *name);
void source_config_free(struct source_config *config); /* accepts NULL */

/* Adds {KEY: value, ...} of all of its keys to the object, but for texts that are
 * not set; and back. */
void source_config_pack(const struct source_config *config, json_t *object);
struct source_config *source_config_unpack(
    const struct source_type *type, const char *name, const json_t *packed);

#endif
