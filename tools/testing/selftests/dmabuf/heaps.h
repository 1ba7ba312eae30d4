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

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bufinfo.h"
#include "exporters.h"
#include "harness.h"
#include "util.h"

#define PAGE	((size_t)sysconf(_SC_PAGESIZE))

FIXTURE(heap) {
	int dev;
	struct bufinfo_total before;
};

/* @name: name of the heap; NULL for the name that the CMA heap had up to Linux 6.12 */
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

FIXTURE_VARIANT_ADD(heap, cma_node) {
	.name = CMA_NODE_NAME,
};

FIXTURE_VARIANT_ADD(heap, carveout) {
	.name = CARVEOUT_NODE_NAME,
};

static int heap_open_old(void)
{
	int fd = heap_open(CMA_OLD_NAME);

	return fd == -ENODEV ? heap_open(CMA_OLD_NODE_NAME) : fd;
}

FIXTURE_SETUP(heap)
{
	self->dev = variant->name ? heap_open(variant->name) : heap_open_old();
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
