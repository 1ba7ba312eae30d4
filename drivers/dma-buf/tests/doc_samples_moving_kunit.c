// SPDX-License-Identifier: GPL-2.0-only
/*
 * The examples of the documentation about storage that moves, compiled and run:
 * a dynamic exporter and a dynamic importer. As doc_samples_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "mock.h"

/* sample: move */
struct place {
	struct kref users;		/* the buffer, and each mapping */
	size_t size;
	void *memory;
};

struct moving_buffer {
	struct place *place;		/* guarded by the reservation lock, */
	unsigned int pins;		/* and so is this */
};

struct moving_mapping {
	struct sg_table table;
	struct place *place;
};

static void place_free(struct kref *users)
{
	struct place *place = container_of(users, struct place, users);

	free_pages_exact(place->memory, place->size);
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
	struct moving_buffer *buffer = attach->dmabuf->priv;
	struct moving_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(&mapping->table, 1, GFP_KERNEL);
	if (ret)
		goto free_mapping;
	sg_set_buf(mapping->table.sgl, buffer->place->memory, buffer->place->size);
	ret = dma_map_sgtable(attach->dev, &mapping->table, dir, 0);
	if (ret)
		goto free_table;

	/* The old place outlives a move for as long as it is mapped. */
	kref_get(&buffer->place->users);
	mapping->place = buffer->place;
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

	dma_unmap_sgtable(attach->dev, table, dir, 0);
	sg_free_table(table);
	kref_put(&mapping->place->users, place_free);
	kfree(mapping);
}

/* With the reservation lock held. */
static int moving_move(struct dma_buf *dmabuf, struct place *to)
{
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place;
	long ret;

	dma_resv_assert_held(dmabuf->resv);
	if (buffer->pins)
		return -EBUSY;

	dma_buf_move_notify(dmabuf);
	ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;

	memcpy(to->memory, from->memory, dmabuf->size);
	buffer->place = to;
	kref_put(&from->users, place_free);
	return 0;
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
struct follower {
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;		/* guarded by the reservation lock, */
	bool moved;			/* and so is this: @sgt is out of date */
};

static void follower_move_notify(struct dma_buf_attachment *attach)
{
	struct follower *follower = attach->importer_priv;

	/* The fences of its jobs say how long the device goes on with @sgt. */
	follower->moved = true;
}

static const struct dma_buf_attach_ops follower_ops = {
	.move_notify = follower_move_notify,
};

static void follower_unmap(struct follower *follower)
{
	if (follower->sgt)
		dma_buf_unmap_attachment(follower->attach, follower->sgt, DMA_TO_DEVICE);
	follower->sgt = NULL;
}

/* Before each job, with the reservation lock held. */
static int follower_update(struct follower *follower)
{
	struct dma_resv *resv = follower->attach->dmabuf->resv;
	struct sg_table *sgt;
	long ret;

	dma_resv_assert_held(resv);
	/* For the new storage to be ready, and the device to be done with the old. */
	ret = dma_resv_wait_timeout(resv, dma_resv_usage_rw(true), true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;

	if (follower->moved)
		follower_unmap(follower);
	if (follower->sgt)
		return 0;

	sgt = dma_buf_map_attachment(follower->attach, DMA_TO_DEVICE);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	follower->sgt = sgt;
	follower->moved = false;
	return 0;
}

static int follower_attach(struct follower *follower, struct dma_buf *dmabuf,
			   struct device *dev)
{
	follower->attach = dma_buf_dynamic_attach(dmabuf, dev, &follower_ops, follower);
	return PTR_ERR_OR_ZERO(follower->attach);
}

static void follower_detach(struct follower *follower)
{
	struct dma_buf *dmabuf = follower->attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	follower_unmap(follower);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, follower->attach);
}

/* end sample */

#define MOVING_SIZE	(2 * PAGE_SIZE)

static struct place *new_place(struct kunit *test)
{
	struct place *place = kzalloc(sizeof(*place), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, place);
	kref_init(&place->users);
	place->size = MOVING_SIZE;
	place->memory = alloc_pages_exact(MOVING_SIZE, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, place->memory);
	return place;
}

static struct dma_buf *moving_export(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct moving_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	buffer->place = new_place(test);
	info.ops = &moving_ops;
	info.size = MOVING_SIZE;
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

static int move(struct dma_buf *dmabuf, struct place *to)
{
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = moving_move(dmabuf, to);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static int update(struct follower *follower)
{
	struct dma_resv *resv = follower->attach->dmabuf->resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = follower_update(follower);
	dma_resv_unlock(resv);
	return ret;
}

static void move_takes_the_content_along(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);

	/* One more user, to look at the old place afterwards. */
	kref_get(&from->users);
	memset(from->memory, 0x3c, MOVING_SIZE);
	KUNIT_EXPECT_EQ(test, move(dmabuf, to), 0);
	KUNIT_EXPECT_PTR_EQ(test, buffer->place, to);
	KUNIT_EXPECT_NULL(test, memchr_inv(to->memory, 0x3c, MOVING_SIZE));
	KUNIT_EXPECT_EQ(test, kref_read(&from->users), 1);
	kref_put(&from->users, place_free);
	moving_put(dmabuf);
}

static void move_waits_for_the_jobs_of_importers(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct dma_fence *job = mock_fence(test);

	to_mock_fence(job)->late = true;
	mock_add_fence(test, dmabuf, job, DMA_RESV_USAGE_BOOKKEEP);
	KUNIT_EXPECT_EQ(test, move(dmabuf, new_place(test)), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(job));
	moving_put(dmabuf);
}

static void importer_follows_a_move(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);
	struct follower follower = {};
	dma_addr_t before;

	KUNIT_ASSERT_EQ(test, 0, follower_attach(&follower, dmabuf,
						 mock_device_masked(test, DMA_BIT_MASK(64))));
	KUNIT_ASSERT_EQ(test, 0, update(&follower));
	before = sg_dma_address(follower.sgt->sgl);
	kref_get(&from->users);

	if (IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY)) {
		KUNIT_EXPECT_EQ(test, move(dmabuf, to), 0);
		KUNIT_EXPECT_TRUE(test, follower.moved);
		/* The old place is there for who still reads it. */
		KUNIT_EXPECT_EQ(test, kref_read(&from->users), 2);
		KUNIT_EXPECT_EQ(test, update(&follower), 0);
		KUNIT_EXPECT_NE(test, sg_dma_address(follower.sgt->sgl), before);
		KUNIT_EXPECT_EQ(test, kref_read(&from->users), 1);
	} else {
		KUNIT_EXPECT_EQ(test, move(dmabuf, to), -EBUSY);
		KUNIT_EXPECT_FALSE(test, follower.moved);
		kref_put(&to->users, place_free);
	}

	kref_put(&from->users, place_free);
	follower_detach(&follower);
	moving_put(dmabuf);
}

static void importer_that_has_not_moved_maps_once(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct follower follower = {};
	struct sg_table *sgt;

	KUNIT_ASSERT_EQ(test, 0, follower_attach(&follower, dmabuf,
						 mock_device_masked(test, DMA_BIT_MASK(64))));
	KUNIT_ASSERT_EQ(test, 0, update(&follower));
	sgt = follower.sgt;
	KUNIT_EXPECT_EQ(test, update(&follower), 0);
	KUNIT_EXPECT_PTR_EQ(test, follower.sgt, sgt);
	follower_detach(&follower);
	moving_put(dmabuf);
}

static void pinned_storage_stays(struct kunit *test)
{
	struct dma_buf *dmabuf = moving_export(test);
	struct moving_buffer *buffer = dmabuf->priv;
	struct place *from = buffer->place, *to = new_place(test);
	struct dma_buf_attachment *attach;

	/* A static importer: pinned by the core. */
	attach = dma_buf_attach(dmabuf, mock_device_masked(test, DMA_BIT_MASK(64)));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_EQ(test, move(dmabuf, to), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, buffer->place, from);

	dma_buf_detach(dmabuf, attach);
	KUNIT_EXPECT_EQ(test, move(dmabuf, to), 0);
	moving_put(dmabuf);
}

static struct kunit_case dma_buf_doc_moving_cases[] = {
	KUNIT_CASE(move_takes_the_content_along),
	KUNIT_CASE(move_waits_for_the_jobs_of_importers),
	KUNIT_CASE(importer_follows_a_move),
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
