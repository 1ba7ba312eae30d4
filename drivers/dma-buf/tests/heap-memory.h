/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page allocator of the system heap in tests: pages that are not adjacent, given pages, or
 * none. So a buffer never fits a device by chance, and each allocation can fail.
 */
#ifndef _DMA_BUF_TESTS_HEAP_MEMORY_H
#define _DMA_BUF_TESTS_HEAP_MEMORY_H

#include "../heaps/heaps-private.h"
#include "storage.h"

#define MEMORY_GIVEN_PAGES	8
#define MEMORY_LOW_PAGES	64

/**
 * struct memory - what the heap gets from the page allocator
 * @scattered: single pages, no two of which are adjacent
 * @blocks: larger blocks too, although @scattered
 * @fail_at: number of the first call that fails, from 1; 0 for none
 * @calls: number of calls
 * @given: pages that the next calls return, if there are some
 * @nr_given: number of these
 * @zones: zone of each call
 * @bounce: longest piece that can be bounced for the devices
 * @insists: a call may reclaim memory until there is some
 * @lost: there was no memory
 * @pooled: number of blocks that were given to the pool
 * @buffers: sum of what was counted for the heap
 * @nr_pages: the same
 */
struct memory {
	bool scattered;
	bool blocks;
	unsigned int fail_at;
	unsigned int calls;
	struct page *given[MEMORY_GIVEN_PAGES];
	unsigned int nr_given;
	gfp_t zones[MEMORY_GIVEN_PAGES];
	size_t bounce;
	bool insists;
	bool lost;
	unsigned int pooled;
	int buffers;
	long nr_pages;
};

/*
 * Replace the allocator of the heap for the test's thread. There is no CMA region, the pool is
 * empty, and devices are dma-direct without bounce buffers, unless @bounce is set.
 */
struct memory *memory_begin(struct kunit *test);
/* Set the parameter until the test ends. */
void memory_set_cma_percent(struct kunit *test, unsigned int percent);
/*
 * Have all pages in a low zone of MEMORY_LOW_PAGES pages, but the first page that is given in a low
 * zone without pages; and set the part that buffers may have. Only the test's thread sees these
 * zones, so what is allocated meanwhile is to be freed by replacing it.
 */
void memory_limit_low(struct kunit *test, unsigned int percent);
/* Return how many pages of these zones are counted. */
long memory_low_pages(void);
/* Attach a device that states needs, and detach it. Return the errno. */
int memory_attach(struct dma_buf *dmabuf, struct device *dev, struct dma_buf_needs needs);
/* Count in @memory what is counted for the heap, until the stub is deactivated. */
void memory_count(struct dma_heap *heap, int buffers, long nr_pages);
/* Allocate a buffer of single pages. The test puts it when it ends. */
struct dma_buf *memory_buffer(struct kunit *test, struct memory *memory, unsigned long pages);
/*
 * Make the heap get three pages: the highest first, the lowest last. Returns the address of the
 * last byte of the lowest one.
 */
u64 memory_give_pages(struct kunit *test, struct memory *memory);

#endif /* _DMA_BUF_TESTS_HEAP_MEMORY_H */
