/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of the storage folder: its objects, and what each file offers the others.
 *
 * Lock order, outermost first:
 *
 *   mmap lock
 *     reservation lock (&dma_buf.resv)
 *       dma_storage_buffer.lock
 *         i_mmap_rwsem of the buffer's inode
 *
 * A page fault takes dma_storage_buffer.lock for reading and never the reservation lock:
 * importers hold that while they submit jobs.
 */
#ifndef _DMA_STORAGE_PRIVATE_H
#define _DMA_STORAGE_PRIVATE_H

#include <linux/dma-buf.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "dma-storage.h"

/**
 * struct dma_storage_buffer - private data of a buffer that has a storage
 * @lock: guards the members below. Held for writing to change what they say, for reading by
 *	page faults and by the begin and end of CPU access. @touched excepted, they change only with
 *	the reservation lock held too. @improved is guarded by the reservation lock alone
 * @storage: the storage
 * @generation: number of replacements of @storage so far; tells tables of an older storage
 * @mappings: DMA mappings, &struct dma_storage_mapping. Those of devices that only write are
 *	last: if several devices have bounce buffers, what such a device wrote is copied last
 * @vaddr: address in the kernel while the buffer is mapped there, or NULL
 * @touched: the CPU or a device may have written to the buffer. Never cleared. Page faults set
 *	it with @lock held for reading
 * @improved: a storage that saves devices from being bounced was looked for
 */
struct dma_storage_buffer {
	struct rw_semaphore lock;
	struct dma_storage *storage;
	unsigned int generation;
	struct list_head mappings;
	void *vaddr;
	bool touched;
	bool improved;
};

/**
 * struct dma_storage_mapping - an attachment's mapping in one direction
 * @next: mapping of the attachment in another direction; &dma_buf_attachment.priv is the first
 * @node: link in &dma_storage_buffer.mappings while @users is not 0
 * @sgt: table; kept when the last user unmaps, because only the DMA mapping costs the device
 *	something
 * @generation: generation of the storage for which @sgt was built
 * @bounced: bytes of @sgt that are going to be bounced
 * @dev: the device; fixed
 * @dir: the direction; fixed
 * @users: map calls that were not undone yet
 *
 * The reservation lock guards @next, &dma_storage_buffer.lock the other members. While @users is 0
 * only the reservation lock's holder, or the detach, uses @sgt.
 */
struct dma_storage_mapping {
	struct dma_storage_mapping *next;
	struct list_head node;
	struct sg_table sgt;
	unsigned int generation;
	u64 bounced;
	struct device *dev;
	enum dma_data_direction dir;
	unsigned int users;
};

/**
 * struct dma_storage_limits - where the segments of a device are cut; lengths in bytes
 * @dev: the device
 * @segment: longest segment
 * @direct: DMA addresses are physical ones but for an offset; the others are for this only
 * @bounced: longest segment that can be bounced
 * @boundary: boundary, less one
 * @no_bounce: memory that the device cannot reach is not bounced
 */
struct dma_storage_limits {
	struct device *dev;
	u64 segment;
	bool direct;
	u64 bounced;
	u64 boundary;
	bool no_bounce;
};

/*
 * Size of the pool of bounce buffers that the device shares with others. 0 if it has none, or one
 * of its own.
 */
#ifdef CONFIG_SWIOTLB
static inline u64 dma_storage_pool_bytes(struct device *dev)
{
	if (is_swiotlb_for_alloc(dev))
		return 0;
	return (u64)dev->dma_io_tlb_mem->nslabs << IO_TLB_SHIFT;
}
#else
static inline u64 dma_storage_pool_bytes(struct device *dev)
{
	return 0;
}
#endif

/* dma-storage.c */
extern const struct dma_buf_ops dma_storage_buf_ops;

/* dma-storage-table.c: tables of DMA segments. */
int dma_storage_build_table(const struct dma_storage *storage, struct device *dev,
			    struct sg_table *sgt);
void dma_storage_get_limits(struct device *dev, struct dma_storage_limits *limits);
void dma_storage_set_segment(struct scatterlist *sg, phys_addr_t phys, unsigned int bytes);
bool dma_storage_bounces(struct device *dev, dma_addr_t addr, u64 bytes);

/* dma-storage-bounce.c: bounce buffers that mappings hold. */
u64 dma_storage_bounced_bytes(struct device *dev, struct sg_table *sgt);
u64 dma_storage_bounce_limit(struct device *dev);
int dma_storage_bounce_take(const struct dma_storage_mapping *mapping);
void dma_storage_bounce_give(const struct dma_storage_mapping *mapping);
u64 dma_storage_bounce_held(void);

/* dma-storage-map.c: callbacks for devices, and the cache maintenance of CPU access. */
void dma_storage_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
struct sg_table *dma_storage_map(struct dma_buf_attachment *attach,
				 enum dma_data_direction dir);
void dma_storage_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction dir);
int dma_storage_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir);
int dma_storage_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir);
int dma_storage_dma_map(struct dma_storage_mapping *mapping);
void dma_storage_dma_unmap(struct dma_storage_mapping *mapping);
void dma_storage_sync_for_cpu(struct dma_storage_mapping *mapping);
void dma_storage_sync_for_device(struct dma_storage_mapping *mapping);

/* dma-storage-negotiate.c: storage that fits the devices. */
int dma_storage_negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			  const struct dma_buf_needs *want);

/* dma-storage-describe.c: what bufinfo and fdinfo show of a storage. */
void dma_storage_describe(struct dma_buf *dmabuf, struct seq_file *m);

/* dma-storage-mmap.c: mappings in userspace. */
int dma_storage_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);

/* dma-storage-vmap.c: the mapping in the kernel. */
int dma_storage_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void dma_storage_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

#endif /* _DMA_STORAGE_PRIVATE_H */
