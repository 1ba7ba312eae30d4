// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other memory for buffers of the system heap: what a device gets that needs contiguous memory, a
 * granule or low addresses, and what stays if there is no such memory.
 *
 * The buffers consist of single pages that are not adjacent. The devices are dma-direct.
 */

#include <kunit/static_stub.h>
#include <linux/delay.h>
#include <linux/dma-heap.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "heap-memory.h"

/* Attach a device with these needs and detach it. Expect that the heap's counts stay. */
static int attach_needing(struct kunit *test, struct memory *memory, struct dma_buf *dmabuf,
			  struct device *dev, struct dma_buf_needs needs)
{
	int ret;

	kunit_activate_static_stub(test, dma_heap_count, memory_count);
	ret = memory_attach(dmabuf, dev, needs);
	kunit_deactivate_static_stub(test, dma_heap_count);
	if (memory->lost)
		kunit_skip(test, "memory is fragmented");
	KUNIT_EXPECT_EQ(test, memory->buffers, 0);
	KUNIT_EXPECT_EQ(test, memory->nr_pages, 0);
	return ret;
}

static int attach_contiguous(struct kunit *test, struct memory *memory, struct dma_buf *dmabuf)
{
	return attach_needing(test, memory, dmabuf, mock_device_masked(test, U64_MAX),
			      (struct dma_buf_needs){ .contiguous = dmabuf->size });
}

static void expect_value(struct kunit *test, struct dma_buf *dmabuf, u32 value)
{
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;
	unsigned long wrong = 0;

	for (unsigned long i = 0; i < storage->nr_pages; i++)
		wrong += mock_page_read(storage, i) != value;
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Written behind the buffer's back, so that a copy would be seen. */
static void dirty(struct dma_buf *dmabuf)
{
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;

	for (unsigned long i = 0; i < storage->nr_pages; i++)
		mock_page_write(storage, i, 7);
}

static const struct {
	const char *desc;
	unsigned long pages;
} size_rows[] = {
	{ "a whole block", 16 },
	{ "a part of a block", 5 },
	{ "a large block", 256 },
};

KUNIT_ARRAY_PARAM_DESC(size, size_rows, desc);

static void contiguous_buffer_is_one_block(struct kunit *test)
{
	const typeof(size_rows[0]) *row = test->param_value;
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, row->pages);

	dirty(dmabuf);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
	KUNIT_EXPECT_EQ(test, memory->calls, 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->nr_runs, 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->nr_pages, row->pages);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->runs[0].nr_pages, row->pages);
	expect_value(test, dmabuf, 0);
	/* It fits the next one. */
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
	KUNIT_EXPECT_EQ(test, memory->calls, 1);
}

static void negotiate_on(void *unused)
{
	system_heap.negotiate = true;
}

static void memory_stays_if_negotiation_is_off(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 16);

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, negotiate_on, NULL), 0);
	system_heap.negotiate = false;
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, memory->calls, 0);
	negotiate_on(NULL);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
}

static void programs_see_their_bytes_in_the_new_memory(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 16);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 16);

	for (unsigned long i = 0; i < 16; i++)
		mock_user_write(test, addr + i * PAGE_SIZE, 9);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->nr_runs, 1);
	expect_value(test, dmabuf, 9);
	for (unsigned long i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + i * PAGE_SIZE), 9);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(addr),
			mock_storage_of(dmabuf)->storage->runs[0].pfn);
	mock_user_unmap(test, addr, 16);
}

static const struct {
	const char *desc;
	unsigned long pages;
	unsigned long granule;
	int ret;
} granule_rows[] = {
	{ "16 pages", 48, 16, 0 },
	{ "8 pages, which is no order of the heap", 24, 8, 0 },
	{ "larger than the buffer", 16, 32, -EOPNOTSUPP },
	{ "the size is no multiple", 17, 16, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(granule, granule_rows, desc);

static void blocks_keep_the_granule(struct kunit *test)
{
	const typeof(granule_rows[0]) *row = test->param_value;
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, row->pages);
	struct dma_buf_needs needs = { .granule = row->granule * PAGE_SIZE };
	const struct dma_storage *storage;

	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device(test), needs),
			row->ret);
	storage = mock_storage_of(dmabuf)->storage;
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, !row->ret);
	for (unsigned int i = 0; !row->ret && i < storage->nr_runs; i++) {
		KUNIT_EXPECT_EQ(test, storage->runs[i].pfn % row->granule, 0);
		KUNIT_EXPECT_EQ(test, storage->runs[i].nr_pages % row->granule, 0);
	}
	expect_value(test, dmabuf, 0);
}

/* The first, the second and the third block of three. */
static void old_memory_stays_if_a_block_is_missing(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 48);
	const struct dma_storage *old = mock_storage_of(dmabuf)->storage;
	struct dma_buf_needs needs = { .granule = 16 * PAGE_SIZE };

	dirty(dmabuf);
	for (memory->fail_at = 1; memory->fail_at <= 3; memory->fail_at++) {
		memory->calls = 0;
		KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device(test),
						     needs), -EBUSY);
		KUNIT_EXPECT_GE(test, memory->calls, memory->fail_at);
		KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, old);
		KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 0);
	}
	expect_value(test, dmabuf, 7);
	/* A device that states nothing is attached as before. */
	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device(test),
					     (struct dma_buf_needs){}), 0);
}

static void old_memory_stays_if_killed(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 16);
	const struct dma_storage *old = mock_storage_of(dmabuf)->storage;
	int ret;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	ret = attach_contiguous(test, memory, dmabuf);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, memory->calls, 0);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, old);
}

static void larger_than_a_block(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, (1UL << MAX_PAGE_ORDER) + 1);

	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, memory->calls, 0);
}

static struct dma_buf *given_buffer(struct kunit *test, struct memory *memory)
{
	struct dma_buf *dmabuf = memory_buffer(test, memory, 1);

	KUNIT_ASSERT_EQ(test, mock_storage_of(dmabuf)->storage->runs[0].pfn,
			page_to_pfn(memory->given[0]));
	for (int i = 0; i < 2; i++)
		memory->given[i] = memory->given[i + 1];
	memory->nr_given = 2;
	return dmabuf;
}

/* The pool keeps what the buffer had at first, and not low memory, which any buffer would get. */
static void memory_that_fits_does_not_go_to_the_pool(struct kunit *test)
{
	struct mock_storage *last = mock_storage(test, 1, 16);
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 16);

	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
	KUNIT_EXPECT_EQ(test, memory->pooled, 16);
	/* Replaced once more, so that this thread frees it. */
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, last), 0);
	KUNIT_EXPECT_EQ(test, memory->pooled, 16);
}

/* The device states nothing, and gets memory in its reach from the zone below the first. */
static void block_out_of_reach_is_freed(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	u64 mask = memory_give_pages(test, memory);
	struct dma_buf *dmabuf = given_buffer(test, memory);

	if (mask > U32_MAX)
		kunit_skip(test, "the memory is above 4 GiB");
	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device_masked(test, mask),
					     (struct dma_buf_needs){}), 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->runs[0].pfn,
			page_to_pfn(memory->given[1]));
	KUNIT_EXPECT_EQ(test, memory->calls, 2);
	KUNIT_EXPECT_EQ(test, (__force int)memory->zones[0], (__force int)__GFP_DMA32);
	KUNIT_EXPECT_EQ(test, (__force int)memory->zones[1], (__force int)__GFP_DMA);
}

static const struct {
	const char *desc;
	size_t bounce;
} bounce_rows[] = {
	{ "the map would fail", 0 },
	{ "the memory would be bounced", SZ_256K },
};

KUNIT_ARRAY_PARAM_DESC(bounce, bounce_rows, desc);

/* But no other memory is reclaimed for a device that would be bounced. */
static void device_gets_memory_in_reach(struct kunit *test)
{
	const typeof(bounce_rows[0]) *row = test->param_value;
	struct memory *memory = memory_begin(test);
	u64 mask = memory_give_pages(test, memory);
	struct dma_buf *dmabuf = given_buffer(test, memory);

	if (mask > U32_MAX)
		kunit_skip(test, "the memory is above 4 GiB");
	memory->bounce = row->bounce;
	memory->insists = false;
	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device_masked(test, mask),
					     (struct dma_buf_needs){}), 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->storage->runs[0].pfn,
			page_to_pfn(memory->given[1]));
	KUNIT_EXPECT_EQ(test, memory->insists, !row->bounce);
}

/* Then the device is attached, and its map fails. */
static void no_block_in_reach(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	u64 mask = memory_give_pages(test, memory);
	struct dma_buf *dmabuf = given_buffer(test, memory);
	const struct dma_storage *old = mock_storage_of(dmabuf)->storage;

	if (mask > U32_MAX)
		kunit_skip(test, "the memory is above 4 GiB");
	swap(memory->given[0], memory->given[1]);
	memory->nr_given = 1;
	memory->fail_at = 2;
	mask -= PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device_masked(test, mask),
					     (struct dma_buf_needs){}), 0);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, old);
	KUNIT_EXPECT_EQ(test, memory->calls, 2);
	__free_page(memory->given[1]);
}

/* The first storage of a test is made before its buffers, see mock_storage_new(). */
static struct memory *low_memory_begin(struct kunit *test, unsigned int percent)
{
	struct memory *memory;

	mock_storage_free(mock_storage(test, 1, 1));
	memory = memory_begin(test);
	memory_limit_low(test, percent);
	return memory;
}

/* Replace the memory once more, so that this thread frees it: the others have the real zones. */
static void give_back(struct kunit *test, struct dma_buf *dmabuf)
{
	struct mock_storage *last = mock_storage(test, 1, dmabuf->size >> PAGE_SHIFT);

	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, last), 0);
}

/* Half of 64 pages: a block of 16, a part of one with 15, and one page, but no other. */
static void low_memory_is_limited(struct kunit *test)
{
	struct memory *memory = low_memory_begin(test, 50);
	struct dma_buf *one = memory_buffer(test, memory, 16);
	struct dma_buf *two = memory_buffer(test, memory, 15);
	struct dma_buf *three = memory_buffer(test, memory, 2);

	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, one), 0);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 16);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, two), 0);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 31);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, three), -EBUSY);
	KUNIT_EXPECT_EQ(test, mock_storage_of(three)->generation, 0);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 31);
	give_back(test, two);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 16);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, three), 0);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 18);
	give_back(test, one);
	give_back(test, three);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
}

static const struct {
	const char *desc;
	unsigned int percent;
	int ret;
} percent_rows[] = {
	{ "none", 0, -EBUSY },
	{ "a quarter less a page", 24, -EBUSY },
	{ "a quarter", 25, 0 },
	{ "all", 100, 0 },
	{ "more than all", UINT_MAX, 0 },
};

KUNIT_ARRAY_PARAM_DESC(percent, percent_rows, desc);

static void low_percent(struct kunit *test)
{
	const typeof(percent_rows[0]) *row = test->param_value;
	struct memory *memory = low_memory_begin(test, row->percent);
	struct dma_buf *dmabuf = memory_buffer(test, memory, MEMORY_LOW_PAGES / 4);

	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), row->ret);
	give_back(test, dmabuf);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
}

/* The third block of three exceeds the limit. */
static void blocks_that_do_not_suffice_are_given_back(struct kunit *test)
{
	struct memory *memory = low_memory_begin(test, 50);
	struct dma_buf *dmabuf = memory_buffer(test, memory, 48);

	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device(test),
					     (struct dma_buf_needs){
					     .granule = 16 * PAGE_SIZE }), -EBUSY);
	KUNIT_EXPECT_GE(test, memory->calls, 3);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 0);
}

/*
 * Both pages are in reach, but buffers may have none of the zone of the first. What the next lower
 * zone has is for devices that reach nothing else.
 */
static void search_ends_if_a_zone_has_reached_its_limit(struct kunit *test)
{
	struct memory *memory = low_memory_begin(test, 50);
	const struct dma_storage *old;
	struct dma_buf *dmabuf;
	u64 mask;

	memory_give_pages(test, memory);
	dmabuf = given_buffer(test, memory);
	old = mock_storage_of(dmabuf)->storage;
	/* The one of the buffer is higher. */
	mask = PFN_PHYS(page_to_pfn(memory->given[0]) + 1) - 1;
	if (mask > U32_MAX)
		kunit_skip(test, "the memory is above 4 GiB");
	KUNIT_EXPECT_EQ(test, attach_needing(test, memory, dmabuf, mock_device_masked(test, mask),
					     (struct dma_buf_needs){}), 0);
	KUNIT_EXPECT_EQ(test, memory->calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, old);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
	__free_page(memory->given[1]);
}

static struct kunit_case dma_heap_renew_cases[] = {
	KUNIT_CASE_PARAM(contiguous_buffer_is_one_block, size_gen_params),
	KUNIT_CASE(memory_stays_if_negotiation_is_off),
	KUNIT_CASE(programs_see_their_bytes_in_the_new_memory),
	KUNIT_CASE_PARAM(blocks_keep_the_granule, granule_gen_params),
	KUNIT_CASE(old_memory_stays_if_a_block_is_missing),
	KUNIT_CASE(old_memory_stays_if_killed),
	KUNIT_CASE(larger_than_a_block),
	KUNIT_CASE(memory_that_fits_does_not_go_to_the_pool),
	KUNIT_CASE(block_out_of_reach_is_freed),
	KUNIT_CASE_PARAM(device_gets_memory_in_reach, bounce_gen_params),
	KUNIT_CASE(no_block_in_reach),
	KUNIT_CASE(low_memory_is_limited),
	KUNIT_CASE_PARAM(low_percent, percent_gen_params),
	KUNIT_CASE(blocks_that_do_not_suffice_are_given_back),
	KUNIT_CASE(search_ends_if_a_zone_has_reached_its_limit),
	{}
};

static struct kunit_suite dma_heap_renew_suite = {
	.name = "dma_heap_renew",
	.init = mock_init,
	.test_cases = dma_heap_renew_cases,
};

#define CMA_BYTES	SZ_8M

/* A buffer that is larger than all blocks gets a run of the region. */
static void cma_buffer_is_one_run(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, CMA_BYTES >> PAGE_SHIFT);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 16);
	const struct dma_storage *storage;

	if (!IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM_CMA) || !dma_heap_find("default_cma_region"))
		kunit_skip(test, "this kernel has no CMA region");
	memory_set_cma_percent(test, 50);
	mock_user_write(test, addr, 9);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
	storage = mock_storage_of(dmabuf)->storage;
	KUNIT_EXPECT_EQ(test, storage->nr_runs, 1);
	KUNIT_EXPECT_TRUE(test, is_migrate_cma_page(pfn_to_page(storage->runs[0].pfn)));
	KUNIT_EXPECT_EQ(test, atomic64_read(&system_heap.limits.cma_pages), storage->nr_pages);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 9);
	mock_user_write(test, addr, 0);
	expect_value(test, dmabuf, 0);
	mock_user_unmap(test, addr, 16);
	mock_storage_put(test, dmabuf);
	/* A worker may still be releasing the buffer. */
	for (int tries = 0; atomic64_read(&system_heap.limits.cma_pages) && tries < 250; tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic64_read(&system_heap.limits.cma_pages), 0);
}

/* No more than the parameter says, neither for one buffer nor for two. */
static void cma_part_is_limited(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_buf *one = memory_buffer(test, memory, CMA_BYTES >> PAGE_SHIFT);
	struct dma_buf *two = memory_buffer(test, memory, CMA_BYTES >> PAGE_SHIFT);
	struct dma_heap *heap = dma_heap_find("default_cma_region");
	unsigned int percent;

	if (!IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM_CMA) || !heap)
		kunit_skip(test, "this kernel has no CMA region");
	percent = 100 * (CMA_BYTES >> PAGE_SHIFT) /
		  ((struct heap_region *)dma_heap_get_drvdata(heap))->nr_pages;
	memory_set_cma_percent(test, percent - 1);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, one), -EOPNOTSUPP);
	memory_set_cma_percent(test, percent + 1);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, one), 0);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, two), -EBUSY);
	KUNIT_EXPECT_EQ(test, mock_storage_of(two)->generation, 0);
	mock_storage_put(test, one);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, two), 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(two)->storage->nr_runs, 1);
}

/* An IOMMU maps an untrusted device by 64 KiB, and the rest is bounced, if that is possible. */
static struct dma_buf_dma_facts get_untrusted_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_IOMMU,
		.boundary = U64_MAX,
		.granule = SZ_64K,
		.apart = true,
		.bounce = *dev->dma_mask == U32_MAX ? SZ_256K : 0,
	};
}

/* The region is for devices that cannot be bounced. */
static void no_cma_for_a_bounced_device(struct kunit *test)
{
	const typeof(bounce_rows[0]) *row = test->param_value;
	struct memory *memory = memory_begin(test);
	struct dma_buf *dmabuf = memory_buffer(test, memory, SZ_64K >> PAGE_SHIFT);
	struct device *dev = mock_device_masked(test, row->bounce ? U32_MAX : U64_MAX);

	if (!IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM_CMA) || !dma_heap_find("default_cma_region"))
		kunit_skip(test, "this kernel has no CMA region");
	if (PAGE_SIZE >= SZ_64K)
		kunit_skip(test, "all pages keep the granule");
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_untrusted_facts);
	memory_set_cma_percent(test, 50);
	memory->fail_at = 1;
	KUNIT_EXPECT_EQ(test, memory_attach(dmabuf, dev, (struct dma_buf_needs){}), 0);
	KUNIT_EXPECT_EQ(test, memory->calls, 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, !row->bounce);
}

/* The heap of the region itself does not choose. */
static void cma_heap_does_not_renew(struct kunit *test)
{
	struct memory *memory = memory_begin(test);
	struct dma_heap *heap = dma_heap_find("default_cma_region");
	struct dma_buf *dmabuf;

	if (!heap)
		kunit_skip(test, "this kernel has no CMA region");
	dmabuf = dma_heap_buffer_alloc(heap, SZ_64K, O_RDWR, 0);
	mock_storage_own(test, dmabuf);
	mock_storage_expect_fixed(test, dmabuf);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, memory, dmabuf), 0);
}

static struct kunit_case dma_heap_renew_cma_cases[] = {
	KUNIT_CASE(cma_buffer_is_one_run),
	KUNIT_CASE(cma_part_is_limited),
	KUNIT_CASE_PARAM(no_cma_for_a_bounced_device, bounce_gen_params),
	KUNIT_CASE(cma_heap_does_not_renew),
	{}
};

static struct kunit_suite dma_heap_renew_cma_suite = {
	.name = "dma_heap_renew_cma",
	.init = mock_init,
	.test_cases = dma_heap_renew_cma_cases,
};

kunit_test_suites(&dma_heap_renew_suite, &dma_heap_renew_cma_suite);
