// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode that carries a buffer: where its memory comes from and goes to.
 *
 * A file system of its own, which nobody can mount, gives each buffer an inode,
 * and the inode's cache gives each inode the rest of the buffer: struct
 * dma_buf_object is one allocation that begins with dma_buf_object_alloc() and
 * ends with the inode. What holds the file, or only a path to it (O_PATH, a
 * reader of /proc/PID/fd or map_files), holds the inode; so nobody who got at a
 * buffer can see it freed. The inode alone can be held as well, by a watch of
 * inotify: that keeps this memory, but not the exporter's.
 *
 *   export               dma_buf_object_alloc() -> dma_buf_object_open()
 *   last file reference  dma_buf_fops.release: out of the registry, no callbacks
 *   last path reference  dma_buf_d_iput(): the exporter's release
 *   then, or later       dma_buf_destroy_inode(): the memory
 *
 * Inodes are usually freed after a grace period, because a lockless path walk
 * may still look at one. No walk gets here: these inodes have no name in any
 * directory, their dentries are never hashed. So the memory is reused at once,
 * which is a good part of the cost of a short-lived buffer.
 */

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs_context.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <uapi/linux/magic.h>

#include "dma-buf-private.h"

static struct kmem_cache *dma_buf_object_cache __ro_after_init;
static struct vfsmount *dma_buf_mnt __ro_after_init;

/* Nothing is cached, but an exporter's pages may point here and become dirty. */
static const struct address_space_operations dma_buf_aops = {
	.dirty_folio = noop_dirty_folio,
};

/* What a released object is left as, and need not be set up again. */
static void dma_buf_object_init_once(void *memory)
{
	struct dma_buf_object *obj = memory;

	inode_init_once(&obj->inode);
	INIT_LIST_HEAD(&obj->dmabuf.attachments);
	obj->entry.dmabuf = &obj->dmabuf;
	spin_lock_init(&obj->name_lock);
	dma_buf_poll_init(&obj->poll);
}

static struct inode *dma_buf_alloc_inode(struct super_block *sb)
{
	struct dma_buf_object *obj;

	obj = alloc_inode_sb(sb, dma_buf_object_cache, GFP_KERNEL);
	if (!obj)
		return NULL;
	/* Without callbacks it is no buffer yet, and never was one to release. */
	obj->dmabuf.ops = NULL;
	return &obj->inode;
}

static void dma_buf_evict_inode(struct inode *inode)
{
	/* No page was ever cached, so there is none for clear_inode() to miss. */
	inode->i_state = I_FREEING | I_CLEAR;
}

static void dma_buf_destroy_inode(struct inode *inode)
{
	kmem_cache_free(dma_buf_object_cache, dma_buf_inode_to_object(inode));
}

static const struct super_operations dma_buf_sops = {
	.alloc_inode = dma_buf_alloc_inode,
	.evict_inode = dma_buf_evict_inode,
	.destroy_inode = dma_buf_destroy_inode,
	.statfs = simple_statfs,
};

/* The name in /proc/PID/fd and /proc/PID/maps. */
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

/* The last path is gone: each inode has had one dentry. */
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

static struct file_system_type dma_buf_fs_type = {
	.name = "dmabuf",
	.init_fs_context = dma_buf_init_fs_context,
	.kill_sb = kill_anon_super,
};

/**
 * dma_buf_object_alloc() - allocate a buffer that is none yet.
 * @size: bytes, as fstat() shows them
 *
 * Undone by iput() of its inode, or by the last reference to the file that
 * dma_buf_object_open() makes of it.
 *
 * Context: May sleep.
 *
 * Return: The object, all of its own fields at rest, or NULL without memory.
 */
struct dma_buf_object *dma_buf_object_alloc(size_t size)
{
	struct inode *inode = new_inode_pseudo(dma_buf_mnt->mnt_sb);
	struct dma_buf_object *obj;
	struct timespec64 now;

	if (!inode)
		return NULL;

	/* Dirty from birth, so that nobody ever queues it for writing back. */
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
	obj->reported = 0;
	obj->attached = 0;
	dma_buf_debug_init(obj);
	return obj;
}

/**
 * dma_buf_object_open() - make the file that carries a buffer.
 * @obj: object whose inode reference passes to the file
 * @flags: access mode and O_NONBLOCK
 *
 * Context: May sleep.
 *
 * Return: The file, or an error pointer: -ENOMEM, or -ENFILE at the system's
 * limit of open files; then @obj is still the caller's.
 */
struct file *dma_buf_object_open(struct dma_buf_object *obj, int flags)
{
	struct file *file;

	file = alloc_file_pseudo(&obj->inode, dma_buf_mnt, "dmabuf",
				 flags & (O_ACCMODE | O_NONBLOCK), &dma_buf_fops);
	if (!IS_ERR(file))
		file->private_data = &obj->dmabuf;
	return file;
}

static int __init dma_buf_init(void)
{
	dma_buf_object_cache = kmem_cache_create("dma_buf", sizeof(struct dma_buf_object),
						 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
						 dma_buf_object_init_once);
	if (!dma_buf_object_cache || dma_buf_attach_init())
		return -ENOMEM;

	dma_buf_registry_init();
	dma_buf_mnt = kern_mount(&dma_buf_fs_type);
	if (IS_ERR(dma_buf_mnt))
		return PTR_ERR(dma_buf_mnt);

	dma_buf_debugfs_init();
	return 0;
}
subsys_initcall(dma_buf_init);
