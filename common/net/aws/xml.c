/* SPDX-License-Identifier: MIT */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/aws/aws.h"

/* The limit for the text of an element, in bytes; a longer text is cut. */
#define TEXT_MAX ((size_t)1 << 20)

struct search {
	XML_Parser parser;
	const char *name;
	int depth; /* nesting depth inside the wanted element; 0: outside */
	bool found;
	struct buf text;
};

/* Returns the name without its namespace prefix. */
static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void XMLCALL on_start(void *arg, const char *name, const char **unused)
{
	struct search *s = arg;

	(void)unused;
	if (s->depth > 0 || strcmp(local_name(name), s->name) == 0)
		s->depth++;
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct search *s = arg;

	(void)name;
	if (s->depth > 0 && --s->depth == 0) {
		s->found = true;
		XML_StopParser(s->parser, XML_FALSE);
	}
}

static void XMLCALL on_text(void *arg, const char *text, int len)
{
	struct search *s = arg;

	if (s->depth > 0)
		buf_add(&s->text, text, (size_t)len);
}

char *aws_xml_text(const char *xml, size_t len, const char *name)
{
	struct search s = {.name = name};
	char *text;

	if (xml == NULL || len == 0 || len > INT32_MAX)
		return NULL;
	buf_init(&s.text, TEXT_MAX);
	s.parser = XML_ParserCreate(NULL);
	if (s.parser == NULL)
		abort();
	XML_SetUserData(s.parser, &s);
	XML_SetElementHandler(s.parser, on_start, on_end);
	XML_SetCharacterDataHandler(s.parser, on_text);
	XML_Parse(s.parser, xml, (int)len, XML_TRUE);
	XML_ParserFree(s.parser);
	text = s.found ? mem_strdup(s.text.data ? s.text.data : "") : NULL;
	buf_free(&s.text);
	return text;
}

char *aws_xml_error(const char *xml, size_t len, char code[static 64])
{
	char *error = aws_xml_text(xml, len, "Error"), *name, *message;

	*code = '\0';
	if (error == NULL)
		return NULL;
	name = aws_xml_text(xml, len, "Code");
	message = aws_xml_text(xml, len, "Message");
	str_copy(code, 64, name ? name : "");
	free(name);
	free(error);
	return message ? message : mem_strdup("");
}

const char *aws_xml_next(const char **from, const char *name, size_t *len)
{
	char open[64], close[64];
	const char *start, *end;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	start = strstr(*from, open);
	end = start ? strstr(start, close) : NULL;
	if (end == NULL)
		return NULL;
	*from = end + strlen(close);
	*len = (size_t)(*from - start);
	return start;
}
