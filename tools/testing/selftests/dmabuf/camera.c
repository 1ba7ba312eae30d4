// SPDX-License-Identifier: GPL-2.0-only
/*
 * camera - a V4L2 capture device for the tests and the demo.
 *
 * Uses only what every single-planar capture driver has, so that it works with other
 * cameras than the sample camera.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "camera.h"
#include "util.h"

#define NODES_MAX	16

static bool node_fits(int fd, const char *name)
{
	struct v4l2_capability cap = { 0 };

	return !xioctl(fd, VIDIOC_QUERYCAP, &cap) &&
	       (!strncmp((const char *)cap.driver, name, sizeof(cap.driver) - 1) ||
		!strcmp((const char *)cap.bus_info, name)) &&
	       cap.device_caps & V4L2_CAP_VIDEO_CAPTURE;
}

int camera_open(struct camera *cam, const char *name)
{
	int ret = -ENODEV;
	char path[32];
	unsigned int i;

	memset(cam, 0, sizeof(*cam));
	for (i = 0; i < NODES_MAX; i++) {
		snprintf(path, sizeof(path), "/dev/video%u", i);
		cam->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (cam->fd < 0) {
			ret = errno == ENOENT ? ret : -errno;
			continue;
		}
		if (node_fits(cam->fd, name))
			return 0;
		close(cam->fd);
	}
	cam->fd = -1;
	return ret;
}

void camera_close(struct camera *cam)
{
	if (cam->fd >= 0)
		close(cam->fd);
	cam->fd = -1;
}

int camera_format(struct camera *cam, __u32 width, __u32 height, __u32 fourcc)
{
	struct v4l2_format fmt = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = { .width = width, .height = height, .pixelformat = fourcc },
	};
	int ret = xioctl(cam->fd, VIDIOC_S_FMT, &fmt);

	if (ret)
		return ret;
	/* A driver may choose another format. */
	if (fmt.fmt.pix.pixelformat != fourcc)
		return -EINVAL;
	cam->width = fmt.fmt.pix.width;
	cam->height = fmt.fmt.pix.height;
	cam->stride = fmt.fmt.pix.bytesperline;
	cam->size = fmt.fmt.pix.sizeimage;
	return 0;
}

int camera_rate(struct camera *cam, __u32 frames_per_second)
{
	struct v4l2_streamparm parm = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.parm.capture.timeperframe = { 1, frames_per_second },
	};

	return xioctl(cam->fd, VIDIOC_S_PARM, &parm);
}

int camera_buffers(struct camera *cam, __u32 memory, __u32 count)
{
	struct v4l2_requestbuffers req = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = memory,
		.count = count,
	};
	int ret = xioctl(cam->fd, VIDIOC_REQBUFS, &req);

	if (ret)
		return ret;
	cam->memory = memory;
	cam->count = req.count;
	return req.count < count ? -ENOMEM : 0;
}

int camera_export(struct camera *cam, __u32 index, int flags)
{
	struct v4l2_exportbuffer arg = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.index = index,
		.flags = flags,
	};
	int ret = xioctl(cam->fd, VIDIOC_EXPBUF, &arg);

	return ret ? ret : arg.fd;
}

unsigned char *camera_map(struct camera *cam, __u32 index)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
		.index = index,
	};
	void *map;

	if (xioctl(cam->fd, VIDIOC_QUERYBUF, &buf))
		return NULL;
	map = mmap(NULL, buf.length, PROT_READ | PROT_WRITE, MAP_SHARED, cam->fd, buf.m.offset);
	return map == MAP_FAILED ? NULL : map;
}

int camera_queue(struct camera *cam, __u32 index, int dmabuf)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = cam->memory,
		.index = index,
	};

	if (cam->memory == V4L2_MEMORY_DMABUF)
		buf.m.fd = dmabuf;
	return xioctl(cam->fd, VIDIOC_QBUF, &buf);
}

int camera_dequeue(struct camera *cam, __u32 *index, __u32 *sequence, int timeout)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = cam->memory,
	};
	int ret = poll_events(cam->fd, POLLIN, timeout);

	if (ret < 0)
		return ret;
	if (!ret)
		return -ETIMEDOUT;
	ret = xioctl(cam->fd, VIDIOC_DQBUF, &buf);
	if (ret)
		return ret;
	*index = buf.index;
	*sequence = buf.sequence;
	cam->stamp_us = buf.timestamp.tv_sec * 1000000LL + buf.timestamp.tv_usec;
	return buf.flags & V4L2_BUF_FLAG_ERROR ? -EIO : 0;
}

int camera_start(struct camera *cam)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	return xioctl(cam->fd, VIDIOC_STREAMON, &type);
}

int camera_stop(struct camera *cam)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	return xioctl(cam->fd, VIDIOC_STREAMOFF, &type);
}
