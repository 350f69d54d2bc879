/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_S3_H
#define PLACE_S3_S3_H

#include "place/place.h"

/*
 * An S3 object that appears whole or not at all. Content that fits into one
 * part is kept in memory and sent as a single PUT at publish. Anything larger
 * is a multipart upload: its parts are sent in parallel while more is written,
 * and publish completes it. Abort ends the upload within S3_ABORT_MS, even when
 * the watch says stop; free before publish does the same.
 *
 * Memory: one buffer to fill, and one for each part in flight. A buffer grows
 * from 64 KiB to the size of a part, see s3_part_size; while parts have their
 * first size, all buffers together never exceed (parts_in_flight + 1) *
 * part_size.
 */
#define S3_ABORT_MS 5000
/* Bytes of finished objects that wait in memory to be published. An object that
 * would exceed the limit becomes a multipart upload, however small it is. */
#define S3_HELD_MAX ((int64_t)16 << 20)

extern const struct place_type place_s3;

/* Opens an S3 object for writing. Refuses an invalid address; sends no request.
 * The watch of the services can stop write and finish, but not publish and
 * abort. The terms' rows and sha256 become metadata of a single PUT; the
 * metadata of a multipart upload is sent when the upload begins, without these
 * two. The record gets each upload that this process would leave behind if it
 * died. */
struct sink *s3_open(const struct place_output *output, struct err *e);

/* The contracts of these functions are in struct place_type. */
struct place_reader *s3_read(
    const struct place_lent *lent, const char *address, struct err *e);
int s3_read_at(struct place_reader *reader, int64_t from, char *to, size_t len,
    struct err *e);
void s3_read_end(struct place_reader *reader);
int s3_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e);
int s3_list(const struct place_lent *lent, const char *prefix, place_each *each,
    void *arg, struct err *e);
int s3_move(
    const struct place_lent *lent, struct place_move *move, struct err *e);
int s3_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e);
int s3_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e);
/* Aborts an upload that has an id, whatever its progress. An upload without an
 * id (its process died before it got the answer to its Create) is searched for:
 * the upload must be of exactly this key, begun within minutes of `at`, hold no
 * part, and its entry must be older than stale_uploads. So an upload of another
 * program is never touched. */
int s3_sweep(const struct place_lent *lent, const json_t *entry,
    int64_t *wait_ms, struct err *e);
void s3_probe(const struct place_lent *lent, place_say *say, void *arg);

#endif
