/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/chart.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "encode/xlsx/part.h"

#define DRAWING "http://schemas.openxmlformats.org/drawingml/2006/"
/* Size in English metric units, 9525 a pixel: 640 x 400 pixels, whatever the
 * size of the cells below. */
#define WIDTH "6096000"
#define HEIGHT "3810000"
/* Space above it: a border that touches the header would be printed with the
 * header on each page. */
#define GAP "47625"
#define BLACK 0x000000

void xlsx_drawing(struct buf *b, int columns)
{
	buf_str(b,
	    XLSX_XML "<xdr:wsDr xmlns:xdr=\"" DRAWING "spreadsheetDrawing\" "
		     "xmlns:a=\"" DRAWING "main\"><xdr:oneCellAnchor>");
	buf_printf(b,
	    "<xdr:from><xdr:col>%d</xdr:col><xdr:colOff>0</xdr:colOff>"
	    "<xdr:row>1</xdr:row><xdr:rowOff>" GAP "</xdr:rowOff></xdr:from>"
	    "<xdr:ext cx=\"" WIDTH "\" cy=\"" HEIGHT "\"/>",
	    columns + 1);
	buf_str(b,
	    "<xdr:graphicFrame macro=\"\"><xdr:nvGraphicFramePr>"
	    "<xdr:cNvPr id=\"2\" name=\"Chart 1\"/>"
	    "<xdr:cNvGraphicFramePr/></xdr:nvGraphicFramePr>"
	    "<xdr:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"0\" cy=\"0\"/>"
	    "</xdr:xfrm><a:graphic><a:graphicData uri=\"" DRAWING "chart\">"
	    "<c:chart xmlns:c=\"" DRAWING "chart\" xmlns:r=\"" XLSX_DOCUMENT
	    "\" r:id=\"rId1\"/></a:graphicData></a:graphic>"
	    "</xdr:graphicFrame><xdr:clientData/></xdr:oneCellAnchor>"
	    "</xdr:wsDr>");
}

void xlsx_drawing_rels(struct buf *b, int number)
{
	buf_printf(b,
	    XLSX_XML "<Relationships xmlns=\"" XLSX_PACKAGE "/relationships\">"
		     "<Relationship Id=\"rId1\" Type=\"" XLSX_DOCUMENT
		     "/chart\" Target=\"../charts/chart%d.xml\"/>"
		     "</Relationships>",
	    number);
}

/* Appends a range of cells: 'Sales'!$B$2:$B$100 */
static void add_range(
    struct buf *b, const char *sheet, int column, uint32_t first, uint32_t last)
{
	char room[8];
	const char *letters = xlsx_letters(room, column);

	buf_str(b, "<c:f>");
	xlsx_quote_name(b, sheet);
	buf_printf(b, "!$%s$%u", letters, first);
	if (last > first)
		buf_printf(b, ":$%s$%u", letters, last);
	buf_str(b, "</c:f>");
}

/* A chart without values has no look that tells so: its title says it. */
static void add_title(struct buf *b, const char *title, bool empty)
{
	if (title == NULL && !empty) {
		buf_str(b, "<c:autoTitleDeleted val=\"1\"/>");
		return;
	}
	buf_str(b, "<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:r><a:t>");
	xlsx_escape(b, title ? title : "");
	buf_str(b, !empty ? "" : title ? ": no data" : "no data");
	buf_str(b, "</a:t></a:r></a:p></c:rich></c:tx>"
		   "<c:overlay val=\"0\"/></c:title>"
		   "<c:autoTitleDeleted val=\"0\"/>");
}

static void add_fill(struct buf *b, int colour)
{
	buf_printf(b, "<a:solidFill><a:srgbClr val=\"%06X\"/></a:solidFill>",
	    (unsigned int)colour);
}

/* Appends the colours of the slices, which are those of the formats that draw
 * charts themselves. */
static void add_slice_colours(struct buf *b, const struct xlsx_plot *p)
{
	int count = (int)p->last - 1;

	for (int i = 0; i < count; i++) {
		buf_printf(b,
		    "<c:dPt><c:idx val=\"%d\"/><c:bubble3D val=\"0\"/>"
		    "<c:spPr>",
		    i);
		add_fill(b, p->slices && i == count - 1 ? CHART_OTHER_COLOUR
							: chart_colour(i));
		buf_str(b, "</c:spPr></c:dPt>");
	}
}

static void add_colours(struct buf *b, const struct xlsx_plot *p, int i)
{
	const struct chart_option *chart = p->chart;

	if (chart->type == CHART_PIE) {
		add_slice_colours(b, p);
		return;
	}
	buf_str(b, "<c:spPr>");
	if (chart->type == CHART_LINE)
		buf_str(b, "<a:ln w=\"22225\" cap=\"rnd\">");
	add_fill(b, chart_colour(i));
	if (chart->type == CHART_LINE)
		buf_str(b, "<a:round/></a:ln>");
	buf_str(b, "</c:spPr>");
}

/* Appends how labels of slices look: their share in percent, as in the other
 * formats. */
static void add_percent(struct buf *b, const char *place)
{
	buf_printf(b,
	    "<c:numFmt formatCode=\"0.0\\ %%\" sourceLinked=\"0\"/>"
	    "<c:dLblPos val=\"%s\"/><c:showLegendKey val=\"0\"/>"
	    "<c:showVal val=\"0\"/><c:showCatName val=\"0\"/>"
	    "<c:showSerName val=\"0\"/><c:showPercent val=\"1\"/>"
	    "<c:showBubbleSize val=\"0\"/>",
	    place);
}

/* Appends the labels of a pie. The label of a black slice, which would be black
 * on black, stands beside it. */
static void add_slice_labels(struct buf *b, const struct xlsx_plot *p)
{
	buf_str(b, "<c:dLbls>");
	for (int i = 0; i < (int)p->last - 1; i++) {
		if (chart_colour(i) != BLACK)
			continue;
		buf_printf(b, "<c:dLbl><c:idx val=\"%d\"/>", i);
		add_percent(b, "outEnd");
		buf_str(b, "</c:dLbl>");
	}
	add_percent(b, "bestFit");
	buf_str(b, "<c:showLeaderLines val=\"1\"/></c:dLbls>");
}

static void add_mark(struct buf *b, int colour)
{
	buf_str(b, "<c:marker><c:symbol val=\"square\"/><c:size val=\"4\"/>"
		   "<c:spPr>");
	add_fill(b, colour);
	buf_str(b, "<a:ln><a:noFill/></a:ln></c:spPr></c:marker>");
}

/* Says whether the i-th series has a number in this row. */
static bool has_point(const struct xlsx_plot *p, int64_t row, int i)
{
	const struct xlsx_points *points = p->points;

	return row >= 0 && row < (int64_t)points->rows &&
	       !isnan(points->values[row * p->chart->count + i]);
}

/* Appends the marks of a line, as in the other formats: at each of a few points,
 * or else at those that no line reaches, which would not be seen. */
static void add_marks(struct buf *b, const struct xlsx_plot *p, int i)
{
	int64_t rows = p->points->rows;

	if (rows <= CHART_MARKED) {
		add_mark(b, chart_colour(i));
		return;
	}
	buf_str(b, "<c:marker><c:symbol val=\"none\"/></c:marker>");
	for (int64_t row = 0; rows <= CHART_POINTS && row < rows; row++) {
		if (!has_point(p, row, i) || has_point(p, row - 1, i) ||
		    has_point(p, row + 1, i))
			continue;
		buf_printf(b, "<c:dPt><c:idx val=\"%d\"/>", (int)row);
		add_mark(b, chart_colour(i));
		buf_str(b, "<c:bubble3D val=\"0\"/></c:dPt>");
	}
}

static void add_values(struct buf *b, const struct xlsx_plot *p, int i)
{
	buf_str(b, "<c:numRef>");
	if (p->data != NULL)
		add_range(b, p->data, i + p->slices, 2, p->last);
	else
		add_range(b, p->sheet, p->chart->values[i], 2, p->last);
	buf_str(b, "</c:numRef>");
}

static void add_series(struct buf *b, const struct xlsx_plot *p, int i)
{
	const struct chart_option *chart = p->chart;
	int column = chart->values[i];

	buf_printf(b,
	    "<c:ser><c:idx val=\"%d\"/><c:order val=\"%d\"/>"
	    "<c:tx><c:strRef>",
	    i, i);
	add_range(b, p->sheet, column, 1, 1);
	buf_str(b, "<c:strCache><c:ptCount val=\"1\"/><c:pt idx=\"0\"><c:v>");
	xlsx_escape(b, p->layout->columns[column].label);
	buf_str(b, "</c:v></c:pt></c:strCache></c:strRef></c:tx>");
	add_colours(b, p, i);
	if (chart->type == CHART_LINE)
		add_marks(b, p, i);
	if (chart->type == CHART_BAR)
		buf_str(b, "<c:invertIfNegative val=\"0\"/>");
	if (chart->type == CHART_PIE)
		add_slice_labels(b, p);
	buf_str(b, p->times ? "<c:cat><c:numRef>" : "<c:cat><c:strRef>");
	if (p->slices)
		add_range(b, p->data, 0, 2, p->last);
	else
		add_range(b, p->sheet, chart->category, 2, p->last);
	buf_str(b, p->times ? "</c:numRef></c:cat><c:val>"
			    : "</c:strRef></c:cat><c:val>");
	add_values(b, p, i);
	buf_str(b, "</c:val>");
	if (chart->type == CHART_LINE)
		buf_str(b, "<c:smooth val=\"0\"/>");
	buf_str(b, "</c:ser>");
}

/* Appends the number format of the first series, as the other formats do. It is
 * not linked to the cells: some readers look for it in a cache of the cells,
 * which is not written. */
static void add_axis_code(struct buf *b, const char *code)
{
	buf_str(b, "<c:numFmt formatCode=\"");
	xlsx_attribute(b, code);
	buf_str(b, "\" sourceLinked=\"0\"/>");
}

/* Appends the axes, without "auto": an axis of dates would put all hours of a
 * day in one place. */
static void add_axes(struct buf *b, const struct xlsx_plot *p)
{
	buf_str(b, "<c:catAx><c:axId val=\"1\"/>"
		   "<c:scaling><c:orientation val=\"minMax\"/></c:scaling>"
		   "<c:delete val=\"0\"/><c:axPos val=\"b\"/>");
	if (p->times != NULL)
		add_axis_code(b, p->times);
	buf_str(b,
	    "<c:majorTickMark val=\"out\"/><c:minorTickMark val=\"none\"/>"
	    "<c:tickLblPos val=\"low\"/><c:crossAx val=\"2\"/>"
	    "<c:crosses val=\"autoZero\"/><c:auto val=\"0\"/></c:catAx>");
	buf_str(b, "<c:valAx><c:axId val=\"2\"/>"
		   "<c:scaling><c:orientation val=\"minMax\"/>");
	if (*p->ends.max != '\0')
		buf_printf(b, "<c:max val=\"%s\"/>", p->ends.max);
	if (*p->ends.min != '\0')
		buf_printf(b, "<c:min val=\"%s\"/>", p->ends.min);
	buf_str(b, "</c:scaling><c:delete val=\"0\"/><c:axPos val=\"l\"/>"
		   "<c:majorGridlines/>");
	add_axis_code(b, p->code);
	buf_str(b,
	    "<c:majorTickMark val=\"out\"/>"
	    "<c:minorTickMark val=\"none\"/><c:tickLblPos val=\"nextTo\"/>"
	    "<c:crossAx val=\"1\"/><c:crosses val=\"autoZero\"/></c:valAx>");
}

static void add_plot(struct buf *b, const struct xlsx_plot *p)
{
	const struct chart_option *chart = p->chart;
	static const struct {
		const char *begin, *end;
		bool axes;
	} types[] = {
	    [CHART_LINE] = {"<c:lineChart><c:grouping val=\"standard\"/>"
			    "<c:varyColors val=\"0\"/>",
		"<c:marker val=\"1\"/><c:axId val=\"1\"/><c:axId val=\"2\"/>"
		"</c:lineChart>",
		true},
	    [CHART_BAR] = {"<c:barChart><c:barDir val=\"col\"/>"
			   "<c:grouping val=\"clustered\"/>"
			   "<c:varyColors val=\"0\"/>",
		"<c:gapWidth val=\"80\"/><c:axId val=\"1\"/>"
		"<c:axId val=\"2\"/></c:barChart>",
		true},
	    [CHART_PIE] = {"<c:pieChart><c:varyColors val=\"1\"/>",
		"<c:firstSliceAng val=\"0\"/></c:pieChart>", false},
	};

	buf_str(b, types[chart->type].begin);
	for (int i = 0; i < chart->count; i++)
		add_series(b, p, i);
	buf_str(b, types[chart->type].end);
	if (types[chart->type].axes)
		add_axes(b, p);
}

void xlsx_chart(struct buf *b, const struct xlsx_plot *p)
{
	const struct chart_option *chart = p->chart;

	buf_str(b, XLSX_XML "<c:chartSpace xmlns:c=\"" DRAWING
			    "chart\" xmlns:a=\"" DRAWING
			    "main\" xmlns:r=\"" XLSX_DOCUMENT
			    "\"><c:roundedCorners val=\"0\"/><c:chart>");
	add_title(b, chart->title, p->empty);
	buf_str(b, "<c:plotArea><c:layout/>");
	add_plot(b, p);
	buf_str(b, "</c:plotArea>");
	if (chart->count > 1 || chart->type == CHART_PIE)
		buf_str(b, "<c:legend><c:legendPos val=\"r\"/>"
			   "<c:overlay val=\"0\"/></c:legend>");
	buf_str(b, "<c:plotVisOnly val=\"1\"/>"
		   "<c:dispBlanksAs val=\"gap\"/></c:chart></c:chartSpace>");
}

void xlsx_points_begin(struct xlsx_points *p)
{
	p->rows = 0;
	p->low = INFINITY;
	p->high = -INFINITY;
	p->unit = (struct chart_unit){0};
	chart_repeat_clear(&p->repeat);
	chart_slices_clear(&p->slices);
}

/* Thousands have commas, as in charts that are drawn here. Some programs drop the
 * minus sign of numbers that have the last of several sections, so numbers below
 * zero have one section for all. */
const char *xlsx_points_code(const struct xlsx_points *p, enum chart_type type)
{
	/* Lines that are close together may have steps of less than 1. */
	if (type == CHART_LINE && p->high - p->low < 10)
		return "General";
	if (p->low < 0)
		return fmax(-p->low, p->high) >= 1000 ? "#,##0" : "General";
	return "[>=1000]#,##0;General";
}

bool xlsx_points_empty(const struct xlsx_points *p, enum chart_type type)
{
	return type == CHART_PIE ? !(p->high > 0) : p->low > p->high;
}

const char *xlsx_points_times(
    const struct xlsx_points *p, enum column_kind kind)
{
	if (!kind_is_moment(kind))
		return NULL;
	switch (chart_unit_length(&p->unit, kind)) {
	case 4:
		return "yyyy";
	case 5:
		return "hh:mm";
	case 7:
		return "yyyy\\-mm";
	case 8:
		return "hh:mm:ss";
	case 10:
		return "yyyy\\-mm\\-dd";
	case 16:
		return "yyyy\\-mm\\-dd\\ hh:mm";
	default:
		return NULL;
	}
}

/* Adds a row to a pie, with as much of its category as a cell holds. */
static void add_slice(
    struct xlsx_points *p, const struct value *category, double n)
{
	struct value v = *category;

	if (v.len > XLSX_TEXT_MAX)
		v.len = (int32_t)xlsx_text_fitting(v.data, (size_t)v.len);
	chart_slices_add(&p->slices, n * XLSX_SLICE_UNIT, &v);
}

void xlsx_points_row(struct xlsx_points *p, const struct chart_option *chart,
    const struct schema *schema, const struct value *row)
{
	size_t count = (size_t)chart->count;
	enum column_kind kind = schema->columns[chart->category].kind;

	if (kind_is_moment(kind))
		chart_unit_add(&p->unit, kind, &row[chart->category]);
	chart_repeat_add(&p->repeat, &row[chart->category]);
	if (p->rows < CHART_POINTS && p->rows == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->values =
		    mem_realloc(p->values, p->cap * count, sizeof(*p->values));
	}
	for (size_t i = 0; i < count; i++) {
		const struct column *c = &schema->columns[chart->values[i]];
		const struct value *v = &row[chart->values[i]];

		double n = chart_number(c, v);

		if (p->rows < CHART_POINTS)
			p->values[p->rows * count + i] = n;
		p->low = fmin(p->low, n);
		p->high = fmax(p->high, n);
		p->left_out += chart_lacks_number(c, v);
		if (chart->type == CHART_PIE)
			add_slice(p, &row[chart->category], n);
	}
	p->rows++;
}

void xlsx_points_free(struct xlsx_points *p)
{
	free(p->values);
	chart_repeat_clear(&p->repeat);
	chart_slices_clear(&p->slices);
	*p = (struct xlsx_points){0};
}
