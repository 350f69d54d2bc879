/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/str.h"
#include "net/http/http_call.h"

bool header_is(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

void http_reply_free(struct http_reply *reply)
{
	buf_free(&reply->body);
	buf_free(&reply->headers);
}

const char *http_header(
    const struct http_reply *reply, const char *name, char *to, size_t size)
{
	const char *line = reply->headers.data;

	*to = '\0';
	while (line != NULL && *line != '\0') {
		size_t len = strcspn(line, "\r\n");

		if (header_is(line, name)) {
			size_t skip = strlen(name) + 1;

			skip += strspn(line + skip, " \t");
			/* With an empty value, the blanks may extend past the
			 * line. */
			len = skip < len ? len - skip : 0;
			if (len >= size)
				len = size - 1;
			memcpy(to, line + skip, len);
			while (len > 0 && strchr(" \t", to[len - 1]) != NULL)
				len--;
			to[len] = '\0';
			return to;
		}
		line += len;
		line += strspn(line, "\r\n");
	}
	return to;
}

time_t http_time(const char *text)
{
	time_t t = curl_getdate(text, NULL);

	return t > 0 ? t : 0;
}

time_t http_date(const struct http_reply *reply)
{
	char text[64];

	return http_time(http_header(reply, "Date", text, sizeof(text)));
}

int64_t http_retry_after(const char *value, int64_t now)
{
	struct tm at = {0};
	int64_t seconds;

	if (str_to_i64(value, &seconds) != 0) {
		const char *end =
		    strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &at);

		if (end == NULL || *end != '\0')
			return 0;
		seconds = (int64_t)timegm(&at) - now;
	}
	if (seconds < 0)
		return 0;
	return (seconds < 86400 ? seconds : 86400) * 1000;
}

void http_escape(struct buf *to, const char *text, size_t len, bool slash)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' &&
			strchr(slash ? "-._~/" : "-._~", c) != NULL)) {
			buf_char(to, (char)c);
		} else {
			buf_add(to, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
		}
	}
}
