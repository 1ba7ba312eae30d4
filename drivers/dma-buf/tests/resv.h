/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reservation objects for tests, which are filled from text and printed as text.
 *
 * A fence is three or four characters: a letter for its timeline, a digit for its
 * seqno, a letter for its usage (Kernel, Write, Read, bookkeeP), and "!" to signal
 * the fence after it was added. Fences are separated by blanks.
 */
#ifndef _DMA_BUF_TESTS_RESV_H
#define _DMA_BUF_TESTS_RESV_H

#include <kunit/test.h>
#include <linux/dma-resv.h>

struct dma_resv *mock_resv(struct kunit *test);

/* Lock, reserve a slot and add the fence. */
void mock_resv_add(struct kunit *test, struct dma_resv *resv, struct dma_fence *fence,
		   enum dma_resv_usage usage);
/* Add the mock fences that @text describes; returns the context of timeline "a". */
u64 mock_resv_fill(struct kunit *test, struct dma_resv *resv, const char *text);

/* Print one fence, without "!". */
size_t mock_resv_write(char *text, size_t size, struct dma_fence *fence,
		       enum dma_resv_usage usage);
/* Print all fences in the order of the list, signalled ones too. */
const char *mock_resv_text(struct kunit *test, struct dma_resv *resv);
unsigned int mock_resv_count(struct kunit *test, struct dma_resv *resv);
/* Capacity of the list: the number of fences it holds without a reallocation. */
unsigned int mock_resv_capacity(struct dma_resv *resv);
/*
 * Exchange the fences of two lists of the same length and count one more generation of
 * @resv, as if its new list had been allocated at the address of the old one.
 */
void mock_resv_exchange(struct dma_resv *resv, struct dma_resv *other);
/*
 * Set num_fences of the list, as if a list of another length had been allocated at the
 * same address and with the same generation.
 */
void mock_resv_set_count(struct dma_resv *resv, unsigned int num_fences);

#endif /* _DMA_BUF_TESTS_RESV_H */
