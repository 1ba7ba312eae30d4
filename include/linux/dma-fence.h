/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences: a promise that some work will be done, and the news that it is.
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
 * struct dma_fence - work that is going to be done
 * @lock: taken with interrupts off if an interrupt takes it; guards @cb_list and the
 *	signal. The driver's, often shared by the fences of one timeline
 * @ops: the driver's callbacks; fixed
 * @cb_list: &struct dma_fence_cb in the order they were added; until signalled
 * @timestamp: when it was signalled, on CLOCK_MONOTONIC; from then on, once
 *	%DMA_FENCE_FLAG_TIMESTAMP_BIT is set
 * @rcu: for a driver's release that defers the freeing; after the last put
 * @context: timeline, from dma_fence_context_alloc(); fixed
 * @seqno: place in the timeline: a fence signals after all with lower numbers;
 *	fixed
 * @flags: &enum dma_fence_flag_bits, by atomic bit operations only once others know of it
 * @refcount: dma_fence_get(), dma_fence_put()
 * @error: negative errno of work that failed, set before it is signalled; else 0. Of
 *	no meaning before the signal
 */
struct dma_fence {
	spinlock_t *lock; /* cb_list, flags */
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
} __aligned(4); /* reservation objects keep two bits beside its address */

/**
 * enum dma_fence_flag_bits - bits of &dma_fence.flags
 * @DMA_FENCE_FLAG_SIGNALED_BIT: done. Never cleared; who sees it (with
 *	dma_fence_is_signaled()) also sees &dma_fence.error and what the signaller
 *	wrote before
 * @DMA_FENCE_FLAG_TIMESTAMP_BIT: &dma_fence.timestamp is valid
 * @DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT: somebody waits: the driver was asked to
 *	signal by itself
 * @DMA_FENCE_FLAG_USER_BITS: this and all higher ones are the driver's own
 */
enum dma_fence_flag_bits {
	DMA_FENCE_FLAG_SIGNALED_BIT,
	DMA_FENCE_FLAG_TIMESTAMP_BIT,
	DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT,
	DMA_FENCE_FLAG_USER_BITS,
};

/**
 * typedef dma_fence_func_t - called when a fence is signalled
 * @fence: the fence
 * @cb: what was given to dma_fence_add_callback(); unlinked, so that it may be
 *	freed or added to another fence
 *
 * Context: &dma_fence.lock held, interrupts off (but for some drivers that never take
 * it in one). May put references, but not the last one to @fence.
 */
typedef void (*dma_fence_func_t)(struct dma_fence *fence,
				 struct dma_fence_cb *cb);

/**
 * struct dma_fence_cb - a callback's place at a fence
 * @node: link in &dma_fence.cb_list; empty when the callback has run or been
 *	removed
 * @func: the callback
 *
 * Part of a structure of whoever is called back; dma_fence_add_callback() fills
 * it in.
 */
struct dma_fence_cb {
	struct list_head node;
	dma_fence_func_t func;
};

/**
 * struct dma_fence_ops - what a driver does for its fences
 */
struct dma_fence_ops {
	/**
	 * @use_64bit_seqno:
	 *
	 * Sequence numbers of this timeline are compared as 64 bits. Without it
	 * as 32, and they may wrap.
	 */
	bool use_64bit_seqno;

	/**
	 * @get_driver_name:
	 *
	 * Mandatory. Asked until the fence is signalled, and under RCU: see
	 * dma_fence_driver_name(), which others call instead. Context: any.
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
	 * Optional. Somebody is going to wait with the CPU: see to it that the
	 * fence gets signalled, by enabling an interrupt or the like. Without
	 * this callback the driver always signals by itself. Called once at most.
	 * A driver whose signalling may drop the last reference takes one here,
	 * and puts it when it has signalled.
	 *
	 * Context: &dma_fence.lock held, interrupts off.
	 *
	 * Return: true, or false if the work is done already or will never be;
	 * the core signals it then. &dma_fence.error may be set before.
	 */
	bool (*enable_signaling)(struct dma_fence *fence);

	/**
	 * @signaled:
	 *
	 * Optional. A look at the hardware, to save waiting for an interrupt.
	 * Once it has returned true, it always does.
	 *
	 * Context: any; with or without &dma_fence.lock.
	 *
	 * Return: true if the work is known to be done; &dma_fence.error may be
	 * set before. false says nothing.
	 */
	bool (*signaled)(struct dma_fence *fence);

	/**
	 * @wait:
	 *
	 * Optional, and not for new drivers: replaces dma_fence_default_wait().
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
	 * Optional, after the last dma_fence_put(); ends in dma_fence_free() or
	 * kfree_rcu(), because others may still look at the fence under RCU.
	 * Without it, it is dma_fence_free().
	 *
	 * Context: any, hard interrupts included.
	 */
	void (*release)(struct dma_fence *fence);

	/**
	 * @fence_value_str:
	 *
	 * Optional. Writes the fence's number for a human into @str, of @size
	 * bytes. Context: any.
	 */
	void (*fence_value_str)(struct dma_fence *fence, char *str, int size);

	/**
	 * @timeline_value_str:
	 *
	 * Optional. Writes where the timeline has got to, likewise; the same for
	 * all fences of a timeline. Context: any.
	 */
	void (*timeline_value_str)(struct dma_fence *fence, char *str, int size);

	/**
	 * @set_deadline:
	 *
	 * Optional. Somebody would like the fence to be signalled by @deadline
	 * (CLOCK_MONOTONIC; what has passed means at once). The earliest of
	 * several counts.
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
 * dma_fence_get() - take a reference.
 * @fence: a fence that the caller has a reference to, or NULL
 *
 * Context: Any.
 *
 * Return: @fence.
 */
static inline struct dma_fence *dma_fence_get(struct dma_fence *fence)
{
	if (fence)
		kref_get(&fence->refcount);
	return fence;
}

/**
 * dma_fence_put() - drop a reference.
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
 * dma_fence_get_rcu() - take a reference to a fence that may be dying.
 * @fence: fence that was found under RCU
 *
 * Says nothing about where it was found: a fence of a cache whose objects are
 * reused within a grace period may be another one by now.
 *
 * Context: RCU read lock held.
 *
 * Return: @fence, or NULL if its last reference is gone.
 */
static inline struct dma_fence *dma_fence_get_rcu(struct dma_fence *fence)
{
	return kref_get_unless_zero(&fence->refcount) ? fence : NULL;
}

/**
 * dma_fence_get_rcu_safe() - take a reference to the fence that a pointer points to.
 * @fencep: pointer that others may change
 *
 * If a second look at the pointer, after the reference was got, still shows the same
 * fence, then it is the right one, also in a cache whose objects are reused within a
 * grace period.
 *
 * Context: RCU read lock held.
 *
 * Return: The fence that @fencep points to, or NULL if that is NULL.
 */
static inline struct dma_fence *
dma_fence_get_rcu_safe(struct dma_fence __rcu **fencep)
{
	struct dma_fence *fence;

	while ((fence = rcu_dereference(*fencep))) {
		if (!dma_fence_get_rcu(fence))
			continue;
		/* Counting a reference orders nothing by itself. */
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
 * dma_fence_is_signaled_locked() - is it done?
 * @fence: the fence
 *
 * Looks, asks the driver to look, and signals what the driver finds done. Does not
 * enable signalling, so that the answer may stay false for ever unless somebody
 * else does.
 *
 * Context: &dma_fence.lock held.
 *
 * Return: true if it is signalled.
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
 * dma_fence_is_signaled() - is it done?
 * @fence: the fence
 *
 * As dma_fence_is_signaled_locked().
 *
 * Context: Any; &dma_fence.lock not held.
 *
 * Return: true if it is signalled; what was written before can then be read.
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
 * __dma_fence_is_later() - compare two places in a timeline.
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
 * dma_fence_is_later() - which of two comes later in their timeline?
 * @f1: fence
 * @f2: fence of the same context
 *
 * Return: true if @f1 comes after @f2; false with a warning if they have not the
 * same context.
 */
static inline bool dma_fence_is_later(struct dma_fence *f1,
				      struct dma_fence *f2)
{
	if (WARN_ON(f1->context != f2->context))
		return false;
	return __dma_fence_is_later(f1->seqno, f2->seqno, f1->ops);
}

/**
 * dma_fence_is_later_or_same() - as dma_fence_is_later(), or the very same fence?
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
 * dma_fence_later() - the one of two that has to be waited for.
 * @f1: fence
 * @f2: fence of the same context
 *
 * Return: The later one, without a reference, or NULL if it is signalled, and
 * so both are. NULL with a warning if they have not the same context.
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
 * dma_fence_get_status_locked() - done, and how?
 * @fence: the fence
 *
 * Context: &dma_fence.lock held.
 *
 * Return: 0 if it is not signalled, 1 if it is, or the negative errno that the
 * driver gave it.
 */
static inline int dma_fence_get_status_locked(struct dma_fence *fence)
{
	if (!dma_fence_is_signaled_locked(fence))
		return 0;
	return fence->error ?: 1;
}

/**
 * dma_fence_set_error() - the work failed.
 * @fence: fence that is not signalled yet
 * @error: negative errno
 *
 * Context: Any; the caller is the one that is going to signal.
 */
static inline void dma_fence_set_error(struct dma_fence *fence, int error)
{
	WARN_ON(test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags));
	WARN_ON(error >= 0 || error < -MAX_ERRNO);

	fence->error = error;
}

/**
 * dma_fence_timestamp() - when was it signalled?
 * @fence: signalled fence
 *
 * Waits the few instructions that may lie between the signal and its time.
 *
 * Context: Any.
 *
 * Return: The time, on CLOCK_MONOTONIC; the present one with a warning if the
 * fence is not signalled.
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
 * dma_fence_wait() - sleep until it is signalled.
 * @fence: fence that the caller has a reference to
 * @intr: let signals interrupt
 *
 * Context: May sleep.
 *
 * Return: 0, or %-ERESTARTSYS when a signal came, or another errno of a driver's
 * own wait.
 */
static inline signed long dma_fence_wait(struct dma_fence *fence, bool intr)
{
	return min(dma_fence_wait_timeout(fence, intr, MAX_SCHEDULE_TIMEOUT), 0L);
}

extern const struct dma_fence_ops dma_fence_array_ops;
extern const struct dma_fence_ops dma_fence_chain_ops;

/**
 * dma_fence_is_array() - is it one of several fences?
 * @fence: the fence
 *
 * Return: true if to_dma_fence_array() may be used.
 */
static inline bool dma_fence_is_array(struct dma_fence *fence)
{
	return fence->ops == &dma_fence_array_ops;
}

/**
 * dma_fence_is_chain() - is it a link of a chain?
 * @fence: the fence
 *
 * Return: true if to_dma_fence_chain() may be used.
 */
static inline bool dma_fence_is_chain(struct dma_fence *fence)
{
	return fence->ops == &dma_fence_chain_ops;
}

/**
 * dma_fence_is_container() - does it stand for other fences?
 * @fence: the fence
 *
 * Containers are not put into containers at will: what walks them would have to
 * recurse. dma_fence_unwrap_for_each() sees the fences inside.
 *
 * Return: true for an array and for a chain.
 */
static inline bool dma_fence_is_container(struct dma_fence *fence)
{
	return dma_fence_is_array(fence) || dma_fence_is_chain(fence);
}

#endif /* __LINUX_DMA_FENCE_H */
