/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads for tests of concurrent use.
 *
 * Each thread has ended before its join function returns, or at the latest before the
 * test ends. The threads have no user memory, and the static stubs of the test do not
 * affect them.
 */
#ifndef _DMA_BUF_TESTS_THREADS_H
#define _DMA_BUF_TESTS_THREADS_H

#include <kunit/test.h>

struct completion;
struct dma_buf;
struct mock_thread;
struct task_struct;

/**
 * struct mock_job - a function that one thread calls repeatedly
 * @turn: does one turn with @data; may sleep; returns false if an expectation failed
 * @data: argument of @turn
 * @fifo: priority under SCHED_FIFO, or 0 for a normal thread
 * @turns: number of turns done
 * @wrong: number of turns that returned false
 * @start: completed when the threads of all jobs exist
 * @thread: the thread
 */
struct mock_job {
	bool (*turn)(void *data);
	void *data;
	unsigned int fifo;
	unsigned int turns;
	unsigned int wrong;
	struct completion *start;
	struct mock_thread *thread;
};

/* Limits of a run of jobs. KCSAN checks only some accesses, so it needs more turns. */
#define MOCK_JOB_MS	(IS_ENABLED(CONFIG_KCSAN) ? 3000 : 400)
#define MOCK_JOB_TURNS	(IS_ENABLED(CONFIG_KCSAN) ? 30000 : 3000)

/*
 * mock_run_jobs() - run each job in a thread of its own until the limits
 *
 * No job begins before the threads of all exist, and each does at least one turn. Expects
 * that every turn returned true.
 */
void mock_run_jobs(struct kunit *test, struct mock_job *jobs, unsigned int count);

/* Above, at and below that of threaded interrupt handlers. */
#define MOCK_FIFO_HIGH		70
#define MOCK_FIFO_MIDDLE	50
#define MOCK_FIFO_LOW		1

/* Run the calling thread with a priority under SCHED_FIFO. */
void mock_set_fifo(unsigned int priority);

/*
 * Parameters of a case: all jobs normal; the first job the most urgent; the last one. The
 * case passes its jobs, at most four, to mock_set_priorities() before it runs them.
 */
const void *mock_priorities_gen_params(const void *prev, char *desc);
void mock_set_priorities(struct kunit *test, struct mock_job *jobs, unsigned int count);

/* mock_thread() - run @fn once in a new thread, which mock_thread_join() waits for */
struct mock_thread *mock_thread(struct kunit *test, void (*fn)(void *data), void *data);
void mock_thread_join(struct kunit *test, struct mock_thread *thread);
bool mock_thread_done(struct mock_thread *thread);

struct mock_stop;
/*
 * mock_stop_releases() - stop the worker that releases files
 *
 * The last dma_buf_put() of a kernel thread leaves the release to that worker. Until
 * mock_resume_releases(), such a buffer is dying and still listed.
 */
struct mock_stop *mock_stop_releases(struct kunit *test);
void mock_resume_releases(struct kunit *test, struct mock_stop *stop);

struct dma_fence;
struct mock_signaller;
/*
 * mock_signaller() - signal @fences in their order, each when the calling thread waits for it
 *
 * A fence is signalled at the earliest two jiffies after its signalling was enabled and the
 * calling thread fell asleep. The caller keeps @fences.
 */
struct mock_signaller *mock_signaller(struct kunit *test, unsigned int count,
				      struct dma_fence **fences);
/*
 * mock_signaller_end() - end the thread, and return how many fences it has signalled
 *
 * Called when the wait has returned: the fences that were not waited for stay unsignalled.
 */
unsigned int mock_signaller_end(struct kunit *test, struct mock_signaller *signaller);

/**
 * struct mock_waiter - a thread that is about to wait
 * @task: the thread
 * @begun: set when @task is valid
 */
struct mock_waiter {
	struct task_struct *task;
	bool begun;
};

/*
 * mock_waiter_begin() - called by the thread, where it can sleep only in the wait that is tested
 *
 * Another thread calls mock_waiter_sleeps() afterwards, once.
 */
void mock_waiter_begin(struct mock_waiter *waiter);
/* mock_waiter_sleeps() - wait until the thread sleeps; false if it does not within a limit */
bool mock_waiter_sleeps(struct mock_waiter *waiter);

/* Limit after which a holder drops the lock, and after which the worker goes on. */
#define MOCK_HOLD_MS	20000
struct mock_holder;
/* mock_hold_lock() - let another thread take and hold the reservation lock of @dmabuf */
struct mock_holder *mock_hold_lock(struct kunit *test, struct dma_buf *dmabuf);
/* mock_drop_lock() - let the holder drop the lock, and wait until its thread has ended */
void mock_drop_lock(struct kunit *test, struct mock_holder *holder);

#endif /* _DMA_BUF_TESTS_THREADS_H */
