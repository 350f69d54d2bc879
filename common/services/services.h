/* SPDX-License-Identifier: MIT */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "net/aws/aws.h"
#include "net/aws/credentials.h"
#include "net/http/http.h"
#include "net/mail/smtp.h"
#include "settings/settings.h"
#include "source/source.h"

/*
 * The clients with which a process reaches the services that its settings name:
 * one HTTP client, one chain of credentials, and a signed client for each AWS
 * service. Each is made when it is first needed, so that a report into a file
 * costs nothing.
 */
struct services;

/* The settings must outlive the services. */
struct services *services_open(const struct settings *settings);
void services_close(struct services *s); /* accepts NULL */
void services_set_watch(struct services *s, const struct watch *watch);
/* Returns the watch for callers that wait without one of these clients;
 * NULL: nothing is watched. */
const struct watch *services_watch(const struct services *s);

const struct settings *services_settings(const struct services *s);
struct http *services_http(struct services *s);
/* Returns the client of an AWS service: "s3", "sns", "secretsmanager", "sts",
 * "redshift", "redshift-serverless" or "athena". "sns@us-east-1" is its client for a
 * region other than that of the settings. The services own it; NULL on
 * error. */
struct aws *services_aws(
    struct services *s, const char *service, struct err *e);
/* Returns the SQS client of the region that the URL of a queue names, as
 * services_aws does. */
struct aws *services_queue(struct services *s, const char *url, struct err *e);
/* The AWS and HTTP clients in the form that a source takes. */
struct source_reach services_reach(struct services *s);
/* Returns the client of the mail server that [smtp] names; NULL with *e when it
 * names none. The services own it. */
struct smtp *services_smtp(struct services *s, struct err *e);
/* Proxy, CA file and timeouts from [http]; `ca_file`, unless NULL, is the
 * service's own and takes precedence. */
struct http_terms services_terms(const struct services *s, const char *ca_file);

#endif
