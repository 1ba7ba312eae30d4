// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importing: the camera writes frames into memory of another driver.
 *
 * An importer takes these steps, and undoes them in reverse order:
 *
 *	dma_buf_get()			take a reference (videobuf2 does this)
 *	  dma_buf_attach()		name the device
 *	    dma_buf_map_attachment()	get addresses for DMA
 *	      dma_buf_vmap()		get an address for the CPU
 *	        begin_cpu_access, write, end_cpu_access: per frame
 *
 * The first four are done once, and last while the application queues the same
 * dma-buf again. The last one is done for each frame.
 */
#include <linux/dma-buf.h>
#include <linux/scatterlist.h>

#include "camera.h"

/**
 * camera_import_attach() - attach the camera's device to a dma-buf.
 * @mem: the dma-buf, the device that does DMA, and the bytes that it needs
 *
 * The exporter may refuse the device. The size of a dma-buf is constant, so it is
 * checked once; a size from userspace cannot be trusted.
 *
 * An attachment holds no reference. The caller must hold one until after the
 * detach; here it is videobuf2's.
 *
 * Context: may sleep; no reservation lock held.
 * Return: 0, -EFAULT if the dma-buf is too small (as from videobuf2's own
 * importers), or an errno of dma_buf_attach().
 */
int camera_import_attach(struct camera_mem *mem)
{
	struct dma_buf_attachment *attach;

	if (mem->dmabuf->size < mem->size)
		return -EFAULT;

	attach = dma_buf_attach(mem->dmabuf, mem->dev);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	mem->attach = attach;
	return 0;
}

/**
 * camera_import_detach() - undo camera_import_attach().
 * @mem: the attachment, no longer mapped
 *
 * Context: may sleep; no reservation lock held.
 */
void camera_import_detach(struct camera_mem *mem)
{
	dma_buf_detach(mem->dmabuf, mem->attach);
}

/**
 * camera_import_map() - map a dma-buf for the device and for the CPU.
 * @mem: the attachment
 *
 * An importer uses only the DMA addresses of the table: there may be no pages
 * behind them. A driver of real hardware would write its DMA descriptors here.
 *
 * The queue's direction is DMA_BIDIRECTIONAL although a camera only writes,
 * because the CPU writes in the device's stead. With DMA_FROM_DEVICE the exporter
 * could discard the CPU's cache lines.
 *
 * Context: may sleep; no reservation lock held.
 * Return: 0, or an errno of the exporter. -EINVAL if it has no vmap.
 */
int camera_import_map(struct camera_mem *mem)
{
	struct sg_table *sgt;
	int ret;

	sgt = dma_buf_map_attachment_unlocked(mem->attach, mem->dir);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);

	ret = dma_buf_vmap_unlocked(mem->dmabuf, &mem->map);
	if (ret) {
		dma_buf_unmap_attachment_unlocked(mem->attach, sgt, mem->dir);
		return ret;
	}

	mem->sgt = sgt;
	return 0;
}

/**
 * camera_import_unmap() - undo camera_import_map().
 * @mem: the attachment
 *
 * Context: may sleep; no reservation lock held, no DMA running.
 */
void camera_import_unmap(struct camera_mem *mem)
{
	dma_buf_vunmap_unlocked(mem->dmabuf, &mem->map);
	dma_buf_unmap_attachment_unlocked(mem->attach, mem->sgt, mem->dir);
}

/**
 * camera_import_begin_write() - begin CPU writes to an imported buffer.
 * @mem: the mapped dma-buf
 *
 * DMA_TO_DEVICE means that the CPU writes what devices then read. The core waits
 * for all fences of readers and writers. If the display's driver, or userspace
 * with DMA_BUF_IOCTL_IMPORT_SYNC_FILE, has added the fence of a flip, the camera
 * does not write to a picture that is still on the screen.
 *
 * Context: may sleep, for as long as others use the buffer; a signal ends it.
 * Return: 0, -ERESTARTSYS or -EINTR if a signal came, or an errno of the
 * exporter.
 */
int camera_import_begin_write(struct camera_mem *mem)
{
	return dma_buf_begin_cpu_access(mem->dmabuf, DMA_TO_DEVICE);
}

/**
 * camera_import_end_write() - end CPU writes to an imported buffer.
 * @mem: the buffer
 *
 * Context: may sleep.
 */
void camera_import_end_write(struct camera_mem *mem)
{
	dma_buf_end_cpu_access(mem->dmabuf, DMA_TO_DEVICE);
}
