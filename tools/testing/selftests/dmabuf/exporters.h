/* SPDX-License-Identifier: GPL-2.0-only */
/* exporters - functions that export a dma-buf from various drivers */
#ifndef SELFTEST_DMABUF_EXPORTERS_H
#define SELFTEST_DMABUF_EXPORTERS_H

#include <stddef.h>

/**
 * struct exporter - a driver that exports dma-bufs
 * @name: name for messages
 * @export: exports a buffer of at least size bytes and returns its descriptor, the only
 *          one that is left open; -ENODEV without the driver
 * @access_mode: @export honours O_RDONLY and O_RDWR in its flags
 */
struct exporter {
	const char *name;
	int (*export)(size_t size, int flags);
	int access_mode;
};

extern const struct exporter exporter_camera;
extern const struct exporter exporter_display;
extern const struct exporter exporter_heap;
extern const struct exporter exporter_cma;
extern const struct exporter exporter_udmabuf;
extern const struct exporter exporter_huge;
extern const struct exporter exporter_vgem;

/* Names of heaps. */
#define CMA_DEFAULT_NAME	"default_cma_region"
/* Names that Linux 6.12 gives the same region, if the device tree does not and if it does. */
#define CMA_OLD_NAME		"reserved"
#define CMA_OLD_NODE_NAME	"linux,cma"
/* Nodes of heaps.dtso. */
#define CMA_NODE_NAME		"test-pool@60000000"
#define CARVEOUT_NODE_NAME	"test-carveout@a0000000"

/* Size of the huge pages of exporter_huge. */
#define HUGE_SIZE	(2UL << 20)

/* huge_pages_free() - count the huge pages of that size in the pool that are free */
int huge_pages_free(void);
/* memfd_reserve() - reserve the huge pages of a memfd */
int memfd_reserve(int memfd, size_t size);

/* heap_open() - open a heap's device; -ENODEV without the heap */
int heap_open(const char *name);
/* heap_alloc() - allocate a buffer from an open heap; returns its descriptor */
int heap_alloc(int heap, size_t size, int flags);
/*
 * heap_alloc_scattered() - the same, with memory in several runs
 *
 * Blocks of new memory can be adjacent. So the caller checks memory_number(buf, "runs=").
 */
int heap_alloc_scattered(int heap, size_t size);

/*
 * memory_number() - return the number after @key in the fdinfo line about a buffer's memory
 *
 * The line begins as "memory: runs=4 longest=65536 replaced=0". Not every kernel and not every
 * exporter has it: -ENOENT.
 */
int memory_number(int buf, const char *key);

#endif /* SELFTEST_DMABUF_EXPORTERS_H */
