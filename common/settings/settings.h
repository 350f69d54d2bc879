/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "source/type.h"

/*
 * All settings, read from an INI file and the environment. Each key can also be
 * set by the variable REPORTD_SECTION_KEY (REPORTD_SOURCE_NAME_KEY for a source,
 * REPORTD_TARGET_NAME_KEY for a target), which overrides the file. Times are milliseconds, sizes bytes. The
 * struct is made once and passed down; a reload makes a new one.
 */
/* A source or a target: [source.NAME] is a database that reports read,
 * [target.NAME] one that they load tables of. */
struct source_settings {
	const char *section; /* "source" or "target" */
	char *name;
#define KEY(kind, member, ...) KEY_MEMBER_##kind member;
#include "settings/endpoint.keys"
/* The members below belong to one of the two sections each. */
#include "settings/source.keys"
#include "settings/target.keys"
#undef KEY
	/* The keys of its type, which say how to reach it. */
	struct source_config *config;
	/* [source.default] names no server and uses the queue's, which may not
	 * be set. */
	bool of_queue;
	/* settings_pack_source of it, made once; holds passwords */
	char *packed;
	struct given *given; /* keys read before the type is known, else NULL */
};

/* The words of T_WORD keys, in their order in settings.keys. */
enum s3_addressing { S3_AUTO, S3_PATH, S3_VIRTUAL_HOST };
enum smtp_tls { SMTP_STARTTLS, SMTP_IMPLICIT, SMTP_PLAIN };

struct settings {
#define KEY(section, name, kind, member, ...) KEY_MEMBER_##kind member;
#include "settings/settings.keys"
#undef KEY
	/* Names of the variables whose values are secrets of these settings,
	 * separated by blanks; and a key whose secret stands in a file that every
	 * user of the machine can read or change ("[smtp] password"). NULL: none. */
	char *secret_variables, *secret_bare;
	/* Names of the variables that these settings were taken from, separated by
	 * blanks, and those among them whose keys the file sets, too: the
	 * variable wins. NULL: none. */
	char *variables, *winners;
	/* The variables that the file's keys have, separated by blanks. */
	char *in_file;
	/* [source.NAME], [target.NAME] */
	struct source_settings *sources, *targets;
	int source_count, target_count;
};

/* Checks that a queue is set. Only `reportctl export` can do without one. */
int settings_require_queue(const struct settings *s, struct err *e);
void settings_free(struct settings *s); /* accepts NULL */

/* Return NULL when there is no source, or no target, of this name. */
const struct source_settings *settings_source(
    const struct settings *s, const char *name);
const struct source_settings *settings_target(
    const struct settings *s, const char *name);
/* Checks that reports may run with this source: an error when its login is the
 * queue's own, which can change every report, and the source is not
 * `trusted`. */
int settings_check_source(const struct settings *s,
    const struct source_settings *source, struct err *e);
/* Checks that reports may load tables of this target: an error when its login is
 * that of a source, whose SQL could then change the target's ledger, or the
 * queue's own. */
int settings_check_target(const struct settings *s,
    const struct source_settings *target, struct err *e);
/* Says whether a list of the settings ("a.org, *.b.org") contains this name, in
 * upper or lower case; `*` stands for any text. NULL: an empty list. */
bool settings_allows(const char *list, const char *name);
/* Returns the key that signs a host's webhooks, which the caller frees; NULL:
 * none. An exact name precedes a pattern, the first pattern precedes later
 * ones. */
char *settings_webhook_secret(const struct settings *s, const char *host);

/*
 * Converts the settings that a process of the daemon needs to JSON text, and
 * back: all except those of the queue, the sources and the targets. A worker that runs
 * reports receives no settings of notices and none of their secrets;
 * reportd-http alone receives those of [server]. The caller frees the result.
 */
enum settings_reader { FOR_REPORTS, FOR_NOTICES, FOR_SERVER };
char *settings_pack(const struct settings *s, enum settings_reader reader);
struct settings *settings_unpack(const json_t *packed);

/* Converts one source or target to JSON text for the worker that uses it, and
 * back: its section and name, its own keys and those of its type. The caller frees both results; NULL
 * with *e filled when this program does not know the type. */
char *settings_pack_source(const struct source_settings *source);
struct source_settings *settings_unpack_source(
    const char *packed, struct err *e);
void settings_free_source(struct source_settings *source); /* accepts NULL */

struct log settings_log(const struct settings *s);

/* Writes the reference, one line per key: section, key, default and meaning,
 * separated by tabs. The manual is checked against it. */
void settings_describe(FILE *out);

#endif
