/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_EVENT_H
#define PLACE_S3_EVENT_H

#include <stddef.h>

#include "base/json.h"

/*
 * Implements place_type.heard. Reads the body of a message that tells of new
 * objects: an S3 event notification (Records), or an event of EventBridge
 * ("Object Created"), each of which SNS may have wrapped once more. Appends an
 * s3:// address to `objects` for each object. When the key is written with
 * escapes it appends two, because servers differ in what they escape, and a
 * wrong address only causes a listing. s3:TestEvent and events that create
 * nothing add none.
 *
 * Returns NULL, or the fault of a body that is none of these.
 */
const char *s3_heard(const char *body, size_t len, json_t *objects);

#endif
