/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_S3_H
#define PLACE_S3_S3_H

#include "base/json.h"
#include "place/s3/object.h"
#include "place/s3/place.h"
#include "sink/sink.h"

/*
 * An S3 object that appears whole or not at all. What does not fill one part is
 * kept in memory and is a single PUT at publish; anything larger is a multipart
 * upload, whose parts leave side by side while more is written, and publish
 * completes it. Abort ends the upload within S3_ABORT_MS, whatever the watch
 * says; and so does a free before the publish.
 *
 * Memory: one buffer to fill and one a part in flight. It grows with the parts,
 * see s3_part_size, from 64 KiB; as long as parts are small it never passes
 * (parts_in_flight + 1) * part_size.
 */
#define S3_ABORT_MS 5000
/* Of finished objects that wait in memory to be published; what comes on top of
 * it becomes an upload, however small. */
#define S3_HELD_MAX ((int64_t)16 << 20)

/*
 * Whoever keeps a record of these can end what a killed process has left: an
 * upload is about to be made, has an id, is over. One that begins and never gets
 * an id may be there all the same: the answer was lost.
 */
enum s3_news { S3_UPLOAD_BEGINS, S3_UPLOAD_MADE, S3_UPLOAD_OVER };

struct s3_options {
	const struct s3_store *store; /* lives as long as the sink */
	const char *place;            /* s3://bucket/key; copied */
	struct s3_about about;        /* looked at in s3_open only */
	int parts_in_flight;          /* 0: the store's */
	int64_t *held; /* shared by the sinks of a job; NULL: by none */
	/* NULL: nobody wants to know. `id` is NULL when it begins. */
	void (*told)(
	    void *arg, enum s3_news news, const char *place, const char *id);
	void *arg;
};

/* Refuses a wrong place; asks nothing of the network. The watch of the HTTP
 * client counts while bytes are written and finished, not for publish and abort.
 * The terms' rows and sha256 become metadata of a single PUT; those of an upload
 * were sent when it began. */
struct sink *s3_open(const struct s3_options *options, struct err *e);

#endif
