// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a buffer's inode: stat, statfs, access mode and path, and that a new
 * buffer has no state of a released one.
 */

#include <linux/dcache.h>
#include <linux/magic.h>
#include <linux/poll.h>
#include <linux/preempt.h>
#include <linux/stat.h>
#include <linux/statfs.h>

#include "mock-buffer.h"

static void stat_shows_number_size_and_blocks(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;
	struct kstat stat;

	KUNIT_ASSERT_EQ(test, 0, vfs_getattr(&file->f_path, &stat, STATX_BASIC_STATS,
					     AT_STATX_SYNC_AS_STAT));
	KUNIT_EXPECT_EQ(test, stat.ino, file_inode(file)->i_ino);
	KUNIT_EXPECT_EQ(test, stat.size, (loff_t)exporter->size);
	KUNIT_EXPECT_EQ(test, stat.blocks, exporter->size / 512);
	KUNIT_EXPECT_EQ(test, stat.mode & 0777, 0600);
}

static void size_need_not_be_whole_pages(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf;

	exporter->size = PAGE_SIZE + 1;
	dmabuf = mock_buffer(test, exporter);
	KUNIT_EXPECT_EQ(test, dmabuf->size, PAGE_SIZE + 1);
	KUNIT_EXPECT_EQ(test, i_size_read(file_inode(dmabuf->file)), PAGE_SIZE + 1);
	KUNIT_EXPECT_EQ(test, vfs_llseek(dmabuf->file, 0, SEEK_END), PAGE_SIZE + 1);
}

static void inode_numbers_are_unique(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	const int count = 1500;
	unsigned long *seen = kunit_kcalloc(test, count, sizeof(*seen), GFP_KERNEL);
	int again = 0;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	for (int i = 0; i < count; i++) {
		struct dma_buf *dmabuf = mock_export(exporter);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
		seen[i] = file_inode(dmabuf->file)->i_ino;
		dma_buf_put(dmabuf);
		/* The next buffer may reuse the memory, but not the number. */
		mock_flush();
	}
	for (int i = 0; i < count; i++) {
		KUNIT_EXPECT_NE(test, seen[i], 0);
		for (int j = 0; j < i; j++)
			again += seen[i] == seen[j];
	}
	KUNIT_EXPECT_EQ(test, again, 0);
}

static const struct access {
	const char *desc;
	int flags;
	int kept;
	fmode_t mode;
} accesses[] = {
	{ "read only", O_RDONLY, O_RDONLY, FMODE_READ },
	{ "write only", O_WRONLY, O_WRONLY, FMODE_WRITE },
	{ "read and write", O_RDWR, O_RDWR, FMODE_READ | FMODE_WRITE },
	{ "nonblocking", O_RDWR | O_NONBLOCK, O_RDWR | O_NONBLOCK,
	  FMODE_READ | FMODE_WRITE },
	{ "other flags are dropped", O_RDWR | O_CLOEXEC | O_CREAT | O_APPEND | O_DIRECT,
	  O_RDWR, FMODE_READ | FMODE_WRITE },
};

KUNIT_ARRAY_PARAM_DESC(access, accesses, desc);

static void export_flags_decide_the_access_mode(struct kunit *test)
{
	const struct access *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file;

	exporter->flags = row->flags;
	file = mock_buffer(test, exporter)->file;
	KUNIT_EXPECT_EQ(test, file->f_flags & ~O_LARGEFILE, row->kept);
	KUNIT_EXPECT_EQ(test, (__force unsigned int)(file->f_mode & (FMODE_READ | FMODE_WRITE)),
			(__force unsigned int)row->mode);
}

static void set_name(struct dma_buf *dmabuf, const char *name)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	spin_lock(&obj->name_lock);
	strscpy_pad(obj->name, name);
	obj->named = true;
	spin_unlock(&obj->name_lock);
}

static void path_shows_the_name(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	char text[64];

	KUNIT_EXPECT_STREQ(test, file_path(dmabuf->file, text, sizeof(text)), "/dmabuf:");
	set_name(dmabuf, "picture");
	KUNIT_EXPECT_STREQ(test, file_path(dmabuf->file, text, sizeof(text)),
			   "/dmabuf:picture");
	/* The longest name. */
	set_name(dmabuf, "0123456789012345678901234567890");
	KUNIT_EXPECT_STREQ(test, file_path(dmabuf->file, text, sizeof(text)),
			   "/dmabuf:0123456789012345678901234567890");
	KUNIT_EXPECT_EQ(test, PTR_ERR(file_path(dmabuf->file, text, 16)), -ENAMETOOLONG);
}

static void statfs_returns_the_magic_number(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;
	struct kstatfs statfs;

	KUNIT_ASSERT_EQ(test, 0, vfs_statfs(&file->f_path, &statfs));
	KUNIT_EXPECT_EQ(test, statfs.f_type, DMA_BUF_MAGIC);
}

/* No lookup finds the inode, so its memory can be reused without a grace period. */
static void inode_is_unhashed(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;

	KUNIT_EXPECT_TRUE(test, d_unhashed(file->f_path.dentry));
	KUNIT_EXPECT_TRUE(test, inode_unhashed(file_inode(file)));
	KUNIT_EXPECT_TRUE(test, list_empty(&file_inode(file)->i_sb_list));
}

static void reservation_object_is_part_of_the_buffer(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	KUNIT_EXPECT_PTR_EQ(test, dma_buf_inode_to_object(file_inode(dmabuf->file)), obj);
	KUNIT_EXPECT_PTR_EQ(test, dmabuf->resv, &obj->resv);
	KUNIT_EXPECT_PTR_EQ(test, dmabuf->file->private_data, (void *)dmabuf);
}

static void expect_unused(struct kunit *test, struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);
	int reports = mock_reports(test, DMA_BUF_RULE_CPU_ACCESS);

	KUNIT_EXPECT_FALSE(test, obj->named);
	KUNIT_EXPECT_EQ(test, obj->reported, 0);
	KUNIT_EXPECT_EQ(test, obj->vmap_count, 0);
	KUNIT_EXPECT_EQ(test, obj->first_attach_used, 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_has_fences(dmabuf));
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
	KUNIT_EXPECT_FALSE(test, obj->poll.used);
	KUNIT_EXPECT_FALSE(test, obj->poll.read.busy);
	KUNIT_EXPECT_NULL(test, obj->poll.read.fence);
	KUNIT_EXPECT_FALSE(test, obj->poll.write.busy);
	KUNIT_EXPECT_NULL(test, obj->poll.write.fence);
	/* No access has begun, which only CONFIG_DMABUF_DEBUG knows. */
	KUNIT_EXPECT_EQ(test, 0, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS) - reports,
			IS_ENABLED(CONFIG_DMABUF_DEBUG));
}

/*
 * Change all state of a buffer that must not survive its release: mappings and accesses
 * that are not undone, too, which the release reports. Returns the attachment, whose memory
 * nobody frees if it is not in the buffer.
 */
static struct dma_buf_attachment *leave_state(struct kunit *test, struct dma_buf *dmabuf,
					      struct device *dev)
{
	poll_table table = { ._key = EPOLLIN | EPOLLOUT };
	struct dma_buf_attachment *attach;
	struct iosys_map map;

	set_name(dmabuf, "old");
	KUNIT_EXPECT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	mock_add_fence(test, dmabuf, mock_fence(test), DMA_RESV_USAGE_WRITE);
	vfs_poll(dmabuf->file, &table);
	KUNIT_EXPECT_TRUE(test, dma_buf_to_object(dmabuf)->poll.read.busy);
	KUNIT_EXPECT_TRUE(test, dma_buf_to_object(dmabuf)->poll.write.busy);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	attach = dma_buf_attach(dmabuf, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_buf_to_object(dmabuf)->reported = ~0UL;
	return attach;
}

static void new_buffer_has_nothing_of_an_old_one(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct device *dev = mock_device(test);
	struct dma_buf_attachment *attach;
	struct dma_buf *last = NULL;
	unsigned int reused = 0;

	mock_expect_report(test);
	migrate_disable();
	for (int i = 0; i < 8; i++) {
		struct dma_buf *dmabuf = mock_buffer(test, exporter);

		reused += dmabuf == last;
		last = dmabuf;
		expect_unused(test, dmabuf);
		attach = leave_state(test, dmabuf, dev);
		mock_buffer_release(test, dmabuf);
		if (IS_ENABLED(CONFIG_DMABUF_DEBUG))
			kfree(dma_buf_to_attach_object(attach));
	}
	migrate_enable();
	mock_expect_reuse(test, reused);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_RELEASE), 8);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 8);
}

static struct kunit_case dma_buf_inode_cases[] = {
	KUNIT_CASE(stat_shows_number_size_and_blocks),
	KUNIT_CASE(size_need_not_be_whole_pages),
	KUNIT_CASE(inode_numbers_are_unique),
	KUNIT_CASE_PARAM(export_flags_decide_the_access_mode, access_gen_params),
	KUNIT_CASE(path_shows_the_name),
	KUNIT_CASE(statfs_returns_the_magic_number),
	KUNIT_CASE(inode_is_unhashed),
	KUNIT_CASE(reservation_object_is_part_of_the_buffer),
	KUNIT_CASE(new_buffer_has_nothing_of_an_old_one),
	{}
};

static struct kunit_suite dma_buf_inode_suite = {
	.name = "dma_buf_inode",
	.init = mock_init,
	.test_cases = dma_buf_inode_cases,
};

kunit_test_suite(dma_buf_inode_suite);
