/* SPDX-License-Identifier: MIT */
#include "sink/sink.h"

#include <assert.h>

static int settle(struct sink *s, int rc, enum sink_state good)
{
	s->state = rc == 0 ? good : SINK_FAILED;
	return rc;
}

int sink_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	assert(s->state == SINK_OPEN);
	if (len == 0)
		return 0;
	return settle(s, s->type->write(s, data, len, e), SINK_OPEN);
}

int sink_finish(struct sink *s, struct err *e)
{
	int rc;

	assert(s->state == SINK_OPEN);
	rc = s->type->finish(s, e);
	if (rc == 0 && s->next != NULL)
		rc = sink_finish(s->next, e);
	return settle(s, rc, SINK_FINISHED);
}

int sink_step(struct sink *s, struct err *e)
{
	while (s->next != NULL)
		s = s->next;
	return s->type->step == NULL || s->state != SINK_OPEN
		   ? 0
		   : s->type->step(s, e);
}

int sink_publish(struct sink *s, const struct sink_terms *terms, struct err *e)
{
	static const struct sink_terms none = {.rows = -1, .sha256 = ""};

	if (terms == NULL)
		terms = &none;
	assert(s->state == SINK_FINISHED);
	return settle(s,
	    s->next ? sink_publish(s->next, terms, e)
		    : s->type->publish(s, terms, e),
	    SINK_PUBLISHED);
}

void sink_abort(struct sink *s)
{
	for (; s != NULL; s = s->next) {
		if (s->state == SINK_PUBLISHED || s->state == SINK_ABORTED)
			continue;
		if (s->type->abort != NULL)
			s->type->abort(s);
		s->state = SINK_ABORTED;
	}
}

void sink_free(struct sink *s)
{
	sink_abort(s);
	while (s != NULL) {
		struct sink *next = s->next;

		s->type->free(s);
		s = next;
	}
}
