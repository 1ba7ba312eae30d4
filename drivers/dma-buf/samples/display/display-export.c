// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporting: dma-bufs of the display's own buffers, and all callbacks of an
 * exporter whose memory consists of pages.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "display.h"

/**
 * DOC: Export
 *
 * There are three kinds of users, and each has callbacks of its own:
 *
 * * A device needs DMA addresses: map_dma_buf and unmap_dma_buf; also pin and
 *   unpin, if its driver cannot follow a move.
 * * A driver that reads or writes with the CPU needs a kernel address: vmap and
 *   vunmap, with begin_cpu_access and end_cpu_access around each access.
 * * A process needs a userspace mapping: mmap, with DMA_BUF_IOCTL_SYNC around
 *   each access, which calls begin_cpu_access and end_cpu_access.
 *
 * The core holds the reservation lock around pin, unpin, map_dma_buf,
 * unmap_dma_buf, vmap and vunmap. The display passes the reservation object of
 * the GEM object to dma_buf_export(). So that lock also guards the storage, and
 * these callbacks take no other. The other callbacks are called without it.
 *
 * No callback uses the display's own device. All of them work after the display
 * is unbound, and none needs drm_dev_enter().
 */

/**
 * struct display_export - a dma-buf of an own buffer
 *
 * A buffer can have several dma-bufs at once. DRM's core reuses the first one only
 * until the buffer's last handle is closed. A framebuffer can outlive that handle,
 * and GETFB makes a new handle, with which userspace exports again. In later
 * releases of 6.12.y the framebuffer holds the handle, but not if the handle was
 * closed while ADDFB2 ran.
 */
struct display_export {
	/** @node: Entry of &display_bo.exports; reservation lock. */
	struct list_head node;

	/** @dmabuf: The dma-buf, which owns this structure. */
	struct dma_buf *dmabuf;

	/** @obj: The buffer, with a reference; constant. */
	struct drm_gem_object *obj;
};

static struct drm_gem_object *display_exported_object(struct dma_buf *dmabuf)
{
	struct display_export *export = dmabuf->priv;

	return export->obj;
}

static struct display_bo *display_exported_bo(struct dma_buf *dmabuf)
{
	return to_display_bo(display_exported_object(dmabuf));
}

/**
 * struct display_mapping - DMA mapping of an own buffer for one device
 *
 * All members but @node are constant.
 */
struct display_mapping {
	/** @sgt: The importer's table; its address leads back to the mapping. */
	struct sg_table sgt;

	/** @node: Entry of &display_bo.mappings; reservation lock. */
	struct list_head node;

	/** @storage: The memory that is mapped, with a reference. */
	struct display_storage *storage;

	/** @dev: The device. */
	struct device *dev;

	/** @dir: Direction of the mapping for the DMA API. */
	enum dma_data_direction dir;
};

/*
 * dma_buf_ops.pin: the buffer must not move. The core pins for a static importer
 * while that is attached; a dynamic importer pins while its hardware uses the
 * buffer for an unbounded time. The display has one kind of memory, so a count
 * suffices. An exporter with video memory would first move the buffer to where
 * attach->dev can reach it.
 */
static int display_export_pin(struct dma_buf_attachment *attach)
{
	struct display_bo *bo = display_exported_bo(attach->dmabuf);

	dma_resv_assert_held(bo->base.resv);
	bo->pin_count++;
	return 0;
}

/* dma_buf_ops.unpin: cannot fail. The next move finds the buffer unpinned. */
static void display_export_unpin(struct dma_buf_attachment *attach)
{
	struct display_bo *bo = display_exported_bo(attach->dmabuf);

	dma_resv_assert_held(bo->base.resv);
	bo->pin_count--;
}

/* The longest segment that the device takes and that a bounce buffer can hold. */
static unsigned int display_max_segment(struct device *dev)
{
	return min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));
}

/*
 * The CPU may write between two frames of a device that only writes: a program draws
 * on a frame. In the direction of that device, a sync would bring the drawing neither
 * to a bounce buffer, from which old data would be copied back over it, nor to memory
 * (32-bit ARM discards the cache lines). So the mapping is bidirectional.
 */
static enum dma_data_direction display_dma_dir(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? DMA_BIDIRECTIONAL : dir;
}

/*
 * Several devices map the same pages. Without this attribute the DMA API expects that
 * memory is mapped once. With it, map and unmap do not sync, and the exporter does.
 */
#define DISPLAY_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

/*
 * dma_buf_ops.map_dma_buf: each call allocates a table, because the addresses
 * differ between devices and a table belongs to its importer until it is
 * unmapped. Adjacent pages are merged into segments of up to the device's limit.
 * A device that cannot reach the pages is refused, because the DMA API would warn.
 * The sync writes back the CPU caches if the device does not snoop them.
 *
 * Mappings of devices that only write are last in the list: what they have in a
 * bounce buffer is copied back last.
 */
static struct sg_table *display_export_map(struct dma_buf_attachment *attach,
					   enum dma_data_direction dir)
{
	struct display_bo *bo = display_exported_bo(attach->dmabuf);
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
	if (!dma_buf_needs_can_map(attach->dev, &mapping->sgt)) {
		ret = -EIO;
		goto free_table;
	}
	mapping->dir = display_dma_dir(dir);
	ret = dma_map_sgtable(attach->dev, &mapping->sgt, mapping->dir, DISPLAY_DMA_ATTRS);
	if (ret)
		goto free_table;
	dma_sync_sgtable_for_device(attach->dev, &mapping->sgt, mapping->dir);

	mapping->storage = display_storage_get(storage);
	mapping->dev = attach->dev;
	if (dir == DMA_FROM_DEVICE)
		list_add_tail(&mapping->node, &bo->mappings);
	else
		list_add(&mapping->node, &bo->mappings);
	return &mapping->sgt;

free_table:
	sg_free_table(&mapping->sgt);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

/*
 * dma_buf_ops.unmap_dma_buf: the mapping may lead to storage that a move has
 * replaced. The sync may write to these pages (from a bounce buffer), so the
 * mapping's reference is dropped after it.
 */
static void display_export_unmap(struct dma_buf_attachment *attach,
				 struct sg_table *sgt, enum dma_data_direction dir)
{
	struct display_mapping *mapping = container_of(sgt, struct display_mapping, sgt);

	dma_resv_assert_held(attach->dmabuf->resv);
	list_del(&mapping->node);
	dma_sync_sgtable_for_cpu(mapping->dev, sgt, mapping->dir);
	dma_unmap_sgtable(mapping->dev, sgt, mapping->dir, DISPLAY_DMA_ATTRS);
	sg_free_table(sgt);
	display_storage_put(mapping->storage);
	kfree(mapping);
}

/**
 * display_export_sync_for_cpu() - make device writes visible to the CPU.
 * @bo: an own buffer whose writers are done
 *
 * Syncs each mapping in its own direction, the only one that the DMA API allows.
 * That invalidates stale CPU cache lines, and copies bounce buffers back. Any
 * device may have written, so all mappings are synced; for those that only read
 * nothing is done. Some CPUs cache the pages once more for the kernel address of
 * vmap.
 *
 * Context: Reservation lock held; may sleep.
 */
void display_export_sync_for_cpu(struct display_bo *bo)
{
	struct display_mapping *mapping;

	dma_resv_assert_held(bo->base.resv);
	if (bo->vmap_count)
		invalidate_kernel_vmap_range(bo->map.vaddr, bo->base.size);
	list_for_each_entry(mapping, &bo->mappings, node)
		dma_sync_sgtable_for_cpu(mapping->dev, &mapping->sgt, mapping->dir);
}

/**
 * display_export_begin_cpu() - begin CPU access to an own buffer.
 * @bo: the buffer; its fences have been waited for
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, or %-EINTR if a signal came.
 */
int display_export_begin_cpu(struct display_bo *bo)
{
	int ret;

	ret = dma_resv_lock_interruptible(bo->base.resv, NULL);
	if (ret)
		return ret;
	display_export_sync_for_cpu(bo);
	dma_resv_unlock(bo->base.resv);
	return 0;
}

/**
 * display_export_end_cpu() - end CPU access to an own buffer.
 * @bo: the buffer
 * @dir: %DMA_FROM_DEVICE if the CPU only read
 *
 * Makes CPU writes visible to the devices.
 *
 * Context: Reservation lock not held; may sleep.
 */
void display_export_end_cpu(struct display_bo *bo, enum dma_data_direction dir)
{
	struct display_mapping *mapping;

	if (dir == DMA_FROM_DEVICE)
		return;
	dma_resv_lock(bo->base.resv, NULL);
	if (bo->vmap_count)
		flush_kernel_vmap_range(bo->map.vaddr, bo->base.size);
	list_for_each_entry(mapping, &bo->mappings, node)
		dma_sync_sgtable_for_device(mapping->dev, &mapping->sgt, mapping->dir);
	dma_resv_unlock(bo->base.resv);
}

/*
 * dma_buf_ops.begin_cpu_access: called by dma_buf_begin_cpu_access() and
 * DMA_BUF_IOCTL_SYNC. The core has waited for the fences that conflict with this
 * access; only the caches remain.
 */
static int display_export_begin_cpu_access(struct dma_buf *dmabuf,
					   enum dma_data_direction dir)
{
	return display_export_begin_cpu(display_exported_bo(dmabuf));
}

/*
 * dma_buf_ops.end_cpu_access: userspace may call it any number of times and
 * without a begin, so it must not count.
 */
static int display_export_end_cpu_access(struct dma_buf *dmabuf,
					 enum dma_data_direction dir)
{
	display_export_end_cpu(display_exported_bo(dmabuf), dir);
	return 0;
}

/*
 * dma_buf_ops.vmap: the core counts the users of one dma-buf and calls this for
 * the first. The scan-out and other dma-bufs share the kernel address, so
 * display_bo_vmap() counts too. A buffer with a kernel address is not moved.
 */
static int display_export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct display_bo *bo = display_exported_bo(dmabuf);
	int ret;

	ret = display_bo_vmap(bo);
	if (!ret)
		*map = bo->map;
	return ret;
}

/* dma_buf_ops.vunmap: called for the last user. end_cpu_access came before. */
static void display_export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	display_bo_vunmap(display_exported_bo(dmabuf));
}

/*
 * dma_buf_ops.mmap: the same mapping as through the DRM file. The core has
 * checked the area against the size. drm_gem_mmap_obj() takes a reference to the
 * GEM object for the area. With the fake offset, and the f_mapping that
 * display_export() sets, drm_vma_node_unmap() finds the area.
 */
static int display_export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct drm_gem_object *obj = display_exported_object(dmabuf);

	vma->vm_pgoff += drm_vma_node_start(&obj->vma_node);
	return drm_gem_mmap_obj(obj, obj->size, vma);
}

/*
 * dma_buf_ops.release: the last reference to the dma-buf is gone. A move walks
 * the list under the reservation lock. The references are those of
 * display_export(). The DRM device is put last, because freeing the GEM object
 * uses it.
 */
static void display_export_release(struct dma_buf *dmabuf)
{
	struct display_export *export = dmabuf->priv;
	struct drm_gem_object *obj = export->obj;
	struct drm_device *drm = obj->dev;

	dma_resv_lock(obj->resv, NULL);
	list_del(&export->node);
	dma_resv_unlock(obj->resv);
	kfree(export);

	drm_gem_object_put(obj);
	drm_dev_put(drm);
}

/*
 * dma_buf_ops.attach: refuses a device that cannot do DMA, for example one on an
 * I2C bus, or not with segments of a page. Whether a device reaches the pages is
 * tested in map, because the driver can still set another mask.
 */
static int display_export_attach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	struct device *dev = attach->dev;

	return dev->dma_mask && dma_get_max_seg_size(dev) >= PAGE_SIZE ? 0 : -ENODEV;
}

/*
 * No .cache_sgt_mapping: a mapping that outlives its use
 * would keep the old storage allocated after a move.
 */
static const struct dma_buf_ops display_export_ops = {
	.attach = display_export_attach,
	.negotiate = display_export_negotiate,
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
 * display_export_object() - find the GEM object of a dma-buf.
 * @dmabuf: any dma-buf
 *
 * Context: Any.
 * Return: The object, without a reference, or NULL if no display exported the
 * dma-buf.
 */
struct drm_gem_object *display_export_object(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &display_export_ops ? display_exported_object(dmabuf) : NULL;
}

/**
 * display_export_move_notify() - notify all importers of a buffer of a move.
 * @bo: an own buffer
 *
 * Importers attach to a dma-buf, so each dma-buf of the buffer is notified.
 *
 * Context: Reservation lock held; may sleep.
 */
void display_export_move_notify(struct display_bo *bo)
{
	struct display_export *export;

	dma_resv_assert_held(bo->base.resv);
	list_for_each_entry(export, &bo->exports, node)
		dma_buf_move_notify(export->dmabuf);
}

static struct dma_buf *display_export_dmabuf(struct display_export *export, int flags)
{
	struct drm_gem_object *obj = export->obj;
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &display_export_ops;
	info.size = obj->size;
	info.flags = flags;
	info.resv = obj->resv;
	info.priv = export;
	return dma_buf_export(&info);
}

/**
 * display_export() - make a dma-buf of a GEM object.
 * @obj: an own buffer
 * @flags: access mode of the file
 *
 * The dma-buf uses the reservation object of the GEM object: one lock and one set
 * of fences for users of handles and users of file descriptors.
 * DEFINE_DMA_BUF_EXPORT_INFO() sets info.owner to this module, which keeps it
 * loaded while the dma-buf exists.
 *
 * Nobody can attach before this function returns, so it may link the dma-buf
 * after dma_buf_export().
 *
 * Context: DRM's object_name_lock held; inside drm_dev_enter(); reservation lock
 * not held; may sleep.
 * Return: The dma-buf, or an error pointer: %-ENOMEM, or an errno of
 * dma_buf_export().
 */
struct dma_buf *display_export(struct drm_gem_object *obj, int flags)
{
	struct display_export *export;
	struct dma_buf *dmabuf;

	export = kzalloc(sizeof(*export), GFP_KERNEL);
	if (!export)
		return ERR_PTR(-ENOMEM);
	export->obj = obj;
	dmabuf = display_export_dmabuf(export, flags);
	if (IS_ERR(dmabuf)) {
		kfree(export);
		return dmabuf;
	}

	/* Dropped by display_export_release(). */
	drm_gem_object_get(obj);
	drm_dev_get(obj->dev);
	dmabuf->file->f_mapping = obj->dev->anon_inode->i_mapping;

	dma_resv_lock(obj->resv, NULL);
	export->dmabuf = dmabuf;
	list_add(&export->node, &to_display_bo(obj)->exports);
	dma_resv_unlock(obj->resv);
	return dmabuf;
}
