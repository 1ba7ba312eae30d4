/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Storage of page runs, for exporters whose memory has struct pages: the heaps and udmabuf.
 *
 * An exporter allocates a storage and passes it to dma_storage_export(). All callbacks of
 * the buffer are in this folder; the exporter only frees the storage.
 */
#ifndef _DMA_STORAGE_H
#define _DMA_STORAGE_H

#include <linux/atomic.h>
#include <linux/dma-buf-needs.h>
#include <linux/gfp.h>
#include <linux/types.h>

struct dma_buf;
struct dma_storage;

/*
 * For what a buffer needs beside its pages. Userspace chooses the size, and how many buffers
 * there are: it is charged, and the allocation fails before anybody is killed.
 */
#define DMA_STORAGE_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct dma_storage_request - what a new storage of a buffer is needed for
 * @dmabuf: the buffer, or NULL before it is exported: then no device is asked for its reach
 * @needs: needs that the storage must meet
 * @must_only: as for dma_buf_fits()
 * @optional: without it the devices are bounced, so it is not worth taking memory from others
 */
struct dma_storage_request {
	struct dma_buf *dmabuf;
	const struct dma_buf_needs *needs;
	bool must_only;
	bool optional;
};

/**
 * struct dma_storage_ops - what the exporter of a storage implements
 */
struct dma_storage_ops {
	/**
	 * @free: Frees the storage and its pages, which nobody uses any more.
	 *
	 * Context: Process context; may sleep. The reservation lock is held if the storage was
	 * replaced.
	 */
	void (*free)(struct dma_storage *storage);

	/**
	 * @renew: Allocates another storage for the buffer of a storage (optional).
	 *
	 * The new storage has the same size, is zeroed, and is counted and paid for as the old
	 * one. The caller replaces the old one, or frees the new one. An exporter that cannot
	 * choose its memory does not implement this.
	 *
	 * Context: Reservation lock held; may sleep. Nobody maps the buffer or has it mapped,
	 * except userspace.
	 *
	 * Return: The new storage, which dma_storage_request_fits(), or an error pointer:
	 * %-ENOMEM if there is no such memory now, %-EOPNOTSUPP if there never is, %-EINTR if a
	 * fatal signal came.
	 */
	struct dma_storage *(*renew)(struct dma_storage *storage,
				     const struct dma_storage_request *request);

	/**
	 * @note: Tells the exporter what a negotiation asks of a storage (optional).
	 *
	 * Called before @renew. @must are needs that the storage must meet, @want those that it
	 * should meet. @busy says that it does not meet @must, and that it is not renewed because
	 * the buffer is in use. The negotiation then fails with %-EBUSY.
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*note)(struct dma_storage *storage, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want, bool busy);
};

/**
 * struct dma_storage - the memory of a buffer: page runs in the order of their offsets
 * @ops: functions of the exporter
 * @nr_pages: pages of all runs together
 * @nr_runs: number of runs
 * @runs: the runs, of at least one page each; runs that are adjacent in memory may be
 *	separate
 *
 * All members are fixed once the storage has been exported.
 */
struct dma_storage {
	const struct dma_storage_ops *ops;
	unsigned long nr_pages;
	unsigned int nr_runs;
	struct dma_buf_run *runs;
};

/**
 * dma_storage_take_limited() - count what a buffer takes, if a limit allows it
 * @held: what all buffers hold; the taker subtracts from it what it gives back
 * @nr: what the buffer takes
 * @limit: what all may hold together
 *
 * What is refused is never in the count, so that another one that fits is not refused meanwhile.
 *
 * Context: Any.
 * Return: True if it was counted.
 */
static inline bool dma_storage_take_limited(atomic64_t *held, u64 nr, u64 limit)
{
	s64 before = atomic64_read(held);

	do {
		if (before + nr > limit)
			return false;
	} while (!atomic64_try_cmpxchg(held, &before, before + nr));
	return true;
}

void *dma_storage_alloc_array(size_t n, size_t size);
struct dma_buf *dma_storage_export(struct dma_storage *storage, const char *exp_name,
				   int flags);
int dma_storage_replace(struct dma_buf *dmabuf, struct dma_storage *new);
bool dma_storage_request_fits(const struct dma_storage_request *request,
			      const struct dma_buf_run *runs, unsigned int nr_runs);

#endif /* _DMA_STORAGE_H */
