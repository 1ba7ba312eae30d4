// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_resv_reset_max_fences() for CONFIG_DEBUG_MUTEXES, exported as in 6.12. Otherwise the
 * header has it as an inline function.
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
