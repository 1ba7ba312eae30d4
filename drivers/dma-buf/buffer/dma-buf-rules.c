// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of the buffer core, and what happens when a driver breaks one.
 *
 * A broken rule is a driver's mistake, never userspace's: it gets one warning
 * per buffer and rule that names the exporter and, if there is one, the
 * importer's device, and the function that noticed returns in a way that does
 * no further harm. All such warnings come through dma_buf_report(), which tests
 * replace by a function that counts.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/device.h>

#include "dma-buf-private.h"

static const char * const dma_buf_rules[] = {
	[DMA_BUF_RULE_ARGUMENT] = "an argument is NULL or belongs to another buffer",
	[DMA_BUF_RULE_EXPORT] = "exported with missing or contradictory callbacks",
	[DMA_BUF_RULE_IMPORTER] = "dynamic importer without move_notify",
	[DMA_BUF_RULE_LOCKED] = "reservation lock not held",
	[DMA_BUF_RULE_DYNAMIC] = "pinned or unpinned by a static importer",
	[DMA_BUF_RULE_PIN] = "pins and unpins do not balance",
	[DMA_BUF_RULE_UNMAP] = "unmapped a table that is not mapped",
	[DMA_BUF_RULE_DIRECTION] = "unmapped in another direction than mapped",
	[DMA_BUF_RULE_TABLE] = "DMA segments unaligned, or shorter than the buffer",
	[DMA_BUF_RULE_DETACH] = "detached while mapped",
	[DMA_BUF_RULE_VMAP] = "vmap succeeded without a mapping",
	[DMA_BUF_RULE_VUNMAP] = "vunmapped what is not vmapped",
	[DMA_BUF_RULE_CPU_ACCESS] = "begins and ends of CPU access do not balance",
	[DMA_BUF_RULE_RELEASE] = "released while attached or vmapped",
};

static_assert(ARRAY_SIZE(dma_buf_rules) == DMA_BUF_RULE_COUNT);
static_assert(DMA_BUF_RULE_COUNT <= BITS_PER_LONG);

/**
 * dma_buf_report() - a driver broke a rule.
 * @rule: which
 * @dmabuf: buffer concerned, or NULL if there is none
 * @attach: attachment concerned, or NULL
 *
 * Context: Any.
 */
void dma_buf_report(enum dma_buf_rule rule, struct dma_buf *dmabuf,
		    struct dma_buf_attachment *attach)
{
	static unsigned long without_buffer;
	unsigned long *reported = &without_buffer;
	const char *exporter = "none", *importer = "none";

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_report, rule, dmabuf, attach);

	if (dmabuf) {
		reported = &dma_buf_to_object(dmabuf)->reported;
		exporter = dma_buf_to_object(dmabuf)->exp_name;
	}
	if (attach)
		importer = dev_name(attach->dev);
	if (test_and_set_bit(rule, reported))
		return;
	WARN(1, "dma-buf: %s (exporter %s, importer %s)\n",
	     dma_buf_rules[rule], exporter, importer);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_report);
