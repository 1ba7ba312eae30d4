// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: attachments, DMA mappings, and the cache maintenance of CPU access.
 *
 * An attachment has a table and a mapping for each direction. The first map of the direction
 * allocates them. A second map shares the mapping. The last unmap ends the DMA mapping, because
 * map and unmap are what writes back caches and copies bounce buffers; the table is kept for the
 * next map.
 *
 * Map and unmap hold &dma_storage_buffer.lock for writing. The begin and end of CPU access
 * hold it for reading while they sync the mappings in the list.
 *
 * Two things are asked of the DMA API otherwise than importers ask:
 *
 * - Mappings have DMA_ATTR_SKIP_CPU_SYNC, and are synced explicitly. Without the attribute the
 *   DMA API expects that memory is mapped once, and here several devices map the same pages.
 * - A mapping of a device that only writes is bidirectional. The CPU may write between two
 *   frames of the device. A sync in the direction from the device would discard that, or not
 *   bring it to the bounce buffer, from which the unmap would copy old bytes over it.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/slab.h>

#include "dma-storage-private.h"

/**
 * dma_storage_detach() - &dma_buf_ops.detach
 * @dmabuf: the buffer
 * @attach: the attachment, which has no mapping any more
 *
 * Context: Reservation lock not held; may sleep.
 */
void dma_storage_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dma_storage_mapping *mapping, *next;

	for (mapping = attach->priv; mapping; mapping = next) {
		next = mapping->next;
		sg_free_table(&mapping->sgt);
		kfree(mapping);
	}
}

static enum dma_data_direction dma_storage_api_dir(const struct dma_storage_mapping *mapping)
{
	return mapping->dir == DMA_FROM_DEVICE ? DMA_BIDIRECTIONAL : mapping->dir;
}

/* The calls of the DMA API are separate functions, so that tests can replace them. */
int dma_storage_dma_map(struct dma_storage_mapping *mapping)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_dma_map, mapping);

	return dma_map_sgtable(mapping->dev, &mapping->sgt, dma_storage_api_dir(mapping),
			       DMA_ATTR_SKIP_CPU_SYNC);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_dma_map);

void dma_storage_dma_unmap(struct dma_storage_mapping *mapping)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_dma_unmap, mapping);

	dma_unmap_sgtable(mapping->dev, &mapping->sgt, dma_storage_api_dir(mapping),
			  DMA_ATTR_SKIP_CPU_SYNC);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_dma_unmap);

void dma_storage_sync_for_cpu(struct dma_storage_mapping *mapping)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_sync_for_cpu, mapping);

	dma_sync_sgtable_for_cpu(mapping->dev, &mapping->sgt, dma_storage_api_dir(mapping));
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_sync_for_cpu);

void dma_storage_sync_for_device(struct dma_storage_mapping *mapping)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_sync_for_device, mapping);

	dma_sync_sgtable_for_device(mapping->dev, &mapping->sgt, dma_storage_api_dir(mapping));
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_sync_for_device);

/* Build the table, unless the one of an earlier map still fits. */
static int dma_storage_mapping_prepare(struct dma_storage_buffer *buffer,
				       struct dma_storage_mapping *mapping)
{
	int ret;

	lockdep_assert_held_write(&buffer->lock);
	if (mapping->sgt.sgl && mapping->generation == buffer->generation)
		return 0;
	sg_free_table(&mapping->sgt);
	ret = dma_storage_build_table(buffer->storage, mapping->dev, &mapping->sgt);
	if (ret)
		return ret;
	mapping->generation = buffer->generation;
	mapping->bounced = dma_storage_bounced_bytes(mapping->dev, &mapping->sgt);
	return 0;
}

static int dma_storage_mapping_begin(struct dma_storage_buffer *buffer,
				     struct dma_storage_mapping *mapping)
{
	int ret;

	lockdep_assert_held_write(&buffer->lock);
	ret = dma_storage_mapping_prepare(buffer, mapping);
	if (ret)
		return ret;
	ret = dma_storage_bounce_take(mapping);
	if (ret)
		return ret;
	ret = dma_storage_dma_map(mapping);
	if (ret) {
		dma_storage_bounce_give(mapping);
		return ret;
	}
	dma_storage_sync_for_device(mapping);

	if (mapping->dir != DMA_TO_DEVICE)
		buffer->touched = true;
	if (mapping->dir == DMA_FROM_DEVICE)
		list_add_tail(&mapping->node, &buffer->mappings);
	else
		list_add(&mapping->node, &buffer->mappings);
	return 0;
}

/* Return the mapping in a direction, which the first map allocates; NULL if there is no memory. */
static struct dma_storage_mapping *dma_storage_get_mapping(struct dma_buf_attachment *attach,
							   enum dma_data_direction dir)
{
	struct dma_storage_mapping *mapping;

	dma_resv_assert_held(attach->dmabuf->resv);
	for (mapping = attach->priv; mapping; mapping = mapping->next)
		if (mapping->dir == dir)
			return mapping;
	mapping = kzalloc(sizeof(*mapping), DMA_STORAGE_GFP);
	if (!mapping)
		return NULL;
	mapping->dev = attach->dev;
	mapping->dir = dir;
	mapping->next = attach->priv;
	attach->priv = mapping;
	return mapping;
}

/**
 * dma_storage_map() - &dma_buf_ops.map_dma_buf
 * @attach: the attachment
 * @dir: direction of the mapping
 *
 * Context: Reservation lock held; may sleep.
 * Return: The table, or an error pointer: %-ENOMEM; %-EIO if mappings hold as many bounce buffers
 * as they may; or an errno of dma_map_sgtable().
 */
struct sg_table *dma_storage_map(struct dma_buf_attachment *attach,
				 enum dma_data_direction dir)
{
	struct dma_storage_buffer *buffer = attach->dmabuf->priv;
	struct dma_storage_mapping *mapping = dma_storage_get_mapping(attach, dir);
	int ret = 0;

	if (!mapping)
		return ERR_PTR(-ENOMEM);
	down_write(&buffer->lock);
	/* What a device that only writes has written since the first map must stay. */
	if (!mapping->users)
		ret = dma_storage_mapping_begin(buffer, mapping);
	else if (dir != DMA_FROM_DEVICE)
		dma_storage_sync_for_device(mapping);
	if (!ret)
		mapping->users++;
	up_write(&buffer->lock);
	return ret ? ERR_PTR(ret) : &mapping->sgt;
}

/**
 * dma_storage_unmap() - &dma_buf_ops.unmap_dma_buf
 * @attach: the attachment
 * @sgt: table from dma_storage_map()
 * @dir: direction of the mapping
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_storage_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	struct dma_storage_buffer *buffer = attach->dmabuf->priv;
	struct dma_storage_mapping *mapping =
		container_of(sgt, struct dma_storage_mapping, sgt);

	dma_resv_assert_held(attach->dmabuf->resv);
	down_write(&buffer->lock);
	dma_storage_sync_for_cpu(mapping);
	if (!--mapping->users) {
		list_del(&mapping->node);
		dma_storage_dma_unmap(mapping);
		dma_storage_bounce_give(mapping);
	}
	up_write(&buffer->lock);
}

/**
 * dma_storage_begin_cpu_access() - &dma_buf_ops.begin_cpu_access
 * @dmabuf: the buffer
 * @dir: direction of the access
 *
 * Syncs whatever @dir is: also a CPU that only writes may write less than the end pushes
 * out.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0.
 */
int dma_storage_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	struct dma_storage_mapping *mapping;

	down_read(&buffer->lock);
	if (buffer->vaddr)
		invalidate_kernel_vmap_range(buffer->vaddr, dmabuf->size);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_storage_sync_for_cpu(mapping);
	up_read(&buffer->lock);
	return 0;
}

/**
 * dma_storage_end_cpu_access() - &dma_buf_ops.end_cpu_access
 * @dmabuf: the buffer
 * @dir: direction of the access
 *
 * After a read there is nothing to push out; a sync would overwrite what a device has
 * written meanwhile.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0.
 */
int dma_storage_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	struct dma_storage_mapping *mapping;

	if (dir == DMA_FROM_DEVICE)
		return 0;
	down_read(&buffer->lock);
	if (buffer->vaddr)
		flush_kernel_vmap_range(buffer->vaddr, dmabuf->size);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_storage_sync_for_device(mapping);
	up_read(&buffer->lock);
	return 0;
}
