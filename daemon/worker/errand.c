/* SPDX-License-Identifier: MIT */
#include "worker/errand.h"

#include "worker/arrival.h"
#include "worker/delivery.h"
#include "worker/hearing.h"
#include "worker/inbox.h"
#include "worker/listing.h"
#include "worker/moving.h"
#include "worker/sweeping.h"

static bool always(const json_t *message)
{
	(void)message;
	return true;
}

static const struct errand_kind kinds[] = {
    {MSG_NOTICE, "not delivered", delivery_run, delivery_decline,
	delivery_repeats},
    {MSG_SWEEP, "not cleaned up", sweeping_run, sweeping_decline, always},
    {MSG_LIST, "not listed", listing_run, listing_decline, always},
    {MSG_MOVE, "not moved", moving_run, moving_decline, always},
    {MSG_WATCH, "nothing arrived", arrival_run, arrival_decline, always},
    {MSG_HEAR, "nothing heard", hearing_run, hearing_decline, always},
    {MSG_INBOX, "the inbox does not answer", inbox_run, inbox_decline,
	inbox_repeats},
};

const struct errand_kind *errand_kind(enum message_type type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}
