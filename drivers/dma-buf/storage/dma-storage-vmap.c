// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel mapping: one contiguous address range for all runs.
 *
 * The core counts the users of the mapping and calls these functions for the first and the
 * last. The storage is not replaced in between.
 */

#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "dma-storage-private.h"

static struct page **dma_storage_get_pages(const struct dma_storage *storage)
{
	struct page **pages;
	unsigned long n = 0;

	pages = dma_storage_alloc_array(storage->nr_pages, sizeof(*pages));
	if (!pages)
		return NULL;
	for (unsigned int i = 0; i < storage->nr_runs; i++) {
		unsigned long pfn = storage->runs[i].pfn;
		unsigned long end = pfn + storage->runs[i].nr_pages;

		while (pfn < end)
			pages[n++] = pfn_to_page(pfn++);
	}
	return pages;
}

/**
 * dma_storage_vmap() - &dma_buf_ops.vmap
 * @dmabuf: the buffer
 * @map: is set to the mapping
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, or %-ENOMEM.
 */
int dma_storage_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	struct page **pages;

	dma_resv_assert_held(dmabuf->resv);
	down_write(&buffer->lock);
	pages = dma_storage_get_pages(buffer->storage);
	if (pages)
		buffer->vaddr = vmap(pages, buffer->storage->nr_pages, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (buffer->vaddr) {
		buffer->touched = true;
		iosys_map_set_vaddr(map, buffer->vaddr);
	}
	up_write(&buffer->lock);
	return buffer->vaddr ? 0 : -ENOMEM;
}

/**
 * dma_storage_vunmap() - &dma_buf_ops.vunmap
 * @dmabuf: the buffer
 * @map: the mapping
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_storage_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);
	down_write(&buffer->lock);
	vunmap(buffer->vaddr);
	buffer->vaddr = NULL;
	up_write(&buffer->lock);
}
