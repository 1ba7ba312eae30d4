// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region heaps, on a carve-out of pages of the page allocator: which runs they give, and
 * what is left after failures.
 */

#include <linux/dma-heap.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "../heaps/heaps-private.h"
#include "storage.h"

#define REGION_ORDER	6
#define REGION_PAGES	BIT(REGION_ORDER)
#define REGION_HEAP	"kunit_carveout"

static void region_free_action(void *page)
{
	__free_pages(page, REGION_ORDER);
}

static void region_destroy_action(void *region)
{
	carveout_heap_destroy(region);
}

/* A region that ends with the test. */
static struct heap_region *region_new(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, REGION_ORDER);
	struct heap_region *region;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, region_free_action, page));
	region = carveout_heap_create(page_to_pfn(page), REGION_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, region);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, region_destroy_action, region));
	return region;
}

static unsigned long region_longest(struct heap_region *region)
{
	return region->ops->longest_free_run(region);
}

static const unsigned long run_rows[] = { 1, 2, 3, 5, 16, 33, 63, 64 };

static void run_to_desc(const unsigned long *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu pages", *row);
}

KUNIT_ARRAY_PARAM(run, run_rows, run_to_desc);

/* Each run lies in the region, overlaps no other, and is aligned to its size. */
static void runs_fill_the_region(struct kunit *test)
{
	struct heap_region *region = region_new(test);
	const unsigned long nr_pages = *(const unsigned long *)test->param_value;
	const unsigned long align = roundup_pow_of_two(nr_pages);
	DECLARE_BITMAP(used, REGION_PAGES) = {};
	struct page *first = NULL, *page;
	unsigned int count = 0;

	while ((page = region->ops->take(region, nr_pages))) {
		first = first ?: page;
		KUNIT_ASSERT_LE(test, page - first + nr_pages, REGION_PAGES);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(page_to_pfn(page), align));
		for (unsigned long i = 0; i < nr_pages; i++)
			KUNIT_EXPECT_FALSE(test, test_and_set_bit(page - first + i, used));
		count++;
	}
	KUNIT_EXPECT_EQ(test, count, REGION_PAGES / align);
	for (unsigned long i = 0; i < count; i++)
		region->ops->give(region, first + i * align, nr_pages);
	KUNIT_EXPECT_EQ(test, region_longest(region), REGION_PAGES);
}

/* 100 rounds leave nothing behind. */
static void fragmented_region_recovers(struct kunit *test)
{
	struct heap_region *region = region_new(test);
	struct page *pages[REGION_PAGES], *whole;

	for (int round = 0; round < 100; round++) {
		for (unsigned long i = 0; i < REGION_PAGES; i++) {
			pages[i] = region->ops->take(region, 1);
			KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		}
		KUNIT_EXPECT_EQ(test, region_longest(region), 0);
		KUNIT_EXPECT_NULL(test, region->ops->take(region, 1));
		for (unsigned long i = 0; i < REGION_PAGES; i += 2)
			region->ops->give(region, pages[i], 1);
		KUNIT_EXPECT_EQ(test, region_longest(region), 1);
		KUNIT_EXPECT_NULL(test, region->ops->take(region, 2));
		for (unsigned long i = 1; i < REGION_PAGES; i += 2)
			region->ops->give(region, pages[i], 1);
		whole = region->ops->take(region, REGION_PAGES);
		KUNIT_ASSERT_NOT_NULL(test, whole);
		region->ops->give(region, whole, REGION_PAGES);
	}
}

static const struct {
	const char *desc;
	unsigned long bitmap;
	unsigned long bits;
	unsigned long longest;
} bitmap_rows[] = {
	{ "empty", 0x0, 20, 20 },
	{ "full", 0xfffff, 20, 0 },
	{ "at the start", 0xffff0, 20, 4 },
	{ "at the end", 0x01fff, 20, 7 },
	{ "in the middle", 0xff00f, 20, 8 },
	{ "the last of three", 0x03f77, 20, 6 },
	{ "bits behind the end", 0x0000f, 8, 4 },
};

KUNIT_ARRAY_PARAM_DESC(bitmap, bitmap_rows, desc);

static void longest_free_run_of_a_bitmap(struct kunit *test)
{
	const typeof(bitmap_rows[0]) *row = test->param_value;

	KUNIT_EXPECT_EQ(test, heap_region_longest_free_run(&row->bitmap, row->bits), row->longest);
}

/* A heap cannot be removed, so this one and its pages stay. */
static struct heap_region *region_heap(struct kunit *test, struct dma_heap **heap)
{
	static struct heap_region *region;
	struct page *page;

	if (!region) {
		page = alloc_pages(GFP_KERNEL, REGION_ORDER);
		KUNIT_ASSERT_NOT_NULL(test, page);
		region = carveout_heap_create(page_to_pfn(page), REGION_PAGES);
		KUNIT_ASSERT_NOT_NULL(test, region);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap_region_add(region, REGION_HEAP));
	}
	*heap = dma_heap_find(REGION_HEAP);
	KUNIT_ASSERT_NOT_NULL(test, *heap);
	KUNIT_ASSERT_EQ(test, region_longest(region), REGION_PAGES);
	return region;
}

/* The memory that the buffer before has dirtied is zero, in one run. */
static void buffer_is_one_zeroed_run(struct kunit *test)
{
	const unsigned long nr_pages = *(const unsigned long *)test->param_value;
	struct heap_region *region;
	struct dma_heap *heap;

	region = region_heap(test, &heap);
	for (int i = 0; i < 2; i++) {
		struct dma_buf *dmabuf;
		const struct dma_storage *storage;

		dmabuf = dma_heap_buffer_alloc(heap, nr_pages << PAGE_SHIFT, O_RDWR, 0);
		mock_storage_own(test, dmabuf);
		storage = mock_storage_of(dmabuf)->storage;
		KUNIT_EXPECT_EQ(test, storage->nr_runs, 1);
		KUNIT_ASSERT_EQ(test, storage->nr_pages, nr_pages);
		for (unsigned long page = 0; page < nr_pages; page++) {
			KUNIT_EXPECT_EQ(test, mock_page_read(storage, page), 0);
			mock_page_write(storage, page, 0xdeadbeef);
		}
		mock_storage_put(test, dmabuf);
		KUNIT_EXPECT_EQ(test, region_longest(region), REGION_PAGES);
	}
}

static void buffer_of_a_region_stays(struct kunit *test)
{
	struct dma_buf *dmabuf;
	struct dma_heap *heap;

	region_heap(test, &heap);
	dmabuf = dma_heap_buffer_alloc(heap, 2 * PAGE_SIZE, O_RDWR, 0);
	mock_storage_own(test, dmabuf);
	mock_storage_expect_fixed(test, dmabuf);
}

static void more_than_the_region_is_refused(struct kunit *test)
{
	struct dma_heap *heap;

	region_heap(test, &heap);
	for (unsigned long nr_pages = REGION_PAGES + 1; nr_pages <= SIZE_MAX >> PAGE_SHIFT;
	     nr_pages *= 2)
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				PTR_ERR(dma_heap_buffer_alloc(heap, nr_pages << PAGE_SHIFT,
							      O_RDWR, 0)));
}

static void killed_allocation_gives_the_run_back(struct kunit *test)
{
	struct heap_region *region;
	struct dma_buf *dmabuf;
	struct dma_heap *heap;

	region = region_heap(test, &heap);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	dmabuf = dma_heap_buffer_alloc(heap, REGION_PAGES << PAGE_SHIFT, O_RDWR, 0);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dmabuf), -EINTR);
	KUNIT_EXPECT_EQ(test, region_longest(region), REGION_PAGES);
}

static struct kunit_case dma_heap_region_cases[] = {
	KUNIT_CASE_PARAM(runs_fill_the_region, run_gen_params),
	KUNIT_CASE(fragmented_region_recovers),
	KUNIT_CASE_PARAM(longest_free_run_of_a_bitmap, bitmap_gen_params),
	KUNIT_CASE_PARAM(buffer_is_one_zeroed_run, run_gen_params),
	KUNIT_CASE(buffer_of_a_region_stays),
	KUNIT_CASE(more_than_the_region_is_refused),
	KUNIT_CASE(killed_allocation_gives_the_run_back),
	{}
};

static struct kunit_suite dma_heap_region_suite = {
	.name = "dma_heap_region",
	.init = mock_init,
	.test_cases = dma_heap_region_cases,
};

kunit_test_suites(&dma_heap_region_suite);
