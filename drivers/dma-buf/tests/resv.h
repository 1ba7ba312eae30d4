/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reservation objects for tests, filled from text and told as text.
 *
 * A fence is three or four characters: a letter for its timeline, a digit for its
 * number, a letter for its usage (Kernel, Write, Read, bookkeeP), and "!" if it is
 * signalled as soon as it has been added.
 */
#ifndef _DMA_BUF_TESTS_RESV_H
#define _DMA_BUF_TESTS_RESV_H

#include <kunit/test.h>
#include <linux/dma-resv.h>

struct dma_resv *mock_resv(struct kunit *test);

/* Reserve and add, with the lock. */
void mock_resv_add(struct kunit *test, struct dma_resv *resv, struct dma_fence *fence,
		   enum dma_resv_usage usage);
/* Mock fences, as the text says; returns the context of timeline "a". */
u64 mock_resv_fill(struct kunit *test, struct dma_resv *resv, const char *text);

/* One fence as text; all fences, signalled or not, in their order, without "!". */
size_t mock_resv_write(char *text, size_t size, struct dma_fence *fence,
		       enum dma_resv_usage usage);
const char *mock_resv_text(struct kunit *test, struct dma_resv *resv);
unsigned int mock_resv_count(struct kunit *test, struct dma_resv *resv);
/* How many fences there is room for without new memory. */
unsigned int mock_resv_room(struct dma_resv *resv);
/* As if another list, of so many fences, had the place and the number of this one. */
void mock_resv_pretend(struct dma_resv *resv, unsigned int num_fences);

#endif /* _DMA_BUF_TESTS_RESV_H */
