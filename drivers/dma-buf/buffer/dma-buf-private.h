/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the buffer core share, and nobody else sees.
 *
 * Lock order, outermost first:
 *
 *   mmap lock
 *     reservation lock (&dma_buf.resv)
 *       dma_buf_shard.lock, dma_buf_object.name_lock
 *       fence lock of a driver
 *         dma_buf_poll.wait.lock
 *
 * An exporter's callback may be called below the reservation lock, never below
 * one of the core's own locks.
 */
#ifndef _DMA_BUF_PRIVATE_H
#define _DMA_BUF_PRIVATE_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <uapi/linux/dma-buf.h>

struct dma_buf_shard;
struct seq_file;

/**
 * enum dma_buf_rule - rules whose breaking is a driver's mistake
 * @DMA_BUF_RULE_ARGUMENT: no NULL, no object of another buffer
 * @DMA_BUF_RULE_EXPORT: all mandatory callbacks, no contradictory set
 * @DMA_BUF_RULE_IMPORTER: a dynamic importer has a move_notify
 * @DMA_BUF_RULE_LOCKED: the reservation lock is held where it has to be
 * @DMA_BUF_RULE_UNLOCKED: and not where it must not be
 * @DMA_BUF_RULE_DYNAMIC: only a dynamic importer pins and unpins
 * @DMA_BUF_RULE_PIN: as many unpins as pins
 * @DMA_BUF_RULE_UNMAP: only what is mapped is unmapped
 * @DMA_BUF_RULE_DIRECTION: unmapped in the direction it was mapped in
 * @DMA_BUF_RULE_TABLE: page-aligned segments that cover the buffer
 * @DMA_BUF_RULE_DETACH: nothing mapped any more at detach
 * @DMA_BUF_RULE_VMAP: a vmap that succeeds returns a mapping
 * @DMA_BUF_RULE_VUNMAP: only what is vmapped is vunmapped
 * @DMA_BUF_RULE_CPU_ACCESS: as many ends as begins, per direction
 * @DMA_BUF_RULE_RELEASE: neither attached nor vmapped at the last put
 * @DMA_BUF_RULE_COUNT: number of rules
 */
enum dma_buf_rule {
	DMA_BUF_RULE_ARGUMENT,
	DMA_BUF_RULE_EXPORT,
	DMA_BUF_RULE_IMPORTER,
	DMA_BUF_RULE_LOCKED,
	DMA_BUF_RULE_UNLOCKED,
	DMA_BUF_RULE_DYNAMIC,
	DMA_BUF_RULE_PIN,
	DMA_BUF_RULE_UNMAP,
	DMA_BUF_RULE_DIRECTION,
	DMA_BUF_RULE_TABLE,
	DMA_BUF_RULE_DETACH,
	DMA_BUF_RULE_VMAP,
	DMA_BUF_RULE_VUNMAP,
	DMA_BUF_RULE_CPU_ACCESS,
	DMA_BUF_RULE_RELEASE,
	DMA_BUF_RULE_COUNT
};

/**
 * struct dma_buf_registry_entry - position of a buffer or of a walk in the registry
 * @node: link in &dma_buf_shard.entries; guarded by &dma_buf_shard.lock
 * @shard: shard that the entry is in; fixed while linked
 * @dmabuf: the buffer, NULL for an entry of a walk; fixed
 */
struct dma_buf_registry_entry {
	struct list_head node;
	struct dma_buf_shard *shard;
	struct dma_buf *dmabuf;
};

/**
 * struct dma_buf_poll_slot - the one fence that a direction waits for
 * @cb: callback on @fence, armed while @fence is set and @busy
 * @poll: the buffer's poll state
 * @fence: referenced; guarded by the wait queue's lock, but for the thread that
 *         set @busy and still looks for a fence
 * @busy: a thread looks for a fence, or a callback is pending; same lock
 * @events: what to wake waiters with; fixed
 */
struct dma_buf_poll_slot {
	struct dma_fence_cb cb;
	struct dma_buf_poll *poll;
	struct dma_fence *fence;
	bool busy;
	__poll_t events;
};

/**
 * struct dma_buf_poll - poll state of a buffer
 * @wait: who polls; its lock guards the slots
 * @used: there was a fence to wait for, so a callback may be pending; same lock
 * @read: waits for writers, reports %EPOLLIN
 * @write: waits for all, reports %EPOLLOUT
 */
struct dma_buf_poll {
	wait_queue_head_t wait;
	bool used;
	struct dma_buf_poll_slot read;
	struct dma_buf_poll_slot write;
};

/**
 * struct dma_buf_debug - spans of CPU access that drivers have begun
 * @begun: how many, by &enum dma_data_direction
 */
struct dma_buf_debug {
#ifdef CONFIG_DMABUF_DEBUG
	atomic_t begun[DMA_NONE];
#endif
};

/**
 * struct dma_buf_mapping - a table that an importer holds
 * @node: link in &dma_buf_attach_object.mappings; reservation lock
 * @exported: the exporter's table, NULL in an unused slot
 * @handed: what the importer got: @exported, or in debug builds a copy
 * @dir: direction it was mapped in
 */
struct dma_buf_mapping {
	struct hlist_node node;
	struct sg_table *exported;
	struct sg_table *handed;
	enum dma_data_direction dir;
};

/**
 * struct dma_buf_attach_object - all there is of one attachment
 * @attach: what drivers see
 * @mappings: the &struct dma_buf_mapping that are made; reservation lock
 * @first: serves the first of them, so that the usual case allocates nothing
 * @pins: pins that the exporter has not got back; reservation lock
 * @cached_users: importer's uses of &dma_buf_attachment.sgt; reservation lock
 */
struct dma_buf_attach_object {
	struct dma_buf_attachment attach;
	struct hlist_head mappings;
	struct dma_buf_mapping first;
	unsigned int pins;
	unsigned int cached_users;
};

/**
 * struct dma_buf_object - all there is of one buffer, in one allocation
 * @dmabuf: what drivers see
 * @inode: keeps the object alive: freed with it, by nothing else
 * @resv: where &dma_buf.resv points if the exporter brought none
 * @exp_name: name of the exporter; fixed
 * @owner: module of the exporter, pinned; fixed
 * @entry: place in the registry, from export until the file is released
 * @name_lock: guards @name and @named
 * @named: userspace set a name, if only an empty one
 * @name: that name, terminated
 * @vmap: the kernel mapping, valid while @vmap_count is not 0; reservation lock
 * @vmap_count: its users; reservation lock
 * @poll: see &struct dma_buf_poll
 * @reported: bit per &enum dma_buf_rule reported already; atomic bit operations
 * @debug: see &struct dma_buf_debug
 * @attached: bit 0: @attach is in use; atomic bit operations
 * @attach: serves the first attachment, so that the usual case allocates nothing
 */
struct dma_buf_object {
	struct dma_buf dmabuf;
	struct inode inode;
	struct dma_resv resv;
	const char *exp_name;
	struct module *owner;
	struct dma_buf_registry_entry entry;
	spinlock_t name_lock; /* name and named; a leaf */
	bool named;
	char name[DMA_BUF_NAME_LEN];
	struct iosys_map vmap;
	unsigned int vmap_count;
	struct dma_buf_poll poll;
	unsigned long reported;
	struct dma_buf_debug debug;
	unsigned long attached;
	struct dma_buf_attach_object attach;
};

static inline struct dma_buf_object *dma_buf_to_object(struct dma_buf *dmabuf)
{
	return container_of(dmabuf, struct dma_buf_object, dmabuf);
}

static inline struct dma_buf_object *dma_buf_inode_to_object(struct inode *inode)
{
	return container_of(inode, struct dma_buf_object, inode);
}

static inline struct dma_buf_attach_object *
dma_buf_to_attach_object(struct dma_buf_attachment *attach)
{
	return container_of(attach, struct dma_buf_attach_object, attach);
}

/* dma-buf-rules.c */
#define DMA_BUF_RULE_TEXT	192
void dma_buf_rule_describe(char *text, size_t size, enum dma_buf_rule rule,
			   const char *exporter, const char *importer);
void dma_buf_report(enum dma_buf_rule rule, struct dma_buf *dmabuf,
		    struct dma_buf_attachment *attach);
void dma_buf_report_driver(enum dma_buf_rule rule, const char *exporter,
			   const char *importer);

/* The caller promised to hold the reservation lock: complain if it does not. */
static inline void dma_buf_assert_held(struct dma_buf *dmabuf)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) && debug_locks &&
	    !dma_resv_held(dmabuf->resv))
		dma_buf_report(DMA_BUF_RULE_LOCKED, dmabuf, NULL);
}

/* The caller promised not to hold it: true, with a complaint, if it does. */
#ifdef CONFIG_LOCKDEP
static inline bool dma_buf_wrongly_held(struct dma_buf *dmabuf)
{
	if (lockdep_is_held(&dmabuf->resv->lock.base) != LOCK_STATE_HELD)
		return false;
	dma_buf_report(DMA_BUF_RULE_UNLOCKED, dmabuf, NULL);
	return true;
}
#else
static inline bool dma_buf_wrongly_held(struct dma_buf *dmabuf)
{
	return false;
}
#endif

/* dma-buf-inode.c */
struct dma_buf_object *dma_buf_object_alloc(size_t size);
struct file *dma_buf_object_open(struct dma_buf_object *obj, int flags);
void dma_buf_object_release(struct dma_buf_object *obj);

/* dma-buf-file.c */
extern const struct file_operations dma_buf_fops;
int dma_buf_check_range(struct dma_buf *dmabuf, unsigned long pgoff,
			unsigned long pages);

/* dma-buf-ioctl.c */
long dma_buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* dma-buf-poll.c */
void dma_buf_poll_init(struct dma_buf_poll *poll);
void dma_buf_poll_cancel(struct dma_buf_poll *poll);
__poll_t dma_buf_poll(struct file *file, poll_table *table);

/* dma-buf-attach.c */
int dma_buf_attach_init(void);
struct dma_buf_attach_object *dma_buf_attach_object_new(void);
int dma_buf_attach_pin(struct dma_buf_attachment *attach);
void dma_buf_attach_unpin(struct dma_buf_attachment *attach);

/* dma-buf-map.c */
struct dma_buf_mapping *dma_buf_mapping_new(void);
struct sg_table *dma_buf_mapping_make(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir);
void dma_buf_mapping_cache(struct dma_buf_attachment *attach,
			   struct sg_table *sgt, enum dma_data_direction dir);
void dma_buf_mapping_destroy_all(struct dma_buf_attachment *attach);

/* dma-buf-cpu.c */
int dma_buf_cpu_begin(struct dma_buf *dmabuf, enum dma_data_direction dir);
int dma_buf_cpu_end(struct dma_buf *dmabuf, enum dma_data_direction dir);

/**
 * dma_buf_has_fences() - can the buffer have anything to wait for?
 * @dmabuf: the buffer
 *
 * Nobody ever reserved room for a fence in most buffers; this tells them from
 * the others without a walk. Needs no lock: as with a walk, a fence that is
 * being added right now may or may not be seen.
 *
 * Return: false if there is none for sure.
 */
static inline bool dma_buf_has_fences(struct dma_buf *dmabuf)
{
	return rcu_access_pointer(dmabuf->resv->fences);
}

/* dma-buf-registry.c */

/**
 * struct dma_buf_registry_iter - a walk over all buffers
 * @cursor: the walk's position in its shard: before the next buffer
 * @end: end of the walk in its shard: behind the newest buffer that it visits
 * @cpu: CPU whose shard the walk is in
 */
struct dma_buf_registry_iter {
	struct dma_buf_registry_entry cursor;
	struct dma_buf_registry_entry end;
	int cpu;
};

void dma_buf_registry_init(void);
void dma_buf_registry_add(struct dma_buf_object *obj);
void dma_buf_registry_remove(struct dma_buf_object *obj);
void dma_buf_registry_iter_begin(struct dma_buf_registry_iter *iter);
struct dma_buf *dma_buf_registry_iter_peek(struct dma_buf_registry_iter *iter);
void dma_buf_registry_iter_step(struct dma_buf_registry_iter *iter,
				struct dma_buf *dmabuf);
void dma_buf_registry_iter_end(struct dma_buf_registry_iter *iter);

/* dma-buf-sync-file.c */
#if IS_ENABLED(CONFIG_SYNC_FILE)
long dma_buf_export_sync_file(struct dma_buf *dmabuf, void __user *arg);
long dma_buf_import_sync_file(struct dma_buf *dmabuf, void __user *arg);
#else
static inline long dma_buf_export_sync_file(struct dma_buf *dmabuf,
					    void __user *arg)
{
	return -ENOTTY;
}

static inline long dma_buf_import_sync_file(struct dma_buf *dmabuf,
					    void __user *arg)
{
	return -ENOTTY;
}
#endif

/* dma-buf-debugfs.c */
#ifdef CONFIG_DEBUG_FS
void dma_buf_debugfs_init(void);
void dma_buf_bufinfo_pause(void);
#else
static inline void dma_buf_debugfs_init(void)
{
}
#endif

/* dma-buf-debug.c */
#ifdef CONFIG_DMABUF_DEBUG
struct sg_table *dma_buf_debug_wrap(struct dma_buf_attachment *attach,
				    struct sg_table *sgt);
void dma_buf_debug_unwrap(struct sg_table *handed);
void dma_buf_debug_init(struct dma_buf_object *obj);
void dma_buf_debug_begin(struct dma_buf *dmabuf, enum dma_data_direction dir);
void dma_buf_debug_end(struct dma_buf *dmabuf, enum dma_data_direction dir);
void dma_buf_debug_release(struct dma_buf *dmabuf);
void dma_buf_debug_unmap(struct dma_buf_attachment *attach,
			 struct dma_buf_mapping *mapping,
			 enum dma_data_direction dir);
void dma_buf_debug_cached(struct dma_buf_attachment *attach);
#else
static inline struct sg_table *
dma_buf_debug_wrap(struct dma_buf_attachment *attach, struct sg_table *sgt)
{
	return sgt;
}

static inline void dma_buf_debug_unwrap(struct sg_table *handed)
{
}

static inline void dma_buf_debug_init(struct dma_buf_object *obj)
{
}

static inline void dma_buf_debug_begin(struct dma_buf *dmabuf,
				       enum dma_data_direction dir)
{
}

static inline void dma_buf_debug_end(struct dma_buf *dmabuf,
				     enum dma_data_direction dir)
{
}

static inline void dma_buf_debug_release(struct dma_buf *dmabuf)
{
}

static inline void dma_buf_debug_unmap(struct dma_buf_attachment *attach,
				       struct dma_buf_mapping *mapping,
				       enum dma_data_direction dir)
{
}

static inline void dma_buf_debug_cached(struct dma_buf_attachment *attach)
{
}
#endif

#endif /* _DMA_BUF_PRIVATE_H */
