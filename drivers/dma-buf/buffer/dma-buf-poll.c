// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll() on a buffer: are the devices done with it?
 *
 * There are two questions, each with a slot of its own: reading waits for the
 * writers' fences, writing for all. A slot that is not answered by a look at the
 * fences puts a callback on one that has not signalled. When it does, everyone
 * who polls is woken, asks again, and if need be waits for the next one. So a
 * slot has one callback at the most, however many fences and waiters there are.
 *
 * A slot is
 *
 *   idle      !busy, no fence
 *   claimed   busy: one thread looks for a fence to wait for
 *   armed     busy, fence set: the callback is pending on it
 *
 * and goes idle -> claimed under the wait queue's lock, claimed -> armed when
 * the callback is added, armed -> idle in the callback, claimed -> idle when no
 * fence was left to wait for. The claim is what keeps the wait queue's lock from
 * being held around dma_fence_add_callback(), whose lock is the outer one.
 *
 * Poll takes no reference: dma_buf_poll_cancel() removes a pending callback when
 * the last reference to the file is gone, after which nobody polls. A fence runs
 * its callbacks under its lock, so once dma_fence_remove_callback() has had that
 * lock, a callback that it came too late for has finished.
 *
 * Edge-triggered epoll sees the edge of the fences that were there when the
 * buffer was last polled. Fences that are added to an idle buffer make no edge:
 * EPOLL_CTL_MOD asks again.
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

/**
 * dma_buf_poll_init() - initialise the poll state of a buffer.
 * @poll: the state
 */
void dma_buf_poll_init(struct dma_buf_poll *poll)
{
	init_waitqueue_head(&poll->wait);
	poll->used = false;
	dma_buf_poll_slot_init(poll, &poll->read, EPOLLIN);
	dma_buf_poll_slot_init(poll, &poll->write, EPOLLOUT);
}

/* Back to idle, and whoever relied on the claim is told to look again. */
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
	/* The last one, perhaps: not each driver that signals has a reference. */
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
 * Without the reservation lock: a poll never waits behind a driver that holds
 * it. A fence that is replaced meanwhile is waited for needlessly, no more.
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

/* Is the slot's question answered with yes? If not, a callback is pending. */
static bool dma_buf_poll_slot_ready(struct dma_buf_poll_slot *slot,
				    struct dma_resv *resv)
{
	enum dma_resv_usage usage = dma_resv_usage_rw(slot->events == EPOLLOUT);

	if (dma_resv_test_signaled(resv, usage))
		return true;
	if (!dma_buf_poll_slot_claim(slot))
		return false;
	if (dma_buf_poll_slot_arm(slot, resv, usage))
		return false;
	dma_buf_poll_slot_finish(slot);
	return true;
}

/**
 * dma_buf_poll() - poll() of a buffer.
 * @file: the buffer's file
 * @table: where to wait, or what is asked for only
 *
 * Context: Process context; takes no reservation lock.
 *
 * Return: What of %EPOLLIN and %EPOLLOUT was asked for and is true.
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
		/* The reference that the callback would have dropped. */
		dma_fence_put(fence);
	}
	dma_fence_put(fence);
}

/**
 * dma_buf_poll_cancel() - nobody polls any more: remove pending callbacks.
 * @poll: poll state of a buffer whose file is being released
 *
 * Context: Process context; no lock held.
 */
void dma_buf_poll_cancel(struct dma_buf_poll *poll)
{
	dma_buf_poll_slot_cancel(&poll->read);
	dma_buf_poll_slot_cancel(&poll->write);
	poll->used = false;
}
