/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heaps - run each test with every heap.
 *
 * A test program that includes this gets the fixture "heap" with a variant per heap:
 * self->dev is the open device of the heap, self->before the number of buffers at the
 * beginning. The teardown checks that as many exist at the end.
 */
#ifndef SELFTEST_DMABUF_HEAPS_H
#define SELFTEST_DMABUF_HEAPS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bufinfo.h"
#include "exporters.h"
#include "harness.h"
#include "util.h"

#define PAGE			((size_t)sysconf(_SC_PAGESIZE))
#define CMA_DEFAULT_NAME	"default_cma_region"

FIXTURE(heap) {
	int dev;
	struct bufinfo_total before;
};

/*
 * @name: name of the heap; NULL for the name that the CMA heap had up to Linux 6.12, which
 *	depends on how the region was configured
 */
FIXTURE_VARIANT(heap) {
	const char *name;
};

FIXTURE_VARIANT_ADD(heap, system) {
	.name = "system",
};

FIXTURE_VARIANT_ADD(heap, cma) {
	.name = CMA_DEFAULT_NAME,
};

FIXTURE_VARIANT_ADD(heap, cma_old_name) {
	.name = NULL,
};

/* Open the heap that has neither of the two stable names. */
static int heap_open_other(void)
{
	DIR *dir = opendir("/dev/dma_heap");
	struct dirent *entry;
	int fd = -ENODEV;

	if (!dir)
		return -ENODEV;
	while (fd < 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "system") &&
		    strcmp(entry->d_name, CMA_DEFAULT_NAME))
			fd = heap_open(entry->d_name);
	closedir(dir);
	return fd;
}

FIXTURE_SETUP(heap)
{
	self->dev = variant->name ? heap_open(variant->name) : heap_open_other();
	if (self->dev == -ENODEV)
		SKIP(return, "the heap is missing");
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, bufinfo_total(&self->before));
}

FIXTURE_TEARDOWN(heap)
{
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	close(self->dev);
}

#endif /* SELFTEST_DMABUF_HEAPS_H */
