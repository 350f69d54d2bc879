/* SPDX-License-Identifier: MIT */
#include "encode/deflate.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

/* Smaller pieces are done at once: a thread would take longer to start. */
#define THREAD_BYTES ((size_t)64 << 10)
#define OUT_STEP ((uint32_t)64 << 10)
/* Incompressible data grows by five bytes a stored block. */
#define BUF_MAX ((size_t)2 << 30)
/* Memory of more than this is not kept for the next piece. */
#define KEEP ((size_t)1 << 20)

struct deflate {
	struct isal_zstream stream;
	uint8_t *level_buf;
	struct deflate_sum sum;
	struct buf in;    /* what is being compressed */
	struct buf out;   /* what comes of it */
	struct buf ready; /* what came of the one before */

	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool busy; /* `in` and `out` are the thread's */
	bool quit;
};

static void reset(struct deflate *d)
{
	isal_deflate_init(&d->stream);
	d->stream.level = 1;
	d->stream.level_buf = d->level_buf;
	d->stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	d->sum = (struct deflate_sum){0};
}

struct deflate *deflate_open(void)
{
	struct deflate *d = mem_zalloc(sizeof(*d));

	d->level_buf = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
	buf_init(&d->in, BUF_MAX);
	buf_init(&d->out, BUF_MAX);
	buf_init(&d->ready, BUF_MAX);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	reset(d);
	return d;
}

/* `in` into `out`; with `last` the stream ends. */
static void compress(struct deflate *d, bool last)
{
	struct isal_zstream *s = &d->stream;

	d->sum.crc =
	    crc32_gzip_refl(d->sum.crc, (unsigned char *)d->in.data, d->in.len);
	d->sum.in += d->in.len;
	s->next_in = (uint8_t *)d->in.data;
	s->avail_in = (uint32_t)d->in.len;
	s->end_of_stream = last;
	do {
		char *at = buf_reserve(&d->out, OUT_STEP);

		if (at == NULL)
			break; /* `overflow` tells it */
		s->next_out = (uint8_t *)at;
		s->avail_out = OUT_STEP;
		isal_deflate(s);
		d->out.len += OUT_STEP - s->avail_out;
		d->sum.out += OUT_STEP - s->avail_out;
	} while (s->avail_out == 0);
	if (d->in.cap > KEEP)
		buf_free(&d->in);
	else
		buf_clear(&d->in);
}

static void *work(void *arg)
{
	struct deflate *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->quit) {
		if (d->busy) {
			pthread_mutex_unlock(&d->lock);
			compress(d, false);
			pthread_mutex_lock(&d->lock);
			d->busy = false;
			pthread_cond_signal(&d->changed);
		} else {
			pthread_cond_wait(&d->changed, &d->lock);
		}
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* Signals stay with the thread that waits for them. Without a thread the work
 * is done all the same. */
static void start(struct deflate *d)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	d->started = pthread_create(&d->thread, NULL, work, d) == 0;
	if (d->started)
		pthread_setname_np(d->thread, "deflate");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void wait_idle(struct deflate *d)
{
	if (!d->started)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->busy)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void hand_over(struct deflate *d)
{
	pthread_mutex_lock(&d->lock);
	d->busy = true;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void swap(struct buf *a, struct buf *b)
{
	struct buf c = *a;

	*a = *b;
	*b = c;
}

const struct buf *deflate_add(struct deflate *d, struct buf *in)
{
	bool large = in->len >= THREAD_BYTES;

	wait_idle(d);
	if (d->ready.cap > KEEP)
		buf_free(&d->ready);
	else
		buf_clear(&d->ready);
	swap(&d->out, &d->ready);
	swap(&d->in, in);
	if (large && !d->started)
		start(d);
	if (large && d->started)
		hand_over(d);
	else
		compress(d, false);
	return &d->ready;
}

const struct buf *deflate_end(struct deflate *d, struct deflate_sum *sum)
{
	wait_idle(d);
	compress(d, true);
	swap(&d->out, &d->ready);
	buf_clear(&d->out);
	*sum = d->sum;
	reset(d);
	return &d->ready;
}

void deflate_free(struct deflate *d)
{
	if (d == NULL)
		return;
	if (d->started) {
		wait_idle(d);
		pthread_mutex_lock(&d->lock);
		d->quit = true;
		pthread_cond_signal(&d->changed);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->changed);
	buf_free(&d->in);
	buf_free(&d->out);
	buf_free(&d->ready);
	free(d->level_buf);
	free(d);
}
