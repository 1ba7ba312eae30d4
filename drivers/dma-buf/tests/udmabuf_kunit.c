// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of udmabuf: which pages of a memfd become which runs, that each pin is undone, and the
 * arguments of the ioctls.
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <uapi/linux/udmabuf.h>

#include "../udmabuf/udmabuf-private.h"
#include "storage.h"

#define MEMFD_PAGES	16

static void udmabuf_put_file(void *file)
{
	fput(file);
}

/* Make a memfd. Each page has its number, plus one, in its first bytes. */
static struct file *udmabuf_memfd(struct kunit *test, unsigned long pages)
{
	struct file *memfd = shmem_file_setup("dmabuf-mock", (loff_t)pages << PAGE_SHIFT,
					      VM_NORESERVE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memfd);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, udmabuf_put_file, memfd));
	for (unsigned long i = 0; i < pages; i++) {
		struct page *page = shmem_read_mapping_page(memfd->f_mapping, i);
		struct dma_buf_run run = { .nr_pages = 1 };
		struct dma_storage storage = { .nr_pages = 1, .nr_runs = 1, .runs = &run };

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, page);
		run.pfn = page_to_pfn(page);
		mock_page_write(&storage, 0, i + 1);
		set_page_dirty(page);
		put_page(page);
	}
	return memfd;
}

/* Return the page number of a page of a memfd. */
static unsigned long udmabuf_memfd_pfn(struct kunit *test, struct file *memfd,
				       unsigned long page)
{
	struct page *found = shmem_read_mapping_page(memfd->f_mapping, page);
	unsigned long pfn;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, found);
	pfn = page_to_pfn(found);
	put_page(found);
	return pfn;
}

/* A pin of a small folio is this many references. */
static int udmabuf_memfd_pins(struct kunit *test, struct file *memfd, unsigned long page)
{
	struct folio *folio = pfn_folio(udmabuf_memfd_pfn(test, memfd, page));

	return folio_test_large(folio) ? atomic_read(&folio->_pincount) :
					 folio_ref_count(folio) / GUP_PIN_COUNTING_BIAS;
}

static struct udmabuf *udmabuf_new(struct kunit *test)
{
	struct udmabuf *udmabuf = udmabuf_alloc();

	KUNIT_ASSERT_NOT_NULL(test, udmabuf);
	KUNIT_EXPECT_EQ(test, udmabuf->base.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, udmabuf->base.nr_runs, 0);
	return udmabuf;
}

static int udmabuf_add(struct udmabuf *udmabuf, struct file *memfd, unsigned long page,
		       unsigned long nr_pages)
{
	return udmabuf_add_range(udmabuf, memfd, (loff_t)page << PAGE_SHIFT,
				 (u64)nr_pages << PAGE_SHIFT);
}

/* Expect whole runs: none is empty, and none continues the one before. */
static void udmabuf_expect_runs(struct kunit *test, const struct dma_storage *storage)
{
	unsigned long pages = 0;

	for (unsigned int i = 0; i < storage->nr_runs; i++) {
		const struct dma_buf_run *run = &storage->runs[i];

		KUNIT_EXPECT_GT(test, run->nr_pages, 0);
		if (i)
			KUNIT_EXPECT_NE(test, run[-1].pfn + run[-1].nr_pages, run->pfn);
		pages += run->nr_pages;
	}
	KUNIT_EXPECT_EQ(test, pages, storage->nr_pages);
}

static const struct range_row {
	const char *desc;
	unsigned long page;
	unsigned long nr_pages;
} range_rows[] = {
	{ "all pages", 0, 16 },
	{ "the first page", 0, 1 },
	{ "the last page", 15, 1 },
	{ "pages between", 3, 5 },
	{ "up to the end", 9, 7 },
};

KUNIT_ARRAY_PARAM_DESC(range, range_rows, desc);

static void range_has_the_pages_of_the_memfd(struct kunit *test)
{
	const struct range_row *row = test->param_value;
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, row->page, row->nr_pages), 0);
	udmabuf_expect_runs(test, &udmabuf->base);
	KUNIT_EXPECT_EQ(test, udmabuf->base.nr_pages, row->nr_pages);
	for (unsigned long i = 0; i < min(row->nr_pages, udmabuf->base.nr_pages); i++) {
		KUNIT_EXPECT_EQ(test, mock_storage_pfn(&udmabuf->base, i),
				udmabuf_memfd_pfn(test, memfd, row->page + i));
		KUNIT_EXPECT_EQ(test, mock_page_read(&udmabuf->base, i), row->page + i + 1);
	}
	udmabuf_free(udmabuf);
}

static const struct {
	const char *desc;
	unsigned long page;
	unsigned long nr_pages;
} beyond_rows[] = {
	{ "one page too long", 0, 17 },
	{ "across the end", 15, 2 },
	{ "behind the end", 16, 1 },
	{ "far behind the end", 1UL << 20, 1 },
};

KUNIT_ARRAY_PARAM_DESC(beyond, beyond_rows, desc);

static void range_beyond_the_end_is_refused(struct kunit *test)
{
	const typeof(beyond_rows[0]) *row = test->param_value;
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, row->page, row->nr_pages), -EINVAL);
	udmabuf_free(udmabuf);
	KUNIT_EXPECT_EQ(test, udmabuf_memfd_pins(test, memfd, 15), 0);
}

static void adjacent_ranges_merge(struct kunit *test)
{
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *one = udmabuf_new(test), *two = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(one, memfd, 0, 16), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_add(two, memfd, 0, 5), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_add(two, memfd, 5, 11), 0);
	udmabuf_expect_runs(test, &two->base);
	KUNIT_ASSERT_EQ(test, one->base.nr_runs, two->base.nr_runs);
	for (unsigned int i = 0; i < one->base.nr_runs; i++) {
		KUNIT_EXPECT_EQ(test, one->base.runs[i].pfn, two->base.runs[i].pfn);
		KUNIT_EXPECT_EQ(test, one->base.runs[i].nr_pages, two->base.runs[i].nr_pages);
	}
	udmabuf_free(one);
	udmabuf_free(two);
}

/* The order of the ranges is the order of the buffer's pages, not of the memfd's. */
static void ranges_in_any_order_and_twice(struct kunit *test)
{
	static const u32 expected[] = { 9, 10, 1, 2, 9, 10 };
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 8, 2), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_memfd_pins(test, memfd, 8), 1);
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 8, 2), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_memfd_pins(test, memfd, 8), 2);
	udmabuf_expect_runs(test, &udmabuf->base);
	KUNIT_ASSERT_EQ(test, udmabuf->base.nr_pages, ARRAY_SIZE(expected));
	for (int i = 0; i < ARRAY_SIZE(expected); i++)
		KUNIT_EXPECT_EQ(test, mock_page_read(&udmabuf->base, i), expected[i]);
	udmabuf_free(udmabuf);
	KUNIT_EXPECT_EQ(test, udmabuf_memfd_pins(test, memfd, 8), 0);
}

/* More pages than one call pins. */
static void range_of_many_pages(struct kunit *test)
{
	const unsigned long pages = 1100;
	struct file *memfd = udmabuf_memfd(test, pages);
	struct udmabuf *udmabuf = udmabuf_new(test);
	unsigned long wrong = 0;

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 1, pages - 1), 0);
	udmabuf_expect_runs(test, &udmabuf->base);
	KUNIT_ASSERT_EQ(test, udmabuf->base.nr_pages, pages - 1);
	for (unsigned long i = 0; i < pages - 1; i++)
		wrong += mock_page_read(&udmabuf->base, i) != i + 2;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	udmabuf_free(udmabuf);
}

static void pages_never_touched_are_allocated(struct kunit *test)
{
	struct file *memfd = shmem_file_setup("dmabuf-mock", 4 * PAGE_SIZE, VM_NORESERVE);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memfd);
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, udmabuf->base.nr_pages, 4);
	for (unsigned long i = 0; i < udmabuf->base.nr_pages; i++) {
		KUNIT_EXPECT_EQ(test, mock_page_read(&udmabuf->base, i), 0);
		KUNIT_EXPECT_EQ(test, mock_storage_pfn(&udmabuf->base, i),
				udmabuf_memfd_pfn(test, memfd, i));
	}
	udmabuf_free(udmabuf);
	fput(memfd);
}

/* What a device wrote to a page that the memfd had not written must not be reclaimed. */
static void freed_pages_are_dirty(struct kunit *test)
{
	struct file *memfd = shmem_file_setup("dmabuf-mock", 2 * PAGE_SIZE, VM_NORESERVE);
	struct udmabuf *udmabuf;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memfd);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, udmabuf_put_file, memfd));
	udmabuf = udmabuf_new(test);
	KUNIT_ASSERT_EQ(test, udmabuf_add(udmabuf, memfd, 0, 2), 0);
	udmabuf_free(udmabuf);
	for (unsigned long i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, folio_test_dirty(pfn_folio(udmabuf_memfd_pfn(test, memfd,
										     i))));
}

/* Otherwise the count of references overflows, which the kernel warns about. */
static void page_is_not_pinned_too_often(struct kunit *test)
{
	struct file *memfd = udmabuf_memfd(test, 1);
	struct folio *folio = pfn_folio(udmabuf_memfd_pfn(test, memfd, 0));
	struct udmabuf *udmabuf = udmabuf_new(test);
	int pins = udmabuf_memfd_pins(test, memfd, 0);

	if (folio_test_large(folio)) {
		udmabuf_free(udmabuf);
		kunit_skip(test, "a pin of a large folio is one reference");
	}
	folio_ref_add(folio, INT_MAX / 2);
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 0, 1), -ENOMEM);
	udmabuf_free(udmabuf);
	folio_ref_sub(folio, INT_MAX / 2);
	KUNIT_EXPECT_EQ(test, udmabuf_memfd_pins(test, memfd, 0), pins);
}

static void failure_after_the_first_range_unpins_it(struct kunit *test)
{
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 0, MEMFD_PAGES), 0);
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 8, MEMFD_PAGES), -EINVAL);
	udmabuf_free(udmabuf);
	for (int i = 0; i < MEMFD_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, udmabuf_memfd_pins(test, memfd, i), 0, "page %d", i);
}

static void range_killed(struct kunit *test)
{
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);
	int ret;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 0);
	ret = udmabuf_add(udmabuf, memfd, 0, MEMFD_PAGES);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	udmabuf_free(udmabuf);
}

static void pages_of_the_memfd_stay(struct kunit *test)
{
	struct file *memfd = udmabuf_memfd(test, MEMFD_PAGES);
	struct udmabuf *udmabuf = udmabuf_new(test);
	struct dma_buf *dmabuf;

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, memfd, 0, MEMFD_PAGES), 0);
	dmabuf = dma_storage_export(&udmabuf->base, "udmabuf", O_RDWR);
	mock_storage_own(test, dmabuf);
	mock_storage_expect_fixed(test, dmabuf);
}

static void free_without_pages(struct kunit *test)
{
	udmabuf_free(udmabuf_new(test));
}

#define LARGE_RESOURCE	"dmabuf-mock-large"
#define LARGE_ORDER	3
#define LARGE_PAGES	BIT(LARGE_ORDER)
#define LARGE_FOLIOS	4

/**
 * struct large_memfd - what a memfd of large folios has
 * @folios: the folios
 * @pins: pins of each
 * @most: most folios that a call pins
 * @calls: number of calls
 * @fail_at: number of the call that fails, from 1; 0 for none
 * @error: errno of the call that fails; 0 to pin nothing
 */
struct large_memfd {
	struct folio *folios[LARGE_FOLIOS];
	int pins[LARGE_FOLIOS];
	unsigned int most;
	int calls;
	int fail_at;
	long error;
};

static struct large_memfd *large_current(void)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = kunit_find_named_resource(test, LARGE_RESOURCE);
	struct large_memfd *large = res->data;

	kunit_put_resource(res);
	return large;
}

/* Pin as memfd_pin_folios() does; unpin_folios() undoes it. */
static long large_pin_folios(struct file *memfd, loff_t start, loff_t last,
			     struct folio **folios, unsigned int max_folios, pgoff_t *skip)
{
	struct large_memfd *large = large_current();
	const unsigned int shift = LARGE_ORDER + PAGE_SHIFT;
	long pinned = 0;

	if (++large->calls == large->fail_at)
		return large->error;
	for (unsigned long i = start >> shift; i <= last >> shift && i < LARGE_FOLIOS; i++) {
		if (pinned == min(max_folios, large->most))
			break;
		folio_get(large->folios[i]);
		atomic_inc(&large->folios[i]->_pincount);
		mod_node_page_state(folio_pgdat(large->folios[i]), NR_FOLL_PIN_ACQUIRED, 1);
		large->pins[i]++;
		folios[pinned++] = large->folios[i];
	}
	*skip = start & (BIT(shift) - 1);
	return pinned;
}

static void large_free(void *in)
{
	struct large_memfd *large = in;
	struct kunit *test = kunit_get_current_test();

	for (int i = 0; i < LARGE_FOLIOS; i++) {
		if (!large->folios[i])
			continue;
		KUNIT_EXPECT_EQ(test, atomic_read(&large->folios[i]->_pincount), 0);
		KUNIT_EXPECT_EQ(test, folio_ref_count(large->folios[i]), 1);
		folio_put(large->folios[i]);
	}
}

/* From now on each memfd of the test's thread has these folios. */
static struct large_memfd *large_memfd(struct kunit *test)
{
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	struct large_memfd *large = kunit_kzalloc(test, sizeof(*large), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, large_free, large));
	for (int i = 0; i < LARGE_FOLIOS; i++) {
		large->folios[i] = folio_alloc(GFP_KERNEL | __GFP_ZERO, LARGE_ORDER);
		KUNIT_ASSERT_NOT_NULL(test, large->folios[i]);
	}
	large->most = UINT_MAX;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res, LARGE_RESOURCE,
							  large));
	kunit_activate_static_stub(test, udmabuf_pin_folios, large_pin_folios);
	return large;
}

static const struct large_row {
	const char *desc;
	unsigned long page;
	unsigned long nr_pages;
	unsigned int folios;
} large_rows[] = {
	{ "all folios", 0, 32, 4 },
	{ "one folio", 8, 8, 1 },
	{ "inside a folio", 9, 3, 1 },
	{ "the last page of a folio", 7, 1, 1 },
	{ "the first page of a folio", 24, 1, 1 },
	{ "from inside to the end", 3, 29, 4 },
	{ "from the start to inside", 0, 19, 3 },
	{ "from inside to inside", 6, 12, 3 },
	{ "across one border", 7, 2, 2 },
};

KUNIT_ARRAY_PARAM_DESC(large, large_rows, desc);

/* Expect these pages of the large folios. */
static void large_expect(struct kunit *test, struct large_memfd *large,
			 const struct dma_storage *storage, const struct large_row *row)
{
	udmabuf_expect_runs(test, storage);
	KUNIT_ASSERT_EQ(test, storage->nr_pages, row->nr_pages);
	for (unsigned long i = 0; i < row->nr_pages; i++) {
		unsigned long page = row->page + i;

		KUNIT_EXPECT_EQ_MSG(test, mock_storage_pfn(storage, i),
				    folio_pfn(large->folios[page / LARGE_PAGES]) +
				    page % LARGE_PAGES, "page %lu", i);
	}
}

static void range_of_large_folios(struct kunit *test)
{
	const struct large_row *row = test->param_value;
	struct large_memfd *large = large_memfd(test);
	struct udmabuf *udmabuf = udmabuf_new(test);

	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, NULL, row->page, row->nr_pages), 0);
	large_expect(test, large, &udmabuf->base, row);
	KUNIT_EXPECT_EQ(test, udmabuf->nr_folios, row->folios);
	/* Runs are not cut at pages. */
	KUNIT_EXPECT_LE(test, udmabuf->base.nr_runs, row->folios);
	KUNIT_EXPECT_EQ(test, large->calls, 1);
	udmabuf_free(udmabuf);
}

/* Later calls begin at the start of a folio. */
static void range_of_large_folios_pinned_one_by_one(struct kunit *test)
{
	const struct large_row *row = test->param_value;
	struct large_memfd *large = large_memfd(test);
	struct udmabuf *udmabuf = udmabuf_new(test);

	large->most = 1;
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, NULL, row->page, row->nr_pages), 0);
	large_expect(test, large, &udmabuf->base, row);
	KUNIT_EXPECT_EQ(test, large->calls, row->folios);
	udmabuf_free(udmabuf);
}

static const struct {
	const char *desc;
	int fail_at;
	long error;
	int ret;
} fail_rows[] = {
	{ "the first call", 1, -ENOMEM, -ENOMEM },
	{ "the second call", 2, -ENOMEM, -ENOMEM },
	{ "the last call", 4, -EIO, -EIO },
	{ "nothing pinned", 3, 0, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(fail, fail_rows, desc);

static void failed_pin_leaves_no_pin(struct kunit *test)
{
	const typeof(fail_rows[0]) *row = test->param_value;
	struct large_memfd *large = large_memfd(test);
	struct udmabuf *udmabuf = udmabuf_new(test);

	large->most = 1;
	large->fail_at = row->fail_at;
	large->error = row->error;
	KUNIT_EXPECT_EQ(test, udmabuf_add(udmabuf, NULL, 0, LARGE_FOLIOS * LARGE_PAGES),
			row->ret);
	KUNIT_EXPECT_EQ(test, udmabuf->nr_folios, row->fail_at - 1);
	/* large_free() expects that no pin is left. */
	udmabuf_free(udmabuf);
}

static struct kunit_case dma_udmabuf_cases[] = {
	KUNIT_CASE_PARAM(range_has_the_pages_of_the_memfd, range_gen_params),
	KUNIT_CASE_PARAM(range_beyond_the_end_is_refused, beyond_gen_params),
	KUNIT_CASE(adjacent_ranges_merge),
	KUNIT_CASE(ranges_in_any_order_and_twice),
	KUNIT_CASE(range_of_many_pages),
	KUNIT_CASE(pages_never_touched_are_allocated),
	KUNIT_CASE(freed_pages_are_dirty),
	KUNIT_CASE(page_is_not_pinned_too_often),
	KUNIT_CASE(failure_after_the_first_range_unpins_it),
	KUNIT_CASE(range_killed),
	KUNIT_CASE(pages_of_the_memfd_stay),
	KUNIT_CASE(free_without_pages),
	KUNIT_CASE_PARAM(range_of_large_folios, large_gen_params),
	KUNIT_CASE_PARAM(range_of_large_folios_pinned_one_by_one, large_gen_params),
	KUNIT_CASE_PARAM(failed_pin_leaves_no_pin, fail_gen_params),
	{}
};

static struct kunit_suite dma_udmabuf_suite = {
	.name = "dma_udmabuf",
	.init = mock_init,
	.test_cases = dma_udmabuf_cases,
};

kunit_test_suite(dma_udmabuf_suite);
