// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was reserved and not used is taken back with the lock. With CONFIG_DEBUG_MUTEXES
 * that is an exported function: tests of drivers call it to see whether they reserve.
 */

#include <linux/export.h>

#include "dma-resv-private.h"

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
	dma_resv_assert_held(obj);
	obj->reserved = 0;
}
EXPORT_SYMBOL(dma_resv_reset_max_fences);
