/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reservation objects: the lock of a buffer, and the fences of who works on it.
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
 * @DMA_RESV_USAGE_KERNEL: memory management moves or clears it. Everybody waits,
 *	before anything else, unless the memory is pinned
 * @DMA_RESV_USAGE_WRITE: writes, and others wait for it without being told
 * @DMA_RESV_USAGE_READ: reads, and writers wait for it without being told
 * @DMA_RESV_USAGE_BOOKKEEP: uses the memory, and who has to wait is told by other
 *	means. Only who moves or frees the memory waits
 *
 * In this order: who asks for one usage gets the fences of all before it too. A fence
 * can come to an earlier usage by being added again, and never to a later one.
 */
enum dma_resv_usage {
	DMA_RESV_USAGE_KERNEL,
	DMA_RESV_USAGE_WRITE,
	DMA_RESV_USAGE_READ,
	DMA_RESV_USAGE_BOOKKEEP
};

/**
 * dma_resv_usage_rw() - whom does a reader, or a writer, wait for?
 * @write: it is going to write
 *
 * Return: The usage to ask for: a writer waits for readers and writers, a reader for
 * writers.
 */
static inline enum dma_resv_usage dma_resv_usage_rw(bool write)
{
	return write ? DMA_RESV_USAGE_READ : DMA_RESV_USAGE_WRITE;
}

/**
 * struct dma_resv - the lock of a buffer, and the fences of who works on it
 * @lock: for dma_resv_lock() and its relatives. Several are taken in any order, with
 *	one &struct ww_acquire_ctx
 * @fences: private; changed under @lock, read under it or under RCU
 * @reserved: private; 0 if nothing was reserved since @lock was taken, else one more
 *	than the number of fences that may still be added
 * @generation: private; how often @fences has become another list. Changed under
 *	@lock, read without
 */
struct dma_resv {
	struct ww_mutex lock;
	struct dma_resv_list __rcu *fences;
	unsigned int reserved;
	unsigned int generation;
};

/**
 * struct dma_resv_iter - where an iteration is
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @fence: the present one, with a reference in an unlocked iteration
 * @fence_usage: its usage
 * @index: place of the next one
 * @fences: what @obj had when the iteration began, or began again; not to be followed
 * @num_fences: how many were in it
 * @generation: of @obj at that time: another list may come to have the same address
 * @is_restarted: the present fence is the first
 *
 * For the functions below only.
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
 * dma_resv_held() - does the caller hold the lock?
 * @obj: the reservation object
 *
 * Return: What lockdep_is_held() says: true for certain only with lockdep.
 */
#define dma_resv_held(obj)		lockdep_is_held(&(obj)->lock.base)

/**
 * dma_resv_assert_held() - the caller holds the lock; lockdep complains if not.
 * @obj: the reservation object
 */
#define dma_resv_assert_held(obj)	lockdep_assert_held(&(obj)->lock.base)

/**
 * dma_resv_iter_begin() - begin an iteration.
 * @cursor: where it is going to be (out)
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
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
 * dma_resv_iter_end() - end an unlocked iteration, at its end or before.
 * @cursor: where it is
 *
 * Context: Any.
 */
static inline void dma_resv_iter_end(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
}

/**
 * dma_resv_iter_usage() - the usage of the present fence.
 * @cursor: where the iteration is
 *
 * Context: Any.
 *
 * Return: The usage.
 */
static inline enum dma_resv_usage dma_resv_iter_usage(struct dma_resv_iter *cursor)
{
	return cursor->fence_usage;
}

/**
 * dma_resv_iter_is_restarted() - has an unlocked iteration begun, or begun again?
 * @cursor: where the iteration is
 *
 * Whoever collects something throws away what he has when this is true.
 *
 * Context: Any.
 *
 * Return: true if the present fence is the first.
 */
static inline bool dma_resv_iter_is_restarted(struct dma_resv_iter *cursor)
{
	return cursor->is_restarted;
}

/**
 * dma_resv_for_each_fence_unlocked() - for each fence that is not signalled, without
 * the lock.
 * @cursor: from dma_resv_iter_begin(), to be ended by dma_resv_iter_end()
 * @fence: the fence (out); the iteration has a reference until the next one
 *
 * The loop may sleep. If the fences change meanwhile it may begin again, see
 * dma_resv_iter_is_restarted(); it ends when it has seen all of what was there at one
 * time. With the lock at hand, dma_resv_for_each_fence() is better.
 */
#define dma_resv_for_each_fence_unlocked(cursor, fence)			\
	for ((fence) = dma_resv_iter_first_unlocked(cursor); (fence);	\
	     (fence) = dma_resv_iter_next_unlocked(cursor))

/**
 * dma_resv_for_each_fence() - for each fence, under the lock.
 * @cursor: &struct dma_resv_iter; begun by the loop, and need not be ended
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @fence: the fence (out), signalled or not, without a reference
 */
#define dma_resv_for_each_fence(cursor, obj, usage, fence)		\
	for (dma_resv_iter_begin(cursor, obj, usage),			\
	     (fence) = dma_resv_iter_first(cursor); (fence);		\
	     (fence) = dma_resv_iter_next(cursor))

/**
 * dma_resv_lock() - take the lock.
 * @obj: the reservation object
 * @ctx: from ww_acquire_init() for &reservation_ww_class, by who takes several; or NULL
 *
 * Context: May sleep.
 *
 * Return: 0, or with a @ctx:
 *
 *   * %-EDEADLK - would deadlock: drop all locks of @ctx, begin with this one by
 *     dma_resv_lock_slow(), and take the others again
 *   * %-EALREADY - @ctx holds it
 */
static inline int dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock(&obj->lock, ctx);
}

/**
 * dma_resv_lock_interruptible() - dma_resv_lock(), unless a signal comes.
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock()
 *
 * Context: May sleep.
 *
 * Return: As dma_resv_lock(), or %-EINTR.
 */
static inline int dma_resv_lock_interruptible(struct dma_resv *obj,
					      struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_interruptible(&obj->lock, ctx);
}

/**
 * dma_resv_lock_slow() - take the lock that would have deadlocked.
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock(); holds no lock any more
 *
 * Context: May sleep.
 */
static inline void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(&obj->lock, ctx);
}

/**
 * dma_resv_lock_slow_interruptible() - dma_resv_lock_slow(), unless a signal comes.
 * @obj: the reservation object
 * @ctx: as for dma_resv_lock(); holds no lock any more
 *
 * Context: May sleep.
 *
 * Return: 0 or %-EINTR.
 */
static inline int dma_resv_lock_slow_interruptible(struct dma_resv *obj,
						   struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_slow_interruptible(&obj->lock, ctx);
}

/**
 * dma_resv_trylock() - take the lock if nobody has it.
 * @obj: the reservation object
 *
 * Context: Any in which a mutex may be tried.
 *
 * Return: true if the caller has it now.
 */
static inline bool __must_check dma_resv_trylock(struct dma_resv *obj)
{
	return ww_mutex_trylock(&obj->lock, NULL);
}

/**
 * dma_resv_is_locked() - has somebody the lock?
 * @obj: the reservation object
 *
 * Context: Any.
 *
 * Return: true if so, at this moment.
 */
static inline bool dma_resv_is_locked(struct dma_resv *obj)
{
	return ww_mutex_is_locked(&obj->lock);
}

/**
 * dma_resv_locking_ctx() - with which context was it locked?
 * @obj: the reservation object
 *
 * For memory managers whose callbacks cannot be given the context.
 *
 * Context: Any; says something about the caller only if the context is its own.
 *
 * Return: The context, or NULL if there is none or the lock is free.
 */
static inline struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj)
{
	return READ_ONCE(obj->lock.ctx);
}

/**
 * dma_resv_unlock() - give the lock back, and what was reserved and not used.
 * @obj: the reservation object
 *
 * Context: The caller has the lock.
 */
static inline void dma_resv_unlock(struct dma_resv *obj)
{
	dma_resv_reset_max_fences(obj);
	ww_mutex_unlock(&obj->lock);
}

#endif /* _LINUX_RESERVATION_H */
