// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of sync_file: the reference to its fence, its name, poll, and the three ioctls.
 */

#include <linux/dma-fence-unwrap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>
#include <uapi/linux/sync_file.h>

#include "containers.h"
#include "mock.h"
#include "threads.h"

#define BAD_ADDRESS	1UL

static void put_file(void *file)
{
	__fput_sync(file);
}

static struct sync_file *file_of(struct kunit *test, struct dma_fence *fence)
{
	struct sync_file *sync_file = sync_file_create(fence);

	KUNIT_ASSERT_NOT_NULL(test, sync_file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_file, sync_file->file));
	return sync_file;
}

static void close_descriptor(void *fd)
{
	close_fd((long)fd);
}

/* Install a descriptor with its own file reference; the test closes it when it ends. */
static int install(struct kunit *test, struct file *file)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, get_file(file));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, close_descriptor,
							   (void *)(long)fd));
	return fd;
}

/* Install a descriptor of a file that is not a sync_file. */
static int install_other(struct kunit *test)
{
	struct file *file = shmem_file_setup("dmabuf-mock", PAGE_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_file, file));
	return install(test, file);
}

static void file_holds_its_fence(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct sync_file *sync_file = sync_file_create(fence);

	KUNIT_ASSERT_NOT_NULL(test, sync_file);
	KUNIT_EXPECT_PTR_EQ(test, sync_file->fence, fence);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	KUNIT_EXPECT_EQ(test, sync_file->user_name[0], 0);
	mock_fence_put(test, fence);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 1));
	__fput_sync(sync_file->file);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
}

static void fdinfo_has_fences_and_status(struct kunit *test)
{
	struct dma_fence *fences[3], *array;
	struct sync_file *sync_file;
	char text[64] = "";
	struct seq_file seq = { .buf = text, .size = sizeof(text) };

	mock_fences(test, 3, fences);
	array = mock_array(test, false, 3, fences);
	sync_file = file_of(test, array);
	sync_file->file->f_op->show_fdinfo(&seq, sync_file->file);
	KUNIT_EXPECT_STREQ(test, text, "fences:\t3\nstatus:\t0\n");

	dma_fence_set_error(fences[1], -EIO);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_signal(fences[i]);
	dma_fence_wait(array, false);
	memset(text, 0, sizeof(text));
	seq.count = 0;
	sync_file->file->f_op->show_fdinfo(&seq, sync_file->file);
	KUNIT_EXPECT_STREQ(test, text, "fences:\t3\nstatus:\t-5\n");
}

static void get_fence_takes_a_reference(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	int fd = install(test, file_of(test, fence)->file);

	KUNIT_EXPECT_PTR_EQ(test, mock_own(test, sync_file_get_fence(fd)), fence);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 3);
}

static void get_fence_of_another_file(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, sync_file_get_fence(-1));
	KUNIT_EXPECT_NULL(test, sync_file_get_fence(1000000));
	KUNIT_EXPECT_NULL(test, sync_file_get_fence(install_other(test)));
}

static void name_is_derived_from_the_fence(struct kunit *test)
{
	struct dma_fence *fence = mock_fence_at(test, 4711, 12);
	struct sync_file *sync_file = file_of(test, fence);
	char name[64], cut[8];

	KUNIT_EXPECT_PTR_EQ(test, sync_file_get_name(sync_file, name, sizeof(name)),
			    &name[0]);
	KUNIT_EXPECT_STREQ(test, name, "mock-driver-mock-timeline4711-12");
	KUNIT_EXPECT_STREQ(test, sync_file_get_name(sync_file, cut, sizeof(cut)), "mock-dr");
	strscpy(sync_file->user_name, "given");
	KUNIT_EXPECT_STREQ(test, sync_file_get_name(sync_file, name, sizeof(name)), "given");
}

static void poll_reports_the_signal(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct file *file = file_of(test, fence)->file;
	struct poll_table_struct table = { ._key = EPOLLIN };

	KUNIT_EXPECT_EQ(test, (__force u32)vfs_poll(file, &table), 0);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, (__force u32)vfs_poll(file, &table), POLLIN);
}

static void poll_enables_signalling_once(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct file *file = file_of(test, fence)->file;
	struct poll_table_struct table = { ._key = EPOLLIN };

	KUNIT_EXPECT_TRUE(test, list_empty(&fence->cb_list));
	for (int i = 0; i < 3; i++)
		vfs_poll(file, &table);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&fence->cb_list));
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
}

static void poll_when_enabling_fails(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct poll_table_struct table = { ._key = EPOLLIN };

	to_mock_fence(fence)->late = true;
	KUNIT_EXPECT_EQ(test, POLLIN,
			(__force u32)vfs_poll(file_of(test, fence)->file, &table));
}

/* The file is released before its fence signals, with a callback pending. */
static void close_removes_the_callback(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct sync_file *sync_file = sync_file_create(fence);
	struct poll_table_struct table = { ._key = EPOLLIN };

	KUNIT_ASSERT_NOT_NULL(test, sync_file);
	vfs_poll(sync_file->file, &table);
	__fput_sync(sync_file->file);
	KUNIT_EXPECT_TRUE(test, list_empty(&fence->cb_list));
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
}

struct waiter {
	struct wait_queue_entry entry;
	atomic_t woken;
};

static int waiter_wake(struct wait_queue_entry *entry, unsigned int mode, int flags,
		       void *key)
{
	atomic_inc(&container_of(entry, struct waiter, entry)->woken);
	return 0;
}

static void signal_wakes_pollers(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct sync_file *sync_file = file_of(test, fence);
	struct poll_table_struct table = { ._key = EPOLLIN };
	struct waiter waiter = {};

	init_waitqueue_func_entry(&waiter.entry, waiter_wake);
	add_wait_queue(&sync_file->wq, &waiter.entry);
	vfs_poll(sync_file->file, &table);
	KUNIT_EXPECT_EQ(test, atomic_read(&waiter.woken), 0);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, atomic_read(&waiter.woken), 1);
	remove_wait_queue(&sync_file->wq, &waiter.entry);
}

static long merge(struct kunit *test, struct file *file, struct sync_merge_data *data)
{
	long ret = mock_file_ioctl(test, file, SYNC_IOC_MERGE, data, sizeof(*data));

	if (!ret)
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, close_descriptor,
								   (void *)(long)data->fence));
	return ret;
}

static void merge_makes_one_of_two(struct kunit *test)
{
	struct sync_merge_data data = { .name = "both" };
	struct dma_fence *fences[2], *merged;
	struct fd file;

	mock_fences(test, 2, fences);
	data.fd2 = install(test, file_of(test, fences[1])->file);
	KUNIT_ASSERT_EQ(test, 0, merge(test, file_of(test, fences[0])->file, &data));
	merged = sync_file_get_fence(data.fence);
	KUNIT_ASSERT_NOT_NULL(test, merged);
	mock_own(test, merged);
	KUNIT_ASSERT_TRUE(test, dma_fence_is_array(merged));
	KUNIT_EXPECT_EQ(test, to_dma_fence_array(merged)->num_fences, 2);

	file = fdget(data.fence);
	KUNIT_EXPECT_STREQ(test, ((struct sync_file *)fd_file(file)->private_data)->user_name,
			   "both");
	fdput(file);
}

static void merge_with_itself(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct sync_file *sync_file = file_of(test, fence);
	struct sync_merge_data data = { .fd2 = install(test, sync_file->file) };

	KUNIT_ASSERT_EQ(test, 0, merge(test, sync_file->file, &data));
	KUNIT_EXPECT_PTR_EQ(test, mock_own(test, sync_file_get_fence(data.fence)), fence);
}

/* A name without a NUL is truncated. */
static void merge_truncates_the_name(struct kunit *test)
{
	struct sync_file *sync_file = file_of(test, mock_fence(test));
	struct sync_merge_data data = { .fd2 = install(test, sync_file->file) };
	struct sync_file_info info = {};
	struct fd file;

	memset(data.name, 'x', sizeof(data.name));
	KUNIT_ASSERT_EQ(test, 0, merge(test, sync_file->file, &data));
	file = fdget(data.fence);
	KUNIT_EXPECT_EQ(test, 0, mock_file_ioctl(test, fd_file(file), SYNC_IOC_FILE_INFO, &info,
						 sizeof(info)));
	fdput(file);
	KUNIT_EXPECT_EQ(test, strnlen(info.name, sizeof(info.name)), sizeof(info.name) - 1);
}

static const struct bad_merge {
	const char *desc;
	struct sync_merge_data data;
	bool other;
	long ret;
} bad_merges[] = {
	{ "flags", { .flags = 1 }, true, -EINVAL },
	{ "padding", { .pad = 1 }, true, -EINVAL },
	{ "no descriptor", { .fd2 = -1 }, false, -ENOENT },
	{ "a descriptor that is not open", { .fd2 = 1000000 }, false, -ENOENT },
};

KUNIT_ARRAY_PARAM_DESC(bad_merge, bad_merges, desc);

static void merge_refuses(struct kunit *test)
{
	const struct bad_merge *row = test->param_value;
	struct sync_file *sync_file = file_of(test, mock_fence(test));
	struct sync_merge_data data = row->data;

	if (row->other)
		data.fd2 = install(test, sync_file->file);
	KUNIT_EXPECT_EQ(test, row->ret, merge(test, sync_file->file, &data));
	KUNIT_EXPECT_EQ(test, kref_read(&sync_file->fence->refcount), 2);
}

static void merge_with_another_file(struct kunit *test)
{
	struct sync_merge_data data = { .fd2 = install_other(test) };

	KUNIT_EXPECT_EQ(test, -ENOENT,
			merge(test, file_of(test, mock_fence(test))->file, &data));
}

static const unsigned int commands[] = {
	SYNC_IOC_MERGE, SYNC_IOC_FILE_INFO, SYNC_IOC_SET_DEADLINE,
};

static void command_to_desc(const unsigned int *cmd, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "command %u", _IOC_NR(*cmd));
}

KUNIT_ARRAY_PARAM(command, commands, command_to_desc);

static void argument_that_cannot_be_read(struct kunit *test)
{
	const unsigned int *cmd = test->param_value;
	struct file *file = file_of(test, mock_fence(test))->file;

	/* Give the thread an address space, in which BAD_ADDRESS is not mapped. */
	mock_user_memory(test, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EFAULT, file->f_op->unlocked_ioctl(file, *cmd, BAD_ADDRESS));
	/* With another argument size it is an unknown command. */
	KUNIT_EXPECT_EQ(test, -ENOTTY,
			file->f_op->unlocked_ioctl(file, *cmd + (1 << _IOC_SIZESHIFT),
						   BAD_ADDRESS));
}

static void answer_that_cannot_be_written(struct kunit *test)
{
	struct sync_file *sync_file = file_of(test, mock_fence(test));
	struct sync_merge_data data = { .fd2 = install(test, sync_file->file) };
	unsigned long addr = mock_user_read_only(test, &data, sizeof(data));
	int before = get_unused_fd_flags(0), after;

	put_unused_fd(before);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			sync_file->file->f_op->unlocked_ioctl(sync_file->file, SYNC_IOC_MERGE,
							      addr));
	after = get_unused_fd_flags(0);
	put_unused_fd(after);
	KUNIT_EXPECT_EQ(test, before, after);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, kref_read(&sync_file->fence->refcount), 2);
}

static void unknown_command(struct kunit *test)
{
	struct file *file = file_of(test, mock_fence(test))->file;

	for (unsigned int nr = 0; nr < 8; nr++)
		KUNIT_EXPECT_EQ(test, -ENOTTY,
				file->f_op->unlocked_ioctl(file, _IO(SYNC_IOC_MAGIC, nr), 0));
}

/* An array of an unsignalled, a signalled and a failed fence. */
static struct file *three_fences(struct kunit *test)
{
	struct dma_fence *fences[3];

	mock_fences(test, 3, fences);
	dma_fence_signal_timestamp(fences[1], 4711);
	dma_fence_set_error(fences[2], -EIO);
	dma_fence_signal_timestamp(fences[2], 4712);
	return file_of(test, mock_array(test, false, 3, fences))->file;
}

static void info_counts_the_fences(struct kunit *test)
{
	struct sync_file_info info = { .num_fences = 0 };

	KUNIT_EXPECT_EQ(test, 0, mock_file_ioctl(test, three_fences(test), SYNC_IOC_FILE_INFO,
						 &info, sizeof(info)));
	KUNIT_EXPECT_EQ(test, info.num_fences, 3);
	KUNIT_EXPECT_EQ(test, info.status, 0);
	KUNIT_EXPECT_EQ(test, 0, strncmp(info.name, "dma_fence_array-unbound", 23));
}

/* Signals the fence that it is asked for, as another CPU may at that moment. */
static const char *name_that_signals(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	return "late";
}

static const char *plain_name(struct dma_fence *fence)
{
	return "plain";
}

static void info_is_of_one_moment(struct kunit *test)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = plain_name,
		.get_timeline_name = name_that_signals,
	};
	static DEFINE_SPINLOCK(lock);
	struct dma_fence *fence = kunit_kzalloc(test, sizeof(*fence), GFP_KERNEL);
	struct sync_file_info info = { .num_fences = 1 };
	struct sync_fence_info of_fence;

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &ops, &lock, 1, 1);
	info.sync_fence_info = mock_user_memory(test, sizeof(of_fence));
	KUNIT_ASSERT_EQ(test, 0, mock_file_ioctl(test, file_of(test, fence)->file,
						 SYNC_IOC_FILE_INFO, &info, sizeof(info)));
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(&of_fence, u64_to_user_ptr(info.sync_fence_info),
						sizeof(of_fence)));
	KUNIT_EXPECT_EQ(test, of_fence.status, 1);
	KUNIT_EXPECT_STREQ(test, of_fence.obj_name, "signaled-timeline");
	KUNIT_EXPECT_STREQ(test, of_fence.driver_name, "detached-driver");
}

static void info_describes_the_fences(struct kunit *test)
{
	struct sync_file_info info = { .num_fences = 4 };
	unsigned long addr = mock_user_memory(test, 4 * sizeof(struct sync_fence_info));
	struct sync_fence_info infos[3];

	info.sync_fence_info = addr;
	KUNIT_EXPECT_EQ(test, 0, mock_file_ioctl(test, three_fences(test), SYNC_IOC_FILE_INFO,
						 &info, sizeof(info)));
	KUNIT_EXPECT_EQ(test, info.num_fences, 3);
	KUNIT_EXPECT_EQ(test, info.status, 0);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(infos, (void __user *)addr, sizeof(infos)));
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_STREQ(test, infos[i].driver_name,
				   i ? "detached-driver" : "mock-driver");
		KUNIT_EXPECT_STREQ(test, infos[i].obj_name,
				   i ? "signaled-timeline" : "mock-timeline");
		KUNIT_EXPECT_EQ(test, infos[i].flags, 0);
	}
	KUNIT_EXPECT_EQ(test, infos[0].status, 0);
	KUNIT_EXPECT_EQ(test, infos[0].timestamp_ns, 0);
	KUNIT_EXPECT_EQ(test, infos[1].status, 1);
	KUNIT_EXPECT_EQ(test, infos[1].timestamp_ns, 4711);
	KUNIT_EXPECT_EQ(test, infos[2].status, -EIO);
	KUNIT_EXPECT_EQ(test, infos[2].timestamp_ns, 4712);
}

static void info_does_not_enable_signalling(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct sync_file_info info = {};

	mock_file_ioctl(test, file_of(test, fence)->file, SYNC_IOC_FILE_INFO, &info,
			sizeof(info));
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static const struct bad_info {
	const char *desc;
	struct sync_file_info info;
	long ret;
} bad_infos[] = {
	{ "flags", { .flags = 1 }, -EINVAL },
	{ "padding", { .pad = 1 }, -EINVAL },
	{ "array too small", { .num_fences = 2, .sync_fence_info = BAD_ADDRESS }, -EINVAL },
	{ "array cannot be written", { .num_fences = 3, .sync_fence_info = BAD_ADDRESS },
	  -EFAULT },
};

KUNIT_ARRAY_PARAM_DESC(bad_info, bad_infos, desc);

static void info_refuses(struct kunit *test)
{
	const struct bad_info *row = test->param_value;
	struct sync_file_info info = row->info;

	KUNIT_EXPECT_EQ(test, row->ret,
			mock_file_ioctl(test, three_fences(test), SYNC_IOC_FILE_INFO, &info,
					sizeof(info)));
}

static void deadline_reaches_the_fence(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct file *file = file_of(test, fence)->file;
	struct sync_set_deadline data = { .deadline_ns = 4711 };

	KUNIT_EXPECT_EQ(test, 0, mock_file_ioctl(test, file, SYNC_IOC_SET_DEADLINE, &data,
						 sizeof(data)));
	KUNIT_EXPECT_EQ(test, to_mock_fence(fence)->deadline, 4711);
	data.pad = 1;
	data.deadline_ns = 4712;
	KUNIT_EXPECT_EQ(test, -EINVAL, mock_file_ioctl(test, file, SYNC_IOC_SET_DEADLINE, &data,
						       sizeof(data)));
	KUNIT_EXPECT_EQ(test, to_mock_fence(fence)->deadline, 4711);
}

/* A sync_file that threads use while another thread signals its fence and replaces it. */
struct race {
	struct file __rcu *file;
	spinlock_t fence_lock;	/* passed to dma_fence_init() */
};

static const char *race_name(struct dma_fence *fence)
{
	return "race";
}

static const struct dma_fence_ops race_ops = {
	.get_driver_name = race_name,
	.get_timeline_name = race_name,
};

static struct file *race_new_file(struct race *race)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL | __GFP_NOFAIL);
	struct sync_file *sync_file;

	dma_fence_init(fence, &race_ops, &race->fence_lock, dma_fence_context_alloc(1), 1);
	sync_file = sync_file_create(fence);
	dma_fence_put(fence);
	return sync_file ? sync_file->file : NULL;
}

/* Replace the sync_file by a new one, and signal the old one's fence. */
static bool race_signal(void *data)
{
	struct race *race = data;
	struct file *next = race_new_file(race), *old;
	struct sync_file *sync_file;

	if (!next)
		return false;
	old = unrcu_pointer(xchg(&race->file, RCU_INITIALIZER(next)));
	sync_file = old->private_data;
	dma_fence_signal(sync_file->fence);
	fput(old);
	return true;
}

/* A poll after the signal reports it. */
static bool race_poll(void *data)
{
	struct poll_table_struct table = { ._key = EPOLLIN };
	struct race *race = data;
	struct file *file = get_file_rcu(&race->file);
	struct sync_file *sync_file = file->private_data;
	bool signaled = dma_fence_is_signaled(sync_file->fence), fine;

	fine = vfs_poll(file, &table) || !signaled;
	fput(file);
	return fine;
}

static bool race_merge(void *data)
{
	struct race *race = data;
	struct file *file = get_file_rcu(&race->file);
	struct sync_file *sync_file = file->private_data;
	struct dma_fence *merged = dma_fence_unwrap_merge(sync_file->fence, sync_file->fence);

	dma_fence_put(merged);
	fput(file);
	return merged;
}

static void polls_race_with_the_signal(struct kunit *test)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct mock_job jobs[] = {
		{ race_poll, race }, { race_poll, race }, { race_merge, race },
		{ race_signal, race },
	};
	struct file *first;

	KUNIT_ASSERT_NOT_NULL(test, race);
	spin_lock_init(&race->fence_lock);
	first = race_new_file(race);
	KUNIT_ASSERT_NOT_NULL(test, first);
	RCU_INIT_POINTER(race->file, first);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	__fput_sync(rcu_dereference_protected(race->file, true));
	flush_delayed_fput();
}

/* Userspace gets 32 bytes of the name, and matches sync_files by context and seqno. */
static void name_keeps_context_and_seqno_after_the_signal(struct kunit *test)
{
	struct dma_fence *fence = mock_fence_at(test, 12345, 678901);
	struct sync_file *sync_file = sync_file_create(fence);
	char name[32];

	KUNIT_ASSERT_NOT_NULL(test, sync_file);
	KUNIT_EXPECT_STREQ(test, sync_file_get_name(sync_file, name, sizeof(name)),
			   "mock-driver-mock-timeline12345-");
	dma_fence_signal(fence);
	KUNIT_EXPECT_STREQ(test, sync_file_get_name(sync_file, name, sizeof(name)),
			   "signaled-12345-678901");
	fput(sync_file->file);
}

static struct kunit_case sync_file_cases[] = {
	KUNIT_CASE(name_keeps_context_and_seqno_after_the_signal),
	KUNIT_CASE(file_holds_its_fence),
	KUNIT_CASE(fdinfo_has_fences_and_status),
	KUNIT_CASE(get_fence_takes_a_reference),
	KUNIT_CASE(get_fence_of_another_file),
	KUNIT_CASE(name_is_derived_from_the_fence),
	KUNIT_CASE(poll_reports_the_signal),
	KUNIT_CASE(poll_enables_signalling_once),
	KUNIT_CASE(poll_when_enabling_fails),
	KUNIT_CASE(close_removes_the_callback),
	KUNIT_CASE(signal_wakes_pollers),
	KUNIT_CASE(merge_makes_one_of_two),
	KUNIT_CASE(merge_with_itself),
	KUNIT_CASE(merge_truncates_the_name),
	KUNIT_CASE_PARAM(merge_refuses, bad_merge_gen_params),
	KUNIT_CASE(merge_with_another_file),
	KUNIT_CASE_PARAM(argument_that_cannot_be_read, command_gen_params),
	KUNIT_CASE(answer_that_cannot_be_written),
	KUNIT_CASE(unknown_command),
	KUNIT_CASE(info_counts_the_fences),
	KUNIT_CASE(info_is_of_one_moment),
	KUNIT_CASE(info_describes_the_fences),
	KUNIT_CASE(info_does_not_enable_signalling),
	KUNIT_CASE_PARAM(info_refuses, bad_info_gen_params),
	KUNIT_CASE(deadline_reaches_the_fence),
	KUNIT_CASE(polls_race_with_the_signal),
	{}
};

static struct kunit_suite sync_file_suite = {
	.name = "dma_sync_file",
	.init = mock_init,
	.test_cases = sync_file_cases,
};

kunit_test_suite(sync_file_suite);
