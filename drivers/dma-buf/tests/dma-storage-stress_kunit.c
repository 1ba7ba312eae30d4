// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of one buffer in several threads: devices map it, the CPU accesses it, the kernel maps
 * it, and its storage is replaced. The content must stay, and no table may have old pages.
 */

#include <linux/iosys-map.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "storage.h"
#include "threads.h"

#define STRESS_PAGES	8

/* Limit of a wait, after which the test fails. */
#define STRESS_WAIT_MS	5000

/**
 * struct stress - what the threads of a test share
 * @dmabuf: the buffer
 * @attach: attachments, one for each thread that maps
 * @storages: storages that exist
 * @replaced: number of replacements
 * @busy: number of replacements that failed because the buffer was in use
 * @renewed: number of storages that were allocated for a negotiation
 * @negotiated: number of negotiations that replaced the storage
 */
struct stress {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach[2];
	atomic_t storages;
	atomic_t replaced;
	atomic_t busy;
	atomic_t renewed;
	atomic_t negotiated;
};

/**
 * struct stress_storage - a storage of two runs, or of one
 * @base: the storage
 * @runs: the runs; a pfn of 0 for none
 * @stress: the test's state
 */
struct stress_storage {
	struct dma_storage base;
	struct dma_buf_run runs[2];
	struct stress *stress;
};

static void stress_free(struct dma_storage *base)
{
	struct stress_storage *storage = container_of(base, struct stress_storage, base);

	for (int i = 0; i < ARRAY_SIZE(storage->runs); i++)
		if (storage->runs[i].pfn)
			__free_pages(pfn_to_page(storage->runs[i].pfn),
				     get_order(storage->runs[i].nr_pages * PAGE_SIZE));
	atomic_dec(&storage->stress->storages);
	kfree(storage);
}

static struct dma_storage *stress_renew(struct dma_storage *base,
					const struct dma_storage_request *request);

static const struct dma_storage_ops stress_ops = {
	.free = stress_free,
	.renew = stress_renew,
};

static struct dma_storage *stress_storage_of(struct stress *stress, unsigned int nr_runs)
{
	struct stress_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);

	if (!storage)
		return NULL;
	storage->base.ops = &stress_ops;
	storage->base.nr_pages = STRESS_PAGES;
	storage->base.nr_runs = nr_runs;
	storage->base.runs = storage->runs;
	storage->stress = stress;
	atomic_inc(&stress->storages);
	for (unsigned int i = 0; i < nr_runs; i++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO,
						get_order(STRESS_PAGES / nr_runs * PAGE_SIZE));

		if (!page) {
			stress_free(&storage->base);
			return NULL;
		}
		storage->runs[i].pfn = page_to_pfn(page);
		storage->runs[i].nr_pages = STRESS_PAGES / nr_runs;
	}
	return &storage->base;
}

static struct dma_storage *stress_storage(struct stress *stress)
{
	return stress_storage_of(stress, 2);
}

static struct dma_storage *stress_renew(struct dma_storage *base,
					const struct dma_storage_request *request)
{
	struct stress *stress = container_of(base, struct stress_storage, base)->stress;

	atomic_inc(&stress->renewed);
	return stress_storage_of(stress, 1) ?: ERR_PTR(-ENOMEM);
}

/* Sleep until replacements have had this result. */
static void stress_wait(const atomic_t *replacements)
{
	unsigned long until = jiffies + msecs_to_jiffies(STRESS_WAIT_MS);

	while (!atomic_read(replacements) && time_before(jiffies, until))
		schedule_timeout_uninterruptible(1);
}

static bool stress_map(struct stress *stress, struct dma_buf_attachment *attach,
		       enum dma_data_direction dir)
{
	struct dma_buf *dmabuf = stress->dmabuf;
	struct sg_table *sgt;
	bool right;

	dma_resv_lock(dmabuf->resv, NULL);
	sgt = dmabuf->ops->map_dma_buf(attach, dir);
	if (IS_ERR(sgt)) {
		dma_resv_unlock(dmabuf->resv);
		return false;
	}
	right = page_to_pfn(sg_page(sgt->sgl)) == mock_storage_of(dmabuf)->storage->runs[0].pfn;
	dma_resv_unlock(dmabuf->resv);
	/*
	 * A gap in which the mapping exists and nobody holds the lock. The first mapping stays
	 * until a replacement has failed, the next one waits until one has succeeded.
	 */
	cond_resched();
	stress_wait(&stress->busy);
	mock_storage_unmap(attach, sgt, dir);
	stress_wait(&stress->replaced);
	return right;
}

static bool stress_map_first(void *data)
{
	struct stress *stress = data;

	return stress_map(stress, stress->attach[0], DMA_BIDIRECTIONAL);
}

static bool stress_map_second(void *data)
{
	struct stress *stress = data;

	/* DMA debugging warns about another mapping through which a device may write. */
	return stress_map(stress, stress->attach[1], DMA_TO_DEVICE);
}

static bool stress_access(void *data)
{
	struct dma_buf *dmabuf = ((struct stress *)data)->dmabuf;

	return !dmabuf->ops->begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL) &&
	       !dmabuf->ops->end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
}

static bool stress_vmap(void *data)
{
	struct stress *stress = data;
	struct dma_buf *dmabuf = stress->dmabuf;
	struct iosys_map map;
	bool right = true;

	if (dma_buf_vmap_unlocked(dmabuf, &map))
		return false;
	for (u32 i = 0; i < STRESS_PAGES; i++)
		right &= *(u32 *)(map.vaddr + i * PAGE_SIZE) == i + 1;
	stress_wait(&stress->busy);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	stress_wait(&stress->replaced);
	return right;
}

static bool stress_try_replace(struct stress *stress)
{
	struct dma_storage *new = stress_storage(stress);
	int ret;

	if (!new)
		return false;
	dma_resv_lock(stress->dmabuf->resv, NULL);
	ret = dma_storage_replace(stress->dmabuf, new);
	dma_resv_unlock(stress->dmabuf->resv);
	if (!ret) {
		atomic_inc(&stress->replaced);
		return true;
	}
	stress_free(new);
	atomic_inc(&stress->busy);
	return ret == -EBUSY;
}

/* The first turn ends when a replacement has succeeded and another one has failed. */
static bool stress_replace(void *data)
{
	struct stress *stress = data;
	unsigned long until = jiffies + msecs_to_jiffies(2 * STRESS_WAIT_MS);

	for (;;) {
		if (!stress_try_replace(stress))
			return false;
		if (atomic_read(&stress->replaced) && atomic_read(&stress->busy))
			return true;
		if (!time_before(jiffies, until))
			return false;
		schedule_timeout_uninterruptible(1);
	}
}

static void stress_replace_once(void *data)
{
	stress_try_replace(data);
}

/* Return 0 or an errno, as the negotiation with a device that needs contiguous memory. */
static int stress_try_negotiate(struct stress *stress)
{
	const struct dma_buf_needs must = { .contiguous = STRESS_PAGES * PAGE_SIZE }, want = {};
	struct dma_buf *dmabuf = stress->dmabuf;
	unsigned int generation;
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	generation = mock_storage_of(dmabuf)->generation;
	ret = dmabuf->ops->negotiate(dmabuf, &must, &want);
	if (mock_storage_of(dmabuf)->generation != generation) {
		atomic_inc(&stress->negotiated);
		atomic_inc(&stress->replaced);
	}
	dma_resv_unlock(dmabuf->resv);
	if (ret == -EBUSY)
		atomic_inc(&stress->busy);
	return ret;
}

/* Let the storage have two runs, and then one; as stress_replace(), until both have happened. */
static bool stress_negotiate(void *data)
{
	struct stress *stress = data;
	unsigned long until = jiffies + msecs_to_jiffies(2 * STRESS_WAIT_MS);
	int ret;

	for (;;) {
		if (!stress_try_replace(stress))
			return false;
		ret = stress_try_negotiate(stress);
		if (ret && ret != -EBUSY)
			return false;
		if (atomic_read(&stress->negotiated) && atomic_read(&stress->busy))
			return true;
		if (!time_before(jiffies, until))
			return false;
		schedule_timeout_uninterruptible(1);
	}
}

static void stress_negotiate_once(void *data)
{
	stress_try_replace(data);
	stress_try_negotiate(data);
}

static struct stress *stress_new(struct kunit *test)
{
	struct stress *stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);
	struct dma_storage *storage;

	KUNIT_ASSERT_NOT_NULL(test, stress);
	storage = stress_storage(stress);
	KUNIT_ASSERT_NOT_NULL(test, storage);
	for (u32 i = 0; i < STRESS_PAGES; i++)
		mock_page_write(storage, i, i + 1);
	stress->dmabuf = dma_storage_export(storage, "mock-storage", O_RDWR);
	mock_storage_own(test, stress->dmabuf);
	/* As if the content had been written through the buffer. */
	mock_storage_of(stress->dmabuf)->touched = true;
	for (int i = 0; i < ARRAY_SIZE(stress->attach); i++)
		stress->attach[i] = mock_attach(test, stress->dmabuf, NULL);
	return stress;
}

/* Expect the content, and that only the buffer's storage exists. */
static void stress_expect_content(struct kunit *test, struct stress *stress)
{
	struct dma_storage *storage = mock_storage_of(stress->dmabuf)->storage;

	for (u32 i = 0; i < STRESS_PAGES; i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(storage, i), i + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->storages), 1);
	KUNIT_EXPECT_EQ(test, mock_storage_of(stress->dmabuf)->generation,
			atomic_read(&stress->replaced));
	KUNIT_EXPECT_TRUE(test, list_empty(&mock_storage_of(stress->dmabuf)->mappings));
}

static void replace_against_devices_and_cpu_access(struct kunit *test)
{
	struct stress *stress = stress_new(test);
	struct mock_job jobs[] = {
		{ .turn = stress_map_first, .data = stress },
		{ .turn = stress_map_second, .data = stress },
		{ .turn = stress_access, .data = stress },
		{ .turn = stress_replace, .data = stress },
	};

	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&stress->replaced), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->busy), 0);
	stress_expect_content(test, stress);
}

static void replace_against_kernel_mappings(struct kunit *test)
{
	struct stress *stress = stress_new(test);
	struct mock_job jobs[] = {
		{ .turn = stress_vmap, .data = stress },
		{ .turn = stress_vmap, .data = stress },
		{ .turn = stress_access, .data = stress },
		{ .turn = stress_replace, .data = stress },
	};

	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&stress->replaced), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->busy), 0);
	stress_expect_content(test, stress);
}

/* The faults of this thread against the replacements of another. */
static void replace_against_faults(struct kunit *test)
{
	struct stress *stress = stress_new(test);
	unsigned long addr = mock_user_pages(test, stress->dmabuf, 0, STRESS_PAGES);
	unsigned long deadline = jiffies + msecs_to_jiffies(300);
	struct mock_thread *thread;
	unsigned int wrong = 0;

	while (time_before(jiffies, deadline)) {
		thread = mock_thread(test, stress_replace_once, stress);
		do {
			for (u32 i = 0; i < STRESS_PAGES; i++)
				wrong += mock_user_read(test, addr + i * PAGE_SIZE) != i + 1;
			cond_resched();
		} while (!mock_thread_done(thread));
		mock_thread_join(test, thread);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->replaced), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->busy), 0);
	mock_user_unmap(test, addr, STRESS_PAGES);
	stress_expect_content(test, stress);
}

/* A storage is allocated only if it can replace the old one. */
static void negotiate_against_devices_and_cpu_access(struct kunit *test)
{
	struct stress *stress = stress_new(test);
	struct mock_job jobs[] = {
		{ .turn = stress_map_first, .data = stress },
		{ .turn = stress_vmap, .data = stress },
		{ .turn = stress_access, .data = stress },
		{ .turn = stress_negotiate, .data = stress },
	};

	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_GT(test, atomic_read(&stress->negotiated), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->busy), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->negotiated), atomic_read(&stress->renewed));
	stress_expect_content(test, stress);
}

static void negotiate_against_faults(struct kunit *test)
{
	struct stress *stress = stress_new(test);
	unsigned long addr = mock_user_pages(test, stress->dmabuf, 0, STRESS_PAGES);
	unsigned long deadline = jiffies + msecs_to_jiffies(300);
	struct mock_thread *thread;
	unsigned int wrong = 0;

	while (time_before(jiffies, deadline)) {
		thread = mock_thread(test, stress_negotiate_once, stress);
		do {
			for (u32 i = 0; i < STRESS_PAGES; i++)
				wrong += mock_user_read(test, addr + i * PAGE_SIZE) != i + 1;
			cond_resched();
		} while (!mock_thread_done(thread));
		mock_thread_join(test, thread);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->negotiated), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->busy), 0);
	mock_user_unmap(test, addr, STRESS_PAGES);
	stress_expect_content(test, stress);
}

static struct kunit_case dma_storage_stress_cases[] = {
	KUNIT_CASE_PARAM(replace_against_devices_and_cpu_access, mock_priorities_gen_params),
	KUNIT_CASE_PARAM(replace_against_kernel_mappings, mock_priorities_gen_params),
	KUNIT_CASE(replace_against_faults),
	KUNIT_CASE_PARAM(negotiate_against_devices_and_cpu_access, mock_priorities_gen_params),
	KUNIT_CASE(negotiate_against_faults),
	{}
};

static struct kunit_suite dma_storage_stress_suite = {
	.name = "dma_storage_stress",
	.init = mock_init,
	.test_cases = dma_storage_stress_cases,
};

kunit_test_suite(dma_storage_stress_suite);
