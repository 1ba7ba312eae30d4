// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs sync/: the open timelines of sw_sync and their points.
 */

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>

#include "sw_sync.h"

struct sync_timelines {
	struct mutex lock; /* guards @list */
	struct list_head list;
};

static struct sync_timelines sync_timelines = {
	.lock = __MUTEX_INITIALIZER(sync_timelines.lock),
	.list = LIST_HEAD_INIT(sync_timelines.list),
};

void sync_timeline_register(struct sync_timeline *timeline)
{
	guard(mutex)(&sync_timelines.lock);
	list_add_tail(&timeline->node, &sync_timelines.list);
}

void sync_timeline_unregister(struct sync_timeline *timeline)
{
	guard(mutex)(&sync_timelines.lock);
	list_del(&timeline->node);
}

static void sync_timeline_show(struct seq_file *seq, struct sync_timeline *timeline)
{
	struct rb_node *node;

	lockdep_assert_held(&sync_timelines.lock);
	spin_lock_irq(&timeline->lock);
	seq_printf(seq, "%s: %d\n", timeline->name, timeline->value);
	/* No point in the tree has signalled. */
	for (node = rb_first_cached(&timeline->points); node; node = rb_next(node))
		seq_printf(seq, "  fence active: %lld / %d\n",
			   (s64)rb_to_sync_point(node)->base.seqno, timeline->value);
	seq_putc(seq, '\n');
	spin_unlock_irq(&timeline->lock);
}

static int sync_info_show(struct seq_file *seq, void *unused)
{
	struct sync_timeline *timeline;

	seq_puts(seq, "objs:\n--------------\n");
	scoped_guard(mutex, &sync_timelines.lock)
		list_for_each_entry(timeline, &sync_timelines.list, node)
			sync_timeline_show(seq, timeline);
	/* 6.12 prints this heading too, above a list that is always empty. */
	seq_puts(seq, "fences:\n--------------\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sync_info);

/* The files are never removed, so debugfs need not guard their callbacks against it. */
static int __init sync_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("sync", NULL);

	debugfs_create_file_unsafe("info", 0444, dir, NULL, &sync_info_fops);
	debugfs_create_file_unsafe("sw_sync", 0644, dir, NULL, &sw_sync_fops);
	return 0;
}
late_initcall(sync_debugfs_init);
