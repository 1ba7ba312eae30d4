// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the kernel mapping: all pages in their order, until the last vunmap.
 */

#include <linux/iosys-map.h>

#include "storage.h"

static const struct vmap_row {
	const char *desc;
	unsigned int nr_runs;
	unsigned int pages_per_run;
} vmap_rows[] = {
	{ "one page", 1, 1 },
	{ "one run", 1, 8 },
	{ "a run for each page", 8, 1 },
	{ "runs of three pages", 3, 3 },
};

KUNIT_ARRAY_PARAM_DESC(vmap, vmap_rows, desc);

static u32 *vmap_page(const struct iosys_map *map, unsigned long page)
{
	return map->vaddr + (page << PAGE_SHIFT);
}

static void vmap_shows_the_pages_in_order(struct kunit *test)
{
	const struct vmap_row *row = test->param_value;
	struct mock_storage *storage = mock_storage(test, row->nr_runs, row->pages_per_run);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	struct iosys_map map;

	for (unsigned long i = 0; i < storage->base.nr_pages; i++)
		mock_page_write(&storage->base, i, i + 1);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	KUNIT_EXPECT_FALSE(test, map.is_iomem);
	for (unsigned long i = 0; i < storage->base.nr_pages; i++)
		KUNIT_EXPECT_EQ(test, *vmap_page(&map, i), i + 1);
	dma_buf_vunmap_unlocked(dmabuf, &map);
}

static void vmap_writes_the_pages(struct kunit *test)
{
	const struct vmap_row *row = test->param_value;
	struct mock_storage *storage = mock_storage(test, row->nr_runs, row->pages_per_run);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	for (unsigned long i = 0; i < storage->base.nr_pages; i++)
		*vmap_page(&map, i) = i + 1;
	dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	for (unsigned long i = 0; i < storage->base.nr_pages; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&storage->base, i), i + 1);
}

static void vunmap_of_the_last_user_unmaps(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 2, 2));
	struct dma_storage_buffer *buffer = mock_storage_of(dmabuf);
	struct iosys_map one, two;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &one));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &two));
	KUNIT_EXPECT_PTR_EQ(test, one.vaddr, two.vaddr);
	KUNIT_EXPECT_PTR_EQ(test, buffer->vaddr, one.vaddr);
	dma_buf_vunmap_unlocked(dmabuf, &one);
	KUNIT_EXPECT_PTR_EQ(test, buffer->vaddr, two.vaddr);
	dma_buf_vunmap_unlocked(dmabuf, &two);
	KUNIT_EXPECT_NULL(test, buffer->vaddr);
}

static void vmap_touches(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 2));
	struct dma_storage_buffer *buffer = mock_storage_of(dmabuf);
	struct iosys_map map;

	KUNIT_EXPECT_FALSE(test, buffer->touched);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	KUNIT_EXPECT_TRUE(test, buffer->touched);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_TRUE(test, buffer->touched);
}

static void vmap_after_a_replacement_has_the_new_pages(struct kunit *test)
{
	struct mock_storage *new = mock_storage(test, 4, 1);
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	for (int i = 0; i < 4; i++)
		*vmap_page(&map, i) = i + 1;
	dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	dma_buf_vunmap_unlocked(dmabuf, &map);

	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, new));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	for (int i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, *vmap_page(&map, i), i + 1);
		*vmap_page(&map, i) = i + 11;
	}
	dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&new->base, i), i + 11);
}

static struct kunit_case dma_storage_vmap_cases[] = {
	KUNIT_CASE_PARAM(vmap_shows_the_pages_in_order, vmap_gen_params),
	KUNIT_CASE_PARAM(vmap_writes_the_pages, vmap_gen_params),
	KUNIT_CASE(vunmap_of_the_last_user_unmaps),
	KUNIT_CASE(vmap_touches),
	KUNIT_CASE(vmap_after_a_replacement_has_the_new_pages),
	{}
};

static struct kunit_suite dma_storage_vmap_suite = {
	.name = "dma_storage_vmap",
	.init = mock_init,
	.test_cases = dma_storage_vmap_cases,
};

kunit_test_suite(dma_storage_vmap_suite);
