// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of iterating over the fences in containers, and of merging fences.
 *
 * The fences are written as text: a letter for the timeline, a digit for the seqno, and
 * "!" if the fence is signalled. [ ] is an array, ( ) a chain with its oldest link
 * first, "-" is NULL. Fences are separated by spaces.
 */

#include <linux/dma-fence-unwrap.h>
#include <linux/slab.h>

#include "containers.h"
#include "mock.h"

#define FENCES_MAX	16
#define TIMELINES	26

/**
 * struct reader - state of the conversion of text to fences
 * @test: the test
 * @at: rest of the text
 * @contexts: context of timeline "a"; those of the other letters follow
 */
struct reader {
	struct kunit *test;
	const char *at;
	u64 contexts;
};

static struct dma_fence *read_fence(struct reader *in);

/* Read fences up to @end; the test owns their references. */
static unsigned int read_fences(struct reader *in, char end, struct dma_fence **fences)
{
	unsigned int count = 0;

	while (*in->at && *in->at != end) {
		if (*in->at == ' ') {
			in->at++;
			continue;
		}
		KUNIT_ASSERT_LT(in->test, count, FENCES_MAX);
		fences[count++] = read_fence(in);
	}
	in->at += *in->at == end && end;
	return count;
}

static struct dma_fence *read_chain(struct reader *in)
{
	struct dma_fence *fences[FENCES_MAX];
	unsigned int count = read_fences(in, ')', fences);

	return mock_chain(in->test, count, fences);
}

static struct dma_fence *read_array(struct reader *in)
{
	struct dma_fence *fences[FENCES_MAX];
	unsigned int count = read_fences(in, ']', fences);

	return mock_array(in->test, false, count, fences);
}

static struct dma_fence *read_plain(struct reader *in)
{
	unsigned int timeline = in->at[0] - 'a', seqno = in->at[1] - '0';
	struct dma_fence *fence;

	KUNIT_ASSERT_LT(in->test, timeline, TIMELINES);
	KUNIT_ASSERT_LT(in->test, seqno, 10);
	fence = mock_fence_at(in->test, in->contexts + timeline, seqno);
	in->at += 2;
	if (*in->at == '!') {
		dma_fence_signal_timestamp(fence, 1000 * timeline + seqno);
		in->at++;
	}
	return fence;
}

static struct dma_fence *read_fence(struct reader *in)
{
	switch (*in->at) {
	case '-':
		in->at++;
		return NULL;
	case '[':
		in->at++;
		return read_array(in);
	case '(':
		in->at++;
		return read_chain(in);
	default:
		return read_plain(in);
	}
}

static void reader_init(struct reader *in, struct kunit *test, const char *text)
{
	in->test = test;
	in->at = text;
	in->contexts = dma_fence_context_alloc(TIMELINES);
}

/* Print the fences that an iteration over @head returns, as text. */
static void write_fences(struct reader *in, struct dma_fence *head, char *text, size_t size)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence;
	size_t len = 0;

	text[0] = 0;
	dma_fence_unwrap_for_each(fence, &cursor, head)
		if (fence->context)
			len += scnprintf(text + len, size - len, "%s%c%llu", len ? " " : "",
					 (char)('a' + fence->context - in->contexts),
					 fence->seqno);
}

static const struct content {
	const char *text;
	const char *seen;
} contents[] = {
	{ "-", "" },
	{ "a1", "a1" },
	{ "a1!", "a1" },
	{ "[a1]", "a1" },
	{ "[a1 b2 c3]", "a1 b2 c3" },
	{ "[c1 b2! a3]", "c1 b2 a3" },
	{ "(a1)", "a1" },
	{ "(a1 a2 a3)", "a3 a2 a1" },
	{ "(a1 a2! a3)", "a3 a1" },
	{ "(a1! a2! a3!)", "a3" },
	{ "([a1 b1] c1)", "c1 a1 b1" },
	{ "([a1 b1] [c1 d1] e1)", "e1 c1 d1 a1 b1" },
	{ "([a1! b1!] c1)", "c1" },
	{ "([a1! b1] c1)", "c1 a1 b1" },
	{ "(a1 [b1! c1!])", "b1 c1 a1" },
};

static void content_to_desc(const struct content *row, char *desc)
{
	strscpy(desc, row->text, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(content, contents, content_to_desc);

static void unwrap_returns_the_contained_fences(struct kunit *test)
{
	const struct content *row = test->param_value;
	struct reader in;
	struct dma_fence *head;
	char text[64];

	reader_init(&in, test, row->text);
	head = read_fence(&in);
	write_fences(&in, head, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, row->seen);
	if (head)
		KUNIT_EXPECT_EQ(test, kref_read(&head->refcount), 1);
}

static void unwrap_step_by_step(struct kunit *test)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *head;
	struct reader in;

	reader_init(&in, test, "([a1] b1)");
	head = read_fence(&in);
	KUNIT_EXPECT_EQ(test, dma_fence_unwrap_first(head, &cursor)->context, in.contexts + 1);
	KUNIT_EXPECT_EQ(test, dma_fence_unwrap_next(&cursor)->context, in.contexts);
	KUNIT_EXPECT_NULL(test, dma_fence_unwrap_next(&cursor));
	KUNIT_EXPECT_NULL(test, cursor.chain);
	KUNIT_EXPECT_NULL(test, dma_fence_unwrap_first(NULL, &cursor));
}

/* A loop that is left early holds one reference, to the chain link of the cursor. */
static void unwrap_that_ends_early(struct kunit *test)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *head, *fence;
	struct reader in;

	reader_init(&in, test, "([a1 b1] [c1 d1])");
	head = read_fence(&in);
	dma_fence_unwrap_for_each(fence, &cursor, head)
		if (fence->context == in.contexts)
			break;
	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, cursor.index, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&head->refcount), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&cursor.chain->refcount), 2);
	dma_fence_put(cursor.chain);
}

static const struct merge {
	const char *text;
	const char *result;
	s64 latest;
} merges[] = {
	/* Nothing to wait for: a signalled fence with the latest timestamp. */
	{ "-", "", 0 },
	{ "- -", "", 0 },
	{ "a1!", "", 1 },
	{ "a1! b2!", "", 1002 },
	{ "b2! a1!", "", 1002 },
	{ "[a1! c3!] (b2! d1!)", "", 3001 },
	/* One fence is left. */
	{ "a1", "a1" },
	{ "a1 -", "a1" },
	{ "a1 b1!", "a1" },
	{ "b1! a1", "a1" },
	{ "[a1]", "a1" },
	{ "(a1)", "a1" },
	{ "(a1 a2)", "a2" },
	{ "(a2 a1)", "a2" },
	/* The newest fence of each timeline is left. */
	{ "a1 a2", "a2" },
	{ "a2 a1", "a2" },
	{ "a1 a1", "a1" },
	{ "a1 a3 a2", "a3" },
	{ "a1 a2!", "a1" },
	{ "a3 b1 a2 b2 a1 b3", "a3 b3" },
	/* An array of several fences. */
	{ "a1 b1", "a1 b1" },
	{ "b1 a1", "a1 b1" },
	{ "d1 c1 b1 a1", "a1 b1 c1 d1" },
	{ "a1 b1 c1! d1", "a1 b1 d1" },
	{ "[a1 b1] [b2 c1]", "a1 b2 c1" },
	{ "[b2 a1] [c1 b1]", "a1 b2 c1" },
	{ "(a1 b1) (b2 c1)", "a1 b2 c1" },
	{ "([a1 b1] c1) [d1 a2] e1!", "a2 b1 c1 d1" },
	{ "a1 b1 c1 d1 e1 f1 g1 h1", "a1 b1 c1 d1 e1 f1 g1 h1" },
	{ "h1 a1 g1 b1 f1 c1 e1 d1 a2", "a2 b1 c1 d1 e1 f1 g1 h1" },
};

static void merge_to_desc(const struct merge *row, char *desc)
{
	strscpy(desc, row->text, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(merge, merges, merge_to_desc);

static void merge_keeps_the_fences_to_wait_for(struct kunit *test)
{
	struct dma_fence_unwrap cursors[FENCES_MAX];
	struct dma_fence *heads[FENCES_MAX], *merged;
	const struct merge *row = test->param_value;
	unsigned int count;
	struct reader in;
	char text[64];

	reader_init(&in, test, row->text);
	count = read_fences(&in, 0, heads);
	merged = __dma_fence_unwrap_merge(count, heads, cursors);
	KUNIT_ASSERT_NOT_NULL(test, merged);
	mock_own(test, merged);
	write_fences(&in, merged, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, row->result);
	KUNIT_EXPECT_EQ(test, dma_fence_is_signaled(merged), !row->result[0]);
	KUNIT_EXPECT_EQ(test, dma_fence_is_array(merged), strlen(row->result) > 2);
	if (!row->result[0])
		KUNIT_EXPECT_EQ(test, dma_fence_timestamp(merged), row->latest);
	/* The merged fence holds no signalled fence. */
	for (unsigned int i = 0; i < count; i++)
		if (heads[i] && dma_fence_is_signaled(heads[i]))
			KUNIT_EXPECT_EQ(test, kref_read(&heads[i]->refcount), 1);
}

static void merge_of_arguments(struct kunit *test)
{
	struct dma_fence *fences[2], *merged;

	mock_fences(test, 2, fences);
	merged = mock_own(test, dma_fence_unwrap_merge(fences[0], NULL, fences[1]));
	KUNIT_ASSERT_TRUE(test, dma_fence_is_array(merged));
	KUNIT_EXPECT_EQ(test, to_dma_fence_array(merged)->num_fences, 2);
	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(merged));
	dma_fence_signal(fences[1]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(merged));
}

/* Enough timelines to notice a merge that takes quadratic time. */
#define MANY	20000

static void merge_of_very_many(struct kunit *test)
{
	struct dma_fence_unwrap *cursors = kunit_kcalloc(test, 2, sizeof(*cursors), GFP_KERNEL);
	struct dma_fence *heads[2], *merged, *fence;
	struct dma_fence_unwrap cursor;
	struct dma_fence **fences;
	u64 context, last = 0;
	unsigned int seen = 0;

	context = dma_fence_context_alloc(MANY);
	for (int head = 0; head < 2; head++) {
		fences = kvmalloc_array(MANY, sizeof(*fences), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fences);
		/* In neither ascending nor descending order. */
		for (unsigned int i = 0; i < MANY; i++)
			fences[i] = mock_fence_at(test, context + i * 7919 % MANY, 1 + head);
		heads[head] = mock_array(test, false, MANY, fences);
		kvfree(fences);
	}
	merged = mock_own(test, __dma_fence_unwrap_merge(2, heads, cursors));
	dma_fence_unwrap_for_each(fence, &cursor, merged) {
		KUNIT_ASSERT_GT(test, fence->context, last);
		KUNIT_ASSERT_EQ(test, fence->seqno, 2);
		last = fence->context;
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, MANY);
}

static struct kunit_case dma_fence_unwrap_cases[] = {
	KUNIT_CASE_PARAM(unwrap_returns_the_contained_fences, content_gen_params),
	KUNIT_CASE(unwrap_step_by_step),
	KUNIT_CASE(unwrap_that_ends_early),
	KUNIT_CASE_PARAM(merge_keeps_the_fences_to_wait_for, merge_gen_params),
	KUNIT_CASE(merge_of_arguments),
	KUNIT_CASE_SLOW(merge_of_very_many),
	{}
};

static struct kunit_suite dma_fence_unwrap_suite = {
	.name = "dma_fence_unwrap",
	.init = mock_init,
	.test_cases = dma_fence_unwrap_cases,
};

kunit_test_suite(dma_fence_unwrap_suite);
