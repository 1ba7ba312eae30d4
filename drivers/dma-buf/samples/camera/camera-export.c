// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exporter's half: memory that the camera owns, and its dma-bufs.
 *
 * An exporter owes those who use its buffer three things. The memory stays
 * where it is and stays alive for as long as anybody may touch it. Each device
 * gets the memory in addresses that this device can use. And whoever looks at
 * it, CPU or device, sees what was written last.
 *
 * Read from top to bottom: the life of the memory, the kernel's and the user's
 * views of it, the attachments, the mappings, the CPU's turn, and at the end
 * the table and the export itself.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "camera.h"

/**
 * DOC: Camera: lifetime of exported memory
 *
 * The memory has more than one owner, and they leave in any order. An
 * application may export a buffer, free it with REQBUFS(0), close the camera
 * and go on using the file descriptor::
 *
 *	REQBUFS, CREATE_BUFS --- camera_pages_alloc() --> users = 1
 *	EXPBUF ----------------- camera_pages_export() -> users + 1 per dma-buf
 *	mmap(), fork() --------- camera_pages_mmap() ---> users + 1 per area
 *	REQBUFS(0), last close of the dma-buf, munmap() -> users - 1 each
 *	users = 0 -------------- camera_pages_put() ----> pages are freed
 *
 * The videobuf2 buffer is one owner among the others, therefore the dma-buf
 * must not point to it.
 */

/**
 * struct camera_attachment - one device's view of the memory.
 * @sgt: the pages, and while mapped their addresses for this device. It
 *	belongs to one attachment: devices behind different IOMMUs see one page
 *	at different addresses, and a table only has room for one.
 * @dev: the device
 * @dir: direction of the mapping, DMA_NONE while there is none
 * @node: entry of camera_pages.mappings while mapped
 *
 * @dir and @node are guarded by the reservation lock, the others are constant.
 */
struct camera_attachment {
	struct sg_table sgt;
	struct device *dev;
	enum dma_data_direction dir;
	struct list_head node;
};

static size_t camera_pages_size(const struct camera_pages *pages)
{
	return (size_t)pages->count << PAGE_SHIFT;
}

/**
 * camera_pages_put() - let go of the memory.
 * @pages: the memory
 *
 * Context: may sleep; no reservation lock held.
 */
void camera_pages_put(struct camera_pages *pages)
{
	unsigned int i;

	might_sleep();
	if (!refcount_dec_and_test(&pages->users))
		return;

	WARN_ON_ONCE(pages->vmaps || !list_empty(&pages->mappings));
	/* A failed allocation comes here too, with the first few set. */
	for (i = 0; i < pages->count && pages->pages[i]; i++)
		put_page(pages->pages[i]);
	dma_resv_fini(&pages->resv);
	kvfree(pages);
}

/**
 * camera_pages_alloc() - get memory for one buffer.
 * @size: bytes, a multiple of the page size
 *
 * The pages are zeroed, for they go to userspace and to devices, and charged to
 * the control group of the process that asked for them. Single pages are
 * enough: what needs neighbours in memory is the device, and for that it has
 * scatter-gather or an IOMMU. An exporter whose own device has neither would
 * take them from dma_alloc_coherent() instead.
 *
 * Context: may sleep.
 * Return: the memory with one user, or ERR_PTR(-ENOMEM).
 */
struct camera_pages *camera_pages_alloc(unsigned long size)
{
	unsigned int count = size >> PAGE_SHIFT, i;
	struct camera_pages *pages;

	pages = kvzalloc(struct_size(pages, pages, count), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);

	pages->count = count;
	refcount_set(&pages->users, 1);
	INIT_LIST_HEAD(&pages->mappings);
	dma_resv_init(&pages->resv);
	for (i = 0; i < count; i++) {
		pages->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!pages->pages[i]) {
			camera_pages_put(pages);
			return ERR_PTR(-ENOMEM);
		}
	}
	return pages;
}

/**
 * camera_pages_vmap() - make the memory one range of kernel addresses.
 * @pages: the memory
 * @map: where to say at which address
 *
 * Counted, because the camera and any number of importers share one mapping:
 * kernel address space is scarce on 32-bit machines.
 *
 * Context: reservation lock held.
 * Return: 0, or -ENOMEM.
 */
int camera_pages_vmap(struct camera_pages *pages, struct iosys_map *map)
{
	dma_resv_assert_held(&pages->resv);

	if (!pages->vmaps) {
		pages->vaddr = vmap(pages->pages, pages->count, VM_MAP,
				    PAGE_KERNEL);
		if (!pages->vaddr)
			return -ENOMEM;
	}
	pages->vmaps++;
	iosys_map_set_vaddr(map, pages->vaddr);
	return 0;
}

/**
 * camera_pages_vunmap() - undo one camera_pages_vmap().
 * @pages: the memory
 *
 * Context: reservation lock held.
 */
void camera_pages_vunmap(struct camera_pages *pages)
{
	dma_resv_assert_held(&pages->resv);

	if (WARN_ON_ONCE(!pages->vmaps) || --pages->vmaps)
		return;
	vunmap(pages->vaddr);
	pages->vaddr = NULL;
}

/* fork() and the splitting of an area duplicate it without asking mmap. */
static void camera_vma_open(struct vm_area_struct *vma)
{
	struct camera_pages *pages = vma->vm_private_data;

	refcount_inc(&pages->users);
}

static void camera_vma_close(struct vm_area_struct *vma)
{
	camera_pages_put(vma->vm_private_data);
}

static const struct vm_operations_struct camera_vm_ops = {
	.open = camera_vma_open,
	.close = camera_vma_close,
};

/**
 * camera_pages_mmap() - show the memory to userspace.
 * @pages: the memory
 * @vma: the area; its offset is that within the memory
 *
 * Serves mmap() of the video node and mmap() of the dma-buf alike. All pages
 * are entered at once, as a frame is read from end to end; vm_map_pages()
 * also refuses what lies outside. The area must not grow by mremap(), for
 * there would be nothing behind the new part.
 *
 * Context: mmap lock held for writing.
 * Return: 0, -ENXIO if the area exceeds the memory, or -ENOMEM.
 */
int camera_pages_mmap(struct camera_pages *pages, struct vm_area_struct *vma)
{
	int ret;

	vm_flags_set(vma, VM_DONTEXPAND);
	ret = vm_map_pages(vma, pages->pages, pages->count);
	if (ret)
		return ret;

	vma->vm_private_data = pages;
	vma->vm_ops = &camera_vm_ops;
	camera_vma_open(vma);
	return 0;
}

/*
 * dma_buf_ops.attach: a device announces itself. It runs without the
 * reservation lock and once per attachment, so it is the place for all that is
 * slow and the place to say no: afterwards the importer counts on being able to
 * map. Here a device that cannot do DMA at all is refused, and the table is
 * built in segments no longer than this device can take.
 */
static int camera_dmabuf_attach(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attach)
{
	struct camera_pages *pages = dmabuf->priv;
	struct camera_attachment *view;
	int ret;

	if (!attach->dev->dma_mask)
		return -ENODEV;

	view = kzalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return -ENOMEM;

	ret = sg_alloc_table_from_pages_segment(&view->sgt, pages->pages,
						pages->count, 0, dmabuf->size,
						dma_get_max_seg_size(attach->dev),
						GFP_KERNEL);
	if (ret) {
		kfree(view);
		return ret;
	}

	view->dev = attach->dev;
	view->dir = DMA_NONE;
	attach->priv = view;
	return 0;
}

/*
 * dma_buf_ops.detach: the reverse of attach. The core has seen to it that no
 * mapping is left.
 */
static void camera_dmabuf_detach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	struct camera_attachment *view = attach->priv;

	sg_free_table(&view->sgt);
	kfree(view);
}

/*
 * dma_buf_ops.map_dma_buf: enter the memory into the device's address space.
 * The direction is the importer's and is kept, because every later sync and
 * the unmap must repeat it. One table has room for one mapping, hence -EBUSY
 * for a second one through the same attachment; the importer can attach twice.
 *
 * Devices that only write go to the end of the list, see
 * camera_pages_end_cpu_access().
 */
static struct sg_table *
camera_dmabuf_map(struct dma_buf_attachment *attach,
		  enum dma_data_direction dir)
{
	struct camera_pages *pages = attach->dmabuf->priv;
	struct camera_attachment *view = attach->priv;
	int ret;

	dma_resv_assert_held(&pages->resv);

	if (view->dir != DMA_NONE)
		return ERR_PTR(-EBUSY);

	ret = dma_map_sgtable(view->dev, &view->sgt, dir, 0);
	if (ret)
		return ERR_PTR(ret);

	view->dir = dir;
	if (dir == DMA_FROM_DEVICE)
		list_add_tail(&view->node, &pages->mappings);
	else
		list_add(&view->node, &pages->mappings);
	return &view->sgt;
}

/*
 * dma_buf_ops.unmap_dma_buf: the device is done. On machines whose caches do
 * not see DMA this is also where the CPU gets to see what the device wrote, a
 * reason for importers not to unmap while their DMA runs.
 */
static void camera_dmabuf_unmap(struct dma_buf_attachment *attach,
				struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct camera_pages *pages = attach->dmabuf->priv;
	struct camera_attachment *view = attach->priv;

	dma_resv_assert_held(&pages->resv);

	list_del(&view->node);
	view->dir = DMA_NONE;
	dma_unmap_sgtable(view->dev, sgt, dir, 0);
}

/**
 * camera_pages_begin_cpu_access() - give the memory to the CPU.
 * @pages: the memory, whose fences have been waited for
 *
 * Make each mapping coherent, in the direction it was mapped with: no other is
 * known to its device, and what the CPU is about to do does not matter for it.
 * The list must not change meanwhile, hence the lock.
 *
 * Context: may sleep; no reservation lock held.
 * Return: 0, or -EINTR when a signal came.
 */
int camera_pages_begin_cpu_access(struct camera_pages *pages)
{
	struct camera_attachment *view;
	int ret;

	ret = dma_resv_lock_interruptible(&pages->resv, NULL);
	if (ret)
		return ret;

	if (pages->vmaps)
		invalidate_kernel_vmap_range(pages->vaddr,
					     camera_pages_size(pages));
	list_for_each_entry(view, &pages->mappings, node)
		dma_sync_sgtable_for_cpu(view->dev, &view->sgt, view->dir);
	dma_resv_unlock(&pages->resv);
	return 0;
}

/**
 * camera_pages_end_cpu_access() - give the memory back to the devices.
 * @pages: the memory
 *
 * Handing memory to a device that only writes may throw the CPU's cache lines
 * away (it does on 32-bit ARM). Such mappings come last in the list, after
 * those of the readers have written the lines to memory.
 *
 * Context: may sleep; no reservation lock held.
 */
void camera_pages_end_cpu_access(struct camera_pages *pages)
{
	struct camera_attachment *view;

	dma_resv_lock(&pages->resv, NULL);
	if (pages->vmaps)
		flush_kernel_vmap_range(pages->vaddr, camera_pages_size(pages));
	list_for_each_entry(view, &pages->mappings, node)
		dma_sync_sgtable_for_device(view->dev, &view->sgt, view->dir);
	dma_resv_unlock(&pages->resv);
}

/*
 * dma_buf_ops.begin_cpu_access: somebody, in the kernel or in userspace with
 * DMA_BUF_IOCTL_SYNC, is about to touch the memory with the CPU. The core has
 * waited for the devices that are in the way. It has to come in that order: a
 * cache that is cleaned while a device still writes is stale again afterwards.
 */
static int camera_dmabuf_begin(struct dma_buf *dmabuf,
			       enum dma_data_direction dir)
{
	return camera_pages_begin_cpu_access(dmabuf->priv);
}

/*
 * dma_buf_ops.end_cpu_access: what the CPU wrote must reach memory now. It may
 * not be interrupted: nobody repeats it, and the data would be lost.
 */
static int camera_dmabuf_end(struct dma_buf *dmabuf,
			     enum dma_data_direction dir)
{
	camera_pages_end_cpu_access(dmabuf->priv);
	return 0;
}

/*
 * dma_buf_ops.mmap: the core has checked area and offset against the buffer's
 * size. Userspace brackets its access with DMA_BUF_IOCTL_SYNC.
 */
static int camera_dmabuf_mmap(struct dma_buf *dmabuf,
			      struct vm_area_struct *vma)
{
	return camera_pages_mmap(dmabuf->priv, vma);
}

/*
 * dma_buf_ops.vmap: the core counts per dma-buf and only asks for the first;
 * the memory may have several dma-bufs, so it counts as well. The reservation
 * lock is held and is what keeps vaddr stable.
 */
static int camera_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	return camera_pages_vmap(dmabuf->priv, map);
}

/*
 * dma_buf_ops.vunmap: runs under the reservation lock when the last user of
 * this dma-buf has unmapped.
 */
static void camera_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	camera_pages_vunmap(dmabuf->priv);
}

/*
 * dma_buf_ops.release: the last reference is gone, and with it every
 * attachment and mapping. The exporter drops what it took when it exported.
 * The dma-buf never touches the reservation after this call.
 */
static void camera_dmabuf_release(struct dma_buf *dmabuf)
{
	camera_pages_put(dmabuf->priv);
}

static const struct dma_buf_ops camera_dmabuf_ops = {
	.attach = camera_dmabuf_attach,
	.detach = camera_dmabuf_detach,
	.map_dma_buf = camera_dmabuf_map,
	.unmap_dma_buf = camera_dmabuf_unmap,
	.begin_cpu_access = camera_dmabuf_begin,
	.end_cpu_access = camera_dmabuf_end,
	.mmap = camera_dmabuf_mmap,
	.vmap = camera_dmabuf_vmap,
	.vunmap = camera_dmabuf_vunmap,
	.release = camera_dmabuf_release,
};

/**
 * camera_pages_export() - make a dma-buf of the memory.
 * @pages: the memory
 * @flags: access mode of the file, O_RDONLY or O_RDWR
 *
 * DEFINE_DMA_BUF_EXPORT_INFO() has entered this module as the owner, which
 * keeps the code above loaded until the last dma-buf is gone. Everything must
 * be ready before dma_buf_export() returns, as the buffer can be seen in
 * debugfs from then on.
 *
 * Context: may sleep.
 * Return: a dma-buf that holds one user of @pages, or an ERR_PTR() of
 * dma_buf_export().
 */
struct dma_buf *camera_pages_export(struct camera_pages *pages,
				    unsigned long flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &camera_dmabuf_ops;
	info.size = camera_pages_size(pages);
	info.flags = flags;
	info.resv = &pages->resv;
	info.priv = pages;

	refcount_inc(&pages->users);
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		camera_pages_put(pages);
	return dmabuf;
}
