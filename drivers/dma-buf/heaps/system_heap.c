// SPDX-License-Identifier: GPL-2.0-only
/*
 * System heap: buffers of pages of the page allocator.
 *
 * Large orders come first, because each run costs a segment in every table, a TLB entry of
 * an IOMMU, and time in a page fault. The heap can do without a large order, so the
 * allocation of one does not reclaim memory. An order that has failed is not tried again for
 * the same buffer.
 *
 * Blocks of freed buffers go to a pool, which zeroes them in the background.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "heaps-private.h"

/* 2 MiB for huge pages of the CPU (with pages of 4 KiB), 1 MiB and 64 KiB for IOMMUs. */
const unsigned int system_heap_orders[HEAP_POOL_ORDERS] = {
	ilog2(MAX(SZ_2M >> PAGE_SHIFT, 1)),
	ilog2(MAX(SZ_1M >> PAGE_SHIFT, 1)),
	ilog2(MAX(SZ_64K >> PAGE_SHIFT, 1)),
	0,
};

struct system_heap system_heap = {
	.pool = { .max_mb = 64 },
	.limits = {
		.cma.ops = PTR_IF(IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM_CMA),
				  &system_heap_cma_ops),
		.cma_percent = 50,
		.low_percent = 50,
	},
	.negotiate = true,
};
EXPORT_SYMBOL_IF_KUNIT(system_heap);

static gfp_t system_heap_gfp(unsigned int order)
{
	if (!order)
		return SYSTEM_HEAP_GFP | __GFP_RETRY_MAYFAIL;
	return (SYSTEM_HEAP_GFP & ~__GFP_RECLAIM) | __GFP_NORETRY;
}

/* A separate function, so that tests can make orders fail. */
struct page *system_heap_new_block(gfp_t gfp, unsigned int order)
{
	KUNIT_STATIC_STUB_REDIRECT(system_heap_new_block, gfp, order);

	return alloc_pages(gfp, order);
}
EXPORT_SYMBOL_IF_KUNIT(system_heap_new_block);

/* Allocate the largest block that fits. @first is the index of the first order to try. */
static struct page *system_heap_alloc_block(unsigned long nr_pages, unsigned int *first)
{
	for (; *first < ARRAY_SIZE(system_heap_orders); (*first)++) {
		unsigned int order = system_heap_orders[*first];
		struct page *page = NULL;

		if (nr_pages >= 1UL << order)
			page = heap_pool_take(&system_heap.pool, *first) ?:
			       system_heap_new_block(system_heap_gfp(order), order);
		if (page)
			return page;
	}
	return NULL;
}

/* A buffer may have millions of blocks, so this yields after each. */
static void system_heap_free_block(struct page *page)
{
	cond_resched();
	if (!heap_pool_give(&system_heap.pool, page))
		__free_pages(page, compound_order(page));
}

static void system_heap_free_blocks(struct list_head *blocks)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, blocks, lru)
		system_heap_free_block(page);
}

/* Return the number of blocks, which are added to the list, or an errno. */
static int system_heap_alloc_blocks(struct list_head *blocks, unsigned long nr_pages)
{
	unsigned int first = 0;
	int nr_blocks = 0;

	while (nr_pages) {
		struct page *page;

		if (fatal_signal_pending(current))
			return -EINTR;
		page = system_heap_alloc_block(nr_pages, &first);
		if (!page)
			return -ENOMEM;
		list_add_tail(&page->lru, blocks);
		nr_pages -= compound_nr(page);
		nr_blocks++;
	}
	return nr_blocks;
}

/* Each block of a run knows its size. */
static void system_heap_free_run(const struct dma_buf_run *run)
{
	unsigned long pfn = run->pfn;

	while (pfn < run->pfn + run->nr_pages) {
		struct page *page = pfn_to_page(pfn);

		pfn += compound_nr(page);
		system_heap_free_block(page);
	}
}

static void system_heap_free(struct dma_storage *base)
{
	struct heap_storage *storage = container_of(base, struct heap_storage, base);

	for (unsigned int i = 0; i < base->nr_runs; i++)
		system_heap_free_run(&base->runs[i]);
	kvfree(base->runs);
	heap_storage_fini(storage);
	kfree(storage);
}

static const struct dma_storage_ops system_heap_storage_ops = {
	.free = system_heap_free,
	.renew = system_heap_renew,
	.note = heap_lesson_note,
};

/* Called by sort(), which does not yield itself. */
static int system_heap_compare_runs(const void *a, const void *b)
{
	const struct dma_buf_run *one = a, *two = b;

	cond_resched();
	return one->pfn < two->pfn ? -1 : 1;
}

/*
 * Sort the runs by address and join adjacent ones. Each run costs a segment in every table, and
 * the blocks are all zero, so their order does not matter.
 */
static void system_heap_join_runs(struct dma_storage *storage)
{
	struct dma_buf_run *last = storage->runs, *run;

	sort(storage->runs, storage->nr_runs, sizeof(*run), system_heap_compare_runs, NULL);
	for (run = last + 1; run < storage->runs + storage->nr_runs; run++) {
		if (last->pfn + last->nr_pages == run->pfn)
			last->nr_pages += run->nr_pages;
		else
			*++last = *run;
	}
	storage->nr_runs = last + 1 - storage->runs;
}

/**
 * system_heap_set_runs() - set the runs of a storage
 * @storage: the storage
 * @blocks: list of its blocks
 * @nr_blocks: number of blocks
 *
 * Context: Process context; may sleep.
 * Return: 0, or %-ENOMEM.
 */
int system_heap_set_runs(struct dma_storage *storage, struct list_head *blocks,
			 unsigned int nr_blocks)
{
	struct dma_buf_run *run;
	struct page *page;

	storage->runs = dma_storage_alloc_array(nr_blocks, sizeof(*run));
	if (!storage->runs)
		return -ENOMEM;

	list_for_each_entry(page, blocks, lru) {
		run = &storage->runs[storage->nr_runs++];
		run->pfn = page_to_pfn(page);
		run->nr_pages = compound_nr(page);
	}
	system_heap_join_runs(storage);
	return 0;
}

static int system_heap_fill_storage(struct dma_storage *storage)
{
	LIST_HEAD(blocks);
	int ret;

	ret = system_heap_alloc_blocks(&blocks, storage->nr_pages);
	if (ret > 0)
		ret = system_heap_set_runs(storage, &blocks, ret);
	if (ret)
		system_heap_free_blocks(&blocks);
	return ret;
}

static struct dma_storage *system_heap_alloc_ordinary(const struct heap_storage *like)
{
	struct heap_storage *storage = kzalloc(sizeof(*storage), DMA_STORAGE_GFP);
	int ret;

	if (!storage)
		return ERR_PTR(-ENOMEM);
	storage->base.ops = &system_heap_storage_ops;
	ret = heap_storage_init_like(storage, like, true);
	if (ret)
		goto free_storage;
	ret = system_heap_fill_storage(&storage->base);
	if (ret)
		goto fini_storage;
	return &storage->base;

fini_storage:
	heap_storage_fini(storage);
free_storage:
	kfree(storage);
	return ERR_PTR(ret);
}

/* A lesson is tried first. If it fails, for whatever reason, ordinary memory is allocated. */
static struct dma_storage *system_heap_alloc_storage(const struct heap_storage *like)
{
	struct dma_storage *storage = ERR_PTR(-EOPNOTSUPP);
	struct heap_lesson lesson;
	bool learned;

	learned = heap_lessons_find(like->lessons, like->base.nr_pages, &lesson);
	if (learned)
		storage = system_heap_alloc_learned(like, &lesson);
	if (learned && storage == ERR_PTR(-EOPNOTSUPP)) {
		heap_lessons_forget(like->lessons, like->base.nr_pages);
		learned = false;
	}
	if (IS_ERR(storage))
		storage = system_heap_alloc_ordinary(like);
	if (!IS_ERR(storage))
		container_of(storage, struct heap_storage, base)->on_trial = learned;
	return storage;
}

static struct dma_buf *system_heap_allocate_for(struct dma_heap *heap, unsigned long len,
						u32 fd_flags, struct heap_lessons *lessons)
{
	struct dma_storage *storage;
	struct heap_storage like;

	/* Do not take all memory from others, only to find that it does not suffice. */
	if (len >> PAGE_SHIFT > totalram_pages())
		return ERR_PTR(-ENOMEM);
	heap_storage_describe(&like, heap, len >> PAGE_SHIFT, lessons);
	storage = system_heap_alloc_storage(&like);
	heap_storage_end_description(&like);
	if (IS_ERR(storage))
		return ERR_CAST(storage);
	return heap_storage_export(container_of(storage, struct heap_storage, base), fd_flags);
}

static struct dma_buf *system_heap_allocate(struct dma_heap *heap, unsigned long len,
					    u32 fd_flags, u64 heap_flags)
{
	return system_heap_allocate_for(heap, len, fd_flags, NULL);
}

/* For a file of the system heap. */
static struct dma_buf *system_heap_allocate_learned(struct heap_lessons *lessons,
						    unsigned long len, u32 fd_flags)
{
	return system_heap_allocate_for(lessons->heap, len, fd_flags, lessons);
}

static const struct dma_heap_ops system_heap_ops = {
	.allocate = system_heap_allocate,
};

/* At boot this runs before the heap is initialised. */
static int system_heap_set_pool_mb(const char *value, const struct kernel_param *param)
{
	int ret = param_set_uint(value, param);

	if (!ret)
		heap_pool_trim(&system_heap.pool);
	return ret;
}

static const struct kernel_param_ops system_heap_pool_mb_ops = {
	.set = system_heap_set_pool_mb,
	.get = param_get_uint,
};

module_param_cb(pool_mb, &system_heap_pool_mb_ops, &system_heap.pool.max_mb, 0644);
MODULE_PARM_DESC(pool_mb, "MiB of freed memory to keep for new buffers, at most 1/16 of the memory; 0: none (default: 64)");

module_param_named(negotiate, system_heap.negotiate, bool, 0644);
MODULE_PARM_DESC(negotiate, "Replace the memory of a buffer that does not fit a device (default: yes)");

static int system_heap_pool_show(struct seq_file *m, void *unused)
{
	heap_pool_show(m, &system_heap.pool);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(system_heap_pool);

static int __init system_heap_init(void)
{
	struct dma_heap_export_info info = {
		.name = "system",
		.ops = &system_heap_ops,
	};
	struct dma_heap *heap;
	int ret;

	ret = heap_pool_init(&system_heap.pool, system_heap_orders);
	if (ret)
		return ret;
	heap = dma_heap_add(&info);
	if (IS_ERR(heap)) {
		heap_pool_fini(&system_heap.pool);
		return PTR_ERR(heap);
	}
	dma_heap_set_learning(heap, system_heap_allocate_learned);
	dma_heap_debugfs_add("system_pool", &system_heap_pool_fops);
	return 0;
}
module_init(system_heap_init);
