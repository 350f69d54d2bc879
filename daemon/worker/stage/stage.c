/* SPDX-License-Identifier: MIT */
#include "worker/stage/stage.h"

#include "worker/stage/export.h"
#include "worker/stage/prep.h"

static const struct stage *const stages[] = {
    &stage_prep,
    &stage_export,
};

const struct stage *stage_at(int i)
{
	return i < (int)(sizeof(stages) / sizeof(*stages)) ? stages[i] : NULL;
}
