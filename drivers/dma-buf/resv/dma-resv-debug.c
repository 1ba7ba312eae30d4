// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots that were reserved and not used are taken back with the lock, so that a
 * driver which adds without reserving is found on the first day, and not when there
 * happens to be no room (CONFIG_DEBUG_MUTEXES).
 */

#include <linux/export.h>

#include "dma-resv-private.h"

void dma_resv_list_reserve(struct dma_resv_list *list, unsigned int count)
{
	list->reserved = max(list->reserved, count);
}

void dma_resv_list_take(struct dma_resv_list *list)
{
	if (!WARN_ONCE(!list->reserved,
		       "dma_resv: fence added that no room was reserved for\n"))
		list->reserved--;
}

void dma_resv_list_unreserve(struct dma_resv_list *list)
{
	list->reserved = 0;
}

/**
 * dma_resv_reset_max_fences() - take back what was reserved.
 * @obj: the reservation object
 *
 * For dma_resv_unlock(), and for tests of drivers.
 *
 * Context: Reservation lock held.
 */
void dma_resv_reset_max_fences(struct dma_resv *obj)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);

	dma_resv_assert_held(obj);
	if (list)
		dma_resv_list_unreserve(list);
}
EXPORT_SYMBOL(dma_resv_reset_max_fences);
