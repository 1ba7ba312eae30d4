// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: how much memory that others depend on the buffers of the system heap may get.
 *
 * A buffer gets memory because a device needs it, or because an open file has learned so. The
 * program chooses how many buffers there are. So what all of them have together of ZONE_DMA, of
 * ZONE_DMA32 and of the default CMA region is limited: drivers whose devices reach nothing else
 * must find memory there. Memory that buffers have for no such reason is not counted.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/moduleparam.h>

#include "heaps-private.h"

/**
 * system_heap_limit() - return a part of a number of pages
 * @nr_pages: the number
 * @percent: the part; more than 100 is 100
 *
 * Context: Any.
 * Return: The part, in pages.
 */
unsigned long system_heap_limit(unsigned long nr_pages, unsigned int percent)
{
	return div_u64((u64)nr_pages * min(percent, 100U), 100);
}

/* Return the zone of a page, or -1 if it is not a low one. Tests have zones of their own. */
int system_heap_low_zone(const struct page *page)
{
	int zone = page_zonenum(page);

	KUNIT_STATIC_STUB_REDIRECT(system_heap_low_zone, page);

	return zone < ZONE_NORMAL ? zone : -1;
}
EXPORT_SYMBOL_IF_KUNIT(system_heap_low_zone);

/* Return the pages of a zone on all nodes. */
unsigned long system_heap_zone_pages(int index)
{
	unsigned long nr_pages = 0;
	struct zone *zone;

	KUNIT_STATIC_STUB_REDIRECT(system_heap_zone_pages, index);

	for_each_populated_zone(zone)
		if (zone_idx(zone) == index)
			nr_pages += zone_managed_pages(zone);
	return nr_pages;
}
EXPORT_SYMBOL_IF_KUNIT(system_heap_zone_pages);

/**
 * system_heap_low_take() - count pages for a buffer, if they are low and the limit allows them
 * @page: the first page
 * @nr_pages: number of pages, which are in the same zone
 *
 * Context: Process context.
 * Return: True if the buffer may have them, until system_heap_low_give().
 */
bool system_heap_low_take(struct page *page, unsigned long nr_pages)
{
	int zone = system_heap_low_zone(page);
	unsigned long limit;

	if (zone < 0)
		return true;
	limit = system_heap_limit(system_heap_zone_pages(zone),
				  READ_ONCE(system_heap.limits.low_percent));
	return dma_storage_take_limited(&system_heap.limits.low_pages[zone], nr_pages, limit);
}

/**
 * system_heap_low_give() - count pages no more
 * @page: the first page
 * @nr_pages: number of pages, of those of one system_heap_low_take()
 *
 * Context: Process context.
 */
void system_heap_low_give(struct page *page, unsigned long nr_pages)
{
	int zone = system_heap_low_zone(page);

	if (zone >= 0)
		atomic64_sub(nr_pages, &system_heap.limits.low_pages[zone]);
}

/* Parameters of the system heap, not of this file. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "system_heap."
module_param_named(low_percent, system_heap.limits.low_percent, uint, 0644);
MODULE_PARM_DESC(low_percent, "Part of each low zone (ZONE_DMA, ZONE_DMA32) that buffers may get when a device needs other memory, in percent; 0: none (default: 50)");
