// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of exporting a storage: what the buffer shows, and when the storage is freed.
 */

#include <kunit/static_stub.h>
#include <linux/fs.h>

#include "storage.h"

static void export_shows_size_name_and_access(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 3, 2);
	struct dma_buf *dmabuf = dma_storage_export(&storage->base, "mock-storage", O_RDONLY);

	mock_storage_own(test, dmabuf);
	KUNIT_EXPECT_EQ(test, dmabuf->size, 6 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vfs_llseek(dmabuf->file, 0, SEEK_END), 6 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, mock_storage_mode(dmabuf) == FMODE_READ);
}

static void export_has_a_fresh_state(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 1, 1);
	struct dma_storage_buffer *buffer = mock_storage_of(mock_storage_buffer(test, storage));

	KUNIT_EXPECT_PTR_EQ(test, buffer->storage, &storage->base);
	KUNIT_EXPECT_FALSE(test, buffer->touched);
	KUNIT_EXPECT_EQ(test, buffer->generation, 0);
	KUNIT_EXPECT_NULL(test, buffer->vaddr);
	KUNIT_EXPECT_TRUE(test, list_empty(&buffer->mappings));
}

/* Static importers of a dynamic exporter would be mapped from attach to detach. */
static void exporter_is_static(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 1, 1));

	KUNIT_EXPECT_NULL(test, dmabuf->ops->pin);
	KUNIT_EXPECT_NULL(test, dmabuf->ops->unpin);
	KUNIT_EXPECT_FALSE(test, dmabuf->ops->cache_sgt_mapping);
}

static void release_frees_the_storage_once(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 2, 2);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);

	get_dma_buf(dmabuf);
	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, storage->freed, 0);
	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, storage->freed, 1);
}

static struct file *no_open(struct dma_buf_object *obj, int flags)
{
	return ERR_PTR(-ENFILE);
}

static void export_failure_leaves_the_storage_to_the_caller(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 1, 1);

	kunit_activate_static_stub(test, dma_buf_object_open, no_open);
	KUNIT_EXPECT_EQ(test, -ENFILE,
			PTR_ERR(dma_storage_export(&storage->base, "mock-storage", O_RDWR)));
	kunit_deactivate_static_stub(test, dma_buf_object_open);
	KUNIT_EXPECT_EQ(test, storage->freed, 0);
	/* The caller may try again. */
	mock_storage_put(test, mock_storage_buffer(test, storage));
	KUNIT_EXPECT_EQ(test, storage->freed, 1);
}

/* A dynamic importer of a static exporter is mapped from attach to detach. */
static void dynamic_importer_can_map(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_storage_buffer(test, mock_storage(test, 2, 2));
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
}

static struct kunit_case dma_storage_cases[] = {
	KUNIT_CASE(export_shows_size_name_and_access),
	KUNIT_CASE(export_has_a_fresh_state),
	KUNIT_CASE(exporter_is_static),
	KUNIT_CASE(release_frees_the_storage_once),
	KUNIT_CASE(export_failure_leaves_the_storage_to_the_caller),
	KUNIT_CASE(dynamic_importer_can_map),
	{}
};

static struct kunit_suite dma_storage_suite = {
	.name = "dma_storage",
	.init = mock_init,
	.test_cases = dma_storage_cases,
};

kunit_test_suite(dma_storage_suite);
