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
 * What a process keeps to reach the services that its settings name: one HTTP
 * client, one chain of credentials, a signed client a service. All is made when
 * it is first asked for, so that a report into a file pays nothing.
 */
struct services;

/* settings live as long. */
struct services *services_open(const struct settings *settings);
void services_close(struct services *s); /* accepts NULL */
void services_set_watch(struct services *s, const struct watch *watch);
/* For those who wait without asking anybody; NULL: nobody watches. */
const struct watch *services_watch(const struct services *s);

const struct settings *services_settings(const struct services *s);
struct http *services_http(struct services *s);
/* The client of "s3", "sns", "secretsmanager", "sts", "redshift",
 * "redshift-serverless"; NULL on error. Owned by the services. "sns@us-east-1"
 * is that of another region than the settings'. */
struct aws *services_aws(
    struct services *s, const char *service, struct err *e);
/* The same for a source. */
struct source_reach services_reach(struct services *s);
/* The mail server that [smtp] names; NULL: it names none. Owned by the
 * services. */
struct smtp *services_smtp(struct services *s, struct err *e);
/* proxy, CA file and timeouts as [http] says, with a CA file of the service's
 * own when not NULL. */
struct http_terms services_terms(const struct services *s, const char *ca_file);

#endif
