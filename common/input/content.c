/* SPDX-License-Identifier: MIT */
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "input/whole.h"

#define PIECE ((size_t)64 << 10)

struct unpack {
	struct inflate_state state;
	uint8_t in[PIECE], out[PIECE];
	input_take *take;
	void *arg;
};

static void begin_member(struct unpack *u)
{
	uint32_t left = u->state.avail_in;
	uint8_t *at = u->state.next_in;

	isal_inflate_init(&u->state);
	u->state.crc_flag = ISAL_GZIP;
	u->state.next_in = at;
	u->state.avail_in = left;
}

/* Unpacks what is in the input; 1: it is damaged. */
static int unpack_some(struct unpack *u, struct err *e)
{
	do {
		if (u->state.block_state == ISAL_BLOCK_FINISH) {
			if (u->state.avail_in == 0)
				return 0;
			begin_member(u);
		}
		u->state.next_out = u->out;
		u->state.avail_out = PIECE;
		if (isal_inflate(&u->state) != ISAL_DECOMP_OK)
			return 1;
		if (u->take(u->arg, u->out, PIECE - u->state.avail_out, e) != 0)
			return -1;
	} while (u->state.avail_in > 0 || u->state.avail_out == 0);
	return 0;
}

static int unpack_all(const struct whole *w, struct unpack *u, struct err *e)
{
	int64_t left = w->reader->size, at = 0;
	int rc = 0;

	begin_member(u);
	while (rc == 0 && left > 0) {
		size_t n = left < (int64_t)PIECE ? (size_t)left : PIECE;

		rc = place_read_at(w->reader, at, (char *)u->in, n, e);
		if (rc == 0)
			rc = watch_check(w->watch, e);
		if (rc != 0)
			return rc;
		u->state.next_in = u->in;
		u->state.avail_in = (uint32_t)n;
		rc = unpack_some(u, e);
		at += (int64_t)n;
		left -= (int64_t)n;
	}
	return rc == 0 && u->state.block_state != ISAL_BLOCK_FINISH ? 1 : rc;
}

static int read_gzip(
    const struct whole *w, input_take *take, void *arg, struct err *e)
{
	struct unpack *u = mem_zalloc(sizeof(*u));
	int rc;

	u->take = take;
	u->arg = arg;
	rc = unpack_all(w, u, e);
	free(u);
	return rc;
}

static int read_plain(
    const struct whole *w, input_take *take, void *arg, struct err *e)
{
	int64_t at = 0, size = w->reader->size;
	char *piece = mem_alloc(PIECE);
	int rc = 0;

	while (rc == 0 && at < size) {
		size_t n =
		    size - at < (int64_t)PIECE ? (size_t)(size - at) : PIECE;

		rc = place_read_at(w->reader, at, piece, n, e);
		if (rc == 0)
			rc = watch_check(w->watch, e);
		if (rc == 0)
			rc = take(arg, piece, n, e);
		at += (int64_t)n;
	}
	free(piece);
	return rc;
}

size_t input_name_length(const char *address)
{
	return place_scheme_of(address)->query ? strcspn(address, "?")
					       : strlen(address);
}

bool input_is_gzip(const char *name)
{
	size_t n = input_name_length(name);

	return n > 3 && strncasecmp(name + n - 3, ".gz", 3) == 0;
}

int input_read(
    const struct whole *w, input_take *take, void *arg, struct err *e)
{
	return input_is_gzip(w->name) ? read_gzip(w, take, arg, e)
				      : read_plain(w, take, arg, e);
}
