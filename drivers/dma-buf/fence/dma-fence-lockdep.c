// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lockdep annotations of the code that signals fences.
 *
 * Memory reclaim, and code that holds reservation locks, wait for fences. Code that has to
 * run before a fence can signal must not wait for reclaim or a reservation lock. Such a
 * cycle goes through several drivers, and testing rarely meets it. The annotations let
 * lockdep find it without meeting it: a critical section holds &dma_fence_map for reading,
 * a wait takes it for writing.
 *
 * The section takes the map as a trylock that succeeds: nobody waits to begin a section.
 * Holding a mutex when a section begins and taking the same mutex in another section is
 * therefore no deadlock.
 */

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>

#include "dma-fence-private.h"

/**
 * DOC: Signalling critical sections
 *
 * Code is critical if a published fence cannot signal before it has run: an interrupt
 * handler, a work item that submits the next job, a reset. Put it between
 * dma_fence_begin_signalling() and dma_fence_end_signalling(). Inside, a driver must not
 *
 * - take a reservation lock, or any lock that somebody holds while waiting for a fence;
 * - allocate memory with GFP_KERNEL, because reclaim may wait for a fence. GFP_ATOMIC
 *   may be used, and may fail;
 * - wait for a fence, unless that one is known to signal first.
 *
 * A section begins as soon as the fence is published, for example in a reservation object
 * whose lock is still held. Sections nest. Interrupt handlers need no annotation.
 */

static struct lockdep_map dma_fence_map = { .name = "dma_fence_map" };

static bool dma_fence_map_held(void)
{
	return lock_is_held_type(&dma_fence_map, 1) != LOCK_STATE_NOT_HELD;
}

/* A trylock for reading, checked, that has succeeded. */
static void dma_fence_map_read(unsigned long ip)
{
	lock_acquire(&dma_fence_map, 0, 1, 1, 1, NULL, ip);
}

/**
 * dma_fence_begin_signalling() - begin a signalling critical section.
 *
 * Does nothing inside another section, or in atomic context, where nothing may sleep.
 *
 * Context: Any.
 * Return: Cookie for dma_fence_end_signalling().
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
 * dma_fence_end_signalling() - end a signalling critical section.
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
 * A wait inside a section is allowed for fences that signal first, which lockdep cannot
 * tell. So the map is released for the wait.
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
