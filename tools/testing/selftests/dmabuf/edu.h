/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edu - bind QEMU's edu device to the sample driver, import two buffers and copy
 *
 * The functions return a negative errno on failure.
 */
#ifndef SELFTEST_DMABUF_EDU_H
#define SELFTEST_DMABUF_EDU_H

#include <dirent.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "edu/edu-ioctl.h"
#include "exporters.h"
#include "fence.h"
#include "util.h"

#define MODULE		"dmabuf_sample_edu"
#define DEVICES		"/sys/bus/pci/devices"
#define DRIVER		"/sys/bus/pci/drivers/" MODULE
#define BITS		"/sys/module/" MODULE "/parameters/dma_bits"
#define PAGE		4096
#define SIZE		(16 * PAGE)
/* More than the zone of the lowest addresses has, and less than half of the CMA region. */
#define LARGE		(24UL << 20)
/* What most tests copy: two steps. */
#define SHORT		PAGE

/* Copy the PCI address of the first edu device. */
static inline int edu_find(char *name, size_t size)
{
	char path[400], *vendor, *device;
	struct dirent *entry;
	DIR *dir = opendir(DEVICES);
	int ret = -ENODEV;

	while (ret && dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DEVICES "/%s/vendor", entry->d_name);
		vendor = file_text(path);
		snprintf(path, sizeof(path), DEVICES "/%s/device", entry->d_name);
		device = file_text(path);
		if (vendor && device && !strcmp(vendor, "0x1234\n") &&
		    !strcmp(device, "0x11e8\n")) {
			snprintf(name, size, "%s", entry->d_name);
			ret = 0;
		}
		free(vendor);
		free(device);
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* Bind the driver with the address bits that the command line tells. */
static inline int edu_bind(const char *name)
{
	long long bits = file_number("/proc/cmdline", "dmabuf.edu_bits=");
	char path[400], text[20];

	snprintf(text, sizeof(text), "%lld", bits < 0 ? 28 : bits);
	snprintf(path, sizeof(path), DRIVER "/%s", name);
	if (!access(path, F_OK) && file_number(BITS, "") == atoll(text))
		return 0;
	if (!access(path, F_OK))
		file_put(DRIVER "/unbind", name);
	file_put(BITS, text);
	return file_put(DRIVER "/bind", name);
}

static inline int edu_open(const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "/dev/dmabuf_edu-%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Return the handle. */
static inline int edu_import(int edu, int buf, __u32 flags, __u64 contiguous)
{
	struct edu_ioctl_import args = { .fd = buf, .flags = flags, .contiguous = contiguous };

	return xioctl(edu, EDU_IOCTL_IMPORT, &args);
}

static inline int edu_release(int edu, __u32 handle)
{
	return xioctl(edu, EDU_IOCTL_RELEASE, &handle);
}

/* Queue a copy from the start of one buffer to that of another; return the fence. */
static inline int edu_copy(int edu, __u32 source, __u32 destination, __u32 bytes)
{
	struct edu_ioctl_copy args = {
		.source = source,
		.destination = destination,
		.bytes = bytes,
		.in_fence = -1,
	};

	return xioctl(edu, EDU_IOCTL_COPY, &args);
}

/* Wait for a fence and close it; return its status. */
static inline int fence_done(int fence)
{
	int ret = fence < 0 ? fence : poll_events(fence, POLLIN, 60000);

	if (ret <= 0)
		return ret ? ret : -ETIMEDOUT;
	ret = fence_status(fence);
	close(fence);
	return ret;
}

static inline int edu_copy_wait(int edu, __u32 source, __u32 destination, __u32 bytes)
{
	return fence_done(edu_copy(edu, source, destination, bytes));
}

static inline unsigned char pattern_at(size_t at, unsigned int salt)
{
	return at * 7 + at / 251 + salt * 31;
}

static inline void paint(unsigned char *map, size_t bytes, unsigned int salt)
{
	size_t at;

	for (at = 0; at < bytes; at++)
		map[at] = pattern_at(at, salt);
}

/* Count the bytes that do not have the pattern. */
static inline long wrong_bytes(const unsigned char *map, size_t bytes, unsigned int salt)
{
	long count = 0;
	size_t at;

	for (at = 0; at < bytes; at++)
		count += map[at] != pattern_at(at, salt);
	return count;
}

/* A worker drops the last reference to an import shortly after the fence has signalled. */
static inline long wrong_bytes_soon(const unsigned char *map, size_t bytes, unsigned int salt)
{
	int tries;

	for (tries = 0; tries < 50 && wrong_bytes(map, bytes, salt); tries++)
		sleep_ms(100);
	return wrong_bytes(map, bytes, salt);
}

/* A span of CPU access in the right order. */
static inline int paint_synced(int buf, unsigned char *map, size_t bytes, unsigned int salt)
{
	int ret = buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);

	paint(map, bytes, salt);
	return ret ? ret : buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static inline long wrong_synced(int buf, unsigned char *map, size_t bytes, unsigned int salt)
{
	long count;
	int ret = buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);

	count = wrong_bytes(map, bytes, salt);
	ret = ret ? ret : buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	return ret ? ret : count;
}

/**
 * struct pair - a device and two buffers
 * @name: PCI address
 * @edu: the open device
 * @bufs: descriptors of source and destination
 * @maps: their mappings
 * @handles: their imports
 */
struct pair {
	char name[256];
	int edu;
	int bufs[2];
	unsigned char *maps[2];
	int handles[2];
};

static inline int buffer_alloc(struct pair *pair, int i, size_t size)
{
	pair->bufs[i] = exporter_heap.export(size, O_RDWR | O_CLOEXEC);
	if (pair->bufs[i] < 0)
		return pair->bufs[i];
	pair->maps[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, pair->bufs[i], 0);
	return pair->maps[i] == MAP_FAILED ? -errno : 0;
}

static inline int pair_alloc(struct pair *pair)
{
	int ret = buffer_alloc(pair, 0, SIZE);

	return ret ? ret : buffer_alloc(pair, 1, SIZE);
}

static inline int pair_import(struct pair *pair)
{
	pair->handles[0] = edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, 0);
	pair->handles[1] = edu_import(pair->edu, pair->bufs[1], EDU_IMPORT_DESTINATION, 0);
	return pair->handles[0] < 0 ? pair->handles[0] :
	       pair->handles[1] < 0 ? pair->handles[1] : 0;
}

/* Copy from source to destination; return the status of the job's fence, 1 if all is well. */
static inline int pair_copy(struct pair *pair, __u32 bytes)
{
	return edu_copy_wait(pair->edu, pair->handles[0], pair->handles[1], bytes);
}

#endif /* SELFTEST_DMABUF_EDU_H */
