// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replacing: a buffer gets another storage with the same content.
 *
 * Nobody may hold an address of the old pages. Device mappings and the kernel mapping refuse
 * the replacement. Userspace mappings are zapped; a fault then waits for
 * &dma_storage_buffer.lock, and enters pages of the storage that it finds.
 */

#include <kunit/visibility.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "dma-storage-private.h"

/* A position in a storage, for one pass over its pages. */
struct dma_storage_cursor {
	const struct dma_buf_run *run;
	unsigned long page;
};

static struct page *dma_storage_next_page(struct dma_storage_cursor *cursor)
{
	if (cursor->page == cursor->run->nr_pages) {
		cursor->run++;
		cursor->page = 0;
	}
	return pfn_to_page(cursor->run->pfn + cursor->page++);
}

static int dma_storage_copy(const struct dma_storage *to, const struct dma_storage *from)
{
	struct dma_storage_cursor dst = { .run = to->runs }, src = { .run = from->runs };

	might_sleep();
	for (unsigned long i = 0; i < from->nr_pages; i++) {
		struct page *page = dma_storage_next_page(&dst);

		if (fatal_signal_pending(current))
			return -EINTR;
		copy_highpage(page, dma_storage_next_page(&src));
		flush_dcache_page(page);
		cond_resched();
	}
	return 0;
}

static int dma_storage_switch(struct dma_buf *dmabuf, struct dma_storage *new)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	int ret;

	lockdep_assert_held_write(&buffer->lock);
	if (!list_empty(&buffer->mappings) || buffer->vaddr)
		return -EBUSY;

	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	ret = buffer->touched ? dma_storage_copy(new, buffer->storage) : 0;
	if (ret)
		return ret;
	buffer->storage = new;
	buffer->generation++;
	return 0;
}

/**
 * dma_storage_replace() - replace the storage of a buffer
 * @dmabuf: buffer from dma_storage_export()
 * @new: storage of the same size; must be zeroed. On failure it stays the caller's
 *
 * Frees the old storage. If nobody can have written to the buffer, its content is not
 * copied. Open spans of CPU access do not matter: they are on userspace mappings, which
 * follow.
 *
 * Context: Reservation lock held; may sleep. Waits for no fence.
 * Return: 0, or
 *
 *   * %-EINVAL - the sizes differ; warned about
 *   * %-EBUSY - a device or the kernel has the buffer mapped, or a fence with
 *     %DMA_RESV_USAGE_KERNEL has not signalled
 *   * %-EINTR - a fatal signal came; the buffer has its old storage
 */
int dma_storage_replace(struct dma_buf *dmabuf, struct dma_storage *new)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	struct dma_storage *old = buffer->storage;
	int ret;

	dma_resv_assert_held(dmabuf->resv);
	if (WARN_ON_ONCE(new->nr_pages != old->nr_pages))
		return -EINVAL;
	if (!dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_KERNEL))
		return -EBUSY;

	down_write(&buffer->lock);
	ret = dma_storage_switch(dmabuf, new);
	up_write(&buffer->lock);
	if (ret)
		return ret;
	dma_buf_note_replaced(dmabuf);
	old->ops->free(old);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_replace);
