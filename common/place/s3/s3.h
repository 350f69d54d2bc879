/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_S3_H
#define PLACE_S3_S3_H

#include "place/place.h"

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

extern const struct place_type place_s3;

/* Refuses a wrong address; asks nothing of the network. The watch of the services
 * counts while bytes are written and finished, not for publish and abort. The
 * terms' rows and sha256 become metadata of a single PUT; those of an upload were
 * sent when it began. The record gets each upload that this process would leave
 * if it died. */
struct sink *s3_open(const struct place_output *output, struct err *e);

/* What place_type says of them. */
struct place_reader *s3_read(
    const struct place_lent *lent, const char *address, struct err *e);
int s3_read_at(struct place_reader *reader, int64_t from, char *to, size_t len,
    struct err *e);
void s3_read_end(struct place_reader *reader);
int s3_list(const struct place_lent *lent, const char *prefix, place_each *each,
    void *arg, struct err *e);
int s3_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e);
/* Aborts an upload with an id, wherever it has got to. One without an id (its
 * process died before it heard the answer to its Create) is looked for: an upload
 * of exactly this key, begun in the minutes of `at`, that holds no part, and that
 * was left alone for stale_ms. So an upload of anybody else's is never touched. */
int s3_sweep(const struct place_lent *lent, const json_t *entry,
    int64_t stale_ms, struct err *e);
void s3_probe(const struct place_lent *lent, place_say *say, void *arg);

#endif
