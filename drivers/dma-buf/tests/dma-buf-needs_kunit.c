// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of needs: which memory fits, and the laws of combining needs.
 *
 * There is no memory at the addresses. They are below 4 GiB, so that 32-bit machines have them.
 * Lengths are multiples of 64 KiB where they can be, the largest page size.
 */

#include <linux/dma-mapping.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "mock.h"
#include "needs.h"

/**
 * struct fit_row - needs, runs, and the first need that the runs do not meet
 * @desc: description
 * @needs: the needs
 * @runs: the runs
 * @misfit: expected misfit
 */
struct fit_row {
	const char *desc;
	struct dma_buf_needs needs;
	struct needs_run runs[NEEDS_RUNS];
	struct dma_buf_misfit misfit;
};

static const struct fit_row fit_rows[] = {
	{ "nothing needed", {}, { { SZ_1G, SZ_64K }, { SZ_1M, SZ_64K } } },
	{ "nothing needed of no runs", {} },

	{ "contiguous in one run", { .contiguous = SZ_1M }, { { SZ_1G, SZ_1M } } },
	{ "contiguous in adjacent runs", { .contiguous = SZ_1M },
	  { { SZ_1G, SZ_512K }, { SZ_1G + SZ_512K, SZ_512K } } },
	{ "the start contiguous", { .contiguous = SZ_128K },
	  { { SZ_1G, SZ_128K }, { SZ_1M, SZ_64K } } },
	{ "contiguous, some bytes of a page", { .contiguous = SZ_64K + 1 },
	  { { SZ_1G, SZ_64K + PAGE_SIZE }, { SZ_1M, SZ_64K } } },
	{ "contiguous, a byte too few", { .contiguous = SZ_64K + 1 },
	  { { SZ_1G, SZ_64K }, { SZ_1M, SZ_64K } }, { DMA_BUF_NEED_CONTIGUOUS, 1, SZ_64K } },
	{ "contiguous, the third run elsewhere", { .contiguous = SZ_256K },
	  { { SZ_1G, SZ_64K }, { SZ_1G + SZ_64K, SZ_64K }, { SZ_1M, SZ_128K } },
	  { DMA_BUF_NEED_CONTIGUOUS, 2, SZ_128K } },
	{ "contiguous, the second run below", { .contiguous = SZ_128K },
	  { { SZ_1G + SZ_64K, SZ_64K }, { SZ_1G, SZ_64K } },
	  { DMA_BUF_NEED_CONTIGUOUS, 1, SZ_64K } },
	{ "contiguous, memory too short", { .contiguous = SZ_128K }, { { SZ_1G, SZ_64K } },
	  { DMA_BUF_NEED_CONTIGUOUS, 1, SZ_64K } },
	{ "contiguous, no runs", { .contiguous = 1 }, {}, { DMA_BUF_NEED_CONTIGUOUS, 0, 0 } },

	{ "granule kept", { .granule = SZ_128K },
	  { { SZ_1G, SZ_128K }, { SZ_1M, SZ_1M }, { SZ_2G, SZ_128K } } },
	{ "granule, the last run shorter", { .granule = SZ_128K },
	  { { SZ_1G, SZ_128K }, { SZ_1M, SZ_64K } } },
	{ "granule, the only run shorter", { .granule = SZ_128K }, { { SZ_1G, SZ_64K } } },
	{ "granule, the first run shorter", { .granule = SZ_128K },
	  { { SZ_1G, SZ_64K }, { SZ_1M, SZ_128K } }, { DMA_BUF_NEED_GRANULE, 0, SZ_64K } },
	{ "granule, the second run not aligned", { .granule = SZ_256K },
	  { { SZ_1G, SZ_256K }, { SZ_1M + SZ_128K, SZ_256K } },
	  { DMA_BUF_NEED_GRANULE, 1, SZ_128K } },
	{ "granule, the last run not aligned", { .granule = SZ_128K },
	  { { SZ_1G + SZ_64K, SZ_64K } }, { DMA_BUF_NEED_GRANULE, 0, SZ_64K } },
	{ "granule, short runs that are adjacent", { .granule = SZ_128K },
	  { { SZ_1G, SZ_64K }, { SZ_1G + SZ_64K, SZ_64K }, { SZ_1M, SZ_64K } } },
	{ "granule, adjacent runs that are not aligned", { .granule = SZ_128K },
	  { { SZ_1M, SZ_128K }, { SZ_1G + SZ_64K, SZ_64K }, { SZ_1G + SZ_128K, SZ_64K } },
	  { DMA_BUF_NEED_GRANULE, 1, SZ_64K } },

	{ "contiguous and granule", { 0, SZ_128K, SZ_128K },
	  { { SZ_1G, SZ_128K }, { SZ_1M, SZ_64K } } },
	{ "neither contiguous nor granule", { 0, SZ_256K, SZ_128K },
	  { { SZ_1G, SZ_64K }, { SZ_1M, SZ_64K } }, { DMA_BUF_NEED_CONTIGUOUS, 1, SZ_64K } },
	{ "contiguous but not granule", { 0, SZ_64K, SZ_128K },
	  { { SZ_1G, SZ_64K }, { SZ_1M, SZ_64K } }, { DMA_BUF_NEED_GRANULE, 0, SZ_64K } },
	{ "reach of several devices is not compared", { .reach = SZ_1M - 1 },
	  { { SZ_1G, SZ_64K } } },
};

KUNIT_ARRAY_PARAM_DESC(fit, fit_rows, desc);

static void fit_tells_the_first_misfit(struct kunit *test)
{
	const struct fit_row *row = test->param_value;

	needs_expect_fit(test, &row->needs, NULL, row->runs, &row->misfit);
}

/* Text. */

static const struct {
	const char *text;
	struct dma_buf_needs needs;
} text_rows[] = {
	{ "nothing", {} },
	{ "addresses up to 0xfffffff", { .reach = DMA_BIT_MASK(28) } },
	{ "8388608 contiguous bytes", { .contiguous = SZ_8M } },
	{ "granule 65536", { .granule = SZ_64K } },
	{ "addresses up to 0xffffffff, granule 65536", { DMA_BIT_MASK(32), 0, SZ_64K } },
	{ "addresses up to 0xfffffff, 8388608 contiguous bytes, granule 65536",
	  { DMA_BIT_MASK(28), SZ_8M, SZ_64K } },
};

KUNIT_ARRAY_PARAM_DESC(text, text_rows, text);

static void print_describes_needs(struct kunit *test)
{
	const typeof(text_rows[0]) *row = test->param_value;
	char text[DMA_BUF_NEEDS_TEXT];

	KUNIT_EXPECT_EQ(test, dma_buf_needs_print(text, sizeof(text), &row->needs),
			strlen(row->text));
	KUNIT_EXPECT_STREQ(test, text, row->text);
}

static void print_fits_the_constant(struct kunit *test)
{
	struct dma_buf_needs most = { U64_MAX, SIZE_MAX, SIZE_MAX };
	char text[2 * DMA_BUF_NEEDS_TEXT];

	KUNIT_EXPECT_LT(test, dma_buf_needs_print(text, sizeof(text), &most),
			DMA_BUF_NEEDS_TEXT);
}

static void print_cuts_what_does_not_fit(struct kunit *test)
{
	struct dma_buf_needs most = { U64_MAX, SIZE_MAX, SIZE_MAX };

	for (size_t size = 1; size < DMA_BUF_NEEDS_TEXT; size++) {
		char text[DMA_BUF_NEEDS_TEXT + 1];
		size_t used;

		memset(text, '#', sizeof(text));
		used = dma_buf_needs_print(text, size, &most);
		KUNIT_EXPECT_LT(test, used, size);
		KUNIT_EXPECT_EQ(test, used, strlen(text));
		KUNIT_EXPECT_EQ(test, text[size], '#');
	}
}

/* Laws, over all combinations of these needs. */

static const u64 law_reaches[] = { 0, SZ_1M - 1, SZ_256M - 1, SZ_1G - 1 };
static const size_t law_contiguous[] = { 0, SZ_64K, SZ_128K, SZ_1M };
static const size_t law_granules[] = { 0, SZ_128K, SZ_1M };

#define LAW_NEEDS	(ARRAY_SIZE(law_reaches) * ARRAY_SIZE(law_contiguous) * \
			 ARRAY_SIZE(law_granules))

static struct dma_buf_needs law_needs(unsigned int i)
{
	struct dma_buf_needs needs = { .reach = law_reaches[i % ARRAY_SIZE(law_reaches)] };

	i /= ARRAY_SIZE(law_reaches);
	needs.contiguous = law_contiguous[i % ARRAY_SIZE(law_contiguous)];
	needs.granule = law_granules[i / ARRAY_SIZE(law_contiguous)];
	return needs;
}

static void intersection_has_a_neutral_need(struct kunit *test)
{
	const struct dma_buf_needs empty = {};

	KUNIT_EXPECT_TRUE(test, dma_buf_needs_empty(&empty));
	for (unsigned int i = 0; i < LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i);

		KUNIT_EXPECT_TRUE_MSG(test, needs_same(needs_both(a, empty), a), "%u", i);
		KUNIT_EXPECT_TRUE_MSG(test, needs_same(needs_both(empty, a), a), "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, dma_buf_needs_empty(&a), needs_same(a, empty), "%u", i);
	}
}

static void intersection_is_idempotent(struct kunit *test)
{
	for (unsigned int i = 0; i < LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i);

		KUNIT_EXPECT_TRUE_MSG(test, needs_same(needs_both(a, a), a), "%u", i);
	}
}

static void intersection_is_commutative(struct kunit *test)
{
	for (unsigned int i = 0; i < LAW_NEEDS * LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i % LAW_NEEDS), b = law_needs(i / LAW_NEEDS);

		if (!needs_same(needs_both(a, b), needs_both(b, a)))
			KUNIT_FAIL(test, "%u", i);
	}
}

static void intersection_is_associative(struct kunit *test)
{
	for (unsigned int i = 0; i < LAW_NEEDS * LAW_NEEDS * LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i % LAW_NEEDS);
		struct dma_buf_needs b = law_needs(i / LAW_NEEDS % LAW_NEEDS);
		struct dma_buf_needs c = law_needs(i / LAW_NEEDS / LAW_NEEDS);

		if (!needs_same(needs_both(needs_both(a, b), c), needs_both(a, needs_both(b, c))))
			KUNIT_FAIL(test, "%u", i);
	}
}

/* And what implies both implies the intersection, so that it asks for no more than they do. */
static void intersection_only_narrows(struct kunit *test)
{
	for (unsigned int i = 0; i < LAW_NEEDS * LAW_NEEDS * LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i % LAW_NEEDS);
		struct dma_buf_needs b = law_needs(i / LAW_NEEDS % LAW_NEEDS);
		struct dma_buf_needs c = law_needs(i / LAW_NEEDS / LAW_NEEDS);

		if (!needs_imply(needs_both(a, b), a) || !needs_imply(needs_both(a, b), b) ||
		    needs_imply(c, needs_both(a, b)) != (needs_imply(c, a) && needs_imply(c, b)))
			KUNIT_FAIL(test, "%u", i);
	}
}

static void implication_is_that_nothing_is_added(struct kunit *test)
{
	for (unsigned int i = 0; i < LAW_NEEDS * LAW_NEEDS; i++) {
		struct dma_buf_needs a = law_needs(i % LAW_NEEDS), b = law_needs(i / LAW_NEEDS);

		if (needs_imply(a, b) != needs_same(needs_both(a, b), a))
			KUNIT_FAIL(test, "%u", i);
	}
}

#define LAW_MEMORIES	300

static bool law_fits(struct dma_buf_needs needs, const struct dma_buf_run *runs,
		     unsigned int nr_runs)
{
	return dma_buf_needs_fit(&needs, NULL, runs, nr_runs, NULL);
}

static void what_fits_the_intersection_fits_each(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int fits = 0;

	prandom_seed_state(&rnd, 12);
	for (unsigned int i = 0; i < LAW_MEMORIES; i++) {
		struct dma_buf_run runs[NEEDS_RUNS];
		unsigned int n = needs_random(&rnd, runs);

		for (unsigned int j = 0; j < LAW_NEEDS * LAW_NEEDS; j++) {
			struct dma_buf_needs a = law_needs(j % LAW_NEEDS);
			struct dma_buf_needs b = law_needs(j / LAW_NEEDS);
			bool fit = law_fits(needs_both(a, b), runs, n);

			if (fit != (law_fits(a, runs, n) && law_fits(b, runs, n)))
				KUNIT_FAIL(test, "memory %u, needs %u", i, j);
			if (fit && needs_imply(a, b) && !law_fits(b, runs, n))
				KUNIT_FAIL(test, "memory %u, implied needs %u", i, j);
			fits += fit;
		}
	}
	/* Neither all nor none, or the memories would show nothing. */
	KUNIT_EXPECT_GT(test, fits, LAW_MEMORIES * LAW_NEEDS * LAW_NEEDS / 20);
	KUNIT_EXPECT_LT(test, fits, LAW_MEMORIES * LAW_NEEDS * LAW_NEEDS * 19 / 20);
}

/* A misfit is true: runs before it fit, and what it says that the memory had is not enough. */
static void misfits_are_exact(struct kunit *test)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 2011);
	for (unsigned int i = 0; i < LAW_MEMORIES * LAW_NEEDS; i++) {
		struct dma_buf_needs needs = law_needs(i % LAW_NEEDS);
		struct dma_buf_run runs[NEEDS_RUNS];
		unsigned int n = needs_random(&rnd, runs);
		struct dma_buf_misfit misfit;

		if (dma_buf_needs_fit(&needs, NULL, runs, n, &misfit))
			continue;
		if (misfit.need == DMA_BUF_NEED_CONTIGUOUS) {
			KUNIT_EXPECT_LE(test, misfit.run, n);
			KUNIT_EXPECT_LT(test, misfit.had, needs.contiguous);
			needs.contiguous = misfit.had;
		} else {
			KUNIT_EXPECT_EQ(test, misfit.need, DMA_BUF_NEED_GRANULE);
			KUNIT_EXPECT_LT(test, misfit.run, n);
			KUNIT_EXPECT_LT(test, misfit.had, needs.granule);
			needs.contiguous = 0;
			n = misfit.run;
		}
		needs.granule = misfit.need == DMA_BUF_NEED_GRANULE ? needs.granule : 0;
		KUNIT_EXPECT_TRUE(test, dma_buf_needs_fit(&needs, NULL, runs, n, NULL));
	}
}

static struct kunit_case dma_buf_needs_cases[] = {
	KUNIT_CASE_PARAM(fit_tells_the_first_misfit, fit_gen_params),
	KUNIT_CASE_PARAM(print_describes_needs, text_gen_params),
	KUNIT_CASE(print_fits_the_constant),
	KUNIT_CASE(print_cuts_what_does_not_fit),
	KUNIT_CASE(intersection_has_a_neutral_need),
	KUNIT_CASE(intersection_is_idempotent),
	KUNIT_CASE(intersection_is_commutative),
	KUNIT_CASE(intersection_is_associative),
	KUNIT_CASE(intersection_only_narrows),
	KUNIT_CASE(implication_is_that_nothing_is_added),
	KUNIT_CASE(what_fits_the_intersection_fits_each),
	KUNIT_CASE(misfits_are_exact),
	{}
};

static struct kunit_suite dma_buf_needs_suite = {
	.name = "dma_buf_needs",
	.init = mock_init,
	.test_cases = dma_buf_needs_cases,
};

kunit_test_suite(dma_buf_needs_suite);
