// SPDX-License-Identifier: GPL-2.0-only
/*
 * Renewal: other memory for a buffer of the system heap that does not fit the devices.
 *
 * Memory comes from the page allocator, and if that has none that fits from the default CMA region.
 *
 * The page allocator knows zones, and not what a device reaches. So each block is checked. If it is
 * out of reach, this one and all further blocks come from the next lower zone. If buffers have so
 * much of its zone that the limit is reached, the search ends: devices that reach this zone leave
 * the lower ones to those that do not.
 *
 * The pool is not used. Its blocks come from anywhere, and would go to any buffer: low memory, of
 * which the page allocator keeps a reserve for those who need it, would be gone.
 *
 * Blocks are aligned to their size, so that one of at least the granule keeps the granule.
 */

#include <linux/dma-heap.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "heaps-private.h"

/**
 * struct system_heap_search - a search for blocks that fit
 * @request: what the blocks are needed for
 * @gfp: flags of each block
 * @smallest: order of the smallest block that fits
 * @zone: index of the zone that is searched
 * @first: index of the first order to try
 * @limited: a block was in reach, but the limit of its zone was reached
 */
struct system_heap_search {
	const struct dma_storage_request *request;
	gfp_t gfp;
	unsigned int smallest;
	unsigned int zone;
	unsigned int first;
	bool limited;
};

/* From the highest to the lowest. A zone that the machine lacks is a higher one. */
static const gfp_t system_heap_zones[] = { __GFP_HIGHMEM, 0, __GFP_DMA32, __GFP_DMA };

static unsigned int system_heap_highest_zone(const struct dma_buf_needs *needs)
{
	if (!needs->reach)
		return 0;
	return needs->reach > U32_MAX ? 1 : 2;
}

/* The smallest order is worth reclaiming memory, if the memory is. */
static gfp_t system_heap_search_gfp(const struct system_heap_search *search, unsigned int order)
{
	gfp_t gfp = (search->gfp & ~__GFP_HIGHMEM) | system_heap_zones[search->zone];

	if (order == search->smallest && !search->request->optional)
		return gfp | __GFP_RETRY_MAYFAIL;
	return (gfp & ~__GFP_RECLAIM) | __GFP_NORETRY;
}

static bool system_heap_is_reached(const struct system_heap_search *search, struct page *page,
				   unsigned int order)
{
	struct dma_buf_needs reach = { .reach = search->request->needs->reach };
	struct dma_storage_request request = *search->request;
	struct dma_buf_run run = { .pfn = page_to_pfn(page), .nr_pages = 1UL << order };

	request.needs = &reach;
	return dma_storage_request_fits(&request, &run, 1);
}

static bool system_heap_take_reached(struct system_heap_search *search, struct page *page,
				     unsigned int order)
{
	if (!system_heap_is_reached(search, page, order))
		return false;
	search->limited = !system_heap_low_take(page, 1UL << order);
	return !search->limited;
}

static struct page *system_heap_search_zone(struct system_heap_search *search,
					    unsigned long nr_pages)
{
	for (; search->first < HEAP_POOL_ORDERS; search->first++) {
		unsigned int order = max(system_heap_orders[search->first], search->smallest);
		struct page *page = NULL;

		if (nr_pages >= 1UL << order)
			page = system_heap_new_block(system_heap_search_gfp(search, order), order);
		if (page && system_heap_take_reached(search, page, order))
			return page;
		if (page)
			__free_pages(page, order);
		/* Another order of this zone does not help. */
		if (page || order == search->smallest)
			return NULL;
	}
	return NULL;
}

static struct page *system_heap_search_block(struct system_heap_search *search,
					     unsigned long nr_pages)
{
	struct page *page = system_heap_search_zone(search, nr_pages);

	while (!page && !search->limited && search->request->needs->reach &&
	       search->zone + 1 < ARRAY_SIZE(system_heap_zones)) {
		search->zone++;
		search->first = 0;
		page = system_heap_search_zone(search, nr_pages);
	}
	return page;
}

/* Return the number of blocks, which are added to the list, or an errno. */
static int system_heap_search_blocks(struct system_heap_search *search, struct list_head *blocks,
				     unsigned long nr_pages)
{
	int nr_blocks = 0;

	while (nr_pages) {
		struct page *page;

		if (fatal_signal_pending(current))
			return -EINTR;
		page = system_heap_search_block(search, nr_pages);
		if (!page)
			return -ENOMEM;
		list_add_tail(&page->lru, blocks);
		nr_pages -= compound_nr(page);
		nr_blocks++;
		cond_resched();
	}
	return nr_blocks;
}

static void system_heap_drop_block(struct page *page)
{
	system_heap_low_give(page, compound_nr(page));
	__free_pages(page, compound_order(page));
	cond_resched();
}

static void system_heap_drop_blocks(struct list_head *blocks)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, blocks, lru)
		system_heap_drop_block(page);
}

/* Each block of a run knows its size. */
static void system_heap_drop_run(const struct dma_buf_run *run)
{
	unsigned long pfn = run->pfn;

	while (pfn < run->pfn + run->nr_pages) {
		struct page *page = pfn_to_page(pfn);

		pfn += compound_nr(page);
		system_heap_drop_block(page);
	}
}

static void system_heap_free_renewed(struct dma_storage *base)
{
	struct heap_storage *storage = container_of(base, struct heap_storage, base);

	for (unsigned int i = 0; i < base->nr_runs; i++)
		system_heap_drop_run(&base->runs[i]);
	kvfree(base->runs);
	heap_storage_fini(storage);
	kfree(storage);
}

static const struct dma_storage_ops system_heap_renewed_ops = {
	.free = system_heap_free_renewed,
	.renew = system_heap_renew,
	.note = heap_lesson_note,
};

static int system_heap_fill_with_blocks(struct dma_storage *storage,
					struct system_heap_search *search)
{
	LIST_HEAD(blocks);
	int ret;

	search->smallest = get_order(search->request->needs->granule ?: PAGE_SIZE);
	ret = system_heap_search_blocks(search, &blocks, storage->nr_pages);
	if (ret > 0)
		ret = system_heap_set_runs(storage, &blocks, ret);
	if (ret)
		system_heap_drop_blocks(&blocks);
	return ret;
}

/* Free the pages of a block that a storage does not have, and make the others single pages. */
static void system_heap_trim_block(struct page *page, unsigned int order, unsigned long nr_pages)
{
	split_page(page, order);
	system_heap_low_give(page, (1UL << order) - nr_pages);
	for (unsigned long i = nr_pages; i < 1UL << order; i++)
		__free_page(nth_page(page, i));
}

static int system_heap_fill_with_one_block(struct dma_storage *storage,
					   struct system_heap_search *search)
{
	unsigned long nr_pages = storage->nr_pages;
	unsigned int order = get_order(nr_pages << PAGE_SHIFT);
	bool trim = nr_pages < 1UL << order;
	struct page *page;

	storage->runs = dma_storage_alloc_array(1, sizeof(*storage->runs));
	if (!storage->runs)
		return -ENOMEM;
	search->smallest = order;
	if (trim)
		search->gfp &= ~__GFP_COMP;
	page = system_heap_search_block(search, 1UL << order);
	if (!page) {
		kvfree(storage->runs);
		return -ENOMEM;
	}
	if (trim)
		system_heap_trim_block(page, order, nr_pages);
	storage->runs[0] = (struct dma_buf_run){ page_to_pfn(page), nr_pages };
	storage->nr_runs = 1;
	return 0;
}

static int system_heap_fill_with_fitting(struct dma_storage *storage,
					 const struct dma_storage_request *request)
{
	struct system_heap_search search = {
		.request = request,
		.gfp = SYSTEM_HEAP_GFP,
		.zone = system_heap_highest_zone(request->needs),
	};

	if (fatal_signal_pending(current))
		return -EINTR;
	if (request->needs->contiguous > PAGE_SIZE)
		return system_heap_fill_with_one_block(storage, &search);
	return system_heap_fill_with_blocks(storage, &search);
}

static struct dma_storage *system_heap_renew_blocks(const struct heap_storage *old,
						    const struct dma_storage_request *request)
{
	struct heap_storage *storage = kzalloc(sizeof(*storage), DMA_STORAGE_GFP);
	int ret;

	if (!storage)
		return ERR_PTR(-ENOMEM);
	storage->base.ops = &system_heap_renewed_ops;
	ret = heap_storage_init_like(storage, old, !request->optional);
	if (ret)
		goto free_storage;
	ret = system_heap_fill_with_fitting(&storage->base, request);
	if (ret)
		goto fini_storage;
	return &storage->base;

fini_storage:
	heap_storage_fini(storage);
free_storage:
	kfree(storage);
	return ERR_PTR(ret);
}

static unsigned long system_heap_lowest_pfn(void)
{
	unsigned long lowest = ULONG_MAX;
	struct pglist_data *node;

	for_each_online_pgdat(node)
		lowest = min(lowest, node->node_start_pfn);
	return lowest;
}

/* Tell whether the page allocator can have such memory, now or later. */
static bool system_heap_may_fit(const struct dma_buf_needs *needs, unsigned long nr_pages)
{
	if (needs->contiguous > PAGE_SIZE && get_order(nr_pages << PAGE_SHIFT) > MAX_PAGE_ORDER)
		return false;
	if (needs->granule > PAGE_SIZE << MAX_PAGE_ORDER)
		return false;
	return !needs->reach ||
	       needs->reach >> PAGE_SHIFT >= (u64)system_heap_lowest_pfn() + nr_pages - 1;
}

/* As system_heap_renew(). @old can be a description. */
static struct dma_storage *system_heap_alloc_fitting(const struct heap_storage *old,
						     const struct dma_storage_request *request)
{
	struct dma_storage *new = ERR_PTR(-EOPNOTSUPP), *cma;
	const struct dma_buf_needs *needs = request->needs;

	might_sleep();
	if (needs->granule && !IS_ALIGNED((u64)old->base.nr_pages << PAGE_SHIFT, needs->granule))
		return new;
	if (system_heap_may_fit(needs, old->base.nr_pages))
		new = system_heap_renew_blocks(old, request);
	if (!IS_ERR(new) || PTR_ERR(new) == -EINTR || request->optional)
		return new;

	cma = system_heap_cma_renew(old, needs->reach);
	if (!IS_ERR(cma) || PTR_ERR(cma) != -EOPNOTSUPP)
		new = cma;
	/* The allocator of CMA does not tell why it failed. */
	return IS_ERR(new) && fatal_signal_pending(current) ? ERR_PTR(-EINTR) : new;
}

/**
 * system_heap_renew() - &dma_storage_ops.renew
 * @base: storage of a buffer of the system heap
 * @request: what another storage is needed for
 *
 * Context: Reservation lock held; may sleep.
 * Return: The other storage, or an error pointer:
 *
 *   * %-ENOMEM - there is no such memory now, or its payer may not have it
 *   * %-EOPNOTSUPP - there is no such memory, the size of the buffer is no multiple of the
 *     granule, or negotiation is turned off
 *   * %-EINTR - a fatal signal came
 */
struct dma_storage *system_heap_renew(struct dma_storage *base,
				      const struct dma_storage_request *request)
{
	if (!READ_ONCE(system_heap.negotiate))
		return ERR_PTR(-EOPNOTSUPP);
	return system_heap_alloc_fitting(container_of(base, struct heap_storage, base), request);
}

/* No device is attached yet, so what was allocated is checked here. */
static struct dma_storage *system_heap_alloc_needed(const struct heap_storage *like,
						    const struct dma_buf_needs *needs)
{
	const struct dma_storage_request request = { .needs = needs };
	struct dma_storage *storage = system_heap_alloc_fitting(like, &request);

	if (IS_ERR(storage) || dma_storage_request_fits(&request, storage->runs, storage->nr_runs))
		return storage;
	storage->ops->free(storage);
	return ERR_PTR(-EOPNOTSUPP);
}

/**
 * system_heap_alloc_learned() - allocate a storage that meets the needs of a lesson
 * @like: description of the storage
 * @lesson: the lesson
 *
 * Context: Process context; may sleep.
 * Return: The storage, or an error pointer as from system_heap_renew().
 */
struct dma_storage *system_heap_alloc_learned(const struct heap_storage *like,
					      const struct heap_lesson *lesson)
{
	struct dma_buf_needs both = lesson->must;
	struct dma_storage *storage;

	dma_buf_needs_intersect(&both, &lesson->want);
	storage = system_heap_alloc_needed(like, &both);
	if (IS_ERR(storage) && !dma_buf_needs_imply(&lesson->must, &lesson->want))
		storage = system_heap_alloc_needed(like, &lesson->must);
	return storage;
}
