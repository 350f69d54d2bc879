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
 * set by the variable REPORTD_SECTION_KEY (REPORTD_SOURCE_NAME_KEY for a
 * source), which overrides the file. Times are milliseconds, sizes bytes. The
 * struct is made once and passed down; a reload makes a new one.
 */
struct source_settings {
	char *name;
	char *type;
	bool trusted; /* reports may use all rights of its login */
	/* reports at once, over all daemons; 0: no limit */
	int64_t max_running;
	int64_t statement_timeout;
	int64_t max_age; /* age of a connection, ms; 0: no limit */
	/* The keys of the source's type, which say how to reach it. */
	struct source_config *config;
	/* [source.default] names no server and uses the queue's, which may not
	 * be set. */
	bool of_queue;
	struct given *given; /* keys read before the type is known, else NULL */
};

enum s3_addressing { S3_AUTO, S3_PATH, S3_VIRTUAL_HOST };
enum smtp_tls { SMTP_STARTTLS, SMTP_IMPLICIT, SMTP_PLAIN };

struct settings {
	/* [reportd] */
	int64_t workers;
	int64_t adhoc_workers;
	int64_t worker_memory;
	int64_t poll_interval;
	int64_t lease;
	int64_t shutdown_grace;
	int64_t cancel_grace;
	int64_t job_timeout;
	int64_t max_output;
	int64_t retry_backoff;
	int64_t retry_backoff_max;
	int64_t ageing;
	int64_t misfire_grace;
	int64_t retention;
	int64_t log_level;  /* enum log_level */
	int64_t log_target; /* enum log_target */
	int64_t log_format; /* enum log_format */
	char *output_root;
	char *output;
	int64_t file_mode;
	bool fsync;
	/* [queue] */
	char *queue_conninfo;
	bool listen;
	int64_t queue_timeout;
	char *queue_secret_arn;
	/* [http]: how to reach the services of the sections below */
	char *http_proxy, *http_no_proxy, *http_ca_file;
	int64_t http_connect_timeout, http_silence_timeout, http_timeout;
	/* [aws] */
	char *aws_region, *aws_profile, *aws_role_arn, *aws_external_id;
	char *aws_endpoint, *aws_ca_file;
	/* [s3]; lists are separated by commas */
	char *s3_endpoint, *s3_region, *s3_ca_file;
	int64_t s3_addressing; /* enum s3_addressing */
	char *s3_buckets;
	int64_t s3_part_size, s3_parts_in_flight;
	char *s3_storage_class, *s3_sse, *s3_kms_key, *s3_acl;
	bool s3_public_acls;
	int64_t s3_stale_uploads;
	/* [smtp] */
	char *smtp_host, *smtp_user, *smtp_password, *smtp_secret_arn;
	int64_t smtp_port, smtp_tls; /* enum smtp_tls */
	char *smtp_helo, *smtp_ca_file, *smtp_from, *smtp_reply_to,
	    *smtp_domains;
	int64_t smtp_attach_max, smtp_inline_rows, smtp_link_expiry;
	int64_t smtp_timeout;
	/* [sns], [slack], [webhook] */
	char *sns_topics, *sns_endpoint;
	char *slack_hosts;
	char *webhook_hosts, *webhook_allow, *webhook_secrets;
	/* [notify] */
	int64_t notify_attempts, notify_backoff, notify_backoff_max;
	int64_t notify_timeout;
	int64_t notify_workers;
	/* Names of the variables whose values are secrets of these settings,
	 * separated by blanks; and a key whose secret stands in the file itself
	 * ("[smtp] password"). NULL: none. */
	char *secret_variables, *secret_in_file;
	/* [source.NAME] */
	struct source_settings *sources;
	int source_count;
};

/* Reads the settings; with a NULL path, from the environment only. Returns NULL
 * with *e filled on error; the message names file, line and key, and the
 * allowed values. */
struct settings *settings_load(const char *path, struct err *e);
/* Reads the settings from an open file, for tests; `name` is the file's name in
 * messages. */
struct settings *settings_read(FILE *f, const char *name, struct err *e);
/* Checks that a queue is set. Only `reportctl export` can do without one. */
int settings_require_queue(const struct settings *s, struct err *e);
/* Checks that output_root is set, which the daemon needs to write files;
 * reportctl can do without. */
int settings_require_output(const struct settings *s, struct err *e);
void settings_free(struct settings *s); /* accepts NULL */

/* Returns NULL when there is no source of this name. */
const struct source_settings *settings_source(
    const struct settings *s, const char *name);
/* Checks that reports may run with this source: an error when its login is the
 * queue's own, which can change every report, and the source is not
 * `trusted`. */
int settings_check_source(const struct settings *s,
    const struct source_settings *source, struct err *e);
/* Says whether a list of the settings ("a.org, *.b.org") contains this name, in
 * upper or lower case; `*` stands for any text. NULL: an empty list. */
bool settings_allows(const char *list, const char *name);
/* Says whether reports may use an S3 bucket: one of [s3] buckets, or the bucket
 * of `output`. */
bool settings_allows_bucket(const struct settings *s, const char *bucket);
/* Returns the key that signs a host's webhooks, which the caller frees; NULL:
 * none. An exact name precedes a pattern, the first pattern precedes later
 * ones. */
char *settings_webhook_secret(const struct settings *s, const char *host);

/*
 * Converts the settings that a worker needs to JSON text, and back: all except
 * those of the queue and the sources. A worker that runs reports receives no
 * settings of notices and none of their secrets. The caller frees the result.
 */
enum settings_reader { FOR_REPORTS, FOR_NOTICES };
char *settings_pack(const struct settings *s, enum settings_reader reader);
struct settings *settings_unpack(const json_t *packed);

/* Converts one source to JSON text for the worker that reads it, and back: its
 * name, its own keys and those of its type. The caller frees both results; NULL
 * with *e filled when this program does not know the type. */
char *settings_pack_source(const struct source_settings *source);
struct source_settings *settings_unpack_source(
    const json_t *packed, struct err *e);
void settings_free_source(struct source_settings *source); /* accepts NULL */

struct log settings_log(const struct settings *s);

/* Writes the reference, one line per key: section, key, default and meaning,
 * separated by tabs. The manual is checked against it. */
void settings_describe(FILE *out);

#endif
