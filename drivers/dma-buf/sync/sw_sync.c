// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences that userspace signals (sw_sync), for tests.
 *
 * Each open file of debugfs sync/sw_sync is a timeline, a counter that starts at 0. A point
 * is a fence that signals when the counter reaches its number; numbers are compared as 32
 * bits that may wrap. Closing the file signals the remaining points with -ENOENT.
 *
 * The timeline's lock guards its counter, its tree of points and their deadlines, and is the
 * lock of the fences. The tree holds no references: a point may be released at any time,
 * and its release takes the lock to leave the tree. Code that finds a point in the tree uses
 * dma_fence_get_rcu(), under the lock, and drops the reference without it. Each point holds
 * a reference to its timeline.
 */

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "sw_sync.h"

#define CREATE_TRACE_POINTS
#include "sync_trace.h"

/**
 * struct sw_sync_create_fence_data - SW_SYNC_IOC_CREATE_FENCE: create a point
 * @value: number of the point
 * @name: ignored
 * @fence: descriptor of a sync_file with the point (out)
 */
struct sw_sync_create_fence_data {
	__u32	value;
	char	name[32];
	__s32	fence;
};

/**
 * struct sw_sync_get_deadline - SW_SYNC_GET_DEADLINE: read the deadline of a point
 * @deadline_ns: 0 (in); the earliest one, in nanoseconds of CLOCK_MONOTONIC (out)
 * @pad: 0
 * @fence_fd: descriptor of a sync_file with a point, not a merged one
 */
struct sw_sync_get_deadline {
	__u64	deadline_ns;
	__u32	pad;
	__s32	fence_fd;
};

#define SW_SYNC_IOC_MAGIC		'W'
#define SW_SYNC_IOC_CREATE_FENCE \
	_IOWR(SW_SYNC_IOC_MAGIC, 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW(SW_SYNC_IOC_MAGIC, 1, __u32)
#define SW_SYNC_GET_DEADLINE \
	_IOWR(SW_SYNC_IOC_MAGIC, 2, struct sw_sync_get_deadline)

static_assert(sizeof(struct sw_sync_create_fence_data) == 40);
static_assert(sizeof(struct sw_sync_get_deadline) == 16);

static void sync_timeline_release(struct kref *refs)
{
	struct sync_timeline *timeline = container_of(refs, struct sync_timeline, refs);

	kfree_rcu(timeline, rcu);
}

static void sync_timeline_put(struct sync_timeline *timeline)
{
	kref_put(&timeline->refs, sync_timeline_release);
}

static struct sync_point *to_sync_point(struct dma_fence *fence)
{
	return container_of(fence, struct sync_point, base);
}

/* True if the counter has reached the number. */
static bool sync_timeline_reached(struct sync_timeline *timeline, u32 seqno)
{
	return (s32)(seqno - READ_ONCE(timeline->value)) <= 0;
}

static const char *sync_point_driver_name(struct dma_fence *fence)
{
	return "sw_sync";
}

static const char *sync_point_timeline_name(struct dma_fence *fence)
{
	return to_sync_point(fence)->timeline->name;
}

static bool sync_point_signaled(struct dma_fence *fence)
{
	return sync_timeline_reached(to_sync_point(fence)->timeline, fence->seqno);
}

static void sync_point_value_str(struct dma_fence *fence, char *str, int size)
{
	snprintf(str, size, "%lld", (s64)fence->seqno);
}

static void sync_point_timeline_value_str(struct dma_fence *fence, char *str, int size)
{
	snprintf(str, size, "%d", READ_ONCE(to_sync_point(fence)->timeline->value));
}

static void sync_point_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	struct sync_point *point = to_sync_point(fence);
	unsigned long irq;

	spin_lock_irqsave(&point->timeline->lock, irq);
	if (!point->has_deadline || deadline < point->deadline)
		point->deadline = deadline;
	point->has_deadline = true;
	spin_unlock_irqrestore(&point->timeline->lock, irq);
}

static void sync_point_remove(struct sync_point *point)
{
	lockdep_assert_held(&point->timeline->lock);
	if (RB_EMPTY_NODE(&point->node))
		return;
	rb_erase_cached(&point->node, &point->timeline->points);
	RB_CLEAR_NODE(&point->node);
}

static void sync_point_release(struct dma_fence *fence)
{
	struct sync_point *point = to_sync_point(fence);

	scoped_guard(spinlock_irqsave, &point->timeline->lock)
		sync_point_remove(point);
	sync_timeline_put(point->timeline);
	dma_fence_free(fence);
}

static const struct dma_fence_ops sync_point_ops = {
	.get_driver_name = sync_point_driver_name,
	.get_timeline_name = sync_point_timeline_name,
	.signaled = sync_point_signaled,
	.fence_value_str = sync_point_value_str,
	.timeline_value_str = sync_point_timeline_value_str,
	.set_deadline = sync_point_set_deadline,
	.release = sync_point_release,
};

/*
 * Signal the points that the counter has reached, or all of them with an error. Collects
 * them with a reference, except those that are being released.
 */
static void sync_timeline_signal(struct sync_timeline *timeline, int error,
				 struct list_head *signaled)
{
	struct sync_point *point;

	lockdep_assert_held(&timeline->lock);
	while ((point = rb_to_sync_point(rb_first_cached(&timeline->points)))) {
		if (!error && !sync_timeline_reached(timeline, point->base.seqno))
			break;
		sync_point_remove(point);
		if (!dma_fence_get_rcu(&point->base))
			continue;
		if (error)
			dma_fence_set_error(&point->base, error);
		dma_fence_signal_locked(&point->base);
		list_add_tail(&point->signaled, signaled);
	}
}

/* Drop the references without the lock, which a release takes. */
static void sync_points_put(struct list_head *signaled)
{
	struct sync_point *point, *next;

	list_for_each_entry_safe(point, next, signaled, signaled)
		dma_fence_put(&point->base);
}

/* One lock section, so that the tree never holds a point that has been reached. */
static void sync_timeline_inc(struct sync_timeline *timeline, u32 by)
{
	LIST_HEAD(signaled);

	trace_sync_timeline(timeline);
	scoped_guard(spinlock_irq, &timeline->lock) {
		WRITE_ONCE(timeline->value, timeline->value + by);
		sync_timeline_signal(timeline, 0, &signaled);
	}
	sync_points_put(&signaled);
}

static int sw_sync_open(struct inode *inode, struct file *file)
{
	struct sync_timeline *timeline = kzalloc(sizeof(*timeline), GFP_KERNEL_ACCOUNT);

	if (!timeline)
		return -ENOMEM;
	kref_init(&timeline->refs);
	get_task_comm(timeline->name, current);
	timeline->context = dma_fence_context_alloc(1);
	spin_lock_init(&timeline->lock);
	timeline->points = RB_ROOT_CACHED;
	sync_timeline_register(timeline);
	file->private_data = timeline;
	return 0;
}

static int sw_sync_release(struct inode *inode, struct file *file)
{
	struct sync_timeline *timeline = file->private_data;
	LIST_HEAD(signaled);

	sync_timeline_unregister(timeline);
	scoped_guard(spinlock_irq, &timeline->lock)
		sync_timeline_signal(timeline, -ENOENT, &signaled);
	sync_points_put(&signaled);
	sync_timeline_put(timeline);
	return 0;
}

/*
 * Return the point of the same number, with a reference, or NULL and the place in the tree
 * for a new one.
 */
static struct sync_point *sync_timeline_find(struct sync_timeline *timeline, u32 value,
					     struct rb_node **parent,
					     struct rb_node ***link, bool *leftmost)
{
	struct sync_point *point;
	s32 order;

	lockdep_assert_held(&timeline->lock);
	*link = &timeline->points.rb_root.rb_node;
	*parent = NULL;
	*leftmost = true;
	while (**link) {
		*parent = **link;
		point = rb_to_sync_point(*parent);
		order = value - (u32)point->base.seqno;
		/* A point that is being released stays; the new one goes to its left. */
		if (!order && dma_fence_get_rcu(&point->base))
			return point;
		if (order > 0) {
			*link = &(*parent)->rb_right;
			*leftmost = false;
		} else {
			*link = &(*parent)->rb_left;
		}
	}
	return NULL;
}

/* Add a point. Returns it, or the point that has its number, with a reference. */
static struct sync_point *sync_timeline_add(struct sync_timeline *timeline,
					    struct sync_point *point)
{
	struct sync_point *other = NULL;
	struct rb_node *parent, **link;
	bool leftmost;

	spin_lock_irq(&timeline->lock);
	if (!dma_fence_is_signaled_locked(&point->base)) {
		other = sync_timeline_find(timeline, point->base.seqno, &parent, &link,
					   &leftmost);
		if (!other) {
			rb_link_node(&point->node, parent, link);
			rb_insert_color_cached(&point->node, &timeline->points, leftmost);
		}
	}
	spin_unlock_irq(&timeline->lock);
	return other ?: point;
}

static struct sync_point *sync_point_create(struct sync_timeline *timeline, u32 value)
{
	struct sync_point *point = kzalloc(sizeof(*point), GFP_KERNEL_ACCOUNT), *used;

	if (!point)
		return NULL;
	kref_get(&timeline->refs);
	point->timeline = timeline;
	RB_CLEAR_NODE(&point->node);
	dma_fence_init(&point->base, &sync_point_ops, &timeline->lock, timeline->context,
		       value);
	used = sync_timeline_add(timeline, point);
	if (used != point)
		dma_fence_put(&point->base);
	return used;
}

static long sw_sync_create_fence(struct sync_timeline *timeline, void __user *arg)
{
	struct sw_sync_create_fence_data data;
	struct sync_file *sync_file;
	struct sync_point *point;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	point = sync_point_create(timeline, data.value);
	if (!point)
		return -ENOMEM;
	sync_file = sync_file_create(&point->base);
	dma_fence_put(&point->base);
	if (!sync_file)
		return -ENOMEM;

	data.fence = fd;
	if (copy_to_user(arg, &data, sizeof(data))) {
		fput(sync_file->file);
		return -EFAULT;
	}
	fd_install(take_fd(fd), sync_file->file);
	return 0;
}

/* In steps of INT_MAX at most: a greater one compares as a step backwards. */
static long sw_sync_inc(struct sync_timeline *timeline, void __user *arg)
{
	u32 by;

	if (copy_from_user(&by, arg, sizeof(by)))
		return -EFAULT;
	for (; by > INT_MAX; by -= INT_MAX)
		sync_timeline_inc(timeline, INT_MAX);
	sync_timeline_inc(timeline, by);
	return 0;
}

static long sw_sync_read_deadline(struct dma_fence *fence, u64 *deadline_ns)
{
	struct sync_point *point = to_sync_point(fence);
	bool has_deadline;

	if (fence->ops != &sync_point_ops)
		return -EINVAL;
	spin_lock_irq(&point->timeline->lock);
	has_deadline = point->has_deadline;
	*deadline_ns = ktime_to_ns(point->deadline);
	spin_unlock_irq(&point->timeline->lock);
	return has_deadline ? 0 : -ENOENT;
}

static long sw_sync_get_deadline(struct sync_timeline *timeline, void __user *arg)
{
	struct sw_sync_get_deadline data;
	struct dma_fence *fence;
	long ret;

	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	if (data.deadline_ns || data.pad)
		return -EINVAL;
	fence = sync_file_get_fence(data.fence_fd);
	if (!fence)
		return -EINVAL;
	ret = sw_sync_read_deadline(fence, &data.deadline_ns);
	dma_fence_put(fence);
	if (ret)
		return ret;
	return copy_to_user(arg, &data, sizeof(data)) ? -EFAULT : 0;
}

static const struct {
	unsigned int cmd;
	long (*call)(struct sync_timeline *timeline, void __user *arg);
} sw_sync_ioctls[] = {
	{ SW_SYNC_IOC_CREATE_FENCE, sw_sync_create_fence },
	{ SW_SYNC_IOC_INC, sw_sync_inc },
	{ SW_SYNC_GET_DEADLINE, sw_sync_get_deadline },
};

static long sw_sync_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(sw_sync_ioctls); i++)
		if (sw_sync_ioctls[i].cmd == cmd)
			return sw_sync_ioctls[i].call(file->private_data,
						      (void __user *)arg);
	return -ENOTTY;
}

const struct file_operations sw_sync_fops = {
	.open = sw_sync_open,
	.release = sw_sync_release,
	.unlocked_ioctl = sw_sync_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
