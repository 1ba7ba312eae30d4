/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sharing memory buffers between devices: interface of exporters and importers.
 */
#ifndef _LINUX_DMA_BUF_H
#define _LINUX_DMA_BUF_H

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_resv;
struct module;
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
 * struct dma_buf_ops - what an exporter does for its buffers
 *
 * One constant table per kind of buffer. @map_dma_buf, @unmap_dma_buf and
 * @release are mandatory, everything else may be left out.
 *
 * An exporter with @pin and @unpin is *dynamic*: it may move its storage while
 * importers are attached. One without them is *static*: for as long as anybody
 * has it mapped, the storage stays where it is.
 */
struct dma_buf_ops {
	/**
	 * @cache_sgt_mapping: Keep the first mapping of each attachment until
	 * it is detached, and hand that one out again.
	 *
	 * Spares an exporter with expensive mappings the repetition. Later
	 * mappings must ask for the same direction, unless the first one was
	 * bidirectional. Excludes @pin.
	 */
	bool cache_sgt_mapping;

	/**
	 * @attach: A device wants to use the buffer (optional).
	 *
	 * The place to compare &dma_buf_attachment.dev with the storage, to
	 * refuse a device that cannot reach it, and to allocate what is needed
	 * per device, kept in &dma_buf_attachment.priv.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno that the importer receives as it is;
	 * ``-EBUSY`` says that the storage exists already and is out of the
	 * device's reach.
	 */
	int (*attach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/**
	 * @detach: Undo @attach (optional).
	 *
	 * Only called for an attachment that @attach accepted, after its last
	 * mapping is gone.
	 *
	 * Context: Reservation lock not held; may sleep.
	 */
	void (*detach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/**
	 * @pin: Fix the storage in a place that all attached devices reach
	 * (optional; needs @unpin).
	 *
	 * On return the memory is there, cleared of what others left in it,
	 * and no move or clear is still in flight. Pins nest. Called for an
	 * importer that asked with dma_buf_pin(), and by the core on behalf of
	 * importers that cannot follow a move.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*pin)(struct dma_buf_attachment *attach);

	/**
	 * @unpin: Undo one @pin (optional; needs @pin).
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*unpin)(struct dma_buf_attachment *attach);

	/**
	 * @map_dma_buf: Map the buffer for the attached device (mandatory).
	 *
	 * The table belongs to the importer until @unmap_dma_buf gets it back,
	 * so two calls must not share one that either may change. All storage
	 * is described, in order; addresses and lengths of the DMA segments
	 * are multiples of the page size. An exporter that has not chosen its
	 * storage yet can walk &dma_buf.attachments and choose what suits them
	 * all.
	 *
	 * A static exporter returns only when the memory is ready for use. A
	 * dynamic one need not wait for its own moves: it adds their fences
	 * with %DMA_RESV_USAGE_KERNEL.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: The table, mapped to the device, or an error pointer; a
	 * signal that arrives while waiting gives ``-EINTR``.
	 */
	struct sg_table *(*map_dma_buf)(struct dma_buf_attachment *attach,
					enum dma_data_direction dir);

	/**
	 * @unmap_dma_buf: Take a mapping back and free its table (mandatory).
	 *
	 * Table and direction are those of the @map_dma_buf call.
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*unmap_dma_buf)(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir);

	/**
	 * @release: The last user is gone: free the storage (mandatory).
	 *
	 * Called once, in process context, when neither a file descriptor, a
	 * kernel reference nor a path to the file is left. &dma_buf.file is no
	 * longer valid; a reservation object of the exporter's own may be
	 * freed here.
	 *
	 * Context: No dma-buf lock held; may sleep.
	 */
	void (*release)(struct dma_buf *dmabuf);

	/**
	 * @begin_cpu_access: Make the storage coherent for the CPU (optional).
	 *
	 * All fences which the direction has to wait for have signalled, and
	 * those that this callback adds are waited for after it. The access goes
	 * through @mmap or @vmap and covers the whole buffer; data outside the
	 * announced direction may be stale.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno; ``-EINTR`` or ``-ERESTARTSYS`` when a
	 * signal arrived first.
	 */
	int (*begin_cpu_access)(struct dma_buf *dmabuf,
				enum dma_data_direction dir);

	/**
	 * @end_cpu_access: Undo @begin_cpu_access, so that devices see what the
	 * CPU wrote (optional).
	 *
	 * Userspace may call for it without a begin, and in any number.
	 *
	 * Context: Reservation lock not held; may sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*end_cpu_access)(struct dma_buf *dmabuf,
			      enum dma_data_direction dir);

	/**
	 * @mmap: Map the buffer into a process (optional).
	 *
	 * The area has been compared with the size of the buffer already. To
	 * zap the mapping later, point the area at a file of the exporter's
	 * own with vma_set_file(), whose address space it then belongs to.
	 *
	 * Context: mmap lock held for writing; reservation lock not held; may
	 * sleep.
	 *
	 * Return: 0, or a negative errno.
	 */
	int (*mmap)(struct dma_buf *dmabuf, struct vm_area_struct *vma);

	/**
	 * @vmap: Map the buffer into the kernel's address space (optional).
	 *
	 * The core calls this for the first of several users only, and all of
	 * them share the result.
	 *
	 * Context: Reservation lock held; may sleep.
	 *
	 * Return: 0 with the mapping in @map, or a negative errno.
	 */
	int (*vmap)(struct dma_buf *dmabuf, struct iosys_map *map);

	/**
	 * @vunmap: Undo @vmap after the last user (optional).
	 *
	 * Context: Reservation lock held; may sleep.
	 */
	void (*vunmap)(struct dma_buf *dmabuf, struct iosys_map *map);
};

/**
 * struct dma_buf - a buffer that drivers share
 *
 * Made by dma_buf_export(). Its &struct file is its reference count:
 * get_dma_buf() and dma_buf_put() in the kernel, a file descriptor from
 * dma_buf_fd() in userspace. The core keeps more about a buffer than shows
 * here.
 */
struct dma_buf {
	/** @size: Bytes of storage; fixed for life. */
	size_t size;

	/**
	 * @file: The file that carries the buffer.
	 *
	 * Valid for whoever holds a reference.
	 */
	struct file *file;

	/**
	 * @attachments: All &struct dma_buf_attachment, by their node member.
	 *
	 * Guarded by the lock of @resv, under which exporters may walk it.
	 */
	struct list_head attachments;

	/** @ops: The exporter's callbacks; fixed for life. */
	const struct dma_buf_ops *ops;

	/** @priv: The exporter's own data; fixed for life. */
	void *priv;

	/**
	 * @resv: Lock of the buffer and home of its fences; fixed for life.
	 *
	 * The exporter's own object, or one that the core made. Users of the
	 * buffer follow these rules of implicit synchronisation:
	 *
	 * - A job that userspace regards as reading adds its fence with
	 *   %DMA_RESV_USAGE_READ, one that writes with %DMA_RESV_USAGE_WRITE.
	 *   Declaring a reader as writer costs concurrency, never correctness.
	 * - A new job waits for the fences that dma_resv_usage_rw() names for
	 *   its kind of access.
	 * - A driver whose interface only ever returns finished buffers (V4L2
	 *   works like this) has nothing in flight and adds no fence.
	 * - A dynamic importer waits for %DMA_RESV_USAGE_KERNEL fences before
	 *   its device touches the storage, and adds a fence for whatever it
	 *   cannot stop from within &dma_buf_attach_ops.move_notify.
	 */
	struct dma_resv *resv;
};

/**
 * struct dma_buf_attach_ops - what a dynamic importer does for an exporter
 */
struct dma_buf_attach_ops {
	/**
	 * @allow_peer2peer: The importer's device can address another device's
	 * memory, and the importer copes with segments without pages.
	 */
	bool allow_peer2peer;

	/**
	 * @move_notify: The storage is about to move (mandatory).
	 *
	 * Existing mappings stay in place until the importer unmaps them, but
	 * lead to the old storage: stop using them, by a fence for what the
	 * device still does, and map again before the next use. A mapping made
	 * after this call leads to the new place.
	 *
	 * Context: Reservation lock held, by the exporter; must not drop it.
	 */
	void (*move_notify)(struct dma_buf_attachment *attach);
};

/**
 * struct dma_buf_attachment - one device's use of a buffer
 *
 * From dma_buf_attach() or dma_buf_dynamic_attach() to dma_buf_detach().
 */
struct dma_buf_attachment {
	/** @dmabuf: The buffer; fixed for life. */
	struct dma_buf *dmabuf;

	/** @dev: The importer's device; fixed for life. */
	struct device *dev;

	/** @node: Link in &dma_buf.attachments; reservation lock. */
	struct list_head node;

	/**
	 * @sgt: The mapping that the core keeps for this attachment, or NULL;
	 * reservation lock.
	 */
	struct sg_table *sgt;

	/** @dir: Direction of @sgt; reservation lock. */
	enum dma_data_direction dir;

	/**
	 * @peer2peer: Device memory without pages may be handed to the
	 * importer. The exporter's attach callback may clear it.
	 */
	bool peer2peer;

	/** @importer_ops: Callbacks of a dynamic importer, NULL for a static one. */
	const struct dma_buf_attach_ops *importer_ops;

	/** @importer_priv: The importer's own data. */
	void *importer_priv;

	/** @priv: The exporter's own data about this attachment. */
	void *priv;
};

/**
 * struct dma_buf_export_info - what dma_buf_export() has to know
 * @exp_name: name of the exporter, shown to people; must outlive the buffer
 * @owner: module that holds the callbacks; pinned while the buffer lives
 * @ops: the callbacks
 * @size: bytes of storage
 * @flags: access mode (%O_RDONLY, %O_WRONLY, %O_RDWR) of the file, and
 *         %O_NONBLOCK; other bits are ignored
 * @resv: reservation object of the exporter's own, which must live until
 *        &dma_buf_ops.release; NULL asks for one to be made
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
 * DEFINE_DMA_BUF_EXPORT_INFO() - declare a &struct dma_buf_export_info.
 * @name: name of the variable
 *
 * Exporter name and owner are filled in from the module that is being compiled,
 * everything else is zero.
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
 * get_dma_buf() - take another reference to a buffer.
 * @dmabuf: buffer to which the caller holds a reference already
 *
 * Context: Any.
 */
static inline void get_dma_buf(struct dma_buf *dmabuf)
{
	get_file(dmabuf->file);
}

/**
 * dma_buf_is_dynamic() - may the exporter move this buffer?
 * @dmabuf: the buffer
 *
 * Context: Any.
 *
 * Return: true if the exporter pins and unpins, false if the storage stays put.
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
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
int dma_buf_pin(struct dma_buf_attachment *attach);
void dma_buf_unpin(struct dma_buf_attachment *attach);
void dma_buf_move_notify(struct dma_buf *dmabuf);

/**
 * dma_buf_attachment_is_dynamic() - can the importer follow a move?
 * @attach: the attachment
 *
 * Context: Any.
 *
 * Return: true if the importer gave callbacks, false if its mapping has to stay
 * valid until it lets go.
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
