// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit cases of what userspace cannot provoke: importers that keep their mapping
 * during a move, devices that only write, and a scan that takes long.
 *
 * The cases run when the module is loaded, with kunit.enable=1 on the command line.
 * With swiotlb=force all DMA goes through bounce buffers, and a move or a CPU access
 * that does not sync them finds stale data.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/platform_device.h>
#include <linux/string.h>

#include <drm/drm_modeset_helper_vtables.h>

#include "../display.h"

/* What a device writes, and what the CPU writes over it. */
#define WRITTEN		0x5a
#define DRAWN		0x33

static void importer_move_notify(struct dma_buf_attachment *attach)
{
	unsigned int *notified = attach->importer_priv;

	++*notified;
}

/* Importers that only count: they keep their mapping until after the move. */
static const struct dma_buf_attach_ops importer_ops = {
	.move_notify = importer_move_notify,
};

/* The first display that module_init() has registered; its CRTC is off. */
static struct display *first_display(struct kunit *test)
{
	struct device *dev = bus_find_device_by_name(&platform_bus_type, NULL, DISPLAY_NAME ".0");
	struct display *display;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	display = dev_get_drvdata(dev);
	put_device(dev);
	KUNIT_ASSERT_NOT_NULL(test, display);
	return display;
}

static struct display_bo *create_bo(struct kunit *test)
{
	struct display_bo *bo = display_bo_create(&first_display(test)->drm, SZ_64K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	return bo;
}

/* Exports a buffer and attaches a device, which counts its notifications. */
static struct dma_buf_attachment *export_to(struct kunit *test, struct display_bo *bo,
					    struct device *dev, unsigned int *notified)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	dmabuf = display_export(&bo->base, O_RDWR | O_CLOEXEC);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	attach = dma_buf_dynamic_attach(dmabuf, dev, &importer_ops, notified);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	return attach;
}

static void export_end(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/* Writes as a device does: to the memory behind the DMA addresses. */
static void device_writes(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		memset(phys_to_virt(dma_to_phys(dev, sg_dma_address(sg))), WRITTEN,
		       sg_dma_len(sg));
}

/* Rule: a move copies what a device has written through a mapping that it keeps. */
static void move_copies_device_writes(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "importer");
	struct display_bo *bo = create_bo(test);
	struct display_storage *before = bo->storage;
	struct dma_buf_attachment *attach;
	unsigned int notified = 0;
	struct sg_table *sgt;

	attach = export_to(test, bo, dev, &notified);
	dma_resv_lock(bo->base.resv, NULL);
	sgt = dma_buf_map_attachment(attach, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, sgt);
	if (!IS_ERR(sgt)) {
		device_writes(dev, sgt);
		KUNIT_EXPECT_EQ(test, display_bo_move(bo), 0);
		KUNIT_EXPECT_PTR_NE(test, bo->storage, before);
		KUNIT_EXPECT_EQ(test, display_bo_vmap(bo), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(bo->map.vaddr, WRITTEN, bo->base.size));
		display_bo_vunmap(bo);
		dma_buf_unmap_attachment(attach, sgt, DMA_FROM_DEVICE);
	}
	dma_resv_unlock(bo->base.resv);
	KUNIT_EXPECT_EQ(test, notified, 1);

	export_end(attach);
	drm_gem_object_put(&bo->base);
}

/* Rule: a move notifies the importers of each dma-buf of the buffer. */
static void move_notifies_each_dma_buf(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "importer");
	struct display_bo *bo = create_bo(test);
	struct dma_buf_attachment *one, *other;
	unsigned int notified[2] = {};

	one = export_to(test, bo, dev, &notified[0]);
	other = export_to(test, bo, dev, &notified[1]);
	KUNIT_EXPECT_PTR_NE(test, one->dmabuf, other->dmabuf);
	dma_resv_lock(bo->base.resv, NULL);
	KUNIT_EXPECT_EQ(test, display_bo_move(bo), 0);
	dma_resv_unlock(bo->base.resv);
	KUNIT_EXPECT_EQ(test, notified[0], 1);
	KUNIT_EXPECT_EQ(test, notified[1], 1);

	export_end(other);
	dma_resv_lock(bo->base.resv, NULL);
	KUNIT_EXPECT_EQ(test, display_bo_move(bo), 0);
	dma_resv_unlock(bo->base.resv);
	KUNIT_EXPECT_EQ(test, notified[0], 2);
	KUNIT_EXPECT_EQ(test, notified[1], 1);

	export_end(one);
	drm_gem_object_put(&bo->base);
}

static bool cpu_finds(struct kunit *test, struct dma_buf *dmabuf, const void *vaddr, int value)
{
	bool found;

	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	found = !memchr_inv(vaddr, value, dmabuf->size);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	return found;
}

/* Rule: what the CPU writes stays, also if a device that only writes has it mapped. */
static void cpu_writes_stay(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "importer");
	struct display_bo *bo = create_bo(test);
	struct dma_buf_attachment *attach;
	unsigned int notified = 0;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct sg_table *sgt;

	attach = export_to(test, bo, dev, &notified);
	dmabuf = attach->dmabuf;
	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), 0);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	device_writes(dev, sgt);
	KUNIT_EXPECT_TRUE(test, cpu_finds(test, dmabuf, map.vaddr, WRITTEN));

	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), 0);
	memset(map.vaddr, DRAWN, dmabuf->size);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_TRUE(test, cpu_finds(test, dmabuf, map.vaddr, DRAWN));
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, cpu_finds(test, dmabuf, map.vaddr, DRAWN));

	dma_buf_vunmap_unlocked(dmabuf, &map);
	export_end(attach);
	drm_gem_object_put(&bo->base);
}

/* Rule: two devices may map a buffer to write it; DMA debugging does not object. */
static void two_devices_may_write(struct kunit *test)
{
	struct device *devs[2] = {
		kunit_device_register(test, "one"), kunit_device_register(test, "other"),
	};
	struct display_bo *bo = create_bo(test);
	struct dma_buf_attachment *attached[2];
	unsigned int notified = 0;
	struct sg_table *sgts[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(devs); i++) {
		attached[i] = export_to(test, bo, devs[i], &notified);
		sgts[i] = dma_buf_map_attachment_unlocked(attached[i], DMA_FROM_DEVICE);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(devs); i++) {
		dma_buf_unmap_attachment_unlocked(attached[i], sgts[i], DMA_FROM_DEVICE);
		export_end(attached[i]);
	}
	drm_gem_object_put(&bo->base);
}

/**
 * struct scan_context - a display that shows @old, and a flip to @new that is pending
 * @display: the display
 * @old: buffer on the screen
 * @new: buffer of the flip
 * @flush: calls the display's atomic_flush, as the next commit does
 * @flushing: completed when @flush runs
 */
struct scan_context {
	struct display *display;
	struct display_bo *old;
	struct display_bo *new;
	struct work_struct flush;
	struct completion flushing;
};

static void scan_flush(struct work_struct *work)
{
	struct scan_context *ctx = container_of(work, struct scan_context, flush);
	struct drm_crtc *crtc = &ctx->display->crtc;

	complete(&ctx->flushing);
	crtc->helper_private->atomic_flush(crtc, NULL);
}

static struct display_frame scan_frame(struct display_bo *bo)
{
	return (struct display_frame) {
		.bo = bo, .pitch = 4 * DISPLAY_MIN_SIZE,
		.width = DISPLAY_MIN_SIZE, .height = DISPLAY_MIN_SIZE,
	};
}

static struct display_bo *scan_create_bo(struct kunit *test)
{
	struct display_bo *bo = create_bo(test);

	KUNIT_ASSERT_EQ(test, display_bo_prepare(bo), 0);
	return bo;
}

static void scan_init(struct kunit *test, struct scan_context *ctx)
{
	struct display *display = first_display(test);

	ctx->display = display;
	ctx->old = scan_create_bo(test);
	ctx->new = scan_create_bo(test);
	init_completion(&ctx->flushing);
	INIT_WORK_ONSTACK(&ctx->flush, scan_flush);

	spin_lock_irq(&display->drm.event_lock);
	display->frame_time = ms_to_ktime(16);
	display->shown = scan_frame(ctx->old);
	display->next = scan_frame(ctx->new);
	display->flip_pending = true;
	spin_unlock_irq(&display->drm.event_lock);
}

/* Pretends that a scan reads, or that it has ended. */
static void scan_set_reading(struct display *display, bool reading)
{
	spin_lock_irq(&display->drm.event_lock);
	display->scanned = display->shown;
	display->scanning = reading;
	wake_up_all(&display->scan_queue);
	spin_unlock_irq(&display->drm.event_lock);
}

static bool scan_comes_to_wait(struct display *display)
{
	for (int i = 0; i < 5000; i++) {
		if (READ_ONCE(display->scan_waits))
			return true;
		usleep_range(1000, 2000);
	}
	return false;
}

static void scan_end(struct scan_context *ctx)
{
	struct display *display = ctx->display;

	spin_lock_irq(&display->drm.event_lock);
	display->crc_wanted = false;
	display->flip_pending = false;
	display->shown.bo = NULL;
	display->next.bo = NULL;
	spin_unlock_irq(&display->drm.event_lock);
	display_scan_finish(display, NULL);
	destroy_work_on_stack(&ctx->flush);

	display_bo_cleanup(ctx->old);
	display_bo_cleanup(ctx->new);
	drm_gem_object_put(&ctx->old->base);
	drm_gem_object_put(&ctx->new->base);
}

/* Rule: a vblank while a scan reads completes no flip; one after the scan does. */
static void vblank_leaves_scanned_frame(struct kunit *test)
{
	struct display *display;
	struct scan_context ctx;

	scan_init(test, &ctx);
	display = ctx.display;
	scan_set_reading(display, true);
	display->vblank_timer.function(&display->vblank_timer);
	KUNIT_EXPECT_PTR_EQ(test, display->shown.bo, ctx.old);
	KUNIT_EXPECT_TRUE(test, display->flip_pending);

	scan_set_reading(display, false);
	display->vblank_timer.function(&display->vblank_timer);
	KUNIT_EXPECT_PTR_EQ(test, display->shown.bo, ctx.new);
	KUNIT_EXPECT_FALSE(test, display->flip_pending);
	scan_end(&ctx);
}

/* Rule: a commit that finds a flip pending completes it when the scan has read its frame. */
static void flush_waits_for_scan(struct kunit *test)
{
	struct display *display;
	struct scan_context ctx;

	scan_init(test, &ctx);
	display = ctx.display;
	scan_set_reading(display, true);
	queue_work(system_unbound_wq, &ctx.flush);
	wait_for_completion(&ctx.flushing);
	msleep(50);
	KUNIT_EXPECT_PTR_EQ(test, display->shown.bo, ctx.old);

	scan_set_reading(display, false);
	flush_work(&ctx.flush);
	KUNIT_EXPECT_PTR_EQ(test, display->shown.bo, ctx.new);
	scan_end(&ctx);
}

/*
 * Rule: no flip waits for a scan that waits for a lock, whose holder may wait for the
 * flip. The scan reads nothing then.
 */
static void flip_passes_scan_that_waits(struct kunit *test)
{
	struct display *display;
	struct scan_context ctx;

	scan_init(test, &ctx);
	display = ctx.display;
	dma_resv_lock(ctx.old->base.resv, NULL);
	spin_lock_irq(&display->drm.event_lock);
	display->crc_wanted = true;
	display_scan_start(display);
	spin_unlock_irq(&display->drm.event_lock);
	KUNIT_EXPECT_TRUE(test, scan_comes_to_wait(display));

	display->vblank_timer.function(&display->vblank_timer);
	KUNIT_EXPECT_PTR_EQ(test, display->shown.bo, ctx.new);
	KUNIT_EXPECT_FALSE(test, display->flip_pending);
	KUNIT_EXPECT_PTR_EQ(test, display->scanned.bo, ctx.old);
	dma_resv_unlock(ctx.old->base.resv);
	scan_end(&ctx);
}

/* Rule: a scan reads the frame that was shown when it began, and only if it still is. */
static void scan_drops_replaced_frame(struct kunit *test)
{
	struct display *display;
	struct scan_context ctx;

	scan_init(test, &ctx);
	display = ctx.display;
	dma_resv_lock(ctx.old->base.resv, NULL);
	spin_lock_irq(&display->drm.event_lock);
	display->crc_wanted = true;
	display_scan_start(display);
	display->shown.bo = NULL;
	spin_unlock_irq(&display->drm.event_lock);
	dma_resv_unlock(ctx.old->base.resv);
	display_scan_finish(display, NULL);
	KUNIT_EXPECT_FALSE(test, display->scanning);
	KUNIT_EXPECT_PTR_EQ(test, display->scanned.bo, ctx.old);
	scan_end(&ctx);
}

/* Without move_notify the core pins a mapped buffer, and there is no move. */
static int display_move_suite_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))
		kunit_skip(test, "a kernel without DMABUF_MOVE_NOTIFY");
	return 0;
}

static struct kunit_case display_move_cases[] = {
	KUNIT_CASE(move_copies_device_writes),
	KUNIT_CASE(move_notifies_each_dma_buf),
	{}
};

static struct kunit_suite display_move_suite = {
	.name = "dmabuf_sample_display_move",
	.init = display_move_suite_init,
	.test_cases = display_move_cases,
};

static struct kunit_case display_export_cases[] = {
	KUNIT_CASE(cpu_writes_stay),
	KUNIT_CASE(two_devices_may_write),
	{}
};

static struct kunit_suite display_export_suite = {
	.name = "dmabuf_sample_display_export",
	.test_cases = display_export_cases,
};

static struct kunit_case display_scan_cases[] = {
	KUNIT_CASE(vblank_leaves_scanned_frame),
	KUNIT_CASE(flush_waits_for_scan),
	KUNIT_CASE(flip_passes_scan_that_waits),
	KUNIT_CASE(scan_drops_replaced_frame),
	{}
};

static struct kunit_suite display_scan_suite = {
	.name = "dmabuf_sample_display_scan",
	.test_cases = display_scan_cases,
};

kunit_test_suites(&display_move_suite, &display_export_suite, &display_scan_suite);
