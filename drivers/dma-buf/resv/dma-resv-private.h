/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of this folder only.
 *
 * Lock order, outermost first:
 *
 *   mmap lock
 *     reservation lock (&dma_resv.lock)
 *       page reclaim
 *         i_mmap_rwsem
 *         MMU notifier callbacks
 *           waiting for a fence
 *
 * dma-resv-lockdep.c teaches lockdep this order at boot.
 */
#ifndef _DMA_RESV_PRIVATE_H
#define _DMA_RESV_PRIVATE_H

#include <linux/compiler.h>
#include <linux/dma-resv.h>
#include <linux/mmu_notifier.h>

/* The lower bits of a slot are the usage, the others the address of the fence. */
#define DMA_RESV_USAGE_MASK	3UL

/**
 * struct dma_resv_list - the fences of a reservation object
 * @rcu: for freeing the list after a grace period
 * @num_fences: slots in use. Changed under the reservation lock, and only upwards;
 *	released to readers after the slot that it counts was filled
 * @max_fences: slots allocated; constant
 * @slots: a fence, whose reference the list holds, and its usage in the lower bits.
 *	Changed under the reservation lock; read under it or under RCU
 */
struct dma_resv_list {
	struct rcu_head rcu;
	u32 num_fences;
	u32 max_fences;
	unsigned long slots[];
};

static inline struct dma_fence *dma_resv_slot_fence(unsigned long slot)
{
	return (struct dma_fence *)(slot & ~DMA_RESV_USAGE_MASK);
}

static inline enum dma_resv_usage dma_resv_slot_usage(unsigned long slot)
{
	return slot & DMA_RESV_USAGE_MASK;
}

/* Return the list of an object whose lock the caller holds. */
static inline struct dma_resv_list *dma_resv_list_held(struct dma_resv *obj)
{
	return rcu_dereference_protected(obj->fences, dma_resv_held(obj));
}

/* Put a fence into a slot. Takes over the caller's reference. Reservation lock held. */
static inline void dma_resv_list_set(struct dma_resv_list *list, unsigned int index,
				     struct dma_fence *fence, enum dma_resv_usage usage)
{
	/* A reader that loads the slot sees an initialised fence. */
	smp_store_release(&list->slots[index], (unsigned long)fence | usage);
}

/* Fill a new slot, which must exist. Takes over the caller's reference. */
static inline void dma_resv_list_append(struct dma_resv_list *list,
					struct dma_fence *fence,
					enum dma_resv_usage usage)
{
	dma_resv_list_set(list, list->num_fences, fence, usage);
	/* Pairs with dma_resv_iter_walk(): a reader that counts the slot sees it filled. */
	smp_store_release(&list->num_fences, list->num_fences + 1);
}

/* dma-resv.c */
struct dma_resv_list *dma_resv_list_alloc(unsigned int count, gfp_t gfp);
void dma_resv_set_list(struct dma_resv *obj, struct dma_resv_list *list);
void dma_resv_list_free(struct dma_resv_list *list);
void dma_resv_report_unreserved(void);

/* Tell lockdep that an MMU notifier's invalidation begins or ends. */
#ifdef CONFIG_MMU_NOTIFIER
static inline void dma_resv_notifier_enter(void)
{
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
}

static inline void dma_resv_notifier_leave(void)
{
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
}
#else
static inline void dma_resv_notifier_enter(void)
{
}

static inline void dma_resv_notifier_leave(void)
{
}
#endif

#endif /* _DMA_RESV_PRIVATE_H */
