// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservation objects for tests.
 */

#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../resv/dma-resv-private.h"
#include "mock.h"
#include "resv.h"

#define TIMELINES	26

/* Indexed by usage. */
static const char usages[] = "kwrp";

static u64 mock_resv_contexts(void)
{
	static u64 contexts;

	if (!contexts)
		contexts = dma_fence_context_alloc(TIMELINES);
	return contexts;
}

static void mock_resv_action(void *resv)
{
	dma_resv_fini(resv);
}

struct dma_resv *mock_resv(struct kunit *test)
{
	struct dma_resv *resv = kunit_kzalloc(test, sizeof(*resv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, resv);
	dma_resv_init(resv);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_resv_action, resv));
	return resv;
}

void mock_resv_add(struct kunit *test, struct dma_resv *resv, struct dma_fence *fence,
		   enum dma_resv_usage usage)
{
	int ret;

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, fence, usage);
	dma_resv_unlock(resv);
	KUNIT_ASSERT_EQ(test, 0, ret);
}

u64 mock_resv_fill(struct kunit *test, struct dma_resv *resv, const char *text)
{
	struct dma_fence *fence;
	const char *usage;

	while (*text) {
		fence = mock_fence_at(test, mock_resv_contexts() + text[0] - 'a',
				      text[1] - '0');
		usage = strchr(usages, text[2]);
		KUNIT_ASSERT_NOT_NULL(test, usage);
		mock_resv_add(test, resv, fence, usage - usages);
		text += 3;
		if (*text == '!') {
			dma_fence_signal(fence);
			text++;
		}
		text += *text == ' ';
	}
	return mock_resv_contexts();
}

size_t mock_resv_write(char *text, size_t size, struct dma_fence *fence,
		       enum dma_resv_usage usage)
{
	return scnprintf(text, size, "%c%llu%c",
			 (char)('a' + fence->context - mock_resv_contexts()),
			 fence->seqno, usages[usage]);
}

const char *mock_resv_text(struct kunit *test, struct dma_resv *resv)
{
	size_t size = 256, len = 0;
	char *text = kunit_kzalloc(test, size, GFP_KERNEL);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	KUNIT_ASSERT_NOT_NULL(test, text);
	dma_resv_lock(resv, NULL);
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (len)
			text[len++] = ' ';
		len += mock_resv_write(text + len, size - len - 1, fence,
				       dma_resv_iter_usage(&cursor));
	}
	dma_resv_unlock(resv);
	return text;
}

unsigned int mock_resv_count(struct kunit *test, struct dma_resv *resv)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int count = 0;

	dma_resv_lock(resv, NULL);
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		count++;
	dma_resv_unlock(resv);
	return count;
}

unsigned int mock_resv_capacity(struct dma_resv *resv)
{
	struct dma_resv_list *list;

	guard(rcu)();
	list = rcu_dereference(resv->fences);
	return list ? list->max_fences : 0;
}

void mock_resv_exchange(struct dma_resv *resv, struct dma_resv *other)
{
	struct dma_resv_list *mine, *theirs = rcu_dereference_protected(other->fences, true);

	dma_resv_lock(resv, NULL);
	mine = dma_resv_list_held(resv);
	for (unsigned int i = 0; i < mine->num_fences; i++)
		swap(mine->slots[i], theirs->slots[i]);
	WRITE_ONCE(resv->generation, resv->generation + 1);
	dma_resv_unlock(resv);
}

void mock_resv_set_count(struct dma_resv *resv, unsigned int num_fences)
{
	dma_resv_lock(resv, NULL);
	WRITE_ONCE(dma_resv_list_held(resv)->num_fences, num_fences);
	dma_resv_unlock(resv);
}
