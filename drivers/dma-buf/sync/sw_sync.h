/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by sw_sync.c, sync_info.c and sync_trace.h.
 *
 * Lock order, outermost first:
 *
 *   sync_timelines.lock
 *     sync_timeline.lock, which is also the lock of its fences
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
 * struct sync_timeline - a counter that userspace increments
 * @refs: references of the file and of each point
 * @rcu: defers the freeing, because @name is read under RCU
 * @name: command name of the task that opened the file; fixed
 * @context: context of the fences; fixed
 * @lock: guards @value, @points and the deadlines, and is the lock of the fences
 * @value: the counter; written with @lock held, read without
 * @points: tree of &struct sync_point that have not signalled, by number
 * @node: link in the list of open timelines; guarded by sync_timelines.lock
 */
struct sync_timeline {
	struct kref refs;
	struct rcu_head rcu;
	char name[TASK_COMM_LEN];
	u64 context;
	spinlock_t lock; /* value, points, deadlines, fences */
	u32 value;
	struct rb_root_cached points;
	struct list_head node;
};

/**
 * struct sync_point - a fence that signals when its timeline reaches its number
 * @base: the fence; its sequence number is the number
 * @timeline: the timeline, with a reference; fixed
 * @node: node in the tree of points, empty if it is in none; guarded by the timeline's lock
 * @signaled: link in a list of points whose references are dropped without the lock
 * @deadline: earliest deadline, if @has_deadline; guarded by the timeline's lock
 * @has_deadline: a deadline was set; guarded by the timeline's lock
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
void sync_timeline_register(struct sync_timeline *timeline);
void sync_timeline_unregister(struct sync_timeline *timeline);

#endif /* _SW_SYNC_H */
