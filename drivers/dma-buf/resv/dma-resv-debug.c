// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dropping reservations, as an exported function for CONFIG_DEBUG_MUTEXES, where the
 * base exports it too. Otherwise the header has an inline function.
 * &dma_resv.reserved is guarded by the reservation lock.
 */

#include <linux/export.h>

#include "dma-resv-private.h"

/**
 * dma_resv_reset_max_fences() - drop all reservations of the lock section
 * @obj: the reservation object
 *
 * Called by dma_resv_unlock(), and by tests which check that a driver reserves.
 *
 * Context: Reservation lock held.
 */
void dma_resv_reset_max_fences(struct dma_resv *obj)
{
	dma_resv_assert_held(obj);
	obj->reserved = 0;
}
EXPORT_SYMBOL(dma_resv_reset_max_fences);
