/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of the heaps: what each file offers the others.
 */
#ifndef _HEAPS_PRIVATE_H
#define _HEAPS_PRIVATE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../storage/dma-storage.h"

struct dma_heap;
struct obj_cgroup;
struct page;
struct seq_file;
struct shrinker;

/* dma-heap.c: the registry. */
long dma_heap_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
bool dma_heap_accounts(void);
void dma_heap_count(struct dma_heap *heap, int buffers, long nr_pages);
void dma_heap_debugfs_add(const char *name, const struct file_operations *fops);

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
void heap_storage_fini(struct heap_storage *storage);
struct dma_buf *heap_storage_export(struct heap_storage *storage, u32 fd_flags);

#define HEAP_POOL_ORDERS	4

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
