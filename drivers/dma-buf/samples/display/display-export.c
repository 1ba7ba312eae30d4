// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporting: a GEM object as a dma-buf. These are the callbacks of an exporter
 * whose memory is ordinary pages.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "display.h"

/**
 * DOC: Export
 *
 * The exporter owns the storage and answers for it. Importers come in three
 * kinds, and each asks for something else:
 *
 * * a device wants addresses: map and unmap, and pin when it cannot follow a
 *   move;
 * * a driver that reads or writes with the CPU wants a kernel address: vmap and
 *   vunmap, bracketed by begin and end of CPU access;
 * * a process wants it in its address space: mmap, with the same bracket as
 *   ioctls.
 *
 * pin, unpin, map, unmap, vmap and vunmap are called with the reservation lock
 * held. Because the dma-buf was exported with the GEM object's own reservation
 * object, that is the lock which guards the storage, and none of them takes
 * another. The rest is called without it.
 */

/**
 * struct display_mapping - the buffer as one device sees it
 */
struct display_mapping {
	/** @sgt: The table the importer has; first, so that it leads back here. */
	struct sg_table sgt;

	/** @node: Link in &display_bo.mappings; reservation lock. */
	struct list_head node;

	/** @storage: What the addresses lead to, even after a move. */
	struct display_storage *storage;

	/** @dev: Whose addresses these are. */
	struct device *dev;

	/** @dir: What that device does. */
	enum dma_data_direction dir;
};

/*
 * Somebody cannot follow a move: a static importer for as long as it is
 * attached (the core asks on its behalf), a dynamic one while its hardware is
 * busy with the buffer for an unknown time. The pages are reachable by every
 * device where they are, so counting is all. An exporter with video memory
 * would first migrate the buffer to where attach->dev can reach it.
 */
static int display_export_pin(struct dma_buf_attachment *attach)
{
	struct display_bo *bo = to_display_bo(attach->dmabuf->priv);

	dma_resv_assert_held(bo->base.resv);
	bo->pin_count++;
	return 0;
}

/*
 * One pin less. It cannot fail, and it moves nothing itself: whoever wants to
 * move buffers will find the count at zero.
 */
static void display_export_unpin(struct dma_buf_attachment *attach)
{
	struct display_bo *bo = to_display_bo(attach->dmabuf->priv);

	dma_resv_assert_held(bo->base.resv);
	bo->pin_count--;
}

/* Longest segment that the device takes and that a bounce buffer could hold. */
static unsigned int display_max_segment(struct device *dev)
{
	return min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));
}

/*
 * Addresses for one device. Each call makes a new table, as two importers must
 * never share one: the addresses differ per device, and the table is theirs
 * until they give it back. Neighbouring pages become one segment, as long as the
 * device can take. A cache that the device does not snoop is written back by
 * dma_map_sgtable(), in the direction that the importer announced.
 */
static struct sg_table *display_export_map(struct dma_buf_attachment *attach,
					   enum dma_data_direction dir)
{
	struct display_bo *bo = to_display_bo(attach->dmabuf->priv);
	struct display_storage *storage = bo->storage;
	struct display_mapping *mapping;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);

	ret = sg_alloc_table_from_pages_segment(&mapping->sgt, storage->pages,
						storage->num_pages, 0, bo->base.size,
						display_max_segment(attach->dev), GFP_KERNEL);
	if (ret)
		goto free_mapping;
	ret = dma_map_sgtable(attach->dev, &mapping->sgt, dir, 0);
	if (ret)
		goto free_table;

	mapping->storage = display_storage_get(storage);
	mapping->dev = attach->dev;
	mapping->dir = dir;
	list_add_tail(&mapping->node, &bo->mappings);
	return &mapping->sgt;

free_table:
	sg_free_table(&mapping->sgt);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

/*
 * The device is done with these addresses. They may lead to storage that the
 * buffer has left since (see display-move.c); the mapping's own reference has
 * kept those pages until now, as taking a mapping down can still write to them.
 */
static void display_export_unmap(struct dma_buf_attachment *attach,
				 struct sg_table *sgt, enum dma_data_direction dir)
{
	struct display_mapping *mapping = container_of(sgt, struct display_mapping, sgt);

	dma_resv_assert_held(attach->dmabuf->resv);
	list_del(&mapping->node);
	dma_unmap_sgtable(mapping->dev, sgt, dir, 0);
	sg_free_table(sgt);
	display_storage_put(mapping->storage);
	kfree(mapping);
}

/*
 * For devices that do not share the CPU's cache, stale lines are dropped: for
 * every mapping there is, since any of the devices may have written. A mapping
 * whose device only reads has nothing to drop, and the DMA layer knows that by
 * the mapping's own direction.
 */
int display_export_begin_cpu(struct display_bo *bo)
{
	struct display_mapping *mapping;
	int ret;

	ret = dma_resv_lock_interruptible(bo->base.resv, NULL);
	if (ret)
		return ret;
	list_for_each_entry(mapping, &bo->mappings, node)
		dma_sync_sgtable_for_cpu(mapping->dev, &mapping->sgt, mapping->dir);
	dma_resv_unlock(bo->base.resv);
	return 0;
}

/* And the other way: devices are to see what the CPU wrote, if it did. */
void display_export_end_cpu(struct display_bo *bo, enum dma_data_direction dir)
{
	struct display_mapping *mapping;

	if (dir == DMA_FROM_DEVICE)
		return;
	dma_resv_lock(bo->base.resv, NULL);
	list_for_each_entry(mapping, &bo->mappings, node)
		dma_sync_sgtable_for_device(mapping->dev, &mapping->sgt, mapping->dir);
	dma_resv_unlock(bo->base.resv);
}

/*
 * Called for a driver's dma_buf_begin_cpu_access() and for userspace's
 * DMA_BUF_IOCTL_SYNC alike. The core has waited for the fences of those whom
 * this access could disturb: what is left to the exporter is the cache.
 */
static int display_export_begin_cpu_access(struct dma_buf *dmabuf,
					   enum dma_data_direction dir)
{
	return display_export_begin_cpu(to_display_bo(dmabuf->priv));
}

/*
 * The counterpart. Userspace may call it as often as it likes and without a
 * begin, so it must not count anything.
 */
static int display_export_end_cpu_access(struct dma_buf *dmabuf,
					 enum dma_data_direction dir)
{
	display_export_end_cpu(to_display_bo(dmabuf->priv), dir);
	return 0;
}

/*
 * A kernel address for an importer that works with the CPU. The core counts its
 * users and calls for the first only; the scan-out counts as another user of the
 * same address, which is why there is a count here too. It also keeps the
 * buffer from moving.
 */
static int display_export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct display_bo *bo = to_display_bo(dmabuf->priv);
	int ret;

	ret = display_bo_vmap(bo);
	if (!ret)
		*map = bo->map;
	return ret;
}

/*
 * The last importer is done with the address. No fence and no cache work: those
 * belong to the end of CPU access, which came before.
 */
static void display_export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	display_bo_vunmap(to_display_bo(dmabuf->priv));
}

/*
 * The same mapping as through the DRM file: drm_gem_mmap_obj() takes the area's
 * own reference to the GEM object. The core has compared the area with the
 * buffer's size. Adding the fake offset puts it where drm_vma_node_unmap() finds
 * it, together with the f_mapping that display_export() sets.
 */
static int display_export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct drm_gem_object *obj = dmabuf->priv;

	vma->vm_pgoff += drm_vma_node_start(&obj->vma_node);
	return drm_gem_mmap_obj(obj, obj->size, vma);
}

/*
 * Nobody has the dma-buf any more, but handles may still lead to the GEM object,
 * and a move may just look at the pointer: it is cleared under the lock. The
 * references are those that display_export() took, the device's last, as the
 * GEM object needs it to be freed.
 */
static void display_export_release(struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj = dmabuf->priv;
	struct drm_device *drm = obj->dev;

	dma_resv_lock(obj->resv, NULL);
	to_display_bo(obj)->dmabuf = NULL;
	dma_resv_unlock(obj->resv);

	drm_gem_object_put(obj);
	drm_dev_put(drm);
}

/*
 * There is no .attach: it would refuse a device that cannot reach the storage,
 * and everybody reaches pages. There is no .cache_sgt_mapping: a mapping that
 * outlives its use is what a dynamic exporter must not have.
 */
const struct dma_buf_ops display_export_ops = {
	.pin = display_export_pin,
	.unpin = display_export_unpin,
	.map_dma_buf = display_export_map,
	.unmap_dma_buf = display_export_unmap,
	.begin_cpu_access = display_export_begin_cpu_access,
	.end_cpu_access = display_export_end_cpu_access,
	.vmap = display_export_vmap,
	.vunmap = display_export_vunmap,
	.mmap = display_export_mmap,
	.release = display_export_release,
};

/**
 * display_export() - make the dma-buf of a GEM object.
 * @obj: an own buffer
 * @flags: access mode of the file
 *
 * DRM's core calls this once for a buffer: it remembers the dma-buf while there
 * is a handle, and hands an imported buffer's own one out without asking.
 *
 * Passing the GEM object's reservation object is the decision that matters: one
 * lock and one set of fences, whether a user came through a handle or through
 * the file descriptor. info.owner, set by the macro, keeps this module loaded
 * while the dma-buf lives.
 *
 * Context: DRM's object_name_lock held; reservation lock not held; may sleep.
 *
 * Return: The dma-buf, or an error pointer of dma_buf_export().
 */
struct dma_buf *display_export(struct drm_gem_object *obj, int flags)
{
	struct display_bo *bo = to_display_bo(obj);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &display_export_ops;
	info.size = obj->size;
	info.flags = flags;
	info.resv = obj->resv;
	info.priv = obj;

	/* What the release puts: from the export on it may come at any time. */
	drm_gem_object_get(obj);
	drm_dev_get(obj->dev);
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		drm_dev_put(obj->dev);
		drm_gem_object_put(obj);
		return dmabuf;
	}

	dmabuf->file->f_mapping = obj->dev->anon_inode->i_mapping;

	dma_resv_lock(obj->resv, NULL);
	bo->dmabuf = dmabuf;
	dma_resv_unlock(obj->resv);
	return dmabuf;
}
