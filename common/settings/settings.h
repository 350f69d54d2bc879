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
 * Everything that can be set, read from an INI file and the environment: each
 * key also as REPORTD_SECTION_KEY (REPORTD_SOURCE_NAME_KEY for a source), which
 * wins over the file. Times are milliseconds, sizes bytes. One struct, made once
 * and passed down; a reload makes a new one.
 */
struct source_settings {
	char *name;
	char *type;
	bool trusted;        /* reports may do all that its login may */
	int64_t max_running; /* over all daemons; 0: no limit */
	int64_t statement_timeout;
	int64_t max_age; /* of a connection; 0: no limit */
	/* By the keys of its type: how it is reached. */
	struct source_config *config;
	/* [source.default] that names no server: it is the queue's, which may be
	 * missing. */
	bool of_queue;
	struct given *given; /* until the type is known; else NULL */
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
	/* [http]: how the services below are reached */
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
	/* Variables whose values are secrets of the above, separated by blanks;
	 * where one is written as it is ("[smtp] password"). NULL: none. */
	char *secret_variables, *secret_in_file;
	/* [source.NAME] */
	struct source_settings *sources;
	int source_count;
};

/* path NULL: the environment alone. NULL with *e filled when something is wrong;
 * the message names file, line and key, and what is allowed. */
struct settings *settings_load(const char *path, struct err *e);
/* The same from an open file, for tests; `name` stands for it in messages. */
struct settings *settings_read(FILE *f, const char *name, struct err *e);
/* `reportctl export` may do without a queue; all else cannot. */
int settings_require_queue(const struct settings *s, struct err *e);
/* The daemon writes files and needs to know where; reportctl may do without. */
int settings_require_output(const struct settings *s, struct err *e);
void settings_free(struct settings *s); /* accepts NULL */

/* NULL when there is none of this name. */
const struct source_settings *settings_source(
    const struct settings *s, const char *name);
/* Whether reports may run under it: an error when it is the queue's own login,
 * which can change every report, and is not `trusted`. */
int settings_check_source(const struct settings *s,
    const struct source_settings *source, struct err *e);
/* Whether a list of the settings ("a.org, *.b.org") has this name; case does not
 * count, `*` stands for anything. NULL: nothing is on it. */
bool settings_allows(const char *list, const char *name);
/* Whether reports may use a bucket of S3: [s3] buckets, and that of `output`. */
bool settings_allows_bucket(const struct settings *s, const char *bucket);
/* The key of a host's webhooks, the caller's to free; NULL: it has none. A name
 * goes before a pattern, the first pattern before others. */
char *settings_webhook_secret(const struct settings *s, const char *host);

/*
 * What a worker needs to know of them, as JSON text, and back: all but the
 * queue and the sources; those who run reports hear nothing of the ways of
 * notices, and their secrets. The caller frees.
 */
enum settings_reader { FOR_REPORTS, FOR_NOTICES };
char *settings_pack(const struct settings *s, enum settings_reader reader);
struct settings *settings_unpack(const json_t *packed);

/* One source, as JSON text for the worker that reads it, and back: its name, its
 * own keys and those of its type. The caller frees both; NULL with *e filled when
 * the type is not known here. */
char *settings_pack_source(const struct source_settings *source);
struct source_settings *settings_unpack_source(
    const json_t *packed, struct err *e);
void settings_free_source(struct source_settings *source); /* accepts NULL */

struct log settings_log(const struct settings *s);

/* The reference, one line a key: section, key, default, what it means (tab
 * between). The manual is checked against it. */
void settings_describe(FILE *out);

#endif
