// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the display's buffers: pages, and their address in the kernel.
 *
 * An own buffer has storage from the moment it is created. display-move.c can
 * replace the storage while nobody needs it in place. Users that do need it in
 * place count themselves under the reservation lock: in pin_count (scan-out, and
 * devices that cannot follow a move) or in vmap_count (the kernel). Userspace
 * mappings do not count: a move removes their pages, and the next access faults
 * the new ones in.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "display.h"

/*
 * Userspace decides how many pages are allocated. They are zeroed, charged to the
 * caller's memory cgroup, and do not invoke the OOM killer.
 */
#define DISPLAY_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT | \
			 __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static void display_storage_free(struct kref *kref)
{
	struct display_storage *storage = container_of(kref, struct display_storage, refcount);
	unsigned long i;

	/* A failed allocation comes here too, with only the first pages set. */
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

/* Returns NULL if there is no memory. */
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
 * Maps a buffer into the kernel, at bo->map. Calls nest. Only the exporter of an
 * import knows its kind of memory and tells it in the &struct iosys_map.
 */
int display_bo_vmap(struct display_bo *bo)
{
	struct display_storage *storage = bo->storage;
	void *vaddr;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (bo->vmap_count++)
		return 0;

	if (bo->imported) {
		ret = dma_buf_vmap(bo->imported, &bo->map);
	} else {
		vaddr = vmap(storage->pages, storage->num_pages, VM_MAP, PAGE_KERNEL);
		iosys_map_set_vaddr(&bo->map, vaddr);
		ret = vaddr ? 0 : -ENOMEM;
	}
	if (ret)
		bo->vmap_count = 0;
	return ret;
}

/* Undoes one display_bo_vmap(). */
void display_bo_vunmap(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (--bo->vmap_count)
		return;

	if (bo->imported)
		dma_buf_vunmap(bo->imported, &bo->map);
	else
		vunmap(bo->map.vaddr);
	iosys_map_clear(&bo->map);
}
