/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SECTION_H
#define ENCODE_PDF_SECTION_H

#include "encode/encoder.h"
#include "encode/pdf/page.h"

/*
 * One query result on pages: heading, table with groups and totals, chart. The
 * first rows are kept until there are enough to tell how wide the columns are.
 */
struct pdf_section;

struct pdf_section_options {
	const struct section *section; /* not looked at later */
	const struct layout *layout;   /* lives until the section is freed */
	const json_t *options;
	struct pdf_pages *pages;
	const char *title; /* above all of it, or NULL */
	int size;          /* of the text, in hundredths of a point */
	/* The short and the long side of the paper. */
	int paper[2];
};

struct pdf_section *pdf_section_open(
    const struct pdf_section_options *options, struct err *e);
/* How many groups begin again, since the rows are not sorted by "group_by". */
/* After its end: values that its chart leaves out, and what there is to say of its
 * totals. */
int64_t pdf_section_left_out(const struct pdf_section *s);
void pdf_section_remark(const struct pdf_section *s, struct buf *remark);
int64_t pdf_section_again(const struct pdf_section *s);
void pdf_section_free(struct pdf_section *s); /* accepts NULL */

/* It has the column that "group_by" names. */
bool pdf_section_grouped(const struct pdf_section *s);

int pdf_section_rows(
    struct pdf_section *s, const struct batch *batch, struct err *e);
/* `note` stands below the table; may be NULL. */
int pdf_section_end(struct pdf_section *s, const char *note, struct err *e);

#endif
