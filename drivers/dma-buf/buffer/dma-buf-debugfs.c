// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: dma_buf/bufinfo lists all buffers with their fences and attachments.
 *
 * seq_file asks for one record per buffer. Between two reads of the file the reader keeps its
 * position in the registry (struct dma_buf_registry_iter) and holds no lock and no reference.
 * While a record is made, the reader holds a reference to its buffer; if that becomes the last
 * one, the exporter's release runs in the reader's task.
 *
 * The reservation lock guards a buffer's fences and attachments. A record is made without them if
 * the lock stays taken: the reader tries to take the lock, and pauses for a millisecond between
 * two tries. The pauses have one limit for each buffer and one for the whole list, so any number
 * of locks that are never released costs a reader no more than the second limit.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/seq_file.h>

#include "dma-buf-private.h"

/* Pauses of a millisecond for one reservation lock, and for all of a list. */
#define DMA_BUF_BUFINFO_LOCK_PAUSES	20
#define DMA_BUF_BUFINFO_LIST_PAUSES	200

/**
 * struct dma_buf_bufinfo - state of an open bufinfo file
 * @iter: position in the registry
 * @walking: @iter is begun and has to be ended
 * @complete: the totals have been shown
 * @count: number of buffers shown
 * @bytes: sum of their sizes
 * @pauses_left: pauses that this pass over the list may still take
 *
 * The mutex of the seq_file guards all members.
 */
struct dma_buf_bufinfo {
	struct dma_buf_registry_iter iter;
	bool walking;
	bool complete;
	int count;
	size_t bytes;
	unsigned int pauses_left;
};

/* Start a new pass over the list. */
static void dma_buf_bufinfo_rewind(struct dma_buf_bufinfo *info)
{
	if (info->walking)
		dma_buf_registry_iter_end(&info->iter);
	dma_buf_registry_iter_begin(&info->iter);
	info->walking = true;
	info->complete = false;
	info->count = 0;
	info->bytes = 0;
	info->pauses_left = DMA_BUF_BUFINFO_LIST_PAUSES;
}

/* Return the next buffer, or @info for the record with the totals. */
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
	/* The count leaves out the reference that this reader holds. */
	seq_printf(s, "%08zu\t%08x\t%08x\t%08ld\t%s\t%08lu\t%s\n", dmabuf->size,
		   dmabuf->file->f_flags, dmabuf->file->f_mode,
		   file_count(dmabuf->file) - 1, obj->exp_name, obj->inode.i_ino,
		   obj->named ? obj->name : "<none>");
	spin_unlock(&obj->name_lock);
}

/* A separate function, so that tests can count the pauses and act in them. */
void dma_buf_bufinfo_pause(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_bufinfo_pause);

	might_sleep();
	fsleep(USEC_PER_MSEC);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_bufinfo_pause);

static bool dma_buf_bufinfo_trylock(struct dma_buf_bufinfo *info, struct dma_buf *dmabuf)
{
	for (int i = 0; !dma_resv_trylock(dmabuf->resv); i++) {
		if (i == DMA_BUF_BUFINFO_LOCK_PAUSES || !info->pauses_left)
			return false;
		info->pauses_left--;
		dma_buf_bufinfo_pause();
	}
	return true;
}

static void dma_buf_bufinfo_show_users(struct seq_file *s, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	int count = 0;

	if (!dma_buf_bufinfo_trylock(s->private, dmabuf)) {
		seq_puts(s, "\tReservation lock taken: fences and devices not shown\n\n");
		return;
	}

	dma_resv_describe(dmabuf->resv, s);
	seq_puts(s, "\tAttached Devices:\n");
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		seq_printf(s, "\t%s\n", dev_name(attach->dev));
		count++;
	}
	seq_printf(s, "Total %d devices attached\n", count);
	dma_buf_show_users(s, "\t", dmabuf);
	dma_resv_unlock(dmabuf->resv);
	seq_putc(s, '\n');
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
