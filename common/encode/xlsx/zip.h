/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_ZIP_H
#define ENCODE_XLSX_ZIP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sink/sink.h"

/*
 * Writes a ZIP archive from front to back (PKWARE's APPNOTE.TXT 6.3.10): sizes
 * and CRC follow each part in a data descriptor, and nothing is written twice.
 * Parts stay below 4 GiB, packed and unpacked, because a part that needs ZIP64
 * would have to say so before its data, and Excel does not read such parts. The
 * archive may be larger and then ends with the records of ZIP64. All parts are
 * dated 1980-01-01, so that the same content gives the same bytes.
 */
struct zip;

#define ZIP_PART_MAX UINT32_MAX /* a part has fewer bytes than this */

struct zip *zip_open(struct sink *sink); /* the sink stays the caller's */
/* Makes the archive as if `offset` bytes preceded it, for tests of ZIP64. */
void zip_pretend(struct zip *z, uint64_t offset);
void zip_free(struct zip *z); /* accepts NULL */

/* Begins a part; its name is ASCII. */
void zip_begin(struct zip *z, const char *name);
/* Adds the bytes of b to the part and empties b. */
int zip_add(struct zip *z, struct buf *b, struct err *e);
int zip_end(struct zip *z, struct err *e);
/* Writes a whole part. */
int zip_part(struct zip *z, const char *name, struct buf *b, struct err *e);

/* Writes the directory, after the last part. */
int zip_finish(struct zip *z, struct err *e);

#endif
