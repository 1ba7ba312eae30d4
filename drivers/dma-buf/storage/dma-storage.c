// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storage: buffers whose memory is a list of page runs.
 *
 * dma_storage_export() makes the buffer, which owns the storage from then on. The release,
 * or a replacement, frees the storage through its exporter. The exporter is static: it has
 * no pin callback, so its storage does not move while a device has it mapped.
 */

#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dma-storage-private.h"

/**
 * DOC: Storage
 *
 * The system heap, the CMA heap and udmabuf differ in where their pages come from. The
 * pages of a buffer are its *storage* (&struct dma_storage), a list of *runs* of contiguous
 * pages. Everything else is the same for all of them:
 *
 * * A table of DMA segments is built at the first map of an attachment and direction. A run
 *   becomes one segment, unless the device cannot take that.
 * * The DMA mapping ends with the last unmap. The begin and end of CPU access sync every
 *   mapping, each in its own direction.
 * * ``mmap()`` enters no page. The first fault enters all pages of the mapping, by huge page
 *   where size and alignment allow. get_user_pages() on the mapping fails, so only mappings
 *   refer to the pages.
 * * The storage can be replaced by another one while no device and no kernel mapping uses it.
 *   That happens when a device is attached that the storage does not fit, if the exporter can
 *   allocate one that does.
 */

/**
 * dma_storage_alloc_array() - allocate a list whose length userspace chooses
 * @n: number of elements
 * @size: size of an element in bytes
 *
 * With %DMA_STORAGE_GFP kvmalloc() would reclaim and compact memory for a large order before
 * it uses single pages.
 *
 * Context: Process context; may sleep.
 * Return: The list, to be freed with kvfree(); NULL if there is no memory.
 */
void *dma_storage_alloc_array(size_t n, size_t size)
{
	size_t bytes = array_size(n, size);

	might_sleep();
	if (bytes <= PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
		return kmalloc(bytes, DMA_STORAGE_GFP);
	return __vmalloc(bytes, DMA_STORAGE_GFP);
}

static void dma_storage_release(struct dma_buf *dmabuf)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;

	buffer->storage->ops->free(buffer->storage);
	kfree(buffer);
}

const struct dma_buf_ops dma_storage_buf_ops = {
	.detach = dma_storage_detach,
	.negotiate = dma_storage_negotiate,
	.map_dma_buf = dma_storage_map,
	.unmap_dma_buf = dma_storage_unmap,
	.begin_cpu_access = dma_storage_begin_cpu_access,
	.end_cpu_access = dma_storage_end_cpu_access,
	.mmap = dma_storage_mmap,
	.vmap = dma_storage_vmap,
	.vunmap = dma_storage_vunmap,
	.describe = dma_storage_describe,
	.release = dma_storage_release,
};

/**
 * dma_storage_export() - export a buffer that has a storage
 * @storage: the storage; on failure it stays the caller's
 * @exp_name: name of the exporter, valid until the storage is freed
 * @flags: access mode of the file, as in &dma_buf_export_info.flags
 *
 * Context: Process context; may sleep.
 * Return: The buffer, or an error pointer: %-ENOMEM, or an errno of dma_buf_export().
 */
struct dma_buf *dma_storage_export(struct dma_storage *storage, const char *exp_name,
				   int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_storage_buffer *buffer;
	struct dma_buf *dmabuf;

	might_sleep();
	buffer = kzalloc(sizeof(*buffer), DMA_STORAGE_GFP);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&buffer->lock);
	INIT_LIST_HEAD(&buffer->mappings);
	buffer->storage = storage;

	info.exp_name = exp_name;
	info.ops = &dma_storage_buf_ops;
	info.size = storage->nr_pages << PAGE_SHIFT;
	info.flags = flags;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		kfree(buffer);
	return dmabuf;
}
EXPORT_SYMBOL_NS_GPL(dma_storage_export, DMA_BUF_HEAP);
