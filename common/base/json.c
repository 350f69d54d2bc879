/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <string.h>

const char *json_str(const json_t *object, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : def;
}

int64_t json_int(const json_t *object, const char *key, int64_t def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool json_bool(const json_t *object, const char *key, bool def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_is_true(v) : def;
}

bool json_has_text(const json_t *texts, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(texts, i, one)
	{
		if (strcmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

json_t *json_parse_object(const char *text, size_t len, struct err *e)
{
	json_error_t bad;
	json_t *v = json_loadb(text, len, 0, &bad);

	if (v == NULL) {
		err_set(e, ERR_PERMANENT, "not JSON: %s", bad.text);
		return NULL;
	}
	if (!json_is_object(v)) {
		json_decref(v);
		err_set(e, ERR_PERMANENT, "not a JSON object");
		return NULL;
	}
	return v;
}
