// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pool: blocks of freed buffers that are kept, and zeroed in the background.
 *
 * A buffer that is freed gives its blocks to the pool, up to a limit. A work item zeroes
 * them, so that the next buffer finds zeroed blocks and need not wait for that. It runs on an
 * unbound queue and yields after each block. A buffer that comes earlier takes a dirty block and
 * zeroes it itself. Pooled blocks are charged to nobody. The shrinker frees them when memory is
 * short, dirty ones first.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/vmstat.h>

#include "heaps-private.h"

/* A pool may keep this part of the memory, whatever the parameter says. */
#define HEAP_POOL_SHARE	16

static unsigned long heap_pool_limit(const struct heap_pool *pool)
{
	return min((u64)READ_ONCE(pool->max_mb) << (20 - PAGE_SHIFT),
		   (u64)totalram_pages() / HEAP_POOL_SHARE);
}

static void heap_pool_zero(struct page *page, unsigned int order)
{
	for (unsigned int i = 0; i < 1U << order; i++)
		clear_highpage(nth_page(page, i));
}

/* Remove a block from one of the lists of a bin. It still counts in nr_pages. */
static struct page *heap_pool_pop(struct heap_pool *pool, struct list_head *list,
				  unsigned long *length)
{
	struct page *page = list_first_entry_or_null(list, struct page, lru);

	lockdep_assert_held(&pool->lock);
	if (page) {
		list_del(&page->lru);
		(*length)--;
	}
	return page;
}

static void heap_pool_push(struct heap_pool *pool, struct page *page, struct list_head *list,
			   unsigned long *length)
{
	lockdep_assert_held(&pool->lock);
	list_add(&page->lru, list);
	(*length)++;
}

/*
 * Count pages that enter or leave the pool. MemAvailable contains them, since the shrinker
 * frees them.
 */
static void heap_pool_count(struct heap_pool *pool, struct page *page, long nr_pages)
{
	lockdep_assert_held(&pool->lock);
	pool->nr_pages += nr_pages;
	mod_node_page_state(page_pgdat(page), NR_KERNEL_MISC_RECLAIMABLE, nr_pages);
}

/**
 * heap_pool_take() - take a zeroed block
 * @pool: the pool
 * @bin: index of the order
 *
 * Context: Process context; may zero a block.
 * Return: The block, to be given back with heap_pool_give() or freed with __free_pages(); NULL
 * if there is none of this order.
 */
struct page *heap_pool_take(struct heap_pool *pool, unsigned int bin)
{
	struct heap_pool_bin *from = &pool->bins[bin];
	bool dirty = false;
	struct page *page;

	KUNIT_STATIC_STUB_REDIRECT(heap_pool_take, pool, bin);

	spin_lock(&pool->lock);
	page = heap_pool_pop(pool, &from->clean, &from->nr_clean);
	if (!page) {
		page = heap_pool_pop(pool, &from->dirty, &from->nr_dirty);
		dirty = page;
	}
	if (page)
		heap_pool_count(pool, page, -(1L << from->order));
	spin_unlock(&pool->lock);
	if (dirty)
		heap_pool_zero(page, from->order);
	return page;
}
EXPORT_SYMBOL_IF_KUNIT(heap_pool_take);

/* Memory that is broken must not come back. */
static bool heap_pool_is_broken(struct page *page)
{
	bool broken = false;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return false;
	for (unsigned long i = 0; i < compound_nr(page) && !broken; i++)
		broken = PageHWPoison(nth_page(page, i));
	return broken;
}

/*
 * A page that somebody still refers to must not become part of another buffer. KVM refers to a
 * page of a guest while it has it mapped for itself, also after the program has unmapped it.
 */
static bool heap_pool_is_unused(struct page *page)
{
	return page_ref_count(page) == 1;
}

static struct heap_pool_bin *heap_pool_find_bin(struct heap_pool *pool, unsigned int order)
{
	for (int i = 0; i < HEAP_POOL_ORDERS; i++)
		if (pool->bins[i].order == order)
			return &pool->bins[i];
	return NULL;
}

/**
 * heap_pool_give() - give a block to the pool
 * @pool: the pool
 * @page: first page of a compound page, or a single page, which no buffer has
 *
 * Context: Process context.
 * Return: false if the caller must free the block: the pool is full or has no bin for it, the
 * memory is broken, or somebody else refers to it.
 */
bool heap_pool_give(struct heap_pool *pool, struct page *page)
{
	struct heap_pool_bin *bin = heap_pool_find_bin(pool, compound_order(page));
	unsigned long nr_pages = compound_nr(page);
	bool fits = false;

	KUNIT_STATIC_STUB_REDIRECT(heap_pool_give, pool, page);

	if (!bin || !heap_pool_is_unused(page) || heap_pool_is_broken(page))
		return false;
	spin_lock(&pool->lock);
	if (pool->nr_pages + nr_pages <= heap_pool_limit(pool)) {
		fits = true;
		heap_pool_count(pool, page, nr_pages);
		heap_pool_push(pool, page, &bin->dirty, &bin->nr_dirty);
	}
	spin_unlock(&pool->lock);
	if (fits)
		queue_work(system_unbound_wq, &pool->clean_work);
	return fits;
}
EXPORT_SYMBOL_IF_KUNIT(heap_pool_give);

/* Free one block of the bin. Return the number of its pages, or 0 if there is no block. */
static unsigned long heap_pool_free_one(struct heap_pool *pool, struct heap_pool_bin *bin)
{
	unsigned long nr_pages = 1UL << bin->order;
	struct page *page;

	spin_lock(&pool->lock);
	page = heap_pool_pop(pool, &bin->dirty, &bin->nr_dirty) ?:
	       heap_pool_pop(pool, &bin->clean, &bin->nr_clean);
	if (page)
		heap_pool_count(pool, page, -(long)nr_pages);
	spin_unlock(&pool->lock);
	if (!page)
		return 0;
	__free_pages(page, bin->order);
	return nr_pages;
}

static unsigned long heap_pool_free(struct heap_pool *pool, unsigned long nr_pages)
{
	unsigned long freed = 0, got;

	for (int i = 0; i < HEAP_POOL_ORDERS; i++) {
		do {
			got = freed < nr_pages ? heap_pool_free_one(pool, &pool->bins[i]) : 0;
			freed += got;
		} while (got);
	}
	return freed;
}

/* Zero one dirty block of the bin. Return false if there is none. */
static bool heap_pool_clean_one(struct heap_pool *pool, struct heap_pool_bin *bin)
{
	struct page *page;

	spin_lock(&pool->lock);
	page = heap_pool_pop(pool, &bin->dirty, &bin->nr_dirty);
	spin_unlock(&pool->lock);
	if (!page)
		return false;

	heap_pool_zero(page, bin->order);

	spin_lock(&pool->lock);
	heap_pool_push(pool, page, &bin->clean, &bin->nr_clean);
	spin_unlock(&pool->lock);
	return true;
}

static void heap_pool_clean_work(struct work_struct *work)
{
	struct heap_pool *pool = container_of(work, struct heap_pool, clean_work);
	unsigned long nr_pages = READ_ONCE(pool->nr_pages), limit = heap_pool_limit(pool);

	if (nr_pages > limit)
		heap_pool_free(pool, nr_pages - limit);
	for (int i = 0; i < HEAP_POOL_ORDERS; i++)
		while (heap_pool_clean_one(pool, &pool->bins[i]))
			cond_resched();
}

static unsigned long heap_pool_shrink_count(struct shrinker *shrinker,
					    struct shrink_control *control)
{
	struct heap_pool *pool = shrinker->private_data;

	return READ_ONCE(pool->nr_pages) ?: SHRINK_EMPTY;
}

static unsigned long heap_pool_shrink_scan(struct shrinker *shrinker,
					   struct shrink_control *control)
{
	return heap_pool_free(shrinker->private_data, control->nr_to_scan) ?: SHRINK_STOP;
}

/**
 * heap_pool_init() - initialise an empty pool
 * @pool: the pool, whose limit is set
 * @orders: orders of its blocks, %HEAP_POOL_ORDERS of them
 *
 * Context: Process context; may sleep.
 * Return: 0, or %-ENOMEM.
 */
int heap_pool_init(struct heap_pool *pool, const unsigned int *orders)
{
	might_sleep();
	spin_lock_init(&pool->lock);
	INIT_WORK(&pool->clean_work, heap_pool_clean_work);
	for (int i = 0; i < HEAP_POOL_ORDERS; i++) {
		pool->bins[i].order = orders[i];
		INIT_LIST_HEAD(&pool->bins[i].clean);
		INIT_LIST_HEAD(&pool->bins[i].dirty);
	}

	pool->shrinker = shrinker_alloc(0, "dma-heap-pool");
	if (!pool->shrinker)
		return -ENOMEM;
	pool->shrinker->count_objects = heap_pool_shrink_count;
	pool->shrinker->scan_objects = heap_pool_shrink_scan;
	pool->shrinker->private_data = pool;
	shrinker_register(pool->shrinker);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(heap_pool_init);

/**
 * heap_pool_fini() - free the blocks of a pool that nobody uses any more
 * @pool: the pool
 *
 * Context: Process context; may sleep.
 */
void heap_pool_fini(struct heap_pool *pool)
{
	might_sleep();
	shrinker_free(pool->shrinker);
	cancel_work_sync(&pool->clean_work);
	heap_pool_free(pool, pool->nr_pages);
}
EXPORT_SYMBOL_IF_KUNIT(heap_pool_fini);

/**
 * heap_pool_trim() - free what is above the limit, after the limit has changed
 * @pool: the pool
 *
 * Context: Any; may be called before heap_pool_init().
 */
void heap_pool_trim(struct heap_pool *pool)
{
	if (pool->shrinker)
		queue_work(system_unbound_wq, &pool->clean_work);
}
EXPORT_SYMBOL_IF_KUNIT(heap_pool_trim);

/**
 * heap_pool_show() - print the state of a pool
 * @m: file in debugfs
 * @pool: the pool
 *
 * Context: Process context.
 */
void heap_pool_show(struct seq_file *m, struct heap_pool *pool)
{
	spin_lock(&pool->lock);
	seq_printf(m, "limit:\t%lu KiB\n", heap_pool_limit(pool) << (PAGE_SHIFT - 10));
	seq_printf(m, "kept:\t%lu KiB\n", pool->nr_pages << (PAGE_SHIFT - 10));
	for (int i = 0; i < HEAP_POOL_ORDERS; i++)
		seq_printf(m, "order %u:\t%lu zeroed, %lu not yet\n", pool->bins[i].order,
			   pool->bins[i].nr_clean, pool->bins[i].nr_dirty);
	spin_unlock(&pool->lock);
}
