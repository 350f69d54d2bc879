/* SPDX-License-Identifier: MIT */
#include "supervisor/tick/own_sources.h"

#include <inttypes.h>

#include "settings/folders.h"

/* Bytes, more than the arrays of 1000 sources need. */
#define ARRAY_MAX (256u << 10)

void own_sources_list(struct own_sources *s, const struct settings *settings)
{
	struct buf *arrays[] = {
	    &s->names, &s->types, &s->most, &s->targets, &s->target_types};

	for (int i = 0; i < 5; i++) {
		buf_init(arrays[i], ARRAY_MAX);
		buf_char(arrays[i], '{');
	}
	s->limited = false;
	for (int i = 0; i < settings->source_count; i++) {
		const struct source_settings *one = &settings->sources[i];
		const char *comma = i > 0 ? "," : "";

		buf_printf(&s->names, "%s%s", comma, one->name);
		buf_printf(&s->types, "%s%s", comma, one->type);
		if (one->max_running > 0)
			buf_printf(
			    &s->most, "%s%" PRId64, comma, one->max_running);
		else
			buf_printf(&s->most, "%snull", comma);
		s->limited = s->limited || one->max_running > 0;
	}
	for (int i = 0; i < settings->target_count; i++) {
		const struct source_settings *one = &settings->targets[i];
		const char *comma = i > 0 ? "," : "";

		buf_printf(&s->targets, "%s%s", comma, one->name);
		buf_printf(&s->target_types, "%s%s", comma, one->type);
	}
	for (int i = 0; i < 5; i++)
		buf_char(arrays[i], '}');
	buf_init(&s->folders, ARRAY_MAX);
	folders_array(settings->inputs_folders, &s->folders);
}

void own_sources_free(struct own_sources *s)
{
	buf_free(&s->names);
	buf_free(&s->types);
	buf_free(&s->most);
	buf_free(&s->folders);
	buf_free(&s->targets);
	buf_free(&s->target_types);
}
