// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of negotiation by buffers that have a storage, beside other users: readers of the storage,
 * importers that the core maps, and importers that attach inside a lock of their own.
 *
 * The buffers have four runs of one page, so that they are not contiguous.
 */

#include <kunit/static_stub.h>
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "storage.h"
#include "threads.h"

#define PAGES		4
#define CONTIGUOUS	(PAGES * PAGE_SIZE)

/**
 * struct interplay - an exporter that allocates another storage, and the users of its buffer
 * @ops: callbacks of the buffer's storage
 * @storage: the buffer's storage
 * @dmabuf: the buffer
 * @new: what renew returns
 * @calls: number of calls of renew
 * @reader: thread that reads the buffer's storage, or NULL
 * @held: completed when it has &dma_storage_buffer.lock
 * @attacher: the thread that attaches, after renew
 * @waited: the reader found that @attacher waits
 * @kept: the buffer had its storage when the reader dropped the lock
 */
struct interplay {
	struct dma_storage_ops ops;
	struct mock_storage *storage;
	struct dma_buf *dmabuf;
	struct mock_storage *new;
	unsigned int calls;
	struct mock_thread *reader;
	struct completion held;
	struct mock_waiter attacher;
	bool waited;
	bool kept;
};

/* After this, the attach can sleep only for the lock of the buffer. */
static struct dma_storage *renew(struct dma_storage *storage,
				 const struct dma_storage_request *request)
{
	struct interplay *all = container_of(storage->ops, struct interplay, ops);

	all->calls++;
	if (all->reader)
		mock_waiter_begin(&all->attacher);
	return &all->new->base;
}

/* The devices are dma-direct, reach all memory and have no bounce buffers. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = U64_MAX,
		.last = SZ_1G,
	};
}

static struct interplay *interplay(struct kunit *test)
{
	struct interplay *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->storage = mock_storage(test, PAGES, 1);
	all->ops = *all->storage->base.ops;
	all->ops.renew = renew;
	all->storage->base.ops = &all->ops;
	all->dmabuf = mock_storage_buffer(test, all->storage);
	all->new = mock_storage(test, 1, PAGES);
	init_completion(&all->held);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

/* Attach a device that needs the buffer in one run, and detach it. Return the errno. */
static int attach_contiguous(struct kunit *test, struct interplay *all)
{
	const struct dma_buf_needs needs = { .contiguous = CONTIGUOUS };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(all->dmabuf, mock_device(test), NULL, NULL, &needs);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(all->dmabuf, attach);
	return 0;
}

static void expect_replaced(struct kunit *test, struct interplay *all)
{
	struct dma_storage_buffer *buffer = mock_storage_of(all->dmabuf);

	KUNIT_EXPECT_PTR_EQ(test, buffer->storage, &all->new->base);
	KUNIT_EXPECT_EQ(test, buffer->generation, 1);
	KUNIT_EXPECT_EQ(test, all->storage->freed, 1);
	KUNIT_EXPECT_EQ(test, all->new->freed, 0);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
}

/* Hold the lock as a page fault does. */
static void read_until_attach_waits(void *data)
{
	struct interplay *all = data;
	struct dma_storage_buffer *buffer = mock_storage_of(all->dmabuf);

	down_read(&buffer->lock);
	complete(&all->held);
	all->waited = mock_waiter_sleeps(&all->attacher);
	all->kept = READ_ONCE(buffer->storage) == &all->storage->base &&
		    !READ_ONCE(all->storage->freed);
	up_read(&buffer->lock);
}

static void storage_is_replaced_when_readers_are_done(struct kunit *test)
{
	struct interplay *all = interplay(test);

	all->reader = mock_thread(test, read_until_attach_waits, all);
	wait_for_completion(&all->held);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all), 0);
	mock_thread_join(test, all->reader);
	KUNIT_EXPECT_TRUE(test, all->waited);
	KUNIT_EXPECT_TRUE(test, all->kept);
	expect_replaced(test, all);
}

/* The core maps for it at the attach, until the detach. */
static void dynamic_importer_keeps_the_storage(struct kunit *test)
{
	struct interplay *all = interplay(test);
	struct mock_dma *dma = mock_dma(test);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, all->dmabuf, &importer);

	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all), -EBUSY);
	KUNIT_EXPECT_EQ(test, all->calls, 0);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(all->dmabuf)->storage, &all->storage->base);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mb,db");

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all), 0);
	expect_replaced(test, all);
	KUNIT_EXPECT_EQ(test, atomic_read(&importer.moves), 0);
}

/*
 * V4L2 attaches inside the lock of an ioctl, and the network core inside RTNL. A driver may take
 * such a lock in mmap too, so that an attach must not take the mmap lock, although it zaps areas.
 */
static void importer_attaches_inside_its_own_lock(struct kunit *test)
{
	struct interplay *all = interplay(test);
	unsigned long addr = mock_user_pages(test, all->dmabuf, 0, PAGES);
	struct mutex *own = kunit_kzalloc(test, sizeof(*own), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, own);
	mutex_init(own);
	mock_user_write(test, addr, 7);
	/* This tells lockdep the order. */
	mmap_write_lock(current->mm);
	mutex_lock(own);
	mutex_unlock(own);
	mmap_write_unlock(current->mm);

	mutex_lock(own);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all), 0);
	mutex_unlock(own);
	KUNIT_EXPECT_TRUE(test, !IS_ENABLED(CONFIG_LOCKDEP) || debug_locks);
	expect_replaced(test, all);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 7);
	mock_user_unmap(test, addr, PAGES);
}

static struct kunit_case dma_storage_negotiate_interplay_cases[] = {
	KUNIT_CASE(storage_is_replaced_when_readers_are_done),
	KUNIT_CASE(dynamic_importer_keeps_the_storage),
	KUNIT_CASE(importer_attaches_inside_its_own_lock),
	{}
};

static struct kunit_suite dma_storage_negotiate_interplay_suite = {
	.name = "dma_storage_negotiate_interplay",
	.init = mock_init,
	.test_cases = dma_storage_negotiate_interplay_cases,
};

kunit_test_suite(dma_storage_negotiate_interplay_suite);
