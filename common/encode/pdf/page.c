/* SPDX-License-Identifier: MIT */
#include "encode/pdf/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Most bytes of operators a page. A page of dense text has some ten kilobytes;
 * a chart has more. */
#define PAGE_MAX ((size_t)256 << 20)
/* Most bytes of all pages that are open side by side. */
#define ACROSS_MAX ((size_t)40 << 20)
/* Pages are leaves of a tree two nodes deep; a lower node has this many. */
#define NODE_PAGES 256
/* Most bytes of a header or footer, which is an option. */
#define NOTE_MAX ((size_t)16 << 20)

static const struct pdf_style note_style = {PDF_PLAIN, 700};
#define NOTE_HEIGHT 1600
#define TOTAL_WIDTH (note_style.size * 5) /* room for the number of pages */

static void make_sheets(struct pdf_pages *p, int count)
{
	if (count > p->cap) {
		p->sheets =
		    mem_realloc(p->sheets, (size_t)count, sizeof(*p->sheets));
		for (; p->cap < count; p->cap++) {
			p->sheets[p->cap] = (struct pdf_sheet){0};
			buf_init(&p->sheets[p->cap].b, PAGE_MAX);
		}
	}
	p->at = p->sheets;
}

void pdf_pages_open(struct pdf_pages *p)
{
	make_sheets(p, 1);
	buf_init(&p->kids, PAGE_MAX);
	buf_init(&p->nodes, PAGE_MAX);
	buf_init(&p->note_text, NOTE_MAX);
	p->resources = pdf_file_number(p->file);
	p->total = pdf_file_number(p->file);
	p->root = pdf_file_number(p->file);
}

void pdf_pages_free(struct pdf_pages *p)
{
	for (int i = 0; i < p->cap; i++)
		buf_free(&p->sheets[i].b);
	free(p->sheets);
	buf_free(&p->kids);
	buf_free(&p->nodes);
	pdf_flow_free(&p->note);
	buf_free(&p->note_text);
}

void pdf_number(struct buf *b, int hundredths)
{
	char text[16], *at = text + sizeof(text);
	unsigned int n =
	    (unsigned int)(hundredths < 0 ? -hundredths : hundredths);
	unsigned int cents = n % 100;

	if (cents != 0) {
		if (cents % 10 != 0)
			*--at = (char)('0' + cents % 10);
		*--at = (char)('0' + cents / 10);
		*--at = '.';
	}
	n /= 100;
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	if (hundredths < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(text + sizeof(text) - at));
}

static void put(struct buf *b, int n)
{
	pdf_number(b, n);
	buf_char(b, ' ');
}

struct buf *pdf_page_drawing(struct pdf_pages *p)
{
	struct pdf_sheet *s = p->at;

	if (s->in_text)
		buf_str(&s->b, "ET\n");
	s->in_text = false;
	s->font = false;
	return &s->b;
}

static void set_colour(struct buf *b, int colour)
{
	for (int shift = 16; shift >= 0; shift -= 8)
		put(b, (colour >> shift & 0xFF) * 100 / 255);
	buf_str(b, "rg\n");
}

void pdf_page_rect(
    struct pdf_pages *p, int x, int y, int width, int height, int colour)
{
	struct buf *b = pdf_page_drawing(p);

	set_colour(b, colour);
	put(b, x);
	put(b, p->page_height - y - height);
	put(b, width);
	put(b, height);
	buf_str(b, "re f 0 g\n");
}

static void move_to(struct pdf_sheet *s, int x, int y)
{
	if (!s->in_text) {
		buf_str(&s->b, "BT\n");
		s->in_text = true;
		s->text_x = s->text_y = 0;
	}
	put(&s->b, x - s->text_x);
	put(&s->b, y - s->text_y);
	buf_str(&s->b, "Td\n");
	s->text_x = x;
	s->text_y = y;
}

void pdf_page_show(struct pdf_pages *p, struct pdf_flow *f,
    struct pdf_style style, enum align align, const int at[3])
{
	struct pdf_sheet *s = p->at;
	int spare = at[2] - f->lines[f->first].width;
	int x = align == ALIGN_RIGHT    ? at[0] + spare
		: align == ALIGN_CENTER ? at[0] + spare / 2
					: at[0];

	if (f->lines[f->first].len == 0) {
		f->first++;
		return;
	}
	if (style.weight != s->style.weight || style.size != s->style.size)
		s->font = false;
	s->style = style;
	move_to(s, x, p->page_height - at[1]);
	pdf_text_show(p->text, &s->b, f, style, &s->font);
}

/* Sets the note to the first `len` bytes of a text, with an ellipsis when the
 * text is longer. Returns 1 when the note fits into `width`, 0 when not; -1 on
 * error. */
static int try_note(
    struct pdf_pages *p, const char *text, size_t len, int width, struct err *e)
{
	struct buf *b = &p->note_text;
	int wide, word;

	while ((text[len] & 0xC0) == 0x80)
		len--;
	buf_clear(b);
	buf_add(b, text, len);
	while (text[len] != '\0' && b->len > 0 && b->data[b->len - 1] == ' ')
		b->len--;
	buf_str(b, text[len] != '\0' ? "\u2026" : "");
	wide = pdf_text_measure(p->text, b->data, b->len, note_style, &word, e);
	return wide < 0 ? -1 : wide <= width;
}

/* Sets the note to as much of a text as fits. Returns 0 for the whole text, 1
 * for a part; -1 on error. */
static int cut_note(
    struct pdf_pages *p, const char *text, int width, struct err *e)
{
	size_t low = 0, high = strlen(text);
	int fits = try_note(p, text, high, width, e);

	if (fits != 0)
		return fits < 0 ? -1 : 0;
	while (low < high) {
		size_t half = low + (high - low + 1) / 2;

		fits = try_note(p, text, half, width, e);
		if (fits < 0)
			return -1;
		low = fits ? half : low;
		high = fits ? high : half - 1;
	}
	return try_note(p, text, low, width, e) < 0 ? -1 : 1;
}

/* The place of a note: `width` wide, x right of the margin. */
struct place {
	enum align align;
	int y, x, width;
	bool *shortened; /* set when the note is cut; may be NULL */
};

/* Draws one line of header or footer and returns its width; -1 on error. */
static int note(struct pdf_pages *p, const char *text, const struct place *at,
    struct err *e)
{
	int room = p->page_width - 2 * p->margin - at->x, shown;
	int rc = cut_note(p, text, at->width, e);

	pdf_flow_begin(&p->note, p->note_text.data, p->note_text.len);
	if (rc < 0 || pdf_text_fill(p->text, &p->note, note_style,
			  PDF_UNLIMITED, 1, e) != 0) {
		err_wrap(e, "page header or footer");
		return -1;
	}
	if (rc > 0 && at->shortened != NULL)
		*at->shortened = true;
	if (pdf_flow_ready(&p->note) == 0)
		return 0;
	shown = p->note.lines[p->note.first].width;
	pdf_page_show(p, &p->note, note_style, at->align,
	    (const int[3]){p->margin + at->x, at->y, room});
	return shown;
}

/* Returns the width left for a note on the line of one that takes `taken`, less
 * a gap. */
static int rest(const struct pdf_pages *p, int taken)
{
	int room = p->page_width - 2 * p->margin - taken - 2 * note_style.size;

	return room > 0 ? room : 1;
}

/* Draws the page number and the mark beside it at the foot, and returns the
 * width that they take. */
static int begin_foot(struct pdf_pages *p, int foot, int room, struct err *e)
{
	const char *mark = p->marks ? p->marks[p->at - p->sheets] : NULL;
	char text[32];
	int width;

	snprintf(text, sizeof(text), "Page %d of", p->count);
	width =
	    note(p, text, &(struct place){ALIGN_LEFT, foot, 0, room, NULL}, e);
	if (width < 0)
		return -1;
	pdf_page_drawing(p);
	buf_str(&p->at->b, "q 1 0 0 1 ");
	put(&p->at->b, p->margin + width + note_style.size / 4); /* a space */
	put(&p->at->b, p->page_height - foot);
	buf_str(&p->at->b, "cm /Total Do Q\n");
	width += TOTAL_WIDTH;
	if (mark != NULL) {
		int more = note(p, mark,
		    &(struct place){
			ALIGN_LEFT, foot, width, rest(p, width), NULL},
		    e);

		return more < 0 ? -1 : width + more;
	}
	return width;
}

static int begin_page(struct pdf_pages *p, struct err *e)
{
	int room = p->width - 2 * p->margin;
	int foot = p->height - p->margin, head = p->margin + note_style.size;
	struct place header, footer;
	int at;

	p->count++;
	at = note(
	    p, p->time, &(struct place){ALIGN_RIGHT, head, 0, room, NULL}, e);
	if (at < 0)
		return -1;
	header =
	    (struct place){ALIGN_LEFT, head, 0, rest(p, at), &p->short_header};
	if (p->count > 1 && note(p, p->header, &header, e) < 0)
		return -1;
	at = begin_foot(p, foot, room, e);
	if (at < 0)
		return -1;
	footer =
	    (struct place){ALIGN_RIGHT, foot, 0, rest(p, at), &p->short_footer};
	return note(p, p->footer, &footer, e) < 0 ? -1 : 0;
}

/* Writes the open lower node of the page tree, when it is full or the last
 * one. */
static int end_node(struct pdf_pages *p, struct err *e)
{
	struct buf b;
	int rc;

	if (p->in_node == 0)
		return 0;
	buf_init(&b, PAGE_MAX);
	buf_printf(&b, "<</Type/Pages/Parent %d 0 R/Count %d/Kids[%s]>>",
	    p->root, p->in_node, p->kids.data);
	rc = pdf_file_object(p->file, p->node, &b, e);
	buf_free(&b);
	buf_printf(&p->nodes, "%d 0 R ", p->node);
	buf_clear(&p->kids);
	p->in_node = 0;
	return rc;
}

static int end_page(struct pdf_pages *p, struct err *e)
{
	int page = pdf_file_number(p->file);
	int content = pdf_file_number(p->file);
	struct buf *b = pdf_page_drawing(p);

	if (b->overflow)
		return err_set(e, ERR_PERMANENT, "PDF: a page is too large");
	if (pdf_file_stream(p->file, content, "", b->data, b->len, e) != 0)
		return -1;
	buf_clear(b);
	if (p->in_node == 0)
		p->node = pdf_file_number(p->file);
	buf_printf(b, "<</Type/Page/Parent %d 0 R/MediaBox[0 0 ", p->node);
	put(b, p->page_width);
	pdf_number(b, p->page_height);
	buf_printf(
	    b, "]/Resources %d 0 R/Contents %d 0 R>>", p->resources, content);
	if (pdf_file_object(p->file, page, b, e) != 0)
		return -1;
	buf_clear(b);
	buf_clear(b);
	buf_printf(&p->kids, "%d 0 R ", page);
	return ++p->in_node == NODE_PAGES ? end_node(p, e) : 0;
}

static int end_pages(struct pdf_pages *p, struct err *e)
{
	int open = p->open;

	p->open = 0;
	for (int i = 0; i < open; i++) {
		pdf_pages_select(p, i);
		if (end_page(p, e) != 0)
			return -1;
	}
	return 0;
}

void pdf_pages_select(struct pdf_pages *p, int i)
{
	p->at = &p->sheets[i];
}

int pdf_pages_check(const struct pdf_pages *p, struct err *e)
{
	size_t sum = 0;

	for (int i = 0; i < p->open; i++)
		sum += p->sheets[i].b.len;
	if (sum <= ACROSS_MAX)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "PDF: %d pages side by side do not fit into memory: select fewer "
	    "columns, or set a larger \"page\"",
	    p->open);
}

int pdf_pages_next(struct pdf_pages *p, struct err *e)
{
	int across = p->across > 0 ? p->across : 1;

	if (end_pages(p, e) != 0)
		return -1;
	make_sheets(p, across);
	p->page_width = p->width;
	p->page_height = p->height;
	p->open = across;
	p->top = p->margin + NOTE_HEIGHT;
	p->bottom = p->height - p->margin - NOTE_HEIGHT;
	p->y = p->top;
	for (int i = 0; i < across; i++) {
		pdf_pages_select(p, i);
		if (begin_page(p, e) != 0)
			return -1;
	}
	pdf_pages_select(p, 0);
	return 0;
}

int pdf_pages_paragraph(struct pdf_pages *p, const char *text,
    struct pdf_style style, struct err *e)
{
	int width = p->page_width - 2 * p->margin, rc = 0;
	struct pdf_flow f = {0};

	pdf_flow_begin(&f, text, strlen(text));
	while (rc == 0 && !pdf_flow_done(&f)) {
		rc = pdf_text_fill(p->text, &f, style, width, 1, e);
		if (rc != 0)
			break;
		if (p->y + style.size * 5 / 4 > p->bottom) {
			rc = pdf_pages_next(p, e);
			continue;
		}
		pdf_page_show(p, &f, style, ALIGN_LEFT,
		    (const int[3]){p->margin, p->y + style.size, width});
		p->y += style.size * 5 / 4;
	}
	pdf_flow_free(&f);
	return rc;
}

static int write_total(struct pdf_pages *p, struct err *e)
{
	char text[128];

	p->page_height = p->page_width = 0;
	pdf_pages_select(p, 0);
	snprintf(text, sizeof(text), "%d", p->count);
	pdf_flow_begin(&p->note, text, strlen(text));
	if (pdf_text_fill(p->text, &p->note, note_style, 10000, 1, e) != 0)
		return -1;
	pdf_page_show(
	    p, &p->note, note_style, ALIGN_LEFT, (const int[3]){0, 0, 0});
	pdf_page_drawing(p);
	snprintf(text, sizeof(text),
	    "/Type/XObject/Subtype/Form/BBox[0 -3 60 9]/Resources %d 0 R",
	    p->resources);
	return pdf_file_stream(
	    p->file, p->total, text, p->at->b.data, p->at->b.len, e);
}

int pdf_pages_finish(struct pdf_pages *p, int *catalogue, struct err *e)
{
	struct buf b;
	int rc = -1;

	if (end_pages(p, e) != 0 || end_node(p, e) != 0 ||
	    write_total(p, e) != 0)
		return -1;
	buf_init(&b, PAGE_MAX);
	buf_printf(&b, "<</XObject<</Total %d 0 R>>/Font<<", p->total);
	if (pdf_text_write_fonts(p->text, &b, e) != 0)
		goto out;
	buf_str(&b, ">>>>");
	if (pdf_file_object(p->file, p->resources, &b, e) != 0)
		goto out;
	buf_clear(&b);
	buf_printf(
	    &b, "<</Type/Pages/Count %d/Kids[%s]>>", p->count, p->nodes.data);
	if (pdf_file_object(p->file, p->root, &b, e) != 0)
		goto out;
	buf_clear(&b);
	buf_printf(&b,
	    "<</Type/Catalog/Pages %d 0 R"
	    "/ViewerPreferences<</DisplayDocTitle true>>>>",
	    p->root);
	*catalogue = pdf_file_number(p->file);
	rc = pdf_file_object(p->file, *catalogue, &b, e);
out:
	buf_free(&b);
	return rc;
}
