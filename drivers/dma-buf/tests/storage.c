// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storages of the page allocator's pages, buffers of them, and mappings of buffers in user
 * memory.
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "storage.h"

#define MOCK_DMA_RESOURCE	"dmabuf-mock-dma"
#define MOCK_POOL_RESOURCE	"dmabuf-mock-storages"
#define MOCK_STORAGES		16

/**
 * struct mock_storage_pool - the storages of a test
 * @res: KUnit's resource of the pool
 * @used: number of storages in use or freed
 * @storages: the storages
 */
struct mock_storage_pool {
	struct kunit_resource res;
	unsigned int used;
	struct mock_storage storages[MOCK_STORAGES];
};

/* A run has the first half of a block, so that it is adjacent to no other run. */
static unsigned int mock_run_order(const struct dma_buf_run *run)
{
	return get_order(run->nr_pages << PAGE_SHIFT) + 1;
}

static void mock_storage_op_free(struct dma_storage *base)
{
	struct mock_storage *storage = container_of(base, struct mock_storage, base);
	struct mock_context *ctx = storage->test->priv;

	KUNIT_EXPECT_EQ(storage->test, storage->freed, 0);
	if (storage->freed++)
		return;
	for (unsigned int i = 0; i < base->nr_runs; i++)
		__free_pages(pfn_to_page(base->runs[i].pfn), mock_run_order(&base->runs[i]));
	atomic_dec(&ctx->buffers);
}

static const struct dma_storage_ops mock_storage_ops = {
	.free = mock_storage_op_free,
};

/*
 * Return a storage without runs. The first one is made before the first buffer, so KUnit frees
 * all of them after the buffers, also those that replace others later.
 */
static struct mock_storage *mock_storage_new(struct kunit *test)
{
	struct kunit_resource *res = kunit_find_named_resource(test, MOCK_POOL_RESOURCE);
	struct mock_storage_pool *pool;

	if (res) {
		pool = res->data;
		kunit_put_resource(res);
	} else {
		pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pool);
		KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, &pool->res,
								  MOCK_POOL_RESOURCE, pool));
	}
	KUNIT_ASSERT_LT(test, pool->used, MOCK_STORAGES);
	return &pool->storages[pool->used++];
}

struct mock_storage *mock_storage(struct kunit *test, unsigned int nr_runs,
				  unsigned int pages_per_run)
{
	struct mock_storage *storage = mock_storage_new(test);
	struct mock_context *ctx = test->priv;

	KUNIT_ASSERT_LE(test, nr_runs, MOCK_STORAGE_RUNS);
	for (unsigned int i = 0; i < nr_runs; i++) {
		struct dma_buf_run *run = &storage->runs[i];
		struct page *page;

		run->nr_pages = pages_per_run;
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO, mock_run_order(run));
		KUNIT_ASSERT_NOT_NULL(test, page);
		run->pfn = page_to_pfn(page);
	}
	storage->test = test;
	storage->base.ops = &mock_storage_ops;
	storage->base.nr_pages = nr_runs * pages_per_run;
	storage->base.nr_runs = nr_runs;
	storage->base.runs = storage->runs;
	/* mock_init() expects at the end that each was freed. */
	atomic_inc(&ctx->buffers);
	return storage;
}

void mock_storage_free(struct mock_storage *storage)
{
	mock_storage_op_free(&storage->base);
}

unsigned long mock_storage_pfn(const struct dma_storage *storage, unsigned long page)
{
	const struct dma_buf_run *run = storage->runs;

	for (; page >= run->nr_pages; run++)
		page -= run->nr_pages;
	return run->pfn + page;
}

static struct page *mock_storage_page(const struct dma_storage *storage, unsigned long page)
{
	return pfn_to_page(mock_storage_pfn(storage, page));
}

u32 mock_page_read(const struct dma_storage *storage, unsigned long page)
{
	u32 *vaddr = kmap_local_page(mock_storage_page(storage, page));
	u32 value;

	flush_dcache_page(mock_storage_page(storage, page));
	value = READ_ONCE(*vaddr);
	kunmap_local(vaddr);
	return value;
}

void mock_page_write(const struct dma_storage *storage, unsigned long page, u32 value)
{
	u32 *vaddr = kmap_local_page(mock_storage_page(storage, page));

	WRITE_ONCE(*vaddr, value);
	flush_dcache_page(mock_storage_page(storage, page));
	kunmap_local(vaddr);
}

static void mock_storage_action(void *dmabuf)
{
	dma_buf_put(dmabuf);
	mock_flush();
}

void mock_storage_own(struct kunit *test, struct dma_buf *dmabuf)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_storage_action, dmabuf));
}

struct dma_buf *mock_storage_buffer(struct kunit *test, struct mock_storage *storage)
{
	struct dma_buf *dmabuf = dma_storage_export(&storage->base, "mock-storage", O_RDWR);

	mock_storage_own(test, dmabuf);
	return dmabuf;
}

void mock_storage_put(struct kunit *test, struct dma_buf *dmabuf)
{
	kunit_release_action(test, mock_storage_action, dmabuf);
}

fmode_t mock_storage_mode(struct dma_buf *dmabuf)
{
	return dmabuf->file->f_mode & (FMODE_READ | FMODE_WRITE);
}

struct dma_storage_buffer *mock_storage_of(struct dma_buf *dmabuf)
{
	return dmabuf->priv;
}

int mock_storage_replace(struct dma_buf *dmabuf, struct mock_storage *new)
{
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_storage_replace(dmabuf, &new->base);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

void mock_storage_expect_fixed(struct kunit *test, struct dma_buf *dmabuf)
{
	const struct dma_buf_needs met = { .contiguous = PAGE_SIZE }, nothing = {};
	/* No buffer begins at a multiple of this. */
	const struct dma_buf_needs unmet = { .granule = SIZE_MAX / 2 + 1 };
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;

	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->negotiate(dmabuf, &met, &nothing), 0);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->negotiate(dmabuf, &met, &unmet), 0);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->negotiate(dmabuf, &unmet, &nothing), -EOPNOTSUPP);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_PTR_EQ(test, mock_storage_of(dmabuf)->storage, storage);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->generation, 0);
}

struct sg_table *mock_storage_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	struct sg_table *sgt;

	dma_resv_lock(dmabuf->resv, NULL);
	sgt = dmabuf->ops->map_dma_buf(attach, dir);
	dma_resv_unlock(dmabuf->resv);
	return sgt;
}

void mock_storage_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir)
{
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	dmabuf->ops->unmap_dma_buf(attach, sgt, dir);
	dma_resv_unlock(dmabuf->resv);
}

static struct mock_dma *mock_dma_record(char call, enum dma_data_direction dir)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = kunit_find_named_resource(test, MOCK_DMA_RESOURCE);
	struct mock_dma *dma = res->data;

	dma->used += scnprintf(dma->text + dma->used, sizeof(dma->text) - dma->used,
			       "%s%c%c", dma->used ? "," : "", call, "btf"[dir]);
	kunit_put_resource(res);
	return dma;
}

static int mock_dma_map(struct dma_storage_mapping *mapping)
{
	struct mock_dma *dma = mock_dma_record('m', mapping->dir);
	int error = dma->error;
	struct scatterlist *sg;
	unsigned int i;

	dma->error = 0;
	if (error)
		return error;
	for_each_sgtable_sg(&mapping->sgt, sg, i) {
		sg_dma_address(sg) = sg_phys(sg);
		sg_dma_len(sg) = sg->length;
	}
	mapping->sgt.nents = mapping->sgt.orig_nents;
	return 0;
}

static void mock_dma_unmap(struct dma_storage_mapping *mapping)
{
	mock_dma_record('u', mapping->dir);
}

static void mock_dma_sync_for_cpu(struct dma_storage_mapping *mapping)
{
	mock_dma_record('c', mapping->dir);
}

static void mock_dma_sync_for_device(struct dma_storage_mapping *mapping)
{
	mock_dma_record('d', mapping->dir);
}

struct mock_dma *mock_dma(struct kunit *test)
{
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	struct mock_dma *dma = kunit_kzalloc(test, sizeof(*dma), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_NOT_NULL(test, dma);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res,
							  MOCK_DMA_RESOURCE, dma));
	kunit_activate_static_stub(test, dma_storage_dma_map, mock_dma_map);
	kunit_activate_static_stub(test, dma_storage_dma_unmap, mock_dma_unmap);
	kunit_activate_static_stub(test, dma_storage_sync_for_cpu, mock_dma_sync_for_cpu);
	kunit_activate_static_stub(test, dma_storage_sync_for_device,
				   mock_dma_sync_for_device);
	return dma;
}

const char *mock_dma_calls(struct kunit *test, struct mock_dma *dma)
{
	char *text = kunit_kstrdup(test, dma->text, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	dma->text[0] = '\0';
	dma->used = 0;
	return text;
}

unsigned long mock_user_mmap(struct kunit *test, struct dma_buf *dmabuf, unsigned long pgoff,
			     unsigned long pages, unsigned long prot, unsigned long flags)
{
	mock_user_memory(test, PAGE_SIZE);
	return kunit_vm_mmap(test, dmabuf->file, 0, pages << PAGE_SHIFT, prot, flags,
			     pgoff << PAGE_SHIFT);
}

unsigned long mock_user_pages(struct kunit *test, struct dma_buf *dmabuf, unsigned long pgoff,
			      unsigned long pages)
{
	unsigned long addr = mock_user_mmap(test, dmabuf, pgoff, pages,
					    PROT_READ | PROT_WRITE, MAP_SHARED);

	KUNIT_ASSERT_FALSE(test, !addr || IS_ERR_VALUE(addr));
	return addr;
}

void mock_user_unmap(struct kunit *test, unsigned long addr, unsigned long pages)
{
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, pages << PAGE_SHIFT));
	mock_flush();
}

unsigned long mock_user_pfn(unsigned long addr)
{
	struct follow_pfnmap_args args = { .address = addr };
	unsigned long pfn = 0;

	mmap_read_lock(current->mm);
	args.vma = find_vma(current->mm, addr);
	if (args.vma && !follow_pfnmap_start(&args)) {
		pfn = args.pfn;
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(current->mm);
	return pfn;
}

u32 mock_user_read(struct kunit *test, unsigned long addr)
{
	u32 value;
	int ret = get_user(value, (u32 __user *)addr);

	KUNIT_ASSERT_EQ(test, ret, 0);
	return value;
}

void mock_user_write(struct kunit *test, unsigned long addr, u32 value)
{
	int ret = put_user(value, (u32 __user *)addr);

	KUNIT_ASSERT_EQ(test, ret, 0);
}

MODULE_IMPORT_NS(DMA_BUF_HEAP);
