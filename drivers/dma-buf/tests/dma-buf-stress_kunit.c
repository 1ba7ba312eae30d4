// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress: several threads use one buffer at the same time. Each case is limited in time
 * and in turns, checks an invariant in each turn, and at the end that calls balance and
 * no object is left. The cases find most with KASAN, lockdep and several CPUs. Those of
 * poll and the registry run with threads of different priorities too, for PREEMPT_RT.
 */

#include <linux/file.h>
#include <linux/poll.h>

#include "mock-buffer.h"
#include "threads.h"

/**
 * struct stress - data shared by the threads of a case
 * @test: the case
 * @exporter: exporter of the buffers
 * @dmabuf: buffer that all threads may use
 * @dev: device for attachments
 * @made: number of buffers that threads have exported
 * @notified: number of move_notify calls that stress_move() has seen
 */
struct stress {
	struct kunit *test;
	struct mock_exporter *exporter;
	struct dma_buf *dmabuf;
	struct device *dev;
	atomic_t made;
	atomic_t notified;
};

static void stress_init(struct kunit *test, struct stress *stress,
			const struct dma_buf_ops *ops)
{
	memset(stress, 0, sizeof(*stress));
	stress->test = test;
	stress->exporter = mock_exporter(test, ops);
	stress->dmabuf = mock_buffer(test, stress->exporter);
	stress->dev = mock_device(test);
}

/* Export a buffer, which the walkers may find, and release it. */
static bool stress_export_close(void *data)
{
	struct stress *stress = data;
	struct dma_buf *dmabuf = mock_export(stress->exporter);
	int made;

	if (IS_ERR(dmabuf))
		return false;
	made = atomic_inc_return(&stress->made);
	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	cond_resched();
	dma_buf_put(dmabuf);
	/* The buffer is listed and dying until it is released; in some turns for long. */
	if (made % 8)
		cond_resched();
	else
		schedule_timeout_uninterruptible(1);
	flush_delayed_fput();
	return true;
}

/*
 * Walk the registry and use each buffer as a read of bufinfo does. The walk visits the
 * oldest buffer once, and the newest one, behind those that are released meanwhile.
 */
static bool stress_walk_registry(void *data)
{
	struct stress *stress = data;
	struct dma_buf *dmabuf, *newest = mock_export(stress->exporter);
	struct dma_buf_registry_iter iter;
	int found = 0, found_newest = 0;

	if (IS_ERR(newest))
		return false;
	atomic_inc(&stress->made);
	dma_buf_registry_iter_begin(&iter);
	while ((dmabuf = dma_buf_registry_iter_peek(&iter))) {
		found += dmabuf == stress->dmabuf;
		found_newest += dmabuf == newest;
		if (dma_resv_trylock(dmabuf->resv)) {
			list_count_nodes(&dmabuf->attachments);
			dma_resv_unlock(dmabuf->resv);
		}
		cond_resched();
		dma_buf_registry_iter_step(&iter, dmabuf);
	}
	dma_buf_registry_iter_end(&iter);
	dma_buf_put(newest);
	flush_delayed_fput();
	return found == 1 && found_newest == 1;
}

static void stress_export_close_against_walks(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_export_close, .data = &stress },
		{ .turn = stress_export_close, .data = &stress },
		{ .turn = stress_walk_registry, .data = &stress },
		{ .turn = stress_walk_registry, .data = &stress },
	};

	stress_init(test, &stress, &mock_bare_ops);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_RELEASE),
			atomic_read(&stress.made));
	KUNIT_EXPECT_EQ(test, file_count(stress.dmabuf->file), 1);
}

/* Attach as a dynamic importer, map, unmap and detach. */
static bool stress_attach_detach(void *data)
{
	struct stress *stress = data;
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	int moves;

	attach = dma_buf_dynamic_attach(stress->dmabuf, stress->dev, &mock_importer_ops,
					&importer);
	if (IS_ERR(attach))
		return false;
	cond_resched();
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE);
	cond_resched();
	if (!IS_ERR(sgt))
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_FROM_DEVICE);
	dma_buf_detach(stress->dmabuf, attach);
	moves = atomic_read(&importer.moves);
	cond_resched();
	/* A detached importer is not notified. */
	return !IS_ERR(sgt) && atomic_read(&importer.moves) == moves;
}

/* A move notifies each attachment on the list once. */
static bool stress_move(void *data)
{
	struct stress *stress = data;
	struct dma_buf_attachment *attach;
	unsigned int before = 0, after = 0, attached = 0;

	dma_resv_lock(stress->dmabuf->resv, NULL);
	list_for_each_entry(attach, &stress->dmabuf->attachments, node) {
		struct mock_importer *importer = attach->importer_priv;

		before += atomic_read(&importer->moves);
		attached++;
	}
	dma_buf_move_notify(stress->dmabuf);
	list_for_each_entry(attach, &stress->dmabuf->attachments, node) {
		struct mock_importer *importer = attach->importer_priv;

		after += atomic_read(&importer->moves);
	}
	dma_resv_unlock(stress->dmabuf->resv);
	atomic_add(after - before, &stress->notified);
	return after == before + attached;
}

static void stress_attach_detach_against_moves(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_attach_detach, .data = &stress },
		{ .turn = stress_attach_detach, .data = &stress },
		{ .turn = stress_attach_detach, .data = &stress },
		{ .turn = stress_move, .data = &stress },
	};
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct mock_exporter *exporter;

	stress_init(test, &stress, &mock_dynamic_ops);
	exporter = stress.exporter;
	/* Slow mappings down, so that most moves find other importers attached. */
	exporter->calls[MOCK_MAP].sleep_us = 20;
	attach = mock_attach(test, stress.dmabuf, &importer);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_EQ(test, atomic_read(&importer.moves), jobs[3].turns);
	KUNIT_EXPECT_GE(test, atomic_read(&stress.notified), jobs[3].turns);
	mock_detach(test, attach);
	KUNIT_EXPECT_TRUE(test, list_empty(&stress.dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_ATTACH),
			1 + jobs[0].turns + jobs[1].turns + jobs[2].turns);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH),
			mock_calls(exporter, MOCK_ATTACH));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP),
			mock_calls(exporter, MOCK_MAP));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN),
			mock_calls(exporter, MOCK_PIN));
}

/* Map one attachment in two directions at the same time. */
static bool stress_map_unmap(void *data)
{
	struct stress *stress = data;
	struct dma_buf_attachment *attach;
	struct sg_table *in, *out;
	bool good;

	attach = dma_buf_attach(stress->dmabuf, stress->dev);
	if (IS_ERR(attach))
		return false;
	in = dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE);
	cond_resched();
	out = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	good = !IS_ERR(in) && !IS_ERR(out) && in != out;
	cond_resched();
	if (!IS_ERR(in))
		dma_buf_unmap_attachment_unlocked(attach, in, DMA_FROM_DEVICE);
	if (!IS_ERR(out))
		dma_buf_unmap_attachment_unlocked(attach, out, DMA_TO_DEVICE);
	dma_buf_detach(stress->dmabuf, attach);
	return good;
}

static void stress_map_unmap_of_several_attachments(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_map_unmap, .data = &stress },
		{ .turn = stress_map_unmap, .data = &stress },
		{ .turn = stress_map_unmap, .data = &stress },
	};

	stress_init(test, &stress, &mock_static_ops);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_TRUE(test, list_empty(&stress.dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_MAP),
			2 * (jobs[0].turns + jobs[1].turns + jobs[2].turns));
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_UNMAP),
			mock_calls(stress.exporter, MOCK_MAP));
}

/* Map and unmap the attachment that all threads share. */
static bool stress_map_one_attachment(void *data)
{
	struct dma_buf_attachment *attach = data;
	struct sg_table *sgt;

	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return false;
	cond_resched();
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	return true;
}

static void stress_map_one_attachment_from_all(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct mock_job jobs[4];
	struct stress stress;

	stress_init(test, &stress, &mock_static_ops);
	/* Slow mappings down, so that those of several threads overlap. */
	stress.exporter->calls[MOCK_MAP].sleep_us = 20;
	attach = mock_attach(test, stress.dmabuf, NULL);
	for (int i = 0; i < ARRAY_SIZE(jobs); i++)
		jobs[i] = (struct mock_job){
			.turn = stress_map_one_attachment, .data = attach,
		};
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, mock_calls(stress.exporter, MOCK_MAP), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_UNMAP),
			mock_calls(stress.exporter, MOCK_MAP));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&dma_buf_to_attach_object(attach)->mappings));
}

/* The kernel mapping exists while any thread uses it. */
static bool stress_vmap_vunmap(void *data)
{
	struct stress *stress = data;
	struct mock_exporter *exporter = stress->exporter;
	struct iosys_map map;
	bool good;

	if (dma_buf_vmap_unlocked(stress->dmabuf, &map))
		return false;
	good = map.vaddr == page_address(exporter->page);
	cond_resched();
	good &= mock_calls(exporter, MOCK_VMAP) == mock_calls(exporter, MOCK_VUNMAP) + 1;
	dma_buf_vunmap_unlocked(stress->dmabuf, &map);
	return good;
}

static void stress_vmap_vunmap_shared_by_all(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[4];

	stress_init(test, &stress, &mock_static_ops);
	stress.exporter->calls[MOCK_VMAP].sleep_us = 20;
	for (int i = 0; i < ARRAY_SIZE(jobs); i++)
		jobs[i] = (struct mock_job){
			.turn = stress_vmap_vunmap, .data = &stress,
		};
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, mock_calls(stress.exporter, MOCK_VMAP), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_VUNMAP),
			mock_calls(stress.exporter, MOCK_VMAP));
	KUNIT_EXPECT_EQ(test, dma_buf_to_object(stress.dmabuf)->vmap_count, 0);
}

/**
 * struct stress_waiter - a waiter that polls a buffer and sleeps in between
 * @table: poll table for the file's poll
 * @wait: entry in the buffer's wait queue
 * @head: the wait queue
 * @woken: completed by each wake-up
 */
struct stress_waiter {
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;
	struct completion woken;
};

static int stress_waiter_wake(wait_queue_entry_t *wait, unsigned int mode, int flags,
			      void *key)
{
	complete(&container_of(wait, struct stress_waiter, wait)->woken);
	return 0;
}

static void stress_waiter_queue(struct file *file, wait_queue_head_t *head,
				poll_table *table)
{
	struct stress_waiter *waiter = container_of(table, struct stress_waiter, table);

	waiter->head = head;
	add_wait_queue(head, &waiter->wait);
}

/*
 * Poll until the buffer is ready, sleeping in between. Every fence is signalled within a
 * turn of stress_signal(), so a sleep of ten seconds means a lost wake-up.
 */
static bool stress_wait(struct dma_buf *dmabuf, __poll_t events)
{
	struct stress_waiter waiter = {
		.woken = COMPLETION_INITIALIZER_ONSTACK(waiter.woken),
	};
	bool good = true;

	init_waitqueue_func_entry(&waiter.wait, stress_waiter_wake);
	init_poll_funcptr(&waiter.table, stress_waiter_queue);
	waiter.table._key = events;
	while (good && vfs_poll(dmabuf->file, &waiter.table) != events) {
		waiter.table._qproc = NULL;
		good = wait_for_completion_timeout(&waiter.woken, 10 * HZ);
	}
	remove_wait_queue(waiter.head, &waiter.wait);
	return good;
}

static bool stress_wait_for_reading(void *data)
{
	return stress_wait(((struct stress *)data)->dmabuf, EPOLLIN);
}

static bool stress_wait_for_writing(void *data)
{
	return stress_wait(((struct stress *)data)->dmabuf, EPOLLOUT);
}

/* Add read and write fences and signal them a jiffy later. */
static bool stress_signal(void *data)
{
	struct stress *stress = data;
	struct dma_fence *fences[4];

	for (int i = 0; i < ARRAY_SIZE(fences); i++) {
		fences[i] = mock_fence(stress->test);
		to_mock_fence(fences[i])->late = i == 3;
		mock_add_fence(stress->test, stress->dmabuf, fences[i],
			       i % 2 ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	}
	schedule_timeout_uninterruptible(1);
	for (int i = 0; i < ARRAY_SIZE(fences); i++) {
		dma_fence_signal(fences[i]);
		cond_resched();
		mock_fence_put(stress->test, fences[i]);
	}
	return true;
}

static void stress_poll_against_signals(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_wait_for_reading, .data = &stress },
		{ .turn = stress_wait_for_writing, .data = &stress },
		{ .turn = stress_wait_for_writing, .data = &stress },
		{ .turn = stress_signal, .data = &stress },
	};
	struct dma_buf_poll *poll;

	stress_init(test, &stress, &mock_static_ops);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	poll = &dma_buf_to_object(stress.dmabuf)->poll;
	KUNIT_EXPECT_FALSE(test, poll->read.busy);
	KUNIT_EXPECT_FALSE(test, poll->write.busy);
	KUNIT_EXPECT_TRUE(test, list_empty(&poll->wait.head));
	KUNIT_EXPECT_EQ(test, file_count(stress.dmabuf->file), 1);
}

/**
 * struct stress_fences - fences that one thread adds and another one signals
 * @stress: data that all cases have
 * @fence: the fence to be signalled next, or NULL
 */
struct stress_fences {
	struct stress stress;
	struct dma_fence *fence;
};

/* Poll a buffer and release it with its fence pending, which another thread signals. */
static bool stress_poll_close(void *data)
{
	struct stress_fences *fences = data;
	struct kunit *test = fences->stress.test;
	struct dma_buf *dmabuf = mock_export(fences->stress.exporter);
	poll_table table = { ._key = EPOLLIN | EPOLLOUT };
	struct dma_fence *fence;

	if (IS_ERR(dmabuf))
		return false;
	fence = mock_fence(test);
	atomic_inc(&fences->stress.made);
	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_WRITE);
	/* From here on stress_signal_theirs() may signal the fence at any time. */
	fence = xchg(&fences->fence, fence);
	vfs_poll(dmabuf->file, &table);
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	if (fence) {
		dma_fence_signal(fence);
		mock_fence_put(test, fence);
	}
	return true;
}

static bool stress_signal_theirs(void *data)
{
	struct stress_fences *fences = data;
	struct dma_fence *fence = xchg(&fences->fence, NULL);

	if (fence) {
		dma_fence_signal(fence);
		mock_fence_put(fences->stress.test, fence);
	}
	return true;
}

static void stress_poll_close_against_signals(struct kunit *test)
{
	struct stress_fences fences = {};
	struct mock_job jobs[] = {
		{ .turn = stress_poll_close, .data = &fences },
		{ .turn = stress_poll_close, .data = &fences },
		{ .turn = stress_signal_theirs, .data = &fences },
		{ .turn = stress_signal_theirs, .data = &fences },
	};

	stress_init(test, &fences.stress, &mock_static_ops);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	stress_signal_theirs(&fences);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(fences.stress.exporter, MOCK_RELEASE),
			atomic_read(&fences.stress.made));
}

/* Export a buffer, use it in every way, and release it. */
static bool stress_whole_life(void *data)
{
	struct stress *stress = data;
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf = mock_export(stress->exporter);
	struct iosys_map map;
	bool good;

	if (IS_ERR(dmabuf))
		return false;
	atomic_inc(&stress->made);
	good = stress_wait(dmabuf, EPOLLIN) && !dma_buf_vmap_unlocked(dmabuf, &map);
	attach = dma_buf_dynamic_attach(dmabuf, stress->dev, &mock_importer_ops, &importer);
	if (!IS_ERR(attach)) {
		good &= stress_map_one_attachment(attach);
		dma_buf_detach(dmabuf, attach);
	}
	good &= !IS_ERR(attach) && !dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE) &&
		!dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	if (good)
		dma_buf_vunmap_unlocked(dmabuf, &map);
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	return good;
}

static void stress_whole_life_of_many(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_whole_life, .data = &stress },
		{ .turn = stress_whole_life, .data = &stress },
		{ .turn = stress_whole_life, .data = &stress },
		{ .turn = stress_walk_registry, .data = &stress },
	};

	stress_init(test, &stress, &mock_dynamic_ops);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_RELEASE),
			atomic_read(&stress.made));
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_UNPIN),
			mock_calls(stress.exporter, MOCK_PIN));
}

static struct kunit_case dma_buf_stress_cases[] = {
	KUNIT_CASE_PARAM(stress_export_close_against_walks, mock_priorities_gen_params),
	KUNIT_CASE(stress_attach_detach_against_moves),
	KUNIT_CASE(stress_map_unmap_of_several_attachments),
	KUNIT_CASE(stress_map_one_attachment_from_all),
	KUNIT_CASE(stress_vmap_vunmap_shared_by_all),
	KUNIT_CASE_PARAM(stress_poll_against_signals, mock_priorities_gen_params),
	KUNIT_CASE_PARAM(stress_poll_close_against_signals, mock_priorities_gen_params),
	KUNIT_CASE(stress_whole_life_of_many),
	{}
};

static struct kunit_suite dma_buf_stress_suite = {
	.name = "dma_buf_stress",
	.init = mock_init,
	.test_cases = dma_buf_stress_cases,
};

kunit_test_suite(dma_buf_stress_suite);
