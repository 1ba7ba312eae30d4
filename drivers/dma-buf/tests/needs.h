/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs and needs, for the tests of needs.
 */
#ifndef _DMA_BUF_TESTS_NEEDS_H
#define _DMA_BUF_TESTS_NEEDS_H

#include <kunit/test.h>
#include <linux/dma-buf-needs.h>
#include <linux/prandom.h>

#define NEEDS_RUNS	4

/**
 * struct needs_run - a run in bytes
 * @start: physical address
 * @bytes: length; 0 ends the runs
 */
struct needs_run {
	u64 start;
	u64 bytes;
};

/* Expect these needs; @set names them. */
void needs_expect(struct kunit *test, const char *set, const struct dma_buf_needs *needs,
		  const struct dma_buf_needs *expected);
/* Expect that runs fit the needs of a device, or miss them as @expected says. */
void needs_expect_fit(struct kunit *test, const struct dma_buf_needs *needs, struct device *dev,
		      const struct needs_run *in, const struct dma_buf_misfit *expected);
/* Make up to %NEEDS_RUNS runs, often adjacent and often aligned. Returns their number. */
unsigned int needs_random(struct rnd_state *rnd, struct dma_buf_run *runs);

static inline struct dma_buf_needs needs_both(struct dma_buf_needs a, struct dma_buf_needs b)
{
	dma_buf_needs_intersect(&a, &b);
	return a;
}

static inline bool needs_same(struct dma_buf_needs a, struct dma_buf_needs b)
{
	return a.reach == b.reach && a.contiguous == b.contiguous && a.granule == b.granule;
}

static inline bool needs_imply(struct dma_buf_needs a, struct dma_buf_needs b)
{
	return dma_buf_needs_imply(&a, &b);
}

#endif /* _DMA_BUF_TESTS_NEEDS_H */
