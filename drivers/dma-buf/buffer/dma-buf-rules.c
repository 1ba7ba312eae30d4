// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules that drivers must keep, and the warnings for those who break them.
 *
 * A driver breaks a rule (enum dma_buf_rule); wrong arguments of userspace get an errno and no
 * warning. The warning names the exporter and, if known, the importer's device. Each rule is
 * reported once per buffer; &dma_buf_object.reported has a bit for each. Userspace can lead a
 * driver to its mistake again and again, with a new buffer each time, so all reports are rate
 * limited together.
 *
 * All warnings come from dma_buf_report() and dma_buf_report_driver(). KUnit tests replace these
 * two and count the calls.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/ratelimit.h>
#include <linux/sprintf.h>

#include "dma-buf-private.h"

static const char * const dma_buf_rules[] = {
	[DMA_BUF_RULE_ARGUMENT] = "an argument is NULL or belongs to another buffer",
	[DMA_BUF_RULE_EXPORT] = "exported with missing or contradictory callbacks",
	[DMA_BUF_RULE_IMPORTER] = "dynamic importer without move_notify",
	[DMA_BUF_RULE_LOCKED] = "reservation lock not held",
	[DMA_BUF_RULE_UNLOCKED] = "called with the reservation lock held",
	[DMA_BUF_RULE_DYNAMIC] = "pinned or unpinned by a static importer",
	[DMA_BUF_RULE_PIN] = "pins and unpins do not balance",
	[DMA_BUF_RULE_UNMAP] = "unmapped a table that is not mapped",
	[DMA_BUF_RULE_DIRECTION] = "unmapped in another direction than mapped",
	[DMA_BUF_RULE_TABLE] = "DMA segments unaligned, or shorter than the buffer",
	[DMA_BUF_RULE_DETACH] = "detached while mapped",
	[DMA_BUF_RULE_VMAP] = "vmap succeeded without a mapping",
	[DMA_BUF_RULE_VUNMAP] = "vunmapped what is not vmapped",
	[DMA_BUF_RULE_CPU_ACCESS] = "begins and ends of CPU access do not balance",
	[DMA_BUF_RULE_NEGOTIATE] = "mapped or moved in the exporter's negotiate",
	[DMA_BUF_RULE_RELEASE] = "released while attached or vmapped",
};

static_assert(ARRAY_SIZE(dma_buf_rules) == DMA_BUF_RULE_COUNT);
static_assert(DMA_BUF_RULE_COUNT <= BITS_PER_LONG);

/**
 * dma_buf_rule_describe() - format the text of a report
 * @text: buffer for the text; gets a terminating NUL
 * @size: size of @text in bytes; %DMA_BUF_REPORT_SIZE fits usual names, a longer text is cut
 * @rule: rule that was broken
 * @exporter: name of the exporter, or NULL
 * @importer: name of the importer's device, or NULL
 *
 * Context: Any.
 */
void dma_buf_rule_describe(char *text, size_t size, enum dma_buf_rule rule,
			   const char *exporter, const char *importer)
{
	scnprintf(text, size, "dma-buf: %s (exporter %s, importer %s)",
		  dma_buf_rules[rule], exporter ?: "none", importer ?: "none");
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_rule_describe);

/* A separate function, so that tests can count the calls. */
bool dma_buf_report_allowed(void)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_report_allowed);

	return __ratelimit(&limit);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_report_allowed);

static void dma_buf_warn(enum dma_buf_rule rule, const char *exporter,
			 const char *importer)
{
	char text[DMA_BUF_REPORT_SIZE];

	if (!dma_buf_report_allowed())
		return;
	dma_buf_rule_describe(text, sizeof(text), rule, exporter, importer);
	WARN(1, "%s\n", text);
}

/**
 * dma_buf_report() - warn about a driver that broke a rule
 * @rule: rule that was broken
 * @dmabuf: the buffer, or NULL if there is none
 * @attach: the attachment, or NULL if there is none
 *
 * Warns once per buffer and rule, and is rate limited. Without a buffer it warns as
 * dma_buf_report_driver().
 *
 * Context: Any.
 */
void dma_buf_report(enum dma_buf_rule rule, struct dma_buf *dmabuf,
		    struct dma_buf_attachment *attach)
{
	const char *importer = attach ? dev_name(attach->dev) : NULL;

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_report, rule, dmabuf, attach);

	if (!dmabuf)
		dma_buf_report_driver(rule, NULL, importer);
	else if (!test_and_set_bit(rule, &dma_buf_to_object(dmabuf)->reported))
		dma_buf_warn(rule, dma_buf_to_object(dmabuf)->exp_name, importer);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_report);

/**
 * dma_buf_report_driver() - warn about a driver that broke a rule, without a buffer
 * @rule: rule that was broken
 * @exporter: name of the exporter, or NULL
 * @importer: name of the importer's device, or NULL
 *
 * For rules that are checked before a buffer or an attachment exists. Rate limited.
 *
 * Context: Any.
 */
void dma_buf_report_driver(enum dma_buf_rule rule, const char *exporter,
			   const char *importer)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_report_driver, rule, exporter, importer);

	dma_buf_warn(rule, exporter, importer);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_report_driver);
