// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress: what several threads do to a buffer at once. Each case is bounded in
 * time and in turns, checks in each turn what must hold all the time, and at the
 * end that everything balances and nothing is left.
 *
 * They are worth most with KASAN and lockdep, on several CPUs.
 */

#include <linux/file.h>
#include <linux/poll.h>

#include "mock.h"
#include "threads.h"

/**
 * struct stress - what the threads of a case work on
 * @test: the case
 * @exporter: exporter of the buffers
 * @dmabuf: one buffer for all of them, or NULL
 * @dev: device for attachments
 * @made: buffers made by threads
 * @told: importers that were told of a move
 */
struct stress {
	struct kunit *test;
	struct mock_exporter *exporter;
	struct dma_buf *dmabuf;
	struct device *dev;
	atomic_t made;
	atomic_t told;
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

/* A buffer that lives for a moment, and is seen by others meanwhile. */
static bool stress_export_close(void *data)
{
	struct stress *stress = data;
	struct dma_buf *dmabuf = mock_export(stress->exporter);

	if (IS_ERR(dmabuf))
		return false;
	atomic_inc(&stress->made);
	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	cond_resched();
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	return true;
}

/* What reading bufinfo does to each buffer that it finds. */
static bool stress_look_at_all(void *data)
{
	struct stress *stress = data;
	struct dma_buf_registry_iter iter;
	struct dma_buf *dmabuf;
	int found = 0;

	dma_buf_registry_iter_begin(&iter);
	while ((dmabuf = dma_buf_registry_iter_peek(&iter))) {
		found += dmabuf == stress->dmabuf;
		if (dma_resv_trylock(dmabuf->resv)) {
			list_count_nodes(&dmabuf->attachments);
			dma_resv_unlock(dmabuf->resv);
		}
		cond_resched();
		dma_buf_registry_iter_step(&iter, dmabuf);
	}
	dma_buf_registry_iter_end(&iter);
	flush_delayed_fput();
	return found == 1;
}

static void stress_export_close_against_walks(struct kunit *test)
{
	struct stress stress;
	struct mock_job jobs[] = {
		{ .turn = stress_export_close, .data = &stress },
		{ .turn = stress_export_close, .data = &stress },
		{ .turn = stress_look_at_all, .data = &stress },
		{ .turn = stress_look_at_all, .data = &stress },
	};

	stress_init(test, &stress, &mock_bare_ops);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(stress.exporter, MOCK_RELEASE),
			atomic_read(&stress.made));
	KUNIT_EXPECT_EQ(test, file_count(stress.dmabuf->file), 1);
}

/* A dynamic importer: maps, is told of moves, unmaps. */
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
	/* Nobody tells an importer that is gone. */
	return !IS_ERR(sgt) && atomic_read(&importer.moves) == moves;
}

/* Whoever is on the list while the lock is held is told, once. */
static bool stress_move(void *data)
{
	struct stress *stress = data;
	struct dma_buf_attachment *attach;
	unsigned int before = 0, after = 0, told = 0;

	dma_resv_lock(stress->dmabuf->resv, NULL);
	list_for_each_entry(attach, &stress->dmabuf->attachments, node) {
		struct mock_importer *importer = attach->importer_priv;

		before += atomic_read(&importer->moves);
		told++;
	}
	dma_buf_move_notify(stress->dmabuf);
	list_for_each_entry(attach, &stress->dmabuf->attachments, node) {
		struct mock_importer *importer = attach->importer_priv;

		after += atomic_read(&importer->moves);
	}
	dma_resv_unlock(stress->dmabuf->resv);
	atomic_add(told, &stress->told);
	return after == before + told;
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
	struct mock_exporter *exporter;

	stress_init(test, &stress, &mock_dynamic_ops);
	exporter = stress.exporter;
	/* Long enough for the others to find somebody attached. */
	exporter->calls[MOCK_MAP].sleep_us = 20;
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&stress.told), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&stress.dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_ATTACH),
			jobs[0].turns + jobs[1].turns + jobs[2].turns);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH),
			mock_calls(exporter, MOCK_ATTACH));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP),
			mock_calls(exporter, MOCK_MAP));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN),
			mock_calls(exporter, MOCK_PIN));
}

/* An attachment that is mapped twice at the same time, in two directions. */
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

/* One attachment that all threads map and unmap: a record for each mapping. */
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
	/* Long enough for the others to find the first record in use. */
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

/* As long as one user has the kernel mapping, nobody takes it away. */
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
 * struct stress_waiter - one who waits as poll() does: asleep until it is woken
 * @table: what the file's poll is called with
 * @wait: entry in the buffer's wait queue
 * @head: that queue
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
 * Poll until the buffer is ready, asleep in between. There is always somebody
 * who signals, so a sleep that lasts is a wake-up that was lost.
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

/* New fences, of both kinds, that signal a moment later. */
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
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	poll = &dma_buf_to_object(stress.dmabuf)->poll;
	KUNIT_EXPECT_FALSE(test, poll->read.busy);
	KUNIT_EXPECT_FALSE(test, poll->write.busy);
	KUNIT_EXPECT_TRUE(test, list_empty(&poll->wait.head));
	KUNIT_EXPECT_EQ(test, file_count(stress.dmabuf->file), 1);
}

/**
 * struct stress_fences - fences on their way from one thread to another
 * @stress: the rest
 * @fence: the one to be signalled next
 */
struct stress_fences {
	struct stress stress;
	struct dma_fence *fence;
};

/* Polled and closed at once, with the fence of another thread still pending. */
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
	/* From here on the other thread may signal it at any time. */
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
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	stress_signal_theirs(&fences);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(fences.stress.exporter, MOCK_RELEASE),
			atomic_read(&fences.stress.made));
}

/* All at once, each with its own buffer out of one and the same cache. */
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
		{ .turn = stress_look_at_all, .data = &stress },
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
	KUNIT_CASE(stress_export_close_against_walks),
	KUNIT_CASE(stress_attach_detach_against_moves),
	KUNIT_CASE(stress_map_unmap_of_several_attachments),
	KUNIT_CASE(stress_map_one_attachment_from_all),
	KUNIT_CASE(stress_vmap_vunmap_shared_by_all),
	KUNIT_CASE(stress_poll_against_signals),
	KUNIT_CASE(stress_poll_close_against_signals),
	KUNIT_CASE(stress_whole_life_of_many),
	{}
};

static struct kunit_suite dma_buf_stress_suite = {
	.name = "dma_buf_stress",
	.init = mock_init,
	.test_cases = dma_buf_stress_cases,
};

kunit_test_suite(dma_buf_stress_suite);
