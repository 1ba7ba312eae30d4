// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample display: a DRM driver without hardware that shows how to export buffers
 * and how to import buffers of other drivers. This file has the module, the
 * platform device and the DRM driver structure.
 */

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include <drm/drm_atomic_helper.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "display.h"

/**
 * DOC: Overview
 *
 * The sample display has one plane, one CRTC and one connector. A timer stands
 * for the vblank interrupt, and a work item for the scan-out: it reads each frame
 * and computes its CRC, from which userspace learns which picture arrived.
 *
 * Read the files in this order:
 *
 * * display-storage.c: pages of a buffer, and their kernel address.
 * * display-export.c: a buffer as a dma-buf: the callbacks of
 *   &struct dma_buf_ops.
 * * display-move.c: how a dynamic exporter moves its buffers.
 * * display-import.c: a dma-buf of another driver: attach, pin, map, follow moves,
 *   and detach when the device is unbound.
 * * display-gem.c: own buffers and imports as GEM objects.
 * * display-kms.c: when a buffer must stay in place, and which fences a flip waits
 *   for.
 * * display-crtc.c: when a flip is done, and the old buffer free.
 * * display-scan.c: reading a buffer with the CPU.
 *
 * The module parameter "devices" creates several displays, which can export to
 * and import from each other. Then both sides are dynamic.
 */

/**
 * DOC: Userspace
 *
 * ::
 *
 *	modprobe dmabuf_sample_display
 *	modetest -M dmabuf_sample_display -c
 *	modetest -M dmabuf_sample_display -s 36:640x480
 *	gst-launch-1.0 v4l2src io-mode=dmabuf ! \
 *		kmssink driver-name=dmabuf_sample_display
 *
 * where 36 stands for the connector's number in modetest's list. The connector
 * lists standard modes up to 1920x1080. Userspace may set any other mode from
 * 64x64 to 1920x1080.
 */

/**
 * DOC: Locking
 *
 * From the outside in:
 *
 * * drm_dev_enter() sections, which an unbind waits for. They are around import,
 *   export, and the preparation of a commit; see "Unbind" in display-import.c.
 * * DRM's object_name_lock, held by DRM's core around export and import. It
 *   serialises them, so that an import of one dma-buf twice gives one object.
 * * &display.imports_lock guards the list of imports, and serialises detaching.
 * * The reservation lock of a buffer (&drm_gem_object.resv) guards
 *   &struct display_bo. An import uses the reservation object of its dma-buf, so
 *   exporter and importer take the same lock. User memory must not be accessed
 *   with the lock held, because page faults take it.
 * * DRM's event_lock, a spinlock, guards the frame on the screen, the next frame,
 *   and the state of the scan. Commits, the vblank timer and the scan take it.
 */

#define DISPLAY_MAX_DEVICES	4

/* The module's devices. Used by its init and exit only, so no lock is needed. */
struct display_devices {
	struct platform_device *pdevs[DISPLAY_MAX_DEVICES];
	unsigned int count;
};

static struct display_devices display_devices = {
	.count = 1,
};

module_param_named(devices, display_devices.count, uint, 0444);
MODULE_PARM_DESC(devices, "Number of displays (1 to 4)");

DEFINE_DRM_GEM_FOPS(display_fops);

/*
 * DRM's PRIME helpers keep the tables of handles and dma-bufs. They call
 * .gem_prime_import to make an object of a dma-buf, and the object's .export (see
 * display-gem.c) to make a dma-buf of an object.
 */
static const struct drm_driver display_driver = {
	.driver_features = DRIVER_GEM | DRIVER_MODESET | DRIVER_ATOMIC |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.name = DISPLAY_NAME,
	.desc = "dma-buf sample display",
	.date = "20261101",
	.major = 1,
	.fops = &display_fops,
	.dumb_create = display_dumb_create,
	.prime_handle_to_fd = display_gem_handle_to_fd,
	.gem_prime_import = display_gem_import,
	.debugfs_init = display_move_debugfs,
};

static int display_probe(struct platform_device *pdev)
{
	struct display *display;
	int ret;

	display = devm_drm_dev_alloc(&pdev->dev, &display_driver, struct display, drm);
	if (IS_ERR(display))
		return PTR_ERR(display);
	platform_set_drvdata(pdev, display);

	/* Exporters limit segments to this. The default is 64 KiB. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	ret = drmm_mutex_init(&display->drm, &display->lru_lock);
	if (ret)
		return ret;
	drm_gem_lru_init(&display->lru, &display->lru_lock);
	ret = drmm_mutex_init(&display->drm, &display->imports_lock);
	if (ret)
		return ret;
	INIT_LIST_HEAD(&display->imports);
	display_scan_init(display);
	ret = display_kms_init(display);
	if (ret)
		return ret;

	return drm_dev_register(&display->drm, 0);
}

/*
 * Files, exported dma-bufs and GEM objects can outlive this function. They hold
 * references to the DRM device. Attachments and DMA mappings of the display's own
 * device cannot; see "Unbind" in display-import.c for the order of the calls.
 */
static void display_remove(struct platform_device *pdev)
{
	struct display *display = platform_get_drvdata(pdev);

	drm_dev_unplug(&display->drm);
	drm_atomic_helper_shutdown(&display->drm);
	/* A signal can end the shutdown early. The timer is not started any more. */
	hrtimer_cancel(&display->vblank_timer);
	display_scan_finish(display, NULL);
	display_import_detach_all(display);
}

static struct platform_driver display_platform_driver = {
	.probe = display_probe,
	.remove = display_remove,
	.driver = {
		.name = DISPLAY_NAME,
	},
};

static void display_remove_devices(void)
{
	int i;

	for (i = DISPLAY_MAX_DEVICES - 1; i >= 0; i--)
		platform_device_unregister(display_devices.pdevs[i]);
}

static int display_add_devices(void)
{
	struct platform_device_info info = {
		.name = DISPLAY_NAME,
		.dma_mask = DMA_BIT_MASK(64),
	};
	unsigned int i;

	for (i = 0; i < clamp(display_devices.count, 1U, DISPLAY_MAX_DEVICES); i++) {
		struct platform_device *pdev;

		info.id = i;
		pdev = platform_device_register_full(&info);
		if (IS_ERR(pdev)) {
			display_remove_devices();
			return PTR_ERR(pdev);
		}
		display_devices.pdevs[i] = pdev;
	}
	return 0;
}

static int __init display_init(void)
{
	int ret;

	ret = platform_driver_register(&display_platform_driver);
	if (ret)
		return ret;
	ret = display_add_devices();
	if (ret)
		platform_driver_unregister(&display_platform_driver);
	return ret;
}
module_init(display_init);

static void __exit display_exit(void)
{
	display_remove_devices();
	platform_driver_unregister(&display_platform_driver);
}
module_exit(display_exit);

MODULE_DESCRIPTION("dma-buf sample display");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
