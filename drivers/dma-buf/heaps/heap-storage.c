// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storage of a heap's buffer: who pays for it, and the heap's counts.
 *
 * With dma_heap.mem_accounting the memory cgroup of the caller is charged for the whole buffer
 * before the first page is allocated. So a buffer that the cgroup cannot have fails at once,
 * and takes no memory from others. The charge is the storage's: pages in a pool and of a CMA
 * region are charged like others, and the payer stays charged after its last task has ended.
 */

#include <linux/dma-heap.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "heaps-private.h"

/* If the cgroup's limit is reached the charge fails; its OOM killer is not invoked. */
#define HEAP_CHARGE_GFP	(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* A larger piece overflows memcg's count of bytes. */
#define HEAP_CHARGE_PIECE	SZ_1G

#ifdef CONFIG_MEMCG
static void heap_uncharge(struct obj_cgroup *payer, u64 bytes)
{
	while (bytes) {
		size_t piece = min_t(u64, bytes, HEAP_CHARGE_PIECE);

		obj_cgroup_uncharge(payer, piece);
		bytes -= piece;
	}
}

/* Test whether the limits of the cgroup and of its parents allow so much to a single buffer. */
static bool heap_may_charge(struct obj_cgroup *payer, u64 bytes)
{
	struct page_counter *counter;
	bool fits = true;

	rcu_read_lock();
	counter = &obj_cgroup_memcg(payer)->memory;
	for (; counter && fits; counter = counter->parent)
		fits = bytes >> PAGE_SHIFT <= READ_ONCE(counter->max);
	rcu_read_unlock();
	return fits;
}

static int heap_charge(struct obj_cgroup *payer, u64 bytes, bool insist)
{
	gfp_t gfp = insist ? HEAP_CHARGE_GFP : GFP_NOWAIT | __GFP_NOWARN;
	u64 charged = 0;
	int ret = 0;

	/* A charge that cannot succeed would first reclaim all memory of the cgroup. */
	if (!heap_may_charge(payer, bytes))
		return -ENOMEM;
	while (charged < bytes && !ret) {
		size_t piece = min_t(u64, bytes - charged, HEAP_CHARGE_PIECE);

		ret = obj_cgroup_charge(payer, gfp, piece);
		if (!ret)
			charged += piece;
	}
	if (ret)
		heap_uncharge(payer, charged);
	return ret;
}

/* The root cgroup has no objcg: then nobody pays. */
static struct obj_cgroup *heap_get_payer(void)
{
	if (!dma_heap_accounts() || !memcg_kmem_online())
		return NULL;
	return get_obj_cgroup_from_current();
}

static struct obj_cgroup *heap_share_payer(struct obj_cgroup *payer)
{
	if (payer)
		obj_cgroup_get(payer);
	return payer;
}

static void heap_put_payer(struct obj_cgroup *payer)
{
	obj_cgroup_put(payer);
}
#else
static void heap_uncharge(struct obj_cgroup *payer, u64 bytes)
{
}

static int heap_charge(struct obj_cgroup *payer, u64 bytes, bool insist)
{
	return 0;
}

static struct obj_cgroup *heap_get_payer(void)
{
	return NULL;
}

static struct obj_cgroup *heap_share_payer(struct obj_cgroup *payer)
{
	return payer;
}

static void heap_put_payer(struct obj_cgroup *payer)
{
}
#endif

static u64 heap_storage_bytes(const struct heap_storage *storage)
{
	return (u64)storage->base.nr_pages << PAGE_SHIFT;
}

/* Takes over the reference of @payer, also if it fails. */
static int heap_storage_begin(struct heap_storage *storage, struct dma_heap *heap,
			      unsigned long nr_pages, struct obj_cgroup *payer, bool insist)
{
	int ret;

	might_sleep();
	storage->base.nr_pages = nr_pages;
	storage->heap = heap;
	storage->payer = payer;
	storage->lessons = NULL;
	storage->on_trial = false;
	if (payer) {
		ret = heap_charge(payer, heap_storage_bytes(storage), insist);
		if (ret) {
			heap_put_payer(payer);
			return ret;
		}
	}
	dma_heap_count(heap, 1, nr_pages);
	return 0;
}

/**
 * heap_storage_init() - charge and count a storage that is going to be allocated
 * @storage: the storage
 * @heap: the heap
 * @nr_pages: pages that the storage will have; not more than the machine has
 *
 * Context: Process context; may sleep.
 * Return: 0, or %-ENOMEM if the memory cgroup may not have so many pages.
 */
int heap_storage_init(struct heap_storage *storage, struct dma_heap *heap,
		      unsigned long nr_pages)
{
	return heap_storage_begin(storage, heap, nr_pages, heap_get_payer(), true);
}

/**
 * heap_storage_init_like() - charge and count a storage that is going to replace another
 * @storage: the storage
 * @old: the other one, or a description from heap_storage_describe()
 * @insist: whether the payer's other memory may be reclaimed for it
 *
 * Both are charged and counted until the old one is freed. The payer is that of @old, whoever
 * the caller is, and so are the lessons.
 *
 * Context: Process context; may sleep.
 * Return: As heap_storage_init().
 */
int heap_storage_init_like(struct heap_storage *storage, const struct heap_storage *old,
			   bool insist)
{
	int ret = heap_storage_begin(storage, old->heap, old->base.nr_pages,
				     heap_share_payer(old->payer), insist);

	if (!ret)
		storage->lessons = heap_lessons_get(old->lessons);
	return ret;
}

/**
 * heap_storage_describe() - describe a storage for heap_storage_init_like()
 * @storage: the description, which is neither charged nor counted
 * @heap: the heap
 * @nr_pages: pages that the storage will have; not more than the machine has
 * @lessons: lessons of the open file, or NULL; the caller has a reference
 *
 * The payer is the caller's memory cgroup. So several attempts to allocate have the same payer.
 *
 * Context: Process context.
 */
void heap_storage_describe(struct heap_storage *storage, struct dma_heap *heap,
			   unsigned long nr_pages, struct heap_lessons *lessons)
{
	*storage = (struct heap_storage){
		.base = { .nr_pages = nr_pages },
		.heap = heap,
		.payer = heap_get_payer(),
		.lessons = lessons,
	};
}

/**
 * heap_storage_end_description() - undo heap_storage_describe()
 * @storage: the description
 *
 * Context: Process context.
 */
void heap_storage_end_description(struct heap_storage *storage)
{
	if (storage->payer)
		heap_put_payer(storage->payer);
}

/**
 * heap_storage_fini() - undo heap_storage_init() or heap_storage_init_like()
 * @storage: storage whose pages are free
 *
 * Context: Process context.
 */
void heap_storage_fini(struct heap_storage *storage)
{
	dma_heap_count(storage->heap, -1, -(long)storage->base.nr_pages);
	if (storage->on_trial)
		heap_lessons_count_unneeded(storage->lessons, storage->base.nr_pages);
	heap_lessons_put(storage->lessons);
	if (!storage->payer)
		return;
	heap_uncharge(storage->payer, heap_storage_bytes(storage));
	heap_put_payer(storage->payer);
}

/**
 * heap_storage_export() - export the buffer of a storage under the heap's name
 * @storage: the storage; freed with &dma_storage_ops.free on failure
 * @fd_flags: as in &dma_heap_ops.allocate
 *
 * Context: Process context; may sleep.
 * Return: As dma_storage_export().
 */
struct dma_buf *heap_storage_export(struct heap_storage *storage, u32 fd_flags)
{
	struct dma_buf *dmabuf;

	dmabuf = dma_storage_export(&storage->base, dma_heap_get_name(storage->heap), fd_flags);
	if (IS_ERR(dmabuf)) {
		storage->on_trial = false;
		storage->base.ops->free(&storage->base);
	}
	return dmabuf;
}
