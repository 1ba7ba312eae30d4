// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit cases of importers that no V4L2 or DRM driver is: one that needs memory in one piece, and
 * one whose device does not reach the memory.
 *
 * The cases run when the module is loaded, with kunit.enable=1 on the command line.
 */

#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/mm.h>

#include "../camera.h"

/* Also with pages of 64 KiB there are several. */
#define LENGTH		(16 * PAGE_SIZE)

/* Exports memory whose first two pages are not adjacent. */
static struct dma_buf *export_pieces(struct kunit *test)
{
	struct camera_pages *pages = camera_pages_alloc(LENGTH);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pages);
	if (page_to_pfn(pages->pages[0]) + 1 == page_to_pfn(pages->pages[1]))
		swap(pages->pages[0], pages->pages[1]);
	dmabuf = camera_pages_export(pages, O_RDWR | O_CLOEXEC);
	camera_pages_put(pages);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	return dmabuf;
}

static const struct {
	const char *desc;
	size_t contiguous;
	int ret;
} rows[] = {
	{ "nothing", 0, 0 },
	{ "one page", PAGE_SIZE, 0 },
	{ "all pages", LENGTH, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(row, rows, desc);

/* Rule: the memory never changes, so an importer that states what it lacks is refused. */
static void camera_tells_what_fits(struct kunit *test)
{
	const typeof(rows[0]) *row = test->param_value;
	const struct dma_buf_needs needs = { .contiguous = row->contiguous };
	struct device *dev = kunit_device_register(test, "importer");
	struct dma_buf *dmabuf = export_pieces(test);
	struct dma_buf_attachment *attach;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	attach = dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, &needs);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), row->ret);
	if (!IS_ERR(attach))
		dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

static bool cannot_map(struct device *dev, struct sg_table *sgt)
{
	return false;
}

/* Rule: the DMA API is not asked to map what it would warn of. */
static void map_out_of_reach_is_refused(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "importer");
	struct dma_buf *dmabuf = export_pieces(test);
	struct dma_buf_attachment *attach;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	attach = dma_buf_attach(dmabuf, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	kunit_activate_static_stub(test, dma_buf_needs_can_map, cannot_map);
	KUNIT_EXPECT_EQ(test, -EIO,
			PTR_ERR_OR_ZERO(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

static struct kunit_case camera_negotiate_cases[] = {
	KUNIT_CASE_PARAM(camera_tells_what_fits, row_gen_params),
	KUNIT_CASE(map_out_of_reach_is_refused),
	{}
};

static struct kunit_suite camera_negotiate_suite = {
	.name = "dmabuf_sample_camera_negotiate",
	.test_cases = camera_negotiate_cases,
};

kunit_test_suite(camera_negotiate_suite);
