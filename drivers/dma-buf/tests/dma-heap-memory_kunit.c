// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the memory of the system heap and of the CMA heap, where the kernel has them.
 */

#include <linux/dma-heap.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "../heaps/heaps-private.h"
#include "storage.h"

static struct dma_heap *heap_by_name(struct kunit *test, const char *name)
{
	struct dma_heap *heap = dma_heap_find(name);

	if (!heap)
		kunit_skip(test, "this kernel has no heap %s", name);
	KUNIT_EXPECT_STREQ(test, dma_heap_get_name(heap), name);
	return heap;
}

/* Expect that the runs together have the size of the buffer and are all zero. */
static void heap_expect_zeroed(struct kunit *test, struct dma_buf *dmabuf, size_t size)
{
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;
	unsigned long pages = 0, dirty = 0;

	KUNIT_EXPECT_EQ(test, dmabuf->size, size);
	KUNIT_ASSERT_EQ(test, storage->nr_pages, size >> PAGE_SHIFT);
	for (unsigned int i = 0; i < storage->nr_runs; i++) {
		KUNIT_EXPECT_GT(test, storage->runs[i].nr_pages, 0);
		pages += storage->runs[i].nr_pages;
	}
	KUNIT_ASSERT_EQ(test, pages, storage->nr_pages);
	for (unsigned long i = 0; i < pages; i++)
		dirty += !!mock_page_read(storage, i);
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

static void heap_dirty(struct dma_buf *dmabuf)
{
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;

	for (unsigned long i = 0; i < storage->nr_pages; i++)
		mock_page_write(storage, i, 0xdeadbeef);
}

/* Sizes around the orders that the system heap allocates. */
static const struct {
	const char *desc;
	size_t len;
} size_rows[] = {
	{ "one page", PAGE_SIZE },
	{ "5000 bytes", 5000 },
	{ "three pages", 3 * PAGE_SIZE },
	{ "64 KiB", SZ_64K },
	{ "64 KiB and a page", SZ_64K + PAGE_SIZE },
	{ "1 MiB less a page", SZ_1M - PAGE_SIZE },
	{ "1 MiB", SZ_1M },
	{ "2 MiB", SZ_2M },
	{ "2 MiB, 1 MiB, 64 KiB and a page", SZ_2M + SZ_1M + SZ_64K + PAGE_SIZE },
	{ "8 MiB", SZ_8M },
};

KUNIT_ARRAY_PARAM_DESC(size, size_rows, desc);

/* Memory that was dirtied by its user before is zero for the next one. */
static void system_heap_memory_is_zero(struct kunit *test)
{
	const typeof(size_rows[0]) *row = test->param_value;
	struct dma_heap *heap = heap_by_name(test, "system");

	for (int i = 0; i < 3; i++) {
		struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap, row->len, O_RDWR, 0);

		mock_storage_own(test, dmabuf);
		heap_expect_zeroed(test, dmabuf, PAGE_ALIGN(row->len));
		heap_dirty(dmabuf);
		mock_storage_put(test, dmabuf);
	}
}

static void system_heap_access_mode(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "system");
	struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap, PAGE_SIZE, O_RDONLY, 0);

	mock_storage_own(test, dmabuf);
	KUNIT_EXPECT_TRUE(test, mock_storage_mode(dmabuf) == FMODE_READ);
}

/* At once, and without taking memory from others. */
static void system_heap_refuses_more_than_the_machine_has(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "system");
	size_t len = min_t(u64, SZ_1T, SIZE_MAX - PAGE_SIZE);
	ktime_t start = ktime_get();

	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_buffer_alloc(heap, len, O_RDWR, 0)), -ENOMEM);
	KUNIT_EXPECT_LT(test, ktime_ms_delta(ktime_get(), start), 1000);
}

static void system_heap_killed(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "system");
	struct dma_buf *dmabuf;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	dmabuf = dma_heap_buffer_alloc(heap, SZ_8M, O_RDWR, 0);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dmabuf), -EINTR);
}

static void system_heap_in_user_memory(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "system");
	struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap, SZ_256K, O_RDWR, 0);
	const unsigned long pages = SZ_256K >> PAGE_SHIFT;
	const struct dma_storage *storage;
	unsigned long addr;

	mock_storage_own(test, dmabuf);
	addr = mock_user_pages(test, dmabuf, 0, pages);
	storage = mock_storage_of(dmabuf)->storage;
	for (unsigned long i = 0; i < pages; i++)
		mock_user_write(test, addr + i * PAGE_SIZE, i + 1);
	for (unsigned long i = 0; i < pages; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(storage, i), i + 1);
	mock_user_unmap(test, addr, pages);
}

static struct kunit_case dma_heap_system_cases[] = {
	KUNIT_CASE_PARAM(system_heap_memory_is_zero, size_gen_params),
	KUNIT_CASE(system_heap_access_mode),
	KUNIT_CASE(system_heap_refuses_more_than_the_machine_has),
	KUNIT_CASE(system_heap_killed),
	KUNIT_CASE(system_heap_in_user_memory),
	{}
};

static struct kunit_suite dma_heap_system_suite = {
	.name = "dma_heap_system",
	.init = mock_init,
	.test_cases = dma_heap_system_cases,
};

static void cma_heap_memory_is_one_zeroed_run(struct kunit *test)
{
	const typeof(size_rows[0]) *row = test->param_value;
	struct dma_heap *heap = heap_by_name(test, "default_cma_region");

	for (int i = 0; i < 2; i++) {
		struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap, row->len, O_RDWR, 0);

		mock_storage_own(test, dmabuf);
		KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->nr_runs, 1);
		heap_expect_zeroed(test, dmabuf, PAGE_ALIGN(row->len));
		heap_dirty(dmabuf);
		mock_storage_put(test, dmabuf);
	}
}

static void cma_heap_refuses_more_than_the_region(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "default_cma_region");

	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_buffer_alloc(heap, SZ_1G, O_RDWR, 0)), -ENOMEM);
}

static void cma_heap_release_gives_the_memory_back(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "default_cma_region");

	/* Together more than the region. */
	for (int i = 0; i < 20; i++) {
		struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap, SZ_8M, O_RDWR, 0);

		mock_storage_own(test, dmabuf);
		mock_storage_put(test, dmabuf);
	}
}

/**
 * struct killing_ops - operations of a region whose take sends a fatal signal
 * @base: the operations
 * @real: operations of the region otherwise
 */
struct killing_ops {
	struct heap_region_ops base;
	const struct heap_region_ops *real;
};

static struct page *killing_take(struct heap_region *region, unsigned long nr_pages)
{
	const struct killing_ops *ops = container_of(region->ops, struct killing_ops, base);
	struct page *page = ops->real->take(region, nr_pages);

	send_sig(SIGKILL, current, 0);
	return page;
}

/*
 * The signal comes while the memory is cleared. One that is pending earlier makes cma_alloc()
 * fail.
 */
static void cma_heap_killed_gives_the_memory_back(struct kunit *test)
{
	struct dma_heap *heap = heap_by_name(test, "default_cma_region");
	struct heap_region *region = dma_heap_get_drvdata(heap);
	struct killing_ops ops = { .base = *region->ops, .real = region->ops };

	ops.base.take = killing_take;
	region->ops = &ops.base;
	for (int i = 0; i < 20; i++) {
		struct dma_buf *dmabuf;

		allow_signal(SIGKILL);
		dmabuf = dma_heap_buffer_alloc(heap, SZ_8M, O_RDWR, 0);
		flush_signals(current);
		disallow_signal(SIGKILL);
		KUNIT_EXPECT_EQ(test, PTR_ERR(dmabuf), -EINTR);
	}
	region->ops = ops.real;
	/* Would have exceeded the region, if nothing had been given back. */
	mock_storage_own(test, dma_heap_buffer_alloc(heap, SZ_8M, O_RDWR, 0));
}

static struct kunit_case dma_heap_cma_cases[] = {
	KUNIT_CASE_PARAM(cma_heap_memory_is_one_zeroed_run, size_gen_params),
	KUNIT_CASE(cma_heap_refuses_more_than_the_region),
	KUNIT_CASE(cma_heap_release_gives_the_memory_back),
	KUNIT_CASE(cma_heap_killed_gives_the_memory_back),
	{}
};

static struct kunit_suite dma_heap_cma_suite = {
	.name = "dma_heap_cma",
	.init = mock_init,
	.test_cases = dma_heap_cma_cases,
};

kunit_test_suites(&dma_heap_system_suite, &dma_heap_cma_suite);
