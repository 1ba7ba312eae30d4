// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the facts of a device behind a real IOMMU, which translates its addresses or passes
 * them through.
 *
 * Any PCI device that has an IOMMU will do. A machine that has none such skips the case.
 */

#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pci.h>

#include "../needs/dma-buf-needs-private.h"

static void put_device_action(void *pdev)
{
	pci_dev_put(pdev);
}

/* Return a PCI device whose IOMMU translates, or lets its addresses through. */
static struct pci_dev *device_behind(struct kunit *test, bool translates)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		struct iommu_domain *domain = iommu_get_domain_for_dev(&pdev->dev);

		if (!domain || iommu_is_dma_domain(domain) != translates)
			continue;
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_device_action, pdev));
		return pdev;
	}
	kunit_skip(test, "no PCI device has such an IOMMU");
}

static void facts_of_a_translated_device(struct kunit *test)
{
	struct device *dev = &device_behind(test, true)->dev;
	struct dma_buf_dma_facts facts = dma_buf_needs_get_facts(dev);

	KUNIT_EXPECT_EQ(test, facts.dma, DMA_BUF_DMA_IOMMU);
	KUNIT_EXPECT_EQ(test, facts.granule,
			1UL << __ffs(iommu_get_domain_for_dev(dev)->pgsize_bitmap));
	KUNIT_EXPECT_EQ(test, facts.boundary, dma_get_seg_boundary(dev));
	KUNIT_EXPECT_EQ(test, facts.limit, 0);
	KUNIT_EXPECT_EQ(test, facts.bounce, 0);
	KUNIT_EXPECT_FALSE(test, facts.apart);
}

/* dma-iommu maps its segments one by one. */
static void facts_of_an_untrusted_device(struct kunit *test)
{
	struct pci_dev *pdev = device_behind(test, true);
	bool untrusted = pdev->untrusted;
	struct dma_buf_dma_facts facts;
	phys_addr_t start, last;

	pdev->untrusted = true;
	facts = dma_buf_needs_get_facts(&pdev->dev);
	pdev->untrusted = untrusted;
	KUNIT_EXPECT_EQ(test, facts.dma, DMA_BUF_DMA_IOMMU);
	KUNIT_EXPECT_EQ(test, facts.apart, IS_ENABLED(CONFIG_SWIOTLB));
	KUNIT_EXPECT_EQ(test, facts.bounce, dma_buf_needs_get_pool(&pdev->dev, &start, &last));
}

/* The IOMMU does not make its addresses. */
static void facts_of_a_passed_through_device(struct kunit *test)
{
	struct pci_dev *pdev = device_behind(test, false);
	struct dma_buf_dma_facts facts = dma_buf_needs_get_facts(&pdev->dev);

	KUNIT_EXPECT_EQ(test, facts.dma, DMA_BUF_DMA_DIRECT);
	KUNIT_EXPECT_EQ(test, facts.limit, min_not_zero(*pdev->dev.dma_mask,
							pdev->dev.bus_dma_limit));
	KUNIT_EXPECT_EQ(test, facts.granule, 0);
}

static struct kunit_case dma_buf_needs_iommu_cases[] = {
	KUNIT_CASE(facts_of_a_translated_device),
	KUNIT_CASE(facts_of_an_untrusted_device),
	{}
};

static struct kunit_suite dma_buf_needs_iommu_suite = {
	.name = "dma_buf_needs_iommu",
	.test_cases = dma_buf_needs_iommu_cases,
};

static struct kunit_case dma_buf_needs_passthrough_cases[] = {
	KUNIT_CASE(facts_of_a_passed_through_device),
	{}
};

static struct kunit_suite dma_buf_needs_passthrough_suite = {
	.name = "dma_buf_needs_passthrough",
	.test_cases = dma_buf_needs_passthrough_cases,
};

kunit_test_suites(&dma_buf_needs_iommu_suite, &dma_buf_needs_passthrough_suite);
