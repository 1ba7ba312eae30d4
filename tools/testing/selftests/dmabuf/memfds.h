/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memfds - memfds, dma-bufs of their pages, and the kernel's counts of pinned folios.
 *
 * The functions return a descriptor or a negative errno.
 */
#ifndef SELFTEST_DMABUF_MEMFDS_H
#define SELFTEST_DMABUF_MEMFDS_H

#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exporters.h"
#include "util.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

/* Make a memfd; @flags are those of memfd_create(). */
static inline int memfd_make(size_t size, unsigned int seals, unsigned int flags)
{
	int fd = memfd_create("selftest", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size) || (seals && fcntl(fd, F_ADD_SEALS, seals)) ||
	    (flags & MFD_HUGETLB && memfd_reserve(fd, size))) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Open the file of a memfd again, in another access mode. */
static inline int memfd_reopen(int memfd, int mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline int udmabuf_make(int dev, int memfd, __u64 offset, __u64 size)
{
	struct udmabuf_create arg = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = offset,
		.size = size,
	};

	return ioctl_once(dev, UDMABUF_CREATE, &arg);
}

static inline int udmabuf_make_list(int dev, const struct udmabuf_create_item *items,
				    __u32 count)
{
	size_t size = sizeof(struct udmabuf_create_list) + count * sizeof(*items);
	struct udmabuf_create_list *list = malloc(size);
	int ret;

	if (!list)
		return -ENOMEM;
	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = count;
	memcpy(list->list, items, count * sizeof(*items));
	ret = ioctl_once(dev, UDMABUF_CREATE_LIST, list);
	free(list);
	return ret;
}

/**
 * struct pins - how many pins of folios the machine has counted since it booted
 * @acquired: pins that were taken
 * @released: pins that were dropped
 */
struct pins {
	long long acquired;
	long long released;
};

/* Read both counts; they are -1 where the kernel does not count. */
static inline struct pins pins_read(void)
{
	/* Adds the counts of each CPU to the sums. */
	file_put("/proc/sys/vm/stat_refresh", "1");
	return (struct pins){
		.acquired = file_number("/proc/vmstat", "nr_foll_pin_acquired "),
		.released = file_number("/proc/vmstat", "nr_foll_pin_released "),
	};
}

/* Return how many pins of folios are held in the machine, or -1. */
static inline long long pins_held(void)
{
	struct pins pins = pins_read();

	if (pins.acquired < 0 || pins.released < 0)
		return -1;
	return pins.acquired - pins.released;
}

/* Return the same; wait up to 5 s until it is @pins, because close() is deferred. */
static inline long long pins_settled(long long pins)
{
	int tries;

	for (tries = 0; tries < 100 && pins_held() != pins; tries++)
		sleep_ms(50);
	return pins_held();
}

#endif /* SELFTEST_DMABUF_MEMFDS_H */
