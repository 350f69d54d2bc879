/* SPDX-License-Identifier: MIT */
#include "http/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

/* ---- which endpoint ---- */

/* Compares a path with that of an endpoint; takes the values of its {...}. */
static bool fits(const char *pattern, char *path, const char *segments[])
{
	int n = 0;

	while (*pattern != '\0') {
		size_t len = strcspn(pattern, "/"), own = strcspn(path, "/");

		if (*pattern == '{' && own > 0)
			segments[n++] = path;
		else if (len != own || strncmp(pattern, path, len) != 0)
			return false;
		pattern += len;
		path += own;
		if (*pattern != *path)
			return false;
		if (*pattern == '/') {
			pattern++;
			path++;
		}
	}
	return *path == '\0';
}

/* Ends each value at the slash that follows it. */
static void cut(const char *segments[])
{
	for (int i = 0; i < SEGMENTS_MAX && segments[i] != NULL; i++) {
		char *s = (char *)(uintptr_t)segments[i];

		s[strcspn(s, "/")] = '\0';
	}
}

int endpoint_find(struct call *c, struct buf *allow)
{
	struct head *head = &c->x->head;
	enum method method =
	    head->method == METHOD_HEAD ? METHOD_GET : head->method;
	int status = 404;

	for (const struct endpoint *e = endpoints; e->path != NULL; e++) {
		const char *segments[SEGMENTS_MAX] = {NULL};

		if (!fits(e->path, head->path, segments))
			continue;
		status = 405;
		buf_printf(allow, "%s%s", allow->len ? ", " : "",
		    e->method == METHOD_GET ? "GET, HEAD"
					    : head_method(e->method));
		if (e->method != method)
			continue;
		c->endpoint = e;
		memcpy(c->segments, segments, sizeof(segments));
		cut(c->segments);
		return 0;
	}
	return status;
}

/* ---- its parameters ---- */

static int refuse(struct call *c, const char *message, const char *hint)
{
	call_refuse(c, 400, message, hint);
	return -1;
}

/* Lists the names that the query may have. */
static char *known_names(const struct endpoint *e)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_str(&b, "Known:");
	for (int i = 0; i < e->statement.params; i++) {
		if (*e->params[i] == '?')
			buf_printf(&b, " %s", e->params[i] + 1);
	}
	return b.data;
}

static int refuse_name(struct call *c, const char *name)
{
	char *message = mem_printf(
		 "the address has a parameter \"%s\" that is not known", name),
	     *hint = known_names(c->endpoint);

	refuse(c, message, hint);
	free(message);
	free(hint);
	return -1;
}

/* Takes the query's values to the places of their names. */
static int take_query(struct call *c, const char *params[])
{
	const struct endpoint *e = c->endpoint;
	char *query = c->x->head.query, *name, *value;
	int rc, place;

	while ((rc = head_next_pair(&query, &name, &value)) == 1) {
		for (place = 0; place < e->statement.params; place++) {
			if (*e->params[place] == '?' &&
			    strcmp(e->params[place] + 1, name) == 0)
				break;
		}
		if (place == e->statement.params)
			return refuse_name(c, name);
		if (params[place] != NULL)
			return refuse(c, "the address has a parameter twice",
			    "Leave one of them out.");
		params[place] = value;
	}
	return rc == 0 ? 0
		       : refuse(c, "the address cannot be decoded",
			     "Write %XX for the bytes of UTF-8.");
}

static int refuse_key(struct call *c, const char *key)
{
	char *message = mem_printf("\"%s\" is not known here", key);
	char *hint = mem_printf("Known:%s", c->endpoint->keys);

	refuse(c, message, hint);
	free(message);
	free(hint);
	return -1;
}

/* Finds a word in the list " a b[] c{} ". Returns the place after the word;
 * NULL: it is not in the list. */
static const char *find_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strchr(at, ' ')) != NULL;) {
		if (strcspn(++at, " [{") == len &&
		    strncmp(at, word, len) == 0 && len > 0)
			return at + len;
	}
	return NULL;
}

/* Checks a member of the body: it is known, and a list or object if it must be. */
static int check_member(struct call *c, const char *key, const json_t *value)
{
	const char *form = find_word(c->endpoint->keys, key);
	bool list = form != NULL && *form == '[' && !json_is_array(value);
	char *message;

	if (form == NULL)
		return refuse_key(c, key);
	if (json_is_null(value) ||
	    (!list && (*form != '{' || json_is_object(value))))
		return 0;
	message =
	    mem_printf("\"%s\" is no %s", key, list ? "array" : "JSON object");
	refuse(c, message,
	    list ? "Write a list of texts, such as [\"a\", \"b\"]."
		 : "Write an object, such as {\"a\": 1}.");
	free(message);
	return -1;
}

/* Checks that the body is a JSON object with known members. PostgreSQL reads it
 * again, but cannot tell which member is too much. */
static int check_body(struct call *c, const char **body)
{
	const char *key;
	struct err e;
	json_t *object, *value;
	int rc = 0;

	*body = c->x->length > 0 ? c->x->body : "{}";
	object = json_parse_object(*body, strlen(*body), &e);
	if (object == NULL)
		return refuse(c, e.text, "Send a JSON object as the body.");
	json_object_foreach(object, key, value)
	{
		if (rc == 0 && c->endpoint->keys != NULL)
			rc = check_member(c, key, value);
	}
	json_decref(object);
	return rc;
}

int endpoint_gather(struct call *c, const char *params[])
{
	const struct endpoint *e = c->endpoint;
	int segment = 0;

	for (int i = 0; i < e->statement.params; i++) {
		if (*e->params[i] == '{')
			params[i] = c->segments[segment++];
	}
	if (take_query(c, params) != 0)
		return -1;
	for (int i = 0; i < e->statement.params; i++) {
		if (*e->params[i] == '=' && check_body(c, &params[i]) != 0)
			return -1;
	}
	return 0;
}

/* ---- its answer ---- */

static void on_rows(
    void *arg, const struct reply *reply, const struct err *e, const char *hint)
{
	struct call *c = arg;

	if (reply == NULL)
		call_error(c, e, hint);
	else if (reply_rows(reply) == 0)
		call_refuse(c, 404, "there is nothing of that name or number",
		    "The token's role may see no such thing.");
	else if (reply_text(reply, 0, 0) == NULL)
		call_answer(c, &(struct answer){.status = 204});
	else
		call_json(c, c->endpoint->status, reply_text(reply, 0, 0));
}

void endpoint_query(struct call *c)
{
	const char *params[PARAMS_MAX] = {NULL};
	struct err e;

	if (endpoint_gather(c, params) != 0)
		return;
	if (store_ask(c->app->store, c->role, &c->endpoint->statement, params,
		on_rows, c, &e) != 0)
		call_error(c, &e, "");
}
