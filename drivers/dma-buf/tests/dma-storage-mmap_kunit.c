// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of userspace mappings: which areas are accepted, which pages the first fault enters,
 * and that nobody gets a reference to one of the pages.
 */

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>

#include "storage.h"

/* Parts of a buffer of four runs of two pages. */
static const struct mmap_row {
	const char *desc;
	unsigned long pgoff;
	unsigned long pages;
	unsigned long touched;
} mmap_rows[] = {
	{ "all, first page touched", 0, 8, 0 },
	{ "all, last page touched", 0, 8, 7 },
	{ "all, a page between touched", 0, 8, 3 },
	{ "the first page", 0, 1, 0 },
	{ "the last page", 7, 1, 0 },
	{ "one whole run", 2, 2, 1 },
	{ "the second half of a run", 3, 1, 0 },
	{ "the halves of two runs", 3, 2, 1 },
	{ "across three runs", 1, 4, 2 },
};

KUNIT_ARRAY_PARAM_DESC(mmap, mmap_rows, desc);

static struct dma_buf *mmap_buffer(struct kunit *test)
{
	return mock_storage_buffer(test, mock_storage(test, 4, 2));
}

static unsigned long mmap_pfn(struct dma_buf *dmabuf, unsigned long page)
{
	return mock_storage_pfn(mock_storage_of(dmabuf)->storage, page);
}

static void first_fault_enters_the_whole_area(struct kunit *test)
{
	const struct mmap_row *row = test->param_value;
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, row->pgoff, row->pages);

	for (unsigned long i = 0; i < row->pages; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + row->touched * PAGE_SIZE), 0);
	for (unsigned long i = 0; i < row->pages; i++)
		KUNIT_EXPECT_EQ_MSG(test, mock_user_pfn(addr + i * PAGE_SIZE),
				    mmap_pfn(dmabuf, row->pgoff + i), "page %lu", i);
	mock_user_unmap(test, addr, row->pages);
}

static void stores_reach_the_pages(struct kunit *test)
{
	const struct mmap_row *row = test->param_value;
	struct dma_buf *dmabuf = mmap_buffer(test);
	struct dma_storage *storage = mock_storage_of(dmabuf)->storage;
	unsigned long addr = mock_user_pages(test, dmabuf, row->pgoff, row->pages);

	for (unsigned long i = 0; i < row->pages; i++)
		mock_user_write(test, addr + i * PAGE_SIZE, row->pgoff + i + 1);
	for (unsigned long i = 0; i < storage->nr_pages; i++) {
		bool mapped = i >= row->pgoff && i < row->pgoff + row->pages;

		KUNIT_EXPECT_EQ(test, mock_page_read(storage, i), mapped ? i + 1 : 0);
	}
	mock_user_unmap(test, addr, row->pages);
}

static void later_fault_enters_what_was_zapped(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);

	mock_user_write(test, addr + 2 * PAGE_SIZE, 3);
	/* Of pages that are not all of the area, and begin and end inside a run. */
	unmap_mapping_range(dmabuf->file->f_mapping, PAGE_SIZE, 4 * PAGE_SIZE, 1);
	KUNIT_EXPECT_NE(test, mock_user_pfn(addr), 0);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + 2 * PAGE_SIZE), 3);
	for (unsigned long i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				mmap_pfn(dmabuf, i));
	mock_user_unmap(test, addr, 8);
}

/* The rest is two areas, and a fault enters the pages of one. */
static void area_with_a_hole(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);
	u32 value __maybe_unused;
	int ret;

	mock_user_unmap(test, addr + 3 * PAGE_SIZE, 2);
	mock_user_write(test, addr + 6 * PAGE_SIZE, 7);
	for (unsigned long i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE), 0);
	for (unsigned long i = 5; i < 8; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				mmap_pfn(dmabuf, i));
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + PAGE_SIZE), 0);
	for (unsigned long i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				mmap_pfn(dmabuf, i));
	ret = get_user(value, (u32 __user *)(addr + 4 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ret, -EFAULT);
	mock_user_unmap(test, addr + 5 * PAGE_SIZE, 3);
	mock_user_unmap(test, addr, 3);
}

static void two_mappings_show_the_same_pages(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long one = mock_user_pages(test, dmabuf, 0, 8);
	unsigned long two = mock_user_pages(test, dmabuf, 4, 4);

	mock_user_write(test, one + 5 * PAGE_SIZE, 6);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, two + PAGE_SIZE), 6);
	mock_user_unmap(test, two, 4);
	mock_user_unmap(test, one, 8);
}

static const struct {
	const char *desc;
	unsigned long pages;
} private_rows[] = {
	{ "one page", 1 },
	{ "two pages", 2 },
	{ "all pages", 8 },
};

KUNIT_ARRAY_PARAM_DESC(private, private_rows, desc);

static void private_mapping_is_refused(struct kunit *test)
{
	const typeof(private_rows[0]) *row = test->param_value;
	struct dma_buf *dmabuf = mmap_buffer(test);

	KUNIT_EXPECT_EQ(test, (long)mock_user_mmap(test, dmabuf, 0, row->pages,
						   PROT_READ | PROT_WRITE, MAP_PRIVATE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, (long)mock_user_mmap(test, dmabuf, 0, row->pages, PROT_READ,
						   MAP_PRIVATE), -EINVAL);
}

static void mapping_beyond_the_end_is_refused(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);

	KUNIT_EXPECT_EQ(test, (long)mock_user_mmap(test, dmabuf, 0, 9, PROT_READ, MAP_SHARED),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, (long)mock_user_mmap(test, dmabuf, 8, 1, PROT_READ, MAP_SHARED),
			-EINVAL);
}

/* Areas of a mapping of eight pages, of a storage that ends after six. */
static const struct {
	const char *desc;
	unsigned long pgoff;
	unsigned long pages;
	vm_fault_t ret;
} fault_rows[] = {
	{ "the last page", 5, 1, VM_FAULT_NOPAGE },
	{ "the first page behind the end", 6, 1, VM_FAULT_SIGBUS },
	{ "the second page behind the end", 7, 1, VM_FAULT_SIGBUS },
	{ "the last page and one more", 5, 2, VM_FAULT_SIGBUS },
	{ "all pages and two more", 0, 8, VM_FAULT_SIGBUS },
};

KUNIT_ARRAY_PARAM_DESC(fault, fault_rows, desc);

/* Call the fault handlers of the area at @addr, one after the other. */
static void fault_expect(struct kunit *test, unsigned long addr, vm_fault_t ret)
{
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma) {
		struct vm_fault vmf = { .vma = vma, .address = addr };

		KUNIT_EXPECT_TRUE(test, vma->vm_ops->fault(&vmf) == ret);
		KUNIT_EXPECT_TRUE(test, vma->vm_ops->huge_fault(&vmf, PMD_ORDER) == ret);
	}
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
}

/*
 * No area exceeds the buffer: mmap refuses it (mapping_beyond_the_end_is_refused), and so does
 * mremap. So the storage is made shorter than the buffer. CVE-2023-2008 and CVE-2024-46852
 * were faults beyond the end that entered a page.
 */
static void fault_beyond_the_end(struct kunit *test)
{
	const typeof(fault_rows[0]) *row = test->param_value;
	struct mock_storage *storage = mock_storage(test, 4, 2);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	unsigned long addr = mock_user_pages(test, dmabuf, row->pgoff, row->pages);
	bool enters = row->ret == VM_FAULT_NOPAGE;

	storage->base.nr_runs = 3;
	storage->base.nr_pages = 6;
	fault_expect(test, addr, row->ret);
	storage->base.nr_runs = 4;
	storage->base.nr_pages = 8;

	for (unsigned long i = 0; i < row->pages; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				enters ? mmap_pfn(dmabuf, row->pgoff + i) : 0);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->touched, enters);
	mock_user_unmap(test, addr, row->pages);
}

static void read_only_buffer_has_no_writable_mapping(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 1, 2);
	struct dma_buf *dmabuf = dma_storage_export(&storage->base, "mock-storage", O_RDONLY);
	unsigned long addr;
	int ret;

	mock_storage_own(test, dmabuf);
	KUNIT_EXPECT_EQ(test, (long)mock_user_mmap(test, dmabuf, 0, 2, PROT_READ | PROT_WRITE,
						   MAP_SHARED), -EACCES);
	addr = mock_user_mmap(test, dmabuf, 0, 2, PROT_READ, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 0);
	ret = put_user(1, (u32 __user *)addr);
	KUNIT_EXPECT_EQ(test, ret, -EFAULT);
	KUNIT_EXPECT_EQ(test, mock_page_read(&storage->base, 0), 0);
	mock_user_unmap(test, addr, 2);
}

static void area_has_pages_without_struct_page(struct kunit *test)
{
	const vm_flags_t wanted = VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_SHARED;
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, addr);
	if (vma) {
		KUNIT_EXPECT_EQ(test, vma->vm_flags & wanted, wanted);
		KUNIT_EXPECT_EQ(test, vma->vm_flags & (VM_MIXEDMAP | VM_IO), 0);
	}
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	mock_user_unmap(test, addr, 8);
}

/*
 * fork() calls the open callback of the child's area, and then copies pages unless the area has
 * this flag. It would race with a replacement.
 */
static void fork_copies_no_page(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);
	struct vm_area_struct *vma;

	mmap_write_lock(current->mm);
	vma = find_vma(current->mm, addr);
	if (vma) {
		/* As MADV_KEEPONFORK does. */
		vm_flags_clear(vma, VM_WIPEONFORK);
		if (vma->vm_ops->open)
			vma->vm_ops->open(vma);
		KUNIT_EXPECT_TRUE(test, vma->vm_flags & VM_WIPEONFORK);
	}
	mmap_write_unlock(current->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	mock_user_unmap(test, addr, 8);
}

static int huge_fault(struct vm_area_struct *vma, unsigned int order, enum fault_flag flags)
{
	struct vm_fault vmf = { .vma = vma, .address = vma->vm_start, .flags = flags };

	return (__force int)vma->vm_ops->huge_fault(&vmf, order);
}

/* Otherwise the process could turn huge pages off while they are entered. */
static void huge_fault_needs_the_mmap_lock(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);
	int small = 0, locked = 0;
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, addr);
	if (vma) {
		small = huge_fault(vma, 0, 0);
		/* The fault drops this lock. */
		if (vma_start_read(vma) || !IS_ENABLED(CONFIG_PER_VMA_LOCK))
			locked = huge_fault(vma, PMD_ORDER, FAULT_FLAG_VMA_LOCK);
	}
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, small, (__force int)VM_FAULT_FALLBACK);
	KUNIT_EXPECT_EQ(test, locked, (__force int)VM_FAULT_RETRY);
	for (unsigned long i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE), 0);
	mock_user_unmap(test, addr, 8);
}

/* Otherwise a page could be in use after the mappings were zapped. */
static void nobody_gets_a_page_of_the_area(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);
	struct page *page = NULL;

	/* Before and after the fault. */
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, get_user_pages_fast(addr, 1, FOLL_WRITE, &page), -EFAULT);
		KUNIT_EXPECT_EQ(test, get_user_pages_fast(addr, 1, 0, &page), -EFAULT);
		KUNIT_EXPECT_EQ(test, pin_user_pages_fast(addr, 1, FOLL_WRITE | FOLL_LONGTERM,
							  &page), -EFAULT);
		mock_user_write(test, addr, 1);
	}
	mock_user_unmap(test, addr, 8);
}

static void mmap_touches_at_the_first_fault(struct kunit *test)
{
	struct dma_buf *dmabuf = mmap_buffer(test);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 8);

	KUNIT_EXPECT_FALSE(test, mock_storage_of(dmabuf)->touched);
	mock_user_read(test, addr);
	KUNIT_EXPECT_TRUE(test, mock_storage_of(dmabuf)->touched);
	mock_user_unmap(test, addr, 8);
	KUNIT_EXPECT_TRUE(test, mock_storage_of(dmabuf)->touched);
}

/* The mapping holds the buffer, and the buffer its pages. */
static void mapping_outlives_the_buffer(struct kunit *test)
{
	struct mock_storage *storage = mock_storage(test, 1, 4);
	struct dma_buf *dmabuf = mock_storage_buffer(test, storage);
	unsigned long addr = mock_user_pages(test, dmabuf, 0, 4);

	mock_user_write(test, addr, 1);
	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, storage->freed, 0);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 1);
	mock_user_unmap(test, addr, 4);
	KUNIT_EXPECT_EQ(test, storage->freed, 1);
}

#define HUGE_PAGES	(PMD_SIZE >> PAGE_SHIFT)

/*
 * Map a buffer of one run that fills a huge page, @offset pages above an address at which a
 * huge page can be.
 */
static unsigned long huge_map(struct kunit *test, struct dma_buf **dmabuf,
			      unsigned long offset)
{
	unsigned long addr;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ||
	    !IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP))
		kunit_skip(test, "this kernel has no huge pages without struct page");
	*dmabuf = mock_storage_buffer(test, mock_storage(test, 1, HUGE_PAGES));
	addr = ALIGN(mock_user_memory(test, 3 * PMD_SIZE), PMD_SIZE) + offset * PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, addr, kunit_vm_mmap(test, (*dmabuf)->file, addr, PMD_SIZE,
						  PROT_READ | PROT_WRITE,
						  MAP_SHARED | MAP_FIXED, 0));
	return addr;
}

/* Return whether a huge page was entered at the address, where something was entered. */
static bool huge_at(unsigned long addr)
{
	bool huge;

	mmap_read_lock(current->mm);
	huge = pmd_leaf(pmdp_get_lockless(pmd_off(current->mm, addr)));
	mmap_read_unlock(current->mm);
	return huge;
}

static void huge_expect_pages(struct kunit *test, struct dma_buf *dmabuf, unsigned long addr)
{
	unsigned long wrong = 0;

	for (unsigned long i = 0; i < HUGE_PAGES; i++)
		wrong += mock_user_pfn(addr + i * PAGE_SIZE) != mmap_pfn(dmabuf, i);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static void huge_page_where_addresses_are_aligned(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr = huge_map(test, &dmabuf, 0);
	const struct dma_storage *storage = mock_storage_of(dmabuf)->storage;

	mock_user_write(test, addr + 300 * PAGE_SIZE, 301);
	KUNIT_EXPECT_TRUE(test, huge_at(addr));
	huge_expect_pages(test, dmabuf, addr);
	mock_user_write(test, addr + (HUGE_PAGES - 1) * PAGE_SIZE, HUGE_PAGES);
	KUNIT_EXPECT_EQ(test, mock_page_read(storage, 300), 301);
	KUNIT_EXPECT_EQ(test, mock_page_read(storage, HUGE_PAGES - 1), HUGE_PAGES);
	mock_user_unmap(test, addr, HUGE_PAGES);
}

static void small_pages_where_addresses_are_not_aligned(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr = huge_map(test, &dmabuf, 1);

	mock_user_write(test, addr, 1);
	KUNIT_EXPECT_FALSE(test, huge_at(addr));
	huge_expect_pages(test, dmabuf, addr);
	mock_user_unmap(test, addr, HUGE_PAGES);
}

/* The huge page is dropped as a whole, and the next fault enters small pages or a huge one. */
static void huge_page_after_a_part_was_zapped(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr = huge_map(test, &dmabuf, 0);

	mock_user_write(test, addr, 1);
	unmap_mapping_range(dmabuf->file->f_mapping, 5 * PAGE_SIZE, PAGE_SIZE, 1);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + 5 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + 5 * PAGE_SIZE), 0);
	huge_expect_pages(test, dmabuf, addr);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 1);
	mock_user_unmap(test, addr, HUGE_PAGES);
}

/* The rest of the area stays, in small pages. */
static void huge_page_after_a_part_was_unmapped(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr = huge_map(test, &dmabuf, 0);

	mock_user_write(test, addr + 8 * PAGE_SIZE, 9);
	mock_user_unmap(test, addr, 8);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + 8 * PAGE_SIZE), 9);
	for (unsigned long i = 8; i < 16; i++)
		KUNIT_EXPECT_EQ(test, mock_user_pfn(addr + i * PAGE_SIZE),
				mmap_pfn(dmabuf, i));
	mock_user_unmap(test, addr + 8 * PAGE_SIZE, HUGE_PAGES - 8);
}

static void huge_page_is_replaced(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr = huge_map(test, &dmabuf, 0);

	mock_user_write(test, addr + 300 * PAGE_SIZE, 301);
	KUNIT_EXPECT_EQ(test, 0, mock_storage_replace(dmabuf,
						      mock_storage(test, 2, HUGE_PAGES / 2)));
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + 300 * PAGE_SIZE), 301);
	KUNIT_EXPECT_FALSE(test, huge_at(addr));
	huge_expect_pages(test, dmabuf, addr);
	KUNIT_EXPECT_EQ(test, 0, mock_storage_replace(dmabuf,
						      mock_storage(test, 1, HUGE_PAGES)));
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + 300 * PAGE_SIZE), 301);
	huge_expect_pages(test, dmabuf, addr);
	mock_user_unmap(test, addr, HUGE_PAGES);
}

static struct kunit_case dma_storage_mmap_cases[] = {
	KUNIT_CASE_PARAM(first_fault_enters_the_whole_area, mmap_gen_params),
	KUNIT_CASE_PARAM(stores_reach_the_pages, mmap_gen_params),
	KUNIT_CASE(later_fault_enters_what_was_zapped),
	KUNIT_CASE(area_with_a_hole),
	KUNIT_CASE(two_mappings_show_the_same_pages),
	KUNIT_CASE_PARAM(private_mapping_is_refused, private_gen_params),
	KUNIT_CASE(mapping_beyond_the_end_is_refused),
	KUNIT_CASE_PARAM(fault_beyond_the_end, fault_gen_params),
	KUNIT_CASE(read_only_buffer_has_no_writable_mapping),
	KUNIT_CASE(area_has_pages_without_struct_page),
	KUNIT_CASE(fork_copies_no_page),
	KUNIT_CASE(huge_fault_needs_the_mmap_lock),
	KUNIT_CASE(nobody_gets_a_page_of_the_area),
	KUNIT_CASE(mmap_touches_at_the_first_fault),
	KUNIT_CASE(mapping_outlives_the_buffer),
	KUNIT_CASE(huge_page_where_addresses_are_aligned),
	KUNIT_CASE(small_pages_where_addresses_are_not_aligned),
	KUNIT_CASE(huge_page_after_a_part_was_zapped),
	KUNIT_CASE(huge_page_after_a_part_was_unmapped),
	KUNIT_CASE(huge_page_is_replaced),
	{}
};

static struct kunit_suite dma_storage_mmap_suite = {
	.name = "dma_storage_mmap",
	.init = mock_init,
	.test_cases = dma_storage_mmap_cases,
};

kunit_test_suite(dma_storage_mmap_suite);
