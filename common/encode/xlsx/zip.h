/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_ZIP_H
#define ENCODE_XLSX_ZIP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sink/sink.h"

/*
 * A ZIP archive written front to back (PKWARE's APPNOTE.TXT 6.3.10): sizes and
 * CRC follow each part in a data descriptor, nothing is written twice. Parts
 * stay below 4 GiB, packed and unpacked, because a part that needs ZIP64 would
 * have to say so in front of it, and Excel does not read such parts; the archive
 * may be larger and then ends with ZIP64's records. All parts are of
 * 1980-01-01: the same content gives the same bytes.
 */
struct zip;

#define ZIP_PART_MAX UINT32_MAX /* bytes of a part, this number not included */

struct zip *zip_open(struct sink *sink); /* which it does not own */
/* The archive as if `offset` bytes were in front of it: for tests of ZIP64. */
void zip_pretend(struct zip *z, uint64_t offset);
void zip_free(struct zip *z); /* accepts NULL */

/* The name is ASCII. */
void zip_begin(struct zip *z, const char *name);
/* Takes the bytes of b and leaves it empty. */
int zip_add(struct zip *z, struct buf *b, struct err *e);
int zip_end(struct zip *z, struct err *e);
/* A part at once. */
int zip_part(struct zip *z, const char *name, struct buf *b, struct err *e);

/* The directory: after the last part. */
int zip_finish(struct zip *z, struct err *e);

#endif
