/* SPDX-License-Identifier: MIT */
#include "sink/gzip.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#include "base/mem.h"

#define CHUNK (64u << 10)
/* Bytes per call to ISA-L, whose avail_in has 32 bits. */
#define PIECE (1u << 30)

struct gzip {
	struct sink base;
	struct isal_zstream stream;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT];
	uint8_t out[CHUNK];
};

static int drain(struct gzip *g, struct err *e)
{
	size_t len = CHUNK - g->stream.avail_out;

	g->stream.next_out = g->out;
	g->stream.avail_out = CHUNK;
	return sink_write(g->base.next, g->out, len, e);
}

static int deflate_all(struct gzip *g, struct err *e)
{
	do {
		if (g->stream.avail_out == 0 && drain(g, e) != 0)
			return -1;
		if (isal_deflate(&g->stream) != COMP_OK)
			return err_set(e, ERR_TRANSIENT, "gzip failed");
	} while (g->stream.avail_in > 0 || g->stream.avail_out == 0);
	return 0;
}

static int gzip_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct gzip *g = (struct gzip *)s;
	const uint8_t *at = data;

	while (len > 0) {
		uint32_t n = len < PIECE ? (uint32_t)len : PIECE;

		g->stream.next_in = (uint8_t *)(uintptr_t)at;
		g->stream.avail_in = n;
		if (deflate_all(g, e) != 0)
			return -1;
		at += n;
		len -= n;
	}
	return 0;
}

static int gzip_finish(struct sink *s, struct err *e)
{
	struct gzip *g = (struct gzip *)s;

	g->stream.end_of_stream = 1;
	if (deflate_all(g, e) != 0)
		return -1;
	return drain(g, e);
}

static void gzip_free(struct sink *s)
{
	free(s);
}

static const struct sink_type gzip_type = {
    .name = "gzip",
    .write = gzip_write,
    .finish = gzip_finish,
    .free = gzip_free,
};

struct sink *gzip_open(struct sink *next, struct err *e)
{
	struct gzip *g = mem_zalloc(sizeof(*g));

	(void)e;
	g->base = (struct sink){.type = &gzip_type, .next = next};
	isal_deflate_init(&g->stream);
	g->stream.gzip_flag = IGZIP_GZIP;
	g->stream.level = 1;
	g->stream.level_buf = g->level;
	g->stream.level_buf_size = sizeof(g->level);
	g->stream.next_out = g->out;
	g->stream.avail_out = CHUNK;
	return &g->base;
}
