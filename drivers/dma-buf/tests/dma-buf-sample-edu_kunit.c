// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the steps in which the sample copy engine copies, see edu_dma_address().
 *
 * There is no memory at the addresses, and no device.
 */

#include <kunit/test.h>
#include <linux/scatterlist.h>

#include "../samples/edu/edu.h"

#define EDU_SEGMENTS	4
#define EDU_STEPS	8
#define SOURCE		0x1000000
#define DESTINATION	0x2000000
/* Segments of one list lie so far apart. */
#define EDU_GAP		0x100000

/**
 * struct edu_row - two lists and the steps of a copy
 * @desc: description
 * @source: lengths of the source's segments, up to the first 0
 * @destination: the same of the destination
 * @from: first byte to read
 * @to: first byte to write
 * @bytes: how many
 * @steps: expected lengths, up to the first 0
 */
struct edu_row {
	const char *desc;
	u32 source[EDU_SEGMENTS];
	u32 destination[EDU_SEGMENTS];
	u64 from;
	u64 to;
	u32 bytes;
	u32 steps[EDU_STEPS];
};

static const struct edu_row edu_rows[] = {
	{ "one byte", { 4096 }, { 4096 }, 0, 0, 1, { 1 } },
	{ "one step", { 4096 }, { 4096 }, 0, 0, 2048, { 2048 } },
	{ "one step and a byte", { 4096 }, { 4096 }, 0, 0, 2049, { 2048, 1 } },
	{ "a page", { 4096 }, { 4096 }, 0, 0, 4096, { 2048, 2048 } },
	{ "from and to inside", { 4096 }, { 4096 }, 100, 3000, 1000, { 1000 } },
	{ "segments of the source", { 4096, 4096 }, { 8192 }, 0, 0, 8192,
	  { 2048, 2048, 2048, 2048 } },
	{ "segments of the destination", { 8192 }, { 1000, 8192 }, 0, 0, 4000,
	  { 1000, 2048, 952 } },
	{ "segments of both", { 1500, 4096 }, { 1000, 1000, 4096 }, 0, 0, 3000,
	  { 1000, 500, 500, 1000 } },
	{ "ends at the same place", { 1000, 1000 }, { 1000, 1000 }, 0, 0, 2000,
	  { 1000, 1000 } },
	{ "begins in the second segment", { 4096, 4096 }, { 4096, 4096 }, 4096, 5000, 3000,
	  { 2048, 952 } },
	{ "begins at the last byte of a segment", { 4096, 4096 }, { 8192 }, 4095, 0, 2,
	  { 1, 1 } },
	{ "source too short", { 1000 }, { 4096 }, 0, 0, 2000, { 1000 } },
	{ "destination too short", { 4096 }, { 1000 }, 0, 0, 2000, { 1000 } },
	{ "begins behind the end", { 1000 }, { 4096 }, 1000, 0, 10, {} },
};

KUNIT_ARRAY_PARAM_DESC(edu, edu_rows, desc);

/* The list has one entry more, as when the DMA API has merged two. It must not be used. */
static void edu_table(struct kunit *test, struct sg_table *sgt, const u32 *lengths, u32 address)
{
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(sgt, EDU_SEGMENTS + 1, GFP_KERNEL));
	sgt->nents = 0;
	while (sgt->nents < EDU_SEGMENTS && lengths[sgt->nents])
		sgt->nents++;
	for_each_sgtable_sg(sgt, sg, i) {
		sg_dma_address(sg) = address + i * EDU_GAP;
		sg_dma_len(sg) = i < sgt->nents ? lengths[i] : 4096;
	}
}

/* Return the address of a byte of a list. */
static dma_addr_t edu_address(const u32 *lengths, u64 at, u32 address)
{
	while (at >= *lengths) {
		at -= *lengths++;
		address += EDU_GAP;
	}
	return address + at;
}

static void edu_dma_address_splits(struct kunit *test)
{
	const struct edu_row *row = test->param_value;
	dma_addr_t source, destination;
	struct sg_table from, to;
	unsigned int i = 0;
	u32 done, step;

	edu_table(test, &from, row->source, SOURCE);
	edu_table(test, &to, row->destination, DESTINATION);
	for (done = 0; done < row->bytes; done += step) {
		step = min(row->bytes - done, EDU_STEP_BYTES);
		source = edu_dma_address(&from, row->from + done, &step);
		destination = edu_dma_address(&to, row->to + done, &step);
		if (!step)
			break;
		KUNIT_ASSERT_LT(test, i, EDU_STEPS);
		KUNIT_EXPECT_EQ(test, row->steps[i++], step);
		KUNIT_EXPECT_EQ(test, edu_address(row->source, row->from + done, SOURCE),
				source);
		KUNIT_EXPECT_EQ(test, edu_address(row->destination, row->to + done, DESTINATION),
				destination);
	}
	KUNIT_EXPECT_EQ(test, 0, row->steps[i]);
	sg_free_table(&from);
	sg_free_table(&to);
}

/* An empty segment between others has no step. */
static void edu_dma_address_skips_empty_segments(struct kunit *test)
{
	static const u32 lengths[EDU_SEGMENTS] = { 100, 1, 100 };
	struct sg_table sgt;
	u32 bytes = 4096;

	edu_table(test, &sgt, lengths, SOURCE);
	sg_dma_len(sg_next(sgt.sgl)) = 0;
	KUNIT_EXPECT_EQ(test, SOURCE + 2 * EDU_GAP, edu_dma_address(&sgt, 100, &bytes));
	KUNIT_EXPECT_EQ(test, 100, bytes);
	sg_free_table(&sgt);
}

static struct kunit_case edu_cases[] = {
	KUNIT_CASE_PARAM(edu_dma_address_splits, edu_gen_params),
	KUNIT_CASE(edu_dma_address_skips_empty_segments),
	{}
};

static struct kunit_suite edu_suite = {
	.name = "dma_buf_sample_edu",
	.test_cases = edu_cases,
};

kunit_test_suite(edu_suite);
