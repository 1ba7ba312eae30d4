// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool of the system heap: what it keeps, zeroes and gives back.
 */

#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>

#include "../heaps/heaps-private.h"

static const unsigned int pool_orders[HEAP_POOL_ORDERS] = { 9, 8, 4, 0 };

static void pool_fini_action(void *pool)
{
	heap_pool_fini(pool);
}

static struct heap_pool *pool_new(struct kunit *test, unsigned int max_mb)
{
	struct heap_pool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->max_mb = max_mb;
	KUNIT_ASSERT_EQ(test, 0, heap_pool_init(pool, pool_orders));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pool_fini_action, pool));
	return pool;
}

static void pool_fill(struct page *page, int value)
{
	for (unsigned long i = 0; i < compound_nr(page); i++)
		memset_page(nth_page(page, i), 0, value, PAGE_SIZE);
}

static bool pool_is_zero(struct page *page)
{
	bool zero = true;

	for (unsigned long i = 0; i < compound_nr(page) && zero; i++) {
		void *vaddr = kmap_local_page(nth_page(page, i));

		zero = !memchr_inv(vaddr, 0, PAGE_SIZE);
		kunmap_local(vaddr);
	}
	return zero;
}

/* A block that is not zero. */
static struct page *pool_block(struct kunit *test, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, order);

	if (!page)
		kunit_skip(test, "no block of order %u", order);
	pool_fill(page, 0x5a);
	return page;
}

static void pool_give(struct kunit *test, struct heap_pool *pool, unsigned int order)
{
	struct page *page = pool_block(test, order);

	if (heap_pool_give(pool, page))
		return;
	__free_pages(page, order);
	KUNIT_FAIL(test, "a block of order %u was not taken", order);
}

static void pool_refuses(struct kunit *test, struct heap_pool *pool, unsigned int order)
{
	struct page *page = pool_block(test, order);

	if (heap_pool_give(pool, page))
		KUNIT_FAIL(test, "a block of order %u was taken", order);
	else
		__free_pages(page, order);
}

struct pool_row {
	const char *desc;
	unsigned int bin;
};

static const struct pool_row pool_rows[] = {
	{ "order 9", 0 }, { "order 8", 1 }, { "order 4", 2 }, { "order 0", 3 },
};

KUNIT_ARRAY_PARAM_DESC(pool, pool_rows, desc);

static void pool_zeroes_in_the_background(struct kunit *test)
{
	const struct pool_row *row = test->param_value;
	struct heap_pool *pool = pool_new(test, 8);
	struct heap_pool_bin *bin = &pool->bins[row->bin];
	struct page *page;

	pool_give(test, pool, bin->order);
	flush_work(&pool->clean_work);
	KUNIT_EXPECT_EQ(test, bin->nr_clean, 1);
	KUNIT_EXPECT_EQ(test, bin->nr_dirty, 0);
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 1UL << bin->order);

	page = heap_pool_take(pool, row->bin);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, compound_order(page), bin->order);
	KUNIT_EXPECT_TRUE(test, pool_is_zero(page));
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
	KUNIT_EXPECT_NULL(test, heap_pool_take(pool, row->bin));
	__free_pages(page, bin->order);
}

/* Whoever takes a block before it was zeroed in the background gets a zeroed one too. */
static void pool_zeroes_what_is_taken_early(struct kunit *test)
{
	const struct pool_row *row = test->param_value;
	struct heap_pool *pool = pool_new(test, 8);
	struct heap_pool_bin *bin = &pool->bins[row->bin];
	struct page *page;

	/* A disabled work item is not queued. */
	disable_work_sync(&pool->clean_work);
	pool_give(test, pool, bin->order);
	KUNIT_EXPECT_EQ(test, bin->nr_dirty, 1);
	page = heap_pool_take(pool, row->bin);
	enable_work(&pool->clean_work);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, pool_is_zero(page));
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
	__free_pages(page, bin->order);
}

static void pool_refuses_above_its_limit(struct kunit *test)
{
	struct heap_pool *pool = pool_new(test, 1);
	unsigned int order = ilog2(SZ_1M >> PAGE_SHIFT);

	if (order != 8)
		kunit_skip(test, "for pages of 4 KiB");
	pool_give(test, pool, order);
	pool_refuses(test, pool, 0);
}

static void pool_of_0_keeps_nothing(struct kunit *test)
{
	struct heap_pool *pool = pool_new(test, 0);

	pool_refuses(test, pool, 0);
	KUNIT_EXPECT_NULL(test, heap_pool_take(pool, 3));
}

/* The number of pages has more than 32 bits, and the lower ones are 0. */
static void pool_of_a_huge_limit_keeps_pages(struct kunit *test)
{
	pool_give(test, pool_new(test, BIT(32 - (20 - PAGE_SHIFT))), 0);
}

static void pool_refuses_blocks_of_another_order(struct kunit *test)
{
	pool_refuses(test, pool_new(test, 8), 1);
}

/* Memory with an error must not become part of another buffer. */
static void pool_refuses_broken_memory(struct kunit *test)
{
	struct heap_pool *pool = pool_new(test, 8);
	struct page *page = pool_block(test, 4);

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE)) {
		__free_pages(page, 4);
		kunit_skip(test, "a kernel without CONFIG_MEMORY_FAILURE");
	}
	SetPageHWPoison(page + 9);
	KUNIT_EXPECT_FALSE(test, heap_pool_give(pool, page));
	ClearPageHWPoison(page + 9);
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
	__free_pages(page, 4);
}

/* Who holds the reference may still access the memory. */
static void pool_refuses_memory_in_use(struct kunit *test)
{
	const struct pool_row *row = test->param_value;
	struct heap_pool *pool = pool_new(test, 8);
	struct page *page = pool_block(test, pool_orders[row->bin]);

	get_page(page);
	KUNIT_EXPECT_FALSE(test, heap_pool_give(pool, page));
	put_page(page);
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
	if (!pool->nr_pages)
		__free_pages(page, pool_orders[row->bin]);
}

static long pool_reclaimable(void)
{
	return global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
}

/* The counts of each CPU are not included, so the block is larger than they can be. */
static void pooled_memory_is_available(struct kunit *test)
{
	struct heap_pool *pool = pool_new(test, 8);
	long before = pool_reclaimable();

	pool_give(test, pool, 9);
	KUNIT_EXPECT_GE(test, pool_reclaimable() - before, 256);
	WRITE_ONCE(pool->max_mb, 0);
	heap_pool_trim(pool);
	flush_work(&pool->clean_work);
	KUNIT_EXPECT_LE(test, pool_reclaimable() - before, 256);
}

static void pool_whose_limit_is_lowered_is_trimmed(struct kunit *test)
{
	struct heap_pool *pool = pool_new(test, 8);

	for (int i = 0; i < HEAP_POOL_ORDERS; i++)
		pool_give(test, pool, pool_orders[i]);
	WRITE_ONCE(pool->max_mb, 0);
	heap_pool_trim(pool);
	flush_work(&pool->clean_work);
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
}

/* The parameter may be set before the pool exists. */
static void trim_before_init_does_nothing(struct kunit *test)
{
	struct heap_pool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	heap_pool_trim(pool);
	KUNIT_EXPECT_FALSE(test, work_pending(&pool->clean_work));
}

static void shrinker_frees_at_least_what_is_asked(struct kunit *test)
{
	struct shrink_control control = { .nr_to_scan = 17 };
	struct heap_pool *pool = pool_new(test, 8);
	struct shrinker *shrinker = pool->shrinker;

	KUNIT_EXPECT_EQ(test, shrinker->count_objects(shrinker, &control), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, shrinker->scan_objects(shrinker, &control), SHRINK_STOP);
	for (int i = 0; i < 4; i++)
		pool_give(test, pool, 4);
	KUNIT_EXPECT_EQ(test, shrinker->count_objects(shrinker, &control), 64);
	KUNIT_EXPECT_EQ(test, shrinker->scan_objects(shrinker, &control), 32);
	flush_work(&pool->clean_work);
	KUNIT_EXPECT_EQ(test, shrinker->count_objects(shrinker, &control), 32);
	control.nr_to_scan = 1000;
	KUNIT_EXPECT_EQ(test, shrinker->scan_objects(shrinker, &control), 32);
	KUNIT_EXPECT_EQ(test, pool->nr_pages, 0);
}

static struct kunit_case heap_pool_cases[] = {
	KUNIT_CASE_PARAM(pool_zeroes_in_the_background, pool_gen_params),
	KUNIT_CASE_PARAM(pool_zeroes_what_is_taken_early, pool_gen_params),
	KUNIT_CASE(pool_refuses_above_its_limit),
	KUNIT_CASE(pool_of_0_keeps_nothing),
	KUNIT_CASE(pool_of_a_huge_limit_keeps_pages),
	KUNIT_CASE(pool_refuses_blocks_of_another_order),
	KUNIT_CASE(pool_refuses_broken_memory),
	KUNIT_CASE_PARAM(pool_refuses_memory_in_use, pool_gen_params),
	KUNIT_CASE(pooled_memory_is_available),
	KUNIT_CASE(pool_whose_limit_is_lowered_is_trimmed),
	KUNIT_CASE(trim_before_init_does_nothing),
	KUNIT_CASE(shrinker_frees_at_least_what_is_asked),
	{}
};

static struct kunit_suite heap_pool_suite = {
	.name = "dma_heap_pool",
	.test_cases = heap_pool_cases,
};

kunit_test_suite(heap_pool_suite);
