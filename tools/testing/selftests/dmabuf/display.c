// SPDX-License-Identifier: GPL-2.0-only
/*
 * display - a DRM device for the tests and the demo.
 *
 * Uses the atomic ioctls directly and not libdrm, so that static programs can be
 * cross-compiled with the kernel's headers only. Any atomic driver will do; only the
 * CRC needs a driver with DRM's debugfs CRC interface.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "display.h"
#include "util.h"

#define CARDS_MAX	16
#define OBJECTS_MAX	16
#define MODES_MAX	128
#define PROPS_MAX	48

static int driver_name(int fd, char *name, size_t size)
{
	struct drm_version version = { .name = name, .name_len = size - 1 };
	int ret = xioctl(fd, DRM_IOCTL_VERSION, &version);

	if (!ret)
		name[version.name_len < size ? version.name_len : size - 1] = '\0';
	return ret;
}

int display_open(struct display *dpy, const char *driver)
{
	int ret = -ENODEV;
	char path[32];
	unsigned int i;

	memset(dpy, 0, sizeof(*dpy));
	dpy->crc_fd = -1;
	for (i = 0; i < CARDS_MAX; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%u", i);
		dpy->fd = open(path, O_RDWR | O_CLOEXEC);
		if (dpy->fd < 0) {
			ret = errno == ENOENT ? ret : -errno;
			continue;
		}
		if (!driver_name(dpy->fd, dpy->driver, sizeof(dpy->driver)) &&
		    !strcmp(dpy->driver, driver))
			return 0;
		close(dpy->fd);
	}
	dpy->fd = -1;
	return ret;
}

void display_close(struct display *dpy)
{
	display_crc_stop(dpy);
	if (dpy->fd >= 0)
		close(dpy->fd);
	dpy->fd = -1;
}

int display_alloc(struct display *dpy, __u32 width, __u32 height,
		  struct display_buffer *buf)
{
	struct drm_mode_create_dumb arg = { .width = width, .height = height, .bpp = 32 };
	int ret = xioctl(dpy->fd, DRM_IOCTL_MODE_CREATE_DUMB, &arg);

	if (ret)
		return ret;
	*buf = (struct display_buffer) {
		.handle = arg.handle,
		.pitch = arg.pitch,
		.size = arg.size,
	};
	return 0;
}

int display_export(struct display *dpy, const struct display_buffer *buf, int flags)
{
	struct drm_prime_handle arg = { .handle = buf->handle, .flags = flags };
	int ret = xioctl(dpy->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	return ret ? ret : arg.fd;
}

int display_import(struct display *dpy, int dmabuf, struct display_buffer *buf)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int ret = xioctl(dpy->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	if (ret)
		return ret;
	*buf = (struct display_buffer) {
		.handle = arg.handle,
		.size = lseek(dmabuf, 0, SEEK_END),
	};
	return 0;
}

int display_release(struct display *dpy, struct display_buffer *buf)
{
	struct drm_gem_close arg = { .handle = buf->handle };
	int ret = 0;

	if (buf->fb)
		ret = xioctl(dpy->fd, DRM_IOCTL_MODE_RMFB, &buf->fb);
	if (buf->handle && !ret)
		ret = xioctl(dpy->fd, DRM_IOCTL_GEM_CLOSE, &arg);
	memset(buf, 0, sizeof(*buf));
	return ret;
}

unsigned char *display_map(struct display *dpy, const struct display_buffer *buf)
{
	struct drm_mode_map_dumb arg = { .handle = buf->handle };
	void *map;

	if (xioctl(dpy->fd, DRM_IOCTL_MODE_MAP_DUMB, &arg))
		return NULL;
	map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED, dpy->fd, arg.offset);
	return map == MAP_FAILED ? NULL : map;
}

/* Return the id of a property by its name, 0 if there is none; @value may be NULL. */
static __u32 property(struct display *dpy, __u32 object, const char *name, __u64 *value)
{
	__u32 ids[PROPS_MAX];
	__u64 values[PROPS_MAX];
	struct drm_mode_obj_get_properties arg = {
		.props_ptr = (uintptr_t)ids,
		.prop_values_ptr = (uintptr_t)values,
		.count_props = PROPS_MAX,
		.obj_id = object,
	};
	struct drm_mode_get_property prop;
	__u32 i;

	if (xioctl(dpy->fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &arg))
		return 0;
	for (i = 0; i < arg.count_props && i < PROPS_MAX; i++) {
		memset(&prop, 0, sizeof(prop));
		prop.prop_id = ids[i];
		if (xioctl(dpy->fd, DRM_IOCTL_MODE_GETPROPERTY, &prop) ||
		    strcmp(prop.name, name))
			continue;
		if (value)
			*value = values[i];
		return ids[i];
	}
	return 0;
}

/* Return the id of a property by its name from the cache, or look it up. */
static __u32 property_id(struct display *dpy, __u32 object, const char *name)
{
	struct display_prop *prop = dpy->props;
	unsigned int i;
	__u32 id;

	for (i = 0; i < dpy->num_props; i++, prop++)
		if (prop->object == object && !strcmp(prop->name, name))
			return prop->id;
	id = property(dpy, object, name, NULL);
	if (!id || dpy->num_props == DISPLAY_PROPS)
		return id;
	*prop = (struct display_prop) { .object = object, .id = id };
	snprintf(prop->name, sizeof(prop->name), "%s", name);
	dpy->num_props++;
	return id;
}

static int find_plane(struct display *dpy)
{
	__u32 ids[OBJECTS_MAX], i;
	struct drm_mode_get_plane_res res = {
		.plane_id_ptr = (uintptr_t)ids,
		.count_planes = OBJECTS_MAX,
	};
	struct drm_mode_get_plane plane;
	__u64 type;
	int ret;

	ret = xioctl(dpy->fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res);
	if (ret)
		return ret;
	for (i = 0; i < res.count_planes && i < OBJECTS_MAX; i++) {
		memset(&plane, 0, sizeof(plane));
		plane.plane_id = ids[i];
		if (xioctl(dpy->fd, DRM_IOCTL_MODE_GETPLANE, &plane) ||
		    !(plane.possible_crtcs & 1u << dpy->crtc_index))
			continue;
		/* DRM_PLANE_TYPE_PRIMARY is 1. */
		if (!property(dpy, ids[i], "type", &type) || type != 1)
			continue;
		dpy->plane = ids[i];
		return 0;
	}
	return -ENOENT;
}

/*
 * Make a mode with a refresh rate of 60 Hz for a size that the connector does not list.
 * The timings are made up, so only a display without a real screen accepts it.
 */
static void make_mode(struct drm_mode_modeinfo *mode, __u32 width, __u32 height)
{
	*mode = (struct drm_mode_modeinfo) {
		.hdisplay = width,
		.hsync_start = width + 16,
		.hsync_end = width + 32,
		.htotal = width + 64,
		.vdisplay = height,
		.vsync_start = height + 4,
		.vsync_end = height + 8,
		.vtotal = height + 16,
		.vrefresh = 60,
		.name = "made up",
	};
	mode->clock = mode->htotal * mode->vtotal * 60 / 1000;
}

/* Find the first mode of the size that a connector lists. */
static int find_mode(struct display *dpy, __u32 connector, __u32 width, __u32 height)
{
	struct drm_mode_modeinfo modes[MODES_MAX];
	struct drm_mode_get_connector arg = { .connector_id = connector };
	__u32 i;
	int ret;

	/* With count_modes = 0 the driver probes the screen and returns the counts. */
	ret = xioctl(dpy->fd, DRM_IOCTL_MODE_GETCONNECTOR, &arg);
	if (ret)
		return ret;
	if (arg.count_modes > MODES_MAX)
		return -E2BIG;
	arg = (struct drm_mode_get_connector) {
		.connector_id = connector,
		.modes_ptr = (uintptr_t)modes,
		.count_modes = MODES_MAX,
	};
	ret = xioctl(dpy->fd, DRM_IOCTL_MODE_GETCONNECTOR, &arg);
	if (ret)
		return ret;

	for (i = 0; i < arg.count_modes; i++) {
		if (modes[i].hdisplay != width || modes[i].vdisplay != height)
			continue;
		dpy->mode = modes[i];
		dpy->connector = connector;
		return 0;
	}
	/* Connected, but without a mode of this size: display_mode() makes one up. */
	if (arg.count_modes && !dpy->connector)
		dpy->connector = connector;
	return -ENOENT;
}

static int make_mode_blob(struct display *dpy)
{
	struct drm_mode_create_blob arg = {
		.data = (uintptr_t)&dpy->mode,
		.length = sizeof(dpy->mode),
	};
	int ret = xioctl(dpy->fd, DRM_IOCTL_MODE_CREATEPROPBLOB, &arg);

	dpy->mode_blob = arg.blob_id;
	return ret;
}

int display_mode(struct display *dpy, __u32 width, __u32 height)
{
	struct drm_set_client_cap cap = { .capability = DRM_CLIENT_CAP_ATOMIC, .value = 1 };
	__u32 crtcs[OBJECTS_MAX], connectors[OBJECTS_MAX], i;
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)crtcs,
		.connector_id_ptr = (uintptr_t)connectors,
		.count_crtcs = OBJECTS_MAX,
		.count_connectors = OBJECTS_MAX,
	};
	int ret;

	ret = xioctl(dpy->fd, DRM_IOCTL_SET_CLIENT_CAP, &cap);
	if (!ret)
		ret = xioctl(dpy->fd, DRM_IOCTL_MODE_GETRESOURCES, &res);
	if (ret)
		return ret;
	if (!res.count_crtcs)
		return -ENOENT;

	dpy->crtc = crtcs[0];
	dpy->crtc_index = 0;
	ret = -ENOENT;
	for (i = 0; i < res.count_connectors && i < OBJECTS_MAX && ret; i++)
		ret = find_mode(dpy, connectors[i], width, height);
	if (ret == -ENOENT && dpy->connector) {
		make_mode(&dpy->mode, width, height);
		ret = 0;
	}
	if (!ret)
		ret = find_plane(dpy);
	return ret ? ret : make_mode_blob(dpy);
}

int display_framebuffer(struct display *dpy, struct display_buffer *buf, __u32 width,
			__u32 height, __u32 fourcc)
{
	struct drm_mode_fb_cmd2 arg = {
		.width = width,
		.height = height,
		.pixel_format = fourcc,
		.handles = { buf->handle },
		.pitches = { buf->pitch },
	};
	int ret = xioctl(dpy->fd, DRM_IOCTL_MODE_ADDFB2, &arg);

	buf->fb = arg.fb_id;
	return ret;
}

/**
 * struct request - an atomic request
 * @dpy: display with the cache of property ids
 * @objects: ids of the objects
 * @counts: number of properties of each object
 * @props: ids of the properties of all objects, in the order of @objects
 * @values: new values of @props
 * @num_objects: length of @objects
 * @num_props: length of @props
 * @error: failure of a request_set(), returned by request_commit()
 */
struct request {
	struct display *dpy;
	__u32 objects[3];
	__u32 counts[3];
	__u32 props[PROPS_MAX];
	__u64 values[PROPS_MAX];
	__u32 num_objects;
	__u32 num_props;
	int error;
};

static void request_object(struct request *req, __u32 object)
{
	req->objects[req->num_objects] = object;
	req->counts[req->num_objects++] = 0;
}

/* Set a property of the object that was added last. */
static void request_set(struct request *req, const char *name, __u64 value)
{
	__u32 id = property_id(req->dpy, req->objects[req->num_objects - 1], name);

	if (!id) {
		req->error = -ENOENT;
		return;
	}
	req->props[req->num_props] = id;
	req->values[req->num_props++] = value;
	req->counts[req->num_objects - 1]++;
}

static int request_commit(struct request *req, __u32 flags)
{
	struct drm_mode_atomic arg = {
		.flags = flags,
		.count_objs = req->num_objects,
		.objs_ptr = (uintptr_t)req->objects,
		.count_props_ptr = (uintptr_t)req->counts,
		.props_ptr = (uintptr_t)req->props,
		.prop_values_ptr = (uintptr_t)req->values,
	};

	return req->error ? req->error : xioctl(req->dpy->fd, DRM_IOCTL_MODE_ATOMIC, &arg);
}

int display_show(struct display *dpy, const struct display_buffer *buf)
{
	struct request req = { .dpy = dpy };

	request_object(&req, dpy->connector);
	request_set(&req, "CRTC_ID", dpy->crtc);
	request_object(&req, dpy->crtc);
	request_set(&req, "MODE_ID", dpy->mode_blob);
	request_set(&req, "ACTIVE", 1);
	request_object(&req, dpy->plane);
	request_set(&req, "FB_ID", buf->fb);
	request_set(&req, "CRTC_ID", dpy->crtc);
	request_set(&req, "SRC_X", 0);
	request_set(&req, "SRC_Y", 0);
	/* Source coordinates are 16.16 fixed point. */
	request_set(&req, "SRC_W", (__u64)dpy->mode.hdisplay << 16);
	request_set(&req, "SRC_H", (__u64)dpy->mode.vdisplay << 16);
	request_set(&req, "CRTC_X", 0);
	request_set(&req, "CRTC_Y", 0);
	request_set(&req, "CRTC_W", dpy->mode.hdisplay);
	request_set(&req, "CRTC_H", dpy->mode.vdisplay);
	return request_commit(&req, DRM_MODE_ATOMIC_ALLOW_MODESET);
}

int display_flip(struct display *dpy, const struct display_buffer *buf, int in_fence,
		 int *out_fence)
{
	struct request req = { .dpy = dpy };

	request_object(&req, dpy->plane);
	request_set(&req, "FB_ID", buf->fb);
	if (in_fence >= 0)
		request_set(&req, "IN_FENCE_FD", in_fence);
	if (out_fence) {
		request_object(&req, dpy->crtc);
		request_set(&req, "OUT_FENCE_PTR", (uintptr_t)out_fence);
	}
	return request_commit(&req, DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_ATOMIC_NONBLOCK);
}

int display_flipped(struct display *dpy, __u32 *sequence, int timeout)
{
	struct drm_event_vblank event;
	int ret = poll_events(dpy->fd, POLLIN, timeout);

	if (ret < 0)
		return ret;
	if (!ret)
		return -ETIMEDOUT;
	if (read(dpy->fd, &event, sizeof(event)) != sizeof(event))
		return -EIO;
	*sequence = event.sequence;
	return event.base.type == DRM_EVENT_FLIP_COMPLETE ? 0 : -EIO;
}

int display_dark(struct display *dpy)
{
	struct request req = { .dpy = dpy };

	request_object(&req, dpy->connector);
	request_set(&req, "CRTC_ID", 0);
	request_object(&req, dpy->crtc);
	request_set(&req, "MODE_ID", 0);
	request_set(&req, "ACTIVE", 0);
	request_object(&req, dpy->plane);
	request_set(&req, "FB_ID", 0);
	request_set(&req, "CRTC_ID", 0);
	return request_commit(&req, DRM_MODE_ATOMIC_ALLOW_MODESET);
}

static int crc_path(struct display *dpy, const char *file, char *path, size_t size)
{
	struct stat st;

	if (fstat(dpy->fd, &st))
		return -errno;
	snprintf(path, size, "/sys/kernel/debug/dri/%u/crtc-%u/crc/%s", minor(st.st_rdev),
		 dpy->crtc_index, file);
	return 0;
}

/* The screen must be on, as only frames that are scanned out have a CRC. */
int display_crc_start(struct display *dpy)
{
	char path[96];
	int ret;

	ret = crc_path(dpy, "control", path, sizeof(path));
	if (!ret)
		ret = file_put(path, "auto");
	if (!ret)
		ret = crc_path(dpy, "data", path, sizeof(path));
	if (ret)
		return ret;
	dpy->crc_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return dpy->crc_fd < 0 ? -errno : 0;
}

void display_crc_stop(struct display *dpy)
{
	if (dpy->crc_fd >= 0)
		close(dpy->crc_fd);
	dpy->crc_fd = -1;
}

int display_crc(struct display *dpy, __u32 sequence, __u32 *crc, int timeout)
{
	long long limit = now_ms() + timeout;
	char line[128];
	__u32 frame;
	ssize_t len;
	int ret;

	for (;;) {
		len = read(dpy->crc_fd, line, sizeof(line) - 1);
		if (len > 0) {
			line[len] = '\0';
			if (sscanf(line, "%x %x", &frame, crc) != 2)
				return -EIO;
			/* Skip lines of earlier frames; frame numbers wrap. */
			if ((__s32)(frame - sequence) >= 0)
				return 0;
			continue;
		}
		if (len == 0 || errno != EAGAIN)
			return len ? -errno : -EPIPE;
		ret = now_ms() < limit ? poll_events(dpy->crc_fd, POLLIN, timeout) : 0;
		if (ret <= 0)
			return ret ? ret : -ETIMEDOUT;
	}
}
