// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator of the system heap in tests.
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/dma-heap.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "../needs/dma-buf-needs-private.h"
#include "heap-memory.h"

#define MEMORY_RESOURCE	"dmabuf-mock-memory"

static struct memory *memory_current(void)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = kunit_find_named_resource(test, MEMORY_RESOURCE);
	struct memory *memory = res->data;

	kunit_put_resource(res);
	return memory;
}

/* The first page of two. The second one goes back, and has an odd number. */
static struct page *memory_scattered_page(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

	if (!page)
		return NULL;
	split_page(page, 1);
	__free_page(nth_page(page, 1));
	return page;
}

static struct page *memory_new_block(gfp_t gfp, unsigned int order)
{
	struct memory *memory = memory_current();
	struct page *page;

	memory->zones[memory->calls++ % MEMORY_GIVEN_PAGES] = gfp & GFP_ZONEMASK;
	if (gfp & __GFP_RETRY_MAYFAIL)
		memory->insists = true;
	if (memory->fail_at && memory->calls >= memory->fail_at)
		return NULL;
	if (memory->calls <= memory->nr_given)
		return memory->given[memory->calls - 1];
	if (memory->scattered && order && !memory->blocks)
		return NULL;
	if (memory->scattered && !order)
		page = memory_scattered_page();
	else
		page = alloc_pages((gfp & __GFP_COMP) | GFP_KERNEL | __GFP_ZERO, order);
	memory->lost |= !page;
	return page;
}

static struct page *memory_empty_pool(struct heap_pool *pool, unsigned int bin)
{
	return NULL;
}

static bool memory_full_pool(struct heap_pool *pool, struct page *page)
{
	memory_current()->pooled++;
	return false;
}

void memory_count(struct dma_heap *heap, int buffers, long nr_pages)
{
	struct memory *memory = memory_current();

	memory->buffers += buffers;
	memory->nr_pages += nr_pages;
}

static struct dma_buf_dma_facts memory_get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = U64_MAX,
		.bounce = memory_current()->bounce,
	};
}

static void memory_restore_cma(void *percent)
{
	system_heap.limits.cma_percent = (unsigned long)percent;
}

void memory_set_cma_percent(struct kunit *test, unsigned int percent)
{
	unsigned long before = system_heap.limits.cma_percent;

	system_heap.limits.cma_percent = percent;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, memory_restore_cma,
							   (void *)before));
}

struct memory *memory_begin(struct kunit *test)
{
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	struct memory *memory = kunit_kzalloc(test, sizeof(*memory), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res, MEMORY_RESOURCE,
							  memory));
	memory_set_cma_percent(test, 0);
	kunit_activate_static_stub(test, system_heap_new_block, memory_new_block);
	kunit_activate_static_stub(test, heap_pool_take, memory_empty_pool);
	kunit_activate_static_stub(test, heap_pool_give, memory_full_pool);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, memory_get_facts);
	return memory;
}

struct dma_buf *memory_buffer(struct kunit *test, struct memory *memory, unsigned long pages)
{
	struct dma_heap *heap = dma_heap_find("system");
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	memory->scattered = true;
	dmabuf = dma_heap_buffer_alloc(heap, pages << PAGE_SHIFT, O_RDWR, 0);
	memory->scattered = false;
	memory->calls = 0;
	mock_storage_own(test, dmabuf);
	KUNIT_ASSERT_EQ(test, mock_storage_of(dmabuf)->storage->nr_runs, pages);
	return dmabuf;
}

u64 memory_give_pages(struct kunit *test, struct memory *memory)
{
	for (int i = 0; i < 3; i++) {
		struct page *page = memory_scattered_page();
		int at = i;

		KUNIT_ASSERT_NOT_NULL(test, page);
		for (; at && page_to_pfn(page) > page_to_pfn(memory->given[at - 1]); at--)
			memory->given[at] = memory->given[at - 1];
		memory->given[at] = page;
	}
	memory->nr_given = 3;
	return PFN_PHYS(page_to_pfn(memory->given[2]) + 1) - 1;
}

static int memory_low_zone(const struct page *page)
{
	return page == memory_current()->given[0];
}

static unsigned long memory_zone_pages(int zone)
{
	return zone ? 0 : MEMORY_LOW_PAGES;
}

static void memory_restore_low(void *percent)
{
	system_heap.limits.low_percent = (unsigned long)percent;
}

void memory_limit_low(struct kunit *test, unsigned int percent)
{
	unsigned long before = system_heap.limits.low_percent;

	KUNIT_ASSERT_EQ(test, memory_low_pages(), 0);
	system_heap.limits.low_percent = percent;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, memory_restore_low,
							   (void *)before));
	kunit_activate_static_stub(test, system_heap_low_zone, memory_low_zone);
	kunit_activate_static_stub(test, system_heap_zone_pages, memory_zone_pages);
}

long memory_low_pages(void)
{
	return atomic64_read(&system_heap.limits.low_pages[0]) +
	       atomic64_read(&system_heap.limits.low_pages[1]);
}

int memory_attach(struct dma_buf *dmabuf, struct device *dev, struct dma_buf_needs needs)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, &needs);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(dmabuf, attach);
	return 0;
}
