// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of the device, its interrupt and its transfers.
 *
 * The device copies between memory and a buffer of its own. A transfer takes 100 ms, and the
 * device cannot abort it. QEMU describes the device in docs/specs/edu.
 */

#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>

#include "edu.h"

#define EDU_ID			0x00
#define EDU_ID_MASK		0xff
#define EDU_ID_VALUE		0xed
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_MEMORY	BIT(1)
#define EDU_DMA_INTERRUPT	BIT(2)
/* Address of the device's buffer. */
#define EDU_BUFFER		0x40000
/* Reason of an interrupt: a transfer has ended. */
#define EDU_IRQ_DMA		0x100

/* Fences must signal in bounded time, so a transfer may not take longer. */
#define EDU_TIMEOUT		(10 * HZ)

static irqreturn_t edu_hw_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = ioread32(edu->regs + EDU_IRQ_STATUS);

	/* The line can be shared. Registers of a device that is unplugged read as ones. */
	if (!status || status == ~0U)
		return IRQ_NONE;
	iowrite32(status, edu->regs + EDU_IRQ_ACK);
	if (status & EDU_IRQ_DMA)
		complete(&edu->transferred);
	return IRQ_HANDLED;
}

/*
 * A device that does not answer could still write to memory later, so it loses its access to
 * the bus, and is not used again.
 */
static int edu_hw_transfer(struct edu *edu, u32 source, u32 destination, u32 bytes, u32 command)
{
	if (edu->broken)
		return -EIO;
	reinit_completion(&edu->transferred);
	iowrite32(source, edu->regs + EDU_DMA_SOURCE);
	iowrite32(destination, edu->regs + EDU_DMA_DESTINATION);
	iowrite32(bytes, edu->regs + EDU_DMA_COUNT);
	iowrite32(command | EDU_DMA_START | EDU_DMA_INTERRUPT, edu->regs + EDU_DMA_COMMAND);
	if (wait_for_completion_timeout(&edu->transferred, EDU_TIMEOUT))
		return 0;
	dev_err(edu->dev, "transfer has not ended\n");
	pci_clear_master(to_pci_dev(edu->dev));
	edu->broken = true;
	return -EIO;
}

/* Read memory into the device's buffer. May sleep. */
int edu_hw_read(struct edu *edu, dma_addr_t source, u32 bytes)
{
	return edu_hw_transfer(edu, source, EDU_BUFFER, bytes, 0);
}

/* Write the device's buffer to memory. May sleep. */
int edu_hw_write(struct edu *edu, dma_addr_t destination, u32 bytes)
{
	return edu_hw_transfer(edu, EDU_BUFFER, destination, bytes, EDU_DMA_TO_MEMORY);
}

/*
 * Exporters read the DMA mask and the longest segment when the device is attached. Segments
 * may have any length, because each is copied in steps.
 */
int edu_hw_init(struct edu *edu, unsigned int dma_bits)
{
	struct pci_dev *pdev = to_pci_dev(edu->dev);
	int ret;

	init_completion(&edu->transferred);
	ret = pcim_enable_device(pdev);
	if (!ret)
		ret = pcim_iomap_regions(pdev, BIT(0), "dmabuf_sample_edu");
	if (!ret)
		ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(dma_bits));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	edu->regs = pcim_iomap_table(pdev)[0];
	if ((ioread32(edu->regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI | PCI_IRQ_INTX);
	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), edu_hw_interrupt, IRQF_SHARED,
			  "dmabuf_sample_edu", edu);
	if (ret) {
		pci_free_irq_vectors(pdev);
		return ret;
	}
	pci_set_master(pdev);
	return 0;
}

/* No transfer may run. */
void edu_hw_fini(struct edu *edu)
{
	struct pci_dev *pdev = to_pci_dev(edu->dev);

	pci_clear_master(pdev);
	free_irq(pci_irq_vector(pdev, 0), edu);
	pci_free_irq_vectors(pdev);
}
