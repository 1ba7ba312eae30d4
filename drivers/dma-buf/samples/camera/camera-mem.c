// SPDX-License-Identifier: GPL-2.0-only
/*
 * videobuf2's memory operations, on top of export and import.
 *
 * videobuf2 runs the queue and leaves to these operations what a buffer is made
 * of. It calls one set for memory of the driver's own (alloc, mmap, get_dmabuf,
 * put) and another for foreign buffers (attach_dmabuf, map_dmabuf, unmap_dmabuf,
 * detach_dmabuf); vaddr, cookie and num_users have to serve both. All of them
 * are called under the queue's lock.
 *
 * The optional prepare and finish are left out. They are the place to sync
 * caches around a frame for a device that does DMA into its own buffers; the
 * camera brackets its access itself, when it knows that the buffer's other
 * users are done.
 */
#include <linux/dma-buf.h>
#include <linux/slab.h>

#include "camera.h"

/**
 * camera_mem_begin_write() - wait until a frame may be written.
 * @mem: memory of a buffer that the driver owns
 *
 * Our own memory may have been exported, so it needs the same wait and the same
 * cache maintenance as a foreign buffer, just without a dma-buf in between. The
 * wait comes before the lock that the sync takes: whoever waits for a fence
 * with the reservation locked stops everybody else, and possibly the one who
 * would signal.
 *
 * Context: may sleep, for as long as others use the memory; a signal ends it.
 * Return: 0, or an errno after which nothing may be written: -ERESTARTSYS or
 * -EINTR when a signal came, or what a foreign exporter says.
 */
int camera_mem_begin_write(struct camera_mem *mem)
{
	long left;

	if (mem->dmabuf)
		return camera_import_begin_write(mem);

	left = dma_resv_wait_timeout(&mem->pages->resv, dma_resv_usage_rw(true),
				     true, MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return left;
	return camera_pages_begin_cpu_access(mem->pages);
}

/**
 * camera_mem_end_write() - the frame is written.
 * @mem: memory of a buffer that the driver owns
 *
 * Context: may sleep.
 */
void camera_mem_end_write(struct camera_mem *mem)
{
	if (mem->dmabuf)
		camera_import_end_write(mem);
	else
		camera_pages_end_cpu_access(mem->pages);
}

static void *camera_mem_alloc(struct vb2_buffer *vb, struct device *dev,
			      unsigned long size)
{
	struct camera_mem *mem __free(kfree) = kzalloc(sizeof(*mem), GFP_KERNEL);
	int ret;

	if (!mem)
		return ERR_PTR(-ENOMEM);

	mem->pages = camera_pages_alloc(size);
	if (IS_ERR(mem->pages))
		return mem->pages;

	/* Painting needs an address, so it is kept from the start. */
	dma_resv_lock(&mem->pages->resv, NULL);
	ret = camera_pages_vmap(mem->pages, &mem->map);
	dma_resv_unlock(&mem->pages->resv);
	if (ret) {
		camera_pages_put(mem->pages);
		return ERR_PTR(ret);
	}
	return no_free_ptr(mem);
}

static void camera_mem_put(void *priv)
{
	struct camera_mem *mem = priv;

	dma_resv_lock(&mem->pages->resv, NULL);
	camera_pages_vunmap(mem->pages);
	dma_resv_unlock(&mem->pages->resv);
	camera_pages_put(mem->pages);
	kfree(mem);
}

static int camera_mem_mmap(void *priv, struct vm_area_struct *vma)
{
	struct camera_mem *mem = priv;

	return camera_pages_mmap(mem->pages, vma);
}

static struct dma_buf *camera_mem_get_dmabuf(struct vb2_buffer *vb, void *priv,
					     unsigned long flags)
{
	struct camera_mem *mem = priv;

	return camera_pages_export(mem->pages, flags);
}

/*
 * The natural thing would be to attach in here and to map in map_dmabuf. But
 * videobuf2 of 6.12 forgets its reference to the buffer when this operation
 * fails, and an application could leak buffers by queueing ones that are too
 * small. So this one cannot fail, and the next one does both.
 */
static void *camera_mem_attach_dmabuf(struct vb2_buffer *vb, struct device *dev,
				      struct dma_buf *dmabuf,
				      unsigned long size)
{
	struct camera_mem *mem = kzalloc(sizeof(*mem), GFP_KERNEL | __GFP_NOFAIL);

	mem->dmabuf = dmabuf;
	mem->size = size;
	mem->dev = dev;
	mem->dir = vb->vb2_queue->dma_dir;
	return mem;
}

static void camera_mem_detach_dmabuf(void *priv)
{
	kfree(priv);
}

static int camera_mem_map_dmabuf(void *priv)
{
	int ret;

	ret = camera_import_attach(priv);
	if (ret)
		return ret;

	ret = camera_import_map(priv);
	if (ret)
		camera_import_detach(priv);
	return ret;
}

static void camera_mem_unmap_dmabuf(void *priv)
{
	camera_import_unmap(priv);
	camera_import_detach(priv);
}

/* How the driver finds the memory again: vb2_plane_cookie() returns it. */
static void *camera_mem_cookie(struct vb2_buffer *vb, void *priv)
{
	return priv;
}

/* videobuf2 reports a buffer with more users than one as mapped. */
static unsigned int camera_mem_num_users(void *priv)
{
	struct camera_mem *mem = priv;

	return mem->pages ? refcount_read(&mem->pages->users) : 1;
}

const struct vb2_mem_ops camera_mem_ops = {
	.alloc = camera_mem_alloc,
	.put = camera_mem_put,
	.mmap = camera_mem_mmap,
	.get_dmabuf = camera_mem_get_dmabuf,
	.attach_dmabuf = camera_mem_attach_dmabuf,
	.detach_dmabuf = camera_mem_detach_dmabuf,
	.map_dmabuf = camera_mem_map_dmabuf,
	.unmap_dmabuf = camera_mem_unmap_dmabuf,
	.cookie = camera_mem_cookie,
	.num_users = camera_mem_num_users,
};
