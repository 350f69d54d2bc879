/* SPDX-License-Identifier: MIT */
#include "services/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define AWS_SERVICES 8

struct services {
	const struct settings *settings;
	const struct watch *watch;
	struct http *http;
	struct credentials *credentials;
	char *region;
	struct {
		char *name;
		struct aws *client;
	} aws[AWS_SERVICES];
	struct smtp *smtp;
};

struct services *services_open(const struct settings *settings)
{
	struct services *s = mem_zalloc(sizeof(*s));

	s->settings = settings;
	return s;
}

void services_close(struct services *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < AWS_SERVICES; i++) {
		aws_close(s->aws[i].client);
		free(s->aws[i].name);
	}
	credentials_free(s->credentials);
	http_close(s->http);
	smtp_close(s->smtp);
	free(s->region);
	free(s);
}

void services_set_watch(struct services *s, const struct watch *watch)
{
	s->watch = watch;
	if (s->http != NULL)
		http_set_watch(s->http, watch);
	if (s->smtp != NULL)
		smtp_set_watch(s->smtp, watch);
}

const struct watch *services_watch(const struct services *s)
{
	return s->watch;
}

const struct settings *services_settings(const struct services *s)
{
	return s->settings;
}

struct http *services_http(struct services *s)
{
	if (s->http == NULL) {
		s->http = http_open();
		http_set_watch(s->http, s->watch);
	}
	return s->http;
}

struct http_terms services_terms(const struct services *s, const char *ca_file)
{
	const struct settings *set = s->settings;

	return (struct http_terms){.proxy = set->http_proxy,
	    .no_proxy = set->http_no_proxy,
	    .ca_file = ca_file ? ca_file : set->http_ca_file,
	    .connect_ms = set->http_connect_timeout,
	    .silence_ms = set->http_silence_timeout,
	    .total_ms = set->http_timeout};
}

static struct credentials *chain(struct services *s)
{
	const struct settings *set = s->settings;

	if (s->credentials == NULL) {
		s->region =
		    credentials_region(set->aws_region, set->aws_profile);
		s->credentials = credentials_open(
		    &(struct credentials_options){.http = services_http(s),
			.profile = set->aws_profile,
			.region = s->region,
			.role_arn = set->aws_role_arn,
			.external_id = set->aws_external_id,
			.sts_endpoint = set->aws_endpoint,
			.terms = services_terms(s, set->aws_ca_file)});
	}
	return s->credentials;
}

static struct aws *open_client(
    struct services *s, const char *name, struct err *e)
{
	const struct settings *set = s->settings;
	const char *region = strchrnul(name, '@');
	char *service = mem_strndup(name, (size_t)(region - name));
	struct aws *client;
	struct aws_options o = {.http = services_http(s),
	    .credentials = chain(s),
	    .service = service,
	    .region = s->region,
	    .endpoint = set->aws_endpoint,
	    .terms = services_terms(s, set->aws_ca_file)};

	if (strcmp(service, "s3") == 0) {
		o.region = set->s3_region ? set->s3_region : s->region;
		o.endpoint = set->s3_endpoint;
		o.terms = services_terms(s, set->s3_ca_file);
	} else if (strcmp(service, "sns") == 0 && set->sns_endpoint != NULL) {
		o.endpoint = set->sns_endpoint;
	}
	if (*region != '\0')
		o.region = region + 1;
	client = aws_open(&o, e);
	free(service);
	return client;
}

struct aws *services_aws(struct services *s, const char *service, struct err *e)
{
	int i = 0;

	while (i < AWS_SERVICES && s->aws[i].name != NULL &&
	       strcmp(s->aws[i].name, service) != 0)
		i++;
	if (i == AWS_SERVICES) {
		err_set(e, ERR_PERMANENT, "too many AWS services");
		return NULL;
	}
	if (s->aws[i].name == NULL) {
		s->aws[i].client = open_client(s, service, e);
		if (s->aws[i].client == NULL)
			return NULL;
		s->aws[i].name = mem_strdup(service);
	}
	return s->aws[i].client;
}

struct aws *services_queue(struct services *s, const char *url, struct err *e)
{
	char region[40], name[48] = "sqs";

	if (sscanf(url, "https://sqs.%39[a-z0-9-].amazonaws.", region) == 1)
		snprintf(name, sizeof(name), "sqs@%s", region);
	return services_aws(s, name, e);
}

static struct aws *reach_aws(void *arg, const char *service, struct err *e)
{
	return services_aws(arg, service, e);
}

static struct http *reach_http(void *arg, struct http_terms *terms)
{
	*terms = services_terms(arg, NULL);
	return services_http(arg);
}

struct source_reach services_reach(struct services *s)
{
	return (struct source_reach){
	    .aws = reach_aws, .http = reach_http, .arg = s};
}

static int smtp_login(
    void *arg, bool fresh, struct secret *secret, struct err *e)
{
	struct services *s = arg;
	struct aws *aws = services_aws(s, "secretsmanager", e);

	return aws ? secret_get(
			 aws, s->settings->smtp_secret_arn, fresh, secret, e)
		   : -1;
}

struct smtp *services_smtp(struct services *s, struct err *e)
{
	static const enum smtp_security security[] = {
	    [SMTP_STARTTLS] = SMTP_BY_STARTTLS,
	    [SMTP_IMPLICIT] = SMTP_BY_TLS,
	    [SMTP_PLAIN] = SMTP_WITHOUT_TLS};
	const struct settings *set = s->settings;
	struct smtp_options o = {.host = set->smtp_host,
	    .port = set->smtp_port,
	    .security = security[set->smtp_tls],
	    .helo = set->smtp_helo,
	    .user = set->smtp_user,
	    .password = set->smtp_password,
	    .login = set->smtp_secret_arn ? smtp_login : NULL,
	    .arg = s,
	    .terms = services_terms(s, set->smtp_ca_file)};

	if (o.host == NULL) {
		err_set(e, ERR_PERMANENT,
		    "no mail can be sent: [smtp] host is not set; write the "
		    "mail server there, such as host = smtp.example.com");
		return NULL;
	}
	/* Without [smtp] ca_file, the system's certificates count, not those of
	 * [http] ca_file. */
	o.terms.ca_file = set->smtp_ca_file;
	o.terms.total_ms = set->smtp_timeout;
	if (s->smtp == NULL) {
		s->smtp = smtp_open(&o);
		smtp_set_watch(s->smtp, s->watch);
	}
	return s->smtp;
}
