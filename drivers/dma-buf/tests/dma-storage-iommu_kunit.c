// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the addresses that a device behind an IOMMU gets, with a real IOMMU.
 *
 * Any PCI device that has an IOMMU will do, because nothing transfers data: the IOMMU's page
 * tables are asked what each address is. On a machine without one all cases are skipped.
 */

#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "storage.h"

/**
 * struct iommu_row - the memory of a buffer, and the direction of its mapping
 * @desc: description
 * @runs: number of runs
 * @pages: pages of each run
 * @dir: direction
 */
struct iommu_row {
	const char *desc;
	unsigned int runs;
	unsigned int pages;
	enum dma_data_direction dir;
};

static const struct iommu_row iommu_rows[] = {
	{ "one page", 1, 1, DMA_BIDIRECTIONAL },
	{ "runs of one page", MOCK_STORAGE_RUNS, 1, DMA_BIDIRECTIONAL },
	{ "runs of 1 MiB", 4, SZ_1M >> PAGE_SHIFT, DMA_BIDIRECTIONAL },
	{ "runs of 1 MiB, device reads", 4, SZ_1M >> PAGE_SHIFT, DMA_TO_DEVICE },
	{ "runs of 1 MiB, device writes", 4, SZ_1M >> PAGE_SHIFT, DMA_FROM_DEVICE },
};

KUNIT_ARRAY_PARAM_DESC(iommu, iommu_rows, desc);

static void iommu_put_device(void *pdev)
{
	pci_dev_put(pdev);
}

static bool iommu_translates(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && iommu_is_dma_domain(domain);
}

static struct device *iommu_device(struct kunit *test)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (!iommu_translates(&pdev->dev))
			continue;
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, iommu_put_device, pdev));
		return &pdev->dev;
	}
	kunit_skip(test, "needs a PCI device behind an IOMMU");
}

static void iommu_detach(void *attach)
{
	dma_buf_detach(((struct dma_buf_attachment *)attach)->dmabuf, attach);
}

static struct dma_buf_attachment *iommu_attach(struct kunit *test, struct dma_buf *dmabuf,
					       struct device *dev)
{
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, iommu_detach, attach));
	return attach;
}

/* Expect that the addresses of a table are those of the pages of a storage, in their order. */
static void iommu_expect_pages(struct kunit *test, struct dma_buf_attachment *attach,
			       struct sg_table *sgt, const struct dma_storage *storage)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(attach->dev);
	unsigned long page = 0, wrong = 0;
	struct scatterlist *sg;
	unsigned int i, at;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		for (at = 0; at < sg_dma_len(sg) && page < storage->nr_pages; at += PAGE_SIZE)
			wrong += iommu_iova_to_phys(domain, sg_dma_address(sg) + at) !=
				 PFN_PHYS(mock_storage_pfn(storage, page++));
		KUNIT_EXPECT_EQ(test, at, sg_dma_len(sg));
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, page, storage->nr_pages);
}

static void iommu_expect_mapping(struct kunit *test, struct dma_buf_attachment *attach,
				 enum dma_data_direction dir, const struct dma_storage *storage)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, dir);
	dma_addr_t first;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	iommu_expect_pages(test, attach, sgt, storage);
	first = sg_dma_address(sgt->sgl);
	dma_buf_unmap_attachment_unlocked(attach, sgt, dir);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(iommu_get_domain_for_dev(attach->dev), first), 0);
}

static void addresses_are_those_of_the_pages(struct kunit *test)
{
	struct device *dev = iommu_device(test);
	const struct iommu_row *row = test->param_value;
	struct mock_storage *storage = mock_storage(test, row->runs, row->pages);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	struct dma_buf_attachment *attach = iommu_attach(test, dmabuf, dev);

	iommu_expect_mapping(test, attach, row->dir, &storage->base);
	iommu_expect_mapping(test, attach, row->dir, &storage->base);
}

/* The table of the old pages is kept until the next map. */
static void addresses_follow_a_replacement(struct kunit *test)
{
	struct device *dev = iommu_device(test);
	const struct iommu_row *row = test->param_value;
	struct mock_storage *old = mock_storage(test, row->runs, row->pages);
	struct mock_storage *new = mock_storage(test, row->runs, row->pages);
	struct dma_buf *dmabuf = mock_storage_buffer(test, old);
	struct dma_buf_attachment *attach = iommu_attach(test, dmabuf, dev);

	iommu_expect_mapping(test, attach, row->dir, &old->base);
	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, new));
	iommu_expect_mapping(test, attach, row->dir, &new->base);
}

static struct kunit_case dma_storage_iommu_cases[] = {
	KUNIT_CASE_PARAM(addresses_are_those_of_the_pages, iommu_gen_params),
	KUNIT_CASE_PARAM(addresses_follow_a_replacement, iommu_gen_params),
	{}
};

static struct kunit_suite dma_storage_iommu_suite = {
	.name = "dma_storage_iommu",
	.init = mock_init,
	.test_cases = dma_storage_iommu_cases,
};

kunit_test_suite(dma_storage_iommu_suite);
