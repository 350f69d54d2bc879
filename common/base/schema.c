/* SPDX-License-Identifier: MIT */
#include "base/schema.h"

enum schema_fit schema_fit(int found, int serves, int written_for)
{
	if (found < SCHEMA_OLDEST)
		return SCHEMA_TOO_OLD;
	return serves > written_for ? SCHEMA_TOO_NEW : SCHEMA_FITS;
}
