/* SPDX-License-Identifier: MIT */
#include "supervisor/survey.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "settings/apart.h"
#include "settings/folders.h"
#include "supervisor/child.h"

#define TIMEOUT_MS 5000
/* Bytes of the answer: a line for each folder that is missing, the setting and,
 * after a tab, the folder. */
#define LINES_MAX ((size_t)64 << 10)

struct survey {
	struct survey_options o;
	struct child *child;
};

/* ---- the copy of the supervisor ---- */

static int look_at(void *arg, const char *folder, struct err *e)
{
	struct stat st;

	(void)e;
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		buf_printf(arg, "[inputs] folders\t%s\n", folder);
	return 0;
}

static void look_at_source(
    const struct source_settings *source, struct buf *lines)
{
	const struct source_type *type = source->config->type;
	char *folder =
	    type->missing_folder ? type->missing_folder(source->config) : NULL;

	if (folder != NULL)
		buf_printf(
		    lines, "[source.%s] folders\t%s\n", source->name, folder);
	free(folder);
}

static char *look(const void *what, struct err *e)
{
	const struct survey_options *o = what;
	struct buf lines;

	if (settings_check_apart(o->settings, o->settings_path, e) != 0) {
		err_wrap(e, "%s",
		    o->settings_path ? o->settings_path : "environment");
		return NULL;
	}
	buf_init(&lines, LINES_MAX);
	folders_each(o->settings->inputs_folders, look_at, &lines, e);
	for (int i = 0; i < o->settings->source_count; i++)
		look_at_source(&o->settings->sources[i], &lines);
	buf_str(&lines, "");
	return lines.data;
}

/* ---- the supervisor ---- */

static void tell(const struct log *log, const char *line)
{
	size_t setting = strcspn(line, "\t");
	char *text = mem_strndup(line, strcspn(line, "\n"));

	text[setting] = '\0';
	LOG(log, LVL_WARN, L_MSG("a folder of the settings cannot be reached"),
	    L_STR("setting", text), L_STR("folder", text + setting + 1));
	free(text);
}

static void on_ready(void *arg, const char *answer, const struct err *e)
{
	struct survey *s = arg;

	s->o.done(s->o.arg, e);
	for (const char *line = e == NULL ? answer : ""; *line != '\0';
	     line = strchr(line, '\n') + 1)
		tell(s->o.log, line);
	free(s);
}

struct survey *survey_start(const struct survey_options *options, struct err *e)
{
	struct survey *s = mem_zalloc(sizeof(*s));

	s->o = *options;
	s->child =
	    child_start(&(struct child_options){.loop = s->o.loop,
			    .task = "looks at the folders of the settings",
			    .timeout_ms = TIMEOUT_MS,
			    .work = look,
			    .what = &s->o,
			    .name = "reportd-survey",
			    .ready = on_ready,
			    .arg = s},
		e);
	if (s->child != NULL)
		return s;
	free(s);
	return NULL;
}

void survey_stop(struct survey *s)
{
	if (s == NULL)
		return;
	child_stop(s->child);
	free(s);
}
