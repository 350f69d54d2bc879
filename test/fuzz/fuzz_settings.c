/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "fuzz.h"
#include "settings/load.h"

/* A settings file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct err e = {.text = ""};
	struct settings *s = settings_read(f, "fuzz.conf", &e);

	if (f != NULL)
		fclose(f);
	if (s == NULL) {
		PROMISE(e.text[0] != '\0');
		PROMISE(e.kind == ERR_PERMANENT);
		PROMISE(str_is_utf8(e.text, strlen(e.text)));
		return 0;
	}
	PROMISE(e.text[0] == '\0');
	PROMISE(s->output != NULL);
	PROMISE(s->workers >= 1 && s->adhoc_workers < s->workers);
	PROMISE(settings_source(s, "default") != NULL);
	for (int i = 0; i < s->source_count; i++)
		PROMISE(s->sources[i].config != NULL);
	settings_free(s);
	return 0;
}
