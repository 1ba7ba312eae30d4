// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importing: somebody else's dma-buf as a GEM object of ours.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "display.h"

/**
 * DOC: Import
 *
 * The importer uses memory that it does not own, under the rules of the one who
 * does. The steps, each undone in the opposite order:
 *
 * 1. get_dma_buf(): the storage stays for as long as this reference.
 * 2. dma_buf_dynamic_attach(): says which device wants it. The exporter may
 *    refuse. With &struct dma_buf_attach_ops this importer is a dynamic one: it
 *    is told of a move, and until it pins, the exporter may move.
 * 3. dma_buf_pin(), for the time on the screen. A display controller reads the
 *    buffer sixty times a second until userspace shows another one, which no
 *    fence can express: this is the use that pinning is for. A render engine
 *    would not pin, but add a fence for each job.
 * 4. dma_buf_map_attachment(): the addresses for the device.
 * 5. dma_buf_vmap(): an address for the CPU, as this device has no DMA engine.
 *
 * 3 to 5 hold the reservation lock. Attaching and detaching must not.
 */

/*
 * The storage is about to move, and our addresses would lead to where it was.
 * They are given back, so that the next display_import_pin() asks anew. Nothing
 * is in flight here: had the buffer been on the screen, it would be pinned, and
 * the exporter would not be moving it. Called with the reservation lock held,
 * by the exporter, hence no lock is taken and nothing of the exporter's waited
 * for.
 */
static void display_import_move_notify(struct dma_buf_attachment *attach)
{
	struct display_bo *bo = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!bo->sgt)
		return;
	dma_buf_unmap_attachment(attach, bo->sgt, DMA_TO_DEVICE);
	bo->sgt = NULL;
}

/* Memory of another device, which need not have pages, is not for our CPU. */
static const struct dma_buf_attach_ops display_attach_ops = {
	.allow_peer2peer = false,
	.move_notify = display_import_move_notify,
};

/*
 * Keep a buffer in place, with its addresses known. The mapping stays when the pin
 * goes: with CONFIG_DMABUF_MOVE_NOTIFY the exporter can still move and says so,
 * without it the core lets a mapping pin as well. The direction is what the
 * display does, it reads. Once the device is gone nothing is mapped any more.
 */
int display_import_pin(struct display_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (!attach) {
		bo->pin_count++;
		return 0;
	}

	if (drm_dev_is_unplugged(bo->base.dev))
		return -ENODEV;
	ret = dma_buf_pin(attach);
	if (ret || bo->sgt)
		return ret;
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	if (IS_ERR(sgt)) {
		dma_buf_unpin(attach);
		return PTR_ERR(sgt);
	}

	/* A display controller would now get sg_dma_address() of each segment. */
	bo->sgt = sgt;
	return 0;
}

void display_import_unpin(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (bo->base.import_attach)
		dma_buf_unpin(bo->base.import_attach);
	else
		bo->pin_count--;
}

/* A dma-buf of this same display is a GEM object already. */
static struct drm_gem_object *display_import_self(struct drm_device *drm,
						  struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj;

	if (dmabuf->ops != &display_export_ops)
		return NULL;
	obj = dmabuf->priv;
	if (obj->dev != drm)
		return NULL;
	drm_gem_object_get(obj);
	return obj;
}

/**
 * display_import() - make the GEM object of a dma-buf.
 * @drm: the display
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * A buffer that comes home is not attached to itself: its GEM object gets
 * another reference, and both handles mean one buffer. (Were it attached, the
 * object would hold the dma-buf which holds the object.)
 *
 * From the moment of attaching, the exporter may call move_notify. Therefore the
 * GEM object is complete before, and its reservation object is the dma-buf's
 * from the start: there must be one lock for both.
 *
 * Context: DRM's object_name_lock held; reservation lock not held; may sleep.
 *
 * Return: The object with a reference for the caller, or an error pointer:
 *
 * * %-EINVAL - not a whole number of pages, which GEM insists on
 * * %-ENOMEM - no memory
 * * any errno with which the exporter refuses this device
 */
struct drm_gem_object *display_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct display *display = to_display(drm);
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;
	struct display_bo *bo;

	obj = display_import_self(drm, dmabuf);
	if (obj)
		return obj;
	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return ERR_PTR(-EINVAL);

	bo = display_bo_alloc();
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.resv = dmabuf->resv;
	drm_gem_private_object_init(drm, &bo->base, dmabuf->size);

	attach = dma_buf_dynamic_attach(dmabuf, drm->dev, &display_attach_ops, bo);
	if (IS_ERR(attach)) {
		drm_gem_object_put(&bo->base);
		return ERR_CAST(attach);
	}
	get_dma_buf(dmabuf);
	bo->base.import_attach = attach;

	mutex_lock(&display->imports_lock);
	list_add(&bo->import, &display->imports);
	mutex_unlock(&display->imports_lock);
	return &bo->base;
}

/*
 * Undo display_import(). The reservation object goes with the dma-buf, so nothing
 * of it may be touched after the last line.
 */
void display_import_free(struct display_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct display *display = to_display(bo->base.dev);
	struct dma_buf *dmabuf = attach->dmabuf;

	mutex_lock(&display->imports_lock);
	list_del(&bo->import);
	mutex_unlock(&display->imports_lock);

	/* Until detached, it may still be told of a move: the same lock again. */
	dma_resv_lock(dmabuf->resv, NULL);
	display_import_move_notify(attach);
	dma_resv_unlock(dmabuf->resv);

	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/*
 * The device goes. Userspace may keep its imported buffers, but a mapping that
 * outlives its device's driver leads nowhere, or worse.
 */
void display_import_unmap_all(struct display *display)
{
	struct display_bo *bo;

	mutex_lock(&display->imports_lock);
	list_for_each_entry(bo, &display->imports, import) {
		dma_resv_lock(bo->base.resv, NULL);
		display_import_move_notify(bo->base.import_attach);
		dma_resv_unlock(bo->base.resv);
	}
	mutex_unlock(&display->imports_lock);
}
