// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fences, what is made of them and reservation objects cost, through their
 * public interface only.
 *
 * Operations that make a fence include its memory: what that alone costs is the
 * first line of the results.
 */

#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/sync_file.h>

#include "bench.h"

#define MANY	64
#define SOME	16

static DEFINE_SPINLOCK(bench_lock);

static const char *bench_name(struct dma_fence *fence)
{
	return "bench";
}

static const struct dma_fence_ops bench_fence_ops = {
	.get_driver_name = bench_name,
	.get_timeline_name = bench_name,
};

static struct dma_fence *bench_fence_at(u64 context, u64 seqno)
{
	struct dma_fence *fence = kmalloc(sizeof(*fence), GFP_KERNEL | __GFP_NOFAIL);

	dma_fence_init(fence, &bench_fence_ops, &bench_lock, context, seqno);
	return fence;
}

static struct dma_fence *bench_fence(void)
{
	return bench_fence_at(dma_fence_context_alloc(1), 1);
}

static void bench_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
}

static void op_memory(void *none)
{
	kfree(kmalloc(sizeof(struct dma_fence), GFP_KERNEL));
}

/* What a fence costs that readers under RCU may look at, whatever is done with it. */
static void op_memory_rcu(void *none)
{
	struct dma_fence *fence = kmalloc(sizeof(*fence), GFP_KERNEL);

	kfree_rcu(fence, rcu);
}

static void op_fence(void *none)
{
	struct dma_fence *fence = bench_fence_at(1, 1);

	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void op_fence_callback(void *none)
{
	struct dma_fence *fence = bench_fence_at(1, 1);
	struct dma_fence_cb cb;

	dma_fence_add_callback(fence, &cb, bench_callback);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void op_wait(void *fence)
{
	dma_fence_wait(fence, false);
}

static void op_sync_file(void *fence)
{
	struct sync_file *file = sync_file_create(fence);

	if (file)
		__fput_sync(file->file);
}

/* With its members, which signal in their order. */
static void op_array(void *none)
{
	struct dma_fence **fences = kmalloc_array(SOME, sizeof(*fences), GFP_KERNEL);
	struct dma_fence *members[SOME];
	struct dma_fence_array *array;
	int i;

	for (i = 0; i < SOME; i++)
		fences[i] = bench_fence_at(i + 1, 1);
	memcpy(members, fences, sizeof(members));
	array = dma_fence_array_create(SOME, fences, 1, 1, false);
	dma_fence_enable_sw_signaling(&array->base);
	for (i = 0; i < SOME; i++)
		dma_fence_signal(members[i]);
	dma_fence_wait(&array->base, false);
	dma_fence_put(&array->base);
}

/* The array alone: its members were signalled and stay. */
static void op_array_only(void *arg)
{
	struct dma_fence **members = arg, **fences;
	struct dma_fence_array *array;
	int i;

	fences = kmalloc_array(SOME, sizeof(*fences), GFP_KERNEL);
	for (i = 0; i < SOME; i++)
		fences[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(SOME, fences, 1, 1, false);
	dma_fence_wait(&array->base, false);
	dma_fence_put(&array->base);
}

static void op_chain(void *none)
{
	struct dma_fence *head = NULL, *fence;
	struct dma_fence_chain *chain;
	int i;

	for (i = 0; i < MANY; i++) {
		chain = dma_fence_chain_alloc();
		dma_fence_chain_init(chain, head, bench_fence_at(i + 1, 1), i + 1);
		head = &chain->base;
	}
	dma_fence_chain_for_each(fence, head)
		;
	dma_fence_put(head);
}

static void op_merge(void *arg)
{
	struct dma_fence **fences = arg;

	dma_fence_put(dma_fence_unwrap_merge(fences[0], fences[1], fences[2], fences[3]));
}

static void op_resv_add(void *arg)
{
	struct dma_fence **fences = arg;
	struct dma_resv resv;
	int i;

	dma_resv_init(&resv);
	dma_resv_lock(&resv, NULL);
	for (i = 0; i < SOME; i++)
		if (!dma_resv_reserve_fences(&resv, 1))
			dma_resv_add_fence(&resv, fences[i], DMA_RESV_USAGE_READ);
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
}

/* A reservation object full of fences, and one of them. */
struct bench_resv {
	struct dma_resv resv;
	struct dma_fence *again;
};

static void op_resv_add_again(void *arg)
{
	struct bench_resv *full = arg;

	if (!dma_resv_reserve_fences(&full->resv, 1))
		dma_resv_add_fence(&full->resv, full->again, DMA_RESV_USAGE_READ);
}

static void op_resv_iterate(void *arg)
{
	struct bench_resv *full = arg;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, &full->resv, DMA_RESV_USAGE_READ, fence)
		;
}

static void op_resv_iterate_unlocked(void *arg)
{
	struct bench_resv *full = arg;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, &full->resv, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence)
		;
	dma_resv_iter_end(&cursor);
}

static void op_resv_get(void *arg)
{
	struct bench_resv *full = arg;
	struct dma_fence **fences;
	unsigned int count, i;

	if (dma_resv_get_fences(&full->resv, DMA_RESV_USAGE_READ, &count, &fences))
		return;
	for (i = 0; i < count; i++)
		dma_fence_put(fences[i]);
	kfree(fences);
}

static void op_resv_test(void *arg)
{
	struct bench_resv *full = arg;

	dma_resv_test_signaled(&full->resv, DMA_RESV_USAGE_READ);
}

/* Leaves the reservation object locked. */
static void bench_resv_fill(struct bench_resv *full, struct dma_fence **fences, int count)
{
	int i;

	dma_resv_init(&full->resv);
	dma_resv_lock(&full->resv, NULL);
	for (i = 0; i < count; i++)
		if (!dma_resv_reserve_fences(&full->resv, 1))
			dma_resv_add_fence(&full->resv, fences[i], DMA_RESV_USAGE_READ);
	full->again = fences[count - 1];
}

/* The common sizes: a buffer has fences of one to four timelines, seldom of 16. */
static const struct bench_size {
	int count;
	const char *add;
	const char *iterate;
} bench_sizes[] = {
	{ 1, "resv add a known timeline of 1", "resv iterate 1 unlocked" },
	{ 2, "resv add a known timeline of 2", "resv iterate 2 unlocked" },
	{ 4, "resv add a known timeline of 4", "resv iterate 4 unlocked" },
	{ SOME, "resv add a known timeline of 16", "resv iterate 16 unlocked" },
};

static void bench_resv_sizes(struct dma_fence **fences)
{
	static struct bench_resv full;
	int i;

	for (i = 0; i < ARRAY_SIZE(bench_sizes); i++) {
		bench_resv_fill(&full, fences, bench_sizes[i].count);
		report(bench_sizes[i].add, op_resv_add_again, &full);
		dma_resv_unlock(&full.resv);
		report(bench_sizes[i].iterate, op_resv_iterate_unlocked, &full);
		dma_resv_fini(&full.resv);
	}
}

static void bench_reservations(struct dma_fence **fences)
{
	static struct bench_resv full;

	report("resv init + 16 adds + fini", op_resv_add, fences);
	bench_resv_sizes(fences);

	bench_resv_fill(&full, fences, MANY);
	report("resv add a known timeline among 64", op_resv_add_again, &full);
	report("resv iterate 64 locked", op_resv_iterate, &full);
	dma_resv_unlock(&full.resv);
	report("resv iterate 64 unlocked", op_resv_iterate_unlocked, &full);
	report("resv get 64 fences + put", op_resv_get, &full);
	report("resv test for signalled", op_resv_test, &full);
	dma_resv_fini(&full.resv);
}

static void bench_resv_bytes(struct dma_fence **fences, int count)
{
	struct dma_resv resv;
	int i;

	dma_resv_init(&resv);
	dma_resv_lock(&resv, NULL);
	for (i = 0; i < count; i++)
		if (!dma_resv_reserve_fences(&resv, 1))
			dma_resv_add_fence(&resv, fences[i], DMA_RESV_USAGE_READ);
	dma_resv_unlock(&resv);
	pr_info("BENCH bytes of resv with %d fences %zu\n", count,
		sizeof(resv) + ksize(rcu_access_pointer(resv.fences)));
	dma_resv_fini(&resv);
}

static void bench_array_bytes(struct dma_fence **members)
{
	struct dma_fence **fences = kmalloc_array(SOME, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array;
	int i;

	for (i = 0; i < SOME; i++)
		fences[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(SOME, fences, 1, 1, false);
	pr_info("BENCH bytes of array of 16 %zu\n", ksize(array) + ksize(fences));
	dma_fence_put(&array->base);
}

/* What is allocated, fences aside; only a test may look at what is private. */
static void bench_bytes(struct dma_fence **fences)
{
	pr_info("BENCH bytes of struct dma_fence %zu\n", sizeof(struct dma_fence));
	pr_info("BENCH bytes of struct dma_fence_chain %zu\n",
		sizeof(struct dma_fence_chain));
	bench_array_bytes(fences);
	pr_info("BENCH bytes of struct dma_resv %zu\n", sizeof(struct dma_resv));
	bench_resv_bytes(fences, 1);
	bench_resv_bytes(fences, 2);
	bench_resv_bytes(fences, 4);
	bench_resv_bytes(fences, SOME);
	bench_resv_bytes(fences, MANY);
}

int bench_fences(void)
{
	struct dma_fence *fences[MANY], *done[SOME];
	int i;

	for (i = 0; i < MANY; i++)
		fences[i] = bench_fence();
	for (i = 0; i < SOME; i++) {
		done[i] = bench_fence();
		dma_fence_signal(done[i]);
	}

	report("kmalloc+kfree", op_memory, NULL);
	report("kmalloc+kfree_rcu", op_memory_rcu, NULL);
	report("fence init+signal+put", op_fence, NULL);
	report("fence init+callback+signal+put", op_fence_callback, NULL);
	report("wait on a signalled fence", op_wait, done[0]);
	report("sync_file create+put", op_sync_file, fences[0]);
	report("array of 16 with its fences", op_array, NULL);
	report("array of 16 signalled fences", op_array_only, done);
	report("chain of 64 with its fences", op_chain, NULL);
	report("merge of 4 fences + put", op_merge, fences);
	bench_reservations(fences);
	bench_bytes(fences);

	for (i = 0; i < MANY; i++) {
		dma_fence_signal(fences[i]);
		dma_fence_put(fences[i]);
	}
	for (i = 0; i < SOME; i++)
		dma_fence_put(done[i]);
	return 0;
}
