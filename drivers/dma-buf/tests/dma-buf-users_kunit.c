// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the lines of bufinfo and fdinfo about the users of a buffer: what they say, and that
 * parsers of the format of Linux 6.12 skip them.
 */

#include <kunit/static_stub.h>
#include <linux/device.h>
#include <linux/iosys-map.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "bufinfo.h"
#include "mock-buffer.h"
#include "threads.h"

#define MASK_28		(SZ_256M - 1ULL)
#define TEXT_SIZE	8192

/* The devices are dma-direct. Those of 28 bits have bounce buffers. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = 8ULL * SZ_1G - 1,
		.bounce = *dev->dma_mask == MASK_28 ? SZ_256K : 0,
	};
}

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	return 0;
}

static void describe(struct dma_buf *dmabuf, struct seq_file *m)
{
	struct mock_exporter *exporter = dmabuf->priv;

	KUNIT_EXPECT_TRUE(exporter->test, dma_resv_is_locked(dmabuf->resv));
	seq_puts(m, exporter->hook_data ?: "pages=4");
}

/* Export a buffer with these callbacks, and with negotiate and describe. */
static struct dma_buf *talkative_buffer(struct kunit *test, const struct dma_buf_ops *base)
{
	struct dma_buf_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ops);
	*ops = *base;
	ops->negotiate = negotiate;
	ops->describe = describe;
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return mock_buffer(test, mock_exporter(test, ops));
}

static struct dma_buf_attachment *attach_stating(struct kunit *test, struct dma_buf *dmabuf,
						 u64 mask, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(dmabuf, mock_device_masked(test, mask), NULL, NULL,
					   contiguous ? &needs : NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	return attach;
}

/* Print fdinfo to memory of TEXT_SIZE. */
static void print_fdinfo(struct dma_buf *dmabuf, char *text)
{
	struct seq_file m = { .buf = text, .size = TEXT_SIZE };

	dmabuf->file->f_op->show_fdinfo(&m, dmabuf->file);
	text[m.count] = '\0';
}

static char *fdinfo_text(struct kunit *test, struct dma_buf *dmabuf)
{
	char *text = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	print_fdinfo(dmabuf, text);
	return text;
}

/* Return what fdinfo has after the number of devices. */
static char *fdinfo_users(struct kunit *test, struct dma_buf *dmabuf)
{
	char *text = strstr(fdinfo_text(test, dmabuf), "\nattached:\t");

	KUNIT_ASSERT_NOT_NULL(test, text);
	return strchr(text + 1, '\n') + 1;
}

static char *bufinfo_text(struct kunit *test)
{
	char *text = bufinfo_memory(test);

	KUNIT_EXPECT_TRUE(test, bufinfo_read_rest(bufinfo_open(test), text, PAGE_SIZE, 0));
	return text;
}

/* Return what bufinfo has after the number of devices, without the tab of each line. */
static char *bufinfo_users(struct kunit *test, struct dma_buf *dmabuf)
{
	char row[32], *text, *from, *to;

	snprintf(row, sizeof(row), "\tmock\t%08lu\t", file_inode(dmabuf->file)->i_ino);
	text = strstr(bufinfo_text(test), row);
	KUNIT_ASSERT_NOT_NULL(test, text);
	text = strstr(text, " devices attached\n");
	KUNIT_ASSERT_NOT_NULL(test, text);
	text = strchr(text, '\n') + 1;
	for (from = to = text; *from == '\t';) {
		from++;
		while ((*to++ = *from++) != '\n')
			;
	}
	KUNIT_EXPECT_EQ(test, *from, '\n');
	*to = '\0';
	return text;
}

static const struct place {
	const char *desc;
	char *(*users)(struct kunit *test, struct dma_buf *dmabuf);
} places[] = {
	{ "fdinfo", fdinfo_users },
	{ "bufinfo", bufinfo_users },
};

KUNIT_ARRAY_PARAM_DESC(place, places, desc);

static __printf(3, 4) void expect_users(struct kunit *test, struct dma_buf *dmabuf,
					const char *format, ...)
{
	const struct place *place = test->param_value;
	char *text = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);
	va_list args;

	KUNIT_ASSERT_NOT_NULL(test, text);
	va_start(args, format);
	vsnprintf(text, TEXT_SIZE, format, args);
	va_end(args);
	KUNIT_EXPECT_STREQ(test, place->users(test, dmabuf), text);
}

static void buffer_without_users_has_no_lines(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));

	expect_users(test, dmabuf, "%s", "");
}

static void exporter_describes_the_memory(struct kunit *test)
{
	expect_users(test, talkative_buffer(test, &mock_static_ops), "memory:\tpages=4\n");
}

/* The newest device is first, as in the list of devices. */
static void needs_of_each_device_are_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct dma_buf_attachment *first = attach_stating(test, dmabuf, U64_MAX, 2 * PAGE_SIZE);
	struct dma_buf_attachment *second = attach_stating(test, dmabuf, MASK_28, PAGE_SIZE);
	struct dma_buf_attachment *third = attach_stating(test, dmabuf, U64_MAX, 0);

	expect_users(test, dmabuf,
		     "needs:\t%s must have %lu contiguous bytes\n"
		     "needs:\t%s wants addresses up to 0xfffffff\n"
		     "needs:\t%s must have %lu contiguous bytes\n"
		     "memory:\tpages=4\n",
		     dev_name(second->dev), PAGE_SIZE, dev_name(second->dev),
		     dev_name(first->dev), 2 * PAGE_SIZE);
	dma_buf_detach(dmabuf, third);
	dma_buf_detach(dmabuf, second);
	dma_buf_detach(dmabuf, first);
}

/* What follows from the device is shown for any exporter. */
static void needs_are_shown_without_negotiation(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	struct dma_buf_attachment *attach;

	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	attach = attach_stating(test, dmabuf, SZ_1G - 1, PAGE_SIZE);
	expect_users(test, dmabuf, "needs:\t%s must have addresses up to 0x3fffffff\n",
		     dev_name(attach->dev));
	dma_buf_detach(dmabuf, attach);
}

/* Its mask and its IOMMU may be gone with the driver, so it must not be asked. */
static void device_that_lost_its_driver_has_no_needs(struct kunit *test)
{
	struct dma_buf *plain = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	struct dma_buf *negotiated = talkative_buffer(test, &mock_static_ops);
	struct dma_buf_attachment *to_plain = attach_stating(test, plain, SZ_1G - 1, 0);
	struct dma_buf_attachment *to_negotiated = attach_stating(test, negotiated, SZ_1G - 1, 0);

	device_release_driver(to_plain->dev);
	device_release_driver(to_negotiated->dev);
	expect_users(test, plain, "%s", "");
	expect_users(test, negotiated, "memory:\tpages=4\n");
	dma_buf_detach(negotiated, to_negotiated);
	dma_buf_detach(plain, to_plain);
}

/* That is not noted of buffers that are not negotiated. */
static void device_that_had_no_driver_has_needs(struct kunit *test)
{
	struct dma_buf *plain = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	struct dma_buf *negotiated = talkative_buffer(test, &mock_static_ops);
	struct device *dev = mock_device_masked(test, SZ_1G - 1);
	struct dma_buf_attachment *to_plain, *to_negotiated;

	device_release_driver(dev);
	to_plain = dma_buf_attach(plain, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, to_plain);
	to_negotiated = dma_buf_attach(negotiated, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, to_negotiated);
	expect_users(test, plain, "%s", "");
	expect_users(test, negotiated,
		     "needs:\t%s must have addresses up to 0x3fffffff\nmemory:\tpages=4\n",
		     dev_name(dev));
	dma_buf_detach(negotiated, to_negotiated);
	dma_buf_detach(plain, to_plain);
}

static void device_that_maps_is_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct dma_buf_attachment *idle = attach_stating(test, dmabuf, U64_MAX, 0);
	struct dma_buf_attachment *attach = attach_stating(test, dmabuf, U64_MAX, 0);
	struct sg_table *sgt[2];

	for (int i = 0; i < 2; i++) {
		sgt[i] = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt[i]);
		expect_users(test, dmabuf, "mapped:\t%s\nmemory:\tpages=4\n",
			     dev_name(attach->dev));
	}
	for (int i = 0; i < 2; i++)
		dma_buf_unmap_attachment_unlocked(attach, sgt[i], DMA_TO_DEVICE);
	expect_users(test, dmabuf, "memory:\tpages=4\n");
	dma_buf_detach(dmabuf, attach);
	dma_buf_detach(dmabuf, idle);
}

/* The core maps for a dynamic importer of a static exporter, until the detach. */
static void mapping_that_the_core_keeps_is_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(dmabuf, mock_device_masked(test, U64_MAX),
					&mock_importer_ops, &importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	expect_users(test, dmabuf, "mapped:\t%s\nmemory:\tpages=4\n", dev_name(attach->dev));
	dma_buf_detach(dmabuf, attach);
	expect_users(test, dmabuf, "memory:\tpages=4\n");
}

static void device_that_pins_is_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(dmabuf, mock_device_masked(test, U64_MAX),
					&mock_importer_ops, &importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	dma_resv_unlock(dmabuf->resv);
	expect_users(test, dmabuf, "pinned:\t%s\nmemory:\tpages=4\n", dev_name(attach->dev));
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	expect_users(test, dmabuf, "memory:\tpages=4\n");
	dma_buf_detach(dmabuf, attach);
}

static void mapping_in_the_kernel_is_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	expect_users(test, dmabuf, "mapped:\tkernel\nmemory:\tpages=4\n");
	dma_buf_vunmap_unlocked(dmabuf, &map);
	expect_users(test, dmabuf, "memory:\tpages=4\n");
}

/* Each of the devices would have three lines. */
static void lines_are_limited(struct kunit *test)
{
	const struct place *place = test->param_value;
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_dynamic_ops);
	struct dma_buf_attachment *attach[20];
	char *text;

	for (int i = 0; i < ARRAY_SIZE(attach); i++)
		attach[i] = attach_stating(test, dmabuf, MASK_28, 0);
	text = place->users(test, dmabuf);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "needs:\t"), 16);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "mapped:\t"), 16);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "pinned:\t"), 16);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "more:\t4 devices\nmemory:\t"), 1);
	for (int i = 0; i < ARRAY_SIZE(attach); i++)
		dma_buf_detach(dmabuf, attach[i]);
}

static void fdinfo_counts_the_devices(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct dma_buf_attachment *attach = attach_stating(test, dmabuf, U64_MAX, 0);

	KUNIT_EXPECT_NOT_NULL(test, strstr(fdinfo_text(test, dmabuf), "\nattached:\t1\n"));
	dma_buf_detach(dmabuf, attach);
	KUNIT_EXPECT_NOT_NULL(test, strstr(fdinfo_text(test, dmabuf), "\nattached:\t0\n"));
}

/* What fdinfo has in 6.12, for a buffer without a name. */
static char *fdinfo_of_the_base(struct kunit *test, struct dma_buf *dmabuf)
{
	char *text = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	snprintf(text, TEXT_SIZE, "size:\t%zu\ncount:\t%ld\nexp_name:\tmock\n", dmabuf->size,
		 file_count(dmabuf->file) - 1);
	return text;
}

/* The reader has no lines about users, and does not wait for them. */
static void fdinfo_of_a_locked_buffer(struct kunit *test)
{
	struct dma_buf *dmabuf = talkative_buffer(test, &mock_static_ops);
	struct mock_holder *holder = mock_hold_lock(test, dmabuf);
	char *text = fdinfo_text(test, dmabuf);

	mock_drop_lock(test, holder);
	KUNIT_EXPECT_STREQ(test, text, fdinfo_of_the_base(test, dmabuf));
	KUNIT_EXPECT_NOT_NULL(test, strstr(fdinfo_text(test, dmabuf), "\nattached:\t0\n"));
}

/* What a storage prints, see dma_storage_describe(). */
static char storage_memory[] =
	"runs=1 longest=16384 replaced=0 touched=1 bounced=0000:00:04.0/16384 bounced=others/32768";

/* A buffer with each kind of line. The test detaches and unmaps it with drop_users(). */
struct users {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach[20];
	struct iosys_map map;
};

static struct users *all_users(struct kunit *test)
{
	struct users *users = kunit_kzalloc(test, sizeof(*users), GFP_KERNEL);
	struct mock_exporter *exporter;

	KUNIT_ASSERT_NOT_NULL(test, users);
	users->dmabuf = talkative_buffer(test, &mock_dynamic_ops);
	exporter = users->dmabuf->priv;
	exporter->hook_data = storage_memory;
	for (int i = 0; i < ARRAY_SIZE(users->attach); i++)
		users->attach[i] = attach_stating(test, users->dmabuf, MASK_28, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(users->dmabuf, &users->map));
	return users;
}

static void drop_users(struct users *users)
{
	dma_buf_vunmap_unlocked(users->dmabuf, &users->map);
	for (int i = 0; i < ARRAY_SIZE(users->attach); i++)
		dma_buf_detach(users->dmabuf, users->attach[i]);
}

static void parser_of_bufinfo_skips_the_lines(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct bufinfo_base without, with;
	struct users *users;

	mock_attach(test, mock_buffer(test, exporter), NULL);
	bufinfo_parse(test, bufinfo_text(test), &without);
	users = all_users(test);
	mock_buffer(test, exporter);
	bufinfo_parse(test, bufinfo_text(test), &with);
	drop_users(users);

	KUNIT_EXPECT_EQ(test, with.rows, without.rows + 2);
	KUNIT_EXPECT_EQ(test, with.bytes, without.bytes + 2 * 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, with.devices, without.devices + ARRAY_SIZE(users->attach));
}

/* As Android's libdmabufinfo does: by the start of each line, the last one counts. */
static void parser_of_fdinfo_skips_the_lines(struct kunit *test)
{
	struct users *users = all_users(test);
	char *text = fdinfo_text(test, users->dmabuf), *line;
	size_t size = 0, sizes = 0, counts = 0, exporters = 0, names = 0;
	char *base = fdinfo_of_the_base(test, users->dmabuf);

	drop_users(users);
	KUNIT_EXPECT_EQ(test, 0, strncmp(text, base, strlen(base)));
	while ((line = strsep(&text, "\n"))) {
		if (sscanf(line, "size:%zu", &size) == 1)
			sizes++;
		counts += !strncmp(line, "count:", 6);
		exporters += !strncmp(line, "exp_name:", 9);
		names += !strncmp(line, "name:", 5) || !strncmp(line, "ino:", 4) ||
			 !strncmp(line, "pos:", 4) || !strncmp(line, "flags:", 6) ||
			 !strncmp(line, "mnt_id:", 7) || !strncmp(line, "drm-", 4);
		KUNIT_EXPECT_TRUE_MSG(test, !*line || strstr(line, ":\t"), "%s", line);
	}
	KUNIT_EXPECT_EQ(test, size, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sizes, 1);
	KUNIT_EXPECT_EQ(test, counts, 1);
	KUNIT_EXPECT_EQ(test, exporters, 1);
	KUNIT_EXPECT_EQ(test, names, 0);
}

/**
 * struct users_race - a buffer whose devices come and go while its fdinfo is read
 * @dmabuf: the buffer
 * @dev: device that is attached and detached
 * @text: memory for the text of the reader
 */
struct users_race {
	struct dma_buf *dmabuf;
	struct device *dev;
	char *text;
};

static bool race_read(void *data)
{
	struct users_race *race = data;

	print_fdinfo(race->dmabuf, race->text);
	return !strncmp(race->text, "size:\t", 6);
}

static bool race_map(void *data)
{
	struct users_race *race = data;
	struct dma_buf_attachment *attach = dma_buf_attach(race->dmabuf, race->dev);
	struct sg_table *sgt;

	if (IS_ERR(attach))
		return false;
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	if (!IS_ERR(sgt))
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	dma_buf_detach(race->dmabuf, attach);
	return !IS_ERR(sgt);
}

static void fdinfo_is_read_while_devices_come_and_go(struct kunit *test)
{
	struct users_race race = {
		.dmabuf = talkative_buffer(test, &mock_static_ops),
		.dev = mock_device(test),
		.text = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL),
	};
	struct mock_job jobs[] = {
		{ .turn = race_read, .data = &race },
		{ .turn = race_map, .data = &race },
		{ .turn = race_map, .data = &race },
	};

	KUNIT_ASSERT_NOT_NULL(test, race.text);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
}

static struct kunit_case dma_buf_users_cases[] = {
	KUNIT_CASE_PARAM(buffer_without_users_has_no_lines, place_gen_params),
	KUNIT_CASE_PARAM(exporter_describes_the_memory, place_gen_params),
	KUNIT_CASE_PARAM(needs_of_each_device_are_shown, place_gen_params),
	KUNIT_CASE_PARAM(needs_are_shown_without_negotiation, place_gen_params),
	KUNIT_CASE_PARAM(device_that_lost_its_driver_has_no_needs, place_gen_params),
	KUNIT_CASE_PARAM(device_that_had_no_driver_has_needs, place_gen_params),
	KUNIT_CASE_PARAM(device_that_maps_is_shown, place_gen_params),
	KUNIT_CASE_PARAM(mapping_that_the_core_keeps_is_shown, place_gen_params),
	KUNIT_CASE_PARAM(device_that_pins_is_shown, place_gen_params),
	KUNIT_CASE_PARAM(mapping_in_the_kernel_is_shown, place_gen_params),
	KUNIT_CASE_PARAM(lines_are_limited, place_gen_params),
	KUNIT_CASE(fdinfo_counts_the_devices),
	KUNIT_CASE(fdinfo_of_a_locked_buffer),
	KUNIT_CASE(parser_of_bufinfo_skips_the_lines),
	KUNIT_CASE(parser_of_fdinfo_skips_the_lines),
	KUNIT_CASE(fdinfo_is_read_while_devices_come_and_go),
	{}
};

static struct kunit_suite dma_buf_users_suite = {
	.name = "dma_buf_users",
	.init = mock_init,
	.test_cases = dma_buf_users_cases,
};

kunit_test_suite(dma_buf_users_suite);
