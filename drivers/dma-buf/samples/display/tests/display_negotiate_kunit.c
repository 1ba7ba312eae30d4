// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit cases of negotiation: importers that need a buffer in one piece, or in reach.
 *
 * The cases run when the module is loaded, with kunit.enable=1 on the command line.
 */

#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>

#include "../../../needs/dma-buf-needs-private.h"
#include "../display.h"

#define DRAWN		0x33
/* Also with pages of 64 KiB there are several. */
#define LENGTH		(16 * PAGE_SIZE)
#define LONGEST		((size_t)PAGE_SIZE << MAX_PAGE_ORDER)

/**
 * struct pieces - a buffer whose first two pages are not adjacent
 * @bo: the buffer
 * @dmabuf: its dma-buf
 * @dev: device to attach
 * @before: its storage
 * @notified: number of calls of move_notify
 */
struct pieces {
	struct display_bo *bo;
	struct dma_buf *dmabuf;
	struct device *dev;
	struct display_storage *before;
	unsigned int notified;
};

static void importer_move_notify(struct dma_buf_attachment *attach)
{
	struct pieces *pieces = attach->importer_priv;

	pieces->notified++;
}

static const struct dma_buf_attach_ops importer_ops = {
	.move_notify = importer_move_notify,
};

/* With swiotlb=force the device would reach no memory. */
#ifdef CONFIG_SWIOTLB
static void remove_bounce_buffers(struct device *dev)
{
	dev->dma_io_tlb_mem = NULL;
}
#else
static void remove_bounce_buffers(struct device *dev)
{
}
#endif

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
	pieces->notified = 0;
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

/* Attaches the device for an importer that can follow a move. */
static struct dma_buf_attachment *attach_dynamic(struct kunit *test, struct pieces *pieces)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(pieces->dmabuf, pieces->dev, &importer_ops, pieces);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	return attach;
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

	pieces_init(test, &pieces, LENGTH - PAGE_SIZE);
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

	pieces_init(test, &pieces, LENGTH);
	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(pieces.dmabuf, &map), 0);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), -EBUSY);
	dma_buf_vunmap_unlocked(pieces.dmabuf, &map);

	/* The core pins the buffer for a static importer. */
	attach = dma_buf_attach(pieces.dmabuf, pieces.dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), -EBUSY);
	dma_buf_detach(pieces.dmabuf, attach);

	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), 0);
	pieces_fini(&pieces);
}

/* Rule: a pin is enough to keep a buffer where it is, also if nothing is mapped. */
static void pinned_buffer_stays(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct pieces pieces;

	pieces_init(test, &pieces, LENGTH);
	attach = attach_dynamic(test, &pieces);
	dma_resv_lock(pieces.dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	dma_resv_unlock(pieces.dmabuf->resv);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);

	dma_resv_lock(pieces.dmabuf->resv, NULL);
	dma_buf_unpin(attach);
	dma_resv_unlock(pieces.dmabuf->resv);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), 0);
	KUNIT_EXPECT_PTR_NE(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_TRUE(test, is_adjacent(pieces.bo->storage));
	KUNIT_EXPECT_EQ(test, pieces.notified, 0);
	dma_buf_detach(pieces.dmabuf, attach);
	pieces_fini(&pieces);
}

static phys_addr_t first_mapped(struct pieces *pieces, struct sg_table *sgt)
{
	return dma_to_phys(pieces->dev, sg_dma_address(sgt->sgl));
}

/* Rule: negotiate must not notify, so that a mapped buffer stays. The next map follows a move. */
static void mapped_buffer_stays(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct pieces pieces;
	struct sg_table *sgt;

	pieces_init(test, &pieces, LENGTH);
	remove_bounce_buffers(pieces.dev);
	attach = attach_dynamic(test, &pieces);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_EQ(test, first_mapped(&pieces, sgt), page_to_phys(pieces.before->pages[0]));
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_EQ(test, try_attach(&pieces, LENGTH), 0);
	KUNIT_EXPECT_TRUE(test, is_adjacent(pieces.bo->storage));
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, first_mapped(&pieces, sgt),
			page_to_phys(pieces.bo->storage->pages[0]));
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, pieces.notified, 0);
	dma_buf_detach(pieces.dmabuf, attach);
	pieces_fini(&pieces);
}

/* A bounce buffer would hold a page, and so not a buffer in one piece. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = U64_MAX,
		.bounce = PAGE_SIZE,
	};
}

static void pieces_init_masked(struct kunit *test, struct pieces *pieces, u64 mask)
{
	pieces_init(test, pieces, LENGTH);
	remove_bounce_buffers(pieces->dev);
	*pieces->dev->dma_mask = mask;
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
}

static bool is_in_reach(const struct display_storage *storage, u64 mask)
{
	unsigned long i;

	for (i = 0; i < storage->num_pages; i++)
		if (page_to_phys(storage->pages[i]) > mask)
			return false;
	return true;
}

/* Tells whether the lowest zone of the page allocator ends where a mask does. */
static bool has_zone_below(u64 mask)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_DMA);
	bool below = page && page_to_phys(page) <= mask;

	if (page)
		__free_page(page);
	return below;
}

/* Rule: a buffer that is out of reach moves to a lower zone. */
static void buffer_moves_into_reach(struct kunit *test)
{
	const u64 mask = DMA_BIT_MASK(24);
	struct pieces pieces;

	if (!has_zone_below(mask))
		kunit_skip(test, "no zone ends at 16 MiB");
	pieces_init_masked(test, &pieces, mask);
	KUNIT_EXPECT_FALSE(test, is_in_reach(pieces.before, mask));
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, PAGE_SIZE), 0);
	KUNIT_EXPECT_PTR_NE(test, pieces.bo->storage, pieces.before);
	KUNIT_EXPECT_TRUE(test, is_in_reach(pieces.bo->storage, mask));
	pieces_fini(&pieces);
}

/* Rule: without a zone in reach, the buffer stays and what was stated is refused. */
static void buffer_out_of_reach_is_refused(struct kunit *test)
{
	struct pieces pieces;

	pieces_init_masked(test, &pieces, PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, pieces.bo->storage, pieces.before);
	pieces_fini(&pieces);
}

static bool cannot_map(struct device *dev, struct sg_table *sgt)
{
	return false;
}

/* Rule: the DMA API is not asked to map what it would warn of. */
static void map_out_of_reach_is_refused(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct pieces pieces;

	pieces_init(test, &pieces, LENGTH);
	kunit_activate_static_stub(test, dma_buf_needs_can_map, cannot_map);
	KUNIT_EXPECT_EQ(test, try_attach(&pieces, 0), -EIO);
	attach = attach_dynamic(test, &pieces);
	KUNIT_EXPECT_EQ(test, -EIO,
			PTR_ERR_OR_ZERO(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	KUNIT_EXPECT_TRUE(test, list_empty(&pieces.bo->mappings));
	KUNIT_EXPECT_EQ(test, pieces.bo->pin_count, 0);
	dma_buf_detach(pieces.dmabuf, attach);
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
	KUNIT_CASE(pinned_buffer_stays),
	KUNIT_CASE(mapped_buffer_stays),
	KUNIT_CASE(buffer_moves_into_reach),
	KUNIT_CASE(buffer_out_of_reach_is_refused),
	KUNIT_CASE(map_out_of_reach_is_refused),
	KUNIT_CASE(too_long_buffer_is_refused),
	{}
};

static struct kunit_suite display_negotiate_suite = {
	.name = "dmabuf_sample_display_negotiate",
	.test_cases = display_negotiate_cases,
};

kunit_test_suite(display_negotiate_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
