// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning: ranges of memfds become runs.
 *
 * Each folio that has been pinned is recorded before the next step that may fail, so a
 * failure in between unpins all of them. A folio that two ranges share is pinned and recorded
 * twice.
 *
 * memfd_pin_folios() takes the huge pages that a memfd lacks from the kernel's reserved ones,
 * also if this memfd has reserved none, and then the kernel's count of reserved pages is wrong
 * for ever. So a range must have all its huge pages before it is pinned.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "udmabuf-private.h"

/* Folios that are pinned in one call, at most; bounds the time without a look for signals. */
#define UDMABUF_BATCH	512

static void udmabuf_free_storage(struct dma_storage *storage)
{
	udmabuf_free(container_of(storage, struct udmabuf, base));
}

static const struct dma_storage_ops udmabuf_storage_ops = {
	.free = udmabuf_free_storage,
};

/**
 * udmabuf_alloc() - allocate a storage without pages
 *
 * Context: May sleep.
 * Return: The storage, to be freed with udmabuf_free(); NULL if there is no memory.
 */
struct udmabuf *udmabuf_alloc(void)
{
	struct udmabuf *udmabuf = kzalloc(sizeof(*udmabuf), DMA_STORAGE_GFP);

	if (udmabuf)
		udmabuf->base.ops = &udmabuf_storage_ops;
	return udmabuf;
}
EXPORT_SYMBOL_IF_KUNIT(udmabuf_alloc);

/* Devices and mappings have written without marking anything: the page tables have no pages. */
static void udmabuf_mark_dirty(struct folio *folio)
{
	if (folio_test_dirty(folio))
		return;
	folio_lock(folio);
	folio_mark_dirty(folio);
	folio_unlock(folio);
}

/**
 * udmabuf_free() - unpin all pages and free the storage
 * @udmabuf: the storage
 *
 * Context: May sleep.
 */
void udmabuf_free(struct udmabuf *udmabuf)
{
	might_sleep();
	for (unsigned long i = 0; i < udmabuf->nr_folios; i++) {
		udmabuf_mark_dirty(udmabuf->folios[i]);
		unpin_folio(udmabuf->folios[i]);
		cond_resched();
	}
	kvfree(udmabuf->folios);
	kvfree(udmabuf->base.runs);
	kfree(udmabuf);
}
EXPORT_SYMBOL_IF_KUNIT(udmabuf_free);

/* Move a list of @count elements to an array that has room for @max. */
static void *udmabuf_grow(void *list, unsigned long count, unsigned long max, size_t size)
{
	void *grown = dma_storage_alloc_array(max, size);

	if (!grown)
		return NULL;
	if (count)
		memcpy(grown, list, count * size);
	kvfree(list);
	return grown;
}

/* Make room for one more run. */
static int udmabuf_grow_runs(struct udmabuf *udmabuf)
{
	unsigned int max_runs = udmabuf->max_runs ? 2 * udmabuf->max_runs : 4;
	struct dma_buf_run *runs;

	if (udmabuf->base.nr_runs < udmabuf->max_runs)
		return 0;
	runs = udmabuf_grow(udmabuf->base.runs, udmabuf->base.nr_runs, max_runs, sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	udmabuf->base.runs = runs;
	udmabuf->max_runs = max_runs;
	return 0;
}

/* Make room for at least one more folio. */
static int udmabuf_grow_folios(struct udmabuf *udmabuf)
{
	unsigned long max_folios = udmabuf->max_folios ? 2 * udmabuf->max_folios : 16;
	struct folio **folios;

	if (udmabuf->nr_folios < udmabuf->max_folios)
		return 0;
	folios = udmabuf_grow(udmabuf->folios, udmabuf->nr_folios, max_folios, sizeof(*folios));
	if (!folios)
		return -ENOMEM;
	udmabuf->folios = folios;
	udmabuf->max_folios = max_folios;
	return 0;
}

/* Add pages to the last run, if they come after it in memory, else as a run of their own. */
static int udmabuf_add_pages(struct udmabuf *udmabuf, unsigned long pfn, unsigned long nr_pages)
{
	struct dma_storage *storage = &udmabuf->base;
	struct dma_buf_run *last;
	int ret;

	if (storage->nr_runs) {
		last = &storage->runs[storage->nr_runs - 1];
		if (last->pfn + last->nr_pages == pfn) {
			last->nr_pages += nr_pages;
			storage->nr_pages += nr_pages;
			return 0;
		}
	}
	ret = udmabuf_grow_runs(udmabuf);
	if (ret)
		return ret;
	storage->runs[storage->nr_runs++] = (struct dma_buf_run){ pfn, nr_pages };
	storage->nr_pages += nr_pages;
	return 0;
}

/* A separate function, so that tests can provide large folios. */
long udmabuf_pin_folios(struct file *memfd, loff_t start, loff_t last, struct folio **folios,
			unsigned int max_folios, pgoff_t *skip)
{
	KUNIT_STATIC_STUB_REDIRECT(udmabuf_pin_folios, memfd, start, last, folios, max_folios,
				   skip);

	return memfd_pin_folios(memfd, start, last, folios, max_folios, skip);
}
EXPORT_SYMBOL_IF_KUNIT(udmabuf_pin_folios);

/*
 * Pin folios from the start of a range. Return the number of pages that were added, at most
 * @nr_pages, or an errno.
 */
static long udmabuf_pin_batch(struct udmabuf *udmabuf, struct file *memfd, loff_t offset,
			      unsigned long nr_pages)
{
	loff_t end = offset + ((loff_t)nr_pages << PAGE_SHIFT) - 1;
	struct folio **folios;
	unsigned long added = 0;
	pgoff_t skip;
	long pinned;
	int ret;

	ret = udmabuf_grow_folios(udmabuf);
	if (ret)
		return ret;
	folios = &udmabuf->folios[udmabuf->nr_folios];
	pinned = udmabuf_pin_folios(memfd, offset, end, folios,
				    min(udmabuf->max_folios - udmabuf->nr_folios,
					min(nr_pages, UDMABUF_BATCH)), &skip);
	if (pinned <= 0)
		return pinned ?: -EINVAL;
	udmabuf->nr_folios += pinned;

	/* The range begins inside the first folio, and may end inside the last. */
	skip >>= PAGE_SHIFT;
	for (long i = 0; i < pinned; i++, skip = 0) {
		unsigned long n = min(folio_nr_pages(folios[i]) - skip, nr_pages - added);

		/* A pin counts many times, and a list may have the same page many times. */
		if (folio_ref_count(folios[i]) > INT_MAX / 2)
			return -ENOMEM;
		ret = udmabuf_add_pages(udmabuf, folio_pfn(folios[i]) + skip, n);
		if (ret)
			return ret;
		added += n;
	}
	return added;
}

/**
 * udmabuf_is_populated() - test whether a range lacks no huge page
 * @memfd: the memfd
 * @offset: start of the range in bytes
 * @size: length of the range in bytes
 *
 * Context: May sleep. The inode lock keeps the answer true.
 * Return: true also for a memfd without huge pages.
 */
bool udmabuf_is_populated(struct file *memfd, u64 offset, u64 size)
{
	struct folio *folio;
	u64 step;

	lockdep_assert_held(&file_inode(memfd)->i_rwsem);
	if (!is_file_hugepages(memfd))
		return true;
	step = huge_page_size(hstate_file(memfd));
	for (u64 pos = round_down(offset, step); pos < offset + size; pos += step) {
		folio = filemap_get_folio(memfd->f_mapping, pos >> PAGE_SHIFT);
		if (IS_ERR(folio))
			return false;
		folio_put(folio);
	}
	return true;
}

/**
 * udmabuf_populate() - allocate the huge pages that a range lacks
 * @memfd: the memfd; has huge pages
 * @offset: start of the range in bytes
 * @size: length of the range in bytes
 *
 * They stay if the caller fails later, as after fallocate().
 *
 * Context: May sleep. Inode lock not held.
 * Return: 0; %-EINVAL if the range exceeds the memfd; %-ENOMEM; %-ERESTARTNOINTR if a signal
 * came; or an errno of vfs_fallocate().
 */
int udmabuf_populate(struct file *memfd, u64 offset, u64 size)
{
	u64 room = i_size_read(file_inode(memfd));
	unsigned int flags;
	int ret;

	might_sleep();
	if (offset > room || size > room - offset)
		return -EINVAL;
	flags = memalloc_pin_save();
	ret = vfs_fallocate(memfd, FALLOC_FL_KEEP_SIZE, offset, size);
	memalloc_pin_restore(flags);
	if (ret == -EINTR)
		return -ERESTARTNOINTR;
	return ret == -ENOSPC ? -ENOMEM : ret;
}

/**
 * udmabuf_add_range() - pin a range of a memfd and add it to the storage
 * @udmabuf: the storage
 * @memfd: the memfd; must not shrink
 * @offset: start of the range in bytes; a multiple of the page size
 * @size: length of the range in bytes; a multiple of the page size
 *
 * On failure a part of the range may be pinned; udmabuf_free() unpins it.
 *
 * Context: May sleep.
 * Return: 0, %-EINVAL if the range exceeds the memfd, %-ENOMEM, %-EINTR if a fatal signal
 * came, or an errno of memfd_pin_folios().
 */
int udmabuf_add_range(struct udmabuf *udmabuf, struct file *memfd, loff_t offset, u64 size)
{
	unsigned long nr_pages = size >> PAGE_SHIFT;
	long added;

	might_sleep();
	while (nr_pages) {
		if (fatal_signal_pending(current))
			return -EINTR;
		added = udmabuf_pin_batch(udmabuf, memfd, offset, nr_pages);
		if (added < 0)
			return added;
		nr_pages -= added;
		offset += (loff_t)added << PAGE_SHIFT;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(udmabuf_add_range);
