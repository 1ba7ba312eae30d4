// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads for tests: jobs that run at the same time, a function that runs once, a thread
 * that is known to wait, a thread that signals fences, a holder of a reservation lock, and
 * a stop for the worker that releases files.
 */

#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#include "mock.h"
#include "threads.h"

/**
 * struct mock_thread - a thread that runs one function once
 * @fn: the function
 * @data: argument of @fn
 * @done: completed when @fn has returned
 */
struct mock_thread {
	void (*fn)(void *data);
	void *data;
	struct completion done;
};

static int mock_thread_fn(void *data)
{
	struct mock_thread *thread = data;

	thread->fn(thread->data);
	/* The waiter may unload this module, so complete from core code. */
	kthread_complete_and_exit(&thread->done, 0);
}

static void mock_thread_action(void *in)
{
	struct mock_thread *thread = in;

	wait_for_completion(&thread->done);
}

struct mock_thread *mock_thread(struct kunit *test, void (*fn)(void *data), void *data)
{
	struct mock_thread *thread = kunit_kzalloc(test, sizeof(*thread), GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, thread);
	thread->fn = fn;
	thread->data = data;
	init_completion(&thread->done);
	task = kthread_run(mock_thread_fn, thread, "dmabuf-thread");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_thread_action,
							   thread));
	return thread;
}

void mock_thread_join(struct kunit *test, struct mock_thread *thread)
{
	kunit_release_action(test, mock_thread_action, thread);
}

bool mock_thread_done(struct mock_thread *thread)
{
	return completion_done(&thread->done);
}

void mock_set_fifo(unsigned int priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = priority,
	};

	WARN_ON(sched_setattr_nocheck(current, &attr));
}

static const struct mock_priorities {
	const char *desc;
	unsigned int fifo[4];
} mock_priorities[] = {
	{ "normal threads", {} },
	{ "the first most urgent",
	  { MOCK_FIFO_HIGH, MOCK_FIFO_MIDDLE, MOCK_FIFO_LOW, 0 } },
	{ "the last most urgent",
	  { 0, MOCK_FIFO_LOW, MOCK_FIFO_MIDDLE, MOCK_FIFO_HIGH } },
};

KUNIT_ARRAY_PARAM_DESC(mock_priority, mock_priorities, desc);

const void *mock_priorities_gen_params(const void *prev, char *desc)
{
	return mock_priority_gen_params(prev, desc);
}

void mock_set_priorities(struct kunit *test, struct mock_job *jobs, unsigned int count)
{
	const struct mock_priorities *row = test->param_value;

	for (unsigned int i = 0; i < count; i++)
		jobs[i].fifo = row->fifo[i];
}

static void mock_job_fn(void *data)
{
	struct mock_job *job = data;
	unsigned long until;

	if (job->fifo)
		mock_set_fifo(job->fifo);
	/* The limit only ends the thread of a test that failed before it started the jobs. */
	wait_for_completion_timeout(job->start, msecs_to_jiffies(MOCK_HOLD_MS));
	until = jiffies + msecs_to_jiffies(MOCK_JOB_MS);
	do {
		job->wrong += !job->turn(job->data);
		job->turns++;
		/*
		 * Without preemption another thread runs only when this one
		 * reschedules or sleeps, so do both.
		 */
		if (job->turns % 7)
			cond_resched();
		else
			schedule_timeout_uninterruptible(1);
	} while (job->turns < MOCK_JOB_TURNS && time_before(jiffies, until));
}

void mock_run_jobs(struct kunit *test, struct mock_job *jobs, unsigned int count)
{
	struct completion *start = kunit_kzalloc(test, sizeof(*start), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, start);
	init_completion(start);
	for (unsigned int i = 0; i < count; i++) {
		jobs[i].turns = 0;
		jobs[i].wrong = 0;
		jobs[i].start = start;
		jobs[i].thread = mock_thread(test, mock_job_fn, &jobs[i]);
	}
	complete_all(start);
	for (unsigned int i = 0; i < count; i++) {
		mock_thread_join(test, jobs[i].thread);
		KUNIT_EXPECT_EQ_MSG(test, jobs[i].wrong, 0, "job %u, of %u turns", i,
				    jobs[i].turns);
	}
}

/**
 * struct mock_stop - a file whose release stops the worker that releases files
 * @stopped: completed by the release
 * @resume: completed to let the release return
 * @resumed: completed when it returns
 */
struct mock_stop {
	struct completion stopped;
	struct completion resume;
	struct completion resumed;
};

static int mock_stop_release(struct inode *inode, struct file *file)
{
	struct mock_stop *stop = file->private_data;

	complete(&stop->stopped);
	wait_for_completion_timeout(&stop->resume, msecs_to_jiffies(MOCK_HOLD_MS));
	complete(&stop->resumed);
	return 0;
}

static const struct file_operations mock_stop_fops = {
	.owner = THIS_MODULE,
	.release = mock_stop_release,
};

static void mock_stop_action(void *in)
{
	struct mock_stop *stop = in;

	complete(&stop->resume);
	wait_for_completion(&stop->resumed);
}

struct mock_stop *mock_stop_releases(struct kunit *test)
{
	struct mock_stop *stop = kunit_kzalloc(test, sizeof(*stop), GFP_KERNEL);
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, stop);
	init_completion(&stop->stopped);
	init_completion(&stop->resume);
	init_completion(&stop->resumed);
	file = anon_inode_getfile("dmabuf-mock", &mock_stop_fops, stop, O_RDONLY);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	fput(file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_stop_action, stop));
	wait_for_completion(&stop->stopped);
	return stop;
}

void mock_resume_releases(struct kunit *test, struct mock_stop *stop)
{
	kunit_release_action(test, mock_stop_action, stop);
}

/**
 * struct mock_signaller - a thread that signals fences for which another thread waits
 * @fences: the fences, in the order of their signals
 * @count: number of fences
 * @waiter: thread that waits
 * @returned: the wait has returned; ends the thread
 * @signalled: number of fences that the thread has signalled
 * @thread: the thread
 */
struct mock_signaller {
	struct dma_fence **fences;
	unsigned int count;
	struct task_struct *waiter;
	bool returned;
	unsigned int signalled;
	struct mock_thread *thread;
};

/* Whether a task sleeps for certain: its state is set before it is taken off the queue. */
static bool mock_task_sleeps(struct task_struct *task)
{
	/* data_race() - the scheduler changes this at any time; the caller asks again. */
	return READ_ONCE(task->__state) & TASK_NORMAL && !data_race(task_is_runnable(task));
}

void mock_waiter_begin(struct mock_waiter *waiter)
{
	/* The thread may end before it is looked at, if it does not wait. */
	waiter->task = get_task_struct(current);
	/* Pairs with mock_waiter_sleeps(): an earlier sleep does not count. */
	smp_store_release(&waiter->begun, true);
}

bool mock_waiter_sleeps(struct mock_waiter *waiter)
{
	unsigned long until = jiffies + msecs_to_jiffies(MOCK_HOLD_MS);
	bool sleeps = false;

	/* Pairs with mock_waiter_begin(). */
	while (!smp_load_acquire(&waiter->begun) && time_before(jiffies, until))
		schedule_timeout_uninterruptible(1);
	if (!waiter->begun)
		return false;
	while (!sleeps && time_before(jiffies, until)) {
		schedule_timeout_uninterruptible(1);
		sleeps = mock_task_sleeps(waiter->task);
	}
	put_task_struct(waiter->task);
	return sleeps;
}

/* Return true when the waiter waits for the fence, or false if its wait returns first. */
static bool mock_signaller_waits(struct mock_signaller *signaller, struct dma_fence *fence)
{
	bool waits;

	for (;;) {
		/* A wait enables the signalling of its fence. */
		waits = test_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &fence->flags) &&
			mock_task_sleeps(signaller->waiter);
		/* After the state: the waiter sleeps in mock_signaller_end() too. */
		smp_rmb();
		if (READ_ONCE(signaller->returned))
			return false;
		if (waits)
			return true;
		schedule_timeout_uninterruptible(1);
	}
}

static void mock_signaller_fn(void *data)
{
	struct mock_signaller *signaller = data;

	for (unsigned int i = 0; i < signaller->count; i++) {
		if (!mock_signaller_waits(signaller, signaller->fences[i]))
			return;
		schedule_timeout_uninterruptible(2);
		dma_fence_signal(signaller->fences[i]);
		signaller->signalled++;
	}
}

static void mock_signaller_action(void *in)
{
	struct mock_signaller *signaller = in;

	/* The waiter sleeps afterwards at the earliest, which is a full barrier. */
	WRITE_ONCE(signaller->returned, true);
}

struct mock_signaller *mock_signaller(struct kunit *test, unsigned int count,
				      struct dma_fence **fences)
{
	struct mock_signaller *signaller = kunit_kzalloc(test, sizeof(*signaller), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, signaller);
	signaller->fences = fences;
	signaller->count = count;
	signaller->waiter = current;
	signaller->thread = mock_thread(test, mock_signaller_fn, signaller);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_signaller_action,
							   signaller));
	return signaller;
}

unsigned int mock_signaller_end(struct kunit *test, struct mock_signaller *signaller)
{
	kunit_release_action(test, mock_signaller_action, signaller);
	mock_thread_join(test, signaller->thread);
	return signaller->signalled;
}

/**
 * struct mock_holder - a thread that holds a reservation lock
 * @dmabuf: buffer whose lock it holds
 * @held: completed when it holds the lock
 * @drop: completed to make it drop the lock
 * @thread: the thread
 */
struct mock_holder {
	struct dma_buf *dmabuf;
	struct completion held;
	struct completion drop;
	struct mock_thread *thread;
};

static void mock_holder_fn(void *data)
{
	struct mock_holder *holder = data;

	dma_resv_lock(holder->dmabuf->resv, NULL);
	complete(&holder->held);
	/* Bounded, so that a test whose code waits for the lock fails instead of hanging. */
	wait_for_completion_timeout(&holder->drop, msecs_to_jiffies(MOCK_HOLD_MS));
	dma_resv_unlock(holder->dmabuf->resv);
}

static void mock_holder_action(void *in)
{
	struct mock_holder *holder = in;

	complete_all(&holder->drop);
}

struct mock_holder *mock_hold_lock(struct kunit *test, struct dma_buf *dmabuf)
{
	struct mock_holder *holder = kunit_kzalloc(test, sizeof(*holder), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, holder);
	holder->dmabuf = dmabuf;
	init_completion(&holder->held);
	init_completion(&holder->drop);
	holder->thread = mock_thread(test, mock_holder_fn, holder);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_holder_action,
							   holder));
	wait_for_completion(&holder->held);
	return holder;
}

void mock_drop_lock(struct kunit *test, struct mock_holder *holder)
{
	kunit_release_action(test, mock_holder_action, holder);
	mock_thread_join(test, holder->thread);
}
