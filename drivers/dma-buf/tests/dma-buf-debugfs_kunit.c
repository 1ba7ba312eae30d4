// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of debugfs' dma_buf/bufinfo: its text, and that a reader blocks neither exports
 * nor releases.
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "bufinfo.h"
#include "mock-buffer.h"
#include "threads.h"

static char *bufinfo_text_in_pieces(struct kunit *test, size_t piece)
{
	char *text = bufinfo_memory(test);

	KUNIT_EXPECT_TRUE(test, bufinfo_read_rest(bufinfo_open(test), text, piece, 0));
	return text;
}

static char *bufinfo_text(struct kunit *test)
{
	return bufinfo_text_in_pieces(test, PAGE_SIZE);
}

/* Return the expected line of a buffer with @users references besides the reader's. */
static char *bufinfo_line(struct kunit *test, struct dma_buf *dmabuf, long users,
			  const char *name)
{
	struct file *file = dmabuf->file;
	char *line = kunit_kzalloc(test, 200, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, line);
	snprintf(line, 200, "\n%08zu\t%08x\t%08x\t%08ld\tmock\t%08lu\t%s\n", dmabuf->size,
		 file->f_flags, file->f_mode, users, file_inode(file)->i_ino, name);
	return line;
}

static void bufinfo_totals(struct kunit *test, const char *text, int *objects,
			   size_t *bytes)
{
	const char *line = strstr(text, " objects, ");
	int found;

	KUNIT_ASSERT_NOT_NULL(test, line);
	while (line > text && line[-1] != '\n')
		line--;
	found = sscanf(line, "Total %d objects, %zu bytes", objects, bytes);
	KUNIT_ASSERT_EQ(test, found, 2);
}

static void bufinfo_begins_with_columns(struct kunit *test)
{
	static const char columns[] =
		"\nDma-buf Objects:\n"
		"size    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n";

	KUNIT_EXPECT_EQ(test, 0, strncmp(bufinfo_text(test), columns, strlen(columns)));
}

static void bufinfo_ends_with_totals(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	int before, after, length;
	size_t bytes_before, bytes_after;
	char *text;

	bufinfo_totals(test, bufinfo_text(test), &before, &bytes_before);
	mock_buffer(test, exporter);
	exporter->size = 3 * PAGE_SIZE;
	mock_buffer(test, exporter);

	text = bufinfo_text(test);
	bufinfo_totals(test, text, &after, &bytes_after);
	KUNIT_EXPECT_EQ(test, after, before + 2);
	KUNIT_EXPECT_EQ(test, bytes_after, bytes_before + 7 * PAGE_SIZE);
	length = strlen(text);
	KUNIT_ASSERT_GT(test, length, 10);
	KUNIT_EXPECT_STREQ(test, text + length - 7, " bytes\n");
}

static void bufinfo_buffer_has_a_line(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf;
	char *text;

	exporter->flags = O_RDONLY | O_NONBLOCK;
	dmabuf = mock_buffer(test, exporter);
	get_dma_buf(dmabuf);
	text = bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, bufinfo_line(test, dmabuf, 2,
									"<none>")));
	dma_buf_put(dmabuf);
}

static void bufinfo_name_is_shown(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *named = mock_buffer(test, exporter);
	struct dma_buf *empty = mock_buffer(test, exporter);
	char *text;

	strscpy(dma_buf_to_object(named)->name, "thirty-one characters are in it",
		DMA_BUF_NAME_LEN);
	dma_buf_to_object(named)->named = true;
	dma_buf_to_object(empty)->name[0] = '\0';
	dma_buf_to_object(empty)->named = true;
	text = bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, 1,
			bufinfo_occurrences(text, bufinfo_line(test, named, 1,
							       "thirty-one characters are in it")));
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, bufinfo_line(test, empty, 1,
									"")));
}

static void bufinfo_attachments_are_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));
	struct dma_buf_attachment *attach[2];
	char expected[100], *text;

	for (int i = 0; i < 2; i++)
		attach[i] = mock_attach(test, dmabuf, NULL);
	/* Attachments are listed latest first. */
	snprintf(expected, sizeof(expected),
		 "\tAttached Devices:\n\t%s\n\t%s\nTotal 2 devices attached\n\n",
		 dev_name(attach[1]->dev), dev_name(attach[0]->dev));

	text = strstr(bufinfo_text(test), bufinfo_line(test, dmabuf, 1, "<none>"));
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, expected));

	mock_detach(test, attach[0]);
	text = strstr(bufinfo_text(test), bufinfo_line(test, dmabuf, 1, "<none>"));
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, "Total 1 devices attached\n\n"));
}

static void bufinfo_fences_are_shown(struct kunit *test)
{
	static const char * const expected[] = {
		"\twrite fence:mock-driver mock-timeline seq 21 unsignalled\n",
		"\tread fence:mock-driver mock-timeline seq 22 unsignalled\n",
		"\tkernel fence:detached-driver signaled-timeline seq 23 signalled\n",
	};
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));
	u64 context = dma_fence_context_alloc(3);
	struct dma_fence *done = mock_fence_at(test, context + 2, 23);
	const char *text;

	mock_add_fence(test, dmabuf, mock_fence_at(test, context, 21),
		       DMA_RESV_USAGE_WRITE);
	mock_add_fence(test, dmabuf, mock_fence_at(test, context + 1, 22),
		       DMA_RESV_USAGE_READ);
	mock_add_fence(test, dmabuf, done, DMA_RESV_USAGE_KERNEL);
	dma_fence_signal(done);

	text = bufinfo_text(test);
	for (int i = 0; i < ARRAY_SIZE(expected); i++)
		KUNIT_EXPECT_EQ_MSG(test, bufinfo_occurrences(text, expected[i]), 1, "%s",
				    expected[i]);
}

struct bufinfo_piece_row {
	const char *name;
	size_t size;
};

static const struct bufinfo_piece_row bufinfo_piece_rows[] = {
	{ "byte by byte", 1 },
	{ "7 bytes", 7 },
	{ "less than a record", 100 },
	{ "some records", 1000 },
	{ "a byte less than a page", PAGE_SIZE - 1 },
	{ "more than there is", BUFINFO_SIZE / 4 },
};

KUNIT_ARRAY_PARAM_DESC(bufinfo_piece, bufinfo_piece_rows, name);

static void bufinfo_read_in_pieces_is_the_same_text(struct kunit *test)
{
	const struct bufinfo_piece_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);

	for (int i = 0; i < 40; i++)
		mock_buffer(test, exporter);
	KUNIT_EXPECT_STREQ(test, bufinfo_text_in_pieces(test, row->size),
			   bufinfo_text(test));
}

static void bufinfo_read_from_the_middle(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file = bufinfo_open(test);
	char *all, *part = bufinfo_memory(test);

	for (int i = 0; i < 10; i++)
		mock_buffer(test, exporter);
	all = bufinfo_text(test);
	KUNIT_ASSERT_GT(test, strlen(all), 600);
	KUNIT_EXPECT_TRUE(test, bufinfo_read_rest(file, part, 50, 500));
	KUNIT_EXPECT_STREQ(test, part, all + 500);

	/* The same file can be read again from the beginning. */
	part[0] = '\0';
	KUNIT_EXPECT_TRUE(test, bufinfo_read_rest(file, part, 50, 0));
	KUNIT_EXPECT_STREQ(test, part, all);
}

static void bufinfo_end_of_file_is_final(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file = bufinfo_open(test);
	char *text = bufinfo_memory(test);
	loff_t pos = 0;

	KUNIT_EXPECT_GT(test, bufinfo_read(file, text, BUFINFO_SIZE, &pos), 0);
	KUNIT_EXPECT_EQ(test, bufinfo_read(file, text, BUFINFO_SIZE, &pos), 0);
	mock_buffer(test, exporter);
	KUNIT_EXPECT_EQ(test, bufinfo_read(file, text, BUFINFO_SIZE, &pos), 0);
}

/* seq_file formats a record that does not fit again; the totals must count it once. */
static void bufinfo_record_of_more_than_a_page(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));
	struct device *dev = mock_device(test);
	struct dma_buf_attachment *attach;
	int before, after, made;
	size_t bytes;
	char *text;

	bufinfo_totals(test, bufinfo_text(test), &before, &bytes);
	for (made = 0; made < 500; made++)
		if (IS_ERR(dma_buf_attach(dmabuf, dev)))
			break;
	text = bufinfo_text_in_pieces(test, 1000);
	while (!list_empty(&dmabuf->attachments)) {
		attach = list_first_entry(&dmabuf->attachments, typeof(*attach), node);
		dma_buf_detach(dmabuf, attach);
	}

	KUNIT_EXPECT_EQ(test, made, 500);
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, bufinfo_line(test, dmabuf, 1,
									"<none>")));
	KUNIT_EXPECT_EQ(test, 500, bufinfo_occurrences(text, dev_name(dev)));
	KUNIT_EXPECT_EQ(test, 1, bufinfo_occurrences(text, "Total 500 devices attached"));
	bufinfo_totals(test, text, &after, &bytes);
	KUNIT_EXPECT_EQ(test, after, before);
}

static void bufinfo_many_buffers_are_shown_once_each(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	int before, after;
	size_t bytes;
	char *text;

	bufinfo_totals(test, bufinfo_text(test), &before, &bytes);
	for (int i = 0; i < 700; i++)
		mock_buffer(test, exporter);
	text = bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "\tmock\t"), 700);
	bufinfo_totals(test, text, &after, &bytes);
	KUNIT_EXPECT_EQ(test, after, before + 700);
}

/* Read on, byte by byte, until the text ends with @what. */
static void bufinfo_read_until(struct kunit *test, struct file *file, char *text,
			       const char *what, loff_t *pos)
{
	while (!strstr(text, what)) {
		KUNIT_ASSERT_LT(test, *pos, BUFINFO_SIZE - 1);
		KUNIT_ASSERT_EQ(test, 1, bufinfo_read(file, text + *pos, 1, pos));
	}
}

static void bufinfo_reader_that_pauses_holds_nothing(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file = bufinfo_open(test);
	struct dma_buf *buffers[5];
	loff_t pos = 0;

	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		buffers[i] = mock_buffer(test, exporter);
	bufinfo_read_until(test, file, bufinfo_memory(test), "\tmock\t", &pos);

	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		KUNIT_EXPECT_EQ(test, file_count(buffers[i]->file), 1);
		KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(buffers[i]->resv));
		mock_buffer_put(test, buffers[i]);
	}
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), ARRAY_SIZE(buffers));
}

static void bufinfo_buffer_released_between_reads(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file = bufinfo_open(test);
	char *lines[5], *text = bufinfo_memory(test);
	struct dma_buf *buffers[5];
	int released = -1;
	loff_t pos = 0;

	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		buffers[i] = mock_buffer(test, exporter);
		lines[i] = bufinfo_line(test, buffers[i], 1, "<none>");
	}
	/* The read that returns the end of a record makes seq_file format the next one. */
	bufinfo_read_until(test, file, text, "\tmock\t", &pos);
	bufinfo_read_until(test, file, text, "attached\n\n", &pos);
	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		if (!strstr(text, lines[i]))
			released = i;
	KUNIT_ASSERT_GE(test, released, 0);
	mock_buffer_put(test, buffers[released]);

	KUNIT_EXPECT_TRUE(test, bufinfo_read_rest(file, text, 1, pos));
	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		KUNIT_EXPECT_EQ_MSG(test, bufinfo_occurrences(text, lines[i]),
				    i != released, "buffer %d", i);
}

static void bufinfo_closed_in_the_middle(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct file *file;
	char *text;

	for (int i = 0; i < 5; i++)
		mock_buffer(test, exporter);
	file = bufinfo_open(test);
	for (loff_t pos = 0; pos < 300;) {
		loff_t before = pos;
		char byte;

		bufinfo_read(file, &byte, 1, &pos);
		KUNIT_ASSERT_NE(test, pos, before);
	}
	bufinfo_close(test, file);

	text = bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "\tmock\t"), 5);
}

static void bufinfo_opened_and_never_read(struct kunit *test)
{
	bufinfo_close(test, bufinfo_open(test));
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(bufinfo_text(test), "Dma-buf Objects:"),
			1);
}

/**
 * struct bufinfo_pauses - state of the stub for dma_buf_bufinfo_pause()
 * @count: number of pauses
 * @exporter: exporter of the buffer that is exported and released during the first
 *	pause, or NULL
 * @blocked: number of exports and releases that did not finish in time
 */
struct bufinfo_pauses {
	int count;
	struct mock_exporter *exporter;
	int blocked;
};

#define BUFINFO_PAUSES	"bufinfo pauses"
/* Limit for an export and release; reached only if the reader blocks them. */
#define BUFINFO_BLOCKED	(5 * HZ)

/**
 * struct bufinfo_export - an export and a release in a thread of their own
 * @exporter: exporter of the buffer
 * @done: completed when both have returned
 */
struct bufinfo_export {
	struct mock_exporter *exporter;
	struct completion done;
};

static void bufinfo_export_fn(void *data)
{
	struct bufinfo_export *export = data;
	struct dma_buf *dmabuf = mock_export(export->exporter);

	if (!IS_ERR(dmabuf)) {
		dma_buf_put(dmabuf);
		flush_delayed_fput();
	}
	complete(&export->done);
}

/* Replaces dma_buf_bufinfo_pause(). Runs in the reader, the test's own thread. */
static void bufinfo_pause_counts(void)
{
	struct kunit *test = kunit_get_current_test();
	struct kunit_resource *res = kunit_find_named_resource(test, BUFINFO_PAUSES);
	struct bufinfo_pauses *pauses = res->data;
	struct bufinfo_export *export;

	kunit_put_resource(res);
	if (pauses->count++ || !pauses->exporter)
		return;
	export = kunit_kzalloc(test, sizeof(*export), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, export);
	export->exporter = pauses->exporter;
	init_completion(&export->done);
	mock_thread(test, bufinfo_export_fn, export);
	if (!wait_for_completion_timeout(&export->done, BUFINFO_BLOCKED))
		pauses->blocked++;
}

static struct bufinfo_pauses *bufinfo_count_pauses(struct kunit *test)
{
	struct bufinfo_pauses *pauses = kunit_kzalloc(test, sizeof(*pauses), GFP_KERNEL);
	struct kunit_resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pauses);
	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_named_resource(test, NULL, NULL, res,
							  BUFINFO_PAUSES, pauses));
	kunit_activate_static_stub(test, dma_buf_bufinfo_pause, bufinfo_pause_counts);
	return pauses;
}

static void bufinfo_locked_buffer_is_shown(struct kunit *test)
{
	struct dma_buf *dmabuf = mock_buffer(test, mock_exporter(test, &mock_bare_ops));
	struct bufinfo_pauses *pauses = bufinfo_count_pauses(test);
	struct mock_holder *holder;
	char *text;

	mock_attach(test, dmabuf, NULL);
	holder = mock_hold_lock(test, dmabuf);
	text = bufinfo_text(test);
	mock_drop_lock(test, holder);
	KUNIT_EXPECT_EQ(test, pauses->count, 20);

	text = strstr(text, bufinfo_line(test, dmabuf, 1, "<none>"));
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "Reservation lock taken"), 1);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "dmabuf-mock"), 0);
}

static void bufinfo_resv_fini(void *resv)
{
	mock_flush();
	dma_resv_fini(resv);
}

/* The buffers share one reservation object, as those of one process do in DRM. */
static struct mock_exporter *bufinfo_shared_exporter(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);

	exporter->resv = kunit_kzalloc(test, sizeof(*exporter->resv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exporter->resv);
	dma_resv_init(exporter->resv);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bufinfo_resv_fini,
							   exporter->resv));
	return exporter;
}

static void bufinfo_locked_buffers_share_a_limit(struct kunit *test)
{
	struct mock_exporter *shared = bufinfo_shared_exporter(test);
	struct bufinfo_pauses *pauses = bufinfo_count_pauses(test);
	struct mock_holder *holder;
	struct dma_buf *dmabuf;
	char *text;

	for (int i = 0; i < 50; i++)
		dmabuf = mock_buffer(test, shared);
	holder = mock_hold_lock(test, dmabuf);
	text = bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, pauses->count, 200);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "Reservation lock taken"), 50);

	/* The limit is per pass over the buffers. */
	bufinfo_text(test);
	KUNIT_EXPECT_EQ(test, pauses->count, 400);
	mock_drop_lock(test, holder);
}

/* Another thread exports and releases a buffer while the reader waits for a lock. */
static void bufinfo_locked_buffers_stop_no_export(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct mock_exporter *shared = bufinfo_shared_exporter(test);
	struct bufinfo_pauses *pauses = bufinfo_count_pauses(test);
	struct mock_holder *holder;
	struct dma_buf *dmabuf;
	char *text;

	pauses->exporter = exporter;
	for (int i = 0; i < 12; i++)
		dmabuf = mock_buffer(test, shared);
	holder = mock_hold_lock(test, dmabuf);
	text = bufinfo_text(test);
	mock_drop_lock(test, holder);
	KUNIT_EXPECT_GT(test, pauses->count, 0);
	KUNIT_EXPECT_EQ(test, pauses->blocked, 0);
	KUNIT_EXPECT_EQ(test, bufinfo_occurrences(text, "Reservation lock taken"), 12);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

/**
 * struct bufinfo_storm - buffers that stay while others are exported and released
 * @passing: exporter of the others
 * @dmabuf: one of the buffers that stay
 * @dev: device for attachments to @dmabuf
 * @lines: text that the line of each buffer that stays contains
 */
struct bufinfo_storm {
	struct mock_exporter *passing;
	struct dma_buf *dmabuf;
	struct device *dev;
	char lines[5][40];
};

/**
 * struct bufinfo_storm_reader - a thread that reads bufinfo repeatedly
 * @storm: buffers that must be in the text
 * @file: file that it reads
 * @text: memory for the text
 */
struct bufinfo_storm_reader {
	struct bufinfo_storm *storm;
	struct file *file;
	char *text;
};

static bool bufinfo_storm_read(void *data)
{
	struct bufinfo_storm_reader *job = data;
	char *text = job->text;

	text[0] = '\0';
	if (!bufinfo_read_rest(job->file, text, PAGE_SIZE, 0))
		return false;
	for (int i = 0; i < ARRAY_SIZE(job->storm->lines); i++)
		if (bufinfo_occurrences(text, job->storm->lines[i]) != 1)
			return false;
	return bufinfo_occurrences(text, " objects, ") == 1;
}

static bool bufinfo_storm_export(void *data)
{
	struct bufinfo_storm *storm = data;
	struct dma_buf *dmabuf = mock_export(storm->passing);

	if (IS_ERR(dmabuf))
		return false;
	schedule_timeout_uninterruptible(1);
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	return true;
}

static bool bufinfo_storm_attach(void *data)
{
	struct bufinfo_storm *storm = data;
	struct dma_buf_attachment *attach = dma_buf_attach(storm->dmabuf, storm->dev);

	if (IS_ERR(attach))
		return false;
	cond_resched();
	dma_buf_detach(storm->dmabuf, attach);
	return true;
}

static void bufinfo_read_during_export_and_release(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct bufinfo_storm storm = {
		.passing = mock_exporter(test, &mock_bare_ops),
		.dev = mock_device(test),
	};
	struct bufinfo_storm_reader readers[2];
	struct mock_job jobs[] = {
		{ .turn = bufinfo_storm_read, .data = &readers[0] },
		{ .turn = bufinfo_storm_read, .data = &readers[1] },
		{ .turn = bufinfo_storm_export, .data = &storm },
		{ .turn = bufinfo_storm_attach, .data = &storm },
	};

	/* Leave the count out: the other reader's reference may be in it. */
	for (int i = 0; i < ARRAY_SIZE(storm.lines); i++) {
		storm.dmabuf = mock_buffer(test, exporter);
		snprintf(storm.lines[i], sizeof(storm.lines[i]), "\tmock\t%08lu\t",
			 file_inode(storm.dmabuf->file)->i_ino);
	}
	for (int i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i].storm = &storm;
		readers[i].file = bufinfo_open(test);
		readers[i].text = bufinfo_memory(test);
	}
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(storm.passing, MOCK_RELEASE), jobs[2].turns);
}

static struct kunit_case dma_buf_debugfs_cases[] = {
	KUNIT_CASE(bufinfo_begins_with_columns),
	KUNIT_CASE(bufinfo_ends_with_totals),
	KUNIT_CASE(bufinfo_buffer_has_a_line),
	KUNIT_CASE(bufinfo_name_is_shown),
	KUNIT_CASE(bufinfo_attachments_are_shown),
	KUNIT_CASE(bufinfo_fences_are_shown),
	KUNIT_CASE_PARAM(bufinfo_read_in_pieces_is_the_same_text, bufinfo_piece_gen_params),
	KUNIT_CASE(bufinfo_read_from_the_middle),
	KUNIT_CASE(bufinfo_end_of_file_is_final),
	KUNIT_CASE(bufinfo_record_of_more_than_a_page),
	KUNIT_CASE(bufinfo_many_buffers_are_shown_once_each),
	KUNIT_CASE(bufinfo_reader_that_pauses_holds_nothing),
	KUNIT_CASE(bufinfo_buffer_released_between_reads),
	KUNIT_CASE(bufinfo_closed_in_the_middle),
	KUNIT_CASE(bufinfo_opened_and_never_read),
	KUNIT_CASE(bufinfo_locked_buffer_is_shown),
	KUNIT_CASE(bufinfo_locked_buffers_share_a_limit),
	KUNIT_CASE(bufinfo_locked_buffers_stop_no_export),
	KUNIT_CASE(bufinfo_read_during_export_and_release),
	{}
};

static struct kunit_suite dma_buf_debugfs_suite = {
	.name = "dma_buf_debugfs",
	.init = mock_init,
	.test_cases = dma_buf_debugfs_cases,
};

kunit_test_suite(dma_buf_debugfs_suite);
