/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SECTION_H
#define ENCODE_PDF_SECTION_H

#include "encode/encoder.h"
#include "encode/pdf/page.h"

/*
 * Writes one query result on pages: heading, table with groups and totals,
 * chart. The first rows are kept until there are enough to choose the widths of
 * the columns.
 */
struct pdf_section;

struct pdf_section_options {
	const struct section *section; /* used by pdf_section_open only */
	const struct layout *layout;   /* outlives the section */
	const json_t *options;
	struct pdf_pages *pages;
	const char *title; /* title above the section, or NULL */
	int size;          /* size of the text, in hundredths of a point */
	/* The short and the long side of the paper. */
	int paper[2];
};

struct pdf_section *pdf_section_open(
    const struct pdf_section_options *options, struct err *e);
/* After pdf_section_end: pdf_section_left_out returns how many values the chart
 * leaves out, pdf_section_remark appends the remark on the totals, and
 * pdf_section_again returns how many groups begin again, as rows are not sorted
 * by "group_by". */
int64_t pdf_section_left_out(const struct pdf_section *s);
void pdf_section_remark(const struct pdf_section *s, struct buf *remark);
int64_t pdf_section_again(const struct pdf_section *s);
void pdf_section_free(struct pdf_section *s); /* accepts NULL */

/* Returns whether the section has the column that "group_by" names. */
bool pdf_section_grouped(const struct pdf_section *s);

int pdf_section_rows(
    struct pdf_section *s, const struct batch *batch, struct err *e);
/* Ends the section. `note` is shown below the table; it may be NULL. */
int pdf_section_end(struct pdf_section *s, const char *note, struct err *e);

#endif
