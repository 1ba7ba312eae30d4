// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks for lockdep on the way to a signal.
 *
 * Others wait for a fence, with memory reclaim and with reservation locks held. So
 * the code that signals it may not wait for these, or both wait for ever. Such a
 * cycle goes through several drivers and shows up on nobody's desk. The marks make
 * lockdep see it on any machine: a section that leads to a signal is like a lock
 * held for reading, a wait for a fence like taking it for writing.
 */

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>

#include "dma-fence-private.h"

/**
 * DOC: Signalling critical sections
 *
 * A section of code without which a published fence does not get signalled is
 * critical: an interrupt handler, a work item that submits the next job, a reset.
 * It stands between dma_fence_begin_signalling() and dma_fence_end_signalling().
 * Inside, a driver must not
 *
 * - take a reservation lock, or any lock under which somebody waits for a fence;
 * - allocate memory in a way that may reclaim some, because reclaim may wait for
 *   a fence: GFP_KERNEL is out, GFP_ATOMIC has to be ready to fail;
 * - wait for another fence, unless its own is known to come later.
 *
 * Sections nest. Interrupt handlers need no mark; they cannot sleep anyway.
 */

static struct lockdep_map dma_fence_map = { .name = "dma_fence_map" };

static bool dma_fence_map_held(void)
{
	return lock_is_held_type(&dma_fence_map, 1) != LOCK_STATE_NOT_HELD;
}

static void dma_fence_map_read(unsigned long ip)
{
	lock_acquire(&dma_fence_map, 0, 0, 1, 1, NULL, ip);
}

/**
 * dma_fence_begin_signalling() - begin a section that leads to a signal.
 *
 * Context: Any.
 *
 * Return: A cookie for dma_fence_end_signalling(): whether there was nothing to
 * mark, inside another section or where nothing may sleep.
 */
bool dma_fence_begin_signalling(void)
{
	if (preempt_count() || dma_fence_map_held())
		return true;
	dma_fence_map_read(_RET_IP_);
	return false;
}
EXPORT_SYMBOL(dma_fence_begin_signalling);

/**
 * dma_fence_end_signalling() - end that section.
 * @cookie: from dma_fence_begin_signalling()
 *
 * Context: Any.
 */
void dma_fence_end_signalling(bool cookie)
{
	if (!cookie)
		lock_release(&dma_fence_map, _RET_IP_);
}
EXPORT_SYMBOL(dma_fence_end_signalling);

/*
 * A wait inside a section may be right, in the order of one driver's timelines. So
 * it counts as if the section were interrupted for it.
 */
void __dma_fence_might_wait(void)
{
	bool inside = dma_fence_map_held();

	if (inside)
		lock_release(&dma_fence_map, _THIS_IP_);
	lock_map_acquire(&dma_fence_map);
	lock_map_release(&dma_fence_map);
	if (inside)
		dma_fence_map_read(_THIS_IP_);
}
