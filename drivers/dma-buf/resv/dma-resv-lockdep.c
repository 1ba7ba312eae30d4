// SPDX-License-Identifier: GPL-2.0-only
/*
 * Teaches lockdep the lock order around reservation objects at boot. Otherwise lockdep
 * would find a driver that inverts the order only after memory reclaim has run at the
 * wrong moment. The object and the mapping used here exist during boot only.
 */

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "dma-resv-private.h"

/*
 * Reclaim may run with the reservation lock held. It unmaps pages from page tables and,
 * through MMU notifiers, from devices, which wait for fences.
 */
static void __init dma_resv_teach_reclaim(void)
{
	static struct address_space mapping __initdata;

	address_space_init_once(&mapping);
	fs_reclaim_acquire(GFP_KERNEL);
	i_mmap_lock_write(&mapping);
	i_mmap_unlock_write(&mapping);
	dma_resv_notifier_enter();
	__dma_fence_might_wait();
	dma_resv_notifier_leave();
	fs_reclaim_release(GFP_KERNEL);
}

static int __init dma_resv_lockdep_init(void)
{
	struct mm_struct *mm = mm_alloc();
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;

	if (!mm)
		return -ENOMEM;
	dma_resv_init(&resv);

	mmap_read_lock(mm);
	ww_acquire_init(&ctx, &reservation_ww_class);
	/* With CONFIG_DEBUG_WW_MUTEX_SLOWPATH even the first lock may have to back off. */
	if (dma_resv_lock(&resv, &ctx))
		dma_resv_lock_slow(&resv, &ctx);
	dma_resv_teach_reclaim();
	dma_resv_unlock(&resv);
	ww_acquire_fini(&ctx);
	mmap_read_unlock(mm);

	dma_resv_fini(&resv);
	mmput(mm);
	return 0;
}
subsys_initcall(dma_resv_lockdep_init);
