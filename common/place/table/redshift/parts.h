/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_REDSHIFT_PARTS_H
#define PLACE_TABLE_REDSHIFT_PARTS_H

#include "place/place.h"

/*
 * The objects that COPY of Redshift reads: parts of compressed CSV, and a manifest
 * that names them, below a prefix that no other load uses. The record of the
 * output has the prefix from before the first object until all are removed.
 */
struct parts {
	struct place_output o; /* how parts are opened */
	struct place_record *record;
	char *address; /* of the table, for the record */
	char *prefix;  /* address of the objects up to their last slash */
	int64_t size;  /* bytes after which a part is full */
	bool recorded;

	struct sink *sink, *digest; /* the part that is written; NULL: none */
	char *name;                 /* its address */
	struct buf manifest;
	int count; /* of parts */
};

/* `below` is the prefix that the settings give for all loads; `o` the output
 * that is loaded. */
void parts_open(struct parts *p, const struct place_output *o,
    const char *below, int64_t size);
int parts_write(struct parts *p, const void *data, size_t len, struct err *e);
/* Tells that a row has ended, after which another part may begin. */
int parts_row(struct parts *p, struct err *e);
/* Ends the last part and writes the manifest, whose address is
 * parts_manifest(). Without a part there is none. */
int parts_end(struct parts *p, struct err *e);
char *parts_manifest(const struct parts *p); /* the caller frees it */
/* Removes all objects; those that it cannot remove stay in the record. */
void parts_free(struct parts *p);

/* Removes the objects of a load whose process died, as place_type.sweep does;
 * `prefix` comes from its record. */
int parts_sweep(
    const struct place_lent *lent, const char *prefix, struct err *e);

#endif
