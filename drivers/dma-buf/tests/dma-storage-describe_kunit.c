// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what bufinfo and fdinfo show of a storage.
 */

#include <linux/iosys-map.h>
#include <linux/seq_file.h>

#include "storage.h"

#define PAGES		4

static void expect_memory(struct kunit *test, struct dma_buf *dmabuf, unsigned int runs,
			  unsigned long longest, unsigned int replaced, bool touched)
{
	char text[128] = "", expected[128];
	struct seq_file m = { .buf = text, .size = sizeof(text) };

	dma_resv_lock(dmabuf->resv, NULL);
	dmabuf->ops->describe(dmabuf, &m);
	dma_resv_unlock(dmabuf->resv);
	snprintf(expected, sizeof(expected), "runs=%u longest=%lu replaced=%u touched=%d", runs,
		 longest * PAGE_SIZE, replaced, touched);
	KUNIT_EXPECT_STREQ(test, text, expected);
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

static struct kunit_case dma_storage_describe_cases[] = {
	KUNIT_CASE_PARAM(runs_are_counted, shape_gen_params),
	KUNIT_CASE(adjacent_runs_are_one),
	KUNIT_CASE(replacements_are_counted),
	KUNIT_CASE(buffer_that_was_mapped_is_touched),
	{}
};

static struct kunit_suite dma_storage_describe_suite = {
	.name = "dma_storage_describe",
	.init = mock_init,
	.test_cases = dma_storage_describe_cases,
};

kunit_test_suite(dma_storage_describe_suite);
