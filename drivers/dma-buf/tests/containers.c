// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays and chains of mock fences.
 */

#include <linux/bottom_half.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/slab.h>

#include "containers.h"
#include "mock.h"

static void mock_own_action(void *fence)
{
	dma_fence_put(fence);
}

struct dma_fence *mock_own(struct kunit *test, struct dma_fence *fence)
{
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_own_action, fence));
	return fence;
}

void mock_put(struct kunit *test, struct dma_fence *fence)
{
	kunit_release_action(test, mock_own_action, fence);
}

struct dma_fence *mock_array(struct kunit *test, bool any, unsigned int count,
			     struct dma_fence **members)
{
	struct dma_fence **fences = kmalloc_array(count, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array;

	KUNIT_ASSERT_NOT_NULL(test, fences);
	for (unsigned int i = 0; i < count; i++)
		fences[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1, any);
	KUNIT_ASSERT_NOT_NULL(test, array);
	return mock_own(test, &array->base);
}

struct dma_fence *mock_link(struct kunit *test, struct dma_fence *prev,
			    struct dma_fence *fence, u64 seqno)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();

	KUNIT_ASSERT_NOT_NULL(test, chain);
	dma_fence_chain_init(chain, dma_fence_get(prev), dma_fence_get(fence), seqno);
	return mock_own(test, &chain->base);
}

struct dma_fence *mock_chain(struct kunit *test, unsigned int count,
			     struct dma_fence **fences)
{
	struct dma_fence *head = NULL, *prev;

	for (unsigned int i = 0; i < count; i++) {
		prev = head;
		head = mock_link(test, prev, fences[i], i + 1);
		if (prev)
			mock_put(test, prev);
	}
	return head;
}

void mock_fences(struct kunit *test, unsigned int count, struct dma_fence **fences)
{
	for (unsigned int i = 0; i < count; i++)
		fences[i] = mock_fence(test);
}

static const char *mock_plain_name(struct dma_fence *fence)
{
	return "plain";
}

static const struct dma_fence_ops mock_plain_ops = {
	.get_driver_name = mock_plain_name,
	.get_timeline_name = mock_plain_name,
};

struct dma_fence *mock_plain_fence(struct kunit *test, spinlock_t *lock)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &mock_plain_ops, lock, dma_fence_context_alloc(1), 1);
	return mock_own(test, fence);
}

void mock_run_deferred(void)
{
	local_bh_disable();
	local_bh_enable();
}

bool mock_signals(struct dma_fence *container)
{
	long limit = msecs_to_jiffies(20000);

	/* At the timeout, the wait succeeds also if nobody has woken it. */
	return dma_fence_wait_timeout(container, false, limit) > limit / 2;
}

bool mock_wait_is_right(long ret, struct dma_fence *fence, ktime_t begin)
{
	/* One jiffy less: the jiffy in which the wait begins is counted as a whole. */
	ktime_t end = ktime_add_us(begin, jiffies_to_usecs(MOCK_WAIT - 1));

	if (ret)
		return ret > 0 && ret <= MOCK_WAIT && dma_fence_get_status(fence) == 1;
	return !test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags) ||
	       !ktime_before(dma_fence_timestamp(fence), end);
}

bool mock_has_references(struct dma_fence *fence, unsigned int count)
{
	unsigned int now;

	return !read_poll_timeout(kref_read, now, now == count, 1000, 5 * USEC_PER_SEC, false,
				  &fence->refcount);
}

bool mock_has_fences(struct kunit *test, int count)
{
	struct mock_context *ctx = test->priv;

	for (int tries = 0; tries < 250 && atomic_read(&ctx->fences) != count; tries++)
		msleep(20);
	return atomic_read(&ctx->fences) == count;
}

static void mock_callback_fn(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	atomic_inc(&container_of(cb, struct mock_callback, cb)->times);
}

int mock_callback_add(struct mock_callback *callback, struct dma_fence *fence)
{
	return dma_fence_add_callback(fence, &callback->cb, mock_callback_fn);
}
