/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interface of buffers that drivers share, for exporters and importers.
 *
 * See Documentation/driver-api/dma-buf.rst. "Reservation lock" is the lock of &dma_buf.resv.
 * Members that are "fixed" are set before the object is visible to others and do not change.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2011 Linaro Limited. All rights reserved.
 */
#ifndef _LINUX_DMA_BUF_H
#define _LINUX_DMA_BUF_H

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_misfit;
struct dma_buf_needs;
struct dma_buf_run;
struct dma_resv;
struct module;
struct page;
struct seq_file;
struct vm_area_struct;

#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/wait.h>

/**
 * struct dma_buf_ops - callbacks of an exporter
 *
 * One constant table for each kind of buffer. @map_dma_buf, @unmap_dma_buf and @release are
 * mandatory, all others are optional. @pin and @unpin come together or not at all.
 *
 * An exporter with @pin is *dynamic*: it may move storage that is not pinned. An exporter without
 * @pin is *static*: storage that is mapped does not move.
 */
struct dma_buf_ops {
	/**
	 * @cache_sgt_mapping: Keep the first mapping of each attachment until the detach.
	 *
	 * For exporters whose mappings are expensive: later map calls return the cached mapping.
	 * In another direction they fail with ``-EBUSY``, unless the cached mapping is
	 * %DMA_BIDIRECTIONAL. Not allowed together with @pin.
	 */
	bool cache_sgt_mapping;

	/**
	 * @attach: Accept or refuse a device (optional).
	 *
	 * The exporter checks here whether &dma_buf_attachment.dev can address the storage. It
	 * may keep data for the device in &dma_buf_attachment.priv. The attachment is not in
	 * &dma_buf.attachments yet.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno, which the importer gets. ``-EBUSY`` means that the
	 * storage has been allocated where the device cannot address it, and that a new buffer may
	 * fit. An exporter that can choose the memory has @negotiate.
	 */
	int (*attach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/**
	 * @detach: Free what @attach allocated (optional).
	 *
	 * Called once for each attachment that @attach accepted, after its last mapping and pin
	 * are undone and it was removed from &dma_buf.attachments.
	 *
	 * Context: Reservation lock not held; may sleep.
	 */
	void (*detach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/**
	 * @negotiate: Provide memory that fits all devices (optional).
	 *
	 * Called for each attach that needs something, after @attach. @must and @want are the needs
	 * of all devices that are attached and of the one that is being attached, which is not in
	 * &dma_buf.attachments yet. @must is what importers stated, and what the new device cannot
	 * do without; @want is the rest. The exporter tests with dma_buf_fits() whether its memory
	 * meets both. If not, it replaces it by memory that meets both or else @must, and that is
	 * not worse for the attached devices (dma_buf_keeps_reach()); and it calls
	 * dma_buf_note_replaced(). Memory that meets only @must is good enough: most of what does
	 * not meet @want is bounced.
	 *
	 * An exporter that cannot choose its memory, and has all pages after @attach, calls
	 * dma_buf_negotiate_pages().
	 *
	 * If @must is not met and the importer stated something, the callback is called again
	 * with what importers stated, and without the needs of devices.
	 *
	 * Must not attach, detach, map or call dma_buf_move_notify() for this buffer. On failure
	 * the memory is what it was.
	 *
	 * Context: Reservation lock held; may sleep. Waits for no fence.
	 *
	 * Return: 0 if @must is met; ``-EBUSY`` if the memory cannot be replaced now, but later,
	 * or a new buffer may fit; ``-EOPNOTSUPP`` if memory of this exporter cannot fit;
	 * ``-EINTR`` if a fatal signal came.
	 */
	int (*negotiate)(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			 const struct dma_buf_needs *want);

	/**
	 * @pin: Prevent the storage from moving (optional; needs @unpin).
	 *
	 * Move the storage to where all attached devices can address it. On return the storage
	 * exists, does not contain data of other users, and no move or clear is running. Pins
	 * are counted. The core also pins for an importer that cannot follow a move.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*pin)(struct dma_buf_attachment *attach);

	/**
	 * @unpin: Undo one @pin (optional; needs @pin).
	 *
	 * After the last unpin the storage may move again.
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*unpin)(struct dma_buf_attachment *attach);

	/**
	 * @map_dma_buf: Map the buffer for the attached device (mandatory).
	 *
	 * No other call may change the table until @unmap_dma_buf. It describes the whole
	 * storage, in order; addresses and lengths of the DMA segments are multiples of the page
	 * size. An exporter that allocates its storage here may walk &dma_buf.attachments to
	 * find memory that all devices can address.
	 *
	 * A static exporter returns when the storage is ready. A dynamic exporter need not wait
	 * for its moves and clears: it adds their fences with %DMA_RESV_USAGE_KERNEL, for which
	 * the core waits on behalf of a static importer.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: The table, mapped for the device, or an error pointer; ``-EINTR`` if a signal
	 * interrupted a wait. The importer gets ``-ENOMEM`` for NULL.
	 */
	struct sg_table *(*map_dma_buf)(struct dma_buf_attachment *attach,
					enum dma_data_direction dir);

	/**
	 * @unmap_dma_buf: Unmap a table and free it (mandatory).
	 *
	 * The core passes the table that @map_dma_buf returned, and the direction of that call.
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*unmap_dma_buf)(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir);

	/**
	 * @release: Free the storage (mandatory).
	 *
	 * Called once, when no reference to the file and no path to it is left. &dma_buf.file
	 * must not be used. The exporter may free its own reservation object here.
	 *
	 * Context: Process context, no lock of the core held; may sleep.
	 */
	void (*release)(struct dma_buf *dmabuf);

	/**
	 * @begin_cpu_access: Make the storage coherent for access by the CPU (optional).
	 *
	 * The core waits for fences before this call, and again after it for those that this
	 * callback has added. The CPU accesses the buffer through @mmap or @vmap, at any offset,
	 * in the given direction only.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno; ``-EINTR`` or ``-ERESTARTSYS`` if a signal interrupted
	 * a wait.
	 */
	int (*begin_cpu_access)(struct dma_buf *dmabuf,
				enum dma_data_direction dir);

	/**
	 * @end_cpu_access: Let the devices see what the CPU wrote (optional).
	 *
	 * The core also calls this if a signal interrupts its wait after @begin_cpu_access.
	 * Userspace can cause calls without a begin, and any number of them.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*end_cpu_access)(struct dma_buf *dmabuf,
			      enum dma_data_direction dir);

	/**
	 * @mmap: Map the buffer into userspace (optional).
	 *
	 * The core has checked that the area is inside the buffer. An exporter that moves its
	 * storage calls vma_set_file() with a file of its own, to unmap the area through the
	 * address space of that file.
	 *
	 * Context: mmap lock held for writing; reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*mmap)(struct dma_buf *dmabuf, struct vm_area_struct *vma);

	/**
	 * @vmap: Map the whole buffer into the kernel's address space (optional).
	 *
	 * Called for the first user; later users get the same mapping.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: 0, and the mapping in @map; or a negative errno. A driver that returns 0 and
	 * no mapping is warned about, and @vunmap is not called.
	 */
	int (*vmap)(struct dma_buf *dmabuf, struct iosys_map *map);

	/**
	 * @vunmap: Undo @vmap (optional).
	 *
	 * Called when the last user has called dma_buf_vunmap().
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*vunmap)(struct dma_buf *dmabuf, struct iosys_map *map);

	/**
	 * @describe: Print what memory the buffer has (optional).
	 *
	 * The text is part of a line of debugfs' ``bufinfo`` and of ``fdinfo``: some words, without
	 * tabs and newlines. A process that has the descriptor of the buffer can read it, so it
	 * must not contain addresses.
	 *
	 * Context: Reservation lock held; may sleep, but waits for no fence.
	 */
	void (*describe)(struct dma_buf *dmabuf, struct seq_file *m);
};

/**
 * struct dma_buf - a buffer that drivers share
 *
 * Created by dma_buf_export(). The reference count of its file is that of the buffer:
 * get_dma_buf() takes a reference, dma_buf_put() drops one, and each descriptor holds one.
 */
struct dma_buf {
	/** @size: Size of the storage in bytes; fixed. */
	size_t size;

	/** @file: File of the buffer; fixed. For callers with a reference to the buffer. */
	struct file *file;

	/**
	 * @attachments: List of &struct dma_buf_attachment, linked by their node member; guarded
	 * by the reservation lock. Exporters may walk it.
	 */
	struct list_head attachments;

	/** @ops: The exporter's callbacks; fixed. */
	const struct dma_buf_ops *ops;

	/** @priv: The exporter's own data; fixed. */
	void *priv;

	/**
	 * @resv: Reservation object: the lock of the buffer and the fences of its users; fixed.
	 *
	 * It belongs to the exporter, or to the core if the exporter passed none. Several buffers
	 * of an exporter may share one. Drivers follow these rules of implicit synchronisation:
	 *
	 * - A job that reads, as far as userspace sees it, adds its fence with
	 *   %DMA_RESV_USAGE_READ, a job that writes with %DMA_RESV_USAGE_WRITE. A job that reads
	 *   may be added as one that writes, but then later readers wait for it.
	 * - A new job waits for the fences with the usage of dma_resv_usage_rw().
	 * - A driver that gives buffers to userspace only when its jobs have finished, like
	 *   those of V4L2, adds no fences.
	 * - A dynamic importer waits for the fences with %DMA_RESV_USAGE_KERNEL before its device
	 *   accesses the storage. It adds a fence for each job that it cannot stop in
	 *   &dma_buf_attach_ops.move_notify.
	 */
	struct dma_resv *resv;
};

/**
 * struct dma_buf_attach_ops - callbacks of a dynamic importer
 */
struct dma_buf_attach_ops {
	/**
	 * @allow_peer2peer: The importer's device can access memory of other devices, and the
	 * importer does not use the struct page of a segment.
	 */
	bool allow_peer2peer;

	/**
	 * @move_notify: Stop using the storage, which is about to move (mandatory).
	 *
	 * Existing mappings stay valid until the importer unmaps them, but they map the old
	 * storage. The importer maps again before the next job. The fences of jobs that still
	 * run are in the reservation object; the exporter keeps the old storage until they have
	 * signalled. A mapping that is made after this call maps the new storage. May be called
	 * before dma_buf_dynamic_attach() has returned.
	 *
	 * Context: Reservation lock held by the exporter; must not drop it. May sleep if the
	 * exporter's call of dma_buf_move_notify() may.
	 */
	void (*move_notify)(struct dma_buf_attachment *attach);
};

/**
 * struct dma_buf_attachment - registration of one device with a buffer
 *
 * Made by dma_buf_dynamic_attach(), freed by dma_buf_detach(). Holds no reference to the buffer.
 */
struct dma_buf_attachment {
	/** @dmabuf: The buffer; fixed. */
	struct dma_buf *dmabuf;

	/** @dev: The importer's device; fixed. */
	struct device *dev;

	/** @node: Link in &dma_buf.attachments; guarded by the reservation lock. */
	struct list_head node;

	/** @sgt: Mapping that the core caches, or NULL; guarded by the reservation lock. */
	struct sg_table *sgt;

	/** @dir: Direction of @sgt; guarded by the reservation lock. */
	enum dma_data_direction dir;

	/**
	 * @peer2peer: The exporter may map device memory without struct page. Set from
	 * &dma_buf_attach_ops.allow_peer2peer; the exporter's attach may clear it.
	 */
	bool peer2peer;

	/** @importer_ops: Callbacks of a dynamic importer, NULL for a static one; fixed. */
	const struct dma_buf_attach_ops *importer_ops;

	/** @importer_priv: The importer's own data. A static one may set it after the attach. */
	void *importer_priv;

	/** @priv: The exporter's own data for this attachment; NULL until its attach sets it. */
	void *priv;
};

/**
 * struct dma_buf_export_info - arguments of dma_buf_export()
 * @exp_name: name of the exporter, shown in debugfs, procfs and warnings; must stay valid until
 *	&dma_buf_ops.release has returned
 * @owner: module of the callbacks; the buffer holds a reference until the release has returned
 * @ops: the exporter's callbacks
 * @size: size of the storage in bytes
 * @flags: access mode (%O_RDONLY, %O_WRONLY or %O_RDWR) and %O_NONBLOCK; other bits are ignored
 * @resv: the exporter's own reservation object, which must stay valid until &dma_buf_ops.release;
 *	NULL if the core is to provide one
 * @priv: the exporter's own data; must not be NULL
 */
struct dma_buf_export_info {
	const char *exp_name;
	struct module *owner;
	const struct dma_buf_ops *ops;
	size_t size;
	int flags;
	struct dma_resv *resv;
	void *priv;
};

/**
 * DEFINE_DMA_BUF_EXPORT_INFO() - define a variable of type &struct dma_buf_export_info
 * @name: name of the variable
 *
 * Sets name and owner to those of the module that is being compiled, all other members to 0.
 */
#define DEFINE_DMA_BUF_EXPORT_INFO(name)		\
	struct dma_buf_export_info name = {		\
		.exp_name = KBUILD_MODNAME,		\
		.owner = THIS_MODULE,			\
	}

struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info);
int dma_buf_fd(struct dma_buf *dmabuf, int flags);
struct dma_buf *dma_buf_get(int fd);
void dma_buf_put(struct dma_buf *dmabuf);

/**
 * get_dma_buf() - take another reference to a buffer
 * @dmabuf: buffer that the caller holds a reference to
 *
 * Context: Any.
 */
static inline void get_dma_buf(struct dma_buf *dmabuf)
{
	get_file(dmabuf->file);
}

/**
 * dma_buf_is_dynamic() - test whether the exporter of a buffer is dynamic
 * @dmabuf: the buffer
 *
 * Context: Any.
 * Return: true if the exporter has a pin callback, and so may move storage that is not pinned.
 */
static inline bool dma_buf_is_dynamic(struct dma_buf *dmabuf)
{
	return dmabuf->ops->pin;
}

struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf,
					  struct device *dev);
struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv);
struct dma_buf_attachment *
dma_buf_attach_with_needs(struct dma_buf *dmabuf, struct device *dev,
			  const struct dma_buf_attach_ops *importer_ops, void *importer_priv,
			  const struct dma_buf_needs *needs);
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
bool dma_buf_fits(struct dma_buf *dmabuf, const struct dma_buf_needs *needs, bool must_only,
		  const struct dma_buf_run *runs, unsigned int nr_runs,
		  struct dma_buf_misfit *misfit);
bool dma_buf_keeps_reach(struct dma_buf *dmabuf, const struct dma_buf_run *from,
			 unsigned int nr_from, const struct dma_buf_run *to, unsigned int nr_to);
void dma_buf_note_replaced(struct dma_buf *dmabuf);
int dma_buf_negotiate_pages(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			    const struct dma_buf_needs *want, struct page *const *pages,
			    unsigned long nr_pages);
int dma_buf_pin(struct dma_buf_attachment *attach);
void dma_buf_unpin(struct dma_buf_attachment *attach);
void dma_buf_move_notify(struct dma_buf *dmabuf);

/**
 * dma_buf_attachment_is_dynamic() - test whether the importer of an attachment is dynamic
 * @attach: the attachment
 *
 * Context: Any.
 * Return: true if the importer has callbacks, and so follows moves.
 */
static inline bool
dma_buf_attachment_is_dynamic(struct dma_buf_attachment *attach)
{
	return attach->importer_ops;
}

struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach,
					enum dma_data_direction dir);
void dma_buf_unmap_attachment(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir);
struct sg_table *
dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
				enum dma_data_direction dir);
void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
				       struct sg_table *sgt,
				       enum dma_data_direction dir);

int dma_buf_begin_cpu_access(struct dma_buf *dmabuf,
			     enum dma_data_direction dir);
int dma_buf_end_cpu_access(struct dma_buf *dmabuf,
			   enum dma_data_direction dir);
int dma_buf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma,
		 unsigned long pgoff);
int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);
int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map);
void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map);

#endif /* _LINUX_DMA_BUF_H */
