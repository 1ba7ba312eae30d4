// SPDX-License-Identifier: GPL-2.0-only
/*
 * videobuf2's memory operations, which call camera-export.c and camera-import.c.
 *
 * videobuf2 calls alloc, mmap, get_dmabuf and put for the camera's own memory,
 * and attach_dmabuf, map_dmabuf, unmap_dmabuf and detach_dmabuf for imported
 * dma-bufs. cookie and num_users serve both. camera.lock is held in all of them.
 *
 * The optional prepare and finish are not used. In them, a driver whose device
 * does DMA syncs the caches around a frame. The camera's thread does this itself,
 * when it has waited for the other users of the buffer.
 */
#include <linux/dma-buf.h>
#include <linux/slab.h>

#include "camera.h"

/**
 * camera_mem_begin_write() - begin CPU writes to a buffer's memory.
 * @mem: memory of a buffer that the driver owns
 *
 * Waits for the other users. The camera's own memory may have been exported, so
 * it needs the same wait and the same cache maintenance as an import. The wait is
 * done without the reservation lock: a wait with the lock held blocks all other
 * users of the memory, and can block the signaller of the fence.
 *
 * Context: may sleep, for as long as others use the memory; a signal ends it.
 * Return: 0, -ERESTARTSYS or -EINTR if a signal came, or an errno of the
 * exporter. Nothing may be written on failure.
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
 * camera_mem_end_write() - end CPU writes to a buffer's memory.
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

	/* The thread needs the address for each frame. */
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
 * A driver would attach in attach_dmabuf and map in map_dmabuf. But if
 * attach_dmabuf fails, videobuf2 of 6.12 does not drop its reference to the
 * dma-buf, and applications could leak buffers by queueing ones that are too
 * small. So attach_dmabuf must not fail here: map_dmabuf attaches too, and
 * nothing is allocated. A buffer has one plane, and videobuf2 detaches the old
 * dma-buf before it attaches another one: one structure per buffer is enough.
 */
static void *camera_mem_attach_dmabuf(struct vb2_buffer *vb, struct device *dev,
				      struct dma_buf *dmabuf,
				      unsigned long size)
{
	struct camera_mem *mem = &to_camera_buffer(vb)->import;

	*mem = (struct camera_mem) {
		.dmabuf = dmabuf,
		.size = size,
		.dev = dev,
		.dir = vb->vb2_queue->dma_dir,
	};
	return mem;
}

/* videobuf2 requires it. camera_mem_unmap_dmabuf() has detached. */
static void camera_mem_detach_dmabuf(void *priv)
{
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

/* vb2_plane_cookie() returns this to the driver. */
static void *camera_mem_cookie(struct vb2_buffer *vb, void *priv)
{
	return priv;
}

/* videobuf2 reports a buffer with more than one user as mapped. */
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
