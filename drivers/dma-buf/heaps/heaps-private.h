/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of the heaps: what each file offers the others.
 */
#ifndef _HEAPS_PRIVATE_H
#define _HEAPS_PRIVATE_H

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mmzone.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../storage/dma-storage.h"

struct dma_buf;
struct dma_heap_ops;
struct heap_lessons;
struct obj_cgroup;
struct page;
struct seq_file;
struct shrinker;

/**
 * struct dma_heap - a heap
 * @name: the name
 * @ops: functions of the heap
 * @priv: the heap's own data
 * @buffers: number of its buffers; atomic
 * @nr_pages: pages of its buffers; atomic
 * @allocate_learned: as &dma_heap_ops.allocate, for a file whose lessons are used; NULL if the
 *	files of the heap do not learn. Set once
 *
 * The other members are fixed. Only the kernel's own heaps count their buffers.
 */
struct dma_heap {
	const char *name;
	const struct dma_heap_ops *ops;
	void *priv;
	atomic_long_t buffers;
	atomic_long_t nr_pages;
	struct dma_buf *(*allocate_learned)(struct heap_lessons *lessons, unsigned long len,
					    u32 fd_flags);
};

/* dma-heap.c: the registry. */
struct dma_heap *dma_heap_of_minor(unsigned int minor);
void dma_heap_set_learning(struct dma_heap *heap,
			   struct dma_buf *(*allocate)(struct heap_lessons *lessons,
						       unsigned long len, u32 fd_flags));
bool dma_heap_accounts(void);
bool dma_heap_learns(void);
u32 dma_heap_last_minor(void);
void dma_heap_count(struct dma_heap *heap, int buffers, long nr_pages);
void dma_heap_debugfs_add(const char *name, const struct file_operations *fops);

/* dma-heap-file.c: open files and their ioctl. */
extern const struct file_operations dma_heap_fops;
long dma_heap_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
void dma_heap_open_file(struct dma_heap *heap, struct file *file);
struct dma_buf *dma_heap_alloc_learned(struct heap_lessons *lessons, size_t len, u32 fd_flags,
				       u64 heap_flags);

/**
 * struct heap_storage - storage of a buffer of a heap
 * @base: the storage
 * @heap: heap that counts it; fixed
 * @payer: memory cgroup that is charged, with a reference, or NULL; fixed
 * @lessons: lessons of the open file that the buffer was allocated from, with a reference, or
 *	NULL; fixed once the storage has been exported
 * @on_trial: the buffer was allocated with a lesson, and no device has needed that yet. The
 *	reservation lock guards it once the storage has been exported
 */
struct heap_storage {
	struct dma_storage base;
	struct dma_heap *heap;
	struct obj_cgroup *payer;
	struct heap_lessons *lessons;
	bool on_trial;
};

/* heap-storage.c: charge, count and export the storage of a heap's buffer. */
int heap_storage_init(struct heap_storage *storage, struct dma_heap *heap,
		      unsigned long nr_pages);
int heap_storage_init_like(struct heap_storage *storage, const struct heap_storage *old,
			   bool insist);
void heap_storage_describe(struct heap_storage *storage, struct dma_heap *heap,
			   unsigned long nr_pages, struct heap_lessons *lessons);
void heap_storage_end_description(struct heap_storage *storage);
void heap_storage_fini(struct heap_storage *storage);
struct dma_buf *heap_storage_export(struct heap_storage *storage, u32 fd_flags);

/* Sizes that an open file has lessons for. */
#define HEAP_LESSONS		8

/* Buffers in a row that have not needed a lesson before it is forgotten. */
#define HEAP_LESSON_BUFFERS	16

/**
 * struct heap_lesson - needs that buffers of one size did not meet
 * @nr_pages: the size
 * @must: needs that they must meet
 * @want: needs that they should meet
 * @unneeded: buffers of this size in a row that were freed without having been asked for @must
 *
 * &heap_lessons.lock guards all members.
 */
struct heap_lesson {
	unsigned long nr_pages;
	struct dma_buf_needs must;
	struct dma_buf_needs want;
	unsigned int unneeded;
};

/**
 * struct heap_lessons - what an open file of a heap has learned
 * @refs: references: one of the file, one of each storage of its buffers. Whoever drops the last
 *	one frees the lessons
 * @heap: the heap; fixed
 * @lock: guards the members below; a leaf
 * @nr: number of lessons
 * @list: the lessons, the oldest first
 */
struct heap_lessons {
	refcount_t refs;
	struct dma_heap *heap;
	spinlock_t lock; /* nr, list */
	unsigned int nr;
	struct heap_lesson list[HEAP_LESSONS];
};

/* heap-lesson.c: what open files learn from refusals. */
struct heap_lessons *heap_lessons_alloc(struct dma_heap *heap);
struct heap_lessons *heap_lessons_get(struct heap_lessons *lessons);
void heap_lessons_put(struct heap_lessons *lessons);
bool heap_lessons_find(struct heap_lessons *lessons, unsigned long nr_pages,
		       struct heap_lesson *lesson);
void heap_lesson_note(struct dma_storage *base, const struct dma_buf_needs *must,
		      const struct dma_buf_needs *want, bool busy);
void heap_lessons_count_unneeded(struct heap_lessons *lessons, unsigned long nr_pages);
void heap_lessons_forget(struct heap_lessons *lessons, unsigned long nr_pages);
void heap_lessons_show(struct seq_file *m, struct heap_lessons *lessons);

struct heap_region;

/**
 * struct heap_region_ops - who divides a region
 * @take: return the first of so many contiguous pages, or NULL; need not clear them
 * @give: take such pages back
 * @longest_free_run: return the number of pages of the longest free run, for a trace event;
 *	may be wrong if the region changes meanwhile. NULL for no event
 *
 * Called in process context, at the same time by several callers; may sleep.
 */
struct heap_region_ops {
	struct page *(*take)(struct heap_region *region, unsigned long nr_pages);
	void (*give)(struct heap_region *region, struct page *page, unsigned long nr_pages);
	unsigned long (*longest_free_run)(struct heap_region *region);
};

/**
 * struct heap_region - contiguous memory that one or more heaps allocate from
 * @ops: who divides it; fixed
 * @nr_pages: its size; fixed
 */
struct heap_region {
	const struct heap_region_ops *ops;
	unsigned long nr_pages;
};

/* heap-region.c: heaps whose buffers are one run. */
struct dma_heap *heap_region_add(struct heap_region *region, const char *name);
void heap_region_free(struct dma_storage *base);
struct dma_storage *heap_region_renew(struct heap_region *region, const struct heap_storage *old,
				      const struct dma_storage_ops *ops);
unsigned long heap_region_longest_free_run(const unsigned long *bitmap, unsigned long bits);

/* carveout_heap.c: regions of reserved memory. */
struct heap_region *carveout_heap_create(unsigned long pfn, unsigned long nr_pages);
void carveout_heap_destroy(struct heap_region *region);

#define HEAP_POOL_ORDERS	4

/* The pages are zeroed. Where memory is short the caller fails, and nobody is killed. */
#define SYSTEM_HEAP_GFP		(GFP_HIGHUSER | __GFP_ZERO | __GFP_COMP | __GFP_NOWARN)

/* system_heap.c: the heap. New blocks come from here, if the pool has none. */
extern const unsigned int system_heap_orders[HEAP_POOL_ORDERS];
struct page *system_heap_new_block(gfp_t gfp, unsigned int order);
int system_heap_set_runs(struct dma_storage *storage, struct list_head *blocks,
			 unsigned int nr_blocks);

/* system_heap_renew.c: storage that fits the devices. */
struct dma_storage *system_heap_renew(struct dma_storage *base,
				      const struct dma_storage_request *request);
struct dma_storage *system_heap_alloc_learned(const struct heap_storage *like,
					      const struct heap_lesson *lesson);

/**
 * struct system_heap_limits - memory that buffers of the system heap get if a device needs it
 * @cma: the part of the default CMA region; no operations if the kernel has no such region
 * @cma_percent: parameter: size of this part; may change at any time
 * @cma_pages: pages that buffers have of it, or are allocating; atomic
 * @low_percent: parameter: part of each low zone; may change at any time
 * @low_pages: pages that buffers have of each zone, by its index; atomic. Those of normal and
 *	higher zones are not counted
 */
struct system_heap_limits {
	struct heap_region cma;
	unsigned int cma_percent;
	atomic64_t cma_pages;
	unsigned int low_percent;
	atomic64_t low_pages[MAX_NR_ZONES];
};

/* system_heap_limits.c: what buffers may have. */
unsigned long system_heap_limit(unsigned long nr_pages, unsigned int percent);
int system_heap_low_zone(const struct page *page);
unsigned long system_heap_zone_pages(int index);
bool system_heap_low_take(struct page *page, unsigned long nr_pages);
void system_heap_low_give(struct page *page, unsigned long nr_pages);

/* system_heap_cma.c: contiguous storage of the default CMA region. */
extern const struct heap_region_ops system_heap_cma_ops;
#ifdef CONFIG_DMABUF_HEAPS_SYSTEM_CMA
struct dma_storage *system_heap_cma_renew(const struct heap_storage *old, u64 reach);
#else
static inline struct dma_storage *system_heap_cma_renew(const struct heap_storage *old,
							u64 reach)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

/**
 * struct heap_pool_bin - pooled blocks of one order
 * @order: order of the blocks; fixed
 * @clean: blocks that are zeroed
 * @dirty: blocks that are not zeroed yet
 * @nr_clean: length of @clean
 * @nr_dirty: length of @dirty
 *
 * &heap_pool.lock guards all members but @order.
 */
struct heap_pool_bin {
	unsigned int order;
	struct list_head clean;
	struct list_head dirty;
	unsigned long nr_clean;
	unsigned long nr_dirty;
};

/**
 * struct heap_pool - free blocks of several orders that are kept for the next buffer
 * @lock: guards @nr_pages and the bins; a leaf
 * @bins: a bin for each order, the largest first
 * @nr_pages: pages in all bins, and of the block that is being zeroed
 * @max_mb: MiB to keep; 0 turns the pool off. May change at any time
 * @clean_work: zeroes dirty blocks, and frees blocks above the limit
 * @shrinker: gives blocks back when memory is short; NULL before heap_pool_init()
 */
struct heap_pool {
	spinlock_t lock; /* nr_pages, bins */
	struct heap_pool_bin bins[HEAP_POOL_ORDERS];
	unsigned long nr_pages;
	unsigned int max_mb;
	struct work_struct clean_work;
	struct shrinker *shrinker;
};

/**
 * struct system_heap - the system heap
 * @pool: freed blocks that are kept for the next buffer
 * @limits: memory that buffers get if a device needs it
 * @negotiate: parameter: buffers get other memory if a device needs it; may change at any time
 */
struct system_heap {
	struct heap_pool pool;
	struct system_heap_limits limits;
	bool negotiate;
};

/* system_heap.c */
extern struct system_heap system_heap;

/* heap-pool.c: pools. */
int heap_pool_init(struct heap_pool *pool, const unsigned int *orders);
void heap_pool_fini(struct heap_pool *pool);
void heap_pool_trim(struct heap_pool *pool);
struct page *heap_pool_take(struct heap_pool *pool, unsigned int bin);
bool heap_pool_give(struct heap_pool *pool, struct page *page);
void heap_pool_show(struct seq_file *m, struct heap_pool *pool);

#endif /* _HEAPS_PRIVATE_H */
