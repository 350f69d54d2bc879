/* SPDX-License-Identifier: MIT */
#include "place/https/https.h"
#include "place/https/scheme.h"
#include "place/https/web.h"

static int allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	(void)lent;
	return place_scheme_https.check(address, options, e);
}

static struct sink *open_none(const struct place_output *o, struct err *e)
{
	place_scheme_https.check(o->address, NULL, e);
	return NULL;
}

const struct place_type place_https = {
    .scheme = &place_scheme_https,
    .allow = allow,
    .allow_read = web_allow,
    .open = open_none,
    .read_at = https_read_at,
    .read_end = https_read_end,
    .pin = https_pin,
    .scan = https_scan,
    .stream = https_stream,
    .probe = https_probe,
};
