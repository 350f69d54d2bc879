/* SPDX-License-Identifier: MIT */
#include "place/template.h"

#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "place/scheme.h"

/* Below root, no part begins with a dot, no control characters. */
static void check_path(const char *path, const char *root)
{
	size_t n = strlen(root);
	struct err unused;

	if (!place_is_file(path))
		PROMISE(place_check(path, NULL, &unused) == 0);
	else
		PROMISE(strncmp(path, root, n) == 0 && path[n] == '/' &&
			strstr(path, "/.") == NULL);
	PROMISE(path[strlen(path) - 1] != '/');
	for (const char *c = path; *c != '\0'; c++) {
		PROMISE((unsigned char)*c >= 0x20 && *c != 0x7F);
		PROMISE(strncmp(c, "/../", 4) != 0);
		PROMISE(strcmp(c, "/..") != 0);
	}
}

/* The data is a template, then a line break and the value of {value}. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *template = mem_strndup((const char *)data, size);
	char *value = strchr(template, '\n');
	const struct template_value values[] = {
	    {"value", value ? value + 1 : "x"}, {"ext", "csv"}, {NULL, NULL}};
	const struct tm when = {
	    .tm_year = 126, .tm_mon = 1, .tm_mday = 28, .tm_gmtoff = -3600};
	const struct template_options o = {.root = "/srv/out",
	    .template = template,
	    .values = values,
	    .time = &when};
	struct err e = {.text = ""};
	char *path, *url, *back;

	if (value != NULL)
		*value = '\0';
	path = template_path(&o, &e);
	if (path != NULL) {
		check_path(path, o.root);
		url = place_url(path);
		PROMISE(strncmp(url, "file:///srv/out/", 16) == 0 ||
			strncmp(url, "s3://", 5) == 0);
		PROMISE(strpbrk(url, " ?#\"<>") == NULL);
		back = place_of_url(url);
		PROMISE(strcmp(back, path) == 0);
		free(back);
		free(url);
	} else {
		PROMISE(e.kind == ERR_PERMANENT && e.text[0] != '\0');
		PROMISE(str_is_utf8(e.text, strlen(e.text)));
	}
	free(path);
	free(template);
	return 0;
}
