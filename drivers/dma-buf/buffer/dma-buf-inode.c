// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of a buffer: allocation, release, and freeing.
 *
 * An internal file system, which userspace cannot mount, provides one inode with one dentry per
 * buffer. struct dma_buf_object contains the inode and is freed with it. An open file and a path
 * without one (O_PATH, a reader of /proc/PID/fd or map_files) hold the dentry, and the dentry
 * holds the inode. An inotify watch holds the inode alone, and so not the exporter's memory.
 *
 *   export               dma_buf_object_alloc(), then dma_buf_object_open()
 *   last file reference  dma_buf_fops.release: registry and poll callbacks
 *   last path reference  dma_buf_d_iput(): the exporter's release
 *   last inode reference dma_buf_destroy_inode(): frees the object
 *
 * dma_buf.ops is NULL from the allocation until dma_buf_export() sets it, so a failed export
 * drops the dentry or the inode without calling a release.
 *
 * Other file systems free an inode after an RCU grace period, because a lockless path walk may
 * still read it. The dentries here are never hashed, have no parent directory, and are freed
 * without a grace period themselves (DCACHE_NORCU), so no lockless walk reaches these inodes.
 * They are freed at once.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs_context.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <uapi/linux/magic.h>

#include "dma-buf-private.h"

static int dma_buf_init_fs_context(struct fs_context *fc);

/**
 * struct dma_buf_fs - the internal file system
 * @type: its type, which is not registered, so nobody else can mount it
 * @mnt: its only mount, set at boot
 * @objects: slab cache of the inodes, set at boot
 */
struct dma_buf_fs {
	struct file_system_type type;
	struct vfsmount *mnt;
	struct kmem_cache *objects;
};

static struct dma_buf_fs dma_buf_fs = {
	.type.name = "dmabuf",
	.type.init_fs_context = dma_buf_init_fs_context,
	.type.kill_sb = kill_anon_super,
};

/* For exporters whose pages have the inode's mapping. The inode itself caches no pages. */
static const struct address_space_operations dma_buf_aops = {
	.dirty_folio = noop_dirty_folio,
};

/* Slab constructor: sets the members that have the same value again when an object is freed. */
static void dma_buf_object_init_once(void *memory)
{
	struct dma_buf_object *obj = memory;

	inode_init_once(&obj->inode);
	INIT_LIST_HEAD(&obj->dmabuf.attachments);
	INIT_LIST_HEAD(&obj->entry.node);
	obj->entry.dmabuf = &obj->dmabuf;
	spin_lock_init(&obj->name_lock);
	dma_buf_poll_init(&obj->poll);
}

static struct inode *dma_buf_alloc_inode(struct super_block *sb)
{
	struct dma_buf_object *obj;

	obj = alloc_inode_sb(sb, dma_buf_fs.objects, GFP_KERNEL);
	if (!obj)
		return NULL;
	/* Not exported yet: dma_buf_d_iput() must not call a release. */
	obj->dmabuf.ops = NULL;
	return &obj->inode;
}

static void dma_buf_evict_inode(struct inode *inode)
{
	/* The state that clear_inode() sets and evict() checks. There are no pages to clear. */
	inode->i_state = I_FREEING | I_CLEAR;
}

static void dma_buf_destroy_inode(struct inode *inode)
{
	kmem_cache_free(dma_buf_fs.objects, dma_buf_inode_to_object(inode));
}

static const struct super_operations dma_buf_sops = {
	.alloc_inode = dma_buf_alloc_inode,
	.evict_inode = dma_buf_evict_inode,
	.destroy_inode = dma_buf_destroy_inode,
	.statfs = simple_statfs,
};

/* Make the name that /proc/PID/fd and /proc/PID/maps show. */
static char *dma_buf_dname(struct dentry *dentry, char *buffer, int buflen)
{
	struct dma_buf_object *obj = dma_buf_inode_to_object(d_inode(dentry));
	char name[DMA_BUF_NAME_LEN] = "";

	spin_lock(&obj->name_lock);
	if (obj->named)
		memcpy(name, obj->name, sizeof(name));
	spin_unlock(&obj->name_lock);

	return dynamic_dname(buffer, buflen, "/%s:%s", dentry->d_name.name, name);
}

/*
 * Reports attachments and kernel mappings that are left. It cannot undo them: their importers
 * have no reference to the buffer any more, and may still access the freed storage. Called
 * without a lock.
 */
static void dma_buf_object_release(struct dma_buf_object *obj)
{
	struct dma_buf *dmabuf = &obj->dmabuf;
	/* An exporter may free its own reservation object in its release: do not use it after. */
	bool own_resv = dmabuf->resv == &obj->resv;

	might_sleep();
	if (obj->vmap_count || !list_empty(&dmabuf->attachments)) {
		dma_buf_report(DMA_BUF_RULE_RELEASE, dmabuf, NULL);
		INIT_LIST_HEAD(&dmabuf->attachments);
	}
	dma_buf_debug_check_release(dmabuf);

	dmabuf->ops->release(dmabuf);
	if (own_resv)
		dma_resv_fini(&obj->resv);
	module_put(obj->owner);
}

/* The dentry is freed: the last path to the file was dropped. */
static void dma_buf_d_iput(struct dentry *dentry, struct inode *inode)
{
	struct dma_buf_object *obj = dma_buf_inode_to_object(inode);

	if (obj->dmabuf.ops)
		dma_buf_object_release(obj);
	iput(inode);
}

static const struct dentry_operations dma_buf_dops = {
	.d_dname = dma_buf_dname,
	.d_iput = dma_buf_d_iput,
};

static int dma_buf_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, DMA_BUF_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &dma_buf_sops;
	ctx->dops = &dma_buf_dops;
	return 0;
}

/**
 * dma_buf_object_alloc() - allocate an object with its inode
 * @size: size in bytes, which fstat() shows
 *
 * The caller drops the reference to the inode with iput(), or passes it to dma_buf_object_open().
 * It sets &dma_buf_object.exp_name and &dma_buf_object.owner, and the members of the struct
 * dma_buf but its size and list of attachments.
 *
 * Context: May sleep.
 * Return: The object, or NULL if memory could not be allocated.
 */
struct dma_buf_object *dma_buf_object_alloc(size_t size)
{
	struct inode *inode = new_inode_pseudo(dma_buf_fs.mnt->mnt_sb);
	struct dma_buf_object *obj;
	struct timespec64 now;

	if (!inode)
		return NULL;

	/* __mark_inode_dirty() ignores a dirty inode, so this one is never queued for writeback. */
	inode->i_state = I_DIRTY;
	inode->i_mode = 0600;
	inode->i_flags |= S_PRIVATE;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_mapping->a_ops = &dma_buf_aops;
	inode->i_size = size;
	inode_set_bytes(inode, size);
	ktime_get_coarse_real_ts64(&now);
	inode_set_atime_to_ts(inode, now);
	inode_set_mtime_to_ts(inode, now);
	inode_set_ctime_to_ts(inode, now);

	obj = dma_buf_inode_to_object(inode);
	obj->dmabuf.size = size;
	obj->named = false;
	obj->vmap_count = 0;
	obj->negotiation = NULL;
	obj->reported = 0;
	obj->first_attach_used = 0;
	dma_buf_debug_init(obj);
	return obj;
}

/**
 * dma_buf_object_open() - create the file of a buffer
 * @obj: the object; on success the reference to its inode passes to the file
 * @flags: access mode and %O_NONBLOCK; other bits are ignored
 *
 * Context: May sleep.
 * Return: The file, or an error pointer; then the caller keeps the reference to the inode:
 * %-ENOMEM, or %-ENFILE if the system has reached its limit of open files.
 */
struct file *dma_buf_object_open(struct dma_buf_object *obj, int flags)
{
	struct file *file;

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_object_open, obj, flags);

	file = alloc_file_pseudo(&obj->inode, dma_buf_fs.mnt, "dmabuf",
				 flags & (O_ACCMODE | O_NONBLOCK), &dma_buf_fops);
	if (!IS_ERR(file))
		file->private_data = &obj->dmabuf;
	return file;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_object_open);

/**
 * dma_buf_inode_init() - create the slab cache of objects and the internal file system
 *
 * Context: Boot, before the first export.
 * Return: 0, or a negative errno; %-ENOMEM if memory could not be allocated.
 */
int __init dma_buf_inode_init(void)
{
	dma_buf_fs.objects = kmem_cache_create("dma_buf", sizeof(struct dma_buf_object),
					       0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
					       dma_buf_object_init_once);
	if (!dma_buf_fs.objects)
		return -ENOMEM;

	dma_buf_fs.mnt = kern_mount(&dma_buf_fs.type);
	return PTR_ERR_OR_ZERO(dma_buf_fs.mnt);
}
