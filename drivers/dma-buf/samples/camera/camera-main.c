// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module, platform device and video node of the camera.
 *
 * The module registers its own platform devices; the parameter "devices" sets the
 * number. Each has one /dev/videoN. Like any platform device it can be unbound in
 * sysfs while applications have the node open.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <media/v4l2-ioctl.h>

#include "camera.h"

#define CAMERA_NAME		"dmabuf_sample_camera"
#define CAMERA_MAX_DEVICES	8

/**
 * DOC: Camera: lifetime of the device
 *
 * Three kinds of users can remain when a camera is unbound:
 *
 * - Open files hold a reference to the v4l2_device. The last one frees
 *   &struct camera in camera_free(). Ioctls fail with -ENODEV.
 * - Exported dma-bufs hold references to their memory and to the module, but not
 *   to the camera.
 * - Attachments to imported dma-bufs belong to the device and must end before it
 *   is unbound: vb2_video_unregister_device() detaches them.
 */

/* The module's devices. Used by its init and exit only, so no lock is needed. */
struct camera_devices {
	struct platform_device *pdevs[CAMERA_MAX_DEVICES];
	unsigned int count;
};

static struct camera_devices camera_devices = {
	.count = 1,
};

module_param_named(devices, camera_devices.count, uint, 0444);
MODULE_PARM_DESC(devices, "Number of cameras, 1 to 8 (default: 1)");

static const char * const camera_patterns[] = {
	[PATTERN_COLOUR_BARS] = "Colour Bars",
	[PATTERN_GREY_BARS] = "Grey Bars",
};

static int camera_s_ctrl(struct v4l2_ctrl *ctrl)
{
	struct camera *cam = container_of(ctrl->handler, struct camera, ctrls);

	WRITE_ONCE(cam->pattern, ctrl->val);
	return 0;
}

static const struct v4l2_ctrl_ops camera_ctrl_ops = {
	.s_ctrl = camera_s_ctrl,
};

static const struct v4l2_file_operations camera_fops = {
	.owner = THIS_MODULE,
	.open = v4l2_fh_open,
	.release = vb2_fop_release,
	.poll = vb2_fop_poll,
	.mmap = vb2_fop_mmap,
	.unlocked_ioctl = video_ioctl2,
};

/* v4l2_device.release: the device is unbound and the last file is closed. */
static void camera_free(struct v4l2_device *v4l2)
{
	struct camera *cam = container_of(v4l2, struct camera, v4l2);

	v4l2_ctrl_handler_free(&cam->ctrls);
	v4l2_device_unregister(&cam->v4l2);
	mutex_destroy(&cam->lock);
	kfree(cam);
}

static int camera_ctrls_init(struct camera *cam)
{
	v4l2_ctrl_handler_init(&cam->ctrls, 1);
	v4l2_ctrl_new_std_menu_items(&cam->ctrls, &camera_ctrl_ops,
				     V4L2_CID_TEST_PATTERN,
				     ARRAY_SIZE(camera_patterns) - 1, 0,
				     PATTERN_COLOUR_BARS, camera_patterns);
	cam->v4l2.ctrl_handler = &cam->ctrls;
	return cam->ctrls.error;
}

static int camera_node_register(struct camera *cam)
{
	struct video_device *vdev = &cam->vdev;

	strscpy(vdev->name, CAMERA_NAME);
	vdev->v4l2_dev = &cam->v4l2;
	vdev->queue = &cam->queue;
	vdev->lock = &cam->lock;
	vdev->fops = &camera_fops;
	vdev->ioctl_ops = &camera_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
	vdev->release = video_device_release_empty;
	video_set_drvdata(vdev, cam);
	return video_register_device(vdev, VFL_TYPE_VIDEO, -1);
}

/*
 * Exporters read the device's DMA limits when it is attached, so they are set
 * before the node exists. The camera reaches all memory and takes segments of any
 * length; the default is 64 KiB. The node is registered last, because it can be
 * opened from then on.
 */
static int camera_probe(struct platform_device *pdev)
{
	struct camera *cam;
	int ret;

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	cam = kzalloc(sizeof(*cam), GFP_KERNEL);
	if (!cam)
		return -ENOMEM;

	ret = v4l2_device_register(&pdev->dev, &cam->v4l2);
	if (ret) {
		kfree(cam);
		return ret;
	}
	cam->v4l2.release = camera_free;
	mutex_init(&cam->lock);
	camera_format_init(cam);
	platform_set_drvdata(pdev, cam);

	ret = camera_ctrls_init(cam);
	if (!ret)
		ret = camera_queue_init(cam, &pdev->dev);
	if (!ret)
		ret = camera_node_register(cam);
	if (ret)
		v4l2_device_put(&cam->v4l2);
	return ret;
}

static void camera_remove(struct platform_device *pdev)
{
	struct camera *cam = platform_get_drvdata(pdev);

	vb2_video_unregister_device(&cam->vdev);
	v4l2_device_disconnect(&cam->v4l2);
	v4l2_device_put(&cam->v4l2);
}

static struct platform_driver camera_driver = {
	.probe = camera_probe,
	.remove = camera_remove,
	.driver.name = CAMERA_NAME,
};

static void camera_devices_unregister(void)
{
	unsigned int i;

	for (i = 0; i < camera_devices.count && camera_devices.pdevs[i]; i++)
		platform_device_unregister(camera_devices.pdevs[i]);
}

static int __init camera_init(void)
{
	unsigned int i;
	int ret;

	camera_devices.count = clamp(camera_devices.count, 1, CAMERA_MAX_DEVICES);
	ret = platform_driver_register(&camera_driver);
	if (ret)
		return ret;

	for (i = 0; i < camera_devices.count; i++) {
		struct platform_device *pdev;

		pdev = platform_device_register_simple(CAMERA_NAME, i, NULL, 0);
		if (IS_ERR(pdev)) {
			camera_devices_unregister();
			platform_driver_unregister(&camera_driver);
			return PTR_ERR(pdev);
		}
		camera_devices.pdevs[i] = pdev;
	}
	return 0;
}
module_init(camera_init);

static void __exit camera_exit(void)
{
	camera_devices_unregister();
	platform_driver_unregister(&camera_driver);
}
module_exit(camera_exit);

MODULE_DESCRIPTION("Sample camera that shares its frames through dma-buf");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
