// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examples of the documentation: an importer that states what it needs, and an exporter that
 * negotiates. See doc_samples_kunit.c.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"

#define NR_PAGES	4

/* sample: state */
/* The device is given one address for all bytes of the plane. */
static struct dma_buf_attachment *attach_plane(struct dma_buf *dmabuf, struct device *dev,
					       size_t plane_size)
{
	const struct dma_buf_needs needs = { .contiguous = plane_size };

	return dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, &needs);
}

/* end sample */

/* sample: negotiate */
/* The memory of a buffer. The reservation lock guards it. */
struct negotiated {
	unsigned int nr_pages;
	unsigned int users;		/* device and kernel mappings */
	struct dma_buf_run *pages;	/* a run for each page */
};

static void free_runs(struct dma_buf_run *pages, unsigned int nr_pages)
{
	for (unsigned int i = 0; i < nr_pages; i++)
		__free_page(pfn_to_page(pages[i].pfn));
	kfree(pages);
}

/* Adjacent pages, which can be freed one by one. */
static struct dma_buf_run *alloc_adjacent(unsigned int nr_pages)
{
	struct dma_buf_run *pages = kcalloc(nr_pages, sizeof(*pages), GFP_KERNEL);
	void *first;

	if (!pages)
		return NULL;
	first = alloc_pages_exact((size_t)nr_pages << PAGE_SHIFT, GFP_KERNEL | __GFP_NOWARN);
	if (!first) {
		kfree(pages);
		return NULL;
	}
	for (unsigned int i = 0; i < nr_pages; i++)
		pages[i] = (struct dma_buf_run){ page_to_pfn(virt_to_page(first)) + i, 1 };
	return pages;
}

static bool is_better(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		      const struct dma_buf_run *to)
{
	const struct negotiated *memory = dmabuf->priv;

	return dma_buf_fits(dmabuf, must, true, to, memory->nr_pages, NULL) &&
	       dma_buf_keeps_reach(dmabuf, memory->pages, memory->nr_pages, to, memory->nr_pages);
}

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	struct negotiated *memory = dmabuf->priv;
	struct dma_buf_run *new;
	bool better;

	/* Most of what does not meet want is bounced. */
	if (dma_buf_fits(dmabuf, must, true, memory->pages, memory->nr_pages, NULL))
		return 0;
	if (memory->users)
		return -EBUSY;
	new = alloc_adjacent(memory->nr_pages);
	if (!new)
		return -EBUSY;

	better = is_better(dmabuf, must, new);
	if (better) {
		for (unsigned int i = 0; i < memory->nr_pages; i++)
			copy_highpage(pfn_to_page(new[i].pfn), pfn_to_page(memory->pages[i].pfn));
		swap(memory->pages, new);
		dma_buf_note_replaced(dmabuf);
	}
	free_runs(new, memory->nr_pages);
	/* Other memory of this exporter is no better. */
	return better ? 0 : -EOPNOTSUPP;
}

/* end sample */

static struct sg_table *map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		  enum dma_data_direction dir)
{
}

static void release(struct dma_buf *dmabuf)
{
	struct negotiated *memory = dmabuf->priv;

	free_runs(memory->pages, memory->nr_pages);
	kfree(memory);
}

static const struct dma_buf_ops negotiating_ops = {
	.negotiate = negotiate,
	.map_dma_buf = map,
	.unmap_dma_buf = unmap,
	.release = release,
};

static void *page_of(const struct negotiated *memory, unsigned int i)
{
	return page_address(pfn_to_page(memory->pages[i].pfn));
}

static struct dma_buf_dma_facts direct_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){ .dma = DMA_BUF_DMA_DIRECT, .limit = U64_MAX };
}

/* Make a buffer with pages in the wrong order, so that they are not contiguous. */
static struct dma_buf *export_negotiated(struct kunit *test)
{
	struct negotiated *memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	memory->nr_pages = NR_PAGES;
	memory->pages = alloc_adjacent(NR_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, memory->pages);
	swap(memory->pages[0], memory->pages[1]);
	for (unsigned int i = 0; i < NR_PAGES; i++)
		memset(page_of(memory, i), i + 1, PAGE_SIZE);

	info.ops = &negotiating_ops;
	info.size = NR_PAGES * PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = memory;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, direct_facts);
	return dmabuf;
}

/* Attach and detach. Returns the error. */
static int try_plane(struct kunit *test, struct dma_buf *dmabuf, size_t plane_size)
{
	struct dma_buf_attachment *attach = attach_plane(dmabuf, mock_device(test), plane_size);

	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(dmabuf, attach);
	return 0;
}

static void plane_gets_contiguous_memory(struct kunit *test)
{
	struct dma_buf *dmabuf = export_negotiated(test);
	struct negotiated *memory = dmabuf->priv;

	KUNIT_EXPECT_EQ(test, try_plane(test, dmabuf, PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, memory->pages[1].pfn, memory->pages[0].pfn + 1);
	KUNIT_EXPECT_EQ(test, try_plane(test, dmabuf, NR_PAGES * PAGE_SIZE), 0);
	for (unsigned int i = 0; i < NR_PAGES; i++) {
		KUNIT_EXPECT_EQ(test, memory->pages[i].pfn, memory->pages[0].pfn + i);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_of(memory, i), i + 1, PAGE_SIZE));
	}
	dma_buf_put(dmabuf);
	mock_flush();
}

static void used_memory_stays(struct kunit *test)
{
	struct dma_buf *dmabuf = export_negotiated(test);
	struct negotiated *memory = dmabuf->priv;
	const struct dma_buf_run *before = memory->pages;

	memory->users = 1;
	KUNIT_EXPECT_EQ(test, try_plane(test, dmabuf, NR_PAGES * PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, memory->pages, before);
	dma_buf_put(dmabuf);
	mock_flush();
}

static struct kunit_case dma_buf_doc_samples_negotiate_cases[] = {
	KUNIT_CASE(plane_gets_contiguous_memory),
	KUNIT_CASE(used_memory_stays),
	{}
};

static struct kunit_suite dma_buf_doc_samples_negotiate_suite = {
	.name = "dma_buf_doc_samples_negotiate",
	.init = mock_init,
	.test_cases = dma_buf_doc_samples_negotiate_cases,
};

kunit_test_suite(dma_buf_doc_samples_negotiate_suite);
