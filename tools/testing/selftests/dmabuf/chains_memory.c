// SPDX-License-Identifier: GPL-2.0-only
/*
 * chains_memory - the chains that allocate buffers from heaps and memfds, and those that map
 * them in userspace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <sys/mman.h>

#include "chains.h"
#include "exporters.h"
#include "fence.h"
#include "memfds.h"

#define SIZE		65536
/* Huge pages of a memfd. */
#define HUGE_PAGES	2

int prepare_heap_buffer(struct state *st)
{
	st->buf = exporter_heap.export(SIZE, O_RDWR | O_CLOEXEC);
	return st->buf < 0 ? st->buf : 0;
}

int prepare_udmabuf_buffer(struct state *st)
{
	st->buf = exporter_udmabuf.export(SIZE, O_RDWR | O_CLOEXEC);
	return st->buf < 0 ? st->buf : 0;
}

int prepare_camera_buffer(struct state *st)
{
	st->buf = exporter_camera.export(SIZE, O_RDWR | O_CLOEXEC);
	return st->buf < 0 ? st->buf : 0;
}

int prepare_display_buffer(struct state *st)
{
	st->buf = exporter_display.export(SIZE, O_RDWR | O_CLOEXEC);
	return st->buf < 0 ? st->buf : 0;
}

static int prepare_heap(struct state *st)
{
	st->dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	return st->dev < 0 ? -ENODEV : 0;
}

static int run_heap_alloc(struct state *st)
{
	struct dma_heap_allocation_data arg = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };

	return xioctl(st->dev, DMA_HEAP_IOCTL_ALLOC, &arg);
}

static int prepare_udmabuf(struct state *st)
{
	st->dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	st->other = memfd_make(SIZE, F_SEAL_SHRINK, 0);
	return st->dev < 0 ? -ENODEV : st->other < 0;
}

/* The huge pages are reserved, and the udmabuf allocates them. */
static int prepare_udmabuf_huge(struct state *st)
{
	if (huge_pages_free() < HUGE_PAGES)
		return -ENODEV;
	st->dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	st->other = memfd_make(HUGE_PAGES * HUGE_SIZE, F_SEAL_SHRINK, MFD_HUGETLB | MFD_HUGE_2MB);
	return st->dev < 0 ? -ENODEV : st->other < 0;
}

static int run_udmabuf_create(struct state *st)
{
	st->buf = udmabuf_make(st->dev, st->other, 0, SIZE);
	return st->buf < 0 ? st->buf : 0;
}

/* Starts and ends within a huge page. */
static int run_udmabuf_create_huge(struct state *st)
{
	st->buf = udmabuf_make(st->dev, st->other, 4096, HUGE_PAGES * HUGE_SIZE - 8192);
	return st->buf < 0 ? st->buf : 0;
}

static int run_mmap(struct state *st)
{
	void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, st->buf, 0);
	size_t at;

	if (map == MAP_FAILED)
		return -errno;
	st->map = map;
	for (at = 0; at < SIZE; at += 4096)
		__atomic_store_n(st->map + at, 1, __ATOMIC_RELAXED);
	return 0;
}

static void cleanup_mmap(struct state *st)
{
	if (st->map)
		munmap(st->map, SIZE);
}

/* SYNC of a buffer that no device has mapped, around the first access to a mapping. */
static int run_sync_mmap(struct state *st)
{
	int ret = buf_sync(st->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_START);

	if (!ret)
		ret = run_mmap(st);
	return ret ? ret : buf_sync(st->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
}

static int prepare_cma(struct state *st)
{
	st->dev = heap_open(CMA_DEFAULT_NAME);
	return st->dev < 0 ? st->dev : 0;
}

static int prepare_carveout(struct state *st)
{
	st->dev = heap_open(CARVEOUT_NODE_NAME);
	return st->dev < 0 ? st->dev : 0;
}

static int run_carveout_mmap(struct state *st)
{
	st->buf = heap_alloc(st->dev, SIZE, O_RDWR | O_CLOEXEC);
	return st->buf < 0 ? st->buf : run_mmap(st);
}

static int prepare_udmabuf_list(struct state *st)
{
	int ret = prepare_udmabuf(st);
	int items;

	/* Pages that are not adjacent in the buffer, so that the arrays of runs grow. */
	for (items = 0; !ret && items < LIST_ITEMS; items++) {
		st->list.items[items].memfd = st->other;
		st->list.items[items].offset = items * 37 % 16 * 4096;
		st->list.items[items].size = 4096;
	}
	st->list.head.count = items;
	st->list.head.flags = UDMABUF_FLAGS_CLOEXEC;
	return ret;
}

static int run_udmabuf_create_list(struct state *st)
{
	int ret = xioctl(st->dev, UDMABUF_CREATE_LIST, &st->list);

	return ret < 0 ? ret : 0;
}

static int run_udmabuf_create_mmap(struct state *st)
{
	int ret = run_udmabuf_create(st);

	return ret ? ret : run_mmap(st);
}

const struct chain chain_heap_alloc = {
	.prepare = prepare_heap,
	.run = run_heap_alloc,
	.no_new_fd = true,
};

const struct chain chain_cma_alloc = {
	.prepare = prepare_cma,
	.run = run_heap_alloc,
	.no_new_fd = true,
};

const struct chain chain_carveout_alloc = {
	.prepare = prepare_carveout,
	.run = run_heap_alloc,
	.no_new_fd = true,
};

const struct chain chain_carveout_mmap = {
	.prepare = prepare_carveout,
	.run = run_carveout_mmap,
	.cleanup = cleanup_mmap,
};

const struct chain chain_udmabuf_create = {
	.prepare = prepare_udmabuf,
	.run = run_udmabuf_create,
	.no_new_fd = true,
};

const struct chain chain_udmabuf_create_huge = {
	.prepare = prepare_udmabuf_huge,
	.run = run_udmabuf_create_huge,
	.no_new_fd = true,
};

const struct chain chain_udmabuf_create_list = {
	.prepare = prepare_udmabuf_list,
	.run = run_udmabuf_create_list,
	.no_new_fd = true,
};

const struct chain chain_udmabuf_create_mmap = {
	.prepare = prepare_udmabuf,
	.run = run_udmabuf_create_mmap,
	.cleanup = cleanup_mmap,
};

const struct chain chain_sync_udmabuf = {
	.prepare = prepare_udmabuf_buffer,
	.run = run_sync_mmap,
	.cleanup = cleanup_mmap,
	.no_new_fd = true,
};

const struct chain chain_mmap_heap = {
	.prepare = prepare_heap_buffer,
	.run = run_mmap,
	.cleanup = cleanup_mmap,
	.no_new_fd = true,
};

const struct chain chain_mmap_camera = {
	.prepare = prepare_camera_buffer,
	.run = run_mmap,
	.cleanup = cleanup_mmap,
	.no_new_fd = true,
};

const struct chain chain_mmap_display = {
	.prepare = prepare_display_buffer,
	.run = run_mmap,
	.cleanup = cleanup_mmap,
	.no_new_fd = true,
};
