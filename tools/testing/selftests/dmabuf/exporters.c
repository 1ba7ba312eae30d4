// SPDX-License-Identifier: GPL-2.0-only
/*
 * exporters - functions that export a dma-buf from various drivers.
 *
 * Each closes the device before it returns: a dma-buf does not need its exporter's
 * open file, which every test that uses these buffers checks thereby.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "camera.h"
#include "display.h"
#include "exporters.h"
#include "util.h"

/* Bytes of one line, with four bytes per pixel. */
#define LINE_SIZE	512

/* Open a device; -ENODEV if the node or the driver is missing. */
static int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	return fd;
}

static int export_camera(size_t size, int flags)
{
	unsigned int lines = (size + LINE_SIZE - 1) / LINE_SIZE;
	struct camera cam;
	int ret;

	ret = camera_open(&cam, CAMERA_DRIVER);
	if (ret)
		return ret;
	/* The smallest picture has 64 lines. */
	ret = camera_format(&cam, LINE_SIZE / 4, lines < 64 ? 64 : lines, V4L2_PIX_FMT_XBGR32);
	if (!ret)
		ret = camera_buffers(&cam, V4L2_MEMORY_MMAP, 1);
	if (!ret)
		ret = camera_export(&cam, 0, flags);
	camera_close(&cam);
	return ret;
}

static int export_dumb(const char *driver, size_t size, int flags)
{
	struct display_buffer buf;
	struct display dpy;
	int ret;

	ret = display_open(&dpy, driver);
	if (ret)
		return ret;
	ret = display_alloc(&dpy, LINE_SIZE / 4, (size + LINE_SIZE - 1) / LINE_SIZE, &buf);
	if (!ret)
		ret = display_export(&dpy, &buf, flags);
	display_close(&dpy);
	return ret;
}

static int export_display(size_t size, int flags)
{
	return export_dumb(DISPLAY_DRIVER, size, flags);
}

static int export_vgem(size_t size, int flags)
{
	return export_dumb("vgem", size, flags);
}

int heap_open(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", name);
	return open_device(path);
}

int heap_alloc(int heap, size_t size, int flags)
{
	struct dma_heap_allocation_data arg = { .len = size, .fd_flags = flags };
	int ret = xioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg);

	return ret ? ret : (int)arg.fd;
}

/* Buffers that do not qualify stay allocated until one does. */
#define TRIES	8

int heap_alloc_scattered(int heap, size_t size)
{
	int buf = heap_alloc(heap, size, O_RDWR | O_CLOEXEC);
	int others[TRIES], count = 0;

	while (count < TRIES && buf >= 0 && memory_number(buf, "runs=") == 1) {
		others[count++] = buf;
		buf = heap_alloc(heap, size, O_RDWR | O_CLOEXEC);
	}
	while (count)
		close(others[--count]);
	return buf;
}

int memory_number(int buf, const char *key)
{
	char line[256], *at;
	int ret = fd_info(buf, "memory", line, sizeof(line));

	if (ret)
		return ret;
	at = strstr(line, key);
	return at ? atoi(at + strlen(key)) : -ENOENT;
}

static int export_from(const char *heap, size_t size, int flags)
{
	int fd = heap_open(heap);
	int ret;

	if (fd < 0)
		return fd;
	ret = heap_alloc(fd, size, flags);
	close(fd);
	return ret;
}

static int export_heap(size_t size, int flags)
{
	return export_from("system", size, flags);
}

static int export_cma(size_t size, int flags)
{
	return export_from("default_cma_region", size, flags);
}

/*
 * The mapping reserves huge pages. Without it memfd_pin_folios() of Linux 6.12 takes pages
 * that are not reserved, and the count of reserved pages goes below 0.
 */
int memfd_reserve(int memfd, size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);

	return map == MAP_FAILED ? -errno : munmap(map, size);
}

static int make_memfd(size_t size, unsigned int huge)
{
	int fd = memfd_create("selftest", MFD_ALLOW_SEALING | MFD_CLOEXEC | huge);

	if (fd < 0)
		return huge ? -ENODEV : -errno;
	if (!ftruncate(fd, size) && !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) &&
	    (!huge || !memfd_reserve(fd, size)))
		return fd;
	close(fd);
	return -EIO;
}

/* O_CLOEXEC is the only flag; the descriptors of udmabuf are always O_RDWR. */
static int export_memfd(size_t size, int flags, unsigned int huge)
{
	struct udmabuf_create arg = {
		.flags = flags & O_CLOEXEC ? UDMABUF_FLAGS_CLOEXEC : 0,
		.size = size,
	};
	int fd = open_device("/dev/udmabuf");
	int memfd, ret;

	if (fd < 0)
		return fd;
	memfd = make_memfd(size, huge);
	arg.memfd = memfd;
	ret = memfd < 0 ? memfd : xioctl(fd, UDMABUF_CREATE, &arg);
	if (memfd >= 0)
		close(memfd);
	close(fd);
	return ret;
}

static int export_udmabuf(size_t size, int flags)
{
	return export_memfd(size, flags, 0);
}

int huge_pages_free(void)
{
	return file_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "");
}

/* The pages are allocated at the export, so count the free ones first. */
static int export_huge(size_t size, int flags)
{
	size = (size + HUGE_SIZE - 1) & -HUGE_SIZE;
	if (huge_pages_free() < (int)(size / HUGE_SIZE))
		return -ENODEV;
	return export_memfd(size, flags, MFD_HUGETLB | MFD_HUGE_2MB);
}

const struct exporter exporter_camera = {
	.name = "the sample camera",
	.export = export_camera,
	.access_mode = 1,
};

const struct exporter exporter_display = {
	.name = "the sample display",
	.export = export_display,
	.access_mode = 1,
};

const struct exporter exporter_heap = {
	.name = "the system heap",
	.export = export_heap,
	.access_mode = 1,
};

const struct exporter exporter_cma = {
	.name = "the CMA heap",
	.export = export_cma,
	.access_mode = 1,
};

const struct exporter exporter_udmabuf = {
	.name = "udmabuf",
	.export = export_udmabuf,
};

const struct exporter exporter_huge = {
	.name = "udmabuf with huge pages",
	.export = export_huge,
};

const struct exporter exporter_vgem = {
	.name = "vgem",
	.export = export_vgem,
	.access_mode = 1,
};
