/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of sw_sync share, and nobody else sees.
 *
 * Lock order, outermost first:
 *
 *   sync_timelines_lock
 *     sync_timeline.lock, which is the lock of the fences too
 */
#ifndef _SW_SYNC_H
#define _SW_SYNC_H

#include <linux/container_of.h>
#include <linux/dma-fence.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

/**
 * struct sync_timeline - a counter that userspace moves on
 * @refs: the file's, and one for each point
 * @rcu: for freeing it: names are read under RCU
 * @name: of the program that opened it; fixed
 * @context: for the fences; fixed
 * @lock: guards @value and @points, and is the lock of the fences
 * @value: what has been reached
 * @points: &struct sync_point that wait for it, in their order
 * @node: link in the list of open timelines; sync_timelines_lock
 */
struct sync_timeline {
	struct kref refs;
	struct rcu_head rcu;
	char name[TASK_COMM_LEN];
	u64 context;
	spinlock_t lock; /* value, points, fences */
	u32 value;
	struct rb_root_cached points;
	struct list_head node;
};

/**
 * struct sync_point - a fence that signals when its timeline gets there
 * @base: the fence
 * @timeline: the timeline, with a reference; fixed
 * @node: place among its points, empty when it does not wait any more; timeline's lock
 * @signaled: link in the list of those that are put after the lock
 * @deadline: the earliest that was set, if @has_deadline; timeline's lock
 * @has_deadline: one was set; timeline's lock
 */
struct sync_point {
	struct dma_fence base;
	struct sync_timeline *timeline;
	struct rb_node node;
	struct list_head signaled;
	ktime_t deadline;
	bool has_deadline;
};

static inline struct sync_point *rb_to_sync_point(struct rb_node *node)
{
	return node ? container_of(node, struct sync_point, node) : NULL;
}

/* sw_sync.c */
extern const struct file_operations sw_sync_fops;

/* sync_info.c */
void sync_timeline_list(struct sync_timeline *timeline);
void sync_timeline_unlist(struct sync_timeline *timeline);

#endif /* _SW_SYNC_H */
