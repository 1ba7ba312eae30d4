// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of how many bounce buffers mappings may hold.
 *
 * Nothing is bounced: a mapping counts as the bytes of its table, and the limit is four pages.
 */

#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/cpumask.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "storage.h"
#include "threads.h"

static u64 all_bounced(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;
	u64 bytes = 0;

	for_each_sgtable_sg(sgt, sg, i)
		bytes += sg->length;
	return bytes;
}

static u64 four_pages(struct device *dev)
{
	return 4 * PAGE_SIZE;
}

/* Attach a new device to a new buffer. */
static struct dma_buf_attachment *limited_attach(struct kunit *test, unsigned int pages)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, pages));

	return mock_attach(test, dmabuf, NULL);
}

static struct mock_dma *limited_dma(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_storage_bounced_bytes, all_bounced);
	kunit_activate_static_stub(test, dma_storage_bounce_limit, four_pages);
	KUNIT_ASSERT_EQ(test, dma_storage_bounce_held(), 0);
	return mock_dma(test);
}

static void map_above_the_limit_is_refused(struct kunit *test)
{
	struct mock_dma *dma = limited_dma(test);
	struct dma_buf_attachment *one = limited_attach(test, 3), *two = limited_attach(test, 2);
	struct dma_buf_attachment *three = limited_attach(test, 1);
	struct sg_table *first = mock_storage_map(one, DMA_TO_DEVICE), *second;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mock_storage_map(two, DMA_TO_DEVICE)), -EIO);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock_storage_of(two->dmabuf)->mappings));
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 3 * PAGE_SIZE);
	/* Those that fit are not refused, up to the last byte. */
	second = mock_storage_map(three, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 4 * PAGE_SIZE);
	mock_storage_unmap(three, second, DMA_TO_DEVICE);
	mock_storage_unmap(one, first, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);

	second = mock_storage_map(two, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	mock_storage_unmap(two, second, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma),
			   "mt,dt,mt,dt,ct,ut,ct,ut,mt,dt,ct,ut");
}

/* Four pages, and another mapping begins while the limit is asked for. */
static u64 four_pages_while_other_begins(struct device *dev)
{
	static const struct dma_storage_mapping other = { .bounced = PAGE_SIZE };
	static bool nested;

	if (nested)
		return 4 * PAGE_SIZE;
	nested = true;
	if (dma_storage_bounce_take(&other))
		KUNIT_FAIL(kunit_get_current_test(), "the other mapping is refused");
	else
		dma_storage_bounce_give(&other);
	nested = false;
	return 4 * PAGE_SIZE;
}

static void refused_map_refuses_no_other(struct kunit *test)
{
	struct dma_buf_attachment *attach;

	limited_dma(test);
	kunit_activate_static_stub(test, dma_storage_bounce_limit, four_pages_while_other_begins);
	attach = limited_attach(test, 5);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mock_storage_map(attach, DMA_TO_DEVICE)), -EIO);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);
}

/* Takes in one turn: enough for the turns of two threads to overlap on two CPUs. */
#define TAKES	100000

static bool take_too_much(void *held)
{
	bool refused = true;

	for (int i = 0; i < TAKES; i++)
		refused &= !dma_storage_take_limited(held, 5, 4);
	return refused;
}

static bool take_all(void *held)
{
	for (int i = 0; i < TAKES; i++) {
		if (!dma_storage_take_limited(held, 4, 4))
			return false;
		atomic64_sub(4, held);
	}
	return true;
}

static void refused_taker_refuses_no_other(struct kunit *test)
{
	atomic64_t *held = kunit_kzalloc(test, sizeof(*held), GFP_KERNEL);
	struct mock_job jobs[] = {
		{ .turn = take_too_much, .data = held },
		{ .turn = take_all, .data = held },
	};

	KUNIT_ASSERT_NOT_NULL(test, held);
	if (num_online_cpus() == 1)
		kunit_skip(test, "needs two CPUs");
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_EQ(test, atomic64_read(held), 0);
}

static void each_mapping_counts_once(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct sg_table *to, *from;

	limited_dma(test);
	attach = limited_attach(test, 2);
	to = mock_storage_map(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_PTR_EQ(test, mock_storage_map(attach, DMA_TO_DEVICE), to);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 2 * PAGE_SIZE);
	from = mock_storage_map(attach, DMA_FROM_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, from);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 4 * PAGE_SIZE);
	mock_storage_unmap(attach, to, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 4 * PAGE_SIZE);
	mock_storage_unmap(attach, to, DMA_TO_DEVICE);
	mock_storage_unmap(attach, from, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);
}

static void map_that_fails_holds_nothing(struct kunit *test)
{
	struct mock_dma *dma = limited_dma(test);
	struct dma_buf_attachment *attach = limited_attach(test, 4);

	dma->error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mock_storage_map(attach, DMA_TO_DEVICE)), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);
}

static void device_that_reaches_all_holds_nothing(struct kunit *test)
{
	struct dma_buf_attachment *attach = limited_attach(test, 4);
	struct sg_table *sgt;

	if (is_swiotlb_force_bounce(attach->dev))
		kunit_skip(test, "the kernel parameter swiotlb=force bounces all");
	mock_dma(test);
	sgt = mock_storage_map(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), 0);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
}

static struct kunit_case dma_storage_bounce_limit_cases[] = {
	KUNIT_CASE(map_above_the_limit_is_refused),
	KUNIT_CASE(refused_map_refuses_no_other),
	KUNIT_CASE(refused_taker_refuses_no_other),
	KUNIT_CASE(each_mapping_counts_once),
	KUNIT_CASE(map_that_fails_holds_nothing),
	KUNIT_CASE(device_that_reaches_all_holds_nothing),
	{}
};

static struct kunit_suite dma_storage_bounce_limit_suite = {
	.name = "dma_storage_bounce_limit",
	.init = mock_init,
	.test_cases = dma_storage_bounce_limit_cases,
};

kunit_test_suite(dma_storage_bounce_limit_suite);
