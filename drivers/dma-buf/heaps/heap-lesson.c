// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lessons: what an open file of a heap has learned from attaches that were refused.
 *
 * An attach is refused with -EBUSY if the memory of the buffer does not meet the device's needs,
 * and another device has the buffer mapped. These needs become the lesson of the open file that
 * the buffer was allocated from, for buffers of the same size. The next such buffer is allocated
 * from memory that meets them, so that devices can attach to it in any order. If there is no such
 * memory, the buffer gets ordinary memory: a lesson never makes an allocation fail.
 *
 * A lesson is forgotten after a number of buffers that were freed without a device having needed
 * it, if there never is memory that meets it, or if too many other sizes are learned.
 *
 * The open file and each of its buffers hold a reference of struct heap_lessons, because buffers
 * outlive the file.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heaps-private.h"

/**
 * heap_lessons_alloc() - allocate what an open file of a heap is going to learn
 * @heap: the heap
 *
 * Context: Process context; may sleep.
 * Return: No lessons, with one reference for heap_lessons_put(); NULL if there is no memory.
 */
struct heap_lessons *heap_lessons_alloc(struct dma_heap *heap)
{
	struct heap_lessons *lessons;

	KUNIT_STATIC_STUB_REDIRECT(heap_lessons_alloc, heap);

	lessons = kzalloc(sizeof(*lessons), DMA_STORAGE_GFP);
	if (!lessons)
		return NULL;
	refcount_set(&lessons->refs, 1);
	spin_lock_init(&lessons->lock);
	lessons->heap = heap;
	return lessons;
}
EXPORT_SYMBOL_IF_KUNIT(heap_lessons_alloc);

/**
 * heap_lessons_get() - take a reference
 * @lessons: the lessons; NULL for those of nobody
 *
 * Context: Any.
 * Return: @lessons.
 */
struct heap_lessons *heap_lessons_get(struct heap_lessons *lessons)
{
	if (lessons)
		refcount_inc(&lessons->refs);
	return lessons;
}
EXPORT_SYMBOL_IF_KUNIT(heap_lessons_get);

/**
 * heap_lessons_put() - drop a reference
 * @lessons: the lessons, which the last reference frees; or NULL
 *
 * Context: Process context.
 */
void heap_lessons_put(struct heap_lessons *lessons)
{
	if (lessons && refcount_dec_and_test(&lessons->refs))
		kfree(lessons);
}
EXPORT_SYMBOL_IF_KUNIT(heap_lessons_put);

static struct heap_lesson *heap_lessons_lookup(struct heap_lessons *lessons,
					       unsigned long nr_pages)
{
	lockdep_assert_held(&lessons->lock);
	for (unsigned int i = 0; i < lessons->nr; i++)
		if (lessons->list[i].nr_pages == nr_pages)
			return &lessons->list[i];
	return NULL;
}

static void heap_lessons_remove(struct heap_lessons *lessons, struct heap_lesson *lesson)
{
	lockdep_assert_held(&lessons->lock);
	lessons->nr--;
	memmove(lesson, lesson + 1,
		(lessons->list + lessons->nr - lesson) * sizeof(*lesson));
}

/* Return a lesson without needs. If there are too many sizes, the oldest one is forgotten. */
static struct heap_lesson *heap_lessons_add(struct heap_lessons *lessons, unsigned long nr_pages)
{
	struct heap_lesson *lesson;

	lockdep_assert_held(&lessons->lock);
	if (lessons->nr == HEAP_LESSONS)
		heap_lessons_remove(lessons, lessons->list);
	lesson = &lessons->list[lessons->nr++];
	*lesson = (struct heap_lesson){ .nr_pages = nr_pages };
	return lesson;
}

/**
 * heap_lessons_find() - find what was learned for a size
 * @lessons: the lessons, or NULL
 * @nr_pages: the size
 * @lesson: set to the lesson
 *
 * Context: Process context.
 * Return: True if there is one, and learning is not turned off.
 */
bool heap_lessons_find(struct heap_lessons *lessons, unsigned long nr_pages,
		       struct heap_lesson *lesson)
{
	struct heap_lesson *found;

	if (!lessons || !dma_heap_learns())
		return false;
	spin_lock(&lessons->lock);
	found = heap_lessons_lookup(lessons, nr_pages);
	if (found)
		*lesson = *found;
	spin_unlock(&lessons->lock);
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(heap_lessons_find);

/* Test whether at least one of the needs of a lesson is asked for. */
static bool heap_lesson_is_needed(const struct heap_lesson *lesson,
				  const struct dma_buf_needs *must)
{
	const struct dma_buf_needs *learned = &lesson->must;

	return (learned->reach && must->reach && must->reach <= learned->reach) ||
	       (learned->contiguous && must->contiguous >= learned->contiguous) ||
	       (learned->granule && must->granule >= learned->granule);
}

/**
 * heap_lesson_note() - &dma_storage_ops.note of a heap that learns
 * @base: storage of a buffer of the heap
 * @must: needs that it must meet
 * @want: needs that it should meet
 * @busy: it does not meet @must and cannot be replaced now
 *
 * Context: Reservation lock held.
 */
void heap_lesson_note(struct dma_storage *base, const struct dma_buf_needs *must,
		      const struct dma_buf_needs *want, bool busy)
{
	struct heap_storage *storage = container_of(base, struct heap_storage, base);
	struct heap_lessons *lessons = storage->lessons;
	struct heap_lesson *lesson;

	if (!lessons || !dma_heap_learns())
		return;
	spin_lock(&lessons->lock);
	lesson = heap_lessons_lookup(lessons, base->nr_pages);
	if (busy) {
		lesson = lesson ?: heap_lessons_add(lessons, base->nr_pages);
		dma_buf_needs_intersect(&lesson->must, must);
		dma_buf_needs_intersect(&lesson->want, want);
	}
	if (lesson && (busy || heap_lesson_is_needed(lesson, must))) {
		lesson->unneeded = 0;
		storage->on_trial = false;
	}
	spin_unlock(&lessons->lock);
}

/**
 * heap_lessons_count_unneeded() - count a buffer that has not needed its lesson
 * @lessons: the lessons
 * @nr_pages: size of the buffer, which is being freed
 *
 * Forgets the lesson if so many buffers of that size in a row have not needed it.
 *
 * Context: Process context.
 */
void heap_lessons_count_unneeded(struct heap_lessons *lessons, unsigned long nr_pages)
{
	struct heap_lesson *lesson;

	spin_lock(&lessons->lock);
	lesson = heap_lessons_lookup(lessons, nr_pages);
	if (lesson && ++lesson->unneeded == HEAP_LESSON_BUFFERS)
		heap_lessons_remove(lessons, lesson);
	spin_unlock(&lessons->lock);
}

/**
 * heap_lessons_forget() - forget a lesson that no memory meets
 * @lessons: the lessons
 * @nr_pages: size of the buffers
 *
 * Needs of devices that never use the same buffer can exclude each other. The next refusal begins
 * a new lesson.
 *
 * Context: Process context.
 */
void heap_lessons_forget(struct heap_lessons *lessons, unsigned long nr_pages)
{
	struct heap_lesson *lesson;

	spin_lock(&lessons->lock);
	lesson = heap_lessons_lookup(lessons, nr_pages);
	if (lesson)
		heap_lessons_remove(lessons, lesson);
	spin_unlock(&lessons->lock);
}

static void heap_lesson_show(struct seq_file *m, const struct heap_lesson *lesson)
{
	char text[DMA_BUF_NEEDS_TEXT];

	dma_buf_needs_print(text, sizeof(text), &lesson->must);
	seq_printf(m, "lesson:\t%llu bytes must have %s",
		   (u64)lesson->nr_pages << PAGE_SHIFT, text);
	if (!dma_buf_needs_empty(&lesson->want)) {
		dma_buf_needs_print(text, sizeof(text), &lesson->want);
		seq_printf(m, ", should have %s", text);
	}
	seq_putc(m, '\n');
}

/**
 * heap_lessons_show() - print a line for each lesson
 * @m: fdinfo of the open file
 * @lessons: the lessons
 *
 * Context: Process context.
 */
void heap_lessons_show(struct seq_file *m, struct heap_lessons *lessons)
{
	spin_lock(&lessons->lock);
	for (unsigned int i = 0; i < lessons->nr; i++)
		heap_lesson_show(m, &lessons->list[i]);
	spin_unlock(&lessons->lock);
}
EXPORT_SYMBOL_IF_KUNIT(heap_lessons_show);
