// SPDX-License-Identifier: GPL-2.0-only
/*
 * What negotiation costs, for the program bench_memory. The parameter fd names a descriptor of the
 * process that loads the module: a buffer of the system heap. Results are lines of the form
 * "BENCH name value", in nanoseconds.
 *
 * The kernel must have memory above 4 GiB, from which the heap allocates first, and no bounce
 * buffers. Then a device with 32 address bits needs other memory than a new buffer has, and the
 * attach replaces it.
 *
 * Loading fails on purpose, so that nothing has to be unloaded.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

static int fd = -1;
module_param(fd, int, 0);
MODULE_PARM_DESC(fd, "descriptor of the buffer");
static char *name = "";
module_param(name, charp, 0);
MODULE_PARM_DESC(name, "what the replacement is called in the results");
static bool fits;
module_param(fits, bool, 0);
MODULE_PARM_DESC(fits, "also measure attaches to memory that fits");
static char *copy = "";
module_param(copy, charp, 0);
MODULE_PARM_DESC(copy, "what a copy of as much memory is called; none if empty");

#define ROUNDS	24
#define REPEATS	64

static struct platform_device *bench_add_device(u64 mask)
{
	struct platform_device_info info = {
		.name = "bench-negotiate",
		.id = PLATFORM_DEVID_AUTO,
		.dma_mask = mask,
	};
	struct platform_device *device = platform_device_register_full(&info);
	int ret;

	if (IS_ERR(device))
		return device;
	ret = dma_set_mask_and_coherent(&device->dev, mask);
	if (!ret)
		return device;
	platform_device_unregister(device);
	return ERR_PTR(ret);
}

/*
 * Check that all memory is above 4 GiB, or that all is below. The map is for reading only, so that
 * the memory does not count as written.
 */
static int bench_check_memory(struct dma_buf_attachment *attach, bool above)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	struct scatterlist *sg;
	int i, ret = 0;

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	for_each_sgtable_dma_sg(sgt, sg, i)
		if ((sg_dma_address(sg) >= SZ_4G) != above)
			ret = -ENXIO;
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	return ret;
}

static int bench_check_before(struct dma_buf *dmabuf)
{
	struct platform_device *device = bench_add_device(DMA_BIT_MASK(64));
	struct dma_buf_attachment *attach;
	int ret;

	if (IS_ERR(device))
		return PTR_ERR(device);
	attach = dma_buf_attach(dmabuf, &device->dev);
	ret = PTR_ERR_OR_ZERO(attach);
	if (!ret) {
		ret = bench_check_memory(attach, true);
		dma_buf_detach(dmabuf, attach);
	}
	platform_device_unregister(device);
	return ret;
}

static int bench_replace(struct dma_buf *dmabuf, struct device *dev)
{
	struct dma_buf_attachment *attach;
	u64 begin, end;
	int ret;

	begin = ktime_get_ns();
	attach = dma_buf_attach(dmabuf, dev);
	end = ktime_get_ns();
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	ret = bench_check_memory(attach, false);
	dma_buf_detach(dmabuf, attach);
	if (!ret)
		pr_info("BENCH %s %llu\n", name, end - begin);
	return ret;
}

/* Return the nanoseconds of some attaches, without those of the detaches, or an errno. */
static s64 bench_attaches(struct dma_buf *dmabuf, struct device *dev,
			  const struct dma_buf_needs *needs)
{
	struct dma_buf_attachment *attach;
	u64 begin, sum = 0;

	for (int i = 0; i < REPEATS; i++) {
		begin = ktime_get_ns();
		attach = dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, needs);
		sum += ktime_get_ns() - begin;
		if (IS_ERR(attach))
			return PTR_ERR(attach);
		dma_buf_detach(dmabuf, attach);
	}
	return sum;
}

/* What the clock itself takes. */
static u64 bench_clock(void)
{
	u64 begin, sum = 0;

	for (int i = 0; i < REPEATS; i++) {
		begin = ktime_get_ns();
		sum += ktime_get_ns() - begin;
	}
	return sum;
}

static int bench_attach(const char *what, struct dma_buf *dmabuf, struct device *dev,
			const struct dma_buf_needs *needs)
{
	u64 best = U64_MAX, clock = U64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		s64 sum = bench_attaches(dmabuf, dev, needs);

		if (sum < 0)
			return sum;
		best = min_t(u64, best, sum);
		clock = min(clock, bench_clock());
	}
	pr_info("BENCH attach, %s %llu\n", what, div_u64(best - clock + REPEATS / 2, REPEATS));
	return 0;
}

/* The memory is contiguous, or at least its first page is. */
static int bench_fits(struct dma_buf *dmabuf, struct device *dev)
{
	static const struct dma_buf_needs stated = { .contiguous = PAGE_SIZE };
	struct platform_device *other = bench_add_device(DMA_BIT_MASK(64));
	int ret;

	if (IS_ERR(other))
		return PTR_ERR(other);
	ret = bench_attach("needs nothing", dmabuf, &other->dev, NULL) ?:
	      bench_attach("stated needs fit", dmabuf, &other->dev, &stated) ?:
	      bench_attach("reach fits", dmabuf, dev, NULL) ?:
	      bench_attach("reach and stated needs fit", dmabuf, dev, &stated);
	platform_device_unregister(other);
	return ret;
}

/* Copy page by page, as a replacement does. */
static int bench_copy(size_t size)
{
	char *from = vzalloc(size), *to = vzalloc(size);
	size_t done;
	u64 begin;

	if (!from || !to) {
		vfree(from);
		vfree(to);
		return -ENOMEM;
	}
	begin = ktime_get_ns();
	for (done = 0; done < size; done += PAGE_SIZE)
		copy_page(to + done, from + done);
	pr_info("BENCH %s %llu\n", copy, ktime_get_ns() - begin);
	vfree(from);
	vfree(to);
	return 0;
}

static int bench_negotiate(struct dma_buf *dmabuf)
{
	struct platform_device *device = bench_add_device(DMA_BIT_MASK(32));
	int ret;

	if (IS_ERR(device))
		return PTR_ERR(device);
	ret = bench_check_before(dmabuf) ?: bench_replace(dmabuf, &device->dev);
	if (!ret && fits)
		ret = bench_fits(dmabuf, &device->dev);
	if (!ret && *copy)
		ret = bench_copy(dmabuf->size);
	platform_device_unregister(device);
	return ret;
}

static int __init bench_negotiate_init(void)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	int ret;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = bench_negotiate(dmabuf);
	dma_buf_put(dmabuf);
	return ret ?: -ECANCELED;
}
module_init(bench_negotiate_init);

MODULE_DESCRIPTION("Measures the negotiation of the memory of a dma-buf");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
