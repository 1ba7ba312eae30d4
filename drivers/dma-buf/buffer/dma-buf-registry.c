// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry lists all buffers that have a file, in one list (a shard) per possible CPU.
 *
 * An export adds the buffer to the shard of the current CPU, the release of the file removes it.
 * The lock of the shard guards the list. Export and release hold it for a few instructions, a
 * walk for at most DMA_BUF_SCAN_MAX entries at a time. No callback runs and nothing sleeps under
 * the lock; the event dma_buf_export is traced there, after the inode has its number.
 *
 * A walk has two entries of its own in the shard that it is in: a cursor before the next buffer,
 * and an end. The end is added to the tail when the walk enters the shard, so a walk ends however
 * fast others export. The walk holds no lock and no reference between two calls. It visits each
 * buffer that exists from its begin to its end exactly once.
 *
 * A listed buffer may be dying: its last reference is dropped and the release of its file has not
 * run yet. Its struct file is not freed before that, so the walk may call get_file_active() on
 * it, which fails for a dying file.
 *
 * The shards also number the inodes, because an export takes the lock of a shard anyway. A shard
 * draws numbers in batches from one counter.
 */

#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/file.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

#define DMA_BUF_INO_BATCH	1024
/* A killed process leaves many dying buffers in the list for some time. */
#define DMA_BUF_SCAN_MAX	64

/**
 * struct dma_buf_shard - buffers that were exported on one CPU
 * @lock: guards the other members, and the links of the entries
 * @entries: &struct dma_buf_registry_entry, the newest buffer last
 * @next_ino: next inode number; a multiple of the batch size asks for a new batch
 */
struct dma_buf_shard {
	spinlock_t lock; /* innermost; never taken in interrupts */
	struct list_head entries;
	u64 next_ino;
};

static DEFINE_PER_CPU(struct dma_buf_shard, dma_buf_shards);
static atomic64_t dma_buf_ino_batches = ATOMIC64_INIT(0);

/* Called at boot, before the first export. */
void __init dma_buf_registry_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct dma_buf_shard *shard = per_cpu_ptr(&dma_buf_shards, cpu);

		spin_lock_init(&shard->lock);
		INIT_LIST_HEAD(&shard->entries);
	}
}

/*
 * The first number is 1024, so no inode has number 0. Numbers are unique until a reboot; where
 * unsigned long has 32 bits, until they wrap.
 */
static unsigned long dma_buf_shard_draw_ino(struct dma_buf_shard *shard)
{
	lockdep_assert_held(&shard->lock);
	if (!(shard->next_ino % DMA_BUF_INO_BATCH))
		shard->next_ino = DMA_BUF_INO_BATCH *
				  atomic64_inc_return(&dma_buf_ino_batches);
	return shard->next_ino++;
}

/**
 * dma_buf_registry_add() - number the inode of a buffer, trace the export, and list it
 * @obj: complete buffer with a file
 *
 * Context: Process context.
 */
void dma_buf_registry_add(struct dma_buf_object *obj)
{
	/* Any shard works, so the task may migrate after this. */
	struct dma_buf_shard *shard = raw_cpu_ptr(&dma_buf_shards);

	spin_lock(&shard->lock);
	obj->inode.i_ino = dma_buf_shard_draw_ino(shard);
	obj->entry.shard = shard;
	trace_dma_buf_export(&obj->dmabuf);
	list_add_tail(&obj->entry.node, &shard->entries);
	spin_unlock(&shard->lock);
}

/**
 * dma_buf_registry_remove() - unlist a buffer whose file is being released
 * @obj: buffer that dma_buf_registry_add() listed
 *
 * Context: Process context.
 */
void dma_buf_registry_remove(struct dma_buf_object *obj)
{
	spin_lock(&obj->entry.shard->lock);
	list_del_init(&obj->entry.node);
	spin_unlock(&obj->entry.shard->lock);
}

static void dma_buf_registry_iter_enter(struct dma_buf_registry_iter *iter)
{
	struct dma_buf_shard *shard = per_cpu_ptr(&dma_buf_shards, iter->cpu);

	iter->cursor.shard = shard;
	iter->end.shard = shard;
	spin_lock(&shard->lock);
	list_add(&iter->cursor.node, &shard->entries);
	list_add_tail(&iter->end.node, &shard->entries);
	spin_unlock(&shard->lock);
}

static void dma_buf_registry_iter_leave(struct dma_buf_registry_iter *iter)
{
	struct dma_buf_shard *shard = iter->cursor.shard;

	spin_lock(&shard->lock);
	list_del_init(&iter->cursor.node);
	list_del_init(&iter->end.node);
	spin_unlock(&shard->lock);
}

/**
 * dma_buf_registry_iter_begin() - begin a walk over all buffers
 * @iter: the walk; to be ended with dma_buf_registry_iter_end()
 *
 * Context: Process context. The caller may sleep between calls for one walk.
 */
void dma_buf_registry_iter_begin(struct dma_buf_registry_iter *iter)
{
	might_sleep();
	iter->cursor.dmabuf = NULL;
	iter->end.dmabuf = NULL;
	iter->cpu = cpumask_first(cpu_possible_mask);
	dma_buf_registry_iter_enter(iter);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_begin);

/*
 * Find the first live buffer between the cursor and the end, and take a reference to it. If none
 * of DMA_BUF_SCAN_MAX entries is one, move the cursor behind them. Returns false at the end.
 */
static bool dma_buf_shard_scan(struct dma_buf_registry_iter *iter,
			       struct dma_buf **dmabuf)
{
	struct dma_buf_registry_entry *entry = &iter->cursor;
	struct dma_buf_shard *shard = iter->cursor.shard;
	unsigned int entries_left = DMA_BUF_SCAN_MAX;
	bool more = false;

	*dmabuf = NULL;
	spin_lock(&shard->lock);
	list_for_each_entry_continue(entry, &shard->entries, node) {
		if (entry == &iter->end)
			break;
		if (entry->dmabuf && get_file_active(&entry->dmabuf->file)) {
			*dmabuf = entry->dmabuf;
			more = true;
			break;
		}
		if (!--entries_left) {
			list_move(&iter->cursor.node, &entry->node);
			more = true;
			break;
		}
	}
	spin_unlock(&shard->lock);
	return more;
}

static struct dma_buf *dma_buf_shard_peek(struct dma_buf_registry_iter *iter)
{
	struct dma_buf *dmabuf;

	while (dma_buf_shard_scan(iter, &dmabuf)) {
		if (dmabuf)
			return dmabuf;
		cond_resched();
	}
	return NULL;
}

/**
 * dma_buf_registry_iter_peek() - return the next buffer of a walk
 * @iter: the walk
 *
 * Does not advance the walk: until dma_buf_registry_iter_step(), the next call returns the same
 * buffer, unless its last reference is dropped.
 *
 * Context: Process context; may sleep.
 * Return: A buffer, with a reference that the caller drops, or NULL at the end.
 */
struct dma_buf *dma_buf_registry_iter_peek(struct dma_buf_registry_iter *iter)
{
	struct dma_buf *dmabuf;
	int cpu = iter->cpu;

	might_sleep();
	dmabuf = dma_buf_shard_peek(iter);
	while (!dmabuf) {
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			return NULL;
		dma_buf_registry_iter_leave(iter);
		iter->cpu = cpu;
		dma_buf_registry_iter_enter(iter);
		dmabuf = dma_buf_shard_peek(iter);
	}
	return dmabuf;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_peek);

/**
 * dma_buf_registry_iter_step() - advance a walk behind a buffer
 * @iter: the walk
 * @dmabuf: buffer that dma_buf_registry_iter_peek() returned last; drops the reference
 *
 * Context: Process context.
 */
void dma_buf_registry_iter_step(struct dma_buf_registry_iter *iter,
				struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (!WARN_ON_ONCE(obj->entry.shard != iter->cursor.shard)) {
		spin_lock(&iter->cursor.shard->lock);
		list_move(&iter->cursor.node, &obj->entry.node);
		spin_unlock(&iter->cursor.shard->lock);
	}
	fput(dmabuf->file);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_step);

/**
 * dma_buf_registry_iter_end() - end a walk, also before its last buffer
 * @iter: the walk
 *
 * Context: Process context.
 */
void dma_buf_registry_iter_end(struct dma_buf_registry_iter *iter)
{
	dma_buf_registry_iter_leave(iter);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_end);
