// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a buffer's file: descriptors, references, lseek, fdinfo and mmap.
 */

#include <linux/anon_inodes.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "mock-buffer.h"

static int open_buffer(struct kunit *test, struct dma_buf *dmabuf, int flags)
{
	int fd = dma_buf_fd(dmabuf, flags);

	KUNIT_ASSERT_GE(test, fd, 0);
	mock_buffer_disown(test, dmabuf);
	return fd;
}

static void fd_takes_the_reference_over(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	int fd = open_buffer(test, dmabuf, O_CLOEXEC);

	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void fd_closed_leaves_other_references(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	get_dma_buf(dmabuf);
	close_fd(open_buffer(test, dmabuf, O_CLOEXEC));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);

	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static bool closes_on_exec(int fd)
{
	bool closes;

	rcu_read_lock();
	closes = close_on_exec(fd, current->files);
	rcu_read_unlock();
	return closes;
}

static void fd_closes_on_exec_if_asked(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	int closed = open_buffer(test, mock_buffer(test, exporter), O_CLOEXEC);
	int kept = open_buffer(test, mock_buffer(test, exporter), 0);

	KUNIT_EXPECT_TRUE(test, closes_on_exec(closed));
	KUNIT_EXPECT_FALSE(test, closes_on_exec(kept));
	close_fd(closed);
	close_fd(kept);
}

static void fd_of_null_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dma_buf_fd(NULL, O_CLOEXEC), -EINVAL);
}

static void fd_at_the_limit_leaves_the_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct rlimit *limit = &current->signal->rlim[RLIMIT_NOFILE];
	unsigned long before = limit->rlim_cur;
	int ret;

	/* Kernel threads share the descriptor table, but this limit is per thread. */
	WRITE_ONCE(limit->rlim_cur, 0);
	ret = dma_buf_fd(dmabuf, O_CLOEXEC);
	WRITE_ONCE(limit->rlim_cur, before);

	KUNIT_EXPECT_EQ(test, ret, -EMFILE);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
}

static void get_finds_the_buffer_behind_a_descriptor(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	int fd = open_buffer(test, dmabuf, O_CLOEXEC);

	KUNIT_EXPECT_PTR_EQ(test, dma_buf_get(fd), dmabuf);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 2);
	close_fd(fd);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
	dma_buf_put(dmabuf);
}

static void get_of_a_closed_descriptor_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	int fd = open_buffer(test, mock_buffer(test, exporter), O_CLOEXEC);

	close_fd(fd);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_get(fd)), -EBADF);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_get(-1)), -EBADF);
}

static void get_of_another_kind_of_file_is_refused(struct kunit *test)
{
	static const struct file_operations fops = {};
	int fd = anon_inode_getfd("mock", &fops, NULL, O_RDWR | O_CLOEXEC);
	struct file *file;

	KUNIT_ASSERT_GE(test, fd, 0);
	file = fget(fd);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_get(fd)), -EINVAL);
	/* The references of fget() and of the descriptor. */
	KUNIT_EXPECT_EQ(test, file_count(file), 2);
	fput(file);
	close_fd(fd);
}

static void put_of_null_is_reported(struct kunit *test)
{
	mock_expect_report(test);
	dma_buf_put(NULL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
}

static const struct seek {
	const char *desc;
	loff_t offset;
	int whence;
	loff_t result;
} seeks[] = {
	{ "end", 0, SEEK_END, 4 * PAGE_SIZE },
	{ "beginning", 0, SEEK_SET, 0 },
	{ "current", 0, SEEK_CUR, -EINVAL },
	{ "before the end", -1, SEEK_END, -EINVAL },
	{ "behind the end", 1, SEEK_END, -EINVAL },
	{ "behind the beginning", PAGE_SIZE, SEEK_SET, -EINVAL },
	{ "before the beginning", -1, SEEK_SET, -EINVAL },
	{ "data", 0, SEEK_DATA, -EINVAL },
	{ "hole", 0, SEEK_HOLE, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(seek, seeks, desc);

static void lseek_returns_the_size_only(struct kunit *test)
{
	const struct seek *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	KUNIT_EXPECT_EQ(test, vfs_llseek(dmabuf->file, row->offset, row->whence),
			row->result);
	KUNIT_EXPECT_EQ(test, dmabuf->file->f_pos, 0);
}

static void read_and_write_are_not_possible(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;
	loff_t pos = 0;
	char byte = 0;

	KUNIT_ASSERT_TRUE(test, file->f_mode & FMODE_READ);
	KUNIT_ASSERT_TRUE(test, file->f_mode & FMODE_WRITE);
	KUNIT_EXPECT_EQ(test, kernel_read(file, &byte, 1, &pos), -EINVAL);
	KUNIT_EXPECT_EQ(test, kernel_write(file, &byte, 1, &pos), -EINVAL);
}

static void fdinfo_has_the_documented_lines(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	char text[128] = "", wanted[128];
	struct seq_file seq = { .buf = text, .size = sizeof(text) };

	/* The file has three references; fdinfo leaves out one as its reader's. */
	get_dma_buf(dmabuf);
	get_dma_buf(dmabuf);
	dmabuf->file->f_op->show_fdinfo(&seq, dmabuf->file);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);

	snprintf(wanted, sizeof(wanted),
		 "size:\t%lu\ncount:\t2\nexp_name:\tmock\nattached:\t0\n",
		 4 * PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, text, wanted);
}

/* mock_user_memory() gives the thread an address space. */
static unsigned long map_file(struct kunit *test, struct file *file,
			      unsigned long bytes, unsigned long offset)
{
	mock_user_memory(test, PAGE_SIZE);
	return vm_mmap(file, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, offset);
}

static void mmap_holds_the_buffer(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	unsigned long addr = map_file(test, dmabuf->file, exporter->size, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MMAP), 1);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);

	KUNIT_EXPECT_EQ(test, vm_munmap(addr, exporter->size), 0);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void mmap_never_reaches_behind_the_end(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;
	size_t size = exporter->size;

	KUNIT_EXPECT_EQ(test, (long)map_file(test, file, size + PAGE_SIZE, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)map_file(test, file, size, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)map_file(test, file, PAGE_SIZE, size), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MMAP), 0);
}

static void mmap_that_overflows_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct file *file = mock_buffer(test, exporter)->file;
	struct vm_area_struct vma = {
		.vm_end = 2 * PAGE_SIZE,
		.vm_pgoff = ULONG_MAX,
	};

	KUNIT_EXPECT_EQ(test, file->f_op->mmap(file, &vma), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MMAP), 0);
}

static void mmap_without_exporter_callback_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file = mock_buffer(test, exporter)->file;

	KUNIT_EXPECT_EQ(test, (long)map_file(test, file, PAGE_SIZE, 0), -EINVAL);
}

static void mmap_passes_the_exporters_errno(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_fail(exporter, MOCK_MMAP, 1, -EPERM);
	KUNIT_EXPECT_EQ(test, (long)map_file(test, dmabuf->file, PAGE_SIZE, 0), -EPERM);
	mock_flush();
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
}

static struct kunit_case dma_buf_file_cases[] = {
	KUNIT_CASE(fd_takes_the_reference_over),
	KUNIT_CASE(fd_closed_leaves_other_references),
	KUNIT_CASE(fd_closes_on_exec_if_asked),
	KUNIT_CASE(fd_of_null_is_refused),
	KUNIT_CASE(fd_at_the_limit_leaves_the_reference),
	KUNIT_CASE(get_finds_the_buffer_behind_a_descriptor),
	KUNIT_CASE(get_of_a_closed_descriptor_is_refused),
	KUNIT_CASE(get_of_another_kind_of_file_is_refused),
	KUNIT_CASE(put_of_null_is_reported),
	KUNIT_CASE_PARAM(lseek_returns_the_size_only, seek_gen_params),
	KUNIT_CASE(read_and_write_are_not_possible),
	KUNIT_CASE(fdinfo_has_the_documented_lines),
	KUNIT_CASE(mmap_holds_the_buffer),
	KUNIT_CASE(mmap_never_reaches_behind_the_end),
	KUNIT_CASE(mmap_that_overflows_is_refused),
	KUNIT_CASE(mmap_without_exporter_callback_is_refused),
	KUNIT_CASE(mmap_passes_the_exporters_errno),
	{}
};

static struct kunit_suite dma_buf_file_suite = {
	.name = "dma_buf_file",
	.init = mock_init,
	.test_cases = dma_buf_file_cases,
};

kunit_test_suite(dma_buf_file_suite);
