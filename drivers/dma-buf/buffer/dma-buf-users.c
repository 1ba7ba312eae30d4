// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users: the lines of bufinfo and fdinfo that tell what a buffer's devices need, and who holds
 * its memory.
 *
 *   needs:	DEVICE must have NEEDS
 *   needs:	DEVICE wants NEEDS
 *   mapped:	DEVICE
 *   pinned:	DEVICE
 *   more:	COUNT devices
 *   mapped:	kernel
 *   memory:	what the exporter's describe prints
 *
 * A line is left out if there is nothing to tell, or if a device cannot be asked at once. Linux
 * 6.12 has none of them. In bufinfo they are indented, as the other details of a buffer are, and
 * stand between the number of devices and the empty line that ends the buffer. Programs that parse
 * the format of 6.12 know a buffer by the number at the start of its line, and the lines of fdinfo
 * by their keys. So no line here begins with a number, or has a key that 6.12 has.
 */

#include <linux/device.h>
#include <linux/list.h>
#include <linux/seq_file.h>

#include "dma-buf-private.h"

/* Any number of devices can be attached; the lines of these are enough to find out why. */
#define DMA_BUF_DEVICES_SHOWN	16

static void dma_buf_show_needs(struct seq_file *m, const char *indent, const char *device,
			       const char *verb, const struct dma_buf_needs *needs)
{
	char text[DMA_BUF_NEEDS_TEXT];

	if (dma_buf_needs_empty(needs))
		return;
	dma_buf_needs_print(text, sizeof(text), needs);
	seq_printf(m, "%sneeds:\t%s %s %s\n", indent, device, verb, text);
}

static void dma_buf_show_device(struct seq_file *m, const char *indent,
				struct dma_buf_attachment *attach)
{
	const struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	const char *device = dev_name(attach->dev);
	struct dma_buf_attach_needs needs = {};

	dma_buf_assert_held(attach->dmabuf);
	if (!dma_buf_device_lock(attach, NULL, false)) {
		/* Sets no needs if it fails. */
		dma_buf_attachment_needs(attach, &needs);
		dma_buf_device_unlock(attach, NULL);
	}
	dma_buf_show_needs(m, indent, device, "must have", &needs.must);
	dma_buf_show_needs(m, indent, device, "wants", &needs.want);
	if (!hlist_empty(&obj->mappings))
		seq_printf(m, "%smapped:\t%s\n", indent, device);
	if (obj->pins)
		seq_printf(m, "%spinned:\t%s\n", indent, device);
}

/**
 * dma_buf_show_users() - print needs of the devices, and who holds the memory
 * @m: bufinfo or fdinfo
 * @indent: text that begins each line
 * @dmabuf: the buffer
 *
 * Prints the lines of a limited number of devices.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_show_users(struct seq_file *m, const char *indent, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	unsigned int count = 0;

	dma_buf_assert_held(dmabuf);
	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (count++ < DMA_BUF_DEVICES_SHOWN)
			dma_buf_show_device(m, indent, attach);
	if (count > DMA_BUF_DEVICES_SHOWN)
		seq_printf(m, "%smore:\t%u devices\n", indent, count - DMA_BUF_DEVICES_SHOWN);
	if (dma_buf_to_object(dmabuf)->vmap_count)
		seq_printf(m, "%smapped:\tkernel\n", indent);
	if (dmabuf->ops->describe) {
		seq_printf(m, "%smemory:\t", indent);
		dmabuf->ops->describe(dmabuf, m);
		seq_putc(m, '\n');
	}
}
