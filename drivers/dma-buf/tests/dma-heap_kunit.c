// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of heaps: the registry, the arguments of an allocation, and the ioctl.
 *
 * A heap cannot be removed, so the cases that add one need the tests built in.
 */

#include <kunit/static_stub.h>
#include <kunit/resource.h>
#include <kunit/test-bug.h>
#include <linux/dma-heap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>

#include "../heaps/heaps-private.h"
#include "storage.h"

#define HEAP_RESOURCE	"dmabuf-mock-heap"

/**
 * struct heap_call - the calls of a mock heap's allocate by one test
 * @error: errno that they return, or 0
 * @count: number of calls
 * @len: size of the latest call
 * @fd_flags: its flags
 * @heap_flags: its flags
 */
struct heap_call {
	int error;
	int count;
	unsigned long len;
	u32 fd_flags;
	u64 heap_flags;
};

/* The heaps outlive the test, so what they do is found through the test that runs. */
static struct dma_buf *heap_allocate(struct dma_heap *heap, unsigned long len, u32 fd_flags,
				     u64 heap_flags)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = test ? kunit_find_named_resource(test, HEAP_RESOURCE) : NULL;
	struct mock_storage *storage;
	struct heap_call *call;

	if (!res)
		return ERR_PTR(-ENODEV);
	call = res->data;
	kunit_put_resource(res);
	call->count++;
	call->len = len;
	call->fd_flags = fd_flags;
	call->heap_flags = heap_flags;
	if (call->error)
		return ERR_PTR(call->error);
	storage = mock_storage(test, 1, len >> PAGE_SHIFT);
	return dma_storage_export(&storage->base, dma_heap_get_name(heap), fd_flags);
}

static const struct dma_heap_ops heap_ops = {
	.allocate = heap_allocate,
};

static const struct dma_heap_ops heap_no_ops;

static struct heap_call *heap_calls(struct kunit *test)
{
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	struct heap_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_NOT_NULL(test, call);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res, HEAP_RESOURCE,
							  call));
	return call;
}

static void heap_needs_built_in_tests(struct kunit *test)
{
	if (IS_MODULE(CONFIG_DMABUF_KUNIT_TEST))
		kunit_skip(test, "a heap cannot be removed, so a module could not be");
}

/* Return the mock heap, which the first case adds that needs it. */
static struct dma_heap *heap_mock(struct kunit *test)
{
	const struct dma_heap_export_info info = {
		.name = "kunit-mock",
		.ops = &heap_ops,
	};
	struct dma_heap *heap = dma_heap_find(info.name);

	heap_needs_built_in_tests(test);
	if (!heap)
		heap = dma_heap_add(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	return heap;
}

/* Write a name that no heap has. */
static void heap_name(char *name, size_t size)
{
	int i = 0;

	do {
		snprintf(name, size, "kunit-%d", i++);
	} while (dma_heap_find(name));
}

static const struct {
	const char *desc;
	struct dma_heap_export_info info;
} incomplete_rows[] = {
	{ "nothing", { } },
	{ "no name", { .ops = &heap_ops } },
	{ "empty name", { .name = "", .ops = &heap_ops } },
	{ "no operations", { .name = "kunit-incomplete" } },
	{ "no allocate", { .name = "kunit-incomplete", .ops = &heap_no_ops } },
};

KUNIT_ARRAY_PARAM_DESC(incomplete, incomplete_rows, desc);

static void add_of_an_incomplete_heap_is_refused(struct kunit *test)
{
	const typeof(incomplete_rows[0]) *row = test->param_value;

	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_add(&row->info)), -EINVAL);
	KUNIT_EXPECT_NULL(test, dma_heap_find("kunit-incomplete"));
	KUNIT_EXPECT_NULL(test, dma_heap_find(""));
}

static void added_heap_is_found_by_its_name(struct kunit *test)
{
	char name[24], given[24];
	struct dma_heap_export_info info = {
		.name = given,
		.ops = &heap_ops,
		/* Not accessed. */
		.priv = (void *)&heap_no_ops,
	};
	struct dma_heap *heap;

	heap_needs_built_in_tests(test);
	heap_name(name, sizeof(name));
	strscpy(given, name, sizeof(given));
	heap = dma_heap_add(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	/* The heap has a copy of the name. */
	memset(given, 'x', sizeof(given) - 1);

	KUNIT_EXPECT_PTR_EQ(test, dma_heap_find(name), heap);
	KUNIT_EXPECT_STREQ(test, dma_heap_get_name(heap), name);
	KUNIT_EXPECT_PTR_EQ(test, dma_heap_get_drvdata(heap), info.priv);
	dma_heap_put(heap);
	KUNIT_EXPECT_PTR_EQ(test, dma_heap_find(name), heap);
	dma_heap_put(heap);
}

static void add_of_a_name_that_exists_is_refused(struct kunit *test)
{
	struct dma_heap *heap = heap_mock(test);
	const struct dma_heap_export_info info = {
		.name = dma_heap_get_name(heap),
		.ops = &heap_ops,
		.priv = test,
	};

	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_add(&info)), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, dma_heap_find(info.name), heap);
	KUNIT_EXPECT_NULL(test, dma_heap_get_drvdata(heap));
}

static void find_compares_whole_names(struct kunit *test)
{
	heap_mock(test);
	KUNIT_EXPECT_NOT_NULL(test, dma_heap_find("kunit-mock"));
	KUNIT_EXPECT_NULL(test, dma_heap_find("kunit-moc"));
	KUNIT_EXPECT_NULL(test, dma_heap_find("kunit-mock2"));
	KUNIT_EXPECT_NULL(test, dma_heap_find("KUNIT-MOCK"));
	KUNIT_EXPECT_NULL(test, dma_heap_find(""));
}

static const struct {
	const char *desc;
	size_t len;
	u32 fd_flags;
	u64 heap_flags;
} refused_rows[] = {
	{ "no size", 0, O_RDWR, 0 },
	{ "size that rounds up to 0", SIZE_MAX, O_RDWR, 0 },
	{ "O_APPEND", PAGE_SIZE, O_RDWR | O_APPEND, 0 },
	{ "O_NONBLOCK", PAGE_SIZE, O_RDWR | O_NONBLOCK, 0 },
	{ "highest descriptor flag", PAGE_SIZE, BIT(31), 0 },
	{ "lowest heap flag", PAGE_SIZE, O_RDWR, 1 },
	{ "highest heap flag", PAGE_SIZE, O_RDWR, BIT_ULL(63) },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused_rows, desc);

static void allocation_with_bad_arguments_is_refused(struct kunit *test)
{
	const typeof(refused_rows[0]) *row = test->param_value;
	struct heap_call *call = heap_calls(test);

	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_buffer_alloc(heap_mock(test), row->len,
							    row->fd_flags, row->heap_flags)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, call->count, 0);
}

static const struct {
	const char *desc;
	size_t len;
	unsigned long pages;
	u32 fd_flags;
	fmode_t mode;
} accepted_rows[] = {
	{ "one byte", 1, 1, O_RDWR, FMODE_READ | FMODE_WRITE },
	{ "one page", PAGE_SIZE, 1, O_RDWR, FMODE_READ | FMODE_WRITE },
	{ "one page and a byte", PAGE_SIZE + 1, 2, O_RDWR, FMODE_READ | FMODE_WRITE },
	{ "read only", PAGE_SIZE, 1, O_RDONLY, FMODE_READ },
	{ "write only", PAGE_SIZE, 1, O_WRONLY, FMODE_WRITE },
	{ "closed at exec", PAGE_SIZE, 1, O_RDWR | O_CLOEXEC, FMODE_READ | FMODE_WRITE },
};

KUNIT_ARRAY_PARAM_DESC(accepted, accepted_rows, desc);

static void allocation_gets_whole_pages(struct kunit *test)
{
	const typeof(accepted_rows[0]) *row = test->param_value;
	struct heap_call *call = heap_calls(test);
	struct dma_buf *dmabuf = dma_heap_buffer_alloc(heap_mock(test), row->len, row->fd_flags,
						       0);

	mock_storage_own(test, dmabuf);
	KUNIT_EXPECT_EQ(test, call->count, 1);
	KUNIT_EXPECT_EQ(test, call->len, row->pages * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, call->fd_flags, row->fd_flags);
	KUNIT_EXPECT_EQ(test, call->heap_flags, 0);
	KUNIT_EXPECT_EQ(test, dmabuf->size, row->pages * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, mock_storage_mode(dmabuf) == row->mode);
}

static const int heap_errnos[] = { -ENOMEM, -EINTR, -ENFILE };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(heap_errno, heap_errnos, errno_to_desc);

/* Call the ioctl on a file of the mock heap. */
static long heap_ioctl(struct kunit *test, unsigned int cmd,
		       struct dma_heap_allocation_data *data, size_t size)
{
	const struct file_operations fops = { .unlocked_ioctl = dma_heap_ioctl };
	struct file file = { .f_op = &fops, .private_data = heap_mock(test) };

	return mock_file_ioctl(test, &file, cmd, data, size);
}

static long heap_ioctl_alloc(struct kunit *test, struct dma_heap_allocation_data *data)
{
	return heap_ioctl(test, DMA_HEAP_IOCTL_ALLOC, data, sizeof(*data));
}

/* Return the descriptor that the next one will be. */
static int heap_next_fd(struct kunit *test)
{
	int fd = get_unused_fd_flags(0);

	KUNIT_ASSERT_GE(test, fd, 0);
	put_unused_fd(fd);
	return fd;
}

/* Expect the descriptor of a buffer, and close it. */
static void heap_expect_buffer(struct kunit *test, u32 fd, size_t size)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_EXPECT_EQ(test, dmabuf->size, size);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void allocation_passes_the_heaps_errno(struct kunit *test)
{
	const int *error = test->param_value;
	struct heap_call *call = heap_calls(test);
	struct dma_heap_allocation_data data = { .len = PAGE_SIZE, .fd_flags = O_RDWR };
	int next;

	call->error = *error;
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_heap_buffer_alloc(heap_mock(test), PAGE_SIZE, O_RDWR,
							    0)), *error);
	next = heap_next_fd(test);
	KUNIT_EXPECT_EQ(test, heap_ioctl_alloc(test, &data), *error);
	KUNIT_EXPECT_EQ(test, data.fd, 0);
	KUNIT_EXPECT_EQ(test, heap_next_fd(test), next);
}

static void ioctl_returns_a_descriptor(struct kunit *test)
{
	struct heap_call *call = heap_calls(test);
	struct dma_heap_allocation_data data = { .len = 5000, .fd_flags = O_RDWR | O_CLOEXEC };

	KUNIT_ASSERT_EQ(test, heap_ioctl_alloc(test, &data), 0);
	KUNIT_EXPECT_EQ(test, call->fd_flags, O_RDWR | O_CLOEXEC);
	/* The size is what was asked for. */
	KUNIT_EXPECT_EQ(test, data.len, 5000);
	heap_expect_buffer(test, data.fd, PAGE_ALIGN(5000));
}

static const struct {
	const char *desc;
	unsigned int cmd;
	struct dma_heap_allocation_data data;
} ioctl_rows[] = {
	{ "another number", _IOWR(DMA_HEAP_IOC_MAGIC, 1, struct dma_heap_allocation_data),
	  { .len = PAGE_SIZE, .fd_flags = O_RDWR } },
	{ "descriptor given", DMA_HEAP_IOCTL_ALLOC,
	  { .len = PAGE_SIZE, .fd = 1, .fd_flags = O_RDWR } },
	{ "no size", DMA_HEAP_IOCTL_ALLOC, { .fd_flags = O_RDWR } },
	{ "size that rounds up to 0", DMA_HEAP_IOCTL_ALLOC,
	  { .len = U64_MAX, .fd_flags = O_RDWR } },
	{ "unknown descriptor flag", DMA_HEAP_IOCTL_ALLOC,
	  { .len = PAGE_SIZE, .fd_flags = O_RDWR | O_APPEND } },
	{ "unknown heap flag", DMA_HEAP_IOCTL_ALLOC,
	  { .len = PAGE_SIZE, .fd_flags = O_RDWR, .heap_flags = 1 } },
};

KUNIT_ARRAY_PARAM_DESC(ioctl, ioctl_rows, desc);

static void ioctl_with_bad_arguments_is_refused(struct kunit *test)
{
	const typeof(ioctl_rows[0]) *row = test->param_value;
	struct dma_heap_allocation_data data = row->data;
	struct heap_call *call = heap_calls(test);
	int next;

	heap_mock(test);
	next = heap_next_fd(test);
	KUNIT_EXPECT_EQ(test, heap_ioctl(test, row->cmd, &data, sizeof(data)), -EINVAL);
	KUNIT_EXPECT_EQ(test, call->count, 0);
	KUNIT_EXPECT_EQ(test, data.fd, row->data.fd);
	KUNIT_EXPECT_EQ(test, heap_next_fd(test), next);
}

/* A program that was built with a structure that ends before heap_flags, or is longer. */
static void ioctl_takes_other_sizes_of_the_structure(struct kunit *test)
{
	struct {
		struct dma_heap_allocation_data data;
		u64 later;
	} longer = { .data = { .len = PAGE_SIZE, .fd_flags = O_RDWR }, .later = 7 };
	struct dma_heap_allocation_data shorter = { .len = PAGE_SIZE, .fd_flags = O_RDWR };
	const size_t size = offsetof(struct dma_heap_allocation_data, heap_flags);

	heap_calls(test);
	/* What follows in memory is not part of the structure. */
	shorter.heap_flags = 1;
	KUNIT_ASSERT_EQ(test, 0, heap_ioctl(test, _IOC(_IOC_READ | _IOC_WRITE,
						       DMA_HEAP_IOC_MAGIC, 0, size),
					    &shorter, sizeof(shorter)));
	KUNIT_EXPECT_EQ(test, shorter.heap_flags, 1);
	heap_expect_buffer(test, shorter.fd, PAGE_SIZE);

	KUNIT_ASSERT_EQ(test, 0, heap_ioctl(test, _IOC(_IOC_READ | _IOC_WRITE,
						       DMA_HEAP_IOC_MAGIC, 0, sizeof(longer)),
					    &longer.data, sizeof(longer)));
	KUNIT_EXPECT_EQ(test, longer.later, 7);
	heap_expect_buffer(test, longer.data.fd, PAGE_SIZE);
}

/* CVE-2026-89996: early kernels had installed the descriptor by then. */
static void ioctl_without_an_answer_leaves_no_descriptor(struct kunit *test)
{
	const struct dma_heap_allocation_data data = { .len = PAGE_SIZE, .fd_flags = O_RDWR };
	unsigned long addr = mock_user_read_only(test, &data, sizeof(data));
	struct file file = { .private_data = heap_mock(test) };
	struct heap_call *call = heap_calls(test);
	int next = heap_next_fd(test);

	KUNIT_EXPECT_EQ(test, dma_heap_ioctl(&file, DMA_HEAP_IOCTL_ALLOC, addr), -EFAULT);
	/* The buffer is released, as mock_init() expects. */
	mock_flush();
	KUNIT_EXPECT_EQ(test, call->count, 1);
	KUNIT_EXPECT_EQ(test, heap_next_fd(test), next);
}

static void ioctl_with_an_argument_that_cannot_be_read(struct kunit *test)
{
	struct file file = { .private_data = heap_mock(test) };
	struct heap_call *call = heap_calls(test);

	mock_user_memory(test, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_heap_ioctl(&file, DMA_HEAP_IOCTL_ALLOC, 1UL), -EFAULT);
	KUNIT_EXPECT_EQ(test, call->count, 0);
}

/* Nobody is charged unless the boot parameter says so, as in later kernels. */
static void accounting_is_off_by_default(struct kunit *test)
{
	/* Modules have neither the command line nor the parameter's value. */
	if (!IS_BUILTIN(CONFIG_DMABUF_KUNIT_TEST))
		kunit_skip(test, "needs the tests built in");
	if (strstr(saved_command_line, "dma_heap.mem_accounting"))
		kunit_skip(test, "dma_heap.mem_accounting was given");
	KUNIT_EXPECT_FALSE(test, dma_heap_accounts());
}

static u32 no_minor_is_free(void)
{
	/* That of the first heap. */
	return 0;
}

static void heaps_are_limited(struct kunit *test)
{
	const struct dma_heap_export_info info = { .name = "kunit-too-many", .ops = &heap_ops };

	heap_calls(test);
	heap_mock(test);
	KUNIT_EXPECT_EQ(test, dma_heap_last_minor(), 127);
	kunit_activate_static_stub(test, dma_heap_last_minor, no_minor_is_free);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_heap_add(&info)), -EBUSY);
	KUNIT_EXPECT_NULL(test, dma_heap_find(info.name));
	/* What was there before still works. */
	mock_storage_own(test, dma_heap_buffer_alloc(heap_mock(test), PAGE_SIZE, O_RDWR, 0));
}

static struct kunit_case dma_heap_cases[] = {
	KUNIT_CASE_PARAM(add_of_an_incomplete_heap_is_refused, incomplete_gen_params),
	KUNIT_CASE(added_heap_is_found_by_its_name),
	KUNIT_CASE(add_of_a_name_that_exists_is_refused),
	KUNIT_CASE(find_compares_whole_names),
	KUNIT_CASE_PARAM(allocation_with_bad_arguments_is_refused, refused_gen_params),
	KUNIT_CASE_PARAM(allocation_gets_whole_pages, accepted_gen_params),
	KUNIT_CASE_PARAM(allocation_passes_the_heaps_errno, heap_errno_gen_params),
	KUNIT_CASE(ioctl_returns_a_descriptor),
	KUNIT_CASE_PARAM(ioctl_with_bad_arguments_is_refused, ioctl_gen_params),
	KUNIT_CASE(ioctl_takes_other_sizes_of_the_structure),
	KUNIT_CASE(ioctl_without_an_answer_leaves_no_descriptor),
	KUNIT_CASE(ioctl_with_an_argument_that_cannot_be_read),
	KUNIT_CASE(accounting_is_off_by_default),
	KUNIT_CASE(heaps_are_limited),
	{}
};

static struct kunit_suite dma_heap_suite = {
	.name = "dma_heap",
	.init = mock_init,
	.test_cases = dma_heap_cases,
};

kunit_test_suite(dma_heap_suite);
