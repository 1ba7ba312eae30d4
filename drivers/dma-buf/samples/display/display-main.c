// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample display: a DRM device without hardware that shows how a driver exports
 * its buffers and imports those of others. This file is the frame around the
 * lesson: the device and its DRM driver.
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
 * The sample display has one plane, one CRTC and one connector whose screen
 * nobody sees. A timer is its vblank, and a worker that reads every pixel of
 * every frame is its scan-out: from what it read it makes the CRC that tells a
 * program in userspace which picture arrived.
 *
 * A driver author reads its files in this order:
 *
 * * display-gem.c: a buffer is a GEM object with pages, a mapping for the
 *   kernel and one for userspace.
 * * display-export.c: the same buffer as a dma-buf, with every callback of
 *   &struct dma_buf_ops.
 * * display-move.c: why the exporter is a dynamic one. It moves its buffers.
 * * display-import.c: somebody else's dma-buf as a GEM object.
 * * display-kms.c: when a buffer has to stay in place, whom a flip waits for,
 *   and from when on the old buffer is free.
 * * display-scan.c: reading a buffer with the CPU, and the CRC.
 *
 * The module parameter "devices" makes several displays, which then export to
 * and import from each other, both sides dynamic.
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
 * where 36 stands for the connector's number in modetest's list. The modes are
 * the usual ones up to 1920x1080 at 60 Hz and whatever else userspace makes up
 * from 64x64 on.
 */

/**
 * DOC: Locking
 *
 * Four locks, from the outside in:
 *
 * * DRM's object_name_lock, held by the core around export and import. It
 *   settles that a buffer has one dma-buf and a dma-buf one buffer.
 * * The lock of the list of imported buffers.
 * * The reservation lock of a buffer (&drm_gem_object.resv). It guards all of
 *   &struct display_bo. An imported buffer has no lock of its own but uses the
 *   exporter's, and so both sides of a shared buffer mean the same lock. User
 *   memory must not be touched under it, page faults take it.
 * * DRM's event_lock, a spinlock, guards what is on the screen and what comes
 *   next: plane, vblank timer and scan worker meet there.
 */

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "Number of displays (1 to 4)");

#define DISPLAY_MAX_DEVICES	4

DEFINE_DRM_GEM_FOPS(display_fops);

/*
 * What makes DRM's own PRIME code use our glue: drm_gem_prime_fd_to_handle()
 * calls .gem_prime_import, drm_gem_prime_handle_to_fd() calls the buffer's
 * .export (display-gem.c). Around both, DRM's core keeps the table of handles
 * and file descriptors, which a driver does not want to write again.
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
	.gem_prime_import = display_import,
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

	/*
	 * As an importer: how long a DMA segment may be. An exporter that cares
	 * asks dma_get_max_seg_size(), and the default is only 64 KiB.
	 */
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
 * Unplugged rather than unregistered: without its device, the driver may be
 * unbound while file descriptors are open. Exported buffers hold a reference to
 * the DRM device, which is why they outlive this function unharmed. Imported ones
 * live on too, but not their DMA mappings: these belong to a device that is bound.
 */
static void display_remove(struct platform_device *pdev)
{
	struct display *display = platform_get_drvdata(pdev);

	drm_dev_unplug(&display->drm);
	drm_atomic_helper_shutdown(&display->drm);
	display_import_unmap_all(display);
}

static struct platform_driver display_platform_driver = {
	.probe = display_probe,
	.remove = display_remove,
	.driver = {
		.name = DISPLAY_NAME,
	},
};

static struct platform_device *display_devices[DISPLAY_MAX_DEVICES];

static void display_remove_devices(void)
{
	int i;

	for (i = DISPLAY_MAX_DEVICES - 1; i >= 0; i--)
		platform_device_unregister(display_devices[i]);
}

static int display_add_devices(void)
{
	struct platform_device_info info = {
		.name = DISPLAY_NAME,
		.dma_mask = DMA_BIT_MASK(64),
	};
	unsigned int i;

	for (i = 0; i < clamp(devices, 1U, DISPLAY_MAX_DEVICES); i++) {
		struct platform_device *pdev;

		info.id = i;
		pdev = platform_device_register_full(&info);
		if (IS_ERR(pdev)) {
			display_remove_devices();
			return PTR_ERR(pdev);
		}
		display_devices[i] = pdev;
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
