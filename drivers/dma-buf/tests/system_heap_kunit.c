// SPDX-License-Identifier: GPL-2.0-only
/*
 * The blocks of the system heap: in which order it asks for them, how it goes on without those
 * that it cannot get, and what it does not do for them.
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/dma-heap.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/sizes.h>

#include "../heaps/heaps-private.h"
#include "storage.h"

#define ASKED_RESOURCE	"dmabuf-mock-asked"

/**
 * struct asked - what the heap has asked the page allocator for
 * @failing: orders that the page allocator does not have, as a bitmap
 * @text: the orders, with "x" where it had none, and with how often it was asked in sequence
 * @used: bytes of @text before the last order
 * @order: the last order
 * @count: how often it was asked for
 * @reclaiming: number of large blocks for which memory would have been reclaimed
 * @killing: number of pages for which a process could have been killed
 * @lost: a block was missing that should not have been
 */
struct asked {
	unsigned long failing;
	char text[64];
	size_t used;
	unsigned int order;
	unsigned int count;
	unsigned int reclaiming;
	unsigned int killing;
	bool lost;
};

static struct asked *asked_current(void)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = kunit_find_named_resource(test, ASKED_RESOURCE);
	struct asked *asked = res->data;

	kunit_put_resource(res);
	return asked;
}

static void asked_record(struct asked *asked, unsigned int order, bool fails)
{
	if (asked->count && asked->order != order) {
		asked->used = strlen(asked->text);
		asked->count = 0;
	}
	asked->order = order;
	asked->count++;
	scnprintf(asked->text + asked->used, sizeof(asked->text) - asked->used, "%s%u%s*%u",
		  asked->used ? " " : "", order, fails ? "x" : "", asked->count);
}

static struct page *asked_new_block(gfp_t gfp, unsigned int order)
{
	struct asked *asked = asked_current();
	bool fails = asked->failing & BIT(order);
	struct page *page;

	asked_record(asked, order, fails);
	if (order)
		asked->reclaiming += !!(gfp & __GFP_RECLAIM);
	else
		asked->killing += !(gfp & __GFP_RETRY_MAYFAIL);
	if (fails)
		return NULL;
	/* The test needs the block, also if its memory has to be reclaimed. */
	page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO | __GFP_NOWARN, order);
	asked->lost |= !page;
	return page;
}

static struct page *asked_empty_pool(struct heap_pool *pool, unsigned int bin)
{
	return NULL;
}

static struct asked *asked_begin(struct kunit *test, unsigned long failing)
{
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	struct asked *asked = kunit_kzalloc(test, sizeof(*asked), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_NOT_NULL(test, asked);
	asked->failing = failing;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res, ASKED_RESOURCE,
							  asked));
	kunit_activate_static_stub(test, system_heap_new_block, asked_new_block);
	kunit_activate_static_stub(test, heap_pool_take, asked_empty_pool);
	return asked;
}

/* The orders are those of pages of 4 KiB. */
static const struct {
	const char *desc;
	size_t len;
	unsigned long failing;
	const char *asked;
	int ret;
} block_rows[] = {
	{ "a block of each order", SZ_2M + SZ_1M + SZ_64K + SZ_4K, 0, "9*1 8*1 4*1 0*1" },
	{ "no block is too large", SZ_1M - SZ_4K, 0, "4*15 0*15" },
	{ "no blocks of 2 MiB", SZ_4M + SZ_64K, BIT(9), "9x*1 8*4 4*1" },
	{ "no blocks of 1 MiB", SZ_2M + SZ_1M, BIT(8), "9*1 8x*1 4*16" },
	{ "pages only", SZ_2M, BIT(9) | BIT(8) | BIT(4), "9x*1 8x*1 4x*1 0*512" },
	{ "no pages", SZ_64K + SZ_4K, BIT(0), "4*1 0x*1", -ENOMEM },
};

KUNIT_ARRAY_PARAM_DESC(block, block_rows, desc);

/*
 * The largest blocks come first. An order that fails is not tried again, and is no reason to
 * reclaim memory. Where even pages are missing the allocation fails, and nobody is killed.
 */
static void buffer_has_the_largest_blocks(struct kunit *test)
{
	const typeof(block_rows[0]) *row = test->param_value;
	struct dma_heap *heap = dma_heap_find("system");
	struct dma_buf *dmabuf;
	struct asked *asked;

	if (PAGE_SIZE != SZ_4K)
		kunit_skip(test, "for pages of 4 KiB");
	KUNIT_ASSERT_NOT_NULL(test, heap);
	asked = asked_begin(test, row->failing);
	dmabuf = dma_heap_buffer_alloc(heap, row->len, O_RDWR, 0);
	if (!IS_ERR(dmabuf))
		mock_storage_own(test, dmabuf);
	if (asked->lost)
		kunit_skip(test, "memory is fragmented");
	KUNIT_EXPECT_STREQ(test, asked->text, row->asked);
	KUNIT_EXPECT_EQ(test, asked->reclaiming, 0);
	KUNIT_EXPECT_EQ(test, asked->killing, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), row->ret);
	if (!IS_ERR(dmabuf))
		KUNIT_EXPECT_EQ(test, dmabuf->size, row->len);
}

static struct kunit_case dma_heap_blocks_cases[] = {
	KUNIT_CASE_PARAM(buffer_has_the_largest_blocks, block_gen_params),
	{}
};

static struct kunit_suite dma_heap_blocks_suite = {
	.name = "dma_heap_blocks",
	.init = mock_init,
	.test_cases = dma_heap_blocks_cases,
};

kunit_test_suite(dma_heap_blocks_suite);
