/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays and chains for tests, of mock fences, and callbacks that count.
 */
#ifndef _DMA_BUF_TESTS_CONTAINERS_H
#define _DMA_BUF_TESTS_CONTAINERS_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>

/* Reference that the test drops when it ends, or now. */
struct dma_fence *mock_own(struct kunit *test, struct dma_fence *fence);
void mock_put(struct kunit *test, struct dma_fence *fence);

/* An array of fences, or a link; they take references of their own. */
struct dma_fence *mock_array(struct kunit *test, bool any, unsigned int count,
			     struct dma_fence **members);
struct dma_fence *mock_link(struct kunit *test, struct dma_fence *prev,
			    struct dma_fence *fence, u64 seqno);
/* Links 1 to @count of @fences; the newest is returned. */
struct dma_fence *mock_chain(struct kunit *test, unsigned int count,
			     struct dma_fence **fences);

/* New mock fences, each in a context of its own. */
void mock_fences(struct kunit *test, unsigned int count, struct dma_fence **fences);

/* Of a driver that signals below this lock with interrupts on; a reference for the caller. */
struct dma_fence *mock_plain_fence(struct kunit *test, spinlock_t *lock);

/* Waits, with a limit, until only so many mock fences of the test are left. */
bool mock_fences_left(struct kunit *test, int count);

/**
 * struct mock_callback - a callback that counts
 * @cb: its place
 * @times: how often it has been called
 */
struct mock_callback {
	struct dma_fence_cb cb;
	atomic_t times;
};

int mock_callback_add(struct mock_callback *callback, struct dma_fence *fence);

#endif /* _DMA_BUF_TESTS_CONTAINERS_H */
