/* SPDX-License-Identifier: MIT */
#include "sink/compress.h"

#include <string.h>
#include <strings.h>

#include "sink/gzip.h"
#include "sink/zstd.h"

static const struct option_rule rules[] = {
    {"compress", JSON_STRING, "gzip|zstd", "default: not compressed at all",
	NULL},
    OPTION_END};
const struct option_owner compress_options = {"compress", rules, NULL};

static const struct compression all[] = {
    {"gzip", ".gz", "application/gzip", gzip_open},
    {"zstd", ".zst", "application/zstd", zstd_open},
};
#define ALL (sizeof(all) / sizeof(*all))

const struct compression *compression_of(const json_t *options)
{
	const char *name = json_str(options, "compress", "");

	for (size_t i = 0; i < ALL; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return NULL;
}

const struct compression *compression_of_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < ALL; i++) {
		if (strcasecmp(dot, all[i].extension) == 0)
			return &all[i];
	}
	return NULL;
}
