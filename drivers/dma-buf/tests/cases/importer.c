// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer that a program operates, for the program cases.
 *
 * The parameters "import" and "hold" are two devices. A descriptor that is written to one is
 * attached to the device and mapped. -1 unmaps and detaches. What is read tells the outcome:
 *
 *   attach=0 map=0 entries=8 longest=262144 bytes=2097152 last=0x3fffffff bounce=262144
 *   word=0x5a5a0000 wrong=0
 *
 * (It is one line.) The last two are what the device reads at its DMA addresses: the first word of
 * the buffer, and how many pages do not begin with that word plus their number.
 *
 * The other parameters describe the device "import". "hold" reaches 64 bits and states nothing.
 */

#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>

#include "importer.h"

static unsigned int bits = 64;
module_param(bits, uint, 0444);
MODULE_PARM_DESC(bits, "address bits of the device");
static unsigned int segment;
module_param(segment, uint, 0444);
MODULE_PARM_DESC(segment, "longest segment in bytes; 0 for any");
static bool translated;
module_param(translated, bool, 0444);
MODULE_PARM_DESC(translated, "use a PCI device behind an IOMMU");
static unsigned int contiguous;
module_param(contiguous, uint, 0644);
MODULE_PARM_DESC(contiguous, "contiguous bytes that the importer states; 0 for none");

/**
 * struct importer - a device, and the buffer that it has imported
 * @pdev: the device if it is a platform device
 * @pci: the device if it is a PCI device
 * @dev: either; NULL before the module is loaded
 * @attach: the attachment, NULL without a buffer, or an errno
 * @sgt: table of the mapping, NULL without one, or an errno
 */
struct importer {
	struct platform_device *pdev;
	struct pci_dev *pci;
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

/* The lock of the module's parameters protects both. */
static struct importer import, hold;

static void importer_release(struct importer *imp)
{
	struct dma_buf *dmabuf;

	if (!IS_ERR_OR_NULL(imp->sgt))
		dma_buf_unmap_attachment_unlocked(imp->attach, imp->sgt, DMA_BIDIRECTIONAL);
	imp->sgt = NULL;
	if (!IS_ERR_OR_NULL(imp->attach)) {
		dmabuf = imp->attach->dmabuf;
		dma_buf_detach(dmabuf, imp->attach);
		dma_buf_put(dmabuf);
	}
	imp->attach = NULL;
}

/* The attachment keeps the reference of the buffer. */
static int importer_take(struct importer *imp, int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	imp->attach = importer_attach_stated(dmabuf, imp->dev, imp == &import ? contiguous : 0);
	if (IS_ERR(imp->attach)) {
		dma_buf_put(dmabuf);
		return 0;
	}
	imp->sgt = dma_buf_map_attachment_unlocked(imp->attach, DMA_BIDIRECTIONAL);
	return 0;
}

static int importer_set(const char *text, const struct kernel_param *param)
{
	struct importer *imp = param->arg;
	int fd, ret = kstrtoint(text, 0, &fd);

	if (ret)
		return ret;
	if (!imp->dev)
		return -ENODEV;
	importer_release(imp);
	return fd < 0 ? 0 : importer_take(imp, fd);
}

/* Return what the device accesses at a DMA address, or NULL for nothing. */
static const u32 *importer_memory(struct device *dev, dma_addr_t addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	phys_addr_t phys;

	if (domain && iommu_is_dma_domain(domain))
		phys = iommu_iova_to_phys(domain, addr);
	else
		phys = dma_to_phys(dev, addr);
	return phys ? phys_to_virt(phys) : NULL;
}

/**
 * struct importer_view - what a device has of a buffer
 * @entries: number of segments
 * @longest: length of the longest segment
 * @bytes: sum of the lengths
 * @last: last DMA address
 * @word: first word
 * @wrong: pages that do not begin with @word plus their number
 */
struct importer_view {
	unsigned int entries;
	unsigned int longest;
	u64 bytes;
	u64 last;
	u32 word;
	unsigned long wrong;
};

static void importer_look(const struct importer *imp, struct importer_view *view)
{
	struct scatterlist *sg;
	unsigned int i, at;

	for_each_sgtable_dma_sg(imp->sgt, sg, i) {
		for (at = 0; at < sg_dma_len(sg); at += PAGE_SIZE, view->bytes += PAGE_SIZE) {
			const u32 *word = importer_memory(imp->dev, sg_dma_address(sg) + at);

			if (word && !view->bytes)
				view->word = READ_ONCE(*word);
			view->wrong += !word || READ_ONCE(*word) !=
				       view->word + (u32)(view->bytes >> PAGE_SHIFT);
		}
		view->entries++;
		view->longest = max(view->longest, sg_dma_len(sg));
		view->last = max_t(u64, view->last, sg_dma_address(sg) + sg_dma_len(sg) - 1);
	}
}

static int importer_get(char *text, const struct kernel_param *param)
{
	struct importer *imp = param->arg;
	struct importer_view view = {};
	int len;

	if (!imp->dev)
		return -ENODEV;
	if (!IS_ERR_OR_NULL(imp->sgt))
		importer_look(imp, &view);
	len = sysfs_emit(text, "attach=%d map=%d ", PTR_ERR_OR_ZERO(imp->attach),
			 PTR_ERR_OR_ZERO(imp->sgt));
	len += sysfs_emit_at(text, len, "entries=%u longest=%u bytes=%llu last=%#llx ",
			     view.entries, view.longest, view.bytes, view.last);
	len += sysfs_emit_at(text, len, "bounce=%zu word=%#x wrong=%lu\n",
			     dma_max_mapping_size(imp->dev), view.word, view.wrong);
	return len;
}

static const struct kernel_param_ops importer_ops = {
	.set = importer_set,
	.get = importer_get,
};

module_param_cb(import, &importer_ops, &import, 0644);
MODULE_PARM_DESC(import, "descriptor of the buffer that the device maps; -1 for none");
module_param_cb(hold, &importer_ops, &hold, 0644);
MODULE_PARM_DESC(hold, "descriptor of the buffer that another device maps; -1 for none");

/* As the driver of a device does, set the mask. */
static int importer_make_device(struct importer *imp, const char *name, u64 mask)
{
	struct platform_device_info info = { .name = name, .id = -1, .dma_mask = mask };

	imp->pdev = platform_device_register_full(&info);
	if (IS_ERR(imp->pdev))
		return PTR_ERR(imp->pdev);
	imp->dev = &imp->pdev->dev;
	return dma_set_mask_and_coherent(imp->dev, mask);
}

/* Nothing transfers data, so any device will do. */
static int importer_find_device(struct importer *imp)
{
	struct iommu_domain *domain;
	struct pci_dev *pci = NULL;

	for_each_pci_dev(pci) {
		domain = iommu_get_domain_for_dev(&pci->dev);
		if (!domain || !iommu_is_dma_domain(domain))
			continue;
		imp->pci = pci;
		imp->dev = &pci->dev;
		return 0;
	}
	return -ENODEV;
}

static void importer_remove_device(struct importer *imp)
{
	importer_release(imp);
	if (!IS_ERR_OR_NULL(imp->pdev))
		platform_device_unregister(imp->pdev);
	pci_dev_put(imp->pci);
}

static void importer_exit(void)
{
	importer_remove_device(&hold);
	importer_remove_device(&import);
}

static int importer_add_devices(void)
{
	int ret;

	if (translated)
		ret = importer_find_device(&import);
	else
		ret = importer_make_device(&import, "import", DMA_BIT_MASK(bits));
	if (ret)
		return ret;
	dma_set_max_seg_size(import.dev, segment ?: UINT_MAX);
	ret = importer_make_device(&hold, "hold", DMA_BIT_MASK(64));
	if (!ret)
		dma_set_max_seg_size(hold.dev, UINT_MAX);
	return ret;
}

static int __init importer_init(void)
{
	int ret = importer_add_devices();

	if (ret)
		importer_exit();
	return ret;
}
module_init(importer_init);
module_exit(importer_exit);

MODULE_DESCRIPTION("An importer of dma-bufs that a program operates");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
