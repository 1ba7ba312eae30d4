// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examples of the documentation: an exporter that moves its storage, and an importer
 * that follows. See doc_samples_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mock-buffer.h"

/* sample: move */
struct place {
	struct kref users;		/* the buffer, and each mapping */
	unsigned int count;
	struct page *pages[] __counted_by(count);
};

struct moving_buffer {
	struct place *place;		/* guarded by the reservation lock, */
	struct list_head mappings;	/* as is this, */
	unsigned int pins;		/* and this */
};

struct moving_mapping {
	struct sg_table table;
	struct device *dev;
	enum dma_data_direction dir;
	struct place *place;
	struct list_head node;
};

static void place_free(struct kref *users)
{
	struct place *place = container_of(users, struct place, users);

	for (unsigned int i = 0; i < place->count && place->pages[i]; i++)
		__free_page(place->pages[i]);
	kfree(place);
}

static int moving_pin(struct dma_buf_attachment *attach)
{
	struct moving_buffer *buffer = attach->dmabuf->priv;

	buffer->pins++;
	return 0;
}

static void moving_unpin(struct dma_buf_attachment *attach)
{
	struct moving_buffer *buffer = attach->dmabuf->priv;

	buffer->pins--;
}

static struct sg_table *moving_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	size_t segment = min_t(size_t, dma_get_max_seg_size(attach->dev),
			       dma_max_mapping_size(attach->dev));
	struct moving_buffer *buffer = attach->dmabuf->priv;
	struct place *place = buffer->place;
	struct moving_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages_segment(&mapping->table, place->pages, place->count,
						0, attach->dmabuf->size, segment,
						GFP_KERNEL);
	if (ret)
		goto free_mapping;
	if (!dma_buf_needs_can_map(attach->dev, &mapping->table)) {
		ret = -EIO;
		goto free_table;
	}
	ret = dma_map_sgtable(attach->dev, &mapping->table, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto free_table;
	dma_sync_sgtable_for_device(attach->dev, &mapping->table, dir);

	/* A mapping keeps its place, also after the buffer has moved on. */
	kref_get(&place->users);
	mapping->place = place;
	mapping->dev = attach->dev;
	mapping->dir = dir;
	list_add(&mapping->node, &buffer->mappings);
	return &mapping->table;

free_table:
	sg_free_table(&mapping->table);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

static void moving_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
			 enum dma_data_direction dir)
{
	struct moving_mapping *mapping = container_of(table, struct moving_mapping, table);

	list_del(&mapping->node);
	dma_sync_sgtable_for_cpu(attach->dev, table, dir);
	dma_unmap_sgtable(attach->dev, table, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(table);
	kref_put(&mapping->place->users, place_free);
	kfree(mapping);
}

/* Make the CPU see what devices wrote through mappings that are still there. */
static void moving_sync(struct moving_buffer *buffer)
{
	struct moving_mapping *mapping;

	list_for_each_entry(mapping, &buffer->mappings, node)
		if (mapping->place == buffer->place && mapping->dir != DMA_TO_DEVICE)
			dma_sync_sgtable_for_cpu(mapping->dev, &mapping->table,
						 mapping->dir);
}

/* Returns -EAGAIN if there are fences to wait for. */
static int moving_try_move(struct dma_buf *dmabuf, struct place *to)
{
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place;

	dma_resv_assert_held(dmabuf->resv);
	if (buffer->pins)
		return -EBUSY;
	if (!dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP))
		return -EAGAIN;
	dma_buf_move_notify(dmabuf);
	/* An importer may have added a fence for what it cannot stop at once. */
	if (!dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP))
		return -EAGAIN;

	moving_sync(buffer);
	for (unsigned int i = 0; i < from->count; i++)
		copy_highpage(to->pages[i], from->pages[i]);
	buffer->place = to;
	kref_put(&from->users, place_free);
	return 0;
}

/* Waits without the lock, so that other users of the buffer do not wait for the move. */
static int moving_move(struct dma_buf *dmabuf, struct place *to)
{
	long left;
	int ret;

	do {
		left = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, true,
					     MAX_SCHEDULE_TIMEOUT);
		if (left < 0)
			return left;
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
		if (ret)
			return ret;
		ret = moving_try_move(dmabuf, to);
		dma_resv_unlock(dmabuf->resv);
	} while (ret == -EAGAIN);
	return ret;
}

/* end sample */

static void moving_release(struct dma_buf *dmabuf)
{
	struct moving_buffer *buffer = dmabuf->priv;

	kref_put(&buffer->place->users, place_free);
	kfree(buffer);
}

static const struct dma_buf_ops moving_ops = {
	.pin = moving_pin,
	.unpin = moving_unpin,
	.map_dma_buf = moving_map,
	.unmap_dma_buf = moving_unmap,
	.release = moving_release,
};

/* sample: dynamic importer */
/* A device that reads a buffer, finishes its jobs in order and follows moves. */
struct follower {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct work_struct give_back;
	/* The reservation lock guards what follows. */
	struct sg_table *sgt;		/* or NULL */
	struct dma_fence *job;		/* newest job, or NULL */
	bool moved;			/* @sgt leads to the old storage */
};

static void follower_unmap(struct follower *follower)
{
	if (follower->sgt)
		dma_buf_unmap_attachment(follower->attach, follower->sgt, DMA_TO_DEVICE);
	follower->sgt = NULL;
	follower->moved = false;
}

/* Unmap the old storage when the last job on it is done. */
static void follower_give_back(struct work_struct *work)
{
	struct follower *follower = container_of(work, struct follower, give_back);
	struct dma_resv *resv = follower->dmabuf->resv;
	struct dma_fence *job;

	dma_resv_lock(resv, NULL);
	job = dma_fence_get(follower->job);
	dma_resv_unlock(resv);
	/* While @moved is set, no other job starts. */
	if (job)
		dma_fence_wait(job, false);
	dma_fence_put(job);

	dma_resv_lock(resv, NULL);
	if (follower->moved)
		follower_unmap(follower);
	dma_resv_unlock(resv);
}

/* The fences of the jobs are in the reservation object already. */
static void follower_move_notify(struct dma_buf_attachment *attach)
{
	struct follower *follower = attach->importer_priv;

	follower->moved = true;
	queue_work(system_unbound_wq, &follower->give_back);
}

static const struct dma_buf_attach_ops follower_ops = {
	.move_notify = follower_move_notify,
};

/* Returns -EAGAIN if the storage has moved or there are fences to wait for. */
static int follower_prepare(struct follower *follower, enum dma_resv_usage usage)
{
	struct dma_resv *resv = follower->dmabuf->resv;
	struct sg_table *sgt;

	dma_resv_assert_held(resv);
	if (follower->moved)
		return -EAGAIN;
	if (!follower->sgt) {
		sgt = dma_buf_map_attachment(follower->attach, DMA_TO_DEVICE);
		if (IS_ERR(sgt))
			return PTR_ERR(sgt);
		follower->sgt = sgt;
	}
	/* After the map: the exporter may have added the fence of a move. */
	if (!dma_resv_test_signaled(resv, usage))
		return -EAGAIN;
	return dma_resv_reserve_fences(resv, 1);
}

/* @done is the fence of the new job. */
static int follower_submit(struct follower *follower, struct dma_fence *done)
{
	/* A reader waits for writers, and for the exporter's moves. */
	enum dma_resv_usage usage = dma_resv_usage_rw(false);
	struct dma_resv *resv = follower->dmabuf->resv;
	bool cookie;
	long left;
	int ret;

	do {
		flush_work(&follower->give_back);
		left = dma_resv_wait_timeout(resv, usage, true, MAX_SCHEDULE_TIMEOUT);
		if (left < 0)
			return left;
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		ret = follower_prepare(follower, usage);
		if (ret)
			dma_resv_unlock(resv);
	} while (ret == -EAGAIN);
	if (ret)
		return ret;

	cookie = dma_fence_begin_signalling();
	dma_resv_add_fence(resv, done, DMA_RESV_USAGE_READ);
	dma_fence_put(follower->job);
	follower->job = dma_fence_get(done);
	/* ... start the device, which signals @done in every case ... */
	dma_fence_end_signalling(cookie);
	dma_resv_unlock(resv);
	return 0;
}

static int follower_attach(struct follower *follower, struct dma_buf *dmabuf,
			   struct device *dev)
{
	INIT_WORK(&follower->give_back, follower_give_back);
	follower->dmabuf = dmabuf;
	follower->attach = dma_buf_dynamic_attach(dmabuf, dev, &follower_ops, follower);
	return PTR_ERR_OR_ZERO(follower->attach);
}

/* Called when nobody submits jobs any more. */
static void follower_detach(struct follower *follower)
{
	if (follower->job)
		dma_fence_wait(follower->job, false);
	dma_resv_lock(follower->dmabuf->resv, NULL);
	follower_unmap(follower);
	dma_resv_unlock(follower->dmabuf->resv);
	dma_buf_detach(follower->dmabuf, follower->attach);
	/* The detach has ended the calls of move_notify. */
	cancel_work_sync(&follower->give_back);
	dma_fence_put(follower->job);
}

/* end sample */

#define MOVING_PAGES	2U

static struct place *new_place(struct kunit *test)
{
	struct place *place;

	place = kzalloc(struct_size(place, pages, MOVING_PAGES), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, place);
	kref_init(&place->users);
	place->count = MOVING_PAGES;
	for (unsigned int i = 0; i < place->count; i++) {
		place->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, place->pages[i]);
	}
	return place;
}

static struct dma_buf *moving_export(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct moving_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	INIT_LIST_HEAD(&buffer->mappings);
	buffer->place = new_place(test);
	info.ops = &moving_ops;
	info.size = MOVING_PAGES * PAGE_SIZE;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	return dmabuf;
}

static void moving_put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	mock_flush();
}

static struct device *moving_device(struct kunit *test)
{
	return mock_device_masked(test, DMA_BIT_MASK(64));
}

/* A job that is done when somebody waits for it. */
static struct dma_fence *moving_job(struct kunit *test)
{
	struct dma_fence *job = mock_fence(test);

	to_mock_fence(job)->late = true;
	return job;
}

static void move_takes_the_content_along(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);

	/* One more user, to look at the old place afterwards. */
	kref_get(&from->users);
	memset(page_address(from->pages[1]), 0x3c, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to), 0);
	KUNIT_EXPECT_PTR_EQ(test, buffer->place, to);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(to->pages[0]), 0, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(to->pages[1]), 0x3c, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, kref_read(&from->users), 1);
	kref_put(&from->users, place_free);
	moving_put(dmabuf);
}

static void move_waits_for_the_jobs_of_importers(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct dma_fence *job = moving_job(test);

	mock_add_fence(test, dmabuf, job, DMA_RESV_USAGE_BOOKKEEP);
	KUNIT_EXPECT_EQ(test, moving_move(dmabuf, new_place(test)), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(job));
	moving_put(dmabuf);
}

static void importer_follows_a_move(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);
	struct dma_fence *job = moving_job(test), *next = moving_job(test);
	struct follower *follower = kunit_kzalloc(test, sizeof(*follower), GFP_KERNEL);
	dma_addr_t before;

	KUNIT_ASSERT_NOT_NULL(test, follower);
	KUNIT_ASSERT_EQ(test, 0, follower_attach(follower, dmabuf, moving_device(test)));
	KUNIT_ASSERT_EQ(test, 0, follower_submit(follower, job));
	before = sg_dma_address(follower->sgt->sgl);
	kref_get(&from->users);

	if (IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY)) {
		KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to), 0);
		KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(job));
		/* The old place is given back though no other job comes. */
		flush_work(&follower->give_back);
		KUNIT_EXPECT_EQ(test, kref_read(&from->users), 1);
		KUNIT_EXPECT_EQ(test, follower_submit(follower, next), 0);
		KUNIT_EXPECT_NE(test, sg_dma_address(follower->sgt->sgl), before);
	} else {
		KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to), -EBUSY);
		KUNIT_EXPECT_FALSE(test, follower->moved);
		kref_put(&to->users, place_free);
	}

	kref_put(&from->users, place_free);
	follower_detach(follower);
	moving_put(dmabuf);
}

static void old_place_stays_while_it_is_mapped(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	attach = dma_buf_dynamic_attach(dmabuf, moving_device(test), &mock_importer_ops,
					&importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	kref_get(&from->users);
	KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to),
			IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY) ? 0 : -EBUSY);
	if (buffer->place == to) {
		KUNIT_EXPECT_EQ(test, atomic_read(&importer.moves), 1);
		KUNIT_EXPECT_EQ(test, kref_read(&from->users), 2);
	} else {
		kref_put(&to->users, place_free);
	}
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, kref_read(&from->users), buffer->place == from ? 2 : 1);
	kref_put(&from->users, place_free);
	dma_buf_detach(dmabuf, attach);
	moving_put(dmabuf);
}

static void importer_that_has_not_moved_maps_once(struct kunit *test)
{
	struct dma_fence *job = moving_job(test), *next = moving_job(test);
	struct dma_buf *dmabuf = moving_export(test);
	struct follower *follower = kunit_kzalloc(test, sizeof(*follower), GFP_KERNEL);
	struct sg_table *sgt;

	KUNIT_ASSERT_NOT_NULL(test, follower);
	KUNIT_ASSERT_EQ(test, 0, follower_attach(follower, dmabuf, moving_device(test)));
	KUNIT_ASSERT_EQ(test, 0, follower_submit(follower, job));
	sgt = follower->sgt;
	KUNIT_EXPECT_EQ(test, follower_submit(follower, next), 0);
	KUNIT_EXPECT_PTR_EQ(test, follower->sgt, sgt);
	/* Both read: the second has not waited for the first. */
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(job));
	follower_detach(follower);
	moving_put(dmabuf);
}

static void pinned_storage_stays(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);
	struct dma_buf_attachment *attach;

	/* The core pins for a static importer. */
	attach = dma_buf_attach(dmabuf, moving_device(test));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, buffer->place, from);

	dma_buf_detach(dmabuf, attach);
	KUNIT_EXPECT_EQ(test, moving_move(dmabuf, to), 0);
	moving_put(dmabuf);
}

static struct kunit_case dma_buf_doc_moving_cases[] = {
	KUNIT_CASE(move_takes_the_content_along),
	KUNIT_CASE(move_waits_for_the_jobs_of_importers),
	KUNIT_CASE(importer_follows_a_move),
	KUNIT_CASE(old_place_stays_while_it_is_mapped),
	KUNIT_CASE(importer_that_has_not_moved_maps_once),
	KUNIT_CASE(pinned_storage_stays),
	{}
};

static struct kunit_suite dma_buf_doc_moving_suite = {
	.name = "dma_buf_doc_samples_moving",
	.init = mock_init,
	.test_cases = dma_buf_doc_moving_cases,
};

kunit_test_suite(dma_buf_doc_moving_suite);
