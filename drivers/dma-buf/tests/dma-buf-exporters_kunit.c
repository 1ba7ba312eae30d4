// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of exporters of V4L2 and DRM that cannot choose their memory: videobuf2-dma-sg and the
 * shmem helper. They must tell which memory is going to be bounced, and refuse nothing but what an
 * importer states.
 *
 * The importing devices are dma-direct and have no IOMMU, whatever the machine has.
 */

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_kunit_helpers.h>
#include <kunit/static_stub.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-direct.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <media/videobuf2-dma-sg.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"
#include "tracer.h"

#define SIZE		(SZ_64K + PAGE_SIZE)
/* No page of a buffer is in reach; every one is. */
#define MASK_NONE	(PAGE_SIZE - 1ULL)
#define MASK_ALL	DMA_BIT_MASK(60)

/* The driver data is the longest piece that can be bounced. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = U64_MAX,
		.bounce = (size_t)dev_get_drvdata(dev),
	};
}

static void put_vb2_memory(void *memory)
{
	vb2_dma_sg_memops.put(memory);
}

static struct dma_buf *export_vb2(struct kunit *test)
{
	struct vb2_buffer *vb = kunit_kzalloc(test, sizeof(*vb), GFP_KERNEL);
	struct vb2_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);
	void *memory;

	KUNIT_ASSERT_NOT_NULL(test, vb);
	KUNIT_ASSERT_NOT_NULL(test, queue);
	queue->dma_dir = DMA_FROM_DEVICE;
	vb->vb2_queue = queue;
	memory = vb2_dma_sg_memops.alloc(vb, mock_device_masked(test, MASK_ALL), SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memory);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_vb2_memory, memory));
	return vb2_dma_sg_memops.get_dmabuf(vb, memory, O_RDWR);
}

DEFINE_DRM_GEM_FOPS(drm_fops);

static const struct drm_driver drm_driver = {
	.driver_features = DRIVER_GEM,
	.fops = &drm_fops,
};

static void put_gem_object(void *obj)
{
	drm_gem_object_put(obj);
}

static struct dma_buf *export_shmem(struct kunit *test)
{
	struct device *dev = drm_kunit_helper_alloc_device(test);
	struct drm_gem_shmem_object *shmem;
	struct drm_device *drm;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	drm = __drm_kunit_helper_alloc_drm_device_with_driver(test, dev, sizeof(*drm), 0,
							      &drm_driver);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, drm);
	shmem = drm_gem_shmem_create(drm, SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shmem);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_gem_object, &shmem->base));
	return drm_gem_prime_export(&shmem->base, O_RDWR);
}

static const struct exporter {
	const char *desc;
	struct dma_buf *(*export)(struct kunit *test);
} exporters[] = {
	{ "videobuf2-dma-sg", export_vb2 },
	{ "shmem helper", export_shmem },
};

KUNIT_ARRAY_PARAM_DESC(exporter, exporters, desc);

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
	mock_flush();
}

static struct dma_buf *export(struct kunit *test)
{
	const struct exporter *exporter = test->param_value;
	struct dma_buf *dmabuf = exporter->export(test);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_buffer, dmabuf));
	KUNIT_ASSERT_EQ(test, dmabuf->size, SIZE);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return dmabuf;
}

static struct dma_buf_attachment *attach_device(struct kunit *test, struct dma_buf *dmabuf,
						u64 mask, size_t bounce, size_t contiguous)
{
	const struct dma_buf_needs stated = { .contiguous = contiguous };
	struct device *dev = mock_device_masked(test, mask);

	dev_set_drvdata(dev, (void *)bounce);
	return dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, contiguous ? &stated : NULL);
}

/* Attach and detach a device. Return the errno. */
static int try_device(struct kunit *test, struct dma_buf *dmabuf, u64 mask, size_t bounce,
		      size_t contiguous)
{
	struct dma_buf_attachment *attach;

	attach = attach_device(test, dmabuf, mask, bounce, contiguous);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(dmabuf, attach);
	return 0;
}

/* With CONFIG_DMABUF_DEBUG the table has no pages, so the addresses tell. */
static struct dma_buf_run first_run_of(struct device *dev, const struct sg_table *sgt)
{
	phys_addr_t phys = dma_to_phys(dev, sg_dma_address(sgt->sgl));
	struct dma_buf_run run = { .pfn = PHYS_PFN(phys) };
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (PHYS_PFN(dma_to_phys(dev, sg_dma_address(sg))) != run.pfn + run.nr_pages)
			break;
		run.nr_pages += sg_dma_len(sg) >> PAGE_SHIFT;
	}
	return run;
}

/*
 * Return the first run of the memory, as a device that reaches all finds it. It only reads: DMA
 * debugging warns about a second device that writes.
 */
static struct dma_buf_run first_run(struct kunit *test, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach = attach_device(test, dmabuf, MASK_ALL, 0, 0);
	struct dma_buf_run run = {};
	struct sg_table *sgt;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, sgt);
	if (!IS_ERR_OR_NULL(sgt)) {
		run = first_run_of(attach->dev, sgt);
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	}
	dma_buf_detach(dmabuf, attach);
	return run;
}

/* As in 6.12 the device attaches, whether its memory can be bounced or not. */
static void expect_out_of_reach(struct kunit *test, size_t bounce, int ret)
{
	struct dma_buf *dmabuf = export(test);
	struct dma_buf_run run = first_run(test, dmabuf);
	struct mock_tracer *tracer = tracer_start(test, NULL);
	struct traced *traced = &tracer->events[EVENT_NEGOTIATE];

	KUNIT_EXPECT_EQ(test, try_device(test, dmabuf, MASK_NONE, bounce, 0), 0);
	KUNIT_EXPECT_EQ(test, traced->count, 1);
	KUNIT_EXPECT_PTR_EQ(test, traced->dmabuf, dmabuf);
	KUNIT_EXPECT_EQ(test, traced->ret, ret);
	KUNIT_EXPECT_EQ(test, traced->misfit.need, DMA_BUF_NEED_REACH);
	KUNIT_EXPECT_EQ(test, traced->wanted, MASK_NONE);
	KUNIT_EXPECT_EQ(test, traced->misfit.had, PFN_PHYS(run.pfn + run.nr_pages) - 1);
	KUNIT_EXPECT_FALSE(test, traced->replaced);
}

static void bounced_memory_is_reported(struct kunit *test)
{
	expect_out_of_reach(test, SZ_256K, 0);
}

static void memory_that_cannot_be_mapped_is_reported(struct kunit *test)
{
	expect_out_of_reach(test, 0, -EOPNOTSUPP);
}

static void memory_in_reach_is_not_reported(struct kunit *test)
{
	struct dma_buf *dmabuf = export(test);
	struct mock_tracer *tracer = tracer_start(test, NULL);
	struct traced *traced = &tracer->events[EVENT_NEGOTIATE];

	KUNIT_EXPECT_EQ(test, try_device(test, dmabuf, MASK_ALL, SZ_256K, 0), 0);
	KUNIT_EXPECT_EQ(test, traced->count, 1);
	KUNIT_EXPECT_EQ(test, traced->ret, 0);
	KUNIT_EXPECT_EQ(test, traced->misfit.need, DMA_BUF_NEED_NONE);
}

static void contiguous_bytes_are_met_or_refused(struct kunit *test)
{
	struct dma_buf *dmabuf = export(test);
	size_t bytes = first_run(test, dmabuf).nr_pages << PAGE_SHIFT;
	struct mock_tracer *tracer = tracer_start(test, NULL);
	struct traced *traced = &tracer->events[EVENT_NEGOTIATE];

	KUNIT_EXPECT_EQ(test, try_device(test, dmabuf, MASK_ALL, 0, bytes), 0);
	if (bytes == SIZE)
		kunit_skip(test, "the memory happens to be contiguous");
	KUNIT_EXPECT_EQ(test, try_device(test, dmabuf, MASK_ALL, 0, SIZE), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, traced->ret, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, traced->misfit.need, DMA_BUF_NEED_CONTIGUOUS);
	KUNIT_EXPECT_EQ(test, traced->wanted, SIZE);
	KUNIT_EXPECT_EQ(test, traced->misfit.had, bytes);
	KUNIT_EXPECT_EQ(test, try_device(test, dmabuf, MASK_NONE, SZ_256K, SIZE), -EOPNOTSUPP);
}

static struct kunit_case dma_buf_exporters_cases[] = {
	KUNIT_CASE_PARAM(bounced_memory_is_reported, exporter_gen_params),
	KUNIT_CASE_PARAM(memory_that_cannot_be_mapped_is_reported, exporter_gen_params),
	KUNIT_CASE_PARAM(memory_in_reach_is_not_reported, exporter_gen_params),
	KUNIT_CASE_PARAM(contiguous_bytes_are_met_or_refused, exporter_gen_params),
	{}
};

static struct kunit_suite dma_buf_exporters_suite = {
	.name = "dma_buf_exporters",
	.init = mock_init,
	.test_cases = dma_buf_exporters_cases,
};

kunit_test_suite(dma_buf_exporters_suite);
