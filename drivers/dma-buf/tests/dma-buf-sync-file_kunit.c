// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DMA_BUF_IOCTL_EXPORT_SYNC_FILE and DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sync_file.h>

#include "mock-buffer.h"
#include "threads.h"

#define SYNC_BAD_ADDRESS	1UL

static struct dma_buf *sync_buffer(struct kunit *test)
{
	return mock_buffer(test, mock_exporter(test, &mock_static_ops));
}

static struct dma_fence *sync_add(struct kunit *test, struct dma_buf *dmabuf,
				  enum dma_resv_usage usage)
{
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, dmabuf, fence, usage);
	return fence;
}

static long sync_at(struct dma_buf *dmabuf, unsigned int cmd, unsigned long addr)
{
	return dmabuf->file->f_op->unlocked_ioctl(dmabuf->file, cmd, addr);
}

static long sync_export(struct kunit *test, struct dma_buf *dmabuf, u32 flags, int *fd)
{
	struct dma_buf_export_sync_file arg = { .flags = flags, .fd = -1 };
	long ret;

	ret = mock_ioctl(test, dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg, sizeof(arg));
	*fd = arg.fd;
	return ret;
}

static void sync_put_fence(void *fence)
{
	dma_fence_put(fence);
}

/* Export a sync_file and return its fence, which the test puts when it ends. */
static struct dma_fence *sync_snapshot(struct kunit *test, struct dma_buf *dmabuf,
				       u32 flags)
{
	struct dma_fence *fence;
	int fd;

	KUNIT_ASSERT_EQ(test, sync_export(test, dmabuf, flags, &fd), 0);
	fence = sync_file_get_fence(fd);
	close_fd(fd);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sync_put_fence, fence));
	return fence;
}

static void sync_close(void *fd)
{
	close_fd((long)fd);
}

/* Install a file; the descriptor takes over the caller's reference. */
static int sync_install(struct kunit *test, struct file *file)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sync_close,
							   (void *)(long)fd));
	return fd;
}

static int sync_file_fd(struct kunit *test, struct dma_fence *fence)
{
	struct sync_file *sync_file = sync_file_create(fence);

	KUNIT_ASSERT_NOT_NULL(test, sync_file);
	return sync_install(test, sync_file->file);
}

static long sync_import_fd(struct kunit *test, struct dma_buf *dmabuf, u32 flags, int fd)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = fd };

	return mock_ioctl(test, dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg, sizeof(arg));
}

static long sync_import(struct kunit *test, struct dma_buf *dmabuf, u32 flags,
			struct dma_fence *fence)
{
	return sync_import_fd(test, dmabuf, flags, sync_file_fd(test, fence));
}

/* Whether @wanted is in the buffer; @count gets the number of all its fences. */
static bool sync_has_fence(struct kunit *test, struct dma_buf *dmabuf,
			   struct dma_fence *wanted, unsigned int *count)
{
	struct dma_fence **fences;
	bool found = false;

	KUNIT_ASSERT_EQ(test, 0, dma_resv_get_fences(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
						     count, &fences));
	for (unsigned int i = 0; i < *count; i++) {
		found |= fences[i] == wanted;
		dma_fence_put(fences[i]);
	}
	kfree(fences);
	return found;
}

/* The lowest free descriptor, which changes if a call leaks one. */
static int sync_next_fd(void)
{
	int fd = get_unused_fd_flags(0);

	if (fd >= 0)
		put_unused_fd(fd);
	return fd;
}

struct sync_flags_row {
	const char *name;
	u32 flags;
};

static const struct sync_flags_row sync_flags_rows[] = {
	{ "none", 0 },
	{ "end", DMA_BUF_SYNC_END },
	{ "read and end", DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END },
	{ "both and the highest", DMA_BUF_SYNC_RW | BIT(31) },
	{ "all", U32_MAX },
};

KUNIT_ARRAY_PARAM_DESC(sync_flags, sync_flags_rows, name);

static void sync_file_export_unknown_flags(struct kunit *test)
{
	const struct sync_flags_row *row = test->param_value;
	struct dma_buf *dmabuf = sync_buffer(test);
	int fd, next = sync_next_fd();

	KUNIT_EXPECT_EQ(test, sync_export(test, dmabuf, row->flags, &fd), -EINVAL);
	KUNIT_EXPECT_EQ(test, fd, -1);
	KUNIT_EXPECT_EQ(test, sync_next_fd(), next);
}

static void sync_file_import_unknown_flags(struct kunit *test)
{
	const struct sync_flags_row *row = test->param_value;
	struct dma_buf *dmabuf = sync_buffer(test);
	unsigned int count;

	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, row->flags, mock_fence(test)),
			-EINVAL);
	sync_has_fence(test, dmabuf, NULL, &count);
	KUNIT_EXPECT_EQ(test, count, 0);
}

static void sync_file_argument_cannot_be_read(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);

	mock_user_memory(test, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sync_at(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
				      SYNC_BAD_ADDRESS), -EFAULT);
	KUNIT_EXPECT_EQ(test, sync_at(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
				      SYNC_BAD_ADDRESS), -EFAULT);
}

static void sync_file_export_answer_cannot_be_written(struct kunit *test)
{
	struct dma_buf_export_sync_file arg = { .flags = DMA_BUF_SYNC_RW, .fd = -1 };
	unsigned long addr = mock_user_read_only(test, &arg, sizeof(arg));
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = sync_add(test, dmabuf, DMA_RESV_USAGE_WRITE);
	int references = kref_read(&fence->refcount);
	int next;

	next = sync_next_fd();
	KUNIT_EXPECT_EQ(test, sync_at(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, addr),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, sync_next_fd(), next);
	mock_flush();
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), references);
}

static void sync_file_export_without_free_descriptor(struct kunit *test)
{
	struct rlimit *limit = &current->signal->rlim[RLIMIT_NOFILE];
	struct dma_buf *dmabuf = sync_buffer(test);
	unsigned long before = limit->rlim_cur;
	long ret;
	int fd;

	limit->rlim_cur = 0;
	ret = sync_export(test, dmabuf, DMA_BUF_SYNC_RW, &fd);
	limit->rlim_cur = before;
	KUNIT_EXPECT_EQ(test, ret, -EMFILE);
	KUNIT_EXPECT_EQ(test, fd, -1);
}

static void sync_file_export_descriptor_is_closed_on_exec(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	bool closed;
	int fd;

	KUNIT_ASSERT_EQ(test, sync_export(test, dmabuf, DMA_BUF_SYNC_READ, &fd), 0);
	spin_lock(&current->files->file_lock);
	closed = close_on_exec(fd, current->files);
	spin_unlock(&current->files->file_lock);
	KUNIT_EXPECT_TRUE(test, closed);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
}

static void sync_file_export_without_fences_is_signalled(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);

	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(sync_snapshot(test, dmabuf,
								    DMA_BUF_SYNC_READ)));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(sync_snapshot(test, dmabuf,
								    DMA_BUF_SYNC_RW)));
}

struct sync_usage_row {
	const char *name;
	u32 flags;
	enum dma_resv_usage usage;
	bool waits;
};

/* Whether the exported fence for an access waits for a fence of @usage. */
static const struct sync_usage_row sync_usage_rows[] = {
	{ "reading, kernel fence", DMA_BUF_SYNC_READ, DMA_RESV_USAGE_KERNEL, true },
	{ "reading, write fence", DMA_BUF_SYNC_READ, DMA_RESV_USAGE_WRITE, true },
	{ "reading, read fence", DMA_BUF_SYNC_READ, DMA_RESV_USAGE_READ, false },
	{ "reading, bookkeep fence", DMA_BUF_SYNC_READ, DMA_RESV_USAGE_BOOKKEEP, false },
	{ "writing, kernel fence", DMA_BUF_SYNC_WRITE, DMA_RESV_USAGE_KERNEL, true },
	{ "writing, write fence", DMA_BUF_SYNC_WRITE, DMA_RESV_USAGE_WRITE, true },
	{ "writing, read fence", DMA_BUF_SYNC_WRITE, DMA_RESV_USAGE_READ, true },
	{ "writing, bookkeep fence", DMA_BUF_SYNC_WRITE, DMA_RESV_USAGE_BOOKKEEP, false },
	{ "both, read fence", DMA_BUF_SYNC_RW, DMA_RESV_USAGE_READ, true },
};

KUNIT_ARRAY_PARAM_DESC(sync_usage, sync_usage_rows, name);

static void sync_file_export_by_usage(struct kunit *test)
{
	const struct sync_usage_row *row = test->param_value;
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = sync_add(test, dmabuf, row->usage);
	struct dma_fence *snapshot = sync_snapshot(test, dmabuf, row->flags);

	KUNIT_EXPECT_EQ(test, dma_fence_is_signaled(snapshot), !row->waits);
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(snapshot));
}

static void sync_file_export_is_a_snapshot(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *early = sync_add(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct dma_fence *snapshot = sync_snapshot(test, dmabuf, DMA_BUF_SYNC_RW);

	sync_add(test, dmabuf, DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(snapshot));
	dma_fence_signal(early);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(snapshot));
}

static void sync_file_export_of_several_contexts_waits_for_all(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fences[5], *snapshot;

	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = sync_add(test, dmabuf, DMA_RESV_USAGE_READ);
	snapshot = sync_snapshot(test, dmabuf, DMA_BUF_SYNC_WRITE);
	for (int i = ARRAY_SIZE(fences) - 1; i >= 0; i--) {
		KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(snapshot));
		dma_fence_signal(fences[i]);
	}
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(snapshot));
}

static void sync_file_export_outlives_the_buffer(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = sync_add(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct dma_fence *snapshot = sync_snapshot(test, dmabuf, DMA_BUF_SYNC_READ);

	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(snapshot));
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(snapshot));
}

static void sync_file_import_of_an_invalid_descriptor(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);

	KUNIT_EXPECT_EQ(test, sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW,
					     sync_next_fd()), -EINVAL);
}

static void sync_file_import_of_another_file(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	int fd;

	get_dma_buf(dmabuf);
	fd = sync_install(test, dmabuf->file);
	KUNIT_EXPECT_EQ(test, sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW, fd), -EINVAL);
}

struct sync_import_row {
	const char *name;
	u32 flags;
	bool readers_wait;
};

static const struct sync_import_row sync_import_rows[] = {
	{ "read", DMA_BUF_SYNC_READ, false },
	{ "write", DMA_BUF_SYNC_WRITE, true },
	{ "both", DMA_BUF_SYNC_RW, true },
};

KUNIT_ARRAY_PARAM_DESC(sync_import, sync_import_rows, name);

static void sync_file_import_by_flags(struct kunit *test)
{
	const struct sync_import_row *row = test->param_value;
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = mock_fence(test);
	struct dma_resv *resv = dmabuf->resv;

	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, row->flags, fence), 0);
	KUNIT_EXPECT_EQ(test, !dma_resv_test_signaled(resv, dma_resv_usage_rw(false)),
			row->readers_wait);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, dma_resv_usage_rw(true)));
	/* Imported fences never have kernel usage, so a move does not wait for them. */
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL));
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, dma_resv_usage_rw(true)));
}

static void sync_file_import_leaves_the_descriptor_open(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = mock_fence(test);
	int fd = sync_file_fd(test, fence);
	struct dma_fence *again;

	KUNIT_EXPECT_EQ(test, sync_import_fd(test, dmabuf, DMA_BUF_SYNC_READ, fd), 0);
	again = sync_file_get_fence(fd);
	KUNIT_EXPECT_PTR_EQ(test, again, fence);
	dma_fence_put(again);
}

static void sync_file_import_of_a_signalled_fence(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = mock_fence(test);

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_RW, fence), 0);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(dmabuf->resv,
						       DMA_RESV_USAGE_BOOKKEEP));
}

static void sync_file_import_twice_keeps_one(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *fence = mock_fence(test);
	unsigned int count;

	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, fence),
				0);
	KUNIT_EXPECT_TRUE(test, sync_has_fence(test, dmabuf, fence, &count));
	KUNIT_EXPECT_EQ(test, count, 1);
}

static void sync_file_import_older_of_a_context_keeps_the_newer(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *older = mock_fence_at(test, context, 3);
	struct dma_fence *newer = mock_fence_at(test, context, 5);
	unsigned int count;

	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, newer), 0);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, older), 0);
	KUNIT_EXPECT_TRUE(test, sync_has_fence(test, dmabuf, newer, &count));
	dma_fence_signal(older);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(dmabuf->resv,
							DMA_RESV_USAGE_WRITE));
}

static void sync_file_import_newer_of_a_context_replaces(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *newer = mock_fence_at(test, context, 5);
	unsigned int count;

	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE,
					  mock_fence_at(test, context, 3)), 0);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, newer), 0);
	KUNIT_EXPECT_TRUE(test, sync_has_fence(test, dmabuf, newer, &count));
	KUNIT_EXPECT_EQ(test, count, 1);
}

/* Make an array, which takes references to its members. */
static struct dma_fence *sync_array(struct kunit *test, struct dma_fence **members,
				    unsigned int count)
{
	struct dma_fence **fences = kcalloc(count, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array;

	KUNIT_ASSERT_NOT_NULL(test, fences);
	for (unsigned int i = 0; i < count; i++)
		fences[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1, false);
	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sync_put_fence,
							   &array->base));
	return &array->base;
}

static struct dma_fence *sync_chain(struct kunit *test, struct dma_fence *previous,
				    struct dma_fence *fence, u64 seqno)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();

	KUNIT_ASSERT_NOT_NULL(test, chain);
	dma_fence_chain_init(chain, dma_fence_get(previous), dma_fence_get(fence), seqno);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, sync_put_fence,
							   &chain->base));
	return &chain->base;
}

static void sync_expect_members(struct kunit *test, struct dma_buf *dmabuf,
				struct dma_fence **members, unsigned int expected)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < expected; i++)
		KUNIT_EXPECT_TRUE(test, sync_has_fence(test, dmabuf, members[i], &count));
	KUNIT_EXPECT_EQ(test, count, expected);
}

static void sync_file_import_unwraps_an_array(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *members[6];

	for (int i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = mock_fence(test);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_READ,
					  sync_array(test, members, 6)), 0);
	sync_expect_members(test, dmabuf, members, 6);
}

static void sync_file_import_unwraps_a_chain(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *members[3], *chain = NULL;

	for (int i = 0; i < ARRAY_SIZE(members); i++) {
		members[i] = mock_fence(test);
		chain = sync_chain(test, chain, members[i], i + 1);
	}
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, chain), 0);
	sync_expect_members(test, dmabuf, members, 3);
}

static void sync_file_import_unwraps_arrays_in_a_chain(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *members[4], *chain;

	for (int i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = mock_fence(test);
	chain = sync_chain(test, NULL, sync_array(test, members, 2), 1);
	chain = sync_chain(test, chain, sync_array(test, members + 2, 2), 2);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE, chain), 0);
	sync_expect_members(test, dmabuf, members, 4);
}

static void sync_file_import_array_with_signalled_members(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	struct dma_fence *members[3];

	for (int i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = mock_fence(test);
	dma_fence_signal(members[0]);
	dma_fence_signal(members[2]);
	KUNIT_EXPECT_EQ(test, sync_import(test, dmabuf, DMA_BUF_SYNC_WRITE,
					  sync_array(test, members, 3)), 0);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(dmabuf->resv,
							DMA_RESV_USAGE_WRITE));
	dma_fence_signal(members[1]);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(dmabuf->resv,
						       DMA_RESV_USAGE_WRITE));
}

static void sync_file_import_of_another_buffers_export(struct kunit *test)
{
	struct dma_buf *from = sync_buffer(test), *to = sync_buffer(test);
	struct dma_fence *members[3];
	int fd;

	for (int i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = sync_add(test, from, DMA_RESV_USAGE_READ);
	KUNIT_ASSERT_EQ(test, sync_export(test, from, DMA_BUF_SYNC_RW, &fd), 0);
	KUNIT_EXPECT_EQ(test, sync_import_fd(test, to, DMA_BUF_SYNC_WRITE, fd), 0);
	close_fd(fd);
	sync_expect_members(test, to, members, 3);
}

static void sync_file_import_of_signalled_fences_takes_no_lock(struct kunit *test)
{
	struct dma_fence *plain = mock_fence(test), *members[2];
	struct dma_buf *dmabuf = sync_buffer(test);
	struct mock_holder *holder;
	int fds[2];

	for (int i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = mock_fence(test);
	fds[0] = sync_file_fd(test, plain);
	fds[1] = sync_file_fd(test, sync_array(test, members, 2));
	dma_fence_signal(plain);
	for (int i = 0; i < ARRAY_SIZE(members); i++)
		dma_fence_signal(members[i]);

	mock_user_memory(test, PAGE_SIZE);
	holder = mock_hold_lock(test, dmabuf);
	for (int i = 0; i < ARRAY_SIZE(fds); i++)
		KUNIT_EXPECT_EQ(test, 0, sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW, fds[i]));
	/* The holder drops the lock by itself only if an import has waited for long. */
	KUNIT_EXPECT_TRUE(test, dma_resv_is_locked(dmabuf->resv));
	mock_drop_lock(test, holder);
}

/**
 * struct sync_sleeper - holds a reservation lock until a task waits for it
 * @dmabuf: buffer whose lock is held
 * @task: task that is going to wait
 * @held: completed when the lock is held
 */
struct sync_sleeper {
	struct dma_buf *dmabuf;
	struct task_struct *task;
	struct completion held;
};

/* Bounded, so that an import that does not wait fails instead of hanging. */
static void sync_hold_until_waited_for(void *data)
{
	struct sync_sleeper *sleeper = data;

	dma_resv_lock(sleeper->dmabuf->resv, NULL);
	complete(&sleeper->held);
	for (int i = 0; i < 1000; i++) {
		if (READ_ONCE(sleeper->task->__state) & TASK_UNINTERRUPTIBLE)
			break;
		usleep_range(1000, 2000);
	}
	dma_resv_unlock(sleeper->dmabuf->resv);
}

/* Programs do not repeat the ioctl: a signal with a handler does not interrupt it. */
static void sync_file_import_waits_despite_a_signal(struct kunit *test)
{
	struct sync_sleeper *sleeper = kunit_kzalloc(test, sizeof(*sleeper), GFP_KERNEL);
	struct dma_buf *dmabuf = sync_buffer(test);
	int fd = sync_file_fd(test, mock_fence(test));
	struct mock_thread *thread;
	unsigned int count;
	long ret;

	KUNIT_ASSERT_NOT_NULL(test, sleeper);
	mock_user_memory(test, PAGE_SIZE);
	sleeper->dmabuf = dmabuf;
	sleeper->task = current;
	init_completion(&sleeper->held);
	thread = mock_thread(test, sync_hold_until_waited_for, sleeper);
	wait_for_completion(&sleeper->held);
	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	ret = sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW, fd);
	KUNIT_EXPECT_TRUE(test, signal_pending(current));
	flush_signals(current);
	disallow_signal(SIGUSR1);
	mock_thread_join(test, thread);

	KUNIT_EXPECT_EQ(test, ret, 0);
	sync_has_fence(test, dmabuf, NULL, &count);
	KUNIT_EXPECT_EQ(test, count, 1);
}

static void sync_file_import_killed_while_locked(struct kunit *test)
{
	struct dma_buf *dmabuf = sync_buffer(test);
	int fd = sync_file_fd(test, mock_fence(test));
	struct mock_holder *holder;
	unsigned int count;
	long ret;

	mock_user_memory(test, PAGE_SIZE);
	holder = mock_hold_lock(test, dmabuf);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	ret = sync_import_fd(test, dmabuf, DMA_BUF_SYNC_RW, fd);
	flush_signals(current);
	disallow_signal(SIGKILL);
	mock_drop_lock(test, holder);

	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	sync_has_fence(test, dmabuf, NULL, &count);
	KUNIT_EXPECT_EQ(test, count, 0);
}

static struct kunit_case dma_buf_sync_file_cases[] = {
	KUNIT_CASE_PARAM(sync_file_export_unknown_flags, sync_flags_gen_params),
	KUNIT_CASE_PARAM(sync_file_import_unknown_flags, sync_flags_gen_params),
	KUNIT_CASE(sync_file_argument_cannot_be_read),
	KUNIT_CASE(sync_file_export_answer_cannot_be_written),
	KUNIT_CASE(sync_file_export_without_free_descriptor),
	KUNIT_CASE(sync_file_export_descriptor_is_closed_on_exec),
	KUNIT_CASE(sync_file_export_without_fences_is_signalled),
	KUNIT_CASE_PARAM(sync_file_export_by_usage, sync_usage_gen_params),
	KUNIT_CASE(sync_file_export_is_a_snapshot),
	KUNIT_CASE(sync_file_export_of_several_contexts_waits_for_all),
	KUNIT_CASE(sync_file_export_outlives_the_buffer),
	KUNIT_CASE(sync_file_import_of_an_invalid_descriptor),
	KUNIT_CASE(sync_file_import_of_another_file),
	KUNIT_CASE_PARAM(sync_file_import_by_flags, sync_import_gen_params),
	KUNIT_CASE(sync_file_import_leaves_the_descriptor_open),
	KUNIT_CASE(sync_file_import_of_a_signalled_fence),
	KUNIT_CASE(sync_file_import_twice_keeps_one),
	KUNIT_CASE(sync_file_import_older_of_a_context_keeps_the_newer),
	KUNIT_CASE(sync_file_import_newer_of_a_context_replaces),
	KUNIT_CASE(sync_file_import_unwraps_an_array),
	KUNIT_CASE(sync_file_import_unwraps_a_chain),
	KUNIT_CASE(sync_file_import_unwraps_arrays_in_a_chain),
	KUNIT_CASE(sync_file_import_array_with_signalled_members),
	KUNIT_CASE(sync_file_import_of_another_buffers_export),
	KUNIT_CASE(sync_file_import_of_signalled_fences_takes_no_lock),
	KUNIT_CASE(sync_file_import_waits_despite_a_signal),
	KUNIT_CASE(sync_file_import_killed_while_locked),
	{}
};

static struct kunit_suite dma_buf_sync_file_suite = {
	.name = "dma_buf_sync_file",
	.init = mock_init,
	.test_cases = dma_buf_sync_file_cases,
};

kunit_test_suite(dma_buf_sync_file_suite);
