/* SPDX-License-Identifier: MIT */
#include "worker/stage/stage.h"

#include "worker/stage/check.h"
#include "worker/stage/copy.h"
#include "worker/stage/export.h"
#include "worker/stage/fetch.h"
#include "worker/stage/load.h"
#include "worker/stage/prep.h"
#include "worker/stage/result.h"

static const struct stage *const stages[] = {
    &stage_fetch,
    &stage_check_files,
    &stage_prep,
    &stage_check,
    &stage_export,
    &stage_copy,
    &stage_result,
    &stage_check_target,
    &stage_load,
};

const struct stage *stage_at(int i)
{
	return i < (int)(sizeof(stages) / sizeof(*stages)) ? stages[i] : NULL;
}
