// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping a buffer costs, for the program bench_memory. The parameter names a descriptor of
 * the process that loads the module. Results are lines of the form "BENCH name value".
 *
 * Loading fails on purpose, so that nothing has to be unloaded.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static int fd = -1;
module_param(fd, int, 0);
MODULE_PARM_DESC(fd, "descriptor of the buffer");
static char *name = "";
module_param(name, charp, 0);
MODULE_PARM_DESC(name, "what the buffer is called in the results");

#define DEVICES	8

static struct platform_device *devices[DEVICES];

/* As the driver of a device does, set the mask: then it is known to need no sync. */
static int bench_add_devices(void)
{
	int ret = 0;

	for (int i = 0; i < DEVICES && !ret; i++) {
		struct platform_device_info info = {
			.name = "bench-storage",
			.id = i,
			.dma_mask = DMA_BIT_MASK(64),
		};

		devices[i] = platform_device_register_full(&info);
		if (IS_ERR(devices[i]))
			return PTR_ERR(devices[i]);
		ret = dma_set_mask_and_coherent(&devices[i]->dev, DMA_BIT_MASK(64));
	}
	return ret;
}

static void bench_remove_devices(void)
{
	for (int i = 0; i < DEVICES && !IS_ERR_OR_NULL(devices[i]); i++)
		platform_device_unregister(devices[i]);
}

static int bench_map(struct dma_buf *dmabuf, int count)
{
	struct dma_buf_attachment *attach[DEVICES];
	struct sg_table *sgt[DEVICES];
	u64 begin = ktime_get_ns();

	for (int i = 0; i < count; i++) {
		attach[i] = dma_buf_attach(dmabuf, &devices[i]->dev);
		if (IS_ERR(attach[i]))
			return PTR_ERR(attach[i]);
		sgt[i] = dma_buf_map_attachment_unlocked(attach[i], DMA_BIDIRECTIONAL);
		if (IS_ERR(sgt[i]))
			return PTR_ERR(sgt[i]);
	}
	for (int i = 0; i < count; i++) {
		dma_buf_unmap_attachment_unlocked(attach[i], sgt[i], DMA_BIDIRECTIONAL);
		dma_buf_detach(dmabuf, attach[i]);
	}
	pr_info("BENCH %s attach+map+unmap by %d %llu\n", name, count, ktime_get_ns() - begin);
	return 0;
}

static int bench_vmap(struct dma_buf *dmabuf)
{
	struct iosys_map map;
	u64 begin = ktime_get_ns();
	int ret;

	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (ret)
		return ret;
	dma_buf_vunmap_unlocked(dmabuf, &map);
	pr_info("BENCH %s vmap+vunmap %llu\n", name, ktime_get_ns() - begin);
	return 0;
}

static int __init bench_storage_init(void)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	int ret;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = bench_add_devices();
	/* The first map of all warms up the caches of the allocators. */
	ret = ret ?: bench_map(dmabuf, 1) ?: bench_map(dmabuf, 1) ?: bench_map(dmabuf, DEVICES);
	ret = ret ?: bench_vmap(dmabuf);
	bench_remove_devices();
	dma_buf_put(dmabuf);
	return ret ?: -ECANCELED;
}
module_init(bench_storage_init);

MODULE_DESCRIPTION("Measures the mapping of a dma-buf");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
