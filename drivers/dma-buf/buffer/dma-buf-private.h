/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of the buffer core: its objects, and what each file offers the others.
 *
 * One buffer is one allocation, struct dma_buf_object, which dma-buf-inode.c allocates and frees.
 *
 * Lock order, outermost first:
 *
 *   mmap lock
 *     reservation lock (&dma_buf.resv)
 *       lock of a fence (&dma_fence.lock)
 *         dma_buf_poll.wait.lock
 *       dma_buf_device_asking
 *         lock of an attached device (only tried: drivers hold it outside the reservation lock)
 *
 *   dma_buf_poll.arming
 *     lock of a fence
 *
 *   dma_buf_shard.lock, dma_buf_object.name_lock: innermost; may be taken with the mmap lock or
 *   the reservation lock held, not in interrupts
 *
 * No driver is called with a spinlock of the core held.
 *
 * "Fixed" means: set before the object is visible to others, and not changed before it is
 * released. Fixed members need no lock.
 */
#ifndef _DMA_BUF_PRIVATE_H
#define _DMA_BUF_PRIVATE_H

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <uapi/linux/dma-buf.h>

struct dma_buf_shard;
struct seq_file;

/**
 * enum dma_buf_rule - rules that drivers must keep; the core reports who breaks one
 * @DMA_BUF_RULE_ARGUMENT: no argument is NULL or belongs to another buffer
 * @DMA_BUF_RULE_EXPORT: an exporter has all mandatory callbacks and none that exclude each other
 * @DMA_BUF_RULE_IMPORTER: a dynamic importer has a move_notify callback
 * @DMA_BUF_RULE_LOCKED: the caller holds the reservation lock (lockdep)
 * @DMA_BUF_RULE_UNLOCKED: the caller does not hold the reservation lock (lockdep)
 * @DMA_BUF_RULE_DYNAMIC: only a dynamic importer pins and unpins
 * @DMA_BUF_RULE_PIN: each pin is undone by one unpin, before the detach
 * @DMA_BUF_RULE_UNMAP: only a table that is mapped is unmapped
 * @DMA_BUF_RULE_DIRECTION: a table is unmapped in the direction it was mapped in (debug)
 * @DMA_BUF_RULE_TABLE: the DMA segments are page-aligned and cover the buffer, or the table has no
 *	entries (debug)
 * @DMA_BUF_RULE_DETACH: nothing is mapped at the detach, nor the cached mapping in use (debug)
 * @DMA_BUF_RULE_VMAP: a vmap callback that succeeds returns a mapping
 * @DMA_BUF_RULE_VUNMAP: only a kernel mapping that is in use is unmapped
 * @DMA_BUF_RULE_CPU_ACCESS: each begin of CPU access in the kernel has one end with the same
 *	direction (debug)
 * @DMA_BUF_RULE_NEGOTIATE: an exporter's negotiate does not map, nor call dma_buf_move_notify()
 *	(debug)
 * @DMA_BUF_RULE_RELEASE: a buffer that is released has no attachment and no kernel mapping
 * @DMA_BUF_RULE_COUNT: number of rules
 *
 * Rules marked "debug" are checked with CONFIG_DMABUF_DEBUG only, "lockdep" with lockdep only.
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
	DMA_BUF_RULE_NEGOTIATE,
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
 * struct dma_buf_poll_slot - callback that wakes those who poll for one event
 * @cb: callback; on @fence while the slot is armed
 * @poll: poll state that the slot is in; fixed
 * @fence: fence that the slot is armed on, with a reference, or NULL. Guarded by the lock of
 *	&dma_buf_poll.wait; while the slot is claimed, only the claiming thread uses it
 * @busy: the slot is claimed or armed (see dma-buf-poll.c); guarded by the lock of
 *	&dma_buf_poll.wait
 * @events: %EPOLLIN or %EPOLLOUT; fixed
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
 * @wait: tasks that poll; its lock guards @used and the slots
 * @arming: held by the thread that has claimed a slot, until the slot is armed or idle
 * @used: a slot has been claimed, so a callback may be pending; read without the lock by the
 *	release of the file
 * @read: waits for the fences of writers, reports %EPOLLIN
 * @write: waits for the fences of readers and writers, reports %EPOLLOUT
 */
struct dma_buf_poll {
	wait_queue_head_t wait;
	struct mutex arming; /* claimed slots */
	bool used;
	struct dma_buf_poll_slot read;
	struct dma_buf_poll_slot write;
};

/**
 * struct dma_buf_debug - CPU accesses that drivers have begun and not ended
 * @begun: number of them for each &enum dma_data_direction; atomic
 */
struct dma_buf_debug {
#ifdef CONFIG_DMABUF_DEBUG
	atomic_t begun[DMA_NONE];
#endif
};

/**
 * struct dma_buf_mapping - record of a table that is mapped for an attachment
 * @node: link in &dma_buf_attach_object.mappings
 * @exported: table from the exporter; NULL while the record is not in use
 * @handed: table that the importer got: @exported, or a copy with CONFIG_DMABUF_DEBUG
 * @dir: direction it was mapped in
 *
 * The reservation lock guards all members.
 */
struct dma_buf_mapping {
	struct hlist_node node;
	struct sg_table *exported;
	struct sg_table *handed;
	enum dma_data_direction dir;
};

/**
 * struct dma_buf_attach_object - an attachment, with the members that drivers do not see
 * @attach: the part that drivers see
 * @mappings: records of all tables that are mapped, &struct dma_buf_mapping
 * @first: record for one mapping, so that the fast path does not allocate
 * @pins: pins of the importer and of the core that are not undone yet
 * @cached_users: map calls that returned the cached mapping (&dma_buf_attachment.sgt) and were not
 *	undone yet
 * @driverless: the device had no driver when it was attached, to a buffer that is negotiated
 * @states: this is the @obj of a &struct dma_buf_stating_attach; fixed
 *
 * The reservation lock guards all members but @attach and @states. Freed by dma_buf_detach().
 */
struct dma_buf_attach_object {
	struct dma_buf_attachment attach;
	struct hlist_head mappings;
	struct dma_buf_mapping first;
	unsigned int pins;
	unsigned int cached_users : 30;
	unsigned int driverless : 1;
	unsigned int states : 1;
};

/**
 * struct dma_buf_stating_attach - an attachment whose importer stated needs
 * @obj: the attachment
 * @needs: what the importer stated; fixed
 *
 * Only for an exporter that negotiates. All other attachments fit in 128 bytes.
 */
struct dma_buf_stating_attach {
	struct dma_buf_attach_object obj;
	struct dma_buf_needs needs;
};

/**
 * struct dma_buf_negotiation - one call of &dma_buf_ops.negotiate
 * @newcomer: attachment that is being negotiated and not linked yet
 * @must_reach: reach of @newcomer in the set that memory must meet, or 0
 * @reach: the same in both sets
 * @unasked: a device could not be asked, so that its needs are in no set, and other memory is no
 *	choice
 * @misfit: the first need that the exporter found not to be met
 * @wanted: what was needed
 * @replaced: the exporter has other memory now
 *
 * The reservation lock guards all members.
 */
struct dma_buf_negotiation {
	struct dma_buf_attachment *newcomer;
	u64 must_reach;
	u64 reach;
	bool unasked;
	struct dma_buf_misfit misfit;
	u64 wanted;
	bool replaced;
};

/**
 * struct dma_buf_object - a buffer, with the members that drivers do not see
 * @dmabuf: the part that drivers see
 * @inode: inode of the buffer's file; the object is freed with it
 * @resv: reservation object for an exporter that passes none; else not initialised
 * @exp_name: name of the exporter; fixed
 * @owner: module of the exporter, with a reference; fixed
 * @entry: position in the registry, from export until the file is released
 * @name_lock: guards @named and @name; a leaf
 * @named: userspace has set a name, which may be empty; guarded by @name_lock
 * @name: the name, with a terminating NUL; guarded by @name_lock
 * @vmap: the kernel mapping, if @vmap_count is not 0; guarded by the reservation lock
 * @vmap_count: vmap calls that were not undone yet; guarded by the reservation lock
 * @negotiation: the negotiation that is running, or NULL; guarded by the reservation lock
 * @poll: poll state, see &struct dma_buf_poll
 * @reported: one bit per &enum dma_buf_rule that has been reported; atomic bit operations
 * @debug: counts for CONFIG_DMABUF_DEBUG, see &struct dma_buf_debug
 * @first_attach_used: bit 0 is set while @first_attach is in use; set with acquire, cleared with
 *	release semantics
 * @first_attach: memory for one attachment, so that the fast path does not allocate; not used
 *	with CONFIG_DMABUF_DEBUG
 */
struct dma_buf_object {
	struct dma_buf dmabuf;
	struct inode inode;
	struct dma_resv resv;
	const char *exp_name;
	struct module *owner;
	struct dma_buf_registry_entry entry;
	spinlock_t name_lock; /* guards name and named; a leaf */
	bool named;
	char name[DMA_BUF_NAME_LEN];
	struct iosys_map vmap;
	unsigned int vmap_count;
	struct dma_buf_negotiation *negotiation;
	struct dma_buf_poll poll;
	unsigned long reported;
	struct dma_buf_debug debug;
	unsigned long first_attach_used;
	struct dma_buf_attach_object first_attach;
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

/* dma-buf-rules.c: report a driver that breaks a rule. Any context. */
#define DMA_BUF_REPORT_SIZE	192
void dma_buf_rule_describe(char *text, size_t size, enum dma_buf_rule rule,
			   const char *exporter, const char *importer);
void dma_buf_report(enum dma_buf_rule rule, struct dma_buf *dmabuf,
		    struct dma_buf_attachment *attach);
bool dma_buf_report_allowed(void);
void dma_buf_report_driver(enum dma_buf_rule rule, const char *exporter,
			   const char *importer);

/* Report a caller that does not hold the reservation lock. Needs lockdep. */
static inline void dma_buf_assert_held(struct dma_buf *dmabuf)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) && debug_locks &&
	    !dma_resv_held(dmabuf->resv))
		dma_buf_report(DMA_BUF_RULE_LOCKED, dmabuf, NULL);
}

/*
 * Test whether the current task owns the reservation lock.
 *
 * lockdep_is_held() does not tell: locks of one class that were taken with one ww_acquire_ctx
 * share a record, and while there are several, lockdep says "held" for each lock of the class.
 *
 * The locks have no function that returns the owner. It is read as kernel/locking/mutex.h and
 * rtmutex_common.h do: the lowest bits of the pointer are flags (three in a mutex, one in an
 * rtmutex). While the current task owns the lock, only the flags change; if another task owns
 * it, no value equals current.
 */
#ifdef CONFIG_PREEMPT_RT
static inline bool dma_buf_resv_owned(struct dma_resv *resv)
{
	unsigned long owner = (unsigned long)READ_ONCE(resv->lock.base.rtmutex.owner);

	return (owner & ~1UL) == (unsigned long)current;
}
#else
static inline bool dma_buf_resv_owned(struct dma_resv *resv)
{
	unsigned long owner = atomic_long_read(&resv->lock.base.owner);

	return (owner & ~7UL) == (unsigned long)current;
}
#endif

/* Report a caller that holds the reservation lock but must not. Without lockdep always false. */
static inline bool dma_buf_wrongly_held(struct dma_buf *dmabuf)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP) || !debug_locks ||
	    !dma_buf_resv_owned(dmabuf->resv))
		return false;
	dma_buf_report(DMA_BUF_RULE_UNLOCKED, dmabuf, NULL);
	return true;
}

/* dma-buf-inode.c: allocate the object and make its file. The last path releases it. */
int dma_buf_inode_init(void);
struct dma_buf_object *dma_buf_object_alloc(size_t size);
struct file *dma_buf_object_open(struct dma_buf_object *obj, int flags);

/* dma-buf-file.c: file operations, descriptors and references. */
extern const struct file_operations dma_buf_fops;

/* dma-buf-ioctl.c: ioctls of the descriptor. Called without a lock. */
long dma_buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* dma-buf-poll.c: poll() of the descriptor. Takes dma_buf_poll.wait.lock itself. */
void dma_buf_poll_init(struct dma_buf_poll *poll);
void dma_buf_poll_cancel(struct dma_buf_poll *poll);
__poll_t dma_buf_poll(struct file *file, poll_table *table);

/* dma-buf-attach.c: attachments. */
struct dma_buf_attach_object *dma_buf_attach_object_new(bool states);

/* dma-buf-negotiate.c: needs of all attachments. Called with the reservation lock held. */
int dma_buf_negotiate(struct dma_buf_attachment *newcomer);
int dma_buf_attachment_needs(struct dma_buf_attachment *attach,
			     struct dma_buf_attach_needs *needs);

/* dma-buf-device.c: locks of attached devices, to ask what they need. */
void dma_buf_device_pause(struct device *dev);
int dma_buf_device_lock(struct dma_buf_attachment *attach, const struct device *own, bool patient);
void dma_buf_device_unlock(struct dma_buf_attachment *attach, const struct device *own);

/* dma-buf-pin.c: pins of an attachment. Called with the reservation lock held. */
int dma_buf_attach_pin(struct dma_buf_attachment *attach);
void dma_buf_attach_unpin(struct dma_buf_attachment *attach);

/* dma-buf-map.c: mappings of an attachment. Called with the reservation lock held. */
struct dma_buf_mapping *dma_buf_mapping_new(void);
struct sg_table *dma_buf_mapping_make(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir);
void dma_buf_mapping_cache(struct dma_buf_attachment *attach,
			   struct sg_table *sgt, enum dma_data_direction dir);
void dma_buf_mapping_destroy_all(struct dma_buf_attachment *attach);

/* dma-buf-cpu.c: CPU access without the counts of CONFIG_DMABUF_DEBUG; bounds of an mmap. */
int dma_buf_cpu_begin(struct dma_buf *dmabuf, enum dma_data_direction dir);
int dma_buf_cpu_end(struct dma_buf *dmabuf, enum dma_data_direction dir);
int dma_buf_mmap_check_range(struct dma_buf *dmabuf, unsigned long pgoff,
			     unsigned long pages);

/**
 * dma_buf_has_fences() - test whether a buffer may have fences
 * @dmabuf: the buffer
 *
 * The fast path of functions that wait for fences.
 *
 * Context: Any; needs no lock. A fence that is being added at the same time may be missed, as by
 * an iteration without the lock.
 * Return: false if the reservation object has no list of fences; true if it has one, which may
 * be empty.
 */
static inline bool dma_buf_has_fences(struct dma_buf *dmabuf)
{
	return rcu_access_pointer(dmabuf->resv->fences);
}

/* dma-buf-registry.c: list of all buffers, and walks. Takes dma_buf_shard.lock; process context. */

/**
 * struct dma_buf_registry_iter - a walk over all buffers
 * @cursor: position of the walk in its shard, before the next buffer
 * @end: end of the walk in its shard, behind the newest buffer that it visits
 * @cpu: CPU whose shard the walk is in
 *
 * &dma_buf_shard.lock guards the links of @cursor and @end. Calls for one walk must not overlap.
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

/* dma-buf-sync-file.c: ioctls for sync_files. Called without the reservation lock. */
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

/* dma-buf-users.c: lines of bufinfo and fdinfo. Called with the reservation lock held. */
void dma_buf_show_users(struct seq_file *m, const char *indent, struct dma_buf *dmabuf);

/* dma-buf-debugfs.c: bufinfo. */
#ifdef CONFIG_DEBUG_FS
void dma_buf_debugfs_init(void);
void dma_buf_bufinfo_pause(void);
#else
static inline void dma_buf_debugfs_init(void)
{
}
#endif

/*
 * dma-buf-debug.c: checks for CONFIG_DMABUF_DEBUG. Those of tables and mappings are called with
 * the reservation lock held. The others use atomic counts and need no lock.
 */
#ifdef CONFIG_DMABUF_DEBUG
struct sg_table *dma_buf_debug_wrap(struct dma_buf_attachment *attach,
				    struct sg_table *sgt);
void dma_buf_debug_unwrap(struct sg_table *handed);
void dma_buf_debug_init(struct dma_buf_object *obj);
void dma_buf_debug_begin(struct dma_buf *dmabuf, enum dma_data_direction dir);
void dma_buf_debug_end(struct dma_buf *dmabuf, enum dma_data_direction dir);
void dma_buf_debug_check_release(struct dma_buf *dmabuf);
void dma_buf_debug_check_unmap(struct dma_buf_attachment *attach,
			       struct dma_buf_mapping *mapping,
			       enum dma_data_direction dir);
void dma_buf_debug_check_detach(struct dma_buf_attachment *attach);
void dma_buf_debug_check_negotiate(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
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

static inline void dma_buf_debug_check_release(struct dma_buf *dmabuf)
{
}

static inline void dma_buf_debug_check_unmap(struct dma_buf_attachment *attach,
					     struct dma_buf_mapping *mapping,
					     enum dma_data_direction dir)
{
}

static inline void dma_buf_debug_check_detach(struct dma_buf_attachment *attach)
{
}

static inline void dma_buf_debug_check_negotiate(struct dma_buf *dmabuf,
						 struct dma_buf_attachment *attach)
{
}
#endif

#endif /* _DMA_BUF_PRIVATE_H */
