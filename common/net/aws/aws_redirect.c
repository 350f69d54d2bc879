/* SPDX-License-Identifier: MIT */
#include "net/aws/aws_redirect.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/aws/endpoint.h"

#define LOCATION_MAX 4096

void aws_redirect_free(struct aws_redirect *r)
{
	free(r->host);
	free(r->path);
	free(r->region);
	*r = (struct aws_redirect){0};
}

static bool ends_with(const char *host, const char *end)
{
	size_t n = strlen(host), m = strlen(end);

	return n > m && host[n - m - 1] == '.' &&
	       strcasecmp(host + n - m, end) == 0;
}

/* Returns the bucket's name, which precedes the endpoint in the host, or is the
 * first part of the path. */
static char *bucket_of(const struct aws_place *from)
{
	size_t n = strlen(from->host), m = strlen(from->endpoint);

	if (n > m && ends_with(from->host, from->endpoint))
		return mem_strndup(from->host, n - m - 1);
	return mem_strndup(from->path + 1, strcspn(from->path + 1, "/"));
}

/* Accepts "s3.eu-west-1.amazonaws.com" and "s3-eu-west-1.amazonaws.com", with
 * the bucket's name before them. Other names in that domain may be customers'
 * machines. */
static bool is_s3(
    const char *host, const char *domain, const struct aws_place *from)
{
	char *bucket = bucket_of(from);
	size_t n = strlen(bucket);

	if (n > 0 && strncasecmp(host, bucket, n) == 0 && host[n] == '.')
		host += n + 1;
	free(bucket);
	return ends_with(host, domain) && strncasecmp(host, "s3", 2) == 0 &&
	       (host[2] == '.' || host[2] == '-');
}

static bool is_same_service(const char *host, const struct aws_place *from)
{
	const char *domain = endpoint_domain(from->endpoint);

	if (domain != NULL)
		return is_s3(host, domain, from);
	return strcasecmp(host, from->endpoint) == 0 ||
	       ends_with(host, from->endpoint);
}

/* Returns "host[:port]" of the URL; NULL when it has no host. */
static char *host_of(CURLU *url)
{
	char *host = NULL, *port = NULL, *text = NULL;

	curl_url_get(url, CURLUPART_HOST, &host, 0);
	curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
	if (host != NULL)
		text =
		    port ? mem_printf("%s:%s", host, port) : mem_strdup(host);
	curl_free(host);
	curl_free(port);
	return text;
}

/* Returns the region in the host's name; NULL when it has none. */
static char *region_of(const char *host)
{
	const char *domain = endpoint_domain(host);
	const char *s3 = strcasestr(host, "s3");
	const char *start, *end;

	if (domain == NULL || s3 == NULL)
		return NULL;
	end = host + strlen(host) - strlen(domain) - 1;
	start = end;
	while (start > host && start[-1] != '.')
		start--;
	if (strncasecmp(start, "s3-", 3) == 0)
		start += 3;
	return start < end && strncasecmp(start, "s3", 2) != 0
		   ? mem_strndup(start, (size_t)(end - start))
		   : NULL;
}

static int read_location(const char *text, const struct aws_place *from,
    struct aws_redirect *to, struct err *e)
{
	CURLU *url = curl_url();
	char *path = NULL, *scheme = NULL;
	bool safe;

	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
		curl_url_get(url, CURLUPART_PATH, &path, CURLU_URLDECODE);
		to->host = host_of(url);
	}
	curl_url_cleanup(url);
	safe = scheme != NULL && (strcmp(scheme, "https") == 0 ||
				     strcasecmp(from->scheme, "http://") == 0);
	if (path != NULL)
		to->path = mem_strdup(path);
	curl_free(path);
	curl_free(scheme);
	if (to->host != NULL && to->path != NULL && safe &&
	    is_same_service(to->host, from))
		return 1;
	return err_set(e, ERR_PERMANENT,
	    "it is sent on to %s, which is not the same service (%s): not "
	    "followed",
	    to->host ? to->host : "nowhere", from->endpoint);
}

/* Makes the new place from the region alone: AWS names only the region of a
 * bucket that is elsewhere. */
static int read_region(
    const char *region, const struct aws_place *from, struct aws_redirect *to)
{
	char *own = endpoint_of("s3", from->region), *new;

	if (strcmp(region, from->region) != 0 &&
	    strcasecmp(own + strlen("https://"), from->endpoint) == 0) {
		size_t before = strlen(from->host) - strlen(from->endpoint);

		new = endpoint_of("s3", region);
		to->host = mem_printf("%.*s%s", (int)before, from->host,
		    new + strlen("https://"));
		to->path = mem_strdup(from->path);
		free(new);
	}
	free(own);
	return to->host != NULL;
}

static bool region_ok(const char *region)
{
	return *region != '\0' &&
	       region[strspn(
		   region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

int aws_redirect_read(const struct aws_answer *answer,
    const struct aws_place *from, struct aws_redirect *to, struct err *e)
{
	char location[LOCATION_MAX], region[64];
	int status = answer->http.status, rc = 0;

	*to = (struct aws_redirect){0};
	if (status != 301 && status != 307 && status != 308)
		return 0;
	http_header(&answer->http, "location", location, sizeof(location));
	http_header(
	    &answer->http, "x-amz-bucket-region", region, sizeof(region));
	if (!region_ok(region))
		region[0] = '\0';
	if (*location != '\0')
		rc = read_location(location, from, to, e);
	else if (*region != '\0')
		rc = read_region(region, from, to);
	if (rc == 1)
		to->region = *region ? mem_strdup(region) : region_of(to->host);
	else
		aws_redirect_free(to);
	return rc;
}
