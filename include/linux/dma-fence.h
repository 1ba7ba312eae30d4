/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences: work that was submitted to a device, and signals when it is done.
 * See Documentation/driver-api/dma-buf/fences.rst.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2012 Canonical Ltd
 * Copyright (C) 2012 Texas Instruments
 */
#ifndef __LINUX_DMA_FENCE_H
#define __LINUX_DMA_FENCE_H

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

struct dma_fence;
struct dma_fence_cb;
struct dma_fence_ops;
struct seq_file;

/**
 * struct dma_fence - work that a device has not finished, or has
 * @lock: the driver's lock, often shared by the fences of one timeline; guards @cb_list and
 *	is held while the fence signals. The core takes it with interrupts disabled
 * @ops: the driver's callbacks; fixed
 * @cb_list: list of &struct dma_fence_cb; valid before the signal
 * @timestamp: time of the signal, on CLOCK_MONOTONIC; valid after the signal, once
 *	%DMA_FENCE_FLAG_TIMESTAMP_BIT is set
 * @rcu: defers the freeing; valid after the last reference is dropped
 * @context: timeline, from dma_fence_context_alloc(); fixed
 * @seqno: sequence number in the timeline: a fence signals after those with lower numbers;
 *	fixed
 * @flags: &enum dma_fence_flag_bits; changed by atomic bit operations
 * @refcount: references, see dma_fence_get() and dma_fence_put()
 * @error: negative errno if the work failed, else 0; set before the signal and valid after
 *	it
 */
struct dma_fence {
	spinlock_t *lock; /* cb_list, signal */
	const struct dma_fence_ops *ops;
	union {
		struct list_head cb_list;
		ktime_t timestamp;
		struct rcu_head rcu;
	};
	u64 context;
	u64 seqno;
	unsigned long flags;
	struct kref refcount;
	int error;
} __aligned(4); /* reservation objects use the two low bits of its address */

/**
 * enum dma_fence_flag_bits - bits of &dma_fence.flags
 * @DMA_FENCE_FLAG_SIGNALED_BIT: the fence has signalled; never cleared
 * @DMA_FENCE_FLAG_TIMESTAMP_BIT: &dma_fence.timestamp is valid
 * @DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT: signalling was requested; the driver's
 *	&dma_fence_ops.enable_signaling has been called or is being called
 * @DMA_FENCE_FLAG_USER_BITS: first of the bits that drivers may use
 */
enum dma_fence_flag_bits {
	DMA_FENCE_FLAG_SIGNALED_BIT,
	DMA_FENCE_FLAG_TIMESTAMP_BIT,
	DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT,
	DMA_FENCE_FLAG_USER_BITS,
};

/**
 * typedef dma_fence_func_t - callback that runs when a fence signals
 * @fence: the fence
 * @cb: the callback, already unlinked: it may be freed or added to another fence
 *
 * Context: &dma_fence.lock held. Interrupts are disabled, except when a driver that never
 * takes the lock in an interrupt signals, and on PREEMPT_RT. May drop references. The last
 * one to @fence calls the driver's release with the lock held.
 */
typedef void (*dma_fence_func_t)(struct dma_fence *fence,
				 struct dma_fence_cb *cb);

/**
 * struct dma_fence_cb - a callback on a fence
 * @node: link in &dma_fence.cb_list; empty after the callback has run or was removed
 * @func: function to call
 *
 * Embed it in a structure of your own; dma_fence_add_callback() initialises it.
 */
struct dma_fence_cb {
	struct list_head node;
	dma_fence_func_t func;
};

/**
 * struct dma_fence_ops - callbacks of a driver for its fences
 */
struct dma_fence_ops {
	/**
	 * @use_64bit_seqno:
	 *
	 * Compare sequence numbers as 64 bits. If false, they are compared as 32 bits
	 * and may wrap.
	 */
	bool use_64bit_seqno;

	/**
	 * @get_driver_name:
	 *
	 * Mandatory. Called until the fence has signalled, with the RCU read lock held.
	 * Other code calls dma_fence_driver_name(). Context: any.
	 *
	 * Return: the driver's name.
	 */
	const char *(*get_driver_name)(struct dma_fence *fence);

	/**
	 * @get_timeline_name:
	 *
	 * Mandatory. Context: any, as @get_driver_name.
	 *
	 * Return: a name for &dma_fence.context.
	 */
	const char *(*get_timeline_name)(struct dma_fence *fence);

	/**
	 * @enable_signaling:
	 *
	 * Optional. Make sure that the driver signals the fence, for example by enabling
	 * an interrupt. Called once, by the first wait or callback. A driver without it
	 * always signals its fences by itself. A driver that signals without holding a
	 * reference takes one here and drops it after the signal.
	 *
	 * Context: &dma_fence.lock held, interrupts off but for PREEMPT_RT.
	 *
	 * Return: true; false if the work is done or will never be, and the core signals
	 * the fence. &dma_fence.error may be set before.
	 */
	bool (*enable_signaling)(struct dma_fence *fence);

	/**
	 * @signaled:
	 *
	 * Optional. Poll the hardware. Once it has returned true, it always does.
	 *
	 * Context: any; with or without &dma_fence.lock.
	 *
	 * Return: true if the work is done; &dma_fence.error may be set before. false if
	 * it is not, or the driver cannot tell.
	 */
	bool (*signaled)(struct dma_fence *fence);

	/**
	 * @wait:
	 *
	 * Optional, and not for new drivers: replaces dma_fence_default_wait(). On
	 * success it has to keep the guarantee of dma_fence_wait_timeout().
	 *
	 * Context: may sleep. Signalling has been enabled.
	 *
	 * Return: as dma_fence_wait_timeout(). Another negative errno counts as
	 * signalled.
	 */
	signed long (*wait)(struct dma_fence *fence, bool intr,
			    signed long timeout);

	/**
	 * @release:
	 *
	 * Optional. Free the fence after the last reference was dropped, with
	 * dma_fence_free() or kfree_rcu(): RCU readers may still use its memory. A driver
	 * without it gets dma_fence_free().
	 *
	 * Context: any, hardirq included.
	 */
	void (*release)(struct dma_fence *fence);

	/**
	 * @fence_value_str:
	 *
	 * Optional. Print the fence's number into @str, a buffer of @size bytes, for
	 * debugfs. Context: any.
	 */
	void (*fence_value_str)(struct dma_fence *fence, char *str, int size);

	/**
	 * @timeline_value_str:
	 *
	 * Optional. Print the number that the timeline has reached into @str, a buffer of
	 * @size bytes. Context: any.
	 */
	void (*timeline_value_str)(struct dma_fence *fence, char *str, int size);

	/**
	 * @set_deadline:
	 *
	 * Optional. A waiter wants the fence to signal by @deadline, a time on
	 * CLOCK_MONOTONIC. The earliest of several deadlines counts; one that has passed
	 * means at once.
	 *
	 * Context: any; &dma_fence.lock not held.
	 */
	void (*set_deadline)(struct dma_fence *fence, ktime_t deadline);
};

void dma_fence_init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		    spinlock_t *lock, u64 context, u64 seqno);
u64 dma_fence_context_alloc(unsigned int num);
void dma_fence_release(struct kref *kref);
void dma_fence_free(struct dma_fence *fence);

int dma_fence_signal(struct dma_fence *fence);
int dma_fence_signal_locked(struct dma_fence *fence);
int dma_fence_signal_timestamp(struct dma_fence *fence, ktime_t timestamp);
int dma_fence_signal_timestamp_locked(struct dma_fence *fence,
				      ktime_t timestamp);
void dma_fence_enable_sw_signaling(struct dma_fence *fence);
int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb,
			   dma_fence_func_t func);
bool dma_fence_remove_callback(struct dma_fence *fence,
			       struct dma_fence_cb *cb);
int dma_fence_get_status(struct dma_fence *fence);
void dma_fence_set_deadline(struct dma_fence *fence, ktime_t deadline);
const char __rcu *dma_fence_driver_name(struct dma_fence *fence);
const char __rcu *dma_fence_timeline_name(struct dma_fence *fence);
void dma_fence_describe(struct dma_fence *fence, struct seq_file *seq);

signed long dma_fence_default_wait(struct dma_fence *fence, bool intr,
				   signed long timeout);
signed long dma_fence_wait_timeout(struct dma_fence *fence, bool intr,
				   signed long timeout);
signed long dma_fence_wait_any_timeout(struct dma_fence **fences,
				       u32 count, bool intr,
				       signed long timeout, u32 *idx);

struct dma_fence *dma_fence_get_stub(void);
struct dma_fence *dma_fence_allocate_private_stub(ktime_t timestamp);

#ifdef CONFIG_LOCKDEP
bool dma_fence_begin_signalling(void);
void dma_fence_end_signalling(bool cookie);
void __dma_fence_might_wait(void);
#else
static inline bool dma_fence_begin_signalling(void)
{
	return true;
}

static inline void dma_fence_end_signalling(bool cookie)
{
}

static inline void __dma_fence_might_wait(void)
{
}
#endif

/**
 * dma_fence_get() - take a reference to a fence.
 * @fence: fence that the caller has a reference to, or NULL
 *
 * Context: Any.
 * Return: @fence.
 */
static inline struct dma_fence *dma_fence_get(struct dma_fence *fence)
{
	if (fence)
		kref_get(&fence->refcount);
	return fence;
}

/**
 * dma_fence_put() - drop a reference to a fence.
 * @fence: the fence, or NULL
 *
 * Context: Any.
 */
static inline void dma_fence_put(struct dma_fence *fence)
{
	if (fence)
		kref_put(&fence->refcount, dma_fence_release);
}

/**
 * dma_fence_get_rcu() - take a reference to a fence that may be released meanwhile.
 * @fence: fence that was found in this RCU read section
 *
 * The memory of a fence from a SLAB_TYPESAFE_BY_RCU cache may hold another fence by now;
 * dma_fence_get_rcu_safe() checks for that.
 *
 * Context: RCU read lock held.
 * Return: @fence; NULL if its last reference has been dropped.
 */
static inline struct dma_fence *dma_fence_get_rcu(struct dma_fence *fence)
{
	return kref_get_unless_zero(&fence->refcount) ? fence : NULL;
}

/**
 * dma_fence_get_rcu_safe() - take a reference to the fence at a pointer that may change.
 * @fencep: the pointer
 *
 * Reads the pointer again after taking the reference, and starts again if it has changed.
 * So this is safe for fences from a SLAB_TYPESAFE_BY_RCU cache.
 *
 * Context: RCU read lock held.
 * Return: The fence, with a reference; NULL if *@fencep is NULL.
 */
static inline struct dma_fence *
dma_fence_get_rcu_safe(struct dma_fence __rcu **fencep)
{
	struct dma_fence *fence;

	while ((fence = rcu_dereference(*fencep))) {
		if (!dma_fence_get_rcu(fence))
			continue;
		/* Taking the reference does not order the second read after it. */
		smp_mb__after_atomic();
		if (fence == rcu_access_pointer(*fencep))
			return rcu_pointer_handoff(fence);
		dma_fence_put(fence);
	}
	return NULL;
}

/* Pairs with the fully ordered bit operation that signals. */
static inline bool dma_fence_test_signaled_flag(struct dma_fence *fence)
{
	return test_bit_acquire(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags);
}

/**
 * dma_fence_is_signaled_locked() - poll a fence, with its lock held.
 * @fence: the fence
 *
 * As dma_fence_is_signaled().
 *
 * Context: &dma_fence.lock held.
 * Return: true if @fence has signalled.
 */
static inline bool dma_fence_is_signaled_locked(struct dma_fence *fence)
{
	if (dma_fence_test_signaled_flag(fence))
		return true;
	if (!fence->ops->signaled || !fence->ops->signaled(fence))
		return false;
	dma_fence_signal_locked(fence);
	return true;
}

/**
 * dma_fence_is_signaled() - poll a fence.
 * @fence: the fence
 *
 * Tests the flag, then polls the driver, and signals the fence if its work is done. Does
 * not enable signalling, so the result may stay false for ever; see
 * dma_fence_enable_sw_signaling(). When it returns true, the signaller may not have
 * finished; see dma_fence_wait_timeout().
 *
 * Context: Any; &dma_fence.lock not held.
 * Return: true if @fence has signalled. The caller then sees &dma_fence.error and what the
 * signaller wrote before the signal.
 */
static inline bool dma_fence_is_signaled(struct dma_fence *fence)
{
	if (dma_fence_test_signaled_flag(fence))
		return true;
	if (!fence->ops->signaled || !fence->ops->signaled(fence))
		return false;
	dma_fence_signal(fence);
	return true;
}

/**
 * __dma_fence_is_later() - compare two sequence numbers of a timeline.
 * @f1: sequence number
 * @f2: sequence number
 * @ops: callbacks of the timeline's fences
 *
 * Return: true if @f1 comes after @f2.
 */
static inline bool __dma_fence_is_later(u64 f1, u64 f2,
					const struct dma_fence_ops *ops)
{
	return ops->use_64bit_seqno ? f1 > f2 : (s32)((u32)f1 - (u32)f2) > 0;
}

/**
 * dma_fence_is_later() - test whether a fence is later in its timeline than another.
 * @f1: fence
 * @f2: fence of the same context
 *
 * Return: true if @f1 comes after @f2; false, with a warning, if their contexts differ.
 */
static inline bool dma_fence_is_later(struct dma_fence *f1,
				      struct dma_fence *f2)
{
	if (WARN_ON(f1->context != f2->context))
		return false;
	return __dma_fence_is_later(f1->seqno, f2->seqno, f1->ops);
}

/**
 * dma_fence_is_later_or_same() - test whether a fence is later than another, or is it.
 * @f1: fence
 * @f2: fence of the same context
 *
 * Return: true if waiting for @f1 includes waiting for @f2.
 */
static inline bool dma_fence_is_later_or_same(struct dma_fence *f1,
					      struct dma_fence *f2)
{
	return f1 == f2 || dma_fence_is_later(f1, f2);
}

/**
 * dma_fence_later() - return the later of two fences if it has not signalled.
 * @f1: fence
 * @f2: fence of the same context
 *
 * Return: The later fence, without a reference; NULL if it has signalled, and so both
 * have; NULL, with a warning, if their contexts differ.
 */
static inline struct dma_fence *dma_fence_later(struct dma_fence *f1,
						struct dma_fence *f2)
{
	struct dma_fence *later;

	if (WARN_ON(f1->context != f2->context))
		return NULL;
	later = dma_fence_is_later(f1, f2) ? f1 : f2;
	return dma_fence_is_signaled(later) ? NULL : later;
}

/**
 * dma_fence_get_status_locked() - return a fence's status, with its lock held.
 * @fence: the fence
 *
 * Context: &dma_fence.lock held.
 * Return: As dma_fence_get_status().
 */
static inline int dma_fence_get_status_locked(struct dma_fence *fence)
{
	if (!dma_fence_is_signaled_locked(fence))
		return 0;
	return fence->error ?: 1;
}

/**
 * dma_fence_set_error() - set the error of a fence whose work has failed.
 * @fence: fence that has not signalled
 * @error: negative errno
 *
 * Context: Any. Only the signaller calls this.
 */
static inline void dma_fence_set_error(struct dma_fence *fence, int error)
{
	WARN_ON(test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags));
	WARN_ON(error >= 0 || error < -MAX_ERRNO);

	fence->error = error;
}

/**
 * dma_fence_timestamp() - return when a fence signalled.
 * @fence: fence that has signalled
 *
 * Spins until the signaller has written the timestamp, which it does after setting the flag.
 *
 * Context: Any.
 * Return: The time, on CLOCK_MONOTONIC; the current time, with a warning, if @fence has not
 * signalled.
 */
static inline ktime_t dma_fence_timestamp(struct dma_fence *fence)
{
	if (WARN_ON(!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags)))
		return ktime_get();
	while (!test_bit_acquire(DMA_FENCE_FLAG_TIMESTAMP_BIT, &fence->flags))
		cpu_relax();
	return fence->timestamp;
}

/**
 * dma_fence_wait() - sleep until a fence signals.
 * @fence: fence that the caller has a reference to
 * @intr: return when a signal is pending
 *
 * As dma_fence_wait_timeout() without a timeout: on success the signaller has finished.
 *
 * Context: May sleep.
 * Return: 0; %-ERESTARTSYS if a signal is pending; another errno of a driver's own wait.
 */
static inline signed long dma_fence_wait(struct dma_fence *fence, bool intr)
{
	return min(dma_fence_wait_timeout(fence, intr, MAX_SCHEDULE_TIMEOUT), 0L);
}

extern const struct dma_fence_ops dma_fence_array_ops;
extern const struct dma_fence_ops dma_fence_chain_ops;

/**
 * dma_fence_is_array() - test whether a fence is an array.
 * @fence: the fence
 *
 * Return: true if to_dma_fence_array() may be used.
 */
static inline bool dma_fence_is_array(struct dma_fence *fence)
{
	return fence->ops == &dma_fence_array_ops;
}

/**
 * dma_fence_is_chain() - test whether a fence is a link of a chain.
 * @fence: the fence
 *
 * Return: true if to_dma_fence_chain() may be used.
 */
static inline bool dma_fence_is_chain(struct dma_fence *fence)
{
	return fence->ops == &dma_fence_chain_ops;
}

/**
 * dma_fence_is_container() - test whether a fence is an array or a link of a chain.
 * @fence: the fence
 *
 * Do not put a container into an array, or a link into a link: code that walks them must
 * not recurse. dma_fence_unwrap_for_each() visits the fences inside.
 *
 * Return: true for an array and for a chain.
 */
static inline bool dma_fence_is_container(struct dma_fence *fence)
{
	return dma_fence_is_array(fence) || dma_fence_is_chain(fence);
}

#endif /* __LINUX_DMA_FENCE_H */
