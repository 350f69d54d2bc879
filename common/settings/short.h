/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SHORT_H
#define SETTINGS_SHORT_H

#include "settings/settings.h"

/*
 * Names that containers have in their environment already, as short forms of settings,
 * for load.c only:
 *
 *	REDSHIFT_DB, REDSHIFT_USER,
 *	REDSHIFT_SECRET_ARN                  [source.default] of type redshift
 *	S3_BUCKET_NAME                       [reportd] output below s3://NAME/
 *
 * Those of Redshift belong together. They and S3_BUCKET_NAME are refused where the
 * settings say the same thing in another way, so they are taken last.
 */
int short_take(struct settings *s, struct err *e);
/* The names of these variables; NULL ends the list. */
extern const char *const short_names[];

#endif
