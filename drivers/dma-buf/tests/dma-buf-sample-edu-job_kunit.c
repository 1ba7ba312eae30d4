// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the jobs of the sample copy engine: fences, order, failure and the end of the device.
 *
 * The jobs and imports are those of the driver. The hardware is a log of transfers. The driver's
 * source is included, so that the tests run without PCI.
 */

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sizes.h>
#include <linux/sync_file.h>

#include "mock-buffer.h"

#include "../samples/edu/edu-job.c"

#define EDU_LOG		16
#define EDU_TO		0x4000000

/**
 * struct edu_transfer - a transfer of the mock hardware
 * @addr: DMA address
 * @bytes: length
 * @write: to memory
 */
struct edu_transfer {
	dma_addr_t addr;
	u32 bytes;
	bool write;
};

/**
 * struct mock_edu - a device and two buffers
 * @edu: the device
 * @source: exporter of the source
 * @destination: exporter of the destination
 * @bufs: the buffers
 * @handles: their imports
 * @log: transfers
 * @transfers: number of them
 * @fail: errno of all transfers, or 0
 */
struct mock_edu {
	struct edu edu;
	struct mock_exporter *source;
	struct mock_exporter *destination;
	struct dma_buf *bufs[2];
	u32 handles[2];
	struct edu_transfer log[EDU_LOG];
	unsigned int transfers;
	int fail;
};

int edu_hw_transfer(struct edu *edu, dma_addr_t addr, u32 bytes, bool to_memory)
{
	struct mock_edu *mock = container_of(edu, struct mock_edu, edu);

	if (mock->fail)
		return mock->fail;
	if (mock->transfers < EDU_LOG)
		mock->log[mock->transfers] = (struct edu_transfer){ addr, bytes, to_memory };
	mock->transfers++;
	return 0;
}

/* What remove() does. */
static void mock_edu_unbind(struct mock_edu *mock)
{
	edu_job_end_all(&mock->edu);
	edu_import_remove_all(&mock->edu);
}

/* Wait until no job is left. */
static void mock_edu_flush(struct mock_edu *mock)
{
	flush_workqueue(mock->edu.queue);
	flush_workqueue(mock->edu.cleanup);
}

static void mock_edu_close(void *data)
{
	struct mock_edu *mock = data;

	mock_edu_unbind(mock);
	destroy_workqueue(mock->edu.queue);
	destroy_workqueue(mock->edu.cleanup);
}

static int edu_import_buffer(struct mock_edu *mock, struct dma_buf *dmabuf, u32 flags, u32 *handle)
{
	struct edu_ioctl_import args = { .flags = flags };
	int ret;

	get_dma_buf(dmabuf);
	args.fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (args.fd < 0) {
		dma_buf_put(dmabuf);
		return args.fd;
	}
	ret = edu_import_add(&mock->edu, &args);
	close_fd(args.fd);
	if (ret < 0)
		return ret;
	*handle = ret;
	return 0;
}

/* Two imported buffers of 4 pages: a source of two segments, a destination of one. */
static struct mock_edu *mock_edu(struct kunit *test)
{
	struct mock_edu *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->source = mock_exporter(test, &mock_static_ops);
	mock->source->segments = 2;
	mock->destination = mock_exporter(test, &mock_static_ops);
	mock->destination->dma_base = EDU_TO;
	mock->bufs[0] = mock_buffer(test, mock->source);
	mock->bufs[1] = mock_buffer(test, mock->destination);

	mutex_init(&mock->edu.lock);
	xa_init_flags(&mock->edu.imports, XA_FLAGS_ALLOC1);
	mock->edu.dev = mock_device(test);
	mock->edu.context = dma_fence_context_alloc(1);
	mock->edu.queue = alloc_ordered_workqueue("mock-edu", 0);
	mock->edu.cleanup = alloc_workqueue("mock-edu-cleanup", WQ_UNBOUND, 0);
	KUNIT_ASSERT_NOT_NULL(test, mock->edu.queue);
	KUNIT_ASSERT_NOT_NULL(test, mock->edu.cleanup);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_edu_close, mock));
	KUNIT_ASSERT_EQ(test, 0, edu_import_buffer(mock, mock->bufs[0], EDU_IMPORT_SOURCE,
						   &mock->handles[0]));
	KUNIT_ASSERT_EQ(test, 0, edu_import_buffer(mock, mock->bufs[1], EDU_IMPORT_DESTINATION,
						   &mock->handles[1]));
	return mock;
}

static struct edu_ioctl_copy mock_edu_copy_args(struct mock_edu *mock, u32 bytes)
{
	return (struct edu_ioctl_copy){
		.source = mock->handles[0],
		.destination = mock->handles[1],
		.bytes = bytes,
		.in_fence = -1,
	};
}

/* Queue a job; return its fence with a reference, or an error pointer. */
static struct dma_fence *mock_edu_copy(struct mock_edu *mock, const struct edu_ioctl_copy *args)
{
	struct dma_fence *fence;
	int fd = edu_job_submit(&mock->edu, args);

	if (fd < 0)
		return ERR_PTR(fd);
	fence = sync_file_get_fence(fd);
	close_fd(fd);
	return fence;
}

/* Wait for a fence, put it, and return its status. */
static int mock_edu_done(struct dma_fence *fence)
{
	long left = dma_fence_wait_timeout(fence, false, 10 * HZ);
	int status = left ? dma_fence_get_status(fence) : -ETIMEDOUT;

	dma_fence_put(fence);
	return status;
}

static struct dma_fence *mock_edu_copied(struct kunit *test, struct mock_edu *mock, u32 bytes)
{
	const struct edu_ioctl_copy args = mock_edu_copy_args(mock, bytes);
	struct dma_fence *fence = mock_edu_copy(mock, &args);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	return fence;
}

static void edu_job_copies_in_steps(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	size_t half = mock->source->table_bytes / 2;
	struct edu_ioctl_copy args = mock_edu_copy_args(mock, 3000);
	struct dma_fence *fence;

	args.source_offset = half - 1000;
	args.destination_offset = 100;
	fence = mock_edu_copy(mock, &args);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
	KUNIT_EXPECT_EQ(test, 4, mock->transfers);
	KUNIT_EXPECT_EQ(test, mock->source->dma_base + half - 1000, mock->log[0].addr);
	KUNIT_EXPECT_EQ(test, 1000, mock->log[0].bytes);
	KUNIT_EXPECT_FALSE(test, mock->log[0].write);
	KUNIT_EXPECT_EQ(test, EDU_TO + 100, mock->log[1].addr);
	KUNIT_EXPECT_TRUE(test, mock->log[1].write);
	KUNIT_EXPECT_EQ(test, mock->source->dma_base + half + PAGE_SIZE, mock->log[2].addr);
	KUNIT_EXPECT_EQ(test, 2000, mock->log[2].bytes);
	KUNIT_EXPECT_EQ(test, EDU_TO + 1100, mock->log[3].addr);
}

/* The job reads the source and writes the destination, as its fence says. */
static void edu_job_adds_its_fence(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct dma_fence *writer = mock_fence(test), *fence;

	mock_add_fence(test, mock->bufs[0], writer, DMA_RESV_USAGE_WRITE);
	fence = mock_edu_copied(test, mock, 1);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(mock->bufs[0]->resv, DMA_RESV_USAGE_READ));
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(mock->bufs[1]->resv, DMA_RESV_USAGE_WRITE));
	dma_fence_signal(writer);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(mock->bufs[0]->resv, DMA_RESV_USAGE_READ));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(mock->bufs[1]->resv, DMA_RESV_USAGE_READ));
}

static void edu_job_waits_for_writers_and_readers(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct dma_fence *writer = mock_fence(test), *reader = mock_fence(test);
	struct dma_fence *ignored = mock_fence(test), *fence;

	mock_add_fence(test, mock->bufs[0], writer, DMA_RESV_USAGE_WRITE);
	mock_add_fence(test, mock->bufs[0], ignored, DMA_RESV_USAGE_READ);
	mock_add_fence(test, mock->bufs[1], reader, DMA_RESV_USAGE_READ);
	fence = mock_edu_copied(test, mock, 1);
	KUNIT_EXPECT_EQ(test, 0, dma_fence_wait_timeout(fence, false, HZ / 20));
	dma_fence_signal(writer);
	KUNIT_EXPECT_EQ(test, 0, dma_fence_wait_timeout(fence, false, HZ / 20));
	KUNIT_EXPECT_EQ(test, 0, mock->transfers);
	dma_fence_signal(reader);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
	dma_fence_signal(ignored);
}

static void edu_job_waits_for_its_in_fence(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct edu_ioctl_copy args = mock_edu_copy_args(mock, 1);
	struct dma_fence *before = mock_fence(test), *fence;
	struct sync_file *sync = sync_file_create(before);

	KUNIT_ASSERT_NOT_NULL(test, sync);
	args.in_fence = get_unused_fd_flags(O_CLOEXEC);
	KUNIT_ASSERT_LE(test, 0, args.in_fence);
	fd_install(args.in_fence, sync->file);
	fence = mock_edu_copy(mock, &args);
	close_fd(args.in_fence);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, 0, dma_fence_wait_timeout(fence, false, HZ / 20));
	dma_fence_signal(before);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
}

/* One reservation object, one import: the job must not lock twice, nor wait for itself. */
static void edu_job_copies_within_one_buffer(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct edu_ioctl_copy args = mock_edu_copy_args(mock, 100);
	struct dma_fence *fence;

	KUNIT_ASSERT_EQ(test, 0, edu_import_buffer(mock, mock->bufs[1], EDU_IMPORT_SOURCE |
						   EDU_IMPORT_DESTINATION, &args.source));
	args.destination = args.source;
	args.destination_offset = PAGE_SIZE;
	fence = mock_edu_copy(mock, &args);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
	KUNIT_EXPECT_EQ(test, DMA_BIDIRECTIONAL, mock->destination->calls[MOCK_MAP].dir);
}

static void edu_job_fails_with_the_hardware(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);

	mock->fail = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, mock_edu_done(mock_edu_copied(test, mock, 1)));
	mock->fail = 0;
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(mock_edu_copied(test, mock, 1)));
}

/* A table that is shorter than the buffer, which the core reports. */
static void edu_job_fails_at_the_end_of_a_table(struct kunit *test)
{
	/* Made first, because the end of the mock device unmaps the import. */
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct mock_edu *mock = mock_edu(test);
	struct edu_ioctl_copy args = mock_edu_copy_args(mock, 100);
	struct dma_fence *fence;

	exporter->table_bytes = 50;
	mock_expect_report(test);
	KUNIT_ASSERT_EQ(test, 0, edu_import_buffer(mock, mock_buffer(test, exporter),
						   EDU_IMPORT_SOURCE, &args.source));
	fence = mock_edu_copy(mock, &args);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, -EIO, mock_edu_done(fence));
}

static void edu_import_stays_until_its_job_has_ended(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct dma_fence *writer = mock_fence(test), *fence;

	mock_add_fence(test, mock->bufs[0], writer, DMA_RESV_USAGE_WRITE);
	fence = mock_edu_copied(test, mock, 1);
	KUNIT_EXPECT_EQ(test, 0, edu_import_remove(&mock->edu, mock->handles[0]));
	KUNIT_EXPECT_EQ(test, -ENOENT, edu_import_remove(&mock->edu, mock->handles[0]));
	KUNIT_EXPECT_EQ(test, 0, mock_calls(mock->source, MOCK_UNMAP));
	dma_fence_signal(writer);
	KUNIT_EXPECT_EQ(test, 1, mock_edu_done(fence));
	mock_edu_flush(mock);
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->source, MOCK_UNMAP));
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->source, MOCK_DETACH));
	KUNIT_EXPECT_EQ(test, 0, mock_calls(mock->destination, MOCK_UNMAP));
}

/* Jobs that wait end with the device, and what is attached is detached once. */
static void edu_unbind_ends_jobs(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct dma_fence *writer = mock_fence(test), *first, *second;
	const struct edu_ioctl_copy args = mock_edu_copy_args(mock, 1);
	u32 handle;

	mock_add_fence(test, mock->bufs[0], writer, DMA_RESV_USAGE_WRITE);
	first = mock_edu_copied(test, mock, 1);
	second = mock_edu_copied(test, mock, 1);
	mock_edu_unbind(mock);
	KUNIT_EXPECT_EQ(test, -ENODEV, mock_edu_done(first));
	KUNIT_EXPECT_EQ(test, -ENODEV, mock_edu_done(second));
	KUNIT_EXPECT_EQ(test, 0, mock->transfers);
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->source, MOCK_DETACH));
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->destination, MOCK_DETACH));
	KUNIT_EXPECT_EQ(test, -ENODEV, PTR_ERR(mock_edu_copy(mock, &args)));
	KUNIT_EXPECT_EQ(test, -ENODEV, edu_import_buffer(mock, mock->bufs[0], EDU_IMPORT_SOURCE,
							 &handle));
	KUNIT_EXPECT_EQ(test, -ENOENT, edu_import_remove(&mock->edu, mock->handles[0]));
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->source, MOCK_DETACH));
	dma_fence_signal(writer);
}

/* Nothing is left of an import or a job that is refused. */
static void edu_refusals(struct kunit *test)
{
	struct mock_edu *mock = mock_edu(test);
	struct edu_ioctl_copy args = mock_edu_copy_args(mock, 1);
	u32 handle;

	mock_fail(mock->source, MOCK_ATTACH, 1, -EPERM);
	KUNIT_EXPECT_EQ(test, -EPERM, edu_import_buffer(mock, mock->bufs[0], EDU_IMPORT_SOURCE,
							&handle));
	mock_fail(mock->source, MOCK_MAP, 1, -EIO);
	KUNIT_EXPECT_EQ(test, -EIO, edu_import_buffer(mock, mock->bufs[0], EDU_IMPORT_SOURCE,
						      &handle));
	KUNIT_EXPECT_EQ(test, 1, mock_calls(mock->source, MOCK_DETACH));
	KUNIT_EXPECT_EQ(test, -EINVAL, edu_import_buffer(mock, mock->bufs[0], 0, &handle));

	args.destination = mock->handles[0];
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(mock_edu_copy(mock, &args)));
	args.destination = 77;
	KUNIT_EXPECT_EQ(test, -ENOENT, PTR_ERR(mock_edu_copy(mock, &args)));
	args = mock_edu_copy_args(mock, 1);
	args.in_fence = INT_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(mock_edu_copy(mock, &args)));
	args = mock_edu_copy_args(mock, 2);
	args.source_offset = mock->bufs[0]->size - 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(mock_edu_copy(mock, &args)));
	args.source_offset = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(mock_edu_copy(mock, &args)));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(mock->bufs[0]->resv,
						       DMA_RESV_USAGE_BOOKKEEP));
	KUNIT_EXPECT_EQ(test, 0, mock->edu.seqno);
}

static struct kunit_case edu_job_cases[] = {
	KUNIT_CASE(edu_job_copies_in_steps),
	KUNIT_CASE(edu_job_adds_its_fence),
	KUNIT_CASE(edu_job_waits_for_writers_and_readers),
	KUNIT_CASE(edu_job_waits_for_its_in_fence),
	KUNIT_CASE(edu_job_copies_within_one_buffer),
	KUNIT_CASE(edu_job_fails_with_the_hardware),
	KUNIT_CASE(edu_job_fails_at_the_end_of_a_table),
	KUNIT_CASE(edu_import_stays_until_its_job_has_ended),
	KUNIT_CASE(edu_unbind_ends_jobs),
	KUNIT_CASE(edu_refusals),
	{}
};

static struct kunit_suite edu_job_suite = {
	.name = "dma_buf_sample_edu_job",
	.init = mock_init,
	.test_cases = edu_job_cases,
};

kunit_test_suite(edu_job_suite);
