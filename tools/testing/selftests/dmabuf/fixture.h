/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fixture - run each test with a new buffer of every exporter.
 *
 * A test program that includes this gets the fixture "buffer" with one variant per
 * exporter: self->buf is the buffer's descriptor, self->size its size. The variants of an
 * exporter whose driver is missing are skipped.
 */
#ifndef SELFTEST_DMABUF_FIXTURE_H
#define SELFTEST_DMABUF_FIXTURE_H

#include <fcntl.h>

#include "exporters.h"
#include "harness.h"
#include "util.h"

#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
/* Requested size of a buffer; the exporter may round it up. */
#define BUF_SIZE	65536

FIXTURE(buffer) {
	int buf;
	size_t size;
};

FIXTURE_VARIANT(buffer) {
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(buffer, camera) {
	.exporter = &exporter_camera,
};

FIXTURE_VARIANT_ADD(buffer, display) {
	.exporter = &exporter_display,
};

FIXTURE_VARIANT_ADD(buffer, heap) {
	.exporter = &exporter_heap,
};

FIXTURE_VARIANT_ADD(buffer, udmabuf) {
	.exporter = &exporter_udmabuf,
};

FIXTURE_VARIANT_ADD(buffer, vgem) {
	.exporter = &exporter_vgem,
};

FIXTURE_SETUP(buffer)
{
	self->buf = variant->exporter->export(BUF_SIZE, O_RDWR | O_CLOEXEC);
	if (self->buf == -ENODEV)
		SKIP(return, "%s is missing", variant->exporter->name);
	ASSERT_LE(0, self->buf);
	self->size = lseek(self->buf, 0, SEEK_END);
	ASSERT_LE(BUF_SIZE, self->size);
	ASSERT_EQ(0, self->size % PAGE);
}

FIXTURE_TEARDOWN(buffer)
{
	close(self->buf);
}

/* Export another buffer from the exporter of the variant. */
#define buffer_export(variant) \
	((variant)->exporter->export(BUF_SIZE, O_RDWR | O_CLOEXEC))

#endif /* SELFTEST_DMABUF_FIXTURE_H */
