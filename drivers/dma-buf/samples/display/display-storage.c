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

static bool display_storage_fill(struct display_storage *storage, gfp_t gfp)
{
	unsigned long i;

	for (i = 0; i < storage->num_pages; i++) {
		storage->pages[i] = alloc_page(gfp);
		if (!storage->pages[i])
			return false;
	}
	return true;
}

/* Fills the storage with adjacent pages. They are freed one by one, like others. */
static bool display_storage_fill_adjacent(struct display_storage *storage, gfp_t gfp)
{
	unsigned int order = get_order(storage->num_pages << PAGE_SHIFT);
	struct page *page;
	unsigned long i;

	page = order <= MAX_PAGE_ORDER ? alloc_pages(gfp, order) : NULL;
	if (!page)
		return false;
	split_page(page, order);
	for (i = 0; i < 1UL << order; i++) {
		if (i < storage->num_pages)
			storage->pages[i] = nth_page(page, i);
		else
			__free_page(nth_page(page, i));
	}
	return true;
}

/**
 * display_storage_alloc_zone() - allocate zeroed pages.
 * @num_pages: number of pages
 * @zone: flag of the highest zone that they come from
 * @adjacent: all pages are adjacent
 *
 * Context: May sleep.
 * Return: The storage with one reference, or NULL if there is no memory.
 */
struct display_storage *display_storage_alloc_zone(unsigned long num_pages, gfp_t zone,
						   bool adjacent)
{
	gfp_t gfp = (DISPLAY_GFP & ~__GFP_HIGHMEM) | zone;
	struct display_storage *storage;

	storage = kvzalloc(struct_size(storage, pages, num_pages), GFP_KERNEL);
	if (!storage)
		return NULL;
	kref_init(&storage->refcount);
	storage->num_pages = num_pages;

	if (adjacent ? display_storage_fill_adjacent(storage, gfp) :
		       display_storage_fill(storage, gfp))
		return storage;
	display_storage_put(storage);
	return NULL;
}

/* Returns NULL if there is no memory. */
struct display_storage *display_storage_alloc(unsigned long num_pages)
{
	return display_storage_alloc_zone(num_pages, __GFP_HIGHMEM, false);
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
