// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of replacing: when a buffer keeps its storage, and what the new one has.
 */

#include <linux/iosys-map.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>

#include "storage.h"

static const struct replace_row {
	const char *desc;
	unsigned int old_runs;
	unsigned int old_pages;
	unsigned int new_runs;
	unsigned int new_pages;
} replace_rows[] = {
	{ "one page", 1, 1, 1, 1 },
	{ "one run to one run", 1, 8, 1, 8 },
	{ "one run to a run for each page", 1, 8, 8, 1 },
	{ "a run for each page to one run", 8, 1, 1, 8 },
	{ "runs that do not match", 4, 3, 3, 4 },
};

KUNIT_ARRAY_PARAM_DESC(replace, replace_rows, desc);

/* Fill a storage with numbers that depend on the page. */
static void replace_fill(struct mock_storage *storage)
{
	for (unsigned long i = 0; i < storage->base.nr_pages; i++)
		mock_page_write(&storage->base, i, i + 1);
}

/* Touch a buffer as the CPU does. */
static void replace_touch(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_vunmap_unlocked(dmabuf, &map);
}

/* Expect that a replacement fails and leaves all as it was. */
static void replace_expect_failure(struct kunit *test, struct dma_buf *dmabuf, int error)
{
	struct dma_storage_buffer *buffer = mock_storage_of(dmabuf);
	struct dma_storage *old = buffer->storage;
	struct mock_storage *new = mock_storage(test, 1, old->nr_pages);
	unsigned int generation = buffer->generation;

	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), error);
	KUNIT_EXPECT_PTR_EQ(test, buffer->storage, old);
	KUNIT_EXPECT_EQ(test, buffer->generation, generation);
	KUNIT_EXPECT_EQ(test, container_of(old, struct mock_storage, base)->freed, 0);
	/* The new storage is still the caller's. */
	KUNIT_EXPECT_EQ(test, new->freed, 0);
	mock_storage_free(new);
}

static void replace_expect_success(struct kunit *test, struct dma_buf *dmabuf)
{
	struct dma_storage *old = mock_storage_of(dmabuf)->storage;

	KUNIT_EXPECT_EQ(test, 0, mock_storage_replace(dmabuf,
						      mock_storage(test, 1, old->nr_pages)));
	KUNIT_EXPECT_EQ(test, container_of(old, struct mock_storage, base)->freed, 1);
}

static void replace_keeps_the_content(struct kunit *test)
{
	const struct replace_row *row = test->param_value;
	struct mock_storage *old = mock_storage(test, row->old_runs, row->old_pages);
	struct mock_storage *new = mock_storage(test, row->new_runs, row->new_pages);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);

	replace_touch(test, dmabuf);
	replace_fill(old);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), 0);
	for (unsigned long i = 0; i < new->base.nr_pages; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&new->base, i), i + 1);
	KUNIT_EXPECT_EQ(test, old->freed, 1);
	KUNIT_EXPECT_EQ(test, new->freed, 0);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, &new->base);
	KUNIT_EXPECT_TRUE(test, mock_storage_of(dmabuf)->touched);

	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, old->freed, 1);
	KUNIT_EXPECT_EQ(test, new->freed, 1);
}

static void replace_of_untouched_storage_copies_nothing(struct kunit *test)
{
	struct mock_storage *old = mock_storage(test, 2, 2), *new = mock_storage(test, 1, 4);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);

	/* Written behind the buffer's back, so that a copy would be seen. */
	replace_fill(old);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), 0);
	for (unsigned long i = 0; i < new->base.nr_pages; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&new->base, i), 0);
	KUNIT_EXPECT_FALSE(test, mock_storage_of(dmabuf)->touched);
	KUNIT_EXPECT_EQ(test, old->freed, 1);
}

static void replace_twice_keeps_the_content(struct kunit *test)
{
	struct mock_storage *old = mock_storage(test, 1, 4), *new = mock_storage(test, 4, 1);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);

	replace_touch(test, dmabuf);
	replace_fill(old);
	replace_expect_success(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), 0);
	for (unsigned long i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&new->base, i), i + 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 2);
}

static const struct {
	const char *desc;
	enum dma_data_direction dir;
} device_rows[] = {
	{ "bidirectional", DMA_BIDIRECTIONAL },
	{ "to device", DMA_TO_DEVICE },
	{ "from device", DMA_FROM_DEVICE },
};

KUNIT_ARRAY_PARAM_DESC(device, device_rows, desc);

static void replace_while_a_device_has_it_mapped(struct kunit *test)
{
	const typeof(device_rows[0]) *row = test->param_value;
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = mock_storage_map(attach, row->dir);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_ASSERT_PTR_EQ(test, mock_storage_map(attach, row->dir), sgt);
	replace_expect_failure(test, dmabuf, -EBUSY);
	mock_storage_unmap(attach, sgt, row->dir);
	replace_expect_failure(test, dmabuf, -EBUSY);
	mock_storage_unmap(attach, sgt, row->dir);
	/* The attachment alone does not matter. */
	replace_expect_success(test, dmabuf);
}

static void replace_while_the_kernel_has_it_mapped(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	replace_expect_failure(test, dmabuf, -EBUSY);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	replace_expect_success(test, dmabuf);
}

static void replace_while_a_move_is_pending(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_KERNEL);
	replace_expect_failure(test, dmabuf, -EBUSY);
	dma_fence_signal(fence);
	replace_expect_success(test, dmabuf);
}

static const struct {
	const char *desc;
	enum dma_resv_usage usage;
} usage_rows[] = {
	{ "write", DMA_RESV_USAGE_WRITE },
	{ "read", DMA_RESV_USAGE_READ },
	{ "bookkeep", DMA_RESV_USAGE_BOOKKEEP },
};

KUNIT_ARRAY_PARAM_DESC(usage, usage_rows, desc);

static void replace_ignores_other_fences(struct kunit *test)
{
	const typeof(usage_rows[0]) *row = test->param_value;
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, dmabuf, fence, row->usage);
	replace_expect_success(test, dmabuf);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
}

static void replace_ignores_cpu_access(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));

	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
	replace_expect_success(test, dmabuf);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
}

static void replace_killed_keeps_the_old_storage(struct kunit *test)
{
	struct mock_storage *old = mock_storage(test, 1, 4);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);

	replace_touch(test, dmabuf);
	replace_fill(old);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	replace_expect_failure(test, dmabuf, -EINTR);
	flush_signals(current);
	disallow_signal(SIGKILL);

	for (unsigned long i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&old->base, i), i + 1);
	replace_expect_success(test, dmabuf);
}

static void replace_shows_in_user_mappings(struct kunit *test)
{
	struct mock_storage *new = mock_storage(test, 2, 2);
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 4);

	for (int i = 0; i < 4; i++)
		mock_user_write(test, addr + i * PAGE_SIZE, i + 1);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), 0);

	/* All pages were zapped, and the first fault enters the new ones. */
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE), 0);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + i * PAGE_SIZE), i + 1);
	mock_user_write(test, addr + PAGE_SIZE, 11);
	KUNIT_EXPECT_EQ(test, mock_page_read(&new->base, 1), 11);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				mock_storage_pfn(&new->base, i));
	mock_user_unmap(test, addr, 4);
}

static void replace_zaps_every_user_mapping(struct kunit *test)
{
	struct mock_storage *new = mock_storage(test, 4, 1);
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 4));
	unsigned long all = mock_user_pages(test, dmabuf, 0, 4);
	unsigned long last = mock_user_pages(test, dmabuf, 3, 1);

	mock_user_write(test, all, 1);
	mock_user_write(test, last, 4);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, new), 0);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(all), 0);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(last), 0);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, all), 1);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, last), 4);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(last), mock_storage_pfn(&new->base, 3));
	mock_user_unmap(test, last, 1);
	mock_user_unmap(test, all, 4);
}

/* A failed replacement has zapped as well; the next fault enters the old pages again. */
static void replace_killed_shows_the_old_pages(struct kunit *test)
{
	struct mock_storage *old = mock_storage(test, 1, 4);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 4);

	mock_user_write(test, addr, 7);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	replace_expect_failure(test, dmabuf, -EINTR);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 7);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(addr), mock_storage_pfn(&old->base, 0));
	mock_user_unmap(test, addr, 4);
}

static struct kunit_case dma_storage_replace_cases[] = {
	KUNIT_CASE_PARAM(replace_keeps_the_content, replace_gen_params),
	KUNIT_CASE(replace_of_untouched_storage_copies_nothing),
	KUNIT_CASE(replace_twice_keeps_the_content),
	KUNIT_CASE_PARAM(replace_while_a_device_has_it_mapped, device_gen_params),
	KUNIT_CASE(replace_while_the_kernel_has_it_mapped),
	KUNIT_CASE(replace_while_a_move_is_pending),
	KUNIT_CASE_PARAM(replace_ignores_other_fences, usage_gen_params),
	KUNIT_CASE(replace_ignores_cpu_access),
	KUNIT_CASE(replace_killed_keeps_the_old_storage),
	KUNIT_CASE(replace_shows_in_user_mappings),
	KUNIT_CASE(replace_zaps_every_user_mapping),
	KUNIT_CASE(replace_killed_shows_the_old_pages),
	{}
};

static struct kunit_suite dma_storage_replace_suite = {
	.name = "dma_storage_replace",
	.init = mock_init,
	.test_cases = dma_storage_replace_cases,
};

kunit_test_suite(dma_storage_replace_suite);
