/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FILE_H
#define ENCODE_PDF_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "sink/sink.h"

/*
 * A PDF file (ISO 32000-1) as numbered objects, written one behind the other;
 * an object may be named before it is written. Memory: eight bytes an object,
 * for the table of where they are.
 */
struct pdf_file;

struct pdf_file *pdf_file_open(struct sink *sink);
void pdf_file_free(struct pdf_file *f); /* accepts NULL */

/* A new object's number. Each must be written, once. */
int pdf_file_number(struct pdf_file *f);

/* What stands between "obj" and "endobj". */
int pdf_file_object(
    struct pdf_file *f, int number, const struct buf *body, struct err *e);
/* With the entries of its dictionary that are its own; compressed here. */
int pdf_file_stream(struct pdf_file *f, int number, const char *dictionary,
    const void *data, size_t len, struct err *e);

/* -1 when a write failed, with its error as it was. */
int pdf_file_check(const struct pdf_file *f, struct err *e);

/* The table of objects; the sink has all of the file then. */
int pdf_file_finish(struct pdf_file *f, int root, int info, struct err *e);

/* Appends text (UTF-8) as a string of the kind that Info and ActualText take. */
void pdf_file_text(struct buf *b, const char *text, size_t len);

#endif
