/* SPDX-License-Identifier: MIT */
#include "encode/pdf/line.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/pdf/breaks.h"

static bool is_small(uint32_t c)
{
	return c >= 'a' && c <= 'z';
}

static int in_points(int64_t width, int size)
{
	int64_t wide = width * size / 1000 + PDF_ROUNDING;

	return wide < PDF_UNLIMITED ? (int)wide : PDF_UNLIMITED;
}

/* Squeezes a paragraph of a solid text, which is too wide, into one line; false
 * when it would become too narrow. */
static bool squeezed_line(
    struct pdf_face *face, struct pdf_flow *f, int limit, int size)
{
	const char *s = f->text + f->next, *end = f->text + f->paragraph;
	int64_t width = 0, squeeze;

	while (f->solid && s < end)
		width += pdf_face_plain(face, utf8_next(&s, end))->width;
	squeeze = width > 0 ? (int64_t)limit * 100 / width : 0;
	f->solid = squeeze >= PDF_SQUEEZE;
	if (!f->solid) {
		if (width > 0)
			f->wide = in_points(width, size);
		return false;
	}
	*pdf_flow_line(f) = (struct pdf_line){.at = f->next,
	    .len = f->paragraph - f->next,
	    .width = (int)(width * squeeze / 100 * size / 1000),
	    .squeeze = (int)squeeze};
	f->next = f->paragraph;
	return true;
}

/* Nearly every byte takes at least this many thousandths of the size. */
#define NARROW 100

/* The end of a line: the next line begins at `next`, the visible part ends at
 * `ink`. */
struct end {
	const char *next, *ink;
	int64_t width; /* width of the visible part */
	bool inside;   /* the end is inside of a word */
};

/* Takes the whole text when it has room on a line, as most values of a table
 * do. end.next is NULL when it has not. */
static struct end fits_whole(
    struct pdf_face *face, const char *begin, const char *end, int limit)
{
	const char *s = begin, *ink = begin;
	int64_t width = 0, ink_width = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);

		width += pdf_face_plain(face, c)->width;
		if (c == ' ' || c == '\t')
			continue;
		if (width > limit)
			return (struct end){0};
		ink = s;
		ink_width = width;
	}
	return (struct end){end, ink, ink_width, false};
}

/* Finds the end of a line of a text that has no room on it: the last strong
 * place, else the last weak one, else a place within a word. A line has at
 * least one character, whatever the width. */
static struct end find_end(
    struct pdf_face *face, const char *begin, const char *end, int limit)
{
	struct end strong = {begin, begin, 0, false}, weak = strong;
	const char *s = begin, *ink = begin;
	int64_t width = 0, ink_width = 0;
	uint32_t before = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);
		int class = pdf_break_class(c), may = NO_BREAK;

		width += pdf_face_plain(face, c)->width;
		if (class == PDF_BREAK_CAPITAL && is_small(before))
			weak = (struct end){ink, ink, ink_width, false};
		if (c != ' ' && c != '\t') {
			if (width > limit && ink != begin)
				return strong.next != begin ? strong
				       : weak.next != begin
					   ? weak
					   : (struct end){
						 ink, ink, ink_width, true};
			ink = s;
			ink_width = width;
		}
		if (class != 0)
			may = pdf_break_after(class, before, s, end);
		before = c;
		if (may == STRONG)
			strong = (struct end){s, ink, ink_width, false};
		else if (may == WEAK)
			weak = (struct end){ink, ink, ink_width, false};
	}
	return (struct end){end, ink, ink_width, false};
}

/* Finds the first place where a line may end. */
static struct end find_word(
    struct pdf_face *face, const char *begin, const char *end)
{
	const char *s = begin;
	int64_t width = 0;
	uint32_t before = 0;

	while (s < end) {
		const char *from = s;
		uint32_t c = utf8_next(&s, end);
		int class = pdf_break_class(c);

		if (c == ' ' || c == '\t' ||
		    (class == PDF_BREAK_CAPITAL && is_small(before)))
			return (struct end){from, from, width, false};
		width += pdf_face_plain(face, c)->width;
		if (class != 0 &&
		    pdf_break_after(class, before, s, end) != NO_BREAK)
			break;
		before = c;
	}
	return (struct end){s, s, width, false};
}

/* Squeezes a word for which the line has no room; false when it would become
 * too narrow. */
static bool squeezed_word(
    struct pdf_face *face, struct pdf_flow *f, int limit, int size)
{
	const char *begin = f->text + f->next;
	struct end word = find_word(face, begin, f->text + f->paragraph);
	int64_t squeeze =
	    word.width > 0 ? (int64_t)limit * 100 / word.width : 0;
	int wide = in_points(word.width, size);

	if (squeeze < PDF_SQUEEZE_WORD) {
		f->wide = wide > f->wide ? wide : f->wide;
		return false;
	}
	*pdf_flow_line(f) = (struct pdf_line){.at = f->next,
	    .len = (size_t)(word.ink - begin),
	    .width = (int)(word.width * squeeze / 100 * size / 1000),
	    .squeeze = (int)squeeze};
	while (word.next < f->text + f->paragraph && *word.next == ' ')
		word.next++;
	f->next = (size_t)(word.next - f->text);
	return true;
}

void pdf_flow_plain_line(
    struct pdf_face *face, struct pdf_flow *f, int limit, int size)
{
	const char *begin = f->text + f->next;
	const char *end = f->text + f->paragraph;
	struct end line = {0};

	if (end - begin <= limit / NARROW)
		line = fits_whole(face, begin, end, limit);
	if (line.next == NULL)
		line = find_end(face, begin, end, limit);
	if (line.next != end && f->solid && squeezed_line(face, f, limit, size))
		return;
	if (line.inside && !f->inside && squeezed_word(face, f, limit, size))
		return;
	f->inside = line.inside;
	*pdf_flow_line(f) = (struct pdf_line){.at = f->next,
	    .len = (size_t)(line.ink - begin),
	    .width = (int)(line.width * size / 1000)};
	while (line.next < end && *line.next == ' ')
		line.next++;
	f->next = (size_t)(line.next - f->text);
}
