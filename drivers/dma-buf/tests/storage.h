/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Storages of the page allocator's pages, buffers of them, and mappings of buffers in user
 * memory.
 */
#ifndef _DMA_BUF_TESTS_STORAGE_H
#define _DMA_BUF_TESTS_STORAGE_H

#include <linux/pci.h>

#include "../storage/dma-storage-private.h"
#include "mock-buffer.h"

/* The bus of PCI devices, or NULL in a kernel without PCI. */
#ifdef CONFIG_PCI
#define MOCK_PCI_BUS		(&pci_bus_type)
#else
#define MOCK_PCI_BUS		NULL
#endif

#define MOCK_STORAGE_RUNS	8

/**
 * struct mock_storage - a storage of a test
 * @base: the storage
 * @runs: its runs
 * @test: the test
 * @freed: number of calls of its free function
 */
struct mock_storage {
	struct dma_storage base;
	struct dma_buf_run runs[MOCK_STORAGE_RUNS];
	struct kunit *test;
	unsigned int freed;
};

/* Make a storage of zeroed pages. No two runs are adjacent. Who uses it frees it. */
struct mock_storage *mock_storage(struct kunit *test, unsigned int nr_runs,
				  unsigned int pages_per_run);
/* Free a storage that no buffer has. */
void mock_storage_free(struct mock_storage *storage);
/* Return the page number at a page offset, whatever exporter the storage has. */
unsigned long mock_storage_pfn(const struct dma_storage *storage, unsigned long page);

/* The first 32 bits of a page of a storage. */
u32 mock_page_read(const struct dma_storage *storage, unsigned long page);
void mock_page_write(const struct dma_storage *storage, unsigned long page, u32 value);

/* Export the storage. The test puts the buffer when it ends. */
struct dma_buf *mock_storage_buffer(struct kunit *test, struct mock_storage *storage);
/* Put a buffer now, and wait for its release. */
void mock_storage_put(struct kunit *test, struct dma_buf *dmabuf);
/* Take the reference of a buffer that the test has got from a heap. */
void mock_storage_own(struct kunit *test, struct dma_buf *dmabuf);

/* Return whether the file of a buffer was opened for reading, for writing, or for both. */
fmode_t mock_storage_mode(struct dma_buf *dmabuf);
struct dma_storage_buffer *mock_storage_of(struct dma_buf *dmabuf);
int mock_storage_replace(struct dma_buf *dmabuf, struct mock_storage *new);
/* Expect that the memory stays, and that needs that it does not meet are refused. */
void mock_storage_expect_fixed(struct kunit *test, struct dma_buf *dmabuf);

/* Call the exporter's map and unmap with the reservation lock held. */
struct sg_table *mock_storage_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir);
void mock_storage_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir);

/**
 * struct mock_dma - the calls of the DMA API by the test's thread
 * @error: errno of the next map, or 0; reset by that map
 * @used: bytes of @text
 * @text: the calls since mock_dma_calls(): "m" map, "u" unmap, "c" sync for the CPU, "d" sync
 *	for the device, followed by "b", "t" or "f" for the direction; between them ","
 */
struct mock_dma {
	int error;
	size_t used;
	char text[64];
};

/*
 * Record the calls from now on. They do not reach the DMA API, whose debugging warns about two
 * mappings of one page, if devices may write through both.
 */
struct mock_dma *mock_dma(struct kunit *test);
/* Return the calls since the last time. */
const char *mock_dma_calls(struct kunit *test, struct mock_dma *dma);

/* Map a part of a buffer in user memory, or return an errno. Skips if there is none. */
unsigned long mock_user_mmap(struct kunit *test, struct dma_buf *dmabuf, unsigned long pgoff,
			     unsigned long pages, unsigned long prot, unsigned long flags);
/* Map a part of a buffer shared, for reading and writing, asserting success. */
unsigned long mock_user_pages(struct kunit *test, struct dma_buf *dmabuf, unsigned long pgoff,
			      unsigned long pages);
/* Unmap, which each test does that has mapped: its memory may outlive its objects. */
void mock_user_unmap(struct kunit *test, unsigned long addr, unsigned long pages);
/* Return the number of the page entered at a user address, or 0 for none. */
unsigned long mock_user_pfn(unsigned long addr);
/* Access the 32 bits at a user address as a program would. */
u32 mock_user_read(struct kunit *test, unsigned long addr);
void mock_user_write(struct kunit *test, unsigned long addr, u32 value);

#endif /* _DMA_BUF_TESTS_STORAGE_H */
