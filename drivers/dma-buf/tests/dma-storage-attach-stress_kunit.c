// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of attaches in several threads to one buffer, whose exporter gives each device just what
 * was asked for. While a device is attached, the memory must be as its importer stated.
 *
 * Whenever no device is attached the memory is scattered again, so that each attach can need
 * other memory.
 */

#include <linux/delay.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "storage.h"
#include "threads.h"

#define PAGES		8
/* The block that has the pages of a storage. */
#define BLOCK_ORDER	4
#define GRANULE		(2 * PAGE_SIZE)

/* Limit of a wait, after which the test fails. */
#define WAIT_MS		5000

/**
 * struct crowd - what the threads of a test share
 * @dmabuf: the buffer, with a reference
 * @lock: guards @dmabuf in the case that changes it
 * @storages: storages that exist
 * @scattered: number of times that the memory was scattered
 * @renewed: number of storages that were allocated for a device
 * @together: number of attaches that found another device attached
 * @busy: number of attaches that were refused
 * @wrong: number of attaches that were not as expected, in the case without jobs
 * @maps: device that maps, or NULL
 */
struct crowd {
	struct dma_buf *dmabuf;
	spinlock_t lock; /* dmabuf */
	atomic_t storages;
	atomic_t scattered;
	atomic_t renewed;
	atomic_t together;
	atomic_t busy;
	atomic_t wrong;
	struct device *maps;
};

/**
 * struct crowd_storage - a storage
 * @base: the storage
 * @runs: its runs
 * @block: the block that they are in
 * @crowd: the test's state
 */
struct crowd_storage {
	struct dma_storage base;
	struct dma_buf_run runs[PAGES];
	struct page *block;
	struct crowd *crowd;
};

/**
 * struct crowd_shape - which pages of its block a storage has
 * @first: the first page of the first run
 * @length: pages of each run
 * @step: pages from one run to the next
 */
struct crowd_shape {
	unsigned int first;
	unsigned int length;
	unsigned int step;
};

static const struct crowd_shape scattered = { 1, 1, 2 };
/* By what is asked for: contiguous, a granule, or both. No shape has more than that. */
static const struct crowd_shape needed[] = {
	[0] = { 1, 1, 2 }, [1] = { 1, PAGES, 0 }, [2] = { 0, 2, 4 }, [3] = { 0, PAGES, 0 },
};

static void crowd_free(struct dma_storage *base)
{
	struct crowd_storage *storage = container_of(base, struct crowd_storage, base);

	__free_pages(storage->block, BLOCK_ORDER);
	atomic_dec(&storage->crowd->storages);
	kfree(storage);
}

static struct dma_storage *crowd_renew(struct dma_storage *base,
				       const struct dma_storage_request *request);

static const struct dma_storage_ops crowd_ops = {
	.free = crowd_free,
	.renew = crowd_renew,
};

static struct dma_storage *crowd_storage(struct crowd *crowd, const struct crowd_shape *shape)
{
	struct crowd_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);

	if (!storage)
		return NULL;
	storage->block = alloc_pages(GFP_KERNEL | __GFP_ZERO, BLOCK_ORDER);
	if (!storage->block) {
		kfree(storage);
		return NULL;
	}
	storage->crowd = crowd;
	storage->base.ops = &crowd_ops;
	storage->base.nr_pages = PAGES;
	storage->base.nr_runs = PAGES / shape->length;
	storage->base.runs = storage->runs;
	for (unsigned int i = 0; i < storage->base.nr_runs; i++) {
		storage->runs[i].pfn = page_to_pfn(storage->block) + shape->first + i * shape->step;
		storage->runs[i].nr_pages = shape->length;
	}
	atomic_inc(&crowd->storages);
	return &storage->base;
}

static struct dma_storage *crowd_renew(struct dma_storage *base,
				       const struct dma_storage_request *request)
{
	struct crowd *crowd = container_of(base, struct crowd_storage, base)->crowd;
	const struct dma_buf_needs *needs = request->needs;

	atomic_inc(&crowd->renewed);
	return crowd_storage(crowd, &needed[!!needs->contiguous + 2 * !!needs->granule]) ?:
	       ERR_PTR(-ENOMEM);
}

/* Scatter the memory if no device is attached. */
static bool crowd_scatter(struct crowd *crowd, struct dma_buf *dmabuf)
{
	struct dma_storage *new = crowd_storage(crowd, &scattered);
	int ret = -EBUSY;

	if (!new)
		return false;
	dma_resv_lock(dmabuf->resv, NULL);
	if (list_empty(&dmabuf->attachments))
		ret = dma_storage_replace(dmabuf, new);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		crowd_free(new);
	else
		atomic_inc(&crowd->scattered);
	return true;
}

/**
 * struct member - an importer
 * @crowd: the test's state
 * @dev: its device
 * @needs: what it states
 * @turn: number of its turns
 */
struct member {
	struct crowd *crowd;
	struct device *dev;
	struct dma_buf_needs needs;
	unsigned int turn;
};

static bool member_is_content(struct member *member, struct dma_buf *dmabuf)
{
	const struct dma_storage *storage;
	bool fits;

	dma_resv_lock(dmabuf->resv, NULL);
	storage = mock_storage_of(dmabuf)->storage;
	fits = dma_buf_needs_fit(&member->needs, NULL, storage->runs, storage->nr_runs, NULL);
	if (!list_is_singular(&dmabuf->attachments))
		atomic_inc(&member->crowd->together);
	dma_resv_unlock(dmabuf->resv);
	return fits;
}

static bool member_attach_to(struct member *member, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	bool content;

	if (!crowd_scatter(member->crowd, dmabuf))
		return false;
	attach = dma_buf_attach_with_needs(dmabuf, member->dev, NULL, NULL, &member->needs);
	if (IS_ERR(attach)) {
		atomic_inc(&member->crowd->busy);
		return member->crowd->maps && PTR_ERR(attach) == -EBUSY;
	}
	content = member_is_content(member, dmabuf);
	/* Stay sometimes until the others had a turn. */
	if (member->turn++ % 8)
		cond_resched();
	else
		schedule_timeout_uninterruptible(1);
	content &= member_is_content(member, dmabuf);
	dma_buf_detach(dmabuf, attach);
	return content;
}

static bool member_attach(void *data)
{
	struct member *member = data;

	return member_attach_to(member, member->crowd->dmabuf);
}

static bool crowd_pages_are(struct dma_buf *dmabuf, struct sg_table *sgt)
{
	struct sg_page_iter iter;
	unsigned long page = 0;
	bool right = true;

	dma_resv_lock(dmabuf->resv, NULL);
	for_each_sgtable_page(sgt, &iter, 0)
		right &= page_to_pfn(sg_page_iter_page(&iter)) ==
			 mock_storage_pfn(mock_storage_of(dmabuf)->storage, page++);
	dma_resv_unlock(dmabuf->resv);
	return right && page == PAGES;
}

/* Sleep until something has happened. */
static void crowd_wait(const atomic_t *times)
{
	unsigned long until = jiffies + msecs_to_jiffies(WAIT_MS);

	while (!atomic_read(times) && time_before(jiffies, until))
		schedule_timeout_uninterruptible(1);
}

/*
 * The first mapping of scattered memory stays until an attach was refused. Then none is made until
 * one was not.
 */
static bool crowd_map(void *data)
{
	struct crowd *crowd = data;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	bool right;

	if (!crowd_scatter(crowd, crowd->dmabuf))
		return false;
	attach = dma_buf_attach(crowd->dmabuf, crowd->maps);
	if (IS_ERR(attach))
		return false;
	/* Not through the core, whose debugging hides the pages. */
	sgt = mock_storage_map(attach, DMA_BIDIRECTIONAL);
	right = !IS_ERR(sgt) && crowd_pages_are(crowd->dmabuf, sgt);
	if (!IS_ERR(sgt)) {
		if (sgt->orig_nents == PAGES)
			crowd_wait(&crowd->busy);
		right &= crowd_pages_are(crowd->dmabuf, sgt);
		mock_storage_unmap(attach, sgt, DMA_BIDIRECTIONAL);
	}
	dma_buf_detach(crowd->dmabuf, attach);
	crowd_wait(&crowd->renewed);
	return right;
}

static struct crowd *crowd(struct kunit *test)
{
	struct crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);
	struct dma_storage *storage;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	if (!IS_ENABLED(CONFIG_HAS_DMA))
		kunit_skip(test, "devices do no DMA");
	spin_lock_init(&crowd->lock);
	storage = crowd_storage(crowd, &scattered);
	KUNIT_ASSERT_NOT_NULL(test, storage);
	for (u32 i = 0; i < PAGES; i++)
		mock_page_write(storage, i, i + 1);
	crowd->dmabuf = dma_storage_export(storage, "mock-storage", O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crowd->dmabuf);
	return crowd;
}

/* The test puts the buffer when it ends; as if its content had been written through it. */
static void crowd_own(struct kunit *test, struct crowd *crowd)
{
	mock_storage_own(test, crowd->dmabuf);
	mock_storage_of(crowd->dmabuf)->touched = true;
}

static struct member *crowd_members(struct kunit *test, struct crowd *crowd)
{
	struct member *members = kunit_kcalloc(test, 3, sizeof(*members), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, members);
	for (int i = 0; i < 3; i++) {
		members[i].crowd = crowd;
		members[i].dev = mock_device_masked(test, U64_MAX);
	}
	members[0].needs.contiguous = PAGES * PAGE_SIZE;
	members[1].needs.granule = GRANULE;
	members[2].needs.contiguous = 2 * PAGE_SIZE;
	return members;
}

static void crowd_expect(struct kunit *test, struct crowd *crowd)
{
	struct dma_storage_buffer *buffer = mock_storage_of(crowd->dmabuf);

	for (u32 i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(buffer->storage, i), i + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->storages), 1);
	KUNIT_EXPECT_GT(test, atomic_read(&crowd->scattered), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&crowd->renewed), 0);
	KUNIT_EXPECT_EQ(test, buffer->generation,
			atomic_read(&crowd->scattered) + atomic_read(&crowd->renewed));
	KUNIT_EXPECT_TRUE(test, list_empty(&crowd->dmabuf->attachments));
}

static void attach_against_attach(struct kunit *test)
{
	struct crowd *all = crowd(test);
	struct member *members = crowd_members(test, all);
	struct mock_job jobs[] = {
		{ .turn = member_attach, .data = &members[0] },
		{ .turn = member_attach, .data = &members[1] },
		{ .turn = member_attach, .data = &members[2] },
	};

	crowd_own(test, all);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&all->together), 0);
	crowd_expect(test, all);
}

static void attach_against_map(struct kunit *test)
{
	struct crowd *all = crowd(test);
	struct member *members = crowd_members(test, all);
	struct mock_job jobs[] = {
		{ .turn = crowd_map, .data = all },
		{ .turn = member_attach, .data = &members[0] },
		{ .turn = member_attach, .data = &members[1] },
	};

	crowd_own(test, all);
	all->maps = mock_device_masked(test, U64_MAX);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&all->busy), 0);
	crowd_expect(test, all);
}

static void member_attach_once(void *data)
{
	struct member *member = data;

	if (!member_attach(member))
		atomic_inc(&member->crowd->wrong);
}

/* The faults of this thread against the attaches of another, each of which replaces the memory. */
static void attach_against_faults(struct kunit *test)
{
	struct crowd *all = crowd(test);
	struct member *members = crowd_members(test, all);
	unsigned long deadline = jiffies + msecs_to_jiffies(300), addr;
	unsigned int wrong = 0;

	crowd_own(test, all);
	addr = mock_user_pages(test, all->dmabuf, 0, PAGES);
	while (time_before(jiffies, deadline)) {
		struct mock_thread *thread = mock_thread(test, member_attach_once, members);

		do {
			for (u32 i = 0; i < PAGES; i++)
				wrong += mock_user_read(test, addr + i * PAGE_SIZE) != i + 1;
			cond_resched();
		} while (!mock_thread_done(thread));
		mock_thread_join(test, thread);
	}
	mock_user_unmap(test, addr, PAGES);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&all->wrong), 0);
	crowd_expect(test, all);
}

/* Attach to the buffer that is there now. Its last reference may be put here. */
static bool member_attach_to_current(void *data)
{
	struct member *member = data;
	struct dma_buf *dmabuf;
	bool content;

	spin_lock(&member->crowd->lock);
	dmabuf = member->crowd->dmabuf;
	get_dma_buf(dmabuf);
	spin_unlock(&member->crowd->lock);
	content = member_attach_to(member, dmabuf);
	dma_buf_put(dmabuf);
	return content;
}

/* Close the buffer, and have another one in its place. */
static bool crowd_close(void *data)
{
	struct crowd *crowd = data;
	struct dma_storage *storage = crowd_storage(crowd, &scattered);
	struct dma_buf *dmabuf;

	if (!storage)
		return false;
	dmabuf = dma_storage_export(storage, "mock-storage", O_RDWR);
	if (IS_ERR(dmabuf)) {
		crowd_free(storage);
		return false;
	}
	spin_lock(&crowd->lock);
	swap(crowd->dmabuf, dmabuf);
	spin_unlock(&crowd->lock);
	dma_buf_put(dmabuf);
	return true;
}

static void attach_against_close(struct kunit *test)
{
	struct crowd *all = crowd(test);
	struct member *members = crowd_members(test, all);
	struct mock_job jobs[] = {
		{ .turn = crowd_close, .data = all },
		{ .turn = member_attach_to_current, .data = &members[0] },
		{ .turn = member_attach_to_current, .data = &members[1] },
	};

	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&all->renewed), 0);
	dma_buf_put(all->dmabuf);
	/* A worker releases the buffers of threads, and may still do so. */
	for (int ms = 0; atomic_read(&all->storages) && ms < WAIT_MS; ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&all->storages), 0);
}

static struct kunit_case dma_storage_attach_stress_cases[] = {
	KUNIT_CASE_PARAM(attach_against_attach, mock_priorities_gen_params),
	KUNIT_CASE_PARAM(attach_against_map, mock_priorities_gen_params),
	KUNIT_CASE(attach_against_faults),
	KUNIT_CASE_PARAM(attach_against_close, mock_priorities_gen_params),
	{}
};

static struct kunit_suite dma_storage_attach_stress_suite = {
	.name = "dma_storage_attach_stress",
	.init = mock_init,
	.test_cases = dma_storage_attach_stress_cases,
};

kunit_test_suite(dma_storage_attach_stress_suite);
