// SPDX-License-Identifier: GPL-2.0-only
/*
 * heap_preload - give buffers of a heap to programs that cannot allocate from one.
 *
 * Preloaded, it replaces what a program gets from a device by a buffer of /dev/dma_heap/system
 * of the same size:
 *
 * - VIDIOC_EXPBUF: v4l2-ctl exports buffers of one device, and streams with another into them
 * - DRM_IOCTL_MODE_CREATE_DUMB: GStreamer's kmssink gives such buffers to v4l2src
 *
 * HEAP_PRELOAD_FD is the descriptor of a heap that is already open. What its open file has learned
 * from one program then helps the next one.
 */
#define _GNU_SOURCE
#include <drm/drm.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int heap_open(void)
{
	const char *inherited = getenv("HEAP_PRELOAD_FD");

	return inherited ? dup(atoi(inherited)) : open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
}

static int heap_alloc(size_t size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int ret, heap = heap_open();

	if (heap < 0)
		return -1;
	ret = syscall(SYS_ioctl, heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	if (ret)
		return -1;
	fprintf(stderr, "heap_preload: a buffer of %zu bytes\n", size);
	return data.fd;
}

/* The device has judged the argument. Replace what it has exported. */
static int replace_export(int fd, struct v4l2_exportbuffer *export)
{
	struct v4l2_buffer buffer = {
		.type = export->type, .index = export->index, .memory = V4L2_MEMORY_MMAP,
	};

	close(export->fd);
	if (syscall(SYS_ioctl, fd, VIDIOC_QUERYBUF, &buffer))
		return -1;
	export->fd = heap_alloc(buffer.length);
	return export->fd < 0 ? -1 : 0;
}

/* The object keeps the buffer. */
static int replace_dumb(int fd, struct drm_mode_create_dumb *dumb)
{
	struct drm_mode_destroy_dumb destroy = { .handle = dumb->handle };
	struct drm_prime_handle prime = { .fd = heap_alloc(dumb->size) };
	int ret;

	syscall(SYS_ioctl, fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
	if (prime.fd < 0)
		return -1;
	ret = syscall(SYS_ioctl, fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	close(prime.fd);
	dumb->handle = prime.handle;
	return ret;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (ret)
		return ret;
	switch ((unsigned int)request) {
	case VIDIOC_EXPBUF:
		return replace_export(fd, arg);
	case DRM_IOCTL_MODE_CREATE_DUMB:
		return replace_dumb(fd, arg);
	default:
		return ret;
	}
}
