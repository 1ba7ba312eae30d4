// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit cases of negotiation: importers that need a buffer in one piece.
 *
 * The cases run when the module is loaded, with kunit.enable=1 on the command line.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../display.h"

#define DRAWN		0x33
#define LONGEST		((size_t)PAGE_SIZE << MAX_PAGE_ORDER)

/**
 * struct pieces - a buffer whose first two pages are not adjacent
 * @bo: the buffer
 * @dmabuf: its dma-buf
 * @dev: device to attach
 * @before: its storage
 */
struct pieces {
	struct display_bo *bo;
	struct dma_buf *dmabuf;
	struct device *dev;
	struct display_storage *before;
};

static void pieces_init(struct kunit *test, struct pieces *pieces, size_t size)
{
	struct device *dev = bus_find_device_by_name(&platform_bus_type, NULL, DISPLAY_NAME ".0");
	struct display *display;
	struct page **pages;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	display = dev_get_drvdata(dev);
	put_device(dev);
	pieces->dev = kunit_device_register(test, "importer");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pieces->dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(pieces->dev, DMA_BIT_MASK(64)), 0);
	pieces->bo = display_bo_create(&display->drm, size);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pieces->bo);
	pieces->before = pieces->bo->storage;
	pages = pieces->before->pages;
	if (page_to_pfn(pages[0]) + 1 == page_to_pfn(pages[1]))
		swap(pages[0], pages[1]);
	pieces->dmabuf = display_export(&pieces->bo->base, O_RDWR | O_CLOEXEC);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pieces->dmabuf);
}

static void pieces_fini(struct pieces *pieces)
{
	dma_buf_put(pieces->dmabuf);
	drm_gem_object_put(&pieces->bo->base);
}

/* Attaches the device and detaches it. Returns the errno. */
static int try_attach(struct pieces *pieces, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(pieces->dmabuf, pieces->dev, NULL, NULL, &needs);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(pieces->dmabuf, attach);
	return 0;
}

static bool is_adjacent(const struct display_storage *storage)
{
	unsigned long i;

	for (i = 1; i < storage->num_pages; i++)
		if (page_to_pfn(storage->pages[i]) != page_to_pfn(storage->pages[0]) + i)
			return false;
	return true;
}

/* Rule: a buffer that does not fit moves to memory that does, with what was drawn. */
static void negotiation_moves_the_buffer(struct kunit *test)
{
	struct pieces pieces;
	struct iosys_map map;

	pieces_init(test, &pieces, SZ_64K - PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(pieces.dmabuf, &map), 0);
	memset(map.vaddr, DRAWN, pieces.dmabuf->size);
	dma_buf_vunmap_unlocked(pieces.dmabuf, &map);

	KUNIT_EXPECT_EQ(test, try_attach(&pieces, 0), 0);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, PAGE_SIZE), 0);
	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, pieces.dmabuf->size), 0);
	KUNIT_EXPECT_TRUE(test, is_adjacent(pieces.bo->storage));

	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(pieces.dmabuf, &map), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(map.vaddr, DRAWN, pieces.dmabuf->size));
	dma_buf_vunmap_unlocked(pieces.dmabuf, &map);
	pieces_fini(&pieces);
}

/* Rule: what needs the buffer where it is comes first. */
static void used_buffer_stays(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct pieces pieces;
	struct iosys_map map;

	pieces_init(test, &pieces, SZ_64K);
	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(pieces.dmabuf, &map), 0);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, SZ_64K), -EBUSY);
	dma_buf_vunmap_unlocked(pieces.dmabuf, &map);

	/* The core pins the buffer for a static importer. */
	attach = dma_buf_attach(pieces.dmabuf, pieces.dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, SZ_64K), -EBUSY);
	dma_buf_detach(pieces.dmabuf, attach);

	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, SZ_64K), 0);
	pieces_fini(&pieces);
}

/* Rule: more than the page allocator has in one piece is refused for good. */
static void too_long_buffer_is_refused(struct kunit *test)
{
	struct pieces pieces;

	pieces_init(test, &pieces, 2 * LONGEST);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, 2 * LONGEST), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, 2 * PAGE_SIZE), -EOPNOTSUPP);
	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	pieces_fini(&pieces);
}

static struct kunit_case display_negotiate_cases[] = {
	KUNIT_CASE(negotiation_moves_the_buffer),
	KUNIT_CASE(used_buffer_stays),
	KUNIT_CASE(too_long_buffer_is_refused),
	{}
};

static struct kunit_suite display_negotiate_suite = {
	.name = "dmabuf_sample_display_negotiate",
	.test_cases = display_negotiate_cases,
};

kunit_test_suite(display_negotiate_suite);
