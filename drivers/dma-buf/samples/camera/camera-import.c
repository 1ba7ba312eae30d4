// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer's half: frames written into memory of another driver.
 *
 * An importer takes four steps, and takes them back in the reverse order:
 *
 *	dma_buf_get()			hold the buffer	(videobuf2 does this)
 *	  dma_buf_attach()		announce the device
 *	    dma_buf_map_attachment()	get addresses for its DMA
 *	      dma_buf_vmap()		get an address for the CPU
 *	        begin_cpu_access, write, end_cpu_access: per frame
 *
 * The upper four are made once and kept while the application queues the same
 * file descriptor again; only the innermost belongs to a frame.
 */
#include <linux/dma-buf.h>
#include <linux/scatterlist.h>

#include "camera.h"

/**
 * camera_import_attach() - announce the camera's device to a buffer.
 * @mem: the buffer, the device that does DMA, and the bytes that it needs
 *
 * The exporter looks at the device's limits and may refuse it. The size is the
 * exporter's and never changes, so one check lasts; what userspace says about
 * it counts for nothing.
 *
 * An attachment holds no reference to the buffer. Whoever attaches must have
 * one until after the detach, here videobuf2.
 *
 * Context: may sleep; no reservation lock held.
 * Return: 0, -EFAULT if the buffer is too small (the errno that videobuf2's
 * importers agree on), or an errno of dma_buf_attach().
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
 * camera_import_map() - get at the memory behind an attachment.
 * @mem: the attachment
 *
 * The table has the addresses for the device, and they are all that an importer
 * may look at: there need not be pages behind. A driver of real hardware would
 * write its DMA descriptors from them here.
 *
 * The direction is the queue's, and the camera's queue asks for both although a
 * camera only writes. That is because its device is the CPU. With
 * DMA_FROM_DEVICE the exporter would be right to throw away the cache lines
 * that the CPU filled.
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
 * camera_import_begin_write() - wait until a frame may be written.
 * @mem: the mapped buffer
 *
 * DMA_TO_DEVICE says that the CPU will write what devices then read. It waits
 * for every fence of the buffer's reservation, also those of readers. If the
 * display's driver, or userspace with DMA_BUF_IOCTL_IMPORT_SYNC_FILE, has put the
 * fence of a flip there, then the camera does not write into a picture that is
 * still on the screen.
 *
 * Context: may sleep, for as long as others use the buffer; a signal ends it.
 * Return: 0, -ERESTARTSYS or -EINTR when a signal came, or an errno of the
 * exporter.
 */
int camera_import_begin_write(struct camera_mem *mem)
{
	return dma_buf_begin_cpu_access(mem->dmabuf, DMA_TO_DEVICE);
}

/**
 * camera_import_end_write() - make a written frame visible to devices.
 * @mem: the buffer
 *
 * Context: may sleep.
 */
void camera_import_end_write(struct camera_mem *mem)
{
	dma_buf_end_cpu_access(mem->dmabuf, DMA_TO_DEVICE);
}
