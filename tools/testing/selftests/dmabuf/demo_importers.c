// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_importers - three devices that import the same buffer: one that needs contiguous memory, a
 * camera and a display.
 */
#include <errno.h>
#include <string.h>

#include "demo.h"
#include "demo_importers.h"

/* Two devices with a node that captures. The buffers of the second must be contiguous. */
#define PARAMETERS	"n_devs=2 node_types=1,1 allocators=0,1"
#define VIVID_ANY	"platform:vivid-000"
#define VIVID_CONTIGUOUS	"platform:vivid-001"
/* Limit for one picture; an emulated machine needs far less. */
#define PICTURE_TIMEOUT_MS	30000

int importers_load(void)
{
	return module_load(VIVID, PARAMETERS);
}

int importers_unload(void)
{
	return module_unload_idle(VIVID);
}

bool importers_are_samples(void)
{
	struct camera cam;
	bool there = !camera_open(&cam, CAMERA_DRIVER);

	camera_close(&cam);
	return there;
}

const char *importer_name(enum importer_kind kind)
{
	static const char *const names[] = {
		[CONTIGUOUS] = "contiguous",
		[CAMERA] = "camera",
		[DISPLAY] = "display",
	};

	return names[kind];
}

const char *errno_name(int ret)
{
	static const struct {
		int ret;
		const char *name;
	} table[] = {
		{ 0, "ok" }, { -EBUSY, "EBUSY" }, { -EOPNOTSUPP, "EOPNOTSUPP" },
		{ -EFAULT, "EFAULT" }, { -EINVAL, "EINVAL" }, { -ENOMEM, "ENOMEM" },
		{ -EIO, "EIO" }, { -ENODEV, "ENODEV" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].ret == ret)
			return table[i].name;
	return strerror(-ret);
}

const char *yes_no_text(int answer)
{
	static const char *const texts[] = { "no", "yes" };

	return answer < 0 ? "?" : texts[!!answer];
}

static int attach_camera(struct importer *imp, const char *driver, int buf)
{
	struct camera *cam = &imp->cam;
	int ret = camera_open(cam, driver);

	imp->driver = driver;
	if (!ret)
		ret = camera_format(cam, WIDE, HIGH, V4L2_PIX_FMT_XBGR32);
	if (!ret)
		ret = camera_buffers(cam, V4L2_MEMORY_DMABUF, 1);
	return ret ? ret : camera_queue(cam, 0, buf);
}

static int attach_display(struct importer *imp, int buf)
{
	struct display *dpy = &imp->dpy;
	int ret = display_open(dpy, DISPLAY_DRIVER);

	imp->driver = DISPLAY_DRIVER;
	if (!ret) {
		ret = display_mode(dpy, WIDE, HIGH);
	} else {
		imp->driver = "cirrus";
		ret = display_open(dpy, imp->driver);
	}
	return ret ? ret : display_import(dpy, buf, &imp->seen);
}

int importer_attach(struct importer *imp, enum importer_kind kind, int buf)
{
	int ret;

	memset(imp, 0, sizeof(*imp));
	imp->kind = kind;
	imp->cam.fd = -1;
	imp->dpy.fd = -1;
	imp->dpy.crc_fd = -1;
	if (kind == DISPLAY)
		return attach_display(imp, buf);
	if (kind == CONTIGUOUS)
		return attach_camera(imp, VIVID_CONTIGUOUS, buf);
	ret = attach_camera(imp, CAMERA_DRIVER, buf);
	return ret == -ENODEV ? attach_camera(imp, VIVID_ANY, buf) : ret;
}

void importer_release(struct importer *imp)
{
	camera_close(&imp->cam);
	if (imp->dpy.fd < 0)
		return;
	if (imp->seen.fb)
		display_dark(&imp->dpy);
	display_release(&imp->dpy, &imp->seen);
	display_close(&imp->dpy);
}

int importer_capture(struct importer *imp, __u32 *number)
{
	int ret = camera_start(&imp->cam);
	__u32 index;

	if (!ret)
		ret = camera_dequeue(&imp->cam, &index, number, PICTURE_TIMEOUT_MS);
	return ret;
}

/* Only frames of a flip have an event, so flip to the picture that is shown already. */
static int flip(struct display *dpy, const struct display_buffer *seen, __u32 *crc)
{
	__u32 frame;
	int ret = display_crc_start(dpy);

	if (!ret)
		ret = display_flip(dpy, seen, -1, NULL);
	if (!ret)
		ret = display_flipped(dpy, &frame, PICTURE_TIMEOUT_MS);
	return ret ? ret : display_crc(dpy, frame, crc, PICTURE_TIMEOUT_MS);
}

int importer_shows(struct importer *imp, __u32 number)
{
	__u32 crc = 0;
	int ret;

	imp->seen.pitch = 4 * WIDE;
	ret = display_framebuffer(&imp->dpy, &imp->seen, WIDE, HIGH, DRM_FORMAT_XRGB8888);
	if (!ret)
		ret = display_show(&imp->dpy, &imp->seen);
	if (!ret)
		ret = flip(&imp->dpy, &imp->seen, &crc);
	return ret ? ret : crc == picture_crc(WIDE, HIGH, number);
}
