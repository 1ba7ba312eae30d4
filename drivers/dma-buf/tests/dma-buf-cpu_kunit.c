// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of CPU access: the fences that begin_cpu_access waits for, the shared
 * kernel mapping (vmap), and the limits of mmap.
 */

#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "mock-buffer.h"
#include "threads.h"

static const struct wait {
	const char *desc;
	enum dma_data_direction dir;
	enum dma_resv_usage usage;
	bool waits;
} waits[] = {
	{ "CPU reads, kernel fence", DMA_FROM_DEVICE, DMA_RESV_USAGE_KERNEL, true },
	{ "CPU reads, write fence", DMA_FROM_DEVICE, DMA_RESV_USAGE_WRITE, true },
	{ "CPU reads, read fence", DMA_FROM_DEVICE, DMA_RESV_USAGE_READ, false },
	{ "CPU reads, bookkeep fence", DMA_FROM_DEVICE, DMA_RESV_USAGE_BOOKKEEP, false },
	{ "CPU writes, kernel fence", DMA_TO_DEVICE, DMA_RESV_USAGE_KERNEL, true },
	{ "CPU writes, write fence", DMA_TO_DEVICE, DMA_RESV_USAGE_WRITE, true },
	{ "CPU writes, read fence", DMA_TO_DEVICE, DMA_RESV_USAGE_READ, true },
	{ "CPU writes, bookkeep fence", DMA_TO_DEVICE, DMA_RESV_USAGE_BOOKKEEP, false },
	{ "both, write fence", DMA_BIDIRECTIONAL, DMA_RESV_USAGE_WRITE, true },
	{ "both, read fence", DMA_BIDIRECTIONAL, DMA_RESV_USAGE_READ, true },
	{ "both, bookkeep fence", DMA_BIDIRECTIONAL, DMA_RESV_USAGE_BOOKKEEP, false },
};

KUNIT_ARRAY_PARAM_DESC(wait, waits, desc);

/* A fence for an exporter's hook; @signalled is the state that the hook found. */
struct sample {
	struct dma_fence *fence;
	bool signalled;
	bool interrupts;
};

static void sample_fence(struct mock_exporter *exporter, enum mock_op op,
			 struct dma_buf *dmabuf)
{
	struct sample *sample = exporter->hook_data;

	if (op == MOCK_BEGIN)
		sample->signalled = dma_fence_is_signaled(sample->fence);
}

static void begin_waits_before_it_calls_the_exporter(struct kunit *test)
{
	const struct wait *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct sample sample = { .fence = mock_fence(test) };

	/* The fence signals when a waiter enables it, and not otherwise. */
	to_mock_fence(sample.fence)->late = true;
	mock_add_fence(test, dmabuf, sample.fence, row->usage);
	exporter->hook = sample_fence;
	exporter->hook_data = &sample;

	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, row->dir), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_BEGIN), 1);
	KUNIT_EXPECT_EQ(test, sample.signalled, row->waits);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, row->dir), 0);
}

static void begin_interrupted_does_not_call_the_exporter(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);
	struct mock_signaller *signaller;
	int ret;

	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_WRITE);
	/* Signals only if the wait is not interrupted. */
	signaller = mock_signaller(test, 1, &fence);
	set_thread_flag(TIF_SIGPENDING);
	ret = dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE);
	clear_thread_flag(TIF_SIGPENDING);
	mock_signaller_end(test, signaller);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_BEGIN), 0);
}

/* Like begin_cpu_access of an exporter whose device moves the storage: adds a fence. */
static void add_fence_at_begin(struct mock_exporter *exporter, enum mock_op op,
			       struct dma_buf *dmabuf)
{
	struct sample *sample = exporter->hook_data;

	if (op != MOCK_BEGIN)
		return;
	mock_add_fence(exporter->test, dmabuf, sample->fence, DMA_RESV_USAGE_KERNEL);
	if (sample->interrupts)
		set_thread_flag(TIF_SIGPENDING);
}

static void begin_waits_for_fences_of_the_exporter(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct sample sample = { .fence = mock_fence(test) };

	to_mock_fence(sample.fence)->late = true;
	exporter->hook = add_fence_at_begin;
	exporter->hook_data = &sample;
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(sample.fence));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_END), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
}

static void begin_interrupted_after_the_exporter_is_undone(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct sample sample = { .fence = mock_fence(test), .interrupts = true };
	struct mock_signaller *signaller = mock_signaller(test, 1, &sample.fence);
	int ret;

	exporter->hook = add_fence_at_begin;
	exporter->hook_data = &sample;
	ret = dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	clear_thread_flag(TIF_SIGPENDING);
	mock_signaller_end(test, signaller);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_BEGIN), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_END), 1);
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_END].dir, DMA_TO_DEVICE);
}

static void begin_and_end_pass_the_direction(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_call *calls = exporter->calls;
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir < DMA_NONE; dir++) {
		KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, dir), 0);
		KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, dir), 0);
		KUNIT_EXPECT_EQ(test, calls[MOCK_BEGIN].dir, dir);
		KUNIT_EXPECT_EQ(test, calls[MOCK_END].dir, dir);
		KUNIT_EXPECT_FALSE(test, calls[MOCK_BEGIN].locked);
		KUNIT_EXPECT_FALSE(test, calls[MOCK_END].locked);
	}
}

static const int access_errnos[] = { -EINTR, -ERESTARTSYS, -ENOMEM, -EIO };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(access_errno, access_errnos, errno_to_desc);

static void begin_and_end_pass_the_exporters_errno(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_fail(exporter, MOCK_BEGIN, 1, *error);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), *error);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), 0);
	mock_fail(exporter, MOCK_END, 1, *error);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), *error);
}

static void begin_and_end_without_exporter_callbacks(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);

	to_mock_fence(fence)->late = true;
	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
}

static void end_waits_for_nothing(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);

	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_KERNEL);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static void access_without_buffer_is_reported(struct kunit *test)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(test);
	struct vm_area_struct vma = {};

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(NULL, DMA_TO_DEVICE), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(NULL, DMA_TO_DEVICE), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(NULL, &vma, 0), -EINVAL);
	dma_buf_vunmap(NULL, &map);
	dma_buf_vunmap_unlocked(NULL, &map);
	KUNIT_EXPECT_EQ(test, dma_buf_vmap(NULL, &map), -EINVAL);
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&map));
	KUNIT_EXPECT_EQ(test, dma_buf_vmap_unlocked(NULL, &map), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 7);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 7);
}

static void vmap_is_shared_and_counted(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map one, two;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &one));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &two));
	KUNIT_EXPECT_TRUE(test, iosys_map_is_equal(&one, &two));
	KUNIT_EXPECT_PTR_EQ(test, one.vaddr, page_address(exporter->page));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VMAP), 1);

	dma_buf_vunmap_unlocked(dmabuf, &one);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 0);
	dma_buf_vunmap_unlocked(dmabuf, &two);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 1);

	/* The next vmap calls the exporter again. */
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &one));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VMAP), 2);
	dma_buf_vunmap_unlocked(dmabuf, &one);
}

static void vmap_unlocked_takes_the_reservation_lock(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_VMAP].locked);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(dmabuf->resv));
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_VUNMAP].locked);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(dmabuf->resv));
}

/* Userspace can cause the failure by exhausting memory, so it must not warn. */
static void vmap_passes_the_exporters_errno_without_report(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(test);

	mock_expect_report(test);
	mock_fail(exporter, MOCK_VMAP, 1, *error);
	KUNIT_EXPECT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), *error);
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&map));
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 0);

	KUNIT_EXPECT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), 0);
	dma_buf_vunmap_unlocked(dmabuf, &map);
}

static void vmap_without_a_mapping_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(test);

	mock_expect_report(test);
	mock_fail(exporter, MOCK_VMAP, 1, MOCK_NOTHING);
	KUNIT_EXPECT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), -EINVAL);
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&map));
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_VMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 0);
}

static void vmap_without_exporter_callback_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(test);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), -EINVAL);
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&map));
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

static void vunmap_without_exporter_callback(struct kunit *test)
{
	struct dma_buf_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	struct mock_exporter *exporter = mock_exporter(test, ops);
	struct dma_buf *dmabuf;
	struct iosys_map map;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	*ops = mock_static_ops;
	ops->vunmap = NULL;
	dmabuf = mock_buffer(test, exporter);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 0);
}

static void vunmap_of_another_mapping_is_reported(struct kunit *test)
{
	struct iosys_map map, other = IOSYS_MAP_INIT_VADDR(test);
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	mock_expect_report(test);
	dma_buf_vunmap_unlocked(dmabuf, &other);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_VUNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 0);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
}

static void vunmap_too_often_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	dma_buf_vunmap_unlocked(dmabuf, &map);
	mock_expect_report(test);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_VUNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_VUNMAP), 1);
}

/* Areas of a buffer of four pages. */
static const struct area {
	const char *desc;
	unsigned long pgoff;
	unsigned long pages;
	int error;
} areas[] = {
	{ "all of it", 0, 4, 0 },
	{ "the last page", 3, 1, 0 },
	{ "one page too long", 0, 5, -EINVAL },
	{ "across the end", 3, 2, -EINVAL },
	{ "behind the end", 4, 1, -EINVAL },
	{ "far behind the end", ULONG_MAX - 1, 1, -EINVAL },
	{ "end overflows", ULONG_MAX, 1, -EOVERFLOW },
	{ "end wraps to the last page", ULONG_MAX - 3, 8, -EOVERFLOW },
};

KUNIT_ARRAY_PARAM_DESC(area, areas, desc);

static void mmap_stays_within_the_buffer(struct kunit *test)
{
	const struct area *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct file *file = get_file(mock_buffer(test, exporter)->file);
	struct vm_area_struct vma = {
		.vm_start = PAGE_SIZE,
		.vm_end = (1 + row->pages) * PAGE_SIZE,
		.vm_file = file,
	};
	bool mapped = !row->error;

	KUNIT_EXPECT_EQ(test, dma_buf_mmap(dmabuf, &vma, row->pgoff), row->error);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MMAP), mapped);
	/* Only a successful mmap replaces vm_file and the VMA's file reference. */
	KUNIT_EXPECT_PTR_EQ(test, vma.vm_file, mapped ? dmabuf->file : file);
	KUNIT_EXPECT_EQ(test, vma.vm_pgoff, mapped ? row->pgoff : 0);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1 + mapped);
	KUNIT_EXPECT_EQ(test, file_count(file), 2 - mapped);
	fput(vma.vm_file);
}

static void mmap_counts_whole_pages_only(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct vm_area_struct vma = { .vm_end = 2 * PAGE_SIZE };
	struct dma_buf *dmabuf;

	exporter->size = 2 * PAGE_SIZE - 1;
	dmabuf = mock_buffer(test, exporter);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(dmabuf, &vma, 0), -EINVAL);
}

static void mmap_passes_the_exporters_errno(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct vm_area_struct vma = {
		.vm_end = PAGE_SIZE,
		.vm_file = get_file(dmabuf->file),
	};

	mock_fail(exporter, MOCK_MMAP, 1, *error);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(dmabuf, &vma, 0), *error);
	KUNIT_EXPECT_FALSE(test, exporter->calls[MOCK_MMAP].locked);
	fput(vma.vm_file);
}

static void mmap_without_exporter_callback_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE };

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(dmabuf, &vma, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

static void mmap_without_area_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(mock_buffer(test, exporter), NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MMAP), 0);
}

static struct kunit_case dma_buf_cpu_cases[] = {
	KUNIT_CASE_PARAM(begin_waits_before_it_calls_the_exporter, wait_gen_params),
	KUNIT_CASE(begin_interrupted_does_not_call_the_exporter),
	KUNIT_CASE(begin_and_end_pass_the_direction),
	KUNIT_CASE_PARAM(begin_and_end_pass_the_exporters_errno, access_errno_gen_params),
	KUNIT_CASE(begin_and_end_without_exporter_callbacks),
	KUNIT_CASE(begin_waits_for_fences_of_the_exporter),
	KUNIT_CASE(begin_interrupted_after_the_exporter_is_undone),
	KUNIT_CASE(end_waits_for_nothing),
	KUNIT_CASE(access_without_buffer_is_reported),
	KUNIT_CASE(vmap_is_shared_and_counted),
	KUNIT_CASE(vmap_unlocked_takes_the_reservation_lock),
	KUNIT_CASE_PARAM(vmap_passes_the_exporters_errno_without_report,
			 access_errno_gen_params),
	KUNIT_CASE(vmap_without_a_mapping_is_reported),
	KUNIT_CASE(vmap_without_exporter_callback_is_refused),
	KUNIT_CASE(vunmap_without_exporter_callback),
	KUNIT_CASE(vunmap_of_another_mapping_is_reported),
	KUNIT_CASE(vunmap_too_often_is_reported),
	KUNIT_CASE_PARAM(mmap_stays_within_the_buffer, area_gen_params),
	KUNIT_CASE(mmap_counts_whole_pages_only),
	KUNIT_CASE_PARAM(mmap_passes_the_exporters_errno, access_errno_gen_params),
	KUNIT_CASE(mmap_without_exporter_callback_is_refused),
	KUNIT_CASE(mmap_without_area_is_reported),
	{}
};

static struct kunit_suite dma_buf_cpu_suite = {
	.name = "dma_buf_cpu",
	.init = mock_init,
	.test_cases = dma_buf_cpu_cases,
};

kunit_test_suite(dma_buf_cpu_suite);
