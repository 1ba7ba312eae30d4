/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the reservation objects share, and nobody else sees.
 *
 * Lock order, outermost first:
 *
 *   mmap lock
 *     reservation lock (&dma_resv.lock)
 *       page reclaim, MMU notifiers
 *         waiting for a fence
 *
 * dma-resv-lockdep.c tells lockdep at boot.
 */
#ifndef _DMA_RESV_PRIVATE_H
#define _DMA_RESV_PRIVATE_H

#include <linux/compiler.h>
#include <linux/dma-resv.h>
#include <linux/mmu_notifier.h>

/* Lower bits of a slot: its usage. The rest is the fence. */
#define DMA_RESV_USAGE_MASK	3UL

/* A hint for places that are too far behind for one. */
#define DMA_RESV_HINT_FAR	U8_MAX

/**
 * struct dma_resv_list - the fences of a reservation object
 * @rcu: for freeing it
 * @patience: before that, so many reservations until somebody looks whether the list has
 *	become far too long; reservation lock
 * @num_fences: slots in use. Grows under the reservation lock, and is released to
 *	readers after the slot that it counts; never shrinks
 * @max_fences: slots there are; fixed
 * @slots: fence and usage. A slot in use stays in use: another fence may take it, if
 *	the one before is signalled or is waited for with it; reservation lock, and
 *	readers under RCU
 *
 * Behind the slots lie the hints, see dma_resv_list_hint().
 *
 * A list is replaced by another one if its slots do not suffice, or are far too many.
 */
struct dma_resv_list {
	union {
		struct rcu_head rcu;
		u32 patience;
	};
	u32 num_fences;
	u32 max_fences;
	unsigned long slots[];
};

/*
 * Timelines fall into as many classes as there are slots. A hint tells of a class one more
 * than the place that a fence of it took last, or 0 if there has never been any.
 * Reservation lock.
 */
static inline u8 *dma_resv_list_hints(struct dma_resv_list *list)
{
	return (u8 *)&list->slots[list->max_fences];
}

static inline u8 *dma_resv_list_hint(struct dma_resv_list *list, u64 context)
{
	return dma_resv_list_hints(list) + (u32)context % list->max_fences;
}

static inline struct dma_fence *dma_resv_slot_fence(unsigned long slot)
{
	return (struct dma_fence *)(slot & ~DMA_RESV_USAGE_MASK);
}

static inline enum dma_resv_usage dma_resv_slot_usage(unsigned long slot)
{
	return slot & DMA_RESV_USAGE_MASK;
}

/* Under the reservation lock. */
static inline struct dma_resv_list *dma_resv_list_held(struct dma_resv *obj)
{
	return rcu_dereference_protected(obj->fences, dma_resv_held(obj));
}

/* Under RCU: a generation, its list, and how many slots there are to be looked at. */
static inline struct dma_resv_list *dma_resv_begin(struct dma_resv *obj,
						   unsigned int *generation, u32 *count)
{
	struct dma_resv_list *list;

	/* In this order: the list is of that generation or later. */
	*generation = smp_load_acquire(&obj->generation);
	list = rcu_dereference(obj->fences);
	/* Pairs with dma_resv_list_append(): the slots are written before. */
	*count = list ? smp_load_acquire(&list->num_fences) : 0;
	return list;
}

/*
 * Has the list not been replaced since? As long as that is true RCU keeps it, and what
 * was read from it before was still in it.
 */
static inline bool dma_resv_is_at(struct dma_resv *obj, unsigned int generation)
{
	smp_rmb(); /* pairs with dma_resv_set_list() */
	return READ_ONCE(obj->generation) == generation;
}

/* dma-resv.c */
struct dma_resv_list *dma_resv_list_alloc(unsigned int count, gfp_t gfp);
void dma_resv_set_list(struct dma_resv *obj, struct dma_resv_list *list);
void dma_resv_list_append(struct dma_resv_list *list, struct dma_fence *fence,
			  enum dma_resv_usage usage);
void dma_resv_list_free(struct dma_resv_list *list);
void dma_resv_report_unreserved(void);

/* dma-resv-iter.c */
bool dma_resv_collect(struct dma_resv *obj, enum dma_resv_usage usage,
		      struct dma_fence **fences, unsigned int room, unsigned int *found);
bool dma_resv_has_pending(struct dma_resv *obj, enum dma_resv_usage usage);

/* What lockdep takes for being called back about page tables that change. */
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
