// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock fences, devices and user memory for the tests.
 */

#include <kunit/device.h>
#include <kunit/test-bug.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "containers.h"
#include "mock.h"

struct mock_context *mock_context(struct kunit *test)
{
	return test->priv;
}

static void mock_context_check(void *in)
{
	struct mock_context *ctx = in;

	mock_flush();
	KUNIT_EXPECT_EQ_MSG(ctx->test, atomic_read(&ctx->tables), 0, "tables leaked");
	KUNIT_EXPECT_EQ_MSG(ctx->test, atomic_read(&ctx->buffers), 0, "buffers leaked");
	KUNIT_EXPECT_TRUE_MSG(ctx->test, mock_has_fences(ctx->test, 0), "fences leaked");
}

int mock_init(struct kunit *test)
{
	struct mock_context *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	if (!ctx)
		return -ENOMEM;
	ctx->test = test;
	test->priv = ctx;
	return kunit_add_action_or_reset(test, mock_context_check, ctx);
}

static int mock_last_release(struct inode *inode, struct file *file)
{
	complete(file->private_data);
	return 0;
}

static const struct file_operations mock_last_fops = {
	.owner = THIS_MODULE,
	.release = mock_last_release,
};

/* Whether the current test has no buffer or fence left that a worker could release. */
static bool mock_all_gone(void)
{
	struct kunit *test = kunit_get_current_test();
	struct mock_context *ctx = test ? mock_context(test) : NULL;

	return ctx && !atomic_read(&ctx->buffers) && !atomic_read(&ctx->fences);
}

void mock_flush(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct file *last;

	flush_delayed_fput();
	if (mock_all_gone())
		return;
	/*
	 * The worker may have taken the files already and still be running. It never
	 * runs concurrently with itself, so it releases a file that is put now last.
	 */
	last = anon_inode_getfile("dmabuf-mock", &mock_last_fops, &done, O_RDONLY);
	if (IS_ERR(last))
		return;
	fput(last);
	wait_for_completion(&done);
}

struct device *mock_device(struct kunit *test)
{
	return mock_device_masked(test, DMA_BIT_MASK(32));
}

struct device *mock_device_masked(struct kunit *test, u64 mask)
{
	static atomic_t number = ATOMIC_INIT(0);
	struct device *dev;
	char name[24];

	snprintf(name, sizeof(name), "dmabuf-mock%d", atomic_inc_return(&number));
	dev = kunit_device_register(test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	/* dev->dma_mask of a KUnit device points to this field. */
	dev->coherent_dma_mask = mask;
	return dev;
}

void mock_needs_low_addresses(struct kunit *test)
{
	if (!dma_capable(mock_device(test), SZ_1M, SZ_64K, true))
		kunit_skip(test, "the machine has no memory at low addresses");
}

struct mock_fence *to_mock_fence(struct dma_fence *fence)
{
	return container_of(fence, struct mock_fence, base);
}

static const char *mock_fence_driver(struct dma_fence *fence)
{
	return "mock-driver";
}

static const char *mock_fence_timeline(struct dma_fence *fence)
{
	return "mock-timeline";
}

static bool mock_fence_enable(struct dma_fence *fence)
{
	struct mock_fence *mock = to_mock_fence(fence);

	atomic_inc(&mock->enabled);
	return !mock->late;
}

static void mock_fence_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	to_mock_fence(fence)->deadline = deadline;
}

static void mock_fence_release(struct dma_fence *fence)
{
	atomic_dec(&to_mock_fence(fence)->context->fences);
	dma_fence_free(fence);
}

static const struct dma_fence_ops mock_fence_ops = {
	.get_driver_name = mock_fence_driver,
	.get_timeline_name = mock_fence_timeline,
	.enable_signaling = mock_fence_enable,
	.set_deadline = mock_fence_set_deadline,
	.release = mock_fence_release,
};

/* Signal, so that no waiter is stuck after a test has failed. */
static void mock_fence_action(void *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

struct dma_fence *mock_fence_at(struct kunit *test, u64 context, u64 seqno)
{
	struct mock_fence *mock = kzalloc(sizeof(*mock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mock);
	spin_lock_init(&mock->lock);
	mock->context = mock_context(test);
	dma_fence_init(&mock->base, &mock_fence_ops, &mock->lock, context, seqno);
	atomic_inc(&mock->context->fences);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_fence_action,
							   &mock->base));
	return &mock->base;
}

struct dma_fence *mock_fence(struct kunit *test)
{
	return mock_fence_at(test, dma_fence_context_alloc(1), 1);
}

void mock_fence_put(struct kunit *test, struct dma_fence *fence)
{
	kunit_remove_action(test, mock_fence_action, fence);
	dma_fence_put(fence);
}

unsigned long mock_user_memory(struct kunit *test, size_t size)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, size, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (!addr || IS_ERR_VALUE(addr))
		kunit_skip(test, "no user address space for a kernel thread here");
	return addr;
}

static unsigned long mock_user_map(struct kunit *test, struct file *file,
				   unsigned long prot)
{
	unsigned long addr = kunit_vm_mmap(test, file, 0, PAGE_SIZE, prot, MAP_SHARED, 0);

	KUNIT_ASSERT_FALSE(test, !addr || IS_ERR_VALUE(addr));
	return addr;
}

unsigned long mock_user_read_only(struct kunit *test, const void *data, size_t size)
{
	struct file *file = shmem_file_setup("dmabuf-mock", PAGE_SIZE, 0);
	unsigned long writable, addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	mock_user_memory(test, PAGE_SIZE);
	writable = mock_user_map(test, file, PROT_READ | PROT_WRITE);
	addr = mock_user_map(test, file, PROT_READ);
	fput(file);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)writable, data, size));
	return addr;
}

long mock_file_ioctl(struct kunit *test, struct file *file, unsigned int cmd, void *arg,
		     size_t size)
{
	unsigned long addr = mock_user_memory(test, size);
	void __user *user = (void __user *)addr;
	long ret;

	KUNIT_ASSERT_EQ(test, 0, copy_to_user(user, arg, size));
	ret = file->f_op->unlocked_ioctl(file, cmd, addr);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(arg, user, size));
	return ret;
}

MODULE_DESCRIPTION("KUnit tests of the dma-buf core");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
