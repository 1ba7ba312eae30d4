// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display's buffers: GEM objects with pages of their own.
 *
 * Their storage is allocated with the buffer and always present. It is not
 * always the same storage: display-move.c exchanges it while nobody needs it in
 * place. All who do need it say so, under the reservation lock: by pin_count (a
 * device, or the scan-out) or by vmap_count (the kernel). Userspace need not, its
 * pages are taken away and found again by the next page fault.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_vma_manager.h>

#include "display.h"

/*
 * Userspace decides how many there are. So they are charged to its memory
 * cgroup, cleared, and not worth killing somebody for.
 */
#define DISPLAY_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT | \
			 __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static void display_storage_free(struct kref *kref)
{
	struct display_storage *storage = container_of(kref, struct display_storage, refcount);
	unsigned long i;

	for (i = 0; i < storage->num_pages && storage->pages[i]; i++)
		__free_page(storage->pages[i]);
	kvfree(storage);
}

struct display_storage *display_storage_get(struct display_storage *storage)
{
	kref_get(&storage->refcount);
	return storage;
}

void display_storage_put(struct display_storage *storage)
{
	kref_put(&storage->refcount, display_storage_free);
}

struct display_storage *display_storage_alloc(unsigned long num_pages)
{
	struct display_storage *storage;
	unsigned long i;

	storage = kvzalloc(struct_size(storage, pages, num_pages), GFP_KERNEL);
	if (!storage)
		return NULL;
	kref_init(&storage->refcount);
	storage->num_pages = num_pages;

	for (i = 0; i < num_pages; i++) {
		storage->pages[i] = alloc_page(DISPLAY_GFP);
		if (!storage->pages[i]) {
			display_storage_put(storage);
			return NULL;
		}
	}
	return storage;
}

/*
 * A kernel address, in bo->map. For an imported buffer it is the exporter who
 * knows what kind of memory it is, and says so in the &struct iosys_map.
 */
int display_bo_vmap(struct display_bo *bo)
{
	struct display_storage *storage = bo->storage;
	void *vaddr;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (bo->vmap_count++)
		return 0;

	if (bo->base.import_attach) {
		ret = dma_buf_vmap(bo->base.import_attach->dmabuf, &bo->map);
	} else {
		vaddr = vmap(storage->pages, storage->num_pages, VM_MAP, PAGE_KERNEL);
		iosys_map_set_vaddr(&bo->map, vaddr);
		ret = vaddr ? 0 : -ENOMEM;
	}
	if (ret)
		bo->vmap_count = 0;
	return ret;
}

void display_bo_vunmap(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (--bo->vmap_count)
		return;

	if (bo->base.import_attach)
		dma_buf_vunmap(bo->base.import_attach->dmabuf, &bo->map);
	else
		vunmap(bo->map.vaddr);
	iosys_map_clear(&bo->map);
}

/*
 * Ready for the screen: from here until display_bo_let_go() the buffer neither
 * moves nor loses its kernel address. This waits for no fence, as the content may
 * still be in the making.
 */
int display_bo_hold(struct display_bo *bo)
{
	struct dma_resv *resv = bo->base.resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	ret = display_import_pin(bo);
	if (ret)
		goto unlock;
	ret = display_bo_vmap(bo);
	if (ret)
		display_import_unpin(bo);
unlock:
	dma_resv_unlock(resv);
	return ret;
}

void display_bo_let_go(struct display_bo *bo)
{
	dma_resv_lock(bo->base.resv, NULL);
	display_bo_vunmap(bo);
	display_import_unpin(bo);
	dma_resv_unlock(bo->base.resv);
}

/*
 * The reservation lock is what a move of the storage holds, hence the address
 * looked up here is the right one until the lock is dropped, and a move after
 * that zaps it. The page offset counts from the buffer's fake offset in DRM's
 * address space, whichever file it was mapped through.
 */
static vm_fault_t display_gem_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	unsigned long index = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	struct display_storage *storage;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	/* The signal is handled first, then the access comes here again. */
	if (dma_resv_lock_interruptible(obj->resv, NULL))
		return VM_FAULT_NOPAGE;

	storage = to_display_bo(obj)->storage;
	if (index < storage->num_pages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(storage->pages[index]));
	dma_resv_unlock(obj->resv);
	return ret;
}

static const struct vm_operations_struct display_gem_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = display_gem_fault,
};

/*
 * Frame numbers instead of pages (VM_PFNMAP), so that nobody takes references to
 * pages that are to be exchanged. Such a mapping cannot be copied on write, and
 * whoever asks for that gets an errno before the memory manager trips over it.
 * Ordinary cached memory: the CPU's accesses are bracketed by begin and end.
 */
static int display_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

/*
 * Runs when no handle, framebuffer, dma-buf or mmap is left; what they had made
 * of the buffer (exports, holds, addresses) is undone by then.
 */
static void display_gem_free(struct drm_gem_object *obj)
{
	struct display_bo *bo = to_display_bo(obj);

	if (obj->import_attach)
		display_import_free(bo);
	drm_gem_object_release(obj);
	if (bo->storage)
		display_storage_put(bo->storage);
	kfree(bo);
}

static const struct drm_gem_object_funcs display_gem_funcs = {
	.free = display_gem_free,
	.export = display_export,
	.mmap = display_gem_mmap,
	.vm_ops = &display_gem_vm_ops,
};

/* Of an own or imported buffer: drm_gem_private_object_init() comes next. */
struct display_bo *display_bo_alloc(void)
{
	struct display_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	if (!bo)
		return NULL;
	bo->base.funcs = &display_gem_funcs;
	INIT_LIST_HEAD(&bo->mappings);
	return bo;
}

/* A buffer of our own, complete before the first handle makes it visible. */
static struct display_bo *display_bo_create(struct drm_device *drm, size_t size)
{
	struct display_bo *bo = display_bo_alloc();
	int ret;

	if (!bo)
		return ERR_PTR(-ENOMEM);
	drm_gem_private_object_init(drm, &bo->base, size);

	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret)
		goto put;
	ret = -ENOMEM;
	bo->storage = display_storage_alloc(size >> PAGE_SHIFT);
	if (!bo->storage)
		goto put;

	drm_gem_lru_move_tail(&to_display(drm)->lru, &bo->base);
	return bo;

put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}

/*
 * DRM_IOCTL_MODE_CREATE_DUMB. Rows follow each other without padding, which is
 * what most other devices can read and write too.
 */
int display_dumb_create(struct drm_file *file, struct drm_device *drm,
			struct drm_mode_create_dumb *args)
{
	struct display_bo *bo;
	int ret;

	if (args->width > DISPLAY_MAX_FB || args->height > DISPLAY_MAX_FB || args->bpp > 32)
		return -EINVAL;
	args->pitch = args->width * DIV_ROUND_UP(args->bpp, 8);
	args->size = PAGE_ALIGN(args->pitch * args->height);

	bo = display_bo_create(drm, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	/* The handle has its own reference, and from here on userspace has it. */
	ret = drm_gem_handle_create(file, &bo->base, &args->handle);
	drm_gem_object_put(&bo->base);
	return ret;
}
