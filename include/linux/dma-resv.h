/* SPDX-License-Identifier: MIT */
/*
 * Reservation objects: the lock of a buffer, and the fences of the work that uses it.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2011 Linaro Limited. All rights reserved.
 * Copyright (C) 2012-2013 Canonical Ltd
 * Copyright (C) 2012 Texas Instruments
 * Copyright (C) 2006-2009 VMware, Inc., Palo Alto, CA., USA
 */
#ifndef _LINUX_RESERVATION_H
#define _LINUX_RESERVATION_H

#include <linux/dma-fence.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/ww_mutex.h>

struct dma_resv_list;

extern struct ww_class reservation_ww_class;

/**
 * enum dma_resv_usage - what the work behind a fence does with the buffer
 * @DMA_RESV_USAGE_KERNEL: memory management moves or clears the memory. Everybody must
 *	wait for it before using memory that is not pinned
 * @DMA_RESV_USAGE_WRITE: the work writes, with implicit synchronisation
 * @DMA_RESV_USAGE_READ: the work reads, with implicit synchronisation
 * @DMA_RESV_USAGE_BOOKKEEP: the work takes no part in implicit synchronisation. Only
 *	those who move or free the memory wait for it
 *
 * The usages are ordered: a query for one usage returns the fences of all earlier ones
 * too. Adding a fence again can move it to an earlier usage, never to a later one.
 */
enum dma_resv_usage {
	DMA_RESV_USAGE_KERNEL,
	DMA_RESV_USAGE_WRITE,
	DMA_RESV_USAGE_READ,
	DMA_RESV_USAGE_BOOKKEEP
};

/**
 * dma_resv_usage_rw() - return the usage that a reader or a writer waits for
 * @write: true for a writer
 *
 * Return: %DMA_RESV_USAGE_READ for a writer, which waits for readers and writers;
 * %DMA_RESV_USAGE_WRITE for a reader, which waits for writers only.
 */
static inline enum dma_resv_usage dma_resv_usage_rw(bool write)
{
	return write ? DMA_RESV_USAGE_READ : DMA_RESV_USAGE_WRITE;
}

/**
 * struct dma_resv - the lock of a buffer, and the fences of the work that uses it
 * @lock: taken by dma_resv_lock() and its variants. Several locks can be taken in any
 *	order with one &struct ww_acquire_ctx
 * @fences: private; changed under @lock, read under it or under RCU
 * @reserved: private; 0 if nothing was reserved since @lock was taken, else 1 plus the
 *	largest reservation, less the fences added since. Guarded by @lock
 * @generation: private; counts the lists that @fences has pointed to. Changed under
 *	@lock, read without it
 */
struct dma_resv {
	struct ww_mutex lock;
	struct dma_resv_list __rcu *fences;
	unsigned int reserved;
	unsigned int generation;
};

/**
 * struct dma_resv_iter - cursor of an iteration
 * @obj: the reservation object
 * @usage: return fences of this usage and of earlier ones
 * @fence: current fence; an iteration without the lock holds a reference to it
 * @fence_usage: usage of @fence
 * @index: index of the next slot
 * @fences: list of @obj at the start or the last restart. Without the lock
 *	it is dereferenced only in an RCU section that has checked it against @obj
 * @num_fences: upper limit of the fences that follow until a restart
 * @generation: generation of @fences, which tells it from a later list at its address
 * @is_restarted: the current fence is the first since the start or a restart
 *
 * Private to the functions below.
 */
struct dma_resv_iter {
	struct dma_resv *obj;
	enum dma_resv_usage usage;
	struct dma_fence *fence;
	enum dma_resv_usage fence_usage;
	unsigned int index;
	struct dma_resv_list *fences;
	unsigned int num_fences;
	unsigned int generation;
	bool is_restarted;
};

void dma_resv_init(struct dma_resv *obj);
void dma_resv_fini(struct dma_resv *obj);
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences);
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence,
			enum dma_resv_usage usage);
void dma_resv_replace_fences(struct dma_resv *obj, uint64_t context,
			     struct dma_fence *fence, enum dma_resv_usage usage);
int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src);

struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor);

int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage,
			unsigned int *num_fences, struct dma_fence ***fences);
int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence);
long dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			   unsigned long timeout);
void dma_resv_set_deadline(struct dma_resv *obj, enum dma_resv_usage usage,
			   ktime_t deadline);
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage);
void dma_resv_describe(struct dma_resv *obj, struct seq_file *seq);

#ifdef CONFIG_DEBUG_MUTEXES
void dma_resv_reset_max_fences(struct dma_resv *obj);
#else
static inline void dma_resv_reset_max_fences(struct dma_resv *obj)
{
	obj->reserved = 0;
}
#endif

/**
 * dma_resv_held() - test whether the caller holds the lock
 * @obj: the reservation object
 *
 * Return: lockdep_is_held() of the lock, which is always true without lockdep.
 */
#define dma_resv_held(obj)		lockdep_is_held(&(obj)->lock.base)

/**
 * dma_resv_assert_held() - make lockdep warn if the caller does not hold the lock
 * @obj: the reservation object
 */
#define dma_resv_assert_held(obj)	lockdep_assert_held(&(obj)->lock.base)

/**
 * dma_resv_iter_begin() - set up the cursor of an iteration
 * @cursor: cursor (out)
 * @obj: the reservation object
 * @usage: return fences of this usage and of earlier ones
 *
 * Context: Any.
 */
static inline void dma_resv_iter_begin(struct dma_resv_iter *cursor,
				       struct dma_resv *obj,
				       enum dma_resv_usage usage)
{
	cursor->obj = obj;
	cursor->usage = usage;
	cursor->fence = NULL;
}

/**
 * dma_resv_iter_end() - drop the reference that the cursor holds
 * @cursor: cursor of an iteration without the lock
 *
 * Context: Any.
 */
static inline void dma_resv_iter_end(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
}

/**
 * dma_resv_iter_usage() - return the usage of the current fence
 * @cursor: cursor of the iteration
 *
 * Context: Any.
 * Return: The usage.
 */
static inline enum dma_resv_usage dma_resv_iter_usage(struct dma_resv_iter *cursor)
{
	return cursor->fence_usage;
}

/**
 * dma_resv_iter_is_restarted() - test whether the iteration (re)started with this fence
 * @cursor: cursor of the iteration
 *
 * A caller that collects something discards what it has collected when this is true.
 *
 * Context: Any.
 * Return: true if the current fence is the first since the start or a restart.
 */
static inline bool dma_resv_iter_is_restarted(struct dma_resv_iter *cursor)
{
	return cursor->is_restarted;
}

/**
 * dma_resv_for_each_fence_unlocked() - iterate over unsignalled fences without the lock
 * @cursor: cursor set up by dma_resv_iter_begin(); call dma_resv_iter_end() afterwards
 * @fence: current fence (out); the cursor holds a reference until the next step
 *
 * The loop may sleep. If the object gets another list meanwhile, the iteration restarts,
 * see dma_resv_iter_is_restarted(). If you hold the lock, use dma_resv_for_each_fence().
 */
#define dma_resv_for_each_fence_unlocked(cursor, fence)			\
	for ((fence) = dma_resv_iter_first_unlocked(cursor); (fence);	\
	     (fence) = dma_resv_iter_next_unlocked(cursor))

/**
 * dma_resv_for_each_fence() - iterate over all fences under the lock
 * @cursor: &struct dma_resv_iter; needs neither begin nor end
 * @obj: the reservation object
 * @usage: return fences of this usage and of earlier ones
 * @fence: current fence (out), signalled or not, without a reference
 */
#define dma_resv_for_each_fence(cursor, obj, usage, fence)		\
	for (dma_resv_iter_begin(cursor, obj, usage),			\
	     (fence) = dma_resv_iter_first(cursor); (fence);		\
	     (fence) = dma_resv_iter_next(cursor))

/**
 * dma_resv_lock() - take the lock
 * @obj: the reservation object
 * @ctx: set up by ww_acquire_init() for &reservation_ww_class, to take several locks; or
 *	NULL
 *
 * Context: May sleep.
 * Return: 0, or with a @ctx:
 *
 *   * %-EDEADLK - waiting would deadlock: drop all locks of @ctx, take this one with
 *     dma_resv_lock_slow(), and then take the others again
 *   * %-EALREADY - @ctx already holds the lock
 */
static inline int dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock(&obj->lock, ctx);
}

/**
 * dma_resv_lock_interruptible() - take the lock; a signal interrupts
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock()
 *
 * Context: May sleep.
 * Return: As dma_resv_lock(), or %-EINTR if a signal arrived.
 */
static inline int dma_resv_lock_interruptible(struct dma_resv *obj,
					      struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_interruptible(&obj->lock, ctx);
}

/**
 * dma_resv_lock_slow() - take the first lock again after -EDEADLK
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock(); must hold no lock
 *
 * Context: May sleep.
 */
static inline void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(&obj->lock, ctx);
}

/**
 * dma_resv_lock_slow_interruptible() - dma_resv_lock_slow(); a signal interrupts
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock(); must hold no lock
 *
 * Context: May sleep.
 * Return: 0, or %-EINTR if a signal arrived.
 */
static inline int dma_resv_lock_slow_interruptible(struct dma_resv *obj,
						   struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_slow_interruptible(&obj->lock, ctx);
}

/**
 * dma_resv_trylock() - take the lock if it is free
 * @obj: the reservation object
 *
 * Context: Not in interrupts.
 * Return: true if the lock was taken.
 */
static inline bool __must_check dma_resv_trylock(struct dma_resv *obj)
{
	return ww_mutex_trylock(&obj->lock, NULL);
}

/**
 * dma_resv_is_locked() - test whether anybody holds the lock
 * @obj: the reservation object
 *
 * Context: Any.
 * Return: true if the lock was held at the time of the test.
 */
static inline bool dma_resv_is_locked(struct dma_resv *obj)
{
	return ww_mutex_is_locked(&obj->lock);
}

/**
 * dma_resv_locking_ctx() - return the context with which the lock was taken
 * @obj: the reservation object
 *
 * For memory managers that cannot pass the context to their callbacks.
 *
 * Context: Any. Compare it with your own context, or hold the lock.
 * Return: The context, or NULL if there is none or the lock is free.
 */
static inline struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj)
{
	return READ_ONCE(obj->lock.ctx);
}

/**
 * dma_resv_unlock() - drop the lock and all reservations
 * @obj: the reservation object
 *
 * Context: Reservation lock held.
 */
static inline void dma_resv_unlock(struct dma_resv *obj)
{
	dma_resv_reset_max_fences(obj);
	ww_mutex_unlock(&obj->lock);
}

#endif /* _LINUX_RESERVATION_H */
