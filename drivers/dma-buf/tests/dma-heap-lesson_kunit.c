// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of lessons: what an open file of the system heap learns from attaches that were refused,
 * which buffers are allocated accordingly, and when it is forgotten.
 *
 * Buffers of five pages consist of single pages that are not adjacent, unless they are allocated
 * with a lesson: that is a block of eight pages, of which three are freed.
 */

#include <kunit/static_stub.h>
#include <linux/dma-heap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <uapi/linux/dma-heap.h>

#include "heap-memory.h"

#define PAGES	5
#define BYTES	(PAGES * PAGE_SIZE)

/**
 * struct opened - an open file of the system heap
 * @file: the file
 * @lessons: its lessons
 */
struct opened {
	struct file file;
	struct heap_lessons *lessons;
};

static const struct file_operations opened_fops = {
	.unlocked_ioctl = dma_heap_ioctl,
};

static void opened_close(void *data)
{
	struct opened *opened = data;

	opened->file.f_op->release(NULL, &opened->file);
}

/* Open the heap. The file is closed when the test ends. */
static struct opened *opened(struct kunit *test)
{
	struct opened *opened = kunit_kzalloc(test, sizeof(*opened), GFP_KERNEL);
	struct dma_heap *heap = dma_heap_find("system");

	KUNIT_ASSERT_NOT_NULL(test, opened);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	opened->file.f_op = &opened_fops;
	dma_heap_open_file(heap, &opened->file);
	KUNIT_ASSERT_PTR_NE(test, opened->file.f_op, &opened_fops);
	opened->lessons = opened->file.private_data;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, opened_close, opened));
	return opened;
}

static struct memory *scattered_memory(struct kunit *test)
{
	struct memory *memory = memory_begin(test);

	memory->scattered = true;
	memory->blocks = true;
	return memory;
}

static struct dma_buf *buffer_of(struct kunit *test, struct opened *opened, unsigned long pages)
{
	struct dma_buf *dmabuf = dma_heap_alloc_learned(opened->lessons, pages << PAGE_SHIFT,
							O_RDWR, 0);

	mock_storage_own(test, dmabuf);
	return dmabuf;
}

static unsigned int runs_of(struct dma_buf *dmabuf)
{
	return mock_storage_of(dmabuf)->storage->nr_runs;
}

static int attach_stating(struct kunit *test, struct dma_buf *dmabuf, struct dma_buf_needs needs)
{
	return memory_attach(dmabuf, mock_device_masked(test, U64_MAX), needs);
}

static int attach_contiguous(struct kunit *test, struct dma_buf *dmabuf)
{
	return attach_stating(test, dmabuf, (struct dma_buf_needs){ .contiguous = dmabuf->size });
}

/* Attach such a device while the kernel has a new buffer mapped, and free the buffer. */
static int refuse(struct kunit *test, struct opened *opened, unsigned long pages,
		  struct dma_buf_needs needs)
{
	struct dma_buf *dmabuf = buffer_of(test, opened, pages);
	struct iosys_map map;
	int ret;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	ret = attach_stating(test, dmabuf, needs);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	mock_storage_put(test, dmabuf);
	return ret;
}

/* Return the error of the attach. */
static int refuse_contiguous(struct kunit *test, struct opened *opened, unsigned long pages)
{
	return refuse(test, opened, pages,
		      (struct dma_buf_needs){ .contiguous = pages << PAGE_SHIFT });
}

static bool has_lesson(struct opened *opened, unsigned long pages)
{
	struct heap_lesson lesson;

	return heap_lessons_find(opened->lessons, pages, &lesson);
}

static void expect_runs(struct kunit *test, struct memory *memory, struct opened *opened,
			unsigned long pages, unsigned int runs)
{
	struct dma_buf *dmabuf = buffer_of(test, opened, pages);

	if (memory->lost)
		kunit_skip(test, "memory is fragmented");
	KUNIT_EXPECT_EQ(test, runs_of(dmabuf), runs);
	mock_storage_put(test, dmabuf);
}

/* The order that is refused at first: a device maps the buffer, then one comes that needs more. */
static void refused_device_fits_the_next_buffer(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	const int expected[] = { -EBUSY, 0 };

	mock_dma(test);
	for (int i = 0; i < 2; i++) {
		struct dma_buf *dmabuf = buffer_of(test, file, PAGES);
		struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
		struct sg_table *sgt = mock_storage_map(attach, DMA_BIDIRECTIONAL);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
		if (memory->lost)
			kunit_skip(test, "memory is fragmented");
		KUNIT_EXPECT_EQ(test, sgt->nents, i ? 1 : PAGES);
		KUNIT_EXPECT_EQ(test, attach_contiguous(test, dmabuf), expected[i]);
		KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 0);
		mock_storage_unmap(attach, sgt, DMA_BIDIRECTIONAL);
		mock_detach(test, attach);
		mock_storage_put(test, dmabuf);
	}
}

static void memory_of_a_lesson_is_zeroed_and_can_be_replaced(struct kunit *test)
{
	struct mock_storage *last = mock_storage(test, PAGES, 1);
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	dmabuf = buffer_of(test, file, PAGES);
	KUNIT_EXPECT_EQ(test, mock_storage_replace(dmabuf, last), 0);
	dmabuf = buffer_of(test, file, PAGES);
	if (memory->lost)
		kunit_skip(test, "memory is fragmented");
	KUNIT_EXPECT_EQ(test, runs_of(dmabuf), 1);
	for (unsigned long i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(mock_storage_of(dmabuf)->storage, i), 0);
}

static void other_sizes_are_not_learned(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	expect_runs(test, memory, file, PAGES + 1, PAGES + 1);
	expect_runs(test, memory, file, PAGES - 1, PAGES - 1);
	expect_runs(test, memory, file, PAGES, 1);
}

static void other_files_do_not_learn(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test), *other = opened(test);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	KUNIT_EXPECT_FALSE(test, has_lesson(other, PAGES));
	expect_runs(test, memory, other, PAGES, PAGES);
	/* Nor do drivers in the kernel. */
	dmabuf = dma_heap_buffer_alloc(dma_heap_find("system"), BYTES, O_RDWR, 0);
	mock_storage_own(test, dmabuf);
	KUNIT_EXPECT_EQ(test, runs_of(dmabuf), PAGES);
	expect_runs(test, memory, file, PAGES, 1);
}

static void lesson_never_fails_an_allocation(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	kunit_activate_static_stub(test, dma_heap_count, memory_count);
	memory->blocks = false;
	dmabuf = buffer_of(test, file, PAGES);
	kunit_deactivate_static_stub(test, dma_heap_count);
	KUNIT_EXPECT_EQ(test, runs_of(dmabuf), PAGES);
	KUNIT_EXPECT_EQ(test, memory->buffers, 1);
	KUNIT_EXPECT_EQ(test, memory->nr_pages, PAGES);
	/* It is tried again for the next one. */
	memory->blocks = true;
	expect_runs(test, memory, file, PAGES, 1);
}

static void killed_while_allocating_with_a_lesson(struct kunit *test)
{
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;

	scattered_memory(test);
	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	dmabuf = dma_heap_alloc_learned(file->lessons, BYTES, O_RDWR, 0);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), -EINTR);
}

static void allocation_with_bad_arguments_is_refused(struct kunit *test)
{
	struct heap_lessons *lessons = opened(test)->lessons;

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_heap_alloc_learned(lessons, 0, O_RDWR, 0)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_heap_alloc_learned(lessons, BYTES, O_APPEND, 0)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_heap_alloc_learned(lessons, BYTES, O_RDWR, 1)),
			-EINVAL);
}

static void free_unneeded(struct kunit *test, struct opened *file, unsigned int buffers)
{
	while (buffers--)
		mock_storage_put(test, buffer_of(test, file, PAGES));
}

static void lesson_that_nobody_needs_is_forgotten(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	free_unneeded(test, file, HEAP_LESSON_BUFFERS - 1);
	KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES));
	/* Other sizes do not count. */
	expect_runs(test, memory, file, PAGES + 1, PAGES + 1);
	KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES));
	free_unneeded(test, file, 1);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
	expect_runs(test, memory, file, PAGES, PAGES);
	/* It can be learned again. */
	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	expect_runs(test, memory, file, PAGES, 1);
}

static void lesson_that_is_needed_is_kept(struct kunit *test)
{
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;

	scattered_memory(test);
	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	for (int i = 0; i < 2; i++) {
		free_unneeded(test, file, HEAP_LESSON_BUFFERS - 1);
		dmabuf = buffer_of(test, file, PAGES);
		KUNIT_EXPECT_EQ(test, attach_contiguous(test, dmabuf), 0);
		mock_storage_put(test, dmabuf);
		KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES));
	}
	/* A device that needs less does not need the lesson. */
	free_unneeded(test, file, HEAP_LESSON_BUFFERS - 1);
	dmabuf = buffer_of(test, file, PAGES);
	KUNIT_EXPECT_EQ(test, 0, attach_stating(test, dmabuf, (struct dma_buf_needs){
		.contiguous = PAGE_SIZE }));
	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
}

/* Freed once, although it had two storages. */
static void replaced_buffer_counts_once(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	free_unneeded(test, file, HEAP_LESSON_BUFFERS - 2);
	memory->blocks = false;
	dmabuf = buffer_of(test, file, PAGES);
	memory->blocks = true;
	/* Two adjacent bytes too few for the lesson. */
	KUNIT_EXPECT_EQ(test, 0, attach_stating(test, dmabuf, (struct dma_buf_needs){
		.contiguous = BYTES - 2 }));
	if (memory->lost)
		kunit_skip(test, "memory is fragmented");
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 1);
	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES));
	free_unneeded(test, file, 1);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
}

static bool no_learning(void)
{
	return false;
}

static void learning_can_be_turned_off(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);

	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	kunit_activate_static_stub(test, dma_heap_learns, no_learning);
	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, PAGES + 1), -EBUSY);
	expect_runs(test, memory, file, PAGES, PAGES);
	kunit_deactivate_static_stub(test, dma_heap_learns);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES + 1));
	expect_runs(test, memory, file, PAGES, 1);
}

/* A buffer holds the lessons of its file, which is closed. */
static void buffer_outlives_its_file(struct kunit *test)
{
	struct opened *file = opened(test);
	struct heap_lessons *lessons = heap_lessons_get(file->lessons);
	struct dma_buf *one, *two;
	struct iosys_map map;

	scattered_memory(test);
	one = buffer_of(test, file, PAGES);
	two = buffer_of(test, file, PAGES);
	KUNIT_EXPECT_EQ(test, refcount_read(&lessons->refs), 4);
	kunit_release_action(test, opened_close, file);
	KUNIT_EXPECT_EQ(test, refcount_read(&lessons->refs), 3);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(one, &map));
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, one), -EBUSY);
	dma_buf_vunmap_unlocked(one, &map);
	/* The storage that replaces another holds them too. */
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, two), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&lessons->refs), 3);
	mock_storage_put(test, one);
	mock_storage_put(test, two);
	KUNIT_EXPECT_EQ(test, refcount_read(&lessons->refs), 1);
	KUNIT_EXPECT_EQ(test, lessons->nr, 1);
	heap_lessons_put(lessons);
}

static struct heap_lessons *no_lessons(struct dma_heap *heap)
{
	return NULL;
}

static struct dma_heap_allocation_data ioctl_alloc(struct kunit *test, struct file *file)
{
	struct dma_heap_allocation_data data = { .len = BYTES, .fd_flags = O_RDWR };

	KUNIT_EXPECT_EQ(test, 0, mock_file_ioctl(test, file, DMA_HEAP_IOCTL_ALLOC, &data,
						 sizeof(data)));
	return data;
}

static void file_without_memory_for_lessons(struct kunit *test)
{
	struct dma_heap *heap = dma_heap_find("system");
	struct file file = { .f_op = &opened_fops };

	KUNIT_ASSERT_NOT_NULL(test, heap);
	scattered_memory(test);
	kunit_activate_static_stub(test, heap_lessons_alloc, no_lessons);
	dma_heap_open_file(heap, &file);
	kunit_deactivate_static_stub(test, heap_lessons_alloc);
	KUNIT_EXPECT_PTR_EQ(test, file.f_op, &opened_fops);
	KUNIT_EXPECT_PTR_EQ(test, file.private_data, (void *)heap);
	KUNIT_EXPECT_EQ(test, close_fd(ioctl_alloc(test, &file).fd), 0);
	mock_flush();
}

static void ioctl_allocates_with_the_lessons_of_its_file(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;
	u32 fd;

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	fd = ioctl_alloc(test, &file->file).fd;
	dmabuf = dma_buf_get(fd);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	close_fd(fd);
	if (!memory->lost)
		KUNIT_EXPECT_EQ(test, runs_of(dmabuf), 1);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void heap_that_cannot_choose_does_not_learn(struct kunit *test)
{
	struct dma_heap *heap = dma_heap_find("default_cma_region");
	struct file file = { .f_op = &opened_fops };

	if (!heap)
		kunit_skip(test, "this kernel has no CMA region");
	dma_heap_open_file(heap, &file);
	KUNIT_EXPECT_PTR_EQ(test, file.f_op, &opened_fops);
	KUNIT_EXPECT_PTR_EQ(test, file.private_data, (void *)heap);
}

static void oldest_of_too_many_sizes_is_forgotten(struct kunit *test)
{
	struct opened *file = opened(test);

	scattered_memory(test);
	for (unsigned int i = 0; i < HEAP_LESSONS; i++)
		KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, PAGES + i), -EBUSY);
	KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES));
	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, 2), -EBUSY);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
	for (unsigned int i = 1; i < HEAP_LESSONS; i++)
		KUNIT_EXPECT_TRUE(test, has_lesson(file, PAGES + i));
	KUNIT_EXPECT_TRUE(test, has_lesson(file, 2));
	KUNIT_EXPECT_EQ(test, file->lessons->nr, HEAP_LESSONS);
}

static void refusals_add_up(struct kunit *test)
{
	struct opened *file = opened(test);
	struct heap_lesson lesson = {};

	scattered_memory(test);
	KUNIT_EXPECT_EQ(test, -EBUSY, refuse(test, file, 4, (struct dma_buf_needs){
		.contiguous = 2 * PAGE_SIZE }));
	/* The next buffer is contiguous, but need not begin at such an address. */
	KUNIT_EXPECT_EQ(test, -EBUSY, refuse(test, file, 4, (struct dma_buf_needs){
		.granule = SZ_1G }));
	KUNIT_EXPECT_TRUE(test, heap_lessons_find(file->lessons, 4, &lesson));
	KUNIT_EXPECT_EQ(test, lesson.must.contiguous, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, lesson.must.granule, SZ_1G);
	KUNIT_EXPECT_EQ(test, lesson.must.reach, 0);
	/* There is no such memory. */
	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, 4), -EBUSY);
}

/* A program that allocates for devices which exclude each other still learns for each. */
static void lesson_that_no_memory_meets_is_forgotten(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	KUNIT_EXPECT_EQ(test, -EBUSY, refuse(test, file, PAGES, (struct dma_buf_needs){
		.granule = SZ_1G }));
	expect_runs(test, memory, file, PAGES, PAGES);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
	KUNIT_EXPECT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	expect_runs(test, memory, file, PAGES, 1);
}

/* It may be there for the next buffer, or not: nothing was learned about the buffer. */
static void lack_of_memory_teaches_nothing(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf = buffer_of(test, file, PAGES);

	memory->blocks = false;
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, dmabuf), -EBUSY);
	KUNIT_EXPECT_FALSE(test, has_lesson(file, PAGES));
}

/* The attach of a device that states nothing succeeds, but it could not map the buffer. */
static void reach_is_learned(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	u64 mask = memory_give_pages(test, memory);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;
	struct iosys_map map;

	if (mask > U32_MAX)
		kunit_skip(test, "the memory is above 4 GiB");
	dmabuf = buffer_of(test, file, 1);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	KUNIT_EXPECT_EQ(test, memory_attach(dmabuf, mock_device_masked(test, mask),
					    (struct dma_buf_needs){}), 0);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	mock_storage_put(test, dmabuf);

	/* The first page that the next buffer is given is out of reach. */
	dmabuf = buffer_of(test, file, 1);
	KUNIT_EXPECT_EQ(test, memory->calls, 3);
	KUNIT_EXPECT_EQ(test, (__force int)memory->zones[0], (__force int)__GFP_HIGHMEM);
	KUNIT_EXPECT_EQ(test, (__force int)memory->zones[1], (__force int)__GFP_DMA32);
	KUNIT_EXPECT_EQ(test, (__force int)memory->zones[2], (__force int)__GFP_DMA);
	KUNIT_EXPECT_LE(test, PFN_PHYS(mock_storage_of(dmabuf)->storage->runs[0].pfn) +
			      PAGE_SIZE - 1, mask);
}

/* A file cannot get more by learning than by renewal. */
static void lessons_have_the_limits_of_renewal(struct kunit *test)
{
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);

	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	memory_limit_low(test, 0);
	expect_runs(test, memory, file, PAGES, PAGES);
	KUNIT_EXPECT_EQ(test, memory_low_pages(), 0);
	system_heap.limits.low_percent = 100;
	expect_runs(test, memory, file, PAGES, 1);
}

static const char *fdinfo_of(struct kunit *test, struct opened *file)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct seq_file m = { .buf = text, .size = PAGE_SIZE - 1 };

	KUNIT_ASSERT_NOT_NULL(test, text);
	file->file.f_op->show_fdinfo(&m, &file->file);
	return text;
}

static void fdinfo_shows_what_was_learned(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = 2 * PAGE_SIZE, .granule = SZ_1M };
	const struct dma_buf_needs want = { .reach = SZ_256M - 1 };
	struct opened *file = opened(test);
	struct dma_buf *dmabuf;
	char expected[256];

	scattered_memory(test);
	KUNIT_EXPECT_STREQ(test, fdinfo_of(test, file), "");
	KUNIT_ASSERT_EQ(test, refuse_contiguous(test, file, PAGES), -EBUSY);
	dmabuf = buffer_of(test, file, 2);
	dma_resv_lock(dmabuf->resv, NULL);
	mock_storage_of(dmabuf)->storage->ops->note(mock_storage_of(dmabuf)->storage, &must, &want,
						    true);
	dma_resv_unlock(dmabuf->resv);
	snprintf(expected, sizeof(expected),
		 "lesson:\t%lu bytes must have %lu contiguous bytes\n"
		 "lesson:\t%lu bytes must have %lu contiguous bytes, granule 1048576, should have addresses up to 0xfffffff\n",
		 BYTES, BYTES, 2 * PAGE_SIZE, 2 * PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, fdinfo_of(test, file), expected);
}

/* What they should have and cannot is left out. */
static void must_alone_after_both_have_failed(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = BYTES }, want = { .granule = SZ_1G };
	struct memory *memory = scattered_memory(test);
	struct opened *file = opened(test);
	struct dma_buf *dmabuf = buffer_of(test, file, PAGES);

	dma_resv_lock(dmabuf->resv, NULL);
	mock_storage_of(dmabuf)->storage->ops->note(mock_storage_of(dmabuf)->storage, &must, &want,
						    true);
	dma_resv_unlock(dmabuf->resv);
	expect_runs(test, memory, file, PAGES, 1);
}

static struct kunit_case dma_heap_lesson_cases[] = {
	KUNIT_CASE(refused_device_fits_the_next_buffer),
	KUNIT_CASE(memory_of_a_lesson_is_zeroed_and_can_be_replaced),
	KUNIT_CASE(other_sizes_are_not_learned),
	KUNIT_CASE(other_files_do_not_learn),
	KUNIT_CASE(lesson_never_fails_an_allocation),
	KUNIT_CASE(killed_while_allocating_with_a_lesson),
	KUNIT_CASE(allocation_with_bad_arguments_is_refused),
	KUNIT_CASE(lesson_that_nobody_needs_is_forgotten),
	KUNIT_CASE(lesson_that_is_needed_is_kept),
	KUNIT_CASE(replaced_buffer_counts_once),
	KUNIT_CASE(learning_can_be_turned_off),
	KUNIT_CASE(buffer_outlives_its_file),
	KUNIT_CASE(file_without_memory_for_lessons),
	KUNIT_CASE(ioctl_allocates_with_the_lessons_of_its_file),
	KUNIT_CASE(heap_that_cannot_choose_does_not_learn),
	KUNIT_CASE(oldest_of_too_many_sizes_is_forgotten),
	KUNIT_CASE(refusals_add_up),
	KUNIT_CASE(lesson_that_no_memory_meets_is_forgotten),
	KUNIT_CASE(lack_of_memory_teaches_nothing),
	KUNIT_CASE(reach_is_learned),
	KUNIT_CASE(lessons_have_the_limits_of_renewal),
	KUNIT_CASE(fdinfo_shows_what_was_learned),
	KUNIT_CASE(must_alone_after_both_have_failed),
	{}
};

static struct kunit_suite dma_heap_lesson_suite = {
	.name = "dma_heap_lesson",
	.init = mock_init,
	.test_cases = dma_heap_lesson_cases,
};

kunit_test_suite(dma_heap_lesson_suite);
