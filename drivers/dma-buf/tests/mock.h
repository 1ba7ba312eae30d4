/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock fences and devices for the tests, and the counters of a test.
 *
 * The suites that use these have mock_init() as their init callback. KUnit actions release the
 * objects of a test when it ends, latest first. The last action fails the test
 * if a buffer, fence or table is left.
 */
#ifndef _DMA_BUF_TESTS_MOCK_H
#define _DMA_BUF_TESTS_MOCK_H

#include <kunit/test.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>

/* Wait for the releases that dma_buf_put() has deferred to a worker. */
void mock_flush(void);
/* Make a device with a 32 bit DMA mask, or with another mask. */
struct device *mock_device(struct kunit *test);
struct device *mock_device_masked(struct kunit *test, u64 mask);
/*
 * Skip a test with addresses from 1 MiB on if they are below the machine's memory and DMA
 * addresses have 32 bits: the DMA API takes them for an overflow.
 */
void mock_needs_low_addresses(struct kunit *test);

/**
 * struct mock_fence - a fence that the test signals
 * @base: the fence
 * @lock: lock of @base
 * @context: counters of the test
 * @enabled: number of calls of enable_signaling
 * @deadline: the latest deadline that was set
 * @late: enable_signaling returns false, so that the fence signals when it is enabled
 */
struct mock_fence {
	struct dma_fence base;
	spinlock_t lock;	/* passed to dma_fence_init() */
	struct mock_context *context;
	atomic_t enabled;
	ktime_t deadline;
	bool late;
};

/*
 * Make a fence in a new context, or at a given context and seqno. The test signals and
 * puts it when it ends.
 */
struct dma_fence *mock_fence(struct kunit *test);
struct dma_fence *mock_fence_at(struct kunit *test, u64 context, u64 seqno);
struct mock_fence *to_mock_fence(struct dma_fence *fence);
/* Drop the test's reference without signalling the fence. */
void mock_fence_put(struct kunit *test, struct dma_fence *fence);
struct dma_buf_attachment;

/**
 * struct mock_context - counters of one test
 * @test: the test
 * @buffers: buffers exported and not released
 * @tables: tables mapped and not unmapped
 * @fences: fences made and not released
 * @order: number of calls of all exporters' callbacks
 * @limited: number of reports that were tried and suppressed
 * @reports: number of reports, by enum dma_buf_rule
 * @reported: attachment of the latest report
 */
struct mock_context {
	struct kunit *test;
	atomic_t buffers;
	atomic_t tables;
	atomic_t fences;
	atomic_t order;
	atomic_t limited;
	atomic_t reports[BITS_PER_LONG];
	struct dma_buf_attachment *reported;
};

struct mock_context *mock_context(struct kunit *test);
int mock_init(struct kunit *test);

/* Map user memory, in an address space of the test's thread; skips if that fails. */
unsigned long mock_user_memory(struct kunit *test, size_t size);
/* Map a read-only page of user memory that holds @data. */
unsigned long mock_user_read_only(struct kunit *test, const void *data, size_t size);
/* Call an ioctl of a file; @arg is copied to user memory and back. */
long mock_file_ioctl(struct kunit *test, struct file *file, unsigned int cmd, void *arg,
		     size_t size);
#endif /* _DMA_BUF_TESTS_MOCK_H */
