// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of lessons in several threads: devices are refused, buffers are allocated with lessons and
 * freed without having needed them, and the file is read and closed meanwhile.
 */

#include <linux/delay.h>
#include <linux/dma-heap.h>
#include <linux/iosys-map.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "../heaps/heaps-private.h"
#include "storage.h"
#include "threads.h"

/* No buffer of these sizes begins at a multiple of this, or is as long. */
#define GRANULE	(SIZE_MAX / 2 + 1)

/**
 * struct lesson_stress - what the threads of a test share
 * @lessons: lessons of an open file
 * @turn: number of turns of the thread that is refused
 */
struct lesson_stress {
	struct heap_lessons *lessons;
	unsigned int turn;
};

static int negotiate_while_mapped(struct dma_buf *dmabuf)
{
	const struct dma_buf_needs must = { .granule = GRANULE }, nothing = {};
	struct iosys_map map;
	int ret;

	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (ret)
		return ret;
	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->negotiate(dmabuf, &must, &nothing);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	return ret;
}

/* Nine sizes, so that the oldest is forgotten now and then. */
static bool stress_refuse(void *data)
{
	struct lesson_stress *stress = data;
	unsigned int pages = 1 + stress->turn++ % (HEAP_LESSONS + 1);
	struct dma_buf *dmabuf;
	int ret;

	dmabuf = dma_heap_alloc_learned(stress->lessons, pages * PAGE_SIZE, O_RDWR, 0);
	if (IS_ERR(dmabuf))
		return false;
	ret = negotiate_while_mapped(dmabuf);
	dma_buf_put(dmabuf);
	return ret == -EBUSY;
}

static bool stress_forget(void *data)
{
	struct lesson_stress *stress = data;
	struct dma_buf *dmabuf;

	dmabuf = dma_heap_alloc_learned(stress->lessons, PAGE_SIZE, O_RDWR, 0);
	if (IS_ERR(dmabuf))
		return false;
	dma_buf_put(dmabuf);
	return true;
}

/* A reader of fdinfo sees whole lines. */
static bool stress_show(void *data)
{
	struct lesson_stress *stress = data;
	struct seq_file m = { .buf = kmalloc(PAGE_SIZE, GFP_KERNEL), .size = PAGE_SIZE };
	bool whole;

	if (!m.buf)
		return false;
	heap_lessons_show(&m, stress->lessons);
	whole = !m.count || m.buf[m.count - 1] == '\n';
	kfree(m.buf);
	return whole;
}

/* The last buffer of a file is refused and freed after the file is closed. */
static bool stress_close(void *data)
{
	struct lesson_stress *stress = data;
	struct heap_lessons *lessons = heap_lessons_alloc(stress->lessons->heap);
	struct dma_buf *dmabuf;
	int ret;

	if (!lessons)
		return false;
	dmabuf = dma_heap_alloc_learned(lessons, PAGE_SIZE, O_RDWR, 0);
	heap_lessons_put(lessons);
	if (IS_ERR(dmabuf))
		return false;
	ret = negotiate_while_mapped(dmabuf);
	dma_buf_put(dmabuf);
	return ret == -EBUSY;
}

static void lessons_in_several_threads(struct kunit *test)
{
	struct lesson_stress *stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);
	struct dma_heap *heap = dma_heap_find("system");
	struct mock_job jobs[] = {
		{ .turn = stress_refuse, .data = stress },
		{ .turn = stress_forget, .data = stress },
		{ .turn = stress_show, .data = stress },
		{ .turn = stress_close, .data = stress },
	};

	KUNIT_ASSERT_NOT_NULL(test, stress);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	stress->lessons = heap_lessons_alloc(heap);
	KUNIT_ASSERT_NOT_NULL(test, stress->lessons);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	/* A worker may be releasing a buffer that mock_flush() does not wait for. */
	for (int i = 0; i < 250 && refcount_read(&stress->lessons->refs) > 1; i++) {
		mock_flush();
		msleep(20);
	}
	/* No buffer holds the lessons any more. */
	KUNIT_EXPECT_EQ(test, refcount_read(&stress->lessons->refs), 1);
	KUNIT_EXPECT_LE(test, stress->lessons->nr, HEAP_LESSONS);
	heap_lessons_put(stress->lessons);
}

static struct kunit_case dma_heap_lesson_stress_cases[] = {
	KUNIT_CASE_PARAM(lessons_in_several_threads, mock_priorities_gen_params),
	{}
};

static struct kunit_suite dma_heap_lesson_stress_suite = {
	.name = "dma_heap_lesson_stress",
	.init = mock_init,
	.test_cases = dma_heap_lesson_stress_cases,
};

kunit_test_suite(dma_heap_lesson_stress_suite);
