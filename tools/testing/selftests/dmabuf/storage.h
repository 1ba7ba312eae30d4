/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storage - run each test with a mapping of a buffer that consists of page runs.
 *
 * A test program that includes this gets the fixture "storage" with one variant per exporter of
 * such buffers: self->buf is the buffer's descriptor, self->size its size, and self->map maps
 * the whole buffer and was not accessed yet.
 */
#ifndef SELFTEST_DMABUF_STORAGE_H
#define SELFTEST_DMABUF_STORAGE_H

#include <fcntl.h>
#include <sys/mman.h>

#include "exporters.h"
#include "harness.h"
#include "stamps.h"
#include "util.h"

/* Several runs in the system heap: of 2 MiB, 1 MiB, 64 KiB and 4 KiB. */
#define SIZE		((8UL << 20) - 4096)

FIXTURE(storage) {
	int buf;
	size_t size;
	unsigned char *map;
};

FIXTURE_VARIANT(storage) {
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(storage, heap) {
	.exporter = &exporter_heap,
};

FIXTURE_VARIANT_ADD(storage, cma) {
	.exporter = &exporter_cma,
};

FIXTURE_VARIANT_ADD(storage, udmabuf) {
	.exporter = &exporter_udmabuf,
};

FIXTURE_VARIANT_ADD(storage, huge) {
	.exporter = &exporter_huge,
};

static inline unsigned char *map_range(int buf, size_t offset, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, offset);
}

FIXTURE_SETUP(storage)
{
	self->buf = variant->exporter->export(SIZE, O_RDWR | O_CLOEXEC);
	if (self->buf == -ENODEV)
		SKIP(return, "%s is missing", variant->exporter->name);
	ASSERT_LE(0, self->buf);
	self->size = lseek(self->buf, 0, SEEK_END);
	ASSERT_LE(SIZE, self->size);
	self->map = map_range(self->buf, 0, self->size);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(storage)
{
	munmap(self->map, self->size);
	close(self->buf);
}

#endif /* SELFTEST_DMABUF_STORAGE_H */
