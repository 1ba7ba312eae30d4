// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: all buffers that have a file, for those who list them.
 *
 * A list per CPU, each with its lock. Export and release hold the lock of one
 * shard for a few instructions, and a step of a walk for as long as it takes to
 * look at DMA_BUF_LOOK_MAX dying buffers: what a walker does with a buffer, it does
 * with a reference and without a lock. So no export, no release and no other walker
 * ever waits for a walker that is slow, or that is stuck with one buffer.
 *
 * A walker keeps its place with a cursor, an entry of its own in the list. It
 * stands before the buffer that comes next, holds no reference while the walker
 * is away, and stays where it is if that buffer goes. A walk sees each buffer
 * that exists from its beginning to its end exactly once, and of the others some.
 *
 * A buffer leaves the registry in its file's release. As long as it is listed,
 * the memory of its struct file is there to be looked at; get_file_active() says
 * whether it is still alive.
 *
 * The registry also numbers the inodes, because it is where each buffer takes a
 * lock anyway. A shard draws numbers in batches, so that CPUs which export at the
 * same time do not fight for a counter.
 */

#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/sched.h>

#include "dma-buf-private.h"

#define DMA_BUF_INO_BATCH	1024
/* A process that was killed leaves its buffers dying in the list for a while. */
#define DMA_BUF_LOOK_MAX	64

/**
 * struct dma_buf_shard - buffers that were exported on one CPU, and cursors
 * @lock: guards all of it, and the list links of the entries
 * @entries: &struct dma_buf_registry_entry, in no particular order
 * @next_ino: inode number for the next one; at a multiple of the batch, draw
 */
struct dma_buf_shard {
	spinlock_t lock; /* innermost */
	struct list_head entries;
	u64 next_ino;
};

static DEFINE_PER_CPU(struct dma_buf_shard, dma_buf_shards);
static atomic64_t dma_buf_ino_batches = ATOMIC64_INIT(0);

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
 * From 1024 up: nobody gets 0. Unique for as long as the machine runs where an
 * inode number has 64 bits, else until 4 billion buffers have been made.
 */
static unsigned long dma_buf_shard_draw_ino(struct dma_buf_shard *shard)
{
	lockdep_assert_held(&shard->lock);
	if (!(shard->next_ino % DMA_BUF_INO_BATCH))
		shard->next_ino = DMA_BUF_INO_BATCH *
				  atomic64_inc_return(&dma_buf_ino_batches);
	return shard->next_ino++;
}

/* Number a buffer, complete but for that, and list it. */
void dma_buf_registry_add(struct dma_buf_object *obj)
{
	/* Any shard will do, so it does not matter if the task moves on. */
	struct dma_buf_shard *shard = raw_cpu_ptr(&dma_buf_shards);

	spin_lock(&shard->lock);
	obj->inode.i_ino = dma_buf_shard_draw_ino(shard);
	obj->entry.shard = shard;
	list_add_tail(&obj->entry.node, &shard->entries);
	spin_unlock(&shard->lock);
}

/* The buffer's file is being released. */
void dma_buf_registry_remove(struct dma_buf_object *obj)
{
	spin_lock(&obj->entry.shard->lock);
	list_del(&obj->entry.node);
	spin_unlock(&obj->entry.shard->lock);
}

static void dma_buf_registry_cursor_enter(struct dma_buf_registry_iter *iter)
{
	struct dma_buf_shard *shard = per_cpu_ptr(&dma_buf_shards, iter->cpu);

	iter->cursor.shard = shard;
	spin_lock(&shard->lock);
	list_add(&iter->cursor.node, &shard->entries);
	spin_unlock(&shard->lock);
}

static void dma_buf_registry_cursor_leave(struct dma_buf_registry_iter *iter)
{
	spin_lock(&iter->cursor.shard->lock);
	list_del(&iter->cursor.node);
	spin_unlock(&iter->cursor.shard->lock);
}

/* A walk over all buffers: to be ended, even before its end, and may sleep. */
void dma_buf_registry_iter_begin(struct dma_buf_registry_iter *iter)
{
	iter->cursor.dmabuf = NULL;
	iter->cpu = cpumask_first(cpu_possible_mask);
	dma_buf_registry_cursor_enter(iter);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_begin);

/*
 * Look behind the cursor for a buffer that is not dying, and put the cursor behind
 * dying ones if there are many. False when there is nothing more to look at.
 */
static bool dma_buf_shard_look(struct dma_buf_registry_iter *iter,
			       struct dma_buf **dmabuf)
{
	struct dma_buf_shard *shard = iter->cursor.shard;
	struct dma_buf_registry_entry *entry = &iter->cursor;
	unsigned int budget = DMA_BUF_LOOK_MAX;

	*dmabuf = NULL;
	spin_lock(&shard->lock);
	list_for_each_entry_continue(entry, &shard->entries, node) {
		if (entry->dmabuf && get_file_active(&entry->dmabuf->file)) {
			*dmabuf = entry->dmabuf;
			break;
		}
		if (!--budget) {
			list_move(&iter->cursor.node, &entry->node);
			break;
		}
	}
	spin_unlock(&shard->lock);
	return *dmabuf || !budget;
}

/* The first buffer behind the cursor that is not dying. */
static struct dma_buf *dma_buf_shard_peek(struct dma_buf_registry_iter *iter)
{
	struct dma_buf *dmabuf;

	while (dma_buf_shard_look(iter, &dmabuf)) {
		if (dmabuf)
			return dmabuf;
		cond_resched();
	}
	return NULL;
}

/**
 * dma_buf_registry_iter_peek() - the buffer that comes next in a walk.
 * @iter: the walk
 *
 * Does not go on: until dma_buf_registry_iter_step() the same one comes again,
 * unless it has died.
 *
 * Context: Process context.
 *
 * Return: A buffer, with a reference for the caller, or NULL at the end.
 */
struct dma_buf *dma_buf_registry_iter_peek(struct dma_buf_registry_iter *iter)
{
	struct dma_buf *dmabuf = dma_buf_shard_peek(iter);
	int cpu = iter->cpu;

	while (!dmabuf) {
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			return NULL;
		dma_buf_registry_cursor_leave(iter);
		iter->cpu = cpu;
		dma_buf_registry_cursor_enter(iter);
		dmabuf = dma_buf_shard_peek(iter);
	}
	return dmabuf;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_peek);

/**
 * dma_buf_registry_iter_step() - go on behind a buffer, and let go of it.
 * @iter: the walk
 * @dmabuf: what dma_buf_registry_iter_peek() returned last
 *
 * Context: Process context.
 */
void dma_buf_registry_iter_step(struct dma_buf_registry_iter *iter,
				struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	spin_lock(&iter->cursor.shard->lock);
	list_move(&iter->cursor.node, &obj->entry.node);
	spin_unlock(&iter->cursor.shard->lock);
	dma_buf_put(dmabuf);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_step);

void dma_buf_registry_iter_end(struct dma_buf_registry_iter *iter)
{
	dma_buf_registry_cursor_leave(iter);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_registry_iter_end);
