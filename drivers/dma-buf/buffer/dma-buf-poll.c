// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll() of a buffer: wait until fences in its reservation object have signalled.
 *
 * EPOLLIN waits for the fences of writers, EPOLLOUT for those of readers and writers. Each of the
 * two has a slot (struct dma_buf_poll_slot) with at most one callback, on an unsignalled fence.
 * The callback wakes all tasks that poll; they poll again, and one of them adds the callback to
 * the next unsignalled fence.
 *
 * States of a slot:
 *
 *   idle      !busy
 *   claimed   busy; one thread looks for an unsignalled fence
 *   armed     busy; the callback is on slot->fence, and owns a reference to it
 *
 *   idle -> claimed    dma_buf_poll_slot_claim()
 *   claimed -> armed   dma_fence_add_callback() succeeds
 *   claimed -> idle    all fences have signalled
 *   armed -> idle      in the callback, or dma_buf_poll_slot_cancel()
 *
 * The lock of the wait queue guards the slots. A callback takes it with the fence's lock held,
 * and dma_fence_add_callback() takes the fence's lock. So a thread claims the slot, drops the
 * wait queue's lock, and then adds the callback. It holds a mutex meanwhile, so that on
 * PREEMPT_RT an urgent thread that polls boosts it if it is preempted.
 *
 * A pending callback holds no reference to the buffer. dma_buf_poll_cancel() removes it after the
 * last reference to the file, when no task polls the file any more. A callback runs with the
 * fence's lock held, and dma_fence_remove_callback() takes that lock. So when it returns, the
 * callback is removed or has returned. If slot->fence is NULL, the callback uses the slot no more.
 * The buffer may then be freed.
 *
 * Edge-triggered epoll gets an edge when the fences signal that were in the buffer at the last
 * poll. A fence that is added later causes no edge; EPOLL_CTL_MOD polls again.
 */

#include <linux/poll.h>

#include "dma-buf-private.h"

static void dma_buf_poll_slot_init(struct dma_buf_poll *poll,
				   struct dma_buf_poll_slot *slot,
				   __poll_t events)
{
	slot->poll = poll;
	slot->fence = NULL;
	slot->busy = false;
	slot->events = events;
}

void dma_buf_poll_init(struct dma_buf_poll *poll)
{
	init_waitqueue_head(&poll->wait);
	mutex_init(&poll->arming);
	poll->used = false;
	dma_buf_poll_slot_init(poll, &poll->read, EPOLLIN);
	dma_buf_poll_slot_init(poll, &poll->write, EPOLLOUT);
}

/* Also wakes the tasks that found the slot busy. Called with the fence's lock held, or not. */
static void dma_buf_poll_slot_finish(struct dma_buf_poll_slot *slot)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->poll->wait.lock, flags);
	slot->fence = NULL;
	slot->busy = false;
	wake_up_locked_poll(&slot->poll->wait, slot->events);
	spin_unlock_irqrestore(&slot->poll->wait.lock, flags);
}

static void dma_buf_poll_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	dma_buf_poll_slot_finish(container_of(cb, struct dma_buf_poll_slot, cb));
	/* The slot may be claimed again or freed by now: use only the fence. */
	dma_fence_put(fence);
}

static bool dma_buf_poll_slot_claim(struct dma_buf_poll_slot *slot)
{
	bool claimed;

	spin_lock_irq(&slot->poll->wait.lock);
	claimed = !slot->busy;
	slot->busy = true;
	slot->poll->used = true;
	spin_unlock_irq(&slot->poll->wait.lock);
	return claimed;
}

/*
 * Add the callback to an unsignalled fence. Returns false if there is none. Takes no reservation
 * lock, so a poll does not wait for a driver that holds it. If the fence is removed from the
 * reservation object meanwhile, the tasks are woken later than necessary.
 */
static bool dma_buf_poll_slot_arm(struct dma_buf_poll_slot *slot,
				  struct dma_resv *resv,
				  enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool armed = false;

	dma_resv_iter_begin(&cursor, resv, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		slot->fence = dma_fence_get(fence);
		if (!dma_fence_add_callback(fence, &slot->cb, dma_buf_poll_signalled)) {
			armed = true;
			break;
		}
		dma_fence_put(fence);
	}
	dma_resv_iter_end(&cursor);
	return armed;
}

/* If false, the callback is pending and will wake the tasks. */
static bool dma_buf_poll_slot_ready(struct dma_buf_poll_slot *slot,
				    struct dma_resv *resv)
{
	enum dma_resv_usage usage = dma_resv_usage_rw(slot->events == EPOLLOUT);

	if (dma_resv_test_signaled(resv, usage))
		return true;

	guard(mutex)(&slot->poll->arming);
	if (!dma_buf_poll_slot_claim(slot))
		return false;
	if (dma_buf_poll_slot_arm(slot, resv, usage))
		return false;
	dma_buf_poll_slot_finish(slot);
	return true;
}

/**
 * dma_buf_poll() - test whether fences have signalled, and wake the caller when they do
 * @file: the buffer's file
 * @table: wait queue entry to add, and requested events
 *
 * Context: Process context. Takes no reservation lock.
 * Return: Those of %EPOLLIN and %EPOLLOUT that were requested and whose fences have signalled.
 */
__poll_t dma_buf_poll(struct file *file, poll_table *table)
{
	struct dma_buf *dmabuf = file->private_data;
	struct dma_buf_poll *poll = &dma_buf_to_object(dmabuf)->poll;
	__poll_t asked = poll_requested_events(table) & (EPOLLIN | EPOLLOUT);
	__poll_t ready = 0;

	poll_wait(file, &poll->wait, table);
	if (!dma_buf_has_fences(dmabuf))
		return asked;

	if (asked & EPOLLIN && dma_buf_poll_slot_ready(&poll->read, dmabuf->resv))
		ready |= EPOLLIN;
	if (asked & EPOLLOUT && dma_buf_poll_slot_ready(&poll->write, dmabuf->resv))
		ready |= EPOLLOUT;
	return ready;
}

static void dma_buf_poll_slot_cancel(struct dma_buf_poll_slot *slot)
{
	struct dma_fence *fence;

	spin_lock_irq(&slot->poll->wait.lock);
	fence = slot->fence;
	if (fence)
		dma_fence_get(fence);
	spin_unlock_irq(&slot->poll->wait.lock);
	if (!fence)
		return;

	if (dma_fence_remove_callback(fence, &slot->cb)) {
		slot->fence = NULL;
		slot->busy = false;
		dma_fence_put(fence); /* the callback's reference */
	}
	dma_fence_put(fence);
}

/**
 * dma_buf_poll_cancel() - remove pending callbacks and make the slots idle
 * @poll: poll state of a buffer whose file is being released
 *
 * When this returns, no callback is pending, and none uses @poll. One may still be dropping its
 * reference to its fence.
 *
 * Context: Process context; no lock held; no thread polls the buffer.
 */
void dma_buf_poll_cancel(struct dma_buf_poll *poll)
{
	might_sleep();
	dma_buf_poll_slot_cancel(&poll->read);
	dma_buf_poll_slot_cancel(&poll->write);
	poll->used = false;
}
