// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: dma_buf/bufinfo lists all buffers with their fences and attachments.
 *
 * One record per buffer, produced as the reader asks for it: no lock and no
 * reference is kept while the reader is away. A buffer whose reservation lock
 * stays taken is listed without what that lock guards.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/seq_file.h>

#include "dma-buf-private.h"

/* How long a reader waits for one reservation lock, in steps of a millisecond. */
#define DMA_BUF_BUFINFO_TRIES	20

/**
 * struct dma_buf_bufinfo - one reader of the list
 * @iter: its walk
 * @walking: @iter is begun
 * @complete: the totals have been shown
 * @count: buffers that were shown
 * @bytes: their sizes added up
 */
struct dma_buf_bufinfo {
	struct dma_buf_registry_iter iter;
	bool walking;
	bool complete;
	int count;
	size_t bytes;
};

static void dma_buf_bufinfo_rewind(struct dma_buf_bufinfo *info)
{
	if (info->walking)
		dma_buf_registry_iter_end(&info->iter);
	dma_buf_registry_iter_begin(&info->iter);
	info->walking = true;
	info->complete = false;
	info->count = 0;
	info->bytes = 0;
}

/* After the last buffer, the reader's own record stands for the totals. */
static void *dma_buf_bufinfo_peek(struct dma_buf_bufinfo *info)
{
	return dma_buf_registry_iter_peek(&info->iter) ?: (void *)info;
}

static void *dma_buf_bufinfo_start(struct seq_file *s, loff_t *pos)
{
	struct dma_buf_bufinfo *info = s->private;

	if (!*pos) {
		dma_buf_bufinfo_rewind(info);
		return SEQ_START_TOKEN;
	}
	return info->complete ? NULL : dma_buf_bufinfo_peek(info);
}

static void *dma_buf_bufinfo_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct dma_buf_bufinfo *info = s->private;
	struct dma_buf *dmabuf = v;

	++*pos;
	if (v == info) {
		info->complete = true;
		return NULL;
	}
	if (v != SEQ_START_TOKEN) {
		info->count++;
		info->bytes += dmabuf->size;
		dma_buf_registry_iter_step(&info->iter, dmabuf);
	}
	return dma_buf_bufinfo_peek(info);
}

static void dma_buf_bufinfo_stop(struct seq_file *s, void *v)
{
	if (v && v != SEQ_START_TOKEN && v != s->private)
		dma_buf_put(v);
}

static void dma_buf_bufinfo_show_buffer(struct seq_file *s, struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	spin_lock(&obj->name_lock);
	/* This reader's reference is not one of the buffer's users. */
	seq_printf(s, "%08zu\t%08x\t%08x\t%08ld\t%s\t%08lu\t%s\n", dmabuf->size,
		   dmabuf->file->f_flags, dmabuf->file->f_mode,
		   file_count(dmabuf->file) - 1, obj->exp_name, obj->inode.i_ino,
		   obj->named ? obj->name : "<none>");
	spin_unlock(&obj->name_lock);
}

static bool dma_buf_bufinfo_trylock(struct dma_buf *dmabuf)
{
	for (int i = 0; i < DMA_BUF_BUFINFO_TRIES; i++) {
		if (dma_resv_trylock(dmabuf->resv))
			return true;
		fsleep(USEC_PER_MSEC);
	}
	return false;
}

static void dma_buf_bufinfo_show_users(struct seq_file *s, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	int count = 0;

	if (!dma_buf_bufinfo_trylock(dmabuf)) {
		seq_puts(s, "\tReservation lock taken: fences and devices not shown\n\n");
		return;
	}

	dma_resv_describe(dmabuf->resv, s);
	seq_puts(s, "\tAttached Devices:\n");
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		seq_printf(s, "\t%s\n", dev_name(attach->dev));
		count++;
	}
	dma_resv_unlock(dmabuf->resv);
	seq_printf(s, "Total %d devices attached\n\n", count);
}

static int dma_buf_bufinfo_show(struct seq_file *s, void *v)
{
	struct dma_buf_bufinfo *info = s->private;

	if (v == SEQ_START_TOKEN) {
		seq_puts(s, "\nDma-buf Objects:\n");
		seq_printf(s, "%-8s\t%-8s\t%-8s\t%-8s\texp_name\t%-8s\tname\n",
			   "size", "flags", "mode", "count", "ino");
	} else if (v == info) {
		seq_printf(s, "\nTotal %d objects, %zu bytes\n", info->count, info->bytes);
	} else {
		dma_buf_bufinfo_show_buffer(s, v);
		dma_buf_bufinfo_show_users(s, v);
	}
	return 0;
}

static const struct seq_operations dma_buf_bufinfo_sops = {
	.start = dma_buf_bufinfo_start,
	.next = dma_buf_bufinfo_next,
	.stop = dma_buf_bufinfo_stop,
	.show = dma_buf_bufinfo_show,
};

static int dma_buf_bufinfo_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &dma_buf_bufinfo_sops,
				sizeof(struct dma_buf_bufinfo));
}

static int dma_buf_bufinfo_release(struct inode *inode, struct file *file)
{
	struct seq_file *s = file->private_data;
	struct dma_buf_bufinfo *info = s->private;

	if (info->walking)
		dma_buf_registry_iter_end(&info->iter);
	return seq_release_private(inode, file);
}

static const struct file_operations dma_buf_bufinfo_fops = {
	.owner = THIS_MODULE,
	.open = dma_buf_bufinfo_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = dma_buf_bufinfo_release,
};

void __init dma_buf_debugfs_init(void)
{
	debugfs_create_file("bufinfo", 0444, debugfs_create_dir("dma_buf", NULL),
			    NULL, &dma_buf_bufinfo_fops);
}
