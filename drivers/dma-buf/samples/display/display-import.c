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

/**
 * DOC: Unbind
 *
 * Userspace can unbind a device from its driver, or unplug it, while files are
 * open and buffers are imported. An attachment and its mapping belong to the
 * device and must end before remove() returns; handles and files remain. The
 * display does this in four steps:
 *
 * 1. drm_dev_unplug() makes drm_dev_enter() fail, and waits for all sections
 *    between drm_dev_enter() and drm_dev_exit() to end. Import, export, and the
 *    preparation of a commit are such sections. After this step no import is
 *    added, none is pinned, and none is looked up for an export.
 * 2. drm_atomic_helper_shutdown() switches the CRTC off. It waits for commits
 *    that were prepared before step 1, but a signal can end that wait. So remove()
 *    also stops the hardware itself. The device reads no buffer any more.
 * 3. display_import_detach_all() unpins, unmaps and detaches each import. It
 *    clears import_attach: from now on the object is dead. Its reference to the
 *    dma-buf remains.
 * 4. The last handle, framebuffer or file that refers to a dead object frees it,
 *    and drops the reference to the dma-buf.
 *
 * A section must not wait for fences or for userspace, because remove() waits
 * for the section. That is why the wait for a commit's fences is outside.
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
 * Pins nest. The mapping remains when the last pin is dropped; move_notify or the
 * detach removes it. Without CONFIG_DMABUF_MOVE_NOTIFY the core keeps a mapped
 * buffer pinned.
 *
 * Context: Reservation lock held, inside drm_dev_enter(); may sleep.
 * Return: 0, or an errno of dma_buf_pin() or dma_buf_map_attachment().
 */
int display_import_pin(struct display_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(bo->base.resv);
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
	if (--bo->pin_count)
		return;
	/* The detach of a dead import has dropped the pin already. */
	if (bo->base.import_attach)
		dma_buf_unpin(bo->base.import_attach);
}

/**
 * display_import_attach() - attach the display to the dma-buf of an import.
 * @bo: an import whose object is complete but for the attachment
 *
 * The exporter may call move_notify as soon as the attachment exists, so the
 * object must be ready for it.
 *
 * Context: Inside drm_dev_enter(), so that display_import_detach_all() finds the
 * import; reservation lock not held; may sleep.
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

/*
 * The lock makes remove() wait for a detach that another thread has begun. A
 * commit that was switched off may still have to clean up: its pin is dropped
 * here, and display_import_unpin() only counts it.
 */
static void display_import_detach_locked(struct display *display, struct display_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;

	lockdep_assert_held(&display->imports_lock);
	list_del(&bo->import_node);

	dma_resv_lock(bo->base.resv, NULL);
	if (bo->pin_count)
		dma_buf_unpin(attach);
	display_import_unmap(bo);
	bo->base.import_attach = NULL;
	dma_resv_unlock(bo->base.resv);

	dma_buf_detach(bo->imported, attach);
}

/**
 * display_import_detach() - undo display_import_attach(), unless the unbind has.
 * @bo: an import that nobody uses any more
 *
 * Context: Reservation lock not held; may sleep.
 */
void display_import_detach(struct display_bo *bo)
{
	struct display *display = to_display(bo->base.dev);

	mutex_lock(&display->imports_lock);
	if (bo->base.import_attach)
		display_import_detach_locked(display, bo);
	mutex_unlock(&display->imports_lock);
}

/**
 * display_import_detach_all() - detach all imports of a display that is unbound.
 * @display: the display: unplugged, and its CRTC off
 *
 * Context: No locks held; may sleep.
 */
void display_import_detach_all(struct display *display)
{
	struct display_bo *bo, *next;

	mutex_lock(&display->imports_lock);
	list_for_each_entry_safe(bo, next, &display->imports, import_node)
		display_import_detach_locked(display, bo);
	mutex_unlock(&display->imports_lock);
}
