// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of udmabuf's ioctls: the limits, the seals, and the descriptor that they return.
 */

#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <uapi/linux/udmabuf.h>

#include "../udmabuf/udmabuf-private.h"
#include "storage.h"

#define MEMFD_PAGES	4
#define MEMFD_SIZE	((u64)MEMFD_PAGES << PAGE_SHIFT)

static const struct file_operations no_memfd_fops = {
	.owner = THIS_MODULE,
};

static void ioctl_close(void *fd)
{
	close_fd((long)fd);
}

/* Install a descriptor that is closed when the test ends. */
static int ioctl_install(struct kunit *test, struct file *file)
{
	int fd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	fd = get_unused_fd_flags(0);
	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, ioctl_close,
							   (void *)(long)fd));
	return fd;
}

static int ioctl_memfd_sized(struct kunit *test, loff_t size, unsigned int seals)
{
	struct file *memfd = shmem_file_setup("dmabuf-mock", size, VM_NORESERVE);
	int fd = ioctl_install(test, memfd);

	SHMEM_I(file_inode(memfd))->seals = seals;
	return fd;
}

static int ioctl_memfd(struct kunit *test)
{
	return ioctl_memfd_sized(test, MEMFD_SIZE, F_SEAL_SHRINK);
}

static long ioctl_call(struct kunit *test, unsigned int cmd, void *arg, size_t size)
{
	const struct file_operations fops = { .unlocked_ioctl = udmabuf_ioctl };
	struct file file = { .f_op = &fops };

	return mock_file_ioctl(test, &file, cmd, arg, size);
}

static long ioctl_create(struct kunit *test, int memfd, u64 offset, u64 size)
{
	struct udmabuf_create create = { .memfd = memfd, .offset = offset, .size = size };

	return ioctl_call(test, UDMABUF_CREATE, &create, sizeof(create));
}

/* Make a list of @count items, each of which is the first page of a memfd. */
static struct udmabuf_create_list *ioctl_list(struct kunit *test, int memfd, u32 count)
{
	struct udmabuf_create_list *list;

	list = kunit_kzalloc(test, struct_size(list, list, count), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	list->count = count;
	for (u32 i = 0; i < count; i++) {
		list->list[i].memfd = memfd;
		list->list[i].size = PAGE_SIZE;
	}
	return list;
}

static long ioctl_create_list(struct kunit *test, struct udmabuf_create_list *list)
{
	return ioctl_call(test, UDMABUF_CREATE_LIST, list, struct_size(list, list, list->count));
}

/* Expect the descriptor of a buffer, and close it. */
static void ioctl_expect_buffer(struct kunit *test, long fd, size_t size)
{
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_GE(test, fd, 0);
	dmabuf = dma_buf_get(fd);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_EXPECT_EQ(test, dmabuf->size, size);
	KUNIT_EXPECT_TRUE(test, mock_storage_mode(dmabuf) == (FMODE_READ | FMODE_WRITE));
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	dma_buf_put(dmabuf);
	mock_flush();
}

static const struct {
	const char *desc;
	u64 offset;
	u64 size;
	long ret;
} create_rows[] = {
	{ "all of it", 0, MEMFD_SIZE, 0 },
	{ "the last page", MEMFD_SIZE - PAGE_SIZE, PAGE_SIZE, 0 },
	{ "nothing", 0, 0, -EINVAL },
	{ "size is not whole pages", 0, PAGE_SIZE + 1, -EINVAL },
	{ "less than a page", 0, PAGE_SIZE / 2, -EINVAL },
	{ "offset is not whole pages", 512, PAGE_SIZE, -EINVAL },
	{ "one page too long", 0, MEMFD_SIZE + PAGE_SIZE, -EINVAL },
	{ "across the end", MEMFD_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, -EINVAL },
	{ "behind the end", MEMFD_SIZE, PAGE_SIZE, -EINVAL },
	{ "end is 0", -(u64)PAGE_SIZE, PAGE_SIZE, -EINVAL },
	{ "end overflows", -(u64)PAGE_SIZE, 2 * PAGE_SIZE, -EINVAL },
	{ "offset is negative", 1ULL << 63, PAGE_SIZE, -EINVAL },
	{ "size is huge", 0, -(u64)PAGE_SIZE, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(create, create_rows, desc);

static void create_checks_the_range(struct kunit *test)
{
	const typeof(create_rows[0]) *row = test->param_value;
	long ret = ioctl_create(test, ioctl_memfd(test), row->offset, row->size);

	if (row->ret)
		KUNIT_EXPECT_EQ(test, ret, row->ret);
	else
		ioctl_expect_buffer(test, ret, row->size);
}

static const struct {
	const char *desc;
	unsigned int seals;
	long ret;
} seal_rows[] = {
	{ "not sealed", 0, -EINVAL },
	{ "sealed against growing only", F_SEAL_GROW, -EINVAL },
	{ "shrink", F_SEAL_SHRINK, 0 },
	{ "shrink and grow", F_SEAL_SHRINK | F_SEAL_GROW, 0 },
	{ "shrink and write", F_SEAL_SHRINK | F_SEAL_WRITE, -EINVAL },
	{ "shrink and later writes", F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE, -EINVAL },
	{ "shrink and seal", F_SEAL_SHRINK | F_SEAL_SEAL, 0 },
};

KUNIT_ARRAY_PARAM_DESC(seal, seal_rows, desc);

static void create_checks_the_seals(struct kunit *test)
{
	const typeof(seal_rows[0]) *row = test->param_value;
	long ret = ioctl_create(test, ioctl_memfd_sized(test, MEMFD_SIZE, row->seals), 0,
				MEMFD_SIZE);

	if (row->ret)
		KUNIT_EXPECT_EQ(test, ret, row->ret);
	else
		ioctl_expect_buffer(test, ret, MEMFD_SIZE);
}

/* 64 MiB is the default of size_limit_mb. */
static void create_checks_the_limit_of_the_size(struct kunit *test)
{
	int memfd = ioctl_memfd_sized(test, SZ_64M + PAGE_SIZE, F_SEAL_SHRINK);

	ioctl_expect_buffer(test, ioctl_create(test, memfd, PAGE_SIZE, SZ_64M), SZ_64M);
	KUNIT_EXPECT_EQ(test, ioctl_create(test, memfd, 0, SZ_64M + PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioctl_create(test, memfd, PAGE_SIZE, SZ_1G), -EINVAL);
}

static void create_needs_a_memfd(struct kunit *test)
{
	struct file *other = anon_inode_getfile("dmabuf-mock", &no_memfd_fops, NULL, O_RDWR);

	KUNIT_EXPECT_EQ(test, ioctl_create(test, ioctl_install(test, other), 0, PAGE_SIZE),
			-EBADFD);
	KUNIT_EXPECT_EQ(test, ioctl_create(test, -1, 0, PAGE_SIZE), -EBADFD);
}

/* The buffer would be writable, as it is in 6.12. */
static void create_needs_a_memfd_open_for_writing(struct kunit *test)
{
	int fd = ioctl_memfd(test);
	struct file *memfd = fget(fd);

	KUNIT_ASSERT_NOT_NULL(test, memfd);
	memfd->f_mode &= ~FMODE_WRITE;
	KUNIT_EXPECT_EQ(test, ioctl_create(test, fd, 0, PAGE_SIZE), -EACCES);
	memfd->f_mode |= FMODE_WRITE;
	fput(memfd);
}

static const struct {
	const char *desc;
	u32 count;
	long ret;
} count_rows[] = {
	{ "no item", 0, -EINVAL },
	{ "one item", 1, 0 },
	{ "1024 items, the default limit", 1024, 0 },
	{ "1025 items", 1025, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(count, count_rows, desc);

static void create_list_checks_the_count(struct kunit *test)
{
	const typeof(count_rows[0]) *row = test->param_value;
	long ret = ioctl_create_list(test, ioctl_list(test, ioctl_memfd(test), row->count));

	if (row->ret)
		KUNIT_EXPECT_EQ(test, ret, row->ret);
	else
		ioctl_expect_buffer(test, ret, row->count * PAGE_SIZE);
}

#define LIST_ITEMS	3

static const struct {
	const char *desc;
	unsigned long empty;
	long ret;
} empty_rows[] = {
	{ "none", 0, 0 },
	{ "the first", BIT(0), -EINVAL },
	{ "one between", BIT(1), -EINVAL },
	{ "the last", BIT(2), -EINVAL },
	{ "all", BIT(0) | BIT(1) | BIT(2), -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(empty, empty_rows, desc);

/* The items of a row have size 0 (CVE-2021-47649). */
static void create_list_checks_each_size(struct kunit *test)
{
	const typeof(empty_rows[0]) *row = test->param_value;
	struct udmabuf_create_list *list = ioctl_list(test, ioctl_memfd(test), LIST_ITEMS);
	long ret;

	for (u32 i = 0; i < LIST_ITEMS; i++)
		if (row->empty & BIT(i))
			list->list[i].size = 0;
	ret = ioctl_create_list(test, list);
	if (row->ret)
		KUNIT_EXPECT_EQ(test, ret, row->ret);
	else
		ioctl_expect_buffer(test, ret, LIST_ITEMS * PAGE_SIZE);
}

/* No list of that length is read. */
static void create_list_of_a_huge_count_is_refused(struct kunit *test)
{
	struct udmabuf_create_list head = { .count = U32_MAX };

	KUNIT_EXPECT_EQ(test, ioctl_call(test, UDMABUF_CREATE_LIST, &head, sizeof(head)),
			-EINVAL);
}

static void unknown_ioctl_is_refused(struct kunit *test)
{
	u64 arg = 0;

	KUNIT_EXPECT_EQ(test, ioctl_call(test, _IO('u', 0x44), &arg, sizeof(arg)), -ENOTTY);
}

static void argument_that_cannot_be_read(struct kunit *test)
{
	mock_user_memory(test, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, udmabuf_ioctl(NULL, UDMABUF_CREATE, 1UL), -EFAULT);
	KUNIT_EXPECT_EQ(test, udmabuf_ioctl(NULL, UDMABUF_CREATE_LIST, 1UL), -EFAULT);
}

/* Stores through the buffer are loads of the memfd. */
static void buffer_has_the_pages_of_the_memfd(struct kunit *test)
{
	int memfd = ioctl_memfd(test), refs;
	long fd = ioctl_create(test, memfd, PAGE_SIZE, 2 * PAGE_SIZE);
	struct file *file = fget(memfd);
	struct dma_buf *dmabuf;
	unsigned long addr;
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_ASSERT_GE(test, fd, 0);
	dmabuf = dma_buf_get(fd);
	close_fd(fd);
	mock_storage_own(test, dmabuf);
	addr = mock_user_pages(test, dmabuf, 0, 2);
	mock_user_write(test, addr + PAGE_SIZE, 7);
	KUNIT_EXPECT_EQ(test, mock_page_read(mock_storage_of(dmabuf)->storage, 1), 7);
	page = shmem_read_mapping_page(file->f_mapping, 2);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, page);
	KUNIT_EXPECT_EQ(test, page_to_pfn(page), mock_user_pfn(addr + PAGE_SIZE));

	/* The last user of the buffer unpins. */
	mock_user_unmap(test, addr, 2);
	refs = folio_ref_count(page_folio(page));
	mock_storage_put(test, dmabuf);
	KUNIT_EXPECT_LT(test, folio_ref_count(page_folio(page)), refs);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(page_folio(page)));
	put_page(page);
	fput(file);
}

static struct kunit_case dma_udmabuf_ioctl_cases[] = {
	KUNIT_CASE_PARAM(create_checks_the_range, create_gen_params),
	KUNIT_CASE_PARAM(create_checks_the_seals, seal_gen_params),
	KUNIT_CASE(create_checks_the_limit_of_the_size),
	KUNIT_CASE(create_needs_a_memfd),
	KUNIT_CASE(create_needs_a_memfd_open_for_writing),
	KUNIT_CASE_PARAM(create_list_checks_the_count, count_gen_params),
	KUNIT_CASE_PARAM(create_list_checks_each_size, empty_gen_params),
	KUNIT_CASE(create_list_of_a_huge_count_is_refused),
	KUNIT_CASE(unknown_ioctl_is_refused),
	KUNIT_CASE(argument_that_cannot_be_read),
	KUNIT_CASE(buffer_has_the_pages_of_the_memfd),
	{}
};

static struct kunit_suite dma_udmabuf_ioctl_suite = {
	.name = "dma_udmabuf_ioctl",
	.init = mock_init,
	.test_cases = dma_udmabuf_ioctl_cases,
};

kunit_test_suite(dma_udmabuf_ioctl_suite);
