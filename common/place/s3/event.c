/* SPDX-License-Identifier: MIT */
#include "place/s3/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/scheme.h"

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* Decodes application/x-www-form-urlencoded in place. */
static void decode(char *text)
{
	char *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '%' && hex(c[1]) >= 0 && hex(c[2]) >= 0) {
			*to++ = (char)(hex(c[1]) << 4 | hex(c[2]));
			c += 2;
		} else {
			*to++ = *c;
			if (*c == '+')
				to[-1] = ' ';
		}
	}
	*to = '\0';
}

static void add(json_t *objects, const char *bucket, const char *key)
{
	char *address = mem_printf(S3_SCHEME "%s/%s", bucket, key);
	json_t *text = json_string(address);

	/* NULL: no UTF-8, so no key of an input */
	if (text != NULL)
		json_array_append_new(objects, text);
	free(address);
}

/* Members of an event: NULL when they are no texts. */
static const char *bucket_of(const json_t *event)
{
	return json_str(json_object_get(event, "bucket"), "name", NULL);
}

static const char *key_of(const json_t *event)
{
	return json_str(json_object_get(event, "object"), "key", NULL);
}

static const char *read_record(const json_t *record, json_t *objects)
{
	const json_t *s3 = json_object_get(record, "s3");
	const char *name = json_str(record, "eventName", NULL);
	const char *bucket = bucket_of(s3), *key = key_of(s3);
	char *decoded;

	if (name == NULL)
		return "a record has no eventName";
	if (strncmp(name, "s3:", 3) == 0)
		name += 3;
	if (strncmp(name, "ObjectCreated:", 14) != 0)
		return NULL;
	if (bucket == NULL || key == NULL)
		return "a record has no bucket or no key";
	decoded = mem_strdup(key);
	decode(decoded);
	add(objects, bucket, decoded);
	if (strcmp(decoded, key) != 0)
		add(objects, bucket, key);
	free(decoded);
	return NULL;
}

static const char *read_records(const json_t *records, json_t *objects)
{
	const char *fault = NULL;
	const json_t *one;
	size_t i;

	json_array_foreach(records, i, one)
	{
		const char *wrong = read_record(one, objects);

		fault = fault ? fault : wrong;
	}
	return fault;
}

/* EventBridge writes a key as it is. */
static const char *read_bridge(const json_t *event, json_t *objects)
{
	const json_t *detail = json_object_get(event, "detail");

	if (strcmp(json_str(event, "detail-type", ""), "Object Created") != 0)
		return NULL;
	if (bucket_of(detail) == NULL || key_of(detail) == NULL)
		return "the event has no bucket or no key";
	add(objects, bucket_of(detail), key_of(detail));
	return NULL;
}

static const char *read_event(const json_t *event, json_t *objects)
{
	if (json_is_array(json_object_get(event, "Records")))
		return read_records(json_object_get(event, "Records"), objects);
	if (strcmp(json_str(event, "source", ""), "aws.s3") == 0)
		return read_bridge(event, objects);
	if (strcmp(json_str(event, "Event", ""), "s3:TestEvent") == 0)
		return NULL;
	return "it is no event of S3";
}

const char *s3_heard(const char *body, size_t len, json_t *objects)
{
	json_t *event = json_loadb(body, len, 0, NULL), *inner = NULL;
	const char *fault;

	if (strcmp(json_str(event, "Type", ""), "Notification") == 0) {
		const char *text = json_str(event, "Message", "");

		inner = json_loads(text, 0, NULL);
	}
	fault = json_is_object(event)
		    ? read_event(inner ? inner : event, objects)
		    : "it is no JSON object";
	json_decref(inner);
	json_decref(event);
	return fault;
}
