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
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../storage/dma-storage.h"

struct dma_heap_ops;
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
 *
 * The other members are fixed. Only the kernel's own heaps count their buffers.
 */
struct dma_heap {
	const char *name;
	const struct dma_heap_ops *ops;
	void *priv;
	atomic_long_t buffers;
	atomic_long_t nr_pages;
};

/* dma-heap.c: the registry. */
struct dma_heap *dma_heap_of_minor(unsigned int minor);
bool dma_heap_accounts(void);
u32 dma_heap_last_minor(void);
void dma_heap_count(struct dma_heap *heap, int buffers, long nr_pages);
void dma_heap_debugfs_add(const char *name, const struct file_operations *fops);

/* dma-heap-file.c: open files and their ioctl. */
extern const struct file_operations dma_heap_fops;
long dma_heap_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/**
 * struct heap_storage - storage of a buffer of a heap
 * @base: the storage
 * @heap: heap that counts it; fixed
 * @payer: memory cgroup that is charged, with a reference, or NULL; fixed
 */
struct heap_storage {
	struct dma_storage base;
	struct dma_heap *heap;
	struct obj_cgroup *payer;
};

/* heap-storage.c: charge, count and export the storage of a heap's buffer. */
int heap_storage_init(struct heap_storage *storage, struct dma_heap *heap,
		      unsigned long nr_pages);
int heap_storage_init_like(struct heap_storage *storage, const struct heap_storage *old);
void heap_storage_fini(struct heap_storage *storage);
struct dma_buf *heap_storage_export(struct heap_storage *storage, u32 fd_flags);

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

/**
 * struct system_heap_cma - what the system heap has of the default CMA region
 * @base: the part of the region
 * @percent: parameter: size of the part; may change at any time
 * @nr_pages: pages that it has, or is allocating
 */
struct system_heap_cma {
	struct heap_region base;
	unsigned int percent;
	atomic_long_t nr_pages;
};

/* system_heap_cma.c: contiguous storage of the default CMA region. */
extern struct system_heap_cma system_heap_cma;
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

/* heap-pool.c: pools. */
int heap_pool_init(struct heap_pool *pool, const unsigned int *orders);
void heap_pool_fini(struct heap_pool *pool);
void heap_pool_trim(struct heap_pool *pool);
struct page *heap_pool_take(struct heap_pool *pool, unsigned int bin);
bool heap_pool_give(struct heap_pool *pool, struct page *page);
void heap_pool_show(struct seq_file *m, struct heap_pool *pool);

#endif /* _HEAPS_PRIVATE_H */
