// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the user API: values of constants and ioctl numbers, struct sizes and
 * member offsets. They are repeated here, so that a change of the header fails.
 */

#include <kunit/test.h>
#include <linux/stddef.h>
#include <uapi/linux/dma-buf.h>
#include <uapi/linux/magic.h>

/**
 * struct number - a value of the user API
 * @desc: its name
 * @is: value in this kernel's header
 * @known: value that programs were compiled with
 */
struct number {
	const char *desc;
	u64 is;
	u64 known;
};

#define NUMBER(name, number)	{ #name, name, number }

static const struct number flags[] = {
	NUMBER(DMA_BUF_SYNC_READ, 1),
	NUMBER(DMA_BUF_SYNC_WRITE, 2),
	NUMBER(DMA_BUF_SYNC_RW, 3),
	NUMBER(DMA_BUF_SYNC_START, 0),
	NUMBER(DMA_BUF_SYNC_END, 4),
	NUMBER(DMA_BUF_SYNC_VALID_FLAGS_MASK, 7),
	NUMBER(DMA_BUF_NAME_LEN, 32),
	NUMBER(DMA_BUF_BASE, 0x62),
	NUMBER(DMA_BUF_MAGIC, 0x444d4142),
};

static const struct number ioctls[] = {
	NUMBER(DMA_BUF_IOCTL_SYNC, 0x40086200),
	NUMBER(DMA_BUF_SET_NAME_A, 0x40046201),
	NUMBER(DMA_BUF_SET_NAME_B, 0x40086201),
	NUMBER(DMA_BUF_SET_NAME, sizeof(long) == 8 ? 0x40086201 : 0x40046201),
	NUMBER(DMA_BUF_IOCTL_EXPORT_SYNC_FILE, 0xc0086202),
	NUMBER(DMA_BUF_IOCTL_IMPORT_SYNC_FILE, 0x40086203),
};

#define PLACE(type, member, place)				\
	{ #type "." #member, offsetof(struct type, member), place }
#define SIZE(type, size)					\
	{ "sizeof " #type, sizeof(struct type), size }

static const struct number layouts[] = {
	SIZE(dma_buf_sync, 8),
	PLACE(dma_buf_sync, flags, 0),
	SIZE(dma_buf_export_sync_file, 8),
	PLACE(dma_buf_export_sync_file, flags, 0),
	PLACE(dma_buf_export_sync_file, fd, 4),
	SIZE(dma_buf_import_sync_file, 8),
	PLACE(dma_buf_import_sync_file, flags, 0),
	PLACE(dma_buf_import_sync_file, fd, 4),
};

KUNIT_ARRAY_PARAM_DESC(flag, flags, desc);
KUNIT_ARRAY_PARAM_DESC(ioctl, ioctls, desc);
KUNIT_ARRAY_PARAM_DESC(layout, layouts, desc);

static void number_is_the_known_one(struct kunit *test)
{
	const struct number *row = test->param_value;

	KUNIT_EXPECT_EQ(test, row->is, row->known);
}

static void fd_is_signed_and_flags_are_not(struct kunit *test)
{
	struct dma_buf_export_sync_file exported = { .flags = ~0, .fd = ~0 };
	struct dma_buf_import_sync_file imported = { .flags = ~0, .fd = ~0 };

	KUNIT_EXPECT_LT(test, exported.fd, 0);
	KUNIT_EXPECT_LT(test, imported.fd, 0);
	KUNIT_EXPECT_GT(test, exported.flags, 0);
	KUNIT_EXPECT_GT(test, imported.flags, 0);
}

static struct kunit_case dma_buf_uapi_cases[] = {
	{ .run_case = number_is_the_known_one, .name = "flag_is_the_known_one",
	  .generate_params = flag_gen_params },
	{ .run_case = number_is_the_known_one, .name = "ioctl_is_the_known_one",
	  .generate_params = ioctl_gen_params },
	{ .run_case = number_is_the_known_one, .name = "layout_is_the_known_one",
	  .generate_params = layout_gen_params },
	KUNIT_CASE(fd_is_signed_and_flags_are_not),
	{}
};

static struct kunit_suite dma_buf_uapi_suite = {
	.name = "dma_buf_uapi",
	.test_cases = dma_buf_uapi_cases,
};

kunit_test_suite(dma_buf_uapi_suite);
