// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what bufinfo and fdinfo show of a storage.
 */

#include <kunit/static_stub.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "storage.h"

#define PAGES		4

/*
 * Devices with this mask count as bounced. They reach all memory, so that they have a table on
 * machines without bounce buffers.
 */
#define MASK_63		DMA_BIT_MASK(63)

/* Return the text, with a NUL. */
static char *memory_text(struct kunit *test, struct dma_buf *dmabuf)
{
	struct seq_file m = { .size = SZ_2K };

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	dma_resv_lock(dmabuf->resv, NULL);
	dmabuf->ops->describe(dmabuf, &m);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_ASSERT_LT(test, m.count, m.size);
	return m.buf;
}

static void expect_memory(struct kunit *test, struct dma_buf *dmabuf, unsigned int runs,
			  unsigned long longest, unsigned int replaced, bool touched)
{
	char expected[128];

	snprintf(expected, sizeof(expected), "runs=%u longest=%lu replaced=%u touched=%d", runs,
		 longest * PAGE_SIZE, replaced, touched);
	KUNIT_EXPECT_STREQ(test, memory_text(test, dmabuf), expected);
}

static const struct shape {
	const char *desc;
	unsigned int runs;
	unsigned int pages;
} shapes[] = {
	{ "one page", 1, 1 },
	{ "one run", 1, PAGES },
	{ "several runs", 3, 2 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, desc);

static void runs_are_counted(struct kunit *test)
{
	const struct shape *row = test->param_value;
	struct mock_storage *storage = mock_storage(test, row->runs, row->pages);

	expect_memory(test, mock_storage_buffer(test, storage), row->runs, row->pages, 0, false);
}

/* The page allocator's blocks can be adjacent. A table has one segment for them. */
static void adjacent_runs_are_one(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 2, PAGES);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	struct dma_buf_run runs[3] = {
		{ storage->runs[0].pfn, 1 },
		{ storage->runs[0].pfn + 1, PAGES - 1 },
		storage->runs[1],
	};
	struct dma_storage shape = storage->base;
	struct dma_storage_buffer *buffer = dmabuf->priv;

	shape.runs = runs;
	shape.nr_runs = ARRAY_SIZE(runs);
	buffer->storage = &shape;
	expect_memory(test, dmabuf, 2, PAGES, 0, false);
	buffer->storage = &storage->base;
}

static void replacements_are_counted(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, PAGES, 1));

	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, mock_storage(test, 1, PAGES)));
	expect_memory(test, dmabuf, 1, PAGES, 1, false);
	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, mock_storage(test, 2, PAGES / 2)));
	expect_memory(test, dmabuf, 2, PAGES / 2, 2, false);
}

static void buffer_that_was_mapped_is_touched(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, PAGES, 1));
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_vunmap_unlocked(dmabuf, &map);
	expect_memory(test, dmabuf, PAGES, 1, 0, true);
}

static u64 bounced_by_mask(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;
	u64 bytes = 0;

	for_each_sgtable_sg(sgt, sg, i)
		bytes += sg->length;
	return *dev->dma_mask == MASK_63 ? bytes : 0;
}

static u64 no_limit(struct device *dev)
{
	return U64_MAX;
}

/* A buffer of PAGES, and what the DMA API would do with it. */
static struct dma_buf *bounced_buffer(struct kunit *test)
{
	mock_dma(test);
	kunit_activate_static_stub(test, dma_storage_bounced_bytes, bounced_by_mask);
	kunit_activate_static_stub(test, dma_storage_bounce_limit, no_limit);
	return mock_storage_buffer(test, mock_storage(test, 1, PAGES));
}

static struct dma_buf_attachment *attach_masked(struct kunit *test, struct dma_buf *dmabuf,
						u64 mask)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(dmabuf, mock_device_masked(test, mask));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	return attach;
}

static struct sg_table *map(struct kunit *test, struct dma_buf_attachment *attach,
			    enum dma_data_direction dir)
{
	struct sg_table *sgt = mock_storage_map(attach, dir);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	return sgt;
}

/* Expect that the line ends with the text, and that nothing before it tells of bounce buffers. */
static __printf(3, 4) void expect_bounced(struct kunit *test, struct dma_buf *dmabuf,
					  const char *format, ...)
{
	char *text = strstr(memory_text(test, dmabuf), " touched="), *expected;
	va_list args;

	KUNIT_ASSERT_NOT_NULL(test, text);
	va_start(args, format);
	expected = kvasprintf(GFP_KERNEL, format, args);
	va_end(args);
	KUNIT_ASSERT_NOT_NULL(test, expected);
	KUNIT_EXPECT_STREQ(test, text + strlen(" touched=0"), expected);
	kfree(expected);
}

static void devices_that_are_bounced_are_named(struct kunit *test)
{
	struct dma_buf *dmabuf = bounced_buffer(test);
	struct dma_buf_attachment *direct = attach_masked(test, dmabuf, U64_MAX);
	struct dma_buf_attachment *one = attach_masked(test, dmabuf, MASK_63);
	struct dma_buf_attachment *two = attach_masked(test, dmabuf, MASK_63);
	struct sg_table *sgt[3];

	/* The needs of a device hold nothing. */
	expect_bounced(test, dmabuf, "%s", "");
	sgt[0] = map(test, direct, DMA_TO_DEVICE);
	expect_bounced(test, dmabuf, "%s", "");
	sgt[1] = map(test, one, DMA_TO_DEVICE);
	expect_bounced(test, dmabuf, " bounced=%s/%lu", dev_name(one->dev), PAGES * PAGE_SIZE);
	sgt[2] = map(test, two, DMA_FROM_DEVICE);
	expect_bounced(test, dmabuf, " bounced=%s/%lu bounced=%s/%lu", dev_name(one->dev),
		       PAGES * PAGE_SIZE, dev_name(two->dev), PAGES * PAGE_SIZE);
	mock_storage_unmap(one, sgt[1], DMA_TO_DEVICE);
	expect_bounced(test, dmabuf, " bounced=%s/%lu", dev_name(two->dev), PAGES * PAGE_SIZE);
	mock_storage_unmap(two, sgt[2], DMA_FROM_DEVICE);
	expect_bounced(test, dmabuf, "%s", "");
	mock_storage_unmap(direct, sgt[0], DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, two);
	dma_buf_detach(dmabuf, one);
	dma_buf_detach(dmabuf, direct);
}

/* A second map of one direction shares the bounce buffers. */
static void each_mapping_is_named_once(struct kunit *test)
{
	struct dma_buf *dmabuf = bounced_buffer(test);
	struct dma_buf_attachment *attach = attach_masked(test, dmabuf, MASK_63);
	const char *device = dev_name(attach->dev);
	struct sg_table *to = map(test, attach, DMA_TO_DEVICE);
	struct sg_table *from = map(test, attach, DMA_FROM_DEVICE);

	KUNIT_EXPECT_PTR_EQ(test, map(test, attach, DMA_TO_DEVICE), to);
	expect_bounced(test, dmabuf, " bounced=%s/%lu bounced=%s/%lu", device, PAGES * PAGE_SIZE,
		       device, PAGES * PAGE_SIZE);
	mock_storage_unmap(attach, to, DMA_TO_DEVICE);
	mock_storage_unmap(attach, from, DMA_FROM_DEVICE);
	expect_bounced(test, dmabuf, " bounced=%s/%lu", device, PAGES * PAGE_SIZE);
	mock_storage_unmap(attach, to, DMA_TO_DEVICE);
	expect_bounced(test, dmabuf, "%s", "");
	dma_buf_detach(dmabuf, attach);
}

static void devices_beyond_the_limit_are_added_up(struct kunit *test)
{
	struct dma_buf *dmabuf = bounced_buffer(test);
	struct dma_buf_attachment *attach[18];
	struct sg_table *sgt[ARRAY_SIZE(attach)];
	unsigned int named = 0;
	char others[32], *text;

	for (int i = 0; i < ARRAY_SIZE(attach); i++) {
		attach[i] = attach_masked(test, dmabuf, MASK_63);
		sgt[i] = map(test, attach[i], DMA_TO_DEVICE);
	}
	text = memory_text(test, dmabuf);
	for (int i = 0; i < ARRAY_SIZE(attach); i++)
		named += !!strstr(text, dev_name(attach[i]->dev));
	KUNIT_EXPECT_EQ_MSG(test, named, 16, "%s", text);
	snprintf(others, sizeof(others), " bounced=others/%lu", 2 * PAGES * PAGE_SIZE);
	text = strstr(text, others);
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_STREQ(test, text, others);
	for (int i = 0; i < ARRAY_SIZE(attach); i++) {
		mock_storage_unmap(attach[i], sgt[i], DMA_TO_DEVICE);
		dma_buf_detach(dmabuf, attach[i]);
	}
}

static struct kunit_case dma_storage_describe_cases[] = {
	KUNIT_CASE_PARAM(runs_are_counted, shape_gen_params),
	KUNIT_CASE(adjacent_runs_are_one),
	KUNIT_CASE(replacements_are_counted),
	KUNIT_CASE(buffer_that_was_mapped_is_touched),
	KUNIT_CASE(devices_that_are_bounced_are_named),
	KUNIT_CASE(each_mapping_is_named_once),
	KUNIT_CASE(devices_beyond_the_limit_are_added_up),
	{}
};

static struct kunit_suite dma_storage_describe_suite = {
	.name = "dma_storage_describe",
	.init = mock_init,
	.test_cases = dma_storage_describe_cases,
};

kunit_test_suite(dma_storage_describe_suite);
