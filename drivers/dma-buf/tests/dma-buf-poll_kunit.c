// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of poll() on a buffer: the events it reports, the wake-ups, and the
 * callbacks and references it holds until a fence signals.
 */

#include <linux/file.h>
#include <linux/poll.h>
#include <linux/preempt.h>

#include "mock-buffer.h"
#include "threads.h"

/* Events without __poll_t, so that expectations can compare them. */
#define POLL_READ	((__force unsigned int)EPOLLIN)
#define POLL_WRITE	((__force unsigned int)EPOLLOUT)
#define POLL_OTHER	((__force unsigned int)(EPOLLPRI | EPOLLERR))
#define POLL_BOTH	(POLL_READ | POLL_WRITE)

/**
 * struct poll_listener - a waiter like those of select() and epoll
 * @table: poll table for the file's poll
 * @wait: entry in the buffer's wait queue
 * @head: the wait queue, set by the first poll
 * @wakes: number of wake-ups
 * @keys: events of all wake-ups
 */
struct poll_listener {
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;
	int wakes;
	unsigned int keys;
};

static int poll_listener_wake(wait_queue_entry_t *wait, unsigned int mode, int flags,
			      void *key)
{
	struct poll_listener *listener = container_of(wait, struct poll_listener, wait);

	listener->wakes++;
	listener->keys |= (__force unsigned int)key_to_poll(key);
	return 0;
}

static void poll_listener_queue(struct file *file, wait_queue_head_t *head,
				poll_table *table)
{
	struct poll_listener *listener = container_of(table, struct poll_listener, table);

	listener->head = head;
	add_wait_queue(head, &listener->wait);
}

static void poll_listener_action(void *in)
{
	struct poll_listener *listener = in;

	remove_wait_queue(listener->head, &listener->wait);
}

static unsigned int poll_with(struct dma_buf *dmabuf, poll_table *table,
			      unsigned int events)
{
	table->_key = (__force __poll_t)events;
	return (__force unsigned int)vfs_poll(dmabuf->file, table);
}

/* Poll as with a zero timeout: add no waiter. */
static unsigned int poll_now(struct dma_buf *dmabuf, unsigned int events)
{
	poll_table table = {};

	return poll_with(dmabuf, &table, events);
}

/* Poll and add a waiter, which stays in the queue until the test ends. */
static struct poll_listener *poll_listen(struct kunit *test, struct dma_buf *dmabuf,
					 unsigned int events, unsigned int expected)
{
	struct poll_listener *listener;

	listener = kunit_kzalloc(test, sizeof(*listener), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, listener);
	init_waitqueue_func_entry(&listener->wait, poll_listener_wake);
	init_poll_funcptr(&listener->table, poll_listener_queue);

	KUNIT_EXPECT_EQ(test, poll_with(dmabuf, &listener->table, events), expected);
	KUNIT_ASSERT_NOT_NULL(test, listener->head);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, poll_listener_action,
							   listener));
	return listener;
}

static struct dma_buf *poll_buffer(struct kunit *test)
{
	return mock_buffer(test, mock_exporter(test, &mock_static_ops));
}

/* Add an unsignalled fence to the buffer. */
static struct dma_fence *poll_fence(struct kunit *test, struct dma_buf *dmabuf,
				    enum dma_resv_usage usage)
{
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, dmabuf, fence, usage);
	return fence;
}

static int poll_callbacks(struct dma_fence *fence)
{
	unsigned long flags;
	int count;

	spin_lock_irqsave(fence->lock, flags);
	count = list_count_nodes(&fence->cb_list);
	spin_unlock_irqrestore(fence->lock, flags);
	return count;
}

static int poll_references(struct dma_fence *fence)
{
	return kref_read(&fence->refcount);
}

static void poll_no_fence_is_ready(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);
}

static void poll_for_one_event_reports_one(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), POLL_READ);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_WRITE), POLL_WRITE);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_OTHER), 0);
}

static void poll_for_one_event_tests_one_direction(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_OTHER), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 0);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_WRITE), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 2);
}

struct poll_usage_row {
	const char *name;
	enum dma_resv_usage usage;
	unsigned int ready;
};

/* Events that are ready while a fence of @usage is unsignalled. */
static const struct poll_usage_row poll_usage_rows[] = {
	{ "kernel fence blocks both", DMA_RESV_USAGE_KERNEL, 0 },
	{ "write fence blocks both", DMA_RESV_USAGE_WRITE, 0 },
	{ "read fence blocks writing", DMA_RESV_USAGE_READ, POLL_READ },
	{ "bookkeep fence blocks neither", DMA_RESV_USAGE_BOOKKEEP, POLL_BOTH },
};

KUNIT_ARRAY_PARAM_DESC(poll_usage, poll_usage_rows, name);

static void poll_unsignalled_fence_by_usage(struct kunit *test)
{
	const struct poll_usage_row *row = test->param_value;
	struct dma_buf *dmabuf = poll_buffer(test);

	poll_fence(test, dmabuf, row->usage);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), row->ready);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), row->ready & POLL_READ);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_WRITE), row->ready & POLL_WRITE);
}

static void poll_signalled_fence_by_usage(struct kunit *test)
{
	const struct poll_usage_row *row = test->param_value;
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, row->usage);

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static void poll_signalling_fence_wakes_by_usage(struct kunit *test)
{
	const struct poll_usage_row *row = test->param_value;
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, row->usage);
	struct poll_listener *listener;

	listener = poll_listen(test, dmabuf, POLL_BOTH, row->ready);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, listener->keys, POLL_BOTH & ~row->ready);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);
}

static void poll_zero_timeout_enables_signalling(struct kunit *test)
{
	const struct poll_usage_row *row = test->param_value;
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, row->usage);

	poll_now(dmabuf, POLL_BOTH);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled),
			row->ready == POLL_BOTH ? 0 : 1);
}

static void poll_repeated_arms_once_per_direction(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

	for (int i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 2);
}

static void poll_many_listeners_share_a_callback(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct poll_listener *listeners[5];

	for (int i = 0; i < ARRAY_SIZE(listeners); i++)
		listeners[i] = poll_listen(test, dmabuf, POLL_READ, 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);

	dma_fence_signal(fence);
	for (int i = 0; i < ARRAY_SIZE(listeners); i++)
		KUNIT_EXPECT_EQ(test, listeners[i]->wakes, 1);
}

static void poll_many_fences_arms_one(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fences[6];
	int armed = 0;

	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = poll_fence(test, dmabuf, DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_READ);
	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		armed += poll_callbacks(fences[i]);
	KUNIT_EXPECT_EQ(test, armed, 1);
}

static void poll_wake_has_the_event_of_its_direction(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *reader = poll_fence(test, dmabuf, DMA_RESV_USAGE_READ);
	struct dma_fence *writer = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct poll_listener *listener = poll_listen(test, dmabuf, POLL_READ, 0);

	dma_fence_signal(reader);
	KUNIT_EXPECT_EQ(test, listener->wakes, 0);
	dma_fence_signal(writer);
	KUNIT_EXPECT_EQ(test, listener->wakes, 1);
	KUNIT_EXPECT_EQ(test, listener->keys, POLL_READ);
}

static void poll_signal_frees_the_slot_and_its_reference(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	int before = poll_references(fence);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	KUNIT_EXPECT_EQ(test, poll_references(fence), before + 2);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, poll_references(fence), before);
	KUNIT_EXPECT_FALSE(test, dma_buf_to_object(dmabuf)->poll.read.busy);
	KUNIT_EXPECT_FALSE(test, dma_buf_to_object(dmabuf)->poll.write.busy);
}

/* Each signal wakes the waiter, and its next poll arms another unsignalled fence. */
static void poll_fences_one_after_the_other(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fences[4];
	struct poll_listener *listener;
	int wakes = 0;

	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = poll_fence(test, dmabuf, DMA_RESV_USAGE_READ);
	listener = poll_listen(test, dmabuf, POLL_WRITE, 0);

	for (int unsignalled = ARRAY_SIZE(fences); unsignalled; unsignalled--) {
		struct dma_fence *armed = NULL;

		for (int i = 0; i < ARRAY_SIZE(fences); i++)
			if (!dma_fence_is_signaled(fences[i]) && poll_callbacks(fences[i]))
				armed = fences[i];
		KUNIT_ASSERT_NOT_NULL(test, armed);
		dma_fence_signal(armed);
		KUNIT_EXPECT_EQ(test, listener->wakes, ++wakes);
		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_WRITE),
				unsignalled == 1 ? POLL_WRITE : 0);
	}
}

static void poll_unarmed_fence_signals_first(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *first = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct dma_fence *second = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct poll_listener *listener = poll_listen(test, dmabuf, POLL_READ, 0);

	if (poll_callbacks(first))
		swap(first, second);
	dma_fence_signal(first);
	KUNIT_EXPECT_EQ(test, listener->wakes, 0);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	dma_fence_signal(second);
	KUNIT_EXPECT_EQ(test, listener->wakes, 1);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), POLL_READ);
}

static void poll_new_fence_after_wake_arms_again(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct poll_listener *listener;

	listener = poll_listen(test, dmabuf, POLL_READ, POLL_READ);
	for (int i = 1; i <= 5; i++) {
		struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
		KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);
		dma_fence_signal(fence);
		KUNIT_EXPECT_EQ(test, listener->wakes, i);
		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), POLL_READ);
	}
}

static void poll_fence_replaced_while_armed(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *older = mock_fence_at(test, context, 1);
	struct dma_fence *newer = mock_fence_at(test, context, 2);
	struct poll_listener *listener;

	mock_add_fence(test, dmabuf, older, DMA_RESV_USAGE_WRITE);
	listener = poll_listen(test, dmabuf, POLL_READ, 0);
	mock_add_fence(test, dmabuf, newer, DMA_RESV_USAGE_WRITE);

	dma_fence_signal(older);
	KUNIT_EXPECT_EQ(test, listener->wakes, 1);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	dma_fence_signal(newer);
	KUNIT_EXPECT_EQ(test, listener->wakes, 2);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), POLL_READ);
}

/* The fence signals after poll has tested it, when poll adds the callback. */
static void poll_fence_signals_between_test_and_add(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	int before = poll_references(fence);
	struct poll_listener *listener;

	to_mock_fence(fence)->late = true;
	listener = poll_listen(test, dmabuf, POLL_READ, POLL_READ);
	/* Poll wakes the queue, as other pollers may have found this thread's claim of the slot. */
	KUNIT_EXPECT_EQ(test, listener->keys, POLL_READ);
	KUNIT_EXPECT_EQ(test, poll_references(fence), before);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
	KUNIT_EXPECT_FALSE(test, dma_buf_to_object(dmabuf)->poll.read.busy);
	KUNIT_EXPECT_NULL(test, dma_buf_to_object(dmabuf)->poll.read.fence);
}

static void poll_late_fence_then_another_arms_the_other(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *late = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	int before = poll_references(late);

	to_mock_fence(late)->late = true;
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);
	KUNIT_EXPECT_EQ(test, poll_references(late), before);
}

/* @busy stands for another thread's claim of the slot. */
static void poll_slot_claimed_by_another_thread(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_buf_poll_slot *slot = &dma_buf_to_object(dmabuf)->poll.read;
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

	slot->busy = true;
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 0);
	slot->busy = false;
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_READ), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);
}

static void poll_pending_holds_no_file_reference(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
}

static void poll_close_removes_pending_callbacks(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 2);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 0);
	KUNIT_EXPECT_EQ(test, poll_references(fence), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_signal(fence), 0);
}

/* The fence is removed from the reservation object while poll waits for it. */
static void poll_close_after_the_fence_was_removed(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf *empty = mock_buffer(test, exporter);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	int ret;

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_resv_copy_fences(dmabuf->resv, empty->resv);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);

	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 0);
	KUNIT_EXPECT_EQ(test, poll_references(fence), 1);
}

static void poll_close_keeps_the_callback_of_another_buffer(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *closed = mock_buffer(test, exporter);
	struct dma_buf *kept = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);
	struct poll_listener *listener;

	mock_add_fence(test, closed, fence, DMA_RESV_USAGE_WRITE);
	mock_add_fence(test, kept, fence, DMA_RESV_USAGE_WRITE);
	listener = poll_listen(test, kept, POLL_READ, 0);
	KUNIT_EXPECT_EQ(test, poll_now(closed, POLL_READ), 0);

	mock_buffer_put(test, closed);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 1);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, listener->wakes, 1);
}

/* Each buffer may reuse the memory of one released with callbacks pending. */
static void poll_of_a_buffer_in_used_memory_starts_idle(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *last = NULL;
	unsigned int reused = 0;

	migrate_disable();
	for (int i = 0; i < 20; i++) {
		struct dma_buf *dmabuf = mock_buffer(test, exporter);
		struct dma_fence *fence;

		reused += dmabuf == last;
		last = dmabuf;
		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);
		fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
		KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
		KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 2);
		mock_buffer_release(test, dmabuf);
	}
	migrate_enable();
	mock_expect_reuse(test, reused);
}

static void poll_reservation_locked_by_another_thread(struct kunit *test)
{
	struct dma_buf *dmabuf = poll_buffer(test);
	struct dma_fence *fence = poll_fence(test, dmabuf, DMA_RESV_USAGE_WRITE);
	struct mock_holder *holder = mock_hold_lock(test, dmabuf);

	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), 0);
	KUNIT_EXPECT_EQ(test, poll_callbacks(fence), 2);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, poll_now(dmabuf, POLL_BOTH), POLL_BOTH);
	/* The holder drops the lock at its limit, so a lock still held means poll did not wait. */
	KUNIT_EXPECT_TRUE(test, dma_resv_is_locked(dmabuf->resv));
	mock_drop_lock(test, holder);
}

static void poll_buffers_that_share_a_reservation(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_resv *resv = kunit_kzalloc(test, sizeof(*resv), GFP_KERNEL);
	struct poll_listener *listeners[2];
	struct dma_buf *buffers[2];
	struct dma_fence *fence;

	KUNIT_ASSERT_NOT_NULL(test, resv);
	dma_resv_init(resv);
	exporter->resv = resv;
	for (int i = 0; i < 2; i++)
		buffers[i] = mock_buffer(test, exporter);
	fence = poll_fence(test, buffers[0], DMA_RESV_USAGE_WRITE);
	for (int i = 0; i < 2; i++)
		listeners[i] = poll_listen(test, buffers[i], POLL_READ, 0);

	dma_fence_signal(fence);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, listeners[i]->wakes, 1);
		kunit_release_action(test, poll_listener_action, listeners[i]);
		mock_buffer_put(test, buffers[i]);
	}
	dma_resv_fini(resv);
}

static struct kunit_case dma_buf_poll_cases[] = {
	KUNIT_CASE(poll_no_fence_is_ready),
	KUNIT_CASE(poll_for_one_event_reports_one),
	KUNIT_CASE(poll_for_one_event_tests_one_direction),
	KUNIT_CASE_PARAM(poll_unsignalled_fence_by_usage, poll_usage_gen_params),
	KUNIT_CASE_PARAM(poll_signalled_fence_by_usage, poll_usage_gen_params),
	KUNIT_CASE_PARAM(poll_signalling_fence_wakes_by_usage, poll_usage_gen_params),
	KUNIT_CASE_PARAM(poll_zero_timeout_enables_signalling, poll_usage_gen_params),
	KUNIT_CASE(poll_repeated_arms_once_per_direction),
	KUNIT_CASE(poll_many_listeners_share_a_callback),
	KUNIT_CASE(poll_many_fences_arms_one),
	KUNIT_CASE(poll_wake_has_the_event_of_its_direction),
	KUNIT_CASE(poll_signal_frees_the_slot_and_its_reference),
	KUNIT_CASE(poll_fences_one_after_the_other),
	KUNIT_CASE(poll_unarmed_fence_signals_first),
	KUNIT_CASE(poll_new_fence_after_wake_arms_again),
	KUNIT_CASE(poll_fence_replaced_while_armed),
	KUNIT_CASE(poll_fence_signals_between_test_and_add),
	KUNIT_CASE(poll_late_fence_then_another_arms_the_other),
	KUNIT_CASE(poll_slot_claimed_by_another_thread),
	KUNIT_CASE(poll_pending_holds_no_file_reference),
	KUNIT_CASE(poll_close_removes_pending_callbacks),
	KUNIT_CASE(poll_close_after_the_fence_was_removed),
	KUNIT_CASE(poll_close_keeps_the_callback_of_another_buffer),
	KUNIT_CASE(poll_of_a_buffer_in_used_memory_starts_idle),
	KUNIT_CASE(poll_reservation_locked_by_another_thread),
	KUNIT_CASE(poll_buffers_that_share_a_reservation),
	{}
};

static struct kunit_suite dma_buf_poll_suite = {
	.name = "dma_buf_poll",
	.init = mock_init,
	.test_cases = dma_buf_poll_cases,
};

kunit_test_suite(dma_buf_poll_suite);
