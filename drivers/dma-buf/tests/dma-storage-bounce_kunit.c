// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the bytes that the CPU and a device see, if the DMA API copies them.
 *
 * With the kernel parameter swiotlb=force each mapping has a bounce buffer of its own. A test
 * accesses it as the device does, at the DMA addresses of the table. The DMA API is not
 * replaced by stubs. Without the parameter all cases are skipped.
 */

#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "storage.h"

/* Runs that are each a page longer than the longest bounce buffer. */
#define RUNS		3
#define RUN_PAGES	((SZ_256K >> PAGE_SHIFT) + 1)

/* Content of a buffer: each word is the sum of one of these and its number. */
#define CONTENT_A	0xaaaa0000
#define CONTENT_B	0xbbbb0000
#define CONTENT_C	0xcccc0000

/* Distance of the words of a partial write. */
#define SOME_WORDS	(SZ_1K / sizeof(u32))

/**
 * struct bounced_row - the size of a buffer, and the direction of its mapping
 * @desc: description
 * @runs: number of runs
 * @pages: pages of each run
 * @dir: direction
 */
struct bounced_row {
	const char *desc;
	unsigned int runs;
	unsigned int pages;
	enum dma_data_direction dir;
};

static const struct bounced_row reader_rows[] = {
	{ "one page, device reads", 1, 1, DMA_TO_DEVICE },
	{ "one page, device does both", 1, 1, DMA_BIDIRECTIONAL },
	{ "several runs, device reads", RUNS, RUN_PAGES, DMA_TO_DEVICE },
	{ "several runs, device does both", RUNS, RUN_PAGES, DMA_BIDIRECTIONAL },
};

KUNIT_ARRAY_PARAM_DESC(reader, reader_rows, desc);

static const struct bounced_row writer_rows[] = {
	{ "one page, device writes", 1, 1, DMA_FROM_DEVICE },
	{ "one page, device does both", 1, 1, DMA_BIDIRECTIONAL },
	{ "several runs, device writes", RUNS, RUN_PAGES, DMA_FROM_DEVICE },
	{ "several runs, device does both", RUNS, RUN_PAGES, DMA_BIDIRECTIONAL },
};

KUNIT_ARRAY_PARAM_DESC(writer, writer_rows, desc);

static const struct bounced_row only_writer_rows[] = {
	{ "one page", 1, 1, DMA_FROM_DEVICE },
	{ "several runs", RUNS, RUN_PAGES, DMA_FROM_DEVICE },
};

KUNIT_ARRAY_PARAM_DESC(only_writer, only_writer_rows, desc);

static const struct bounced_row both_rows[] = {
	{ "one page", 1, 1, DMA_BIDIRECTIONAL },
	{ "several runs", RUNS, RUN_PAGES, DMA_BIDIRECTIONAL },
};

KUNIT_ARRAY_PARAM_DESC(both, both_rows, desc);

/* Runs that are longer than the longest bounce buffer, and one that is not. */
static const struct bounced_row size_rows[] = {
	{ "64 KiB, device reads", 1, SZ_64K >> PAGE_SHIFT, DMA_TO_DEVICE },
	{ "64 KiB, device does both", 1, SZ_64K >> PAGE_SHIFT, DMA_BIDIRECTIONAL },
	{ "two runs of 1 MiB, device reads", 2, SZ_1M >> PAGE_SHIFT, DMA_TO_DEVICE },
	{ "two runs of 1 MiB, device does both", 2, SZ_1M >> PAGE_SHIFT, DMA_BIDIRECTIONAL },
};

KUNIT_ARRAY_PARAM_DESC(size, size_rows, desc);

/**
 * struct bounced_buffer - a buffer that the CPU has mapped
 * @dmabuf: the buffer
 * @map: its mapping in the kernel
 */
struct bounced_buffer {
	struct dma_buf *dmabuf;
	struct iosys_map map;
};

/**
 * struct bounced_device - a device that has a buffer mapped
 * @attach: the attachment
 * @dir: direction of the mapping
 * @sgt: table of the mapping
 */
struct bounced_device {
	struct dma_buf_attachment *attach;
	enum dma_data_direction dir;
	struct sg_table *sgt;
};

static void bounced_vunmap(void *in)
{
	struct bounced_buffer *buffer = in;

	dma_buf_vunmap_unlocked(buffer->dmabuf, &buffer->map);
}

static struct bounced_buffer *bounced_buffer(struct kunit *test)
{
	struct bounced_buffer *buffer = kunit_kzalloc(test, sizeof(*buffer), GFP_KERNEL);
	const struct bounced_row *row = test->param_value;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	if (!is_swiotlb_force_bounce(mock_device(test)))
		kunit_skip(test, "needs the kernel parameter swiotlb=force");
	buffer->dmabuf = mock_storage_buffer(test, mock_storage(test, row->runs, row->pages));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(buffer->dmabuf, &buffer->map));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bounced_vunmap, buffer));
	return buffer;
}

/* Write each @step-th word. Return the number of words, also of those left out. */
static size_t content_fill(u32 *words, size_t bytes, u32 content, size_t step)
{
	size_t count = bytes / sizeof(*words);

	for (size_t i = 0; i < count; i += step)
		WRITE_ONCE(words[i], content + i);
	return count;
}

/* Return the number of words that are not the content's. */
static size_t content_wrong(const u32 *words, size_t bytes, u32 content)
{
	size_t count = bytes / sizeof(*words), wrong = 0;

	for (size_t i = 0; i < count; i++)
		wrong += READ_ONCE(words[i]) != content + i;
	return wrong;
}

static void cpu_write(struct bounced_buffer *buffer, u32 content)
{
	content_fill(buffer->map.vaddr, buffer->dmabuf->size, content, 1);
}

static void cpu_write_some(struct bounced_buffer *buffer, u32 content)
{
	content_fill(buffer->map.vaddr, buffer->dmabuf->size, content, SOME_WORDS);
}

static void cpu_expect(struct kunit *test, struct bounced_buffer *buffer, u32 content)
{
	size_t wrong = content_wrong(buffer->map.vaddr, buffer->dmabuf->size, content);

	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "the CPU does not see %x", content);
}

/* The CPU accesses the buffer between a begin and an end, as a driver or a program does. */
static void cpu_write_bracketed(struct kunit *test, struct bounced_buffer *buffer, u32 content)
{
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
	cpu_write(buffer, content);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
}

static void cpu_expect_bracketed(struct kunit *test, struct bounced_buffer *buffer, u32 content)
{
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_FROM_DEVICE));
	cpu_expect(test, buffer, content);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_FROM_DEVICE));
}

static struct bounced_device device_map(struct kunit *test, struct bounced_buffer *buffer,
					enum dma_data_direction dir)
{
	struct bounced_device device = {
		.attach = mock_attach(test, buffer->dmabuf, NULL),
		.dir = dir,
	};

	device.sgt = dma_buf_map_attachment_unlocked(device.attach, dir);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device.sgt);
	return device;
}

/* Map once more, asserting that the device gets the same addresses. */
static struct bounced_device device_map_again(struct kunit *test,
					      const struct bounced_device *device)
{
	struct bounced_device again = *device;

	/* With CONFIG_DMABUF_DEBUG this is another table. */
	again.sgt = dma_buf_map_attachment_unlocked(device->attach, device->dir);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, again.sgt);
	KUNIT_ASSERT_EQ(test, sg_dma_address(again.sgt->sgl), sg_dma_address(device->sgt->sgl));
	return again;
}

static void device_unmap(const struct bounced_device *device)
{
	dma_buf_unmap_attachment_unlocked(device->attach, device->sgt, device->dir);
}

/* Return the memory that the device accesses at a segment's DMA address. */
static u32 *device_words(const struct bounced_device *device, struct scatterlist *sg)
{
	return phys_to_virt(dma_to_phys(device->attach->dev, sg_dma_address(sg)));
}

static void device_write_words(const struct bounced_device *device, u32 content, size_t step)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(device->sgt, sg, i)
		content += content_fill(device_words(device, sg), sg_dma_len(sg), content, step);
}

static void device_write(const struct bounced_device *device, u32 content)
{
	device_write_words(device, content, 1);
}

static void device_write_some(const struct bounced_device *device, u32 content)
{
	device_write_words(device, content, SOME_WORDS);
}

static void device_expect(struct kunit *test, const struct bounced_device *device, u32 content)
{
	size_t wrong = 0, bytes = 0;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(device->sgt, sg, i) {
		wrong += content_wrong(device_words(device, sg), sg_dma_len(sg),
				       content + bytes / sizeof(u32));
		bytes += sg_dma_len(sg);
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "the device does not see %x", content);
	KUNIT_EXPECT_EQ(test, bytes, device->attach->dmabuf->size);
}

/* All other cases would pass if nothing was bounced. */
static void device_has_memory_of_its_own(struct kunit *test)
{
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device;

	cpu_write(buffer, CONTENT_A);
	device = device_map(test, buffer, DMA_BIDIRECTIONAL);
	device_write(&device, CONTENT_B);
	cpu_expect(test, buffer, CONTENT_A);
	device_unmap(&device);
}

/* The whole buffer, and once although it is mapped twice. */
static void bounced_bytes_are_counted(struct kunit *test)
{
	struct bounced_buffer *buffer = bounced_buffer(test);
	u64 before = dma_storage_bounce_held();
	struct bounced_device device = device_map(test, buffer, DMA_BIDIRECTIONAL);
	struct bounced_device again = device_map_again(test, &device);

	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held() - before, buffer->dmabuf->size);
	device_unmap(&again);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held() - before, buffer->dmabuf->size);
	device_unmap(&device);
	KUNIT_EXPECT_EQ(test, dma_storage_bounce_held(), before);
}

/* Expect that bufinfo and fdinfo tell of these bytes for the device, or of none. */
static void expect_held(struct kunit *test, struct bounced_buffer *buffer,
			const struct bounced_device *device, size_t bytes)
{
	char text[192] = "", held[64] = "", *found;
	struct seq_file m = { .buf = text, .size = sizeof(text) };

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	buffer->dmabuf->ops->describe(buffer->dmabuf, &m);
	dma_resv_unlock(buffer->dmabuf->resv);
	if (bytes)
		snprintf(held, sizeof(held), " bounced=%s/%zu", dev_name(device->attach->dev),
			 bytes);
	found = strstr(text, " bounced=");
	KUNIT_EXPECT_STREQ(test, found ?: "", held);
}

static void device_that_holds_bytes_is_named(struct kunit *test)
{
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, DMA_BIDIRECTIONAL);

	expect_held(test, buffer, &device, buffer->dmabuf->size);
	device_unmap(&device);
	expect_held(test, buffer, &device, 0);
}

static void device_sees_writes_before_the_map(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device;

	cpu_write(buffer, CONTENT_A);
	device = device_map(test, buffer, row->dir);
	device_expect(test, &device, CONTENT_A);
	device_unmap(&device);

	/* A later map must not give the device what the earlier one copied. */
	cpu_write(buffer, CONTENT_B);
	device.sgt = dma_buf_map_attachment_unlocked(device.attach, row->dir);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device.sgt);
	device_expect(test, &device, CONTENT_B);
	device_unmap(&device);
}

static void device_sees_writes_between_begin_and_end(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	cpu_write_bracketed(test, buffer, CONTENT_A);
	device_expect(test, &device, CONTENT_A);
	cpu_write_bracketed(test, buffer, CONTENT_B);
	device_expect(test, &device, CONTENT_B);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_B);
}

/* Without a begin and an end nothing is copied. This is the fault that a program makes. */
static void device_sees_no_writes_without_begin_and_end(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device;

	cpu_write(buffer, CONTENT_A);
	device = device_map(test, buffer, row->dir);
	cpu_write(buffer, CONTENT_B);
	device_expect(test, &device, CONTENT_A);
	cpu_write_bracketed(test, buffer, CONTENT_B);
	device_expect(test, &device, CONTENT_B);
	device_unmap(&device);
}

/* A longer segment has no bounce buffer, however much of the pool is free. */
static void segments_fit_the_bounce_buffers(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device;
	struct scatterlist *sg;
	unsigned int i;

	cpu_write(buffer, CONTENT_A);
	device = device_map(test, buffer, row->dir);
	for_each_sgtable_dma_sg(device.sgt, sg, i)
		KUNIT_EXPECT_LE(test, sg_dma_len(sg), dma_max_mapping_size(device.attach->dev));
	device_expect(test, &device, CONTENT_A);
	device_unmap(&device);
}

static void cpu_sees_writes_after_the_unmap(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	device_write(&device, CONTENT_A);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_A);
}

static void cpu_sees_writes_after_begin(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	device_write(&device, CONTENT_A);
	cpu_expect_bracketed(test, buffer, CONTENT_A);
	device_write(&device, CONTENT_B);
	cpu_expect_bracketed(test, buffer, CONTENT_B);
	device_unmap(&device);
}

/* The device may write while the CPU reads. */
static void end_of_a_read_keeps_what_the_device_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	device_write(&device, CONTENT_A);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_FROM_DEVICE));
	cpu_expect(test, buffer, CONTENT_A);
	device_write(&device, CONTENT_B);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_FROM_DEVICE));
	device_expect(test, &device, CONTENT_B);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_B);
}

/* The CPU writes a part of each page. The end copies whole pages to the device. */
static void end_of_a_partial_write_keeps_the_rest(struct kunit *test)
{
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, DMA_BIDIRECTIONAL);

	device_write(&device, CONTENT_A);
	device_write_some(&device, CONTENT_B);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
	cpu_write_some(buffer, CONTENT_A);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
	device_expect(test, &device, CONTENT_A);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_A);
}

static void second_map_and_first_unmap_copy(struct kunit *test)
{
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, DMA_BIDIRECTIONAL);
	struct bounced_device again;

	cpu_write(buffer, CONTENT_A);
	again = device_map_again(test, &device);
	device_expect(test, &again, CONTENT_A);

	device_write(&again, CONTENT_B);
	device_unmap(&again);
	cpu_expect(test, buffer, CONTENT_B);
	/* The device still has the buffer mapped. */
	device_write(&device, CONTENT_C);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_C);
}

/* Each of the two has a bounce buffer of its own. */
static void two_devices_see_what_the_cpu_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device one, two;

	cpu_write(buffer, CONTENT_A);
	one = device_map(test, buffer, row->dir);
	two = device_map(test, buffer, row->dir);
	device_expect(test, &one, CONTENT_A);
	device_expect(test, &two, CONTENT_A);
	cpu_write_bracketed(test, buffer, CONTENT_B);
	device_expect(test, &one, CONTENT_B);
	device_expect(test, &two, CONTENT_B);
	device_unmap(&one);
	cpu_write_bracketed(test, buffer, CONTENT_C);
	device_expect(test, &two, CONTENT_C);
	device_unmap(&two);
	cpu_expect(test, buffer, CONTENT_C);
}

/* One device writes, the CPU passes it on, the other reads. */
static void device_sees_what_another_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device reader = device_map(test, buffer, DMA_TO_DEVICE);
	struct bounced_device writer = device_map(test, buffer, row->dir);
	struct bounced_device again;

	device_write(&writer, CONTENT_A);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_BIDIRECTIONAL));
	cpu_expect(test, buffer, CONTENT_A);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_BIDIRECTIONAL));
	device_expect(test, &reader, CONTENT_A);

	/* The unmap of the writer is the CPU's begin, the map of the reader its end. */
	device_write(&writer, CONTENT_B);
	device_unmap(&writer);
	cpu_expect(test, buffer, CONTENT_B);
	again = device_map_again(test, &reader);
	device_expect(test, &again, CONTENT_B);
	device_unmap(&again);
	device_unmap(&reader);
	cpu_expect(test, buffer, CONTENT_B);
}

/*
 * The unmap copies the whole bounce buffer of a device that may have written, also if it has
 * written a part, or nothing. What the CPU wrote before must be in there.
 */
static void unmap_keeps_what_the_cpu_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
	cpu_write(buffer, CONTENT_A);
	cpu_write_some(buffer, CONTENT_B);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(buffer->dmabuf, DMA_TO_DEVICE));
	device_write_some(&device, CONTENT_A);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_A);
}

/* As above, for the copy at the begin of the next access. */
static void begin_keeps_what_the_cpu_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);

	device_write(&device, CONTENT_A);
	cpu_write_bracketed(test, buffer, CONTENT_B);
	cpu_expect_bracketed(test, buffer, CONTENT_B);
	device_unmap(&device);
}

/* The device may write until its last unmap, also while it maps again. */
static void second_map_keeps_what_the_device_wrote(struct kunit *test)
{
	const struct bounced_row *row = test->param_value;
	struct bounced_buffer *buffer = bounced_buffer(test);
	struct bounced_device device = device_map(test, buffer, row->dir);
	struct bounced_device again;

	device_write(&device, CONTENT_A);
	again = device_map_again(test, &device);
	device_expect(test, &device, CONTENT_A);
	device_unmap(&again);
	cpu_expect(test, buffer, CONTENT_A);
	device_unmap(&device);
	cpu_expect(test, buffer, CONTENT_A);
}

static struct kunit_case dma_storage_bounced_cases[] = {
	KUNIT_CASE_PARAM(device_has_memory_of_its_own, both_gen_params),
	KUNIT_CASE_PARAM(bounced_bytes_are_counted, both_gen_params),
	KUNIT_CASE_PARAM(device_that_holds_bytes_is_named, both_gen_params),
	KUNIT_CASE_PARAM(device_sees_writes_before_the_map, reader_gen_params),
	KUNIT_CASE_PARAM(device_sees_writes_between_begin_and_end, reader_gen_params),
	KUNIT_CASE_PARAM(device_sees_no_writes_without_begin_and_end, size_gen_params),
	KUNIT_CASE_PARAM(segments_fit_the_bounce_buffers, size_gen_params),
	KUNIT_CASE_PARAM(cpu_sees_writes_after_the_unmap, writer_gen_params),
	KUNIT_CASE_PARAM(cpu_sees_writes_after_begin, writer_gen_params),
	KUNIT_CASE_PARAM(end_of_a_read_keeps_what_the_device_wrote, writer_gen_params),
	KUNIT_CASE_PARAM(end_of_a_partial_write_keeps_the_rest, both_gen_params),
	KUNIT_CASE_PARAM(unmap_keeps_what_the_cpu_wrote, writer_gen_params),
	KUNIT_CASE_PARAM(begin_keeps_what_the_cpu_wrote, writer_gen_params),
	KUNIT_CASE_PARAM(second_map_keeps_what_the_device_wrote, only_writer_gen_params),
	KUNIT_CASE_PARAM(second_map_and_first_unmap_copy, both_gen_params),
	KUNIT_CASE_PARAM(two_devices_see_what_the_cpu_wrote, reader_gen_params),
	KUNIT_CASE_PARAM(device_sees_what_another_wrote, writer_gen_params),
	{}
};

static struct kunit_suite dma_storage_bounced_suite = {
	.name = "dma_storage_bounced",
	.init = mock_init,
	.test_cases = dma_storage_bounced_cases,
};

kunit_test_suite(dma_storage_bounced_suite);
