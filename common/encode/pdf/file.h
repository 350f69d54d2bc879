/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FILE_H
#define ENCODE_PDF_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "sink/sink.h"

/*
 * Writes a PDF file (ISO 32000-1) as numbered objects, one after another. An
 * object may be referred to before it is written. Memory: eight bytes an
 * object, for the table of their places.
 */
struct pdf_file;

struct pdf_file *pdf_file_open(struct sink *sink);
void pdf_file_free(struct pdf_file *f); /* accepts NULL */

/* Returns the number of a new object, which must be written exactly once. */
int pdf_file_number(struct pdf_file *f);

/* Writes an object; `body` is the text between "obj" and "endobj". */
int pdf_file_object(
    struct pdf_file *f, int number, const struct buf *body, struct err *e);
/* Writes a stream and compresses it. `dictionary` has the entries of the stream
 * dictionary besides those of length and compression. */
int pdf_file_stream(struct pdf_file *f, int number, const char *dictionary,
    const void *data, size_t len, struct err *e);

/* Returns -1 with the error of the first write that failed, unchanged. */
int pdf_file_check(const struct pdf_file *f, struct err *e);

/* Writes the table of objects. The sink then has the whole file. */
int pdf_file_finish(struct pdf_file *f, int root, int info, struct err *e);

/* Appends text (UTF-8) as a string of the form that Info and ActualText
 * take. */
void pdf_file_text(struct buf *b, const char *text, size_t len);

#endif
