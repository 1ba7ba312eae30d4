/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays and chains of mock fences, and callbacks that count.
 */
#ifndef _DMA_BUF_TESTS_CONTAINERS_H
#define _DMA_BUF_TESTS_CONTAINERS_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>

/* Have the test drop a reference when it ends; drop it now. */
struct dma_fence *mock_own(struct kunit *test, struct dma_fence *fence);
void mock_put(struct kunit *test, struct dma_fence *fence);

/* An array, or a link; it takes references of its own to the fences. */
struct dma_fence *mock_array(struct kunit *test, bool any, unsigned int count,
			     struct dma_fence **members);
struct dma_fence *mock_link(struct kunit *test, struct dma_fence *prev,
			    struct dma_fence *fence, u64 seqno);
/* A chain of the points 1 to @count; returns the newest link. */
struct dma_fence *mock_chain(struct kunit *test, unsigned int count,
			     struct dma_fence **fences);

/* New mock fences, each in a context of its own. */
void mock_fences(struct kunit *test, unsigned int count, struct dma_fence **fences);

/* A fence whose driver holds @lock with interrupts on while it signals, as vmwgfx. */
struct dma_fence *mock_plain_fence(struct kunit *test, spinlock_t *lock);

/*
 * Run what a signal has deferred on this CPU: nothing is left to do where it can interrupt
 * itself, else the BH work runs.
 */
void mock_run_deferred(void);

/* Wait, with a limit, until a container signals by itself, without polling it. */
bool mock_signals(struct dma_fence *container);

/*
 * Timeout of waits that race with signals. Where signals stop, only waits for fences that
 * stay unsignalled take so long.
 */
#define MOCK_WAIT	msecs_to_jiffies(300)

/*
 * Whether @ret is right for a wait with MOCK_WAIT that began at @begin or later: with a
 * result of 0, @fence has not signalled before the timeout.
 */
bool mock_wait_is_right(long ret, struct dma_fence *fence, ktime_t begin);

/* Wait, with a limit, until a fence has so many references. */
bool mock_has_references(struct dma_fence *fence, unsigned int count);

/* Wait, with a limit, until so many mock fences of the test are left. */
bool mock_has_fences(struct kunit *test, int count);

/**
 * struct mock_callback - a callback that counts
 * @cb: callback
 * @times: number of calls
 */
struct mock_callback {
	struct dma_fence_cb cb;
	atomic_t times;
};

int mock_callback_add(struct mock_callback *callback, struct dma_fence *fence);

#endif /* _DMA_BUF_TESTS_CONTAINERS_H */
