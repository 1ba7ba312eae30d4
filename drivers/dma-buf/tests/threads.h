/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads for tests of what happens when several parties use a buffer at once.
 *
 * All of them are over when the function that started them returns, or at the
 * latest with the test. They have no user memory and do not see the static stubs
 * of their test.
 */
#ifndef _DMA_BUF_TESTS_THREADS_H
#define _DMA_BUF_TESTS_THREADS_H

#include <kunit/test.h>

struct dma_buf;
struct mock_thread;

/**
 * struct mock_job - what one thread does over and over
 * @turn: one turn, with @data; may sleep; false if it found something wrong
 * @data: for @turn
 * @turns: turns done
 * @wrong: those that found something wrong
 * @until: end of the job, in jiffies
 * @thread: who does it
 */
struct mock_job {
	bool (*turn)(void *data);
	void *data;
	unsigned int turns;
	unsigned int wrong;
	unsigned long until;
	struct mock_thread *thread;
};

/* Bounds of a run of jobs: whichever is reached first. KCSAN looks only now and then. */
#define MOCK_JOB_MS	(IS_ENABLED(CONFIG_KCSAN) ? 3000 : 400)
#define MOCK_JOB_TURNS	(IS_ENABLED(CONFIG_KCSAN) ? 30000 : 3000)

/*
 * Run each job in a thread of its own, side by side, until the bounds. Each has
 * one turn at least; expects that none found anything wrong.
 */
void mock_run_jobs(struct kunit *test, struct mock_job *jobs, unsigned int count);

/* A thread that runs @fn once, to be waited for with mock_thread_join(). */
struct mock_thread *mock_thread(struct kunit *test, void (*fn)(void *data), void *data);
void mock_thread_join(struct kunit *test, struct mock_thread *thread);
bool mock_thread_done(struct mock_thread *thread);

/* Another thread holds the buffer's reservation lock, until it is told not to. */
#define MOCK_HOLD_MS	20000
struct mock_holder;
struct mock_holder *mock_hold_lock(struct kunit *test, struct dma_buf *dmabuf);
void mock_drop_lock(struct kunit *test, struct mock_holder *holder);

#endif /* _DMA_BUF_TESTS_THREADS_H */
