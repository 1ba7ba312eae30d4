// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the registry: what a walk over all buffers returns while buffers are
 * exported and released. The tests ignore buffers of other exporters.
 */

#include <kunit/static_stub.h>
#include <linux/cpumask.h>
#include <linux/file.h>
#include <linux/path.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "mock-buffer.h"
#include "threads.h"

/**
 * struct registry_walk - a walk, which the test ends when it ends itself
 * @iter: the walk
 * @exporter: exporter whose buffers the walk returns
 */
struct registry_walk {
	struct dma_buf_registry_iter iter;
	struct mock_exporter *exporter;
};

static void registry_walk_action(void *in)
{
	struct registry_walk *walk = in;

	dma_buf_registry_iter_end(&walk->iter);
}

static struct registry_walk *registry_begin(struct kunit *test,
					    struct mock_exporter *exporter)
{
	struct registry_walk *walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, walk);
	walk->exporter = exporter;
	dma_buf_registry_iter_begin(&walk->iter);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, registry_walk_action,
							   walk));
	return walk;
}

static void registry_end(struct kunit *test, struct registry_walk *walk)
{
	kunit_release_action(test, registry_walk_action, walk);
}

/* Return the next buffer of the exporter with a reference, without stepping over it. */
static struct dma_buf *registry_peek(struct registry_walk *walk)
{
	struct dma_buf *dmabuf;

	while ((dmabuf = dma_buf_registry_iter_peek(&walk->iter))) {
		if (dmabuf->priv == walk->exporter)
			return dmabuf;
		dma_buf_registry_iter_step(&walk->iter, dmabuf);
	}
	return NULL;
}

/* Step over the next buffer of the exporter and return it, without a reference. */
static struct dma_buf *registry_next(struct registry_walk *walk)
{
	struct dma_buf *dmabuf = registry_peek(walk);

	if (dmabuf)
		dma_buf_registry_iter_step(&walk->iter, dmabuf);
	return dmabuf;
}

static int registry_count(struct kunit *test, struct mock_exporter *exporter)
{
	struct registry_walk *walk = registry_begin(test, exporter);
	int count = 0;

	while (registry_next(walk))
		count++;
	registry_end(test, walk);
	return count;
}

/* Number of times that one walk returns @wanted. */
static int registry_seen(struct kunit *test, struct mock_exporter *exporter,
			 struct dma_buf *wanted)
{
	struct registry_walk *walk = registry_begin(test, exporter);
	struct dma_buf *dmabuf;
	int seen = 0;

	while ((dmabuf = registry_next(walk)))
		seen += dmabuf == wanted;
	registry_end(test, walk);
	return seen;
}

static void registry_walk_without_buffers(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);

	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), 0);
}

static void registry_walk_sees_each_once(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *buffers[20];

	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		buffers[i] = mock_buffer(test, exporter);
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), ARRAY_SIZE(buffers));
	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		KUNIT_EXPECT_EQ(test, registry_seen(test, exporter, buffers[i]), 1);
}

static void registry_released_buffer_is_gone(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_buffer(test, exporter);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), 1);
}

/* The object of an export that could not get a file. */
static struct dma_buf_object *refused_object;

static struct file *refuse_open(struct dma_buf_object *obj, int flags)
{
	ihold(&obj->inode);
	refused_object = obj;
	return ERR_PTR(-ENFILE);
}

static void registry_failed_export_leaves_nothing(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);

	refused_object = NULL;
	kunit_activate_static_stub(test, dma_buf_object_open, refuse_open);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mock_export(exporter)), -ENFILE);
	KUNIT_ASSERT_NOT_NULL(test, refused_object);
	KUNIT_EXPECT_TRUE(test, list_empty(&refused_object->entry.node));
	KUNIT_EXPECT_EQ(test, atomic_read(&refused_object->inode.i_count), 1);
	iput(&refused_object->inode);
}

static void registry_peek_does_not_step(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walk;
	struct dma_buf *first, *dmabuf;

	mock_buffer(test, exporter);
	mock_buffer(test, exporter);
	walk = registry_begin(test, exporter);
	first = registry_peek(walk);
	KUNIT_ASSERT_NOT_NULL(test, first);
	for (int i = 0; i < 3; i++) {
		dmabuf = registry_peek(walk);
		KUNIT_EXPECT_PTR_EQ(test, dmabuf, first);
		dma_buf_put(dmabuf);
	}
	dma_buf_registry_iter_step(&walk->iter, first);
	dmabuf = registry_next(walk);
	KUNIT_EXPECT_NOT_NULL(test, dmabuf);
	KUNIT_EXPECT_PTR_NE(test, dmabuf, first);
	KUNIT_EXPECT_NULL(test, registry_next(walk));
}

static void registry_peek_takes_one_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct registry_walk *walk = registry_begin(test, exporter);

	KUNIT_EXPECT_PTR_EQ(test, registry_peek(walk), dmabuf);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 2);
	dma_buf_registry_iter_step(&walk->iter, dmabuf);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
	KUNIT_EXPECT_NULL(test, registry_peek(walk));
}

static void registry_end_of_walk_is_final(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walk;

	mock_buffer(test, exporter);
	walk = registry_begin(test, exporter);
	KUNIT_EXPECT_NOT_NULL(test, registry_next(walk));
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, registry_next(walk));
}

static void registry_walker_has_the_last_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct registry_walk *walk = registry_begin(test, exporter);

	KUNIT_ASSERT_PTR_EQ(test, registry_peek(walk), dmabuf);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
	KUNIT_EXPECT_EQ(test, registry_seen(test, exporter, dmabuf), 1);

	dma_buf_registry_iter_step(&walk->iter, dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_NULL(test, registry_next(walk));
}

struct registry_release_row {
	const char *name;
	int seen;
	int released;
	int count;
};

/*
 * After @seen steps of a walk over six buffers, @count buffers are released, from place
 * @released of the walk on.
 */
static const struct registry_release_row registry_release_rows[] = {
	{ "first buffer, before the first step", 0, 0, 1 },
	{ "the buffer of the last step", 3, 2, 1 },
	{ "the next buffer", 3, 3, 1 },
	{ "the next two buffers", 3, 3, 2 },
	{ "a later buffer", 2, 4, 1 },
	{ "the last buffer", 3, 5, 1 },
	{ "all buffers stepped over", 3, 0, 3 },
	{ "all remaining buffers", 3, 3, 3 },
	{ "all buffers", 3, 0, 6 },
};

KUNIT_ARRAY_PARAM_DESC(registry_release, registry_release_rows, name);

static void registry_buffers_released_during_walk(struct kunit *test)
{
	const struct registry_release_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	int last = row->released + row->count;
	struct registry_walk *walk;
	struct dma_buf *order[6];

	for (int i = 0; i < ARRAY_SIZE(order); i++)
		mock_buffer(test, exporter);
	walk = registry_begin(test, exporter);
	for (int i = 0; i < ARRAY_SIZE(order); i++)
		order[i] = registry_next(walk);
	KUNIT_ASSERT_NOT_NULL(test, order[ARRAY_SIZE(order) - 1]);
	registry_end(test, walk);

	walk = registry_begin(test, exporter);
	for (int i = 0; i < row->seen; i++)
		KUNIT_EXPECT_PTR_EQ(test, registry_next(walk), order[i]);
	for (int i = row->released; i < last; i++)
		mock_buffer_put(test, order[i]);
	for (int i = row->seen; i < ARRAY_SIZE(order); i++)
		if (i < row->released || i >= last)
			KUNIT_EXPECT_PTR_EQ(test, registry_next(walk), order[i]);
	KUNIT_EXPECT_NULL(test, registry_next(walk));
}

/*
 * Each step exports a buffer to the shard that the walk is in. The walk visits
 * the buffers that were there before, and ends.
 */
static void registry_walk_ends_while_others_export(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *early[3], *dmabuf;
	struct registry_walk *walk;
	int steps = 0;

	migrate_disable();
	for (int i = 0; i < ARRAY_SIZE(early); i++)
		early[i] = mock_buffer(test, exporter);
	walk = registry_begin(test, exporter);
	while (steps < 100 && (dmabuf = registry_next(walk))) {
		KUNIT_EXPECT_TRUE(test, dmabuf == early[0] || dmabuf == early[1] ||
				  dmabuf == early[2]);
		mock_buffer(test, exporter);
		steps++;
	}
	migrate_enable();
	KUNIT_EXPECT_EQ(test, steps, ARRAY_SIZE(early));
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), 2 * ARRAY_SIZE(early));
}

static void registry_two_walks_are_independent(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *one, *two;
	struct dma_buf *buffers[4];

	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		buffers[i] = mock_buffer(test, exporter);
	one = registry_begin(test, exporter);
	two = registry_begin(test, exporter);
	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		struct dma_buf *dmabuf = registry_next(one);

		KUNIT_EXPECT_NOT_NULL(test, dmabuf);
		KUNIT_EXPECT_PTR_EQ(test, registry_next(two), dmabuf);
	}
	KUNIT_EXPECT_NULL(test, registry_next(two));
	KUNIT_EXPECT_NULL(test, registry_next(one));
}

/*
 * Three walks have stepped over the same buffer. Then one of the walks ends and the
 * buffer is released.
 */
static void registry_cursors_in_one_place(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walks[3];
	struct dma_buf *first, *last;

	first = mock_buffer(test, exporter);
	last = mock_buffer(test, exporter);
	for (int i = 0; i < ARRAY_SIZE(walks); i++)
		walks[i] = registry_begin(test, exporter);
	if (registry_next(walks[0]) != first)
		swap(first, last);
	registry_next(walks[1]);
	registry_next(walks[2]);

	registry_end(test, walks[1]);
	mock_buffer_put(test, first);
	KUNIT_EXPECT_PTR_EQ(test, registry_next(walks[2]), last);
	KUNIT_EXPECT_PTR_EQ(test, registry_next(walks[0]), last);
	KUNIT_EXPECT_NULL(test, registry_next(walks[0]));
}

static void registry_walk_that_ends_early_leaves_no_cursor(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walk;
	struct dma_buf *dmabuf;

	for (int i = 0; i < 3; i++)
		mock_buffer(test, exporter);
	for (int steps = 0; steps < 3; steps++) {
		walk = registry_begin(test, exporter);
		for (int i = 0; i < steps; i++)
			registry_next(walk);
		dmabuf = registry_peek(walk);
		registry_end(test, walk);
		KUNIT_ASSERT_NOT_NULL(test, dmabuf);
		KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 2);
		dma_buf_put(dmabuf);
	}
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), 3);
}

/* Around the number of entries that a walk examines per hold of the lock. */
static const int dying_counts[] = { 1, 63, 64, 65, 128, 200 };

static void dying_count_to_desc(const int *dying_count, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d dying", *dying_count);
}

KUNIT_ARRAY_PARAM(dying_count, dying_counts, dying_count_to_desc);

static int registry_listed(struct dma_buf **buffers, int count)
{
	int listed = 0;

	for (int i = 0; i < count; i++)
		listed += !list_empty(&dma_buf_to_object(buffers[i])->entry.node);
	return listed;
}

static void registry_dying_buffers_are_skipped(struct kunit *test)
{
	const int *dying_count = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walk;
	struct dma_buf *dying[200];
	struct mock_stop *stop;
	struct dma_buf *alive;

	for (int i = 0; i < *dying_count; i++)
		dying[i] = mock_buffer(test, exporter);
	alive = mock_buffer(test, exporter);
	walk = registry_begin(test, exporter);
	stop = mock_stop_releases(test);
	for (int i = 0; i < *dying_count; i++) {
		mock_buffer_disown(test, dying[i]);
		dma_buf_put(dying[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, registry_next(walk), alive);
	KUNIT_EXPECT_NULL(test, registry_next(walk));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
	KUNIT_EXPECT_EQ(test, registry_listed(dying, *dying_count), *dying_count);
	mock_resume_releases(test, stop);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), *dying_count);
}

static void registry_unreachable_buffer_is_not_listed(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct path path = dmabuf->file->f_path;

	path_get(&path);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
	path_put(&path);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static int registry_compare_inos(const void *a, const void *b)
{
	const unsigned long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The buffers exist at the same time and are exported on each CPU in turn. */
static void registry_inode_numbers_are_unique(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	const int count = 2500;
	unsigned long *inos = kunit_kcalloc(test, count, sizeof(*inos), GFP_KERNEL);
	struct dma_buf **buffers;
	int made, duplicates = 0;
	unsigned int cpu;

	buffers = kunit_kcalloc(test, count, sizeof(*buffers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, inos);
	KUNIT_ASSERT_NOT_NULL(test, buffers);
	for (made = 0; made < count; made++) {
		cpu = cpumask_nth(made % num_online_cpus(), cpu_online_mask);
		KUNIT_EXPECT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
		buffers[made] = mock_export(exporter);
		if (IS_ERR(buffers[made]))
			break;
		inos[made] = file_inode(buffers[made]->file)->i_ino;
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	for (int i = 0; i < made; i++)
		dma_buf_put(buffers[i]);
	mock_flush();

	KUNIT_EXPECT_EQ(test, made, count);
	sort(inos, made, sizeof(*inos), registry_compare_inos, NULL);
	for (int i = 1; i < made; i++)
		duplicates += inos[i] == inos[i - 1];
	KUNIT_EXPECT_EQ(test, duplicates, 0);
	KUNIT_EXPECT_NE(test, inos[0], 0);
}

static long registry_export_on_cpu(void *exporter)
{
	return (long)mock_export(exporter);
}

static void registry_walk_covers_all_cpus(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct registry_walk *walk;
	struct dma_buf *dmabuf;
	int cpu, made = 0;

	for_each_online_cpu(cpu) {
		dmabuf = (void *)work_on_cpu(cpu, registry_export_on_cpu, exporter);
		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, dmabuf);
		made += !IS_ERR(dmabuf);
	}
	KUNIT_EXPECT_EQ(test, registry_count(test, exporter), made);

	/* A walk that goes on to the next shard skips and repeats no buffer. */
	walk = registry_begin(test, exporter);
	for (int i = 0; i < made; i++) {
		dmabuf = registry_peek(walk);
		KUNIT_ASSERT_NOT_NULL(test, dmabuf);
		/* Drop the reference of the export. */
		dma_buf_put(dmabuf);
		dma_buf_registry_iter_step(&walk->iter, dmabuf);
	}
	KUNIT_EXPECT_NULL(test, registry_next(walk));
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), made);
}

/**
 * struct registry_storm - buffers that stay while others are exported and released
 * @exporter: exporter of the buffers that stay
 * @passing: exporter of the others
 * @stay: number of buffers that stay
 */
struct registry_storm {
	struct mock_exporter *exporter;
	struct mock_exporter *passing;
	int stay;
};

static bool registry_storm_export(void *data)
{
	struct registry_storm *storm = data;
	struct dma_buf *buffers[4];
	bool good = true;

	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		buffers[i] = mock_export(storm->passing);
		good &= !IS_ERR(buffers[i]);
	}
	cond_resched();
	for (int i = 0; i < ARRAY_SIZE(buffers); i++)
		if (!IS_ERR(buffers[i]))
			dma_buf_put(buffers[i]);
	flush_delayed_fput();
	return good;
}

static bool registry_storm_walk(void *data)
{
	struct registry_storm *storm = data;
	struct dma_buf_registry_iter iter;
	struct dma_buf *dmabuf;
	int seen = 0;

	dma_buf_registry_iter_begin(&iter);
	while ((dmabuf = dma_buf_registry_iter_peek(&iter))) {
		seen += dmabuf->priv == storm->exporter;
		cond_resched();
		dma_buf_registry_iter_step(&iter, dmabuf);
	}
	dma_buf_registry_iter_end(&iter);
	return seen == storm->stay;
}

static void registry_walk_during_export_and_close_storm(struct kunit *test)
{
	struct registry_storm storm = {
		.exporter = mock_exporter(test, &mock_bare_ops),
		.passing = mock_exporter(test, &mock_bare_ops),
		.stay = 10,
	};
	struct mock_job jobs[] = {
		{ .turn = registry_storm_export, .data = &storm },
		{ .turn = registry_storm_export, .data = &storm },
		{ .turn = registry_storm_walk, .data = &storm },
		{ .turn = registry_storm_walk, .data = &storm },
	};

	for (int i = 0; i < storm.stay; i++)
		mock_buffer(test, storm.exporter);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	mock_flush();
	KUNIT_EXPECT_EQ(test, registry_count(test, storm.exporter), storm.stay);
	KUNIT_EXPECT_EQ(test, registry_count(test, storm.passing), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(storm.passing, MOCK_RELEASE),
			4 * (jobs[0].turns + jobs[1].turns));
}

static struct kunit_case dma_buf_registry_cases[] = {
	KUNIT_CASE(registry_walk_without_buffers),
	KUNIT_CASE(registry_walk_sees_each_once),
	KUNIT_CASE(registry_released_buffer_is_gone),
	KUNIT_CASE(registry_failed_export_leaves_nothing),
	KUNIT_CASE(registry_peek_does_not_step),
	KUNIT_CASE(registry_peek_takes_one_reference),
	KUNIT_CASE(registry_end_of_walk_is_final),
	KUNIT_CASE(registry_walker_has_the_last_reference),
	KUNIT_CASE_PARAM(registry_buffers_released_during_walk, registry_release_gen_params),
	KUNIT_CASE(registry_walk_ends_while_others_export),
	KUNIT_CASE(registry_two_walks_are_independent),
	KUNIT_CASE(registry_cursors_in_one_place),
	KUNIT_CASE(registry_walk_that_ends_early_leaves_no_cursor),
	KUNIT_CASE_PARAM(registry_dying_buffers_are_skipped, dying_count_gen_params),
	KUNIT_CASE(registry_unreachable_buffer_is_not_listed),
	KUNIT_CASE(registry_inode_numbers_are_unique),
	KUNIT_CASE(registry_walk_covers_all_cpus),
	KUNIT_CASE(registry_walk_during_export_and_close_storm),
	{}
};

static struct kunit_suite dma_buf_registry_suite = {
	.name = "dma_buf_registry",
	.init = mock_init,
	.test_cases = dma_buf_registry_cases,
};

kunit_test_suite(dma_buf_registry_suite);
