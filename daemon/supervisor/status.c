/* SPDX-License-Identifier: MIT */
#include "supervisor/status.h"

#include <stddef.h>
#include <string.h>

static const char *const transitions[][2] = {
    {"PENDING", "PROCESSING"},
    {"PENDING", "CANCELLED"},
    {"PROCESSING", "PENDING"},
    {"PROCESSING", "COMPLETED"},
    {"PROCESSING", "FAILED"},
    {"PROCESSING", "CANCELLED"},
    {"COMPLETED", "PENDING"},
    {"FAILED", "PENDING"},
    {"CANCELLED", "PENDING"},
};

bool status_may_become(const char *from, const char *to)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(*transitions);
	     i++) {
		if (strcmp(transitions[i][0], from) == 0 &&
		    strcmp(transitions[i][1], to) == 0)
			return true;
	}
	return false;
}
