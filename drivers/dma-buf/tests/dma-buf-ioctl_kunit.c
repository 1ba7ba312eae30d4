// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the ioctls of a buffer, with arguments in user memory.
 */

#include <linux/dcache.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock-buffer.h"
#include "threads.h"

/* Nothing is ever mapped here. */
#define IOCTL_BAD_ADDRESS	1UL

static long ioctl_at(struct dma_buf *dmabuf, unsigned int cmd, unsigned long addr)
{
	return dmabuf->file->f_op->unlocked_ioctl(dmabuf->file, cmd, addr);
}

static long ioctl_sync(struct kunit *test, struct dma_buf *dmabuf, u64 flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return mock_ioctl(test, dmabuf, DMA_BUF_IOCTL_SYNC, &sync, sizeof(sync));
}

struct ioctl_sync_row {
	const char *name;
	u64 flags;
	long ret;
	enum mock_op op;
	enum dma_data_direction dir;
};

static const struct ioctl_sync_row ioctl_sync_rows[] = {
	{ "start read", DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ, 0,
	  MOCK_BEGIN, DMA_FROM_DEVICE },
	{ "start write", DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE, 0,
	  MOCK_BEGIN, DMA_TO_DEVICE },
	{ "start both", DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW, 0,
	  MOCK_BEGIN, DMA_BIDIRECTIONAL },
	{ "end read", DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ, 0,
	  MOCK_END, DMA_FROM_DEVICE },
	{ "end write", DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE, 0,
	  MOCK_END, DMA_TO_DEVICE },
	{ "end both", DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW, 0,
	  MOCK_END, DMA_BIDIRECTIONAL },
	{ "start without a direction", DMA_BUF_SYNC_START, -EINVAL, },
	{ "end without a direction", DMA_BUF_SYNC_END, -EINVAL, },
	{ "lowest unknown bit", DMA_BUF_SYNC_RW | BIT_ULL(3), -EINVAL, },
	{ "bit 31", DMA_BUF_SYNC_RW | BIT_ULL(31), -EINVAL, },
	{ "bit 32", DMA_BUF_SYNC_RW | BIT_ULL(32), -EINVAL, },
	{ "highest bit", DMA_BUF_SYNC_RW | BIT_ULL(63), -EINVAL, },
	{ "all bits", U64_MAX, -EINVAL, },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_sync, ioctl_sync_rows, name);

static void ioctl_sync_flags(struct kunit *test)
{
	const struct ioctl_sync_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	int calls;

	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, row->flags), row->ret);
	calls = mock_calls(exporter, MOCK_BEGIN) + mock_calls(exporter, MOCK_END);
	if (row->ret) {
		KUNIT_EXPECT_EQ(test, calls, 0);
		return;
	}
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, row->op), 1);
	KUNIT_EXPECT_EQ(test, exporter->calls[row->op].dir, row->dir);
}

static void ioctl_sync_without_callbacks_succeeds(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));

	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_START |
					 DMA_BUF_SYNC_RW), 0);
	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_END |
					 DMA_BUF_SYNC_RW), 0);
}

static void ioctl_sync_passes_the_exporters_errno(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_fail(exporter, MOCK_BEGIN, 1, -EINTR);
	mock_fail(exporter, MOCK_END, 1, -EIO);
	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_START |
					 DMA_BUF_SYNC_READ), -EINTR);
	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_END |
					 DMA_BUF_SYNC_READ), -EIO);
}

/* Drivers must balance begin and end, userspace need not. */
static void ioctl_sync_unbalanced_is_not_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_expect_report(test);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_END |
						 DMA_BUF_SYNC_WRITE), 0);
	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, DMA_BUF_SYNC_START |
					 DMA_BUF_SYNC_READ), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_END), 3);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

struct ioctl_wait_row {
	const char *name;
	u64 flags;
	enum dma_resv_usage usage;
	bool waits;
};

static const struct ioctl_wait_row ioctl_wait_rows[] = {
	{ "reading waits for kernel fence", DMA_BUF_SYNC_READ,
	  DMA_RESV_USAGE_KERNEL, true },
	{ "reading waits for write fence", DMA_BUF_SYNC_READ,
	  DMA_RESV_USAGE_WRITE, true },
	{ "reading does not wait for read fence", DMA_BUF_SYNC_READ,
	  DMA_RESV_USAGE_READ, false },
	{ "writing waits for write fence", DMA_BUF_SYNC_WRITE,
	  DMA_RESV_USAGE_WRITE, true },
	{ "writing waits for read fence", DMA_BUF_SYNC_WRITE,
	  DMA_RESV_USAGE_READ, true },
	{ "both waits for read fence", DMA_BUF_SYNC_RW,
	  DMA_RESV_USAGE_READ, true },
	{ "no access waits for bookkeep fence", DMA_BUF_SYNC_RW,
	  DMA_RESV_USAGE_BOOKKEEP, false },
	{ "the end does not wait", DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW,
	  DMA_RESV_USAGE_KERNEL, false },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_wait, ioctl_wait_rows, name);

static void ioctl_sync_waits_by_usage(struct kunit *test)
{
	const struct ioctl_wait_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);
	struct mock_signaller *signaller;
	bool signalled;

	mock_user_memory(test, PAGE_SIZE);
	mock_add_fence(test, dmabuf, fence, row->usage);
	signaller = mock_signaller(test, 1, &fence);
	KUNIT_EXPECT_EQ(test, ioctl_sync(test, dmabuf, row->flags), 0);
	signalled = dma_fence_is_signaled(fence);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), row->waits);
	KUNIT_EXPECT_EQ(test, signalled, row->waits);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), row->waits);
}

static void ioctl_sync_is_interrupted_by_a_signal(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);
	struct mock_signaller *signaller;
	long ret;

	mock_user_memory(test, PAGE_SIZE);
	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_WRITE);
	signaller = mock_signaller(test, 1, &fence);
	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	ret = ioctl_sync(test, dmabuf, DMA_BUF_SYNC_READ);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 0);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_BEGIN), 0);
}

struct ioctl_number_row {
	const char *name;
	unsigned int cmd;
};

static const struct ioctl_number_row ioctl_number_rows[] = {
	{ "0", 0 },
	{ "all ones", UINT_MAX },
	{ "number behind the last", _IOW(DMA_BUF_BASE, 4, struct dma_buf_sync) },
	{ "another type", _IOW('c', 0, struct dma_buf_sync) },
	{ "sync without a size", _IO(DMA_BUF_BASE, 0) },
	{ "sync of 4 bytes", _IOW(DMA_BUF_BASE, 0, u32) },
	{ "sync that reads", _IOR(DMA_BUF_BASE, 0, struct dma_buf_sync) },
	{ "set name of 2 bytes", _IOW(DMA_BUF_BASE, 1, u16) },
	{ "export that only writes",
	  _IOW(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file) },
	{ "import that reads too",
	  _IOWR(DMA_BUF_BASE, 3, struct dma_buf_import_sync_file) },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_number, ioctl_number_rows, name);

static void ioctl_unknown_number(struct kunit *test)
{
	const struct ioctl_number_row *row = test->param_value;
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));

	KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, row->cmd, IOCTL_BAD_ADDRESS), -ENOTTY);
}

static const struct ioctl_number_row ioctl_known_rows[] = {
	{ "sync", DMA_BUF_IOCTL_SYNC },
	{ "set name", DMA_BUF_SET_NAME },
	{ "set name a", DMA_BUF_SET_NAME_A },
	{ "set name b", DMA_BUF_SET_NAME_B },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_known, ioctl_known_rows, name);

static void ioctl_argument_cannot_be_read(struct kunit *test)
{
	const struct ioctl_number_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_user_memory(test, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, row->cmd, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, row->cmd, IOCTL_BAD_ADDRESS), -EFAULT);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_BEGIN), 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_to_object(dmabuf)->named);
}

/* Copy a string to the end of a user page; the page after it is unmapped. */
static unsigned long ioctl_string(struct kunit *test, const char *text, size_t size)
{
	unsigned long page = mock_user_memory(test, 2 * PAGE_SIZE);
	unsigned long addr = page + PAGE_SIZE - size;

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(page + PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)addr, text, size));
	return addr;
}

static long ioctl_name(struct kunit *test, struct dma_buf *dmabuf, const char *name)
{
	return ioctl_at(dmabuf, DMA_BUF_SET_NAME, ioctl_string(test, name,
							      strlen(name) + 1));
}

/* Print fdinfo to @text, which has PAGE_SIZE bytes. */
static void ioctl_fdinfo(struct dma_buf *dmabuf, char *text)
{
	struct seq_file m = { .buf = text, .size = PAGE_SIZE };

	dmabuf->file->f_op->show_fdinfo(&m, dmabuf->file);
	text[m.count] = '\0';
}

static char *ioctl_fdinfo_text(struct kunit *test, struct dma_buf *dmabuf)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	ioctl_fdinfo(dmabuf, text);
	return text;
}

static const char *ioctl_path(struct kunit *test, struct dma_buf *dmabuf)
{
	char *buffer = kunit_kzalloc(test, 100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return d_path(&dmabuf->file->f_path, buffer, 100);
}

struct ioctl_name_row {
	const char *name;
	size_t length;
	long ret;
};

/* Names of @length characters; the NUL is the last mapped byte. */
static const struct ioctl_name_row ioctl_name_rows[] = {
	{ "empty", 0, 0 },
	{ "1 character", 1, 0 },
	{ "7 characters", 7, 0 },
	{ "8 characters", 8, 0 },
	{ "30 characters", 30, 0 },
	{ "31 characters", 31, 0 },
	{ "32 characters", 32, -EINVAL },
	{ "33 characters", 33, -EINVAL },
	{ "1000 characters", 1000, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_name, ioctl_name_rows, name);

static void ioctl_set_name_lengths(struct kunit *test)
{
	static const unsigned int cmds[] = { DMA_BUF_SET_NAME_A, DMA_BUF_SET_NAME_B };
	const struct ioctl_name_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	static const char prefix[] = "/dmabuf:";
	size_t start = strlen(prefix);
	unsigned long addr;
	char *path;

	path = kunit_kzalloc(test, start + row->length + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, path);
	memcpy(path, prefix, start);
	memset(path + start, 'n', row->length);
	addr = ioctl_string(test, path + start, row->length + 1);
	for (int i = 0; i < ARRAY_SIZE(cmds); i++) {
		struct dma_buf *dmabuf = mock_buffer(test, exporter);

		KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, cmds[i], addr), row->ret);
		KUNIT_EXPECT_EQ(test, dma_buf_to_object(dmabuf)->named, !row->ret);
		KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf),
				   row->ret ? prefix : path);
	}
}

struct ioctl_open_row {
	const char *name;
	size_t length;
	long ret;
};

/* @length bytes without a NUL, up to the last mapped byte. */
static const struct ioctl_open_row ioctl_open_rows[] = {
	{ "the mapping ends before the limit", 20, -EFAULT },
	{ "the mapping ends one before the limit", 31, -EFAULT },
	{ "the mapping ends at the limit", 32, -EINVAL },
	{ "the mapping ends behind the limit", 33, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(ioctl_open, ioctl_open_rows, name);

static void ioctl_set_name_unterminated(struct kunit *test)
{
	const struct ioctl_open_row *row = test->param_value;
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	char text[40];
	unsigned long addr;

	memset(text, 'n', sizeof(text));
	addr = ioctl_string(test, text, row->length);
	KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, DMA_BUF_SET_NAME, addr), row->ret);
	KUNIT_EXPECT_FALSE(test, dma_buf_to_object(dmabuf)->named);
}

static void ioctl_set_name_failed_keeps_the_old(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));

	KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, "old"), 0);
	KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, "12345678901234567890123456789012"),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, ioctl_at(dmabuf, DMA_BUF_SET_NAME, 0), -EFAULT);
	KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf), "/dmabuf:old");
}

static void ioctl_set_name_shorter_replaces_all(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));

	KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, "a rather long name"), 0);
	KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, "short"), 0);
	KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf), "/dmabuf:short");
	KUNIT_EXPECT_NOT_NULL(test, strstr(ioctl_fdinfo_text(test, dmabuf),
					   "\nname:\tshort\n"));
}

static void ioctl_set_name_empty_differs_from_none(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));

	KUNIT_EXPECT_NULL(test, strstr(ioctl_fdinfo_text(test, dmabuf), "name:\t\n"));
	KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf), "/dmabuf:");
	KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, ""), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(ioctl_fdinfo_text(test, dmabuf),
					   "\nname:\t\n"));
	KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf), "/dmabuf:");
}

/* A buffer that reuses a released buffer's memory has no name. */
static void ioctl_set_name_ends_with_the_buffer(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *last = NULL;
	unsigned int reused = 0;

	migrate_disable();
	for (int i = 0; i < 10; i++) {
		struct dma_buf *dmabuf = mock_buffer(test, exporter);

		reused += dmabuf == last;
		last = dmabuf;
		KUNIT_EXPECT_STREQ(test, ioctl_path(test, dmabuf), "/dmabuf:");
		KUNIT_EXPECT_EQ(test, ioctl_name(test, dmabuf, "mine"), 0);
		mock_buffer_release(test, dmabuf);
	}
	migrate_enable();
	mock_expect_reuse(test, reused);
}

/**
 * struct ioctl_race - a buffer whose name two threads change and two read
 * @dmabuf: the buffer
 * @mm: address space of @names
 * @names: addresses of two names, each of 31 equal characters
 * @turn: number of renames
 */
struct ioctl_race {
	struct dma_buf *dmabuf;
	struct mm_struct *mm;
	unsigned long names[2];
	atomic_t turn;
};

static bool ioctl_race_rename(void *data)
{
	struct ioctl_race *race = data;
	unsigned long name = race->names[atomic_inc_return(&race->turn) % 2];
	long ret;

	kthread_use_mm(race->mm);
	ret = ioctl_at(race->dmabuf, DMA_BUF_SET_NAME, name);
	kthread_unuse_mm(race->mm);
	return !ret;
}

static bool ioctl_race_is_whole(const char *name)
{
	return (name[0] == 'a' || name[0] == 'b') &&
	       strspn(name, name[0] == 'a' ? "a" : "b") == DMA_BUF_NAME_LEN - 1;
}

static bool ioctl_race_read_fdinfo(void *data)
{
	struct ioctl_race *race = data;
	char *text = kmalloc(PAGE_SIZE, GFP_KERNEL);
	const char *name;
	bool whole;

	if (!text)
		return false;
	ioctl_fdinfo(race->dmabuf, text);
	name = strstr(text, "\nname:\t");
	whole = name && ioctl_race_is_whole(name + strlen("\nname:\t"));
	kfree(text);
	return whole;
}

static bool ioctl_race_read_path(void *data)
{
	struct ioctl_race *race = data;
	char buffer[64];
	char *path;

	path = d_path(&race->dmabuf->file->f_path, buffer, sizeof(buffer));
	return !IS_ERR(path) && ioctl_race_is_whole(path + strlen("/dmabuf:"));
}

static void ioctl_set_name_while_others_read_it(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	struct ioctl_race race = { .dmabuf = dmabuf };
	struct mock_job jobs[] = {
		{ .turn = ioctl_race_rename, .data = &race },
		{ .turn = ioctl_race_rename, .data = &race },
		{ .turn = ioctl_race_read_fdinfo, .data = &race },
		{ .turn = ioctl_race_read_path, .data = &race },
	};
	char name[DMA_BUF_NAME_LEN] = "";

	for (int i = 0; i < 2; i++) {
		memset(name, 'a' + i, sizeof(name) - 1);
		race.names[i] = ioctl_string(test, name, sizeof(name));
	}
	race.mm = current->mm;
	KUNIT_ASSERT_EQ(test, ioctl_at(dmabuf, DMA_BUF_SET_NAME, race.names[0]), 0);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
}

static struct kunit_case dma_buf_ioctl_cases[] = {
	KUNIT_CASE_PARAM(ioctl_sync_flags, ioctl_sync_gen_params),
	KUNIT_CASE(ioctl_sync_without_callbacks_succeeds),
	KUNIT_CASE(ioctl_sync_passes_the_exporters_errno),
	KUNIT_CASE(ioctl_sync_unbalanced_is_not_reported),
	KUNIT_CASE_PARAM(ioctl_sync_waits_by_usage, ioctl_wait_gen_params),
	KUNIT_CASE(ioctl_sync_is_interrupted_by_a_signal),
	KUNIT_CASE_PARAM(ioctl_unknown_number, ioctl_number_gen_params),
	KUNIT_CASE_PARAM(ioctl_argument_cannot_be_read, ioctl_known_gen_params),
	KUNIT_CASE_PARAM(ioctl_set_name_lengths, ioctl_name_gen_params),
	KUNIT_CASE_PARAM(ioctl_set_name_unterminated, ioctl_open_gen_params),
	KUNIT_CASE(ioctl_set_name_failed_keeps_the_old),
	KUNIT_CASE(ioctl_set_name_shorter_replaces_all),
	KUNIT_CASE(ioctl_set_name_empty_differs_from_none),
	KUNIT_CASE(ioctl_set_name_ends_with_the_buffer),
	KUNIT_CASE(ioctl_set_name_while_others_read_it),
	{}
};

static struct kunit_suite dma_buf_ioctl_suite = {
	.name = "dma_buf_ioctl",
	.init = mock_init,
	.test_cases = dma_buf_ioctl_cases,
};

kunit_test_suite(dma_buf_ioctl_suite);
