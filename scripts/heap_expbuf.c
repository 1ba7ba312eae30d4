// SPDX-License-Identifier: GPL-2.0-only
/*
 * heap_expbuf - let a program that exports buffers of a V4L2 device get buffers of a heap.
 *
 * v4l2-ctl and v4l2-compliance cannot allocate from a heap. For streaming with DMABUF they
 * export the buffers of a second device. Preloaded, this replaces each of those by a buffer of
 * /dev/dma_heap/system with the same size, so that the first device imports that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int heap_alloc(size_t size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int ret, heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (heap < 0)
		return -1;
	ret = syscall(SYS_ioctl, heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return ret ? -1 : (int)data.fd;
}

static int export_from_heap(int fd, struct v4l2_exportbuffer *export)
{
	struct v4l2_buffer buffer = {
		.type = export->type, .index = export->index, .memory = V4L2_MEMORY_MMAP,
	};

	if (syscall(SYS_ioctl, fd, VIDIOC_QUERYBUF, &buffer))
		return -1;
	export->fd = heap_alloc(buffer.length);
	fprintf(stderr, "heap_expbuf: %u bytes, descriptor %d\n", buffer.length, export->fd);
	return export->fd < 0 ? -1 : 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	/* Let the device judge the argument, then replace what it exports. */
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (!ret && (unsigned int)request == VIDIOC_EXPBUF) {
		close(((struct v4l2_exportbuffer *)arg)->fd);
		ret = export_from_heap(fd, arg);
	}
	return ret;
}
