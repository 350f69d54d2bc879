/* SPDX-License-Identifier: MIT */
#include "sink/zstd.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/mem.h"

#define CHUNK (64u << 10)

struct zstd {
	struct sink base;
	ZSTD_CCtx *ctx;
	ZSTD_outBuffer out;
	char chunk[CHUNK];
};

static int drain(struct zstd *z, struct err *e)
{
	size_t len = z->out.pos;

	z->out.pos = 0;
	return sink_write(z->base.next, z->chunk, len, e);
}

/* Compresses `in`; with ZSTD_e_end, goes on until the frame is complete. */
static int compress(
    struct zstd *z, ZSTD_inBuffer in, ZSTD_EndDirective mode, struct err *e)
{
	size_t left;

	do {
		if (z->out.pos == z->out.size && drain(z, e) != 0)
			return -1;
		left = ZSTD_compressStream2(z->ctx, &z->out, &in, mode);
		if (ZSTD_isError(left))
			return err_set(e, ERR_TRANSIENT, "zstd: %s",
			    ZSTD_getErrorName(left));
	} while (mode == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int zstd_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	return compress((struct zstd *)s, (ZSTD_inBuffer){data, len, 0},
	    ZSTD_e_continue, e);
}

static int zstd_finish(struct sink *s, struct err *e)
{
	struct zstd *z = (struct zstd *)s;

	if (compress(z, (ZSTD_inBuffer){"", 0, 0}, ZSTD_e_end, e) != 0)
		return -1;
	return drain(z, e);
}

static void zstd_free(struct sink *s)
{
	struct zstd *z = (struct zstd *)s;

	ZSTD_freeCCtx(z->ctx);
	free(z);
}

static const struct sink_type zstd_type = {
    .name = "zstd",
    .write = zstd_write,
    .finish = zstd_finish,
    .free = zstd_free,
};

struct sink *zstd_open(struct sink *next, struct err *e)
{
	struct zstd *z = mem_zalloc(sizeof(*z));

	z->base = (struct sink){.type = &zstd_type, .next = next};
	z->out = (ZSTD_outBuffer){z->chunk, CHUNK, 0};
	z->ctx = ZSTD_createCCtx();
	if (z->ctx == NULL ||
	    ZSTD_isError(
		ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_compressionLevel, 1)) ||
	    ZSTD_isError(
		ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_checksumFlag, 1))) {
		err_set(e, ERR_TRANSIENT, "zstd is not available");
		sink_free(&z->base);
		return NULL;
	}
	return &z->base;
}
