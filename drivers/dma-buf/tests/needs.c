// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs and needs, for the tests of needs.
 */

#include <linux/prandom.h>
#include <linux/sizes.h>

#include "needs.h"

void needs_expect(struct kunit *test, const char *set, const struct dma_buf_needs *needs,
		  const struct dma_buf_needs *expected)
{
	KUNIT_EXPECT_EQ_MSG(test, needs->reach, expected->reach, "%s", set);
	KUNIT_EXPECT_EQ_MSG(test, needs->contiguous, expected->contiguous, "%s", set);
	KUNIT_EXPECT_EQ_MSG(test, needs->granule, expected->granule, "%s", set);
}

static unsigned int needs_runs(const struct needs_run *in, struct dma_buf_run *out)
{
	unsigned int n = 0;

	for (; n < NEEDS_RUNS && in[n].bytes; n++) {
		out[n].pfn = in[n].start >> PAGE_SHIFT;
		out[n].nr_pages = in[n].bytes >> PAGE_SHIFT;
	}
	return n;
}

void needs_expect_fit(struct kunit *test, const struct dma_buf_needs *needs, struct device *dev,
		      const struct needs_run *in, const struct dma_buf_misfit *expected)
{
	struct dma_buf_run runs[NEEDS_RUNS];
	unsigned int nr_runs = needs_runs(in, runs);
	struct dma_buf_misfit misfit;

	memset(&misfit, 0xff, sizeof(misfit));
	KUNIT_EXPECT_EQ(test, dma_buf_needs_fit(needs, dev, runs, nr_runs, &misfit),
			!expected->need);
	KUNIT_EXPECT_EQ(test, misfit.need, expected->need);
	KUNIT_EXPECT_EQ(test, misfit.run, expected->run);
	KUNIT_EXPECT_EQ(test, misfit.had, expected->had);
	KUNIT_EXPECT_EQ(test, dma_buf_needs_fit(needs, dev, runs, nr_runs, NULL),
			!expected->need);
}

unsigned int needs_random(struct rnd_state *rnd, struct dma_buf_run *runs)
{
	unsigned int n = 1 + prandom_u32_state(rnd) % NEEDS_RUNS;
	u64 next = 0;

	for (unsigned int i = 0; i < n; i++) {
		u64 bytes = (u64)SZ_64K << prandom_u32_state(rnd) % 6;

		if (!i || prandom_u32_state(rnd) % 2)
			next = (u64)prandom_u32_state(rnd) % SZ_1G & -(u64)SZ_64K;
		runs[i].pfn = next >> PAGE_SHIFT;
		runs[i].nr_pages = bytes >> PAGE_SHIFT;
		next += bytes;
	}
	return n;
}
