/* SPDX-License-Identifier: MIT */
#include "base/external.h"

#define ROWS_MAX 5000

int external_rows(const json_t *body, json_t **rows)
{
	json_t *data = json_object_get(body, "data");
	const json_t *row;
	size_t i;

	*rows = NULL;
	if (data == NULL)
		return 0;
	if (!json_is_array(data) || json_array_size(data) > ROWS_MAX)
		return -1;
	json_array_foreach(data, i, row)
	{
		if (!json_is_integer(json_array_get(row, 0)))
			return -1;
	}
	*rows = json_incref(data);
	return 0;
}

json_t *external_answer(const json_t *rows, json_t *value)
{
	json_t *answers;
	const json_t *row;
	size_t i;

	if (rows == NULL)
		return value;
	answers = json_array();
	json_array_foreach(rows, i, row)
	{
		json_array_append_new(answers,
		    json_pack("[O, O]", json_array_get(row, 0), value));
	}
	json_decref(value);
	return json_pack("{s:o}", "data", answers);
}
