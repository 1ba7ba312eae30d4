// SPDX-License-Identifier: GPL-2.0-only
/*
 * Userspace mappings: faults that enter page numbers without struct page.
 *
 * A mapping is a shared VM_PFNMAP one: get_user_pages() refuses it, so no page is in use
 * after the mappings are zapped. mmap enters nothing, because the area is not in the address
 * space's tree yet and a zap would miss it. The first fault enters all pages of the area; a
 * later one comes only after a zap, or after a huge page was split. A child enters the pages
 * itself, because fork() copies none.
 *
 * A fault holds &dma_storage_buffer.lock for reading, a replacement for writing around zap
 * and switch. So a fault enters pages of the storage that the buffer has.
 */

#include <linux/mm.h>
#include <linux/pfn_t.h>
#include <linux/pgtable.h>

#include "dma-storage-private.h"

/* Huge pages of VM_PFNMAP areas need a bit in the page table that tells them. */
#define DMA_STORAGE_HUGE_PAGES	(IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && \
				 IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP))
#define PAGES_PER_HUGE		(PMD_SIZE >> PAGE_SHIFT)

/* Tell whether the pages from @pfn on fill a huge page at @addr. */
static bool dma_storage_fits_huge(unsigned long addr, unsigned long pfn,
				  unsigned long nr_pages)
{
	return DMA_STORAGE_HUGE_PAGES && nr_pages >= PAGES_PER_HUGE &&
	       IS_ALIGNED(addr, PMD_SIZE) && IS_ALIGNED(pfn, PAGES_PER_HUGE);
}

/* As the page fault does before it offers a huge page: x86 guests of Xen (PV) have none. */
static bool dma_storage_may_enter_huge(const struct vm_area_struct *vma)
{
	return has_transparent_hugepage() && !(vma->vm_flags & VM_NOHUGEPAGE) &&
	       !test_bit(MMF_DISABLE_THP, &vma->vm_mm->flags);
}

static pmd_t *dma_storage_alloc_pmd(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	pud_t *pud = p4d ? pud_alloc(mm, p4d, addr) : NULL;

	return pud ? pmd_alloc(mm, pud, addr) : NULL;
}

/*
 * Fails with VM_FAULT_FALLBACK where a table of small pages exists already, and where the
 * process has turned huge pages off. Huge pages that were entered before that stay, and small
 * ones cannot be entered there.
 */
static vm_fault_t dma_storage_enter_huge(struct vm_fault *vmf, unsigned long addr,
					 unsigned long pfn)
{
	struct vm_fault huge = {
		.vma = vmf->vma,
		.address = addr,
		.pmd = dma_storage_alloc_pmd(vmf->vma->vm_mm, addr),
	};
	pmd_t pmd;

	if (!huge.pmd)
		return VM_FAULT_OOM;
	pmd = pmdp_get_lockless(huge.pmd);
	if (!pmd_leaf(pmd) && (!pmd_none(pmd) || !dma_storage_may_enter_huge(vmf->vma)))
		return VM_FAULT_FALLBACK;
	return vmf_insert_pfn_pmd(&huge, __pfn_to_pfn_t(pfn, PFN_DEV),
				  vmf->flags & FAULT_FLAG_WRITE);
}

static vm_fault_t dma_storage_enter_small(struct vm_fault *vmf, unsigned long addr,
					  unsigned long pfn, unsigned long nr_pages)
{
	vm_fault_t ret = VM_FAULT_NOPAGE;

	for (; nr_pages && ret == VM_FAULT_NOPAGE; nr_pages--, pfn++, addr += PAGE_SIZE)
		ret = vmf_insert_pfn(vmf->vma, addr, pfn);
	return ret;
}

static vm_fault_t dma_storage_enter_run(struct vm_fault *vmf, unsigned long addr,
					unsigned long pfn, unsigned long nr_pages)
{
	vm_fault_t ret = VM_FAULT_NOPAGE;

	while (nr_pages && ret == VM_FAULT_NOPAGE) {
		unsigned long n = min(nr_pages, (PMD_SIZE - (addr & ~PMD_MASK)) >> PAGE_SHIFT);

		ret = VM_FAULT_FALLBACK;
		if (dma_storage_fits_huge(addr, pfn, n))
			ret = dma_storage_enter_huge(vmf, addr, pfn);
		if (ret == VM_FAULT_FALLBACK)
			ret = dma_storage_enter_small(vmf, addr, pfn, n);
		addr += n << PAGE_SHIFT;
		pfn += n;
		nr_pages -= n;
		cond_resched();
	}
	return ret;
}

/* Enter all pages of the area. */
static vm_fault_t dma_storage_enter_area(struct vm_fault *vmf,
					 struct dma_storage_buffer *buffer)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vma->vm_start, skip = vma->vm_pgoff, n;
	const struct dma_buf_run *run = buffer->storage->runs;
	vm_fault_t ret = VM_FAULT_NOPAGE;

	lockdep_assert_held_read(&buffer->lock);
	for (; addr < vma->vm_end && ret == VM_FAULT_NOPAGE; run++) {
		if (skip >= run->nr_pages) {
			skip -= run->nr_pages;
			continue;
		}
		n = min(run->nr_pages - skip, (vma->vm_end - addr) >> PAGE_SHIFT);
		ret = dma_storage_enter_run(vmf, addr, run->pfn + skip, n);
		addr += n << PAGE_SHIFT;
		skip = 0;
	}
	return ret;
}

static vm_fault_t dma_storage_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct dma_storage_buffer *buffer = vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&buffer->lock);
	if (vma->vm_pgoff + vma_pages(vma) <= buffer->storage->nr_pages) {
		WRITE_ONCE(buffer->touched, true);
		ret = dma_storage_enter_area(vmf, buffer);
	}
	up_read(&buffer->lock);
	return ret;
}

/*
 * Called first where a huge page could be entered. The area may need small pages as well.
 *
 * A fault that holds only the lock of the area is retried with the mmap lock, as the kernel does
 * before it calls &vm_operations_struct.fault. Without the mmap lock the process could turn huge
 * pages off in between, and another fault could enter small pages where this one enters a huge
 * one; vmf_insert_pfn_pmd() warns about that.
 */
static vm_fault_t dma_storage_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	if (order != PMD_ORDER)
		return VM_FAULT_FALLBACK;
	if (vmf->flags & FAULT_FLAG_VMA_LOCK) {
		vma_end_read(vmf->vma);
		return VM_FAULT_RETRY;
	}
	return dma_storage_fault(vmf);
}

/*
 * Called for each copy of an area, also by fork() before it copies pages.
 *
 * copy_huge_pmd() reads a huge page of the parent before it takes the locks of the page tables,
 * and does not look again. A replacement can zap the page in between, and the child would have
 * the old page. With this flag fork() copies no page; the first access of the child enters them.
 * A program can clear the flag of its area with MADV_KEEPONFORK, but not the one of the copy
 * before fork() tests it.
 */
static void dma_storage_open_area(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_WIPEONFORK);
}

static const struct vm_operations_struct dma_storage_vm_ops = {
	.open = dma_storage_open_area,
	.fault = dma_storage_fault,
	.huge_fault = dma_storage_huge_fault,
};

/**
 * dma_storage_mmap() - &dma_buf_ops.mmap
 * @dmabuf: the buffer
 * @vma: area, within the bounds of the buffer
 *
 * Context: mmap lock held.
 * Return: 0, or %-EINVAL for a private mapping.
 */
int dma_storage_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &dma_storage_vm_ops;
	vma->vm_private_data = dmabuf->priv;
	return 0;
}
