// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importing: the display's attachments to dma-bufs of other drivers.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "display.h"

/**
 * DOC: Import
 *
 * An importer uses memory of another driver. It takes these steps, and undoes
 * them in reverse order:
 *
 * 1. get_dma_buf() takes a reference, which keeps the memory allocated.
 * 2. dma_buf_dynamic_attach() names the device that is going to use it. The
 *    exporter may refuse the device. By passing &struct dma_buf_attach_ops the
 *    display becomes a dynamic importer: the exporter may move the buffer while
 *    it is not pinned, and calls move_notify first.
 * 3. dma_buf_pin() forbids moves while the buffer is on the screen. A display
 *    controller reads the buffer in every frame until userspace shows another
 *    one. A fence cannot express this, because nothing bounds the time until it
 *    would signal. A render engine would not pin; it adds a fence per job.
 * 4. dma_buf_map_attachment() returns the addresses for the device.
 * 5. dma_buf_vmap() returns an address for the CPU. Only this display needs it,
 *    because its scan-out is done by the CPU.
 *
 * Steps 3 to 5 are called with the reservation lock held. Attaching and
 * detaching are called without it.
 */

/* Gives the addresses back, if there are any. */
static void display_import_unmap(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (!bo->sgt)
		return;
	dma_buf_unmap_attachment(bo->base.import_attach, bo->sgt, DMA_TO_DEVICE);
	bo->sgt = NULL;
}

/*
 * The exporter is about to move the buffer, and holds the reservation lock. The
 * addresses are unmapped here, so that display_import_pin() maps the new place.
 * The device is not reading them: a buffer on the screen is pinned, and is not
 * moved.
 */
static void display_import_move_notify(struct dma_buf_attachment *attach)
{
	display_import_unmap(attach->importer_priv);
}

/* Peer-to-peer memory may have no address for the CPU, which does the scan-out. */
static const struct dma_buf_attach_ops display_attach_ops = {
	.allow_peer2peer = false,
	.move_notify = display_import_move_notify,
};

/**
 * display_import_pin() - keep an import in place and map it for the device.
 * @bo: an import
 *
 * Pins nest. The mapping remains when the last pin is dropped; move_notify, the
 * detach or the unbind removes it. Without CONFIG_DMABUF_MOVE_NOTIFY the core keeps a mapped
 * buffer pinned.
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: 0, %-ENODEV if the display is unbound, or an errno of dma_buf_pin() or
 * dma_buf_map_attachment().
 */
int display_import_pin(struct display_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (drm_dev_is_unplugged(bo->base.dev))
		return -ENODEV;
	if (bo->pin_count++)
		return 0;

	ret = dma_buf_pin(attach);
	if (ret)
		goto uncount;
	if (bo->sgt)
		return 0;
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	if (IS_ERR(sgt)) {
		ret = PTR_ERR(sgt);
		goto unpin;
	}

	/* A display controller would be programmed with the addresses in sgt. */
	bo->sgt = sgt;
	return 0;

unpin:
	dma_buf_unpin(attach);
uncount:
	bo->pin_count--;
	return ret;
}

/**
 * display_import_unpin() - undo one display_import_pin().
 * @bo: an import
 *
 * Context: Reservation lock held; may sleep.
 */
void display_import_unpin(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (!--bo->pin_count)
		dma_buf_unpin(bo->base.import_attach);
}

/**
 * display_import_attach() - attach the display to the dma-buf of an import.
 * @bo: an import whose object is complete but for the attachment
 *
 * The exporter may call move_notify as soon as the attachment exists, so the
 * object must be ready for it.
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0, or an errno of dma_buf_dynamic_attach().
 */
int display_import_attach(struct display_bo *bo)
{
	struct display *display = to_display(bo->base.dev);
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(bo->imported, display->drm.dev,
					&display_attach_ops, bo);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	bo->base.import_attach = attach;

	mutex_lock(&display->imports_lock);
	list_add(&bo->import_node, &display->imports);
	mutex_unlock(&display->imports_lock);
	return 0;
}

/**
 * display_import_detach() - undo display_import_attach(), if that has succeeded.
 * @bo: an import that nobody uses any more
 *
 * Context: Reservation lock not held; may sleep.
 */
void display_import_detach(struct display_bo *bo)
{
	struct display *display = to_display(bo->base.dev);
	struct dma_buf_attachment *attach = bo->base.import_attach;

	if (!attach)
		return;
	mutex_lock(&display->imports_lock);
	list_del(&bo->import_node);
	mutex_unlock(&display->imports_lock);

	dma_resv_lock(bo->base.resv, NULL);
	display_import_unmap(bo);
	dma_resv_unlock(bo->base.resv);
	dma_buf_detach(bo->imported, attach);
}

/**
 * display_import_unmap_all() - unmap all imports of a display that is unbound.
 * @display: the display: unplugged, and its CRTC off
 *
 * Context: No locks held; may sleep.
 */
void display_import_unmap_all(struct display *display)
{
	struct display_bo *bo;

	mutex_lock(&display->imports_lock);
	list_for_each_entry(bo, &display->imports, import_node) {
		dma_resv_lock(bo->base.resv, NULL);
		display_import_unmap(bo);
		dma_resv_unlock(bo->base.resv);
	}
	mutex_unlock(&display->imports_lock);
}
