// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of resolving: what an attachment needs, and what bounce buffers cure.
 */

#include <linux/dma-direct.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock.h"
#include "needs.h"

#define NEEDS_LAST	(0x1ffffffffULL)	/* of a machine with 8 GiB */
#define NEEDS_NOTHING	(PAGE_SIZE - 1)		/* reach of a device that reaches nothing */

/* Windows with an offset, a gap and a second offset, as some system-on-chips have. */
static const struct bus_dma_region needs_windows[] = {
	{ .cpu_start = SZ_256M, .dma_start = 0, .size = SZ_256M },
	{ .cpu_start = SZ_1G, .dma_start = SZ_256M, .size = SZ_256M },
	{}
};

/* The kinds of device. SZ_256K is the usual length of a bounce buffer. */
#define DIRECT(bits)		.dma = DMA_BUF_DMA_DIRECT, .limit = DMA_BIT_MASK(bits), \
				.last = NEEDS_LAST
#define BOUNCED(bits)		DIRECT(bits), .bounce = SZ_256K
#define WINDOWS(limit_)		.dma = DMA_BUF_DMA_DIRECT, .limit = limit_, \
				.map = needs_windows, .last = NEEDS_LAST
#define IOMMU(boundary_)	.dma = DMA_BUF_DMA_IOMMU, .boundary = boundary_, .granule = SZ_4K
#define UNTRUSTED(bytes)	IOMMU(U64_MAX), .apart = true, .bounce = bytes

/**
 * struct resolve_row - a device, a statement, and what the attachment needs
 * @desc: description
 * @facts: facts of the device
 * @size: size of the buffer
 * @said: what the importer states
 * @ret: expected result
 * @must: expected &dma_buf_attach_needs.must
 * @want: expected &dma_buf_attach_needs.want
 * @stated: expected &dma_buf_attach_needs.stated
 */
struct resolve_row {
	const char *desc;
	struct dma_buf_dma_facts facts;
	size_t size;
	struct dma_buf_needs said;
	int ret;
	struct dma_buf_needs must;
	struct dma_buf_needs want;
	struct dma_buf_needs stated;
};

static const struct resolve_row resolve_rows[] = {
	{ "no DMA", { .dma = DMA_BUF_DMA_NONE }, SZ_1M },
	{ "no DMA, contiguous", { .dma = DMA_BUF_DMA_NONE }, SZ_1M, { .contiguous = SZ_1M } },
	{ "no DMA, longer than the buffer", { .dma = DMA_BUF_DMA_NONE }, SZ_1M,
	  { .contiguous = SZ_2M } },

	{ "64 bits", { DIRECT(64) }, SZ_1M },
	{ "33 bits are all of 8 GiB", { DIRECT(33) }, SZ_1M },
	{ "32 bits, no bounce buffers", { DIRECT(32) }, SZ_1M, .must = { DMA_BIT_MASK(32) } },
	{ "32 bits, bounced", { BOUNCED(32) }, SZ_1M, .want = { DMA_BIT_MASK(32) } },
	{ "64 bits, contiguous", { BOUNCED(64) }, SZ_1M, { .contiguous = SZ_1M },
	  .must = { .contiguous = SZ_1M }, .stated = { .contiguous = SZ_1M } },
	{ "28 bits, no bounce buffers, contiguous", { DIRECT(28) }, SZ_1M,
	  { .contiguous = SZ_512K }, .must = { DMA_BIT_MASK(28), SZ_512K },
	  .stated = { .contiguous = SZ_512K } },
	{ "28 bits, contiguous, longer than a bounce buffer", { BOUNCED(28) }, SZ_1M,
	  { .contiguous = SZ_1M }, .must = { DMA_BIT_MASK(28), SZ_1M },
	  .stated = { DMA_BIT_MASK(28), SZ_1M } },
	{ "28 bits, the start contiguous, longer than a bounce buffer", { BOUNCED(28) }, SZ_512K,
	  { .contiguous = SZ_64K }, .must = { DMA_BIT_MASK(28), SZ_64K },
	  .stated = { DMA_BIT_MASK(28), SZ_64K } },
	{ "28 bits, contiguous, fits a bounce buffer", { BOUNCED(28) }, SZ_256K,
	  { .contiguous = SZ_256K }, .must = { .contiguous = SZ_256K },
	  .want = { DMA_BIT_MASK(28) }, .stated = { .contiguous = SZ_256K } },
	{ "28 bits, granule", { BOUNCED(28) }, SZ_1M, { .granule = SZ_128K },
	  .must = { .granule = SZ_128K }, .want = { DMA_BIT_MASK(28) },
	  .stated = { .granule = SZ_128K } },
	{ "28 bits, granule, no bounce buffers", { DIRECT(28) }, SZ_1M, { .granule = SZ_128K },
	  .must = { DMA_BIT_MASK(28), 0, SZ_128K }, .stated = { .granule = SZ_128K } },
	{ "a granule that pages keep", { DIRECT(64) }, SZ_1M, { .granule = PAGE_SIZE } },
	{ "no mask bit, no bounce buffers", { DIRECT(0) }, SZ_1M, .must = { NEEDS_NOTHING } },
	{ "no mask bit, bounced", { BOUNCED(0) }, SZ_1M },

	{ "addresses with a bit for encryption",
	  { BOUNCED(64), .offset = BIT_ULL(47) }, SZ_1M },
	{ "32 bits and a bit for encryption",
	  { BOUNCED(32), .offset = BIT_ULL(47) }, SZ_1M },
	{ "32 bits and a bit for encryption, no bounce buffers",
	  { DIRECT(32), .offset = BIT_ULL(47) }, SZ_1M, .must = { NEEDS_NOTHING } },
	{ "an offset of 1 GiB", { DIRECT(32), .offset = SZ_1G }, SZ_1M,
	  .must = { SZ_4G - SZ_1G - 1 } },

	{ "everything bounced", { BOUNCED(32), .bounces_all = true }, SZ_1M },
	{ "everything bounced, no bounce buffers in reach",
	  { DIRECT(64), .bounces_all = true }, SZ_1M, .must = { NEEDS_NOTHING } },
	{ "everything bounced, no bounce buffers in reach, contiguous",
	  { DIRECT(64), .bounces_all = true }, SZ_1M, { .contiguous = SZ_64K },
	  .must = { NEEDS_NOTHING, SZ_64K }, .stated = { .contiguous = SZ_64K } },
	{ "everything bounced, contiguous, longer than a bounce buffer",
	  { BOUNCED(64), .bounces_all = true }, SZ_512K, { .contiguous = SZ_64K },
	  .ret = -EOPNOTSUPP },
	{ "everything bounced, contiguous, fits a bounce buffer",
	  { BOUNCED(64), .bounces_all = true }, SZ_256K, { .contiguous = SZ_64K },
	  .must = { .contiguous = SZ_64K }, .stated = { .contiguous = SZ_64K } },
	{ "nothing in reach, contiguous, longer than a bounce buffer", { BOUNCED(0) }, SZ_512K,
	  { .contiguous = SZ_512K }, .ret = -EOPNOTSUPP },

	{ "two windows", { WINDOWS(DMA_BIT_MASK(32)) }, SZ_1M,
	  .must = { SZ_1G + SZ_256M - 1 } },
	{ "two windows, bounced", { WINDOWS(DMA_BIT_MASK(32)), .bounce = SZ_256K }, SZ_1M,
	  .want = { SZ_1G + SZ_256M - 1 } },
	{ "two windows, the limit in the second", { WINDOWS(SZ_256M + SZ_128M - 1) }, SZ_1M,
	  .must = { SZ_1G + SZ_128M - 1 } },
	{ "two windows, the limit in the first", { WINDOWS(DMA_BIT_MASK(27)) }, SZ_1M,
	  .must = { SZ_256M + SZ_128M - 1 } },

	{ "IOMMU", { IOMMU(U64_MAX) }, SZ_1M },
	{ "IOMMU, contiguous", { IOMMU(U64_MAX) }, SZ_1M, { .contiguous = SZ_1M } },
	{ "IOMMU, contiguous up to the boundary", { IOMMU(SZ_1M - 1) }, SZ_1M,
	  { .contiguous = SZ_1M } },
	{ "IOMMU, contiguous, longer than the boundary", { IOMMU(SZ_1M - 1) }, SZ_1M + SZ_64K,
	  { .contiguous = SZ_512K }, .must = { .contiguous = SZ_512K },
	  .stated = { .contiguous = SZ_512K } },
	{ "IOMMU with large pages",
	  { .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M }, SZ_4M,
	  .must = { .granule = SZ_2M } },
	{ "IOMMU with large pages, contiguous",
	  { .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M }, SZ_4M,
	  { .contiguous = SZ_4M }, .must = { .granule = SZ_2M } },
	{ "IOMMU, granule stated", { IOMMU(U64_MAX) }, SZ_1M, { .granule = SZ_128K },
	  .must = { .granule = SZ_128K }, .stated = { .granule = SZ_128K } },

	{ "untrusted", { UNTRUSTED(SZ_256K) }, SZ_1M },
	{ "untrusted, contiguous", { UNTRUSTED(SZ_256K) }, SZ_1M, { .contiguous = SZ_1M },
	  .must = { .contiguous = SZ_1M }, .stated = { .contiguous = SZ_1M } },
	{ "untrusted, large pages, bounced",
	  { .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M, .apart = true,
	    .bounce = SZ_256K }, SZ_4M, .want = { .granule = SZ_2M } },
	{ "untrusted, large pages, bounced, contiguous",
	  { .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M, .apart = true,
	    .bounce = SZ_256K }, SZ_4M, { .contiguous = SZ_4M },
	  .must = { 0, SZ_4M, SZ_2M }, .stated = { 0, SZ_4M, SZ_2M } },
	{ "untrusted, large pages, no bounce buffers",
	  { .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M, .apart = true },
	  SZ_4M, .must = { .granule = SZ_2M } },

	{ "DMA operations of the platform", { .dma = DMA_BUF_DMA_OPS, .boundary = U32_MAX },
	  SZ_1M, { .contiguous = SZ_1M } },
	{ "DMA operations of the platform, longer than the boundary",
	  { .dma = DMA_BUF_DMA_OPS, .boundary = SZ_64K - 1 }, SZ_1M, { .contiguous = SZ_1M },
	  .must = { .contiguous = SZ_1M }, .stated = { .contiguous = SZ_1M } },

	{ "contiguous, longer than the buffer", { DIRECT(64) }, SZ_1M, { .contiguous = SZ_2M },
	  .ret = -EOPNOTSUPP },
	{ "IOMMU, contiguous, longer than the buffer", { IOMMU(U64_MAX) }, SZ_1M,
	  { .contiguous = SZ_2M }, .ret = -EOPNOTSUPP },
	{ "reach stated", { DIRECT(64) }, SZ_1M, { .reach = U32_MAX }, .ret = -EINVAL },
	{ "granule that is no power of two", { DIRECT(64) }, SZ_1M,
	  { .granule = 3 * SZ_64K }, .ret = -EINVAL },
	{ "no DMA, reach stated", { .dma = DMA_BUF_DMA_NONE }, SZ_1M, { .reach = U32_MAX },
	  .ret = -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(resolve, resolve_rows, desc);

static void resolve_tells_must_and_want(struct kunit *test)
{
	const struct resolve_row *row = test->param_value;
	struct dma_buf_attach_needs needs;

	memset(&needs, 0xff, sizeof(needs));
	KUNIT_EXPECT_EQ(test, row->ret,
			dma_buf_needs_resolve(&row->facts, &row->said, row->size, &needs));
	needs_expect(test, "must", &needs.must, &row->must);
	needs_expect(test, "want", &needs.want, &row->want);
	needs_expect(test, "stated", &needs.stated, &row->stated);
}

/* Devices for the laws of curing; each is resolved with and without bounce buffers. */
static const struct dma_buf_dma_facts cure_facts[] = {
	{ DIRECT(28) },
	{ DIRECT(64) },
	{ WINDOWS(DMA_BIT_MASK(32)) },
	{ IOMMU(U64_MAX), .apart = true },
	{ .dma = DMA_BUF_DMA_IOMMU, .boundary = U64_MAX, .granule = SZ_2M, .apart = true },
};

static const struct dma_buf_needs cure_said[] = {
	{}, { .granule = SZ_128K }, { .contiguous = SZ_128K }, { 0, SZ_256K, SZ_128K },
};

#define CURE_ROWS	(ARRAY_SIZE(cure_facts) * ARRAY_SIZE(cure_said))

static struct dma_buf_attach_needs cure(struct kunit *test, unsigned int row, size_t bounce,
					size_t size)
{
	struct dma_buf_dma_facts facts = cure_facts[row % ARRAY_SIZE(cure_facts)];
	struct dma_buf_attach_needs needs;

	facts.bounce = bounce;
	KUNIT_EXPECT_EQ(test, 0,
			dma_buf_needs_resolve(&facts, &cure_said[row / ARRAY_SIZE(cure_facts)],
					      size, &needs));
	return needs;
}

/* Bounce buffers only move needs from must to want: must and want together are the same. */
static void bouncing_drops_no_need(struct kunit *test)
{
	for (unsigned int i = 0; i < CURE_ROWS; i++) {
		struct dma_buf_attach_needs bare = cure(test, i, 0, SZ_512K);
		struct dma_buf_attach_needs bounced = cure(test, i, SZ_256K, SZ_512K);

		KUNIT_EXPECT_TRUE_MSG(test, dma_buf_needs_empty(&bare.want), "%u", i);
		KUNIT_EXPECT_TRUE_MSG(test, needs_same(needs_both(bounced.must, bounced.want),
						       bare.must), "%u", i);
		KUNIT_EXPECT_TRUE_MSG(test, needs_imply(bare.must, bounced.must), "%u", i);
	}
}

/* What the importer stated stays a must, with any bounce buffer. */
static void bouncing_cures_nothing_that_was_stated(struct kunit *test)
{
	for (unsigned int i = 0; i < CURE_ROWS; i++) {
		const struct dma_buf_needs *said = &cure_said[i / ARRAY_SIZE(cure_facts)];

		for (size_t bounce = 0; bounce <= SZ_1M; bounce += SZ_128K) {
			struct dma_buf_attach_needs needs = cure(test, i, bounce, SZ_512K);
			struct dma_buf_needs stated = needs.stated;

			KUNIT_EXPECT_TRUE_MSG(test, needs_imply(stated, *said), "%u", i);
			KUNIT_EXPECT_TRUE_MSG(test, needs_imply(needs.must, stated), "%u", i);
		}
	}
}

/* Cutting moves needs back: without contiguity always wanted, with it only if nothing is cut. */
static void cutting_and_contiguity_exclude_each_other(struct kunit *test)
{
	for (unsigned int i = 0; i < CURE_ROWS; i++) {
		const struct dma_buf_needs *said = &cure_said[i / ARRAY_SIZE(cure_facts)];
		struct dma_buf_attach_needs cut = cure(test, i, SZ_256K, SZ_512K);
		struct dma_buf_attach_needs whole = cure(test, i, SZ_256K, SZ_256K);

		if (said->contiguous) {
			KUNIT_EXPECT_TRUE_MSG(test, dma_buf_needs_empty(&cut.want), "%u", i);
			KUNIT_EXPECT_TRUE_MSG(test, needs_same(cut.must, cut.stated), "%u", i);
			KUNIT_EXPECT_TRUE_MSG(test, needs_same(needs_both(whole.must, whole.want),
							       cut.must), "%u", i);
		} else {
			KUNIT_EXPECT_TRUE_MSG(test, needs_same(cut.want, whole.want), "%u", i);
			KUNIT_EXPECT_TRUE_MSG(test, needs_same(cut.must, whole.must), "%u", i);
		}
		KUNIT_EXPECT_TRUE_MSG(test, needs_same(whole.must, whole.stated), "%u", i);
	}
}

/* Without a statement no attach is refused. */
static void a_device_alone_states_nothing(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(resolve_rows); i++) {
		struct dma_buf_attach_needs needs;

		KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_resolve(&resolve_rows[i].facts, NULL,
							       resolve_rows[i].size, &needs));
		KUNIT_EXPECT_TRUE_MSG(test, dma_buf_needs_empty(&needs.stated), "%s",
				      resolve_rows[i].desc);
		KUNIT_EXPECT_EQ_MSG(test, needs.must.contiguous, 0, "%s", resolve_rows[i].desc);
	}
}

static struct kunit_case dma_buf_needs_resolve_cases[] = {
	KUNIT_CASE_PARAM(resolve_tells_must_and_want, resolve_gen_params),
	KUNIT_CASE(bouncing_drops_no_need),
	KUNIT_CASE(bouncing_cures_nothing_that_was_stated),
	KUNIT_CASE(cutting_and_contiguity_exclude_each_other),
	KUNIT_CASE(a_device_alone_states_nothing),
	{}
};

static struct kunit_suite dma_buf_needs_resolve_suite = {
	.name = "dma_buf_needs_resolve",
	.init = mock_init,
	.test_cases = dma_buf_needs_resolve_cases,
};

kunit_test_suite(dma_buf_needs_resolve_suite);
