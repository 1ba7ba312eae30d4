// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the calls of the buffer core cost, through its public interface only, so
 * that the same source measures any implementation of it.
 *
 * Meant for QEMU with -icount shift=0 and one CPU, where the time stamp counter
 * counts instructions: each operation is repeated in rounds, and the cheapest
 * round counts, because it is the one that no timer interrupted.
 *
 * Parameters choose what happens when the module is loaded: the operations
 * (ops=1), exports that stay until it is unloaded (hold=N), or exports from
 * several threads against the clock (threads=N). Results are lines of the form
 * "BENCH name value".
 */

#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

#include "bench.h"

static bool ops;
module_param(ops, bool, 0);
MODULE_PARM_DESC(ops, "measure each operation");
static unsigned int hold;
module_param(hold, uint, 0);
MODULE_PARM_DESC(hold, "buffers to export and keep until the module is unloaded");
static unsigned int threads;
module_param(threads, uint, 0);
MODULE_PARM_DESC(threads, "threads that export and release against the clock");

#define ROUNDS		24
#define REPEATS		64
#define ROW		64
#define THREAD_LOOPS	200000

static struct platform_device *bench_device;
static struct dma_buf **held;

/* The exporter does as little as the interface allows. */
static struct scatterlist bench_sg[1];
static struct sg_table bench_table = { .sgl = bench_sg, .nents = 1, .orig_nents = 1 };
static u64 bench_page[PAGE_SIZE / sizeof(u64)] __aligned(PAGE_SIZE);

static struct sg_table *bench_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	return &bench_table;
}

static void bench_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir)
{
}

static void bench_release(struct dma_buf *dmabuf)
{
}

static int bench_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	iosys_map_set_vaddr(map, bench_page);
	return 0;
}

static const struct dma_buf_ops bench_ops = {
	.map_dma_buf = bench_map,
	.unmap_dma_buf = bench_unmap,
	.release = bench_release,
	.vmap = bench_vmap,
};

/* Held buffers do without an owner, so that the module can be unloaded. */
static struct dma_buf *bench_export(struct module *owner)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &bench_ops;
	info.size = PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = bench_page;
	info.owner = owner;
	return dma_buf_export(&info);
}

/* fput() would leave the release to later, and out of the measurement. */
static void bench_put(struct dma_buf *dmabuf)
{
	__fput_sync(dmabuf->file);
}

static const struct file_operations bench_fops = {};

static void op_file(void *none)
{
	struct file *file = anon_inode_getfile("bench", &bench_fops, NULL, O_RDWR);

	if (!IS_ERR(file))
		__fput_sync(file);
}

/* What the VFS takes for a file that has an inode to itself, as a buffer has. */
static void op_file_and_inode(void *none)
{
	struct file *file = anon_inode_create_getfile("bench", &bench_fops, NULL,
						      O_RDWR, NULL);

	if (!IS_ERR(file))
		__fput_sync(file);
}

static void op_export(void *none)
{
	struct dma_buf *dmabuf = bench_export(THIS_MODULE);

	if (!IS_ERR(dmabuf))
		bench_put(dmabuf);
}

static void op_get(void *fd)
{
	struct dma_buf *dmabuf = dma_buf_get(*(int *)fd);

	if (!IS_ERR(dmabuf))
		dma_buf_put(dmabuf);
}

static void op_attach(void *dmabuf)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(dmabuf, &bench_device->dev);
	if (!IS_ERR(attach))
		dma_buf_detach(dmabuf, attach);
}

static void op_attach_row(void *dmabuf)
{
	static struct dma_buf_attachment *row[ROW];
	int i;

	for (i = 0; i < ROW; i++)
		row[i] = dma_buf_attach(dmabuf, &bench_device->dev);
	for (i = 0; i < ROW; i++)
		if (!IS_ERR(row[i]))
			dma_buf_detach(dmabuf, row[i]);
}

static void op_map(void *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);

	if (!IS_ERR(sgt))
		dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
}

static void op_map_unlocked(void *attach)
{
	struct sg_table *sgt;

	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt))
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
}

static void op_vmap(void *dmabuf)
{
	struct iosys_map map;

	if (!dma_buf_vmap_unlocked(dmabuf, &map))
		dma_buf_vunmap_unlocked(dmabuf, &map);
}

static void op_cpu_access(void *dmabuf)
{
	if (!dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL))
		dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
}

static void op_poll(void *dmabuf)
{
	struct poll_table_struct table = { ._key = EPOLLIN | EPOLLOUT };

	vfs_poll(((struct dma_buf *)dmabuf)->file, &table);
}

static void op_nothing(void *none)
{
}

/* Hundredths of an instruction per operation, in the cheapest round. */
static u64 measure(void (*op)(void *), void *arg)
{
	u64 best = U64_MAX;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		u64 begin = get_cycles();

		for (i = 0; i < REPEATS; i++)
			op(arg);
		best = min(best, get_cycles() - begin);
	}
	return div_u64(best * 100, REPEATS);
}

void report(const char *name, void (*op)(void *), void *arg)
{
	u64 cost = measure(op, arg) - measure(op_nothing, NULL);

	pr_info("BENCH %s %llu\n", name, div_u64(cost + 50, 100));
}

static int bench_operations(void)
{
	struct dma_buf *dmabuf = bench_export(THIS_MODULE);
	struct dma_buf_attachment *attach;
	int fd;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	get_dma_buf(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		return fd;

	report("file create+put", op_file, NULL);
	report("file and inode create+put", op_file_and_inode, NULL);
	report("export+put", op_export, NULL);
	report("get by fd+put", op_get, &fd);
	report("attach+detach", op_attach, dmabuf);
	report("64 attaches + 64 detaches", op_attach_row, dmabuf);

	attach = dma_buf_attach(dmabuf, &bench_device->dev);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_resv_lock(dmabuf->resv, NULL);
	report("map+unmap locked", op_map, attach);
	dma_resv_unlock(dmabuf->resv);
	report("map+unmap unlocked", op_map_unlocked, attach);
	report("vmap+vunmap unlocked", op_vmap, dmabuf);
	report("begin+end CPU access", op_cpu_access, dmabuf);
	report("idle poll", op_poll, dmabuf);

	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	/* The descriptor goes with the process that loads the module. */
	return 0;
}

static void bench_drop_held(void)
{
	unsigned int i;

	for (i = 0; held && i < hold; i++)
		if (!IS_ERR_OR_NULL(held[i]))
			bench_put(held[i]);
	vfree(held);
}

/* The cost of an export when that many exist already, from the last 64. */
static int bench_hold(void)
{
	u64 begin = 0;
	unsigned int i;

	held = vcalloc(hold, sizeof(*held));
	if (!held)
		return -ENOMEM;
	for (i = 0; i < hold; i++) {
		if (hold - i == REPEATS)
			begin = get_cycles();
		held[i] = bench_export(NULL);
		if (IS_ERR(held[i]))
			return PTR_ERR(held[i]);
	}
	pr_info("BENCH export beside %u %llu\n", hold,
		div_u64(get_cycles() - begin, REPEATS));
	return 0;
}

static int bench_thread(void *done)
{
	int i;

	for (i = 0; i < THREAD_LOOPS; i++) {
		op_export(NULL);
		cond_resched();
	}
	complete(done);
	return 0;
}

/* One thread per CPU, started together. */
static int bench_threads(void)
{
	struct task_struct *tasks[8] = {};
	DECLARE_COMPLETION_ONSTACK(done);
	u64 begin;
	int i;

	if (threads > ARRAY_SIZE(tasks) || threads > num_online_cpus())
		return -EINVAL;
	for (i = 0; i < threads; i++) {
		tasks[i] = kthread_create_on_cpu(bench_thread, &done, i, "bench/%u");
		if (IS_ERR(tasks[i]))
			return PTR_ERR(tasks[i]);
	}
	begin = ktime_get_ns();
	for (i = 0; i < threads; i++)
		wake_up_process(tasks[i]);
	for (i = 0; i < threads; i++)
		wait_for_completion(&done);
	pr_info("BENCH export+close per second from %u threads %llu\n", threads,
		div64_u64((u64)threads * THREAD_LOOPS * NSEC_PER_SEC,
			  ktime_get_ns() - begin));
	return 0;
}

static int __init bench_init(void)
{
	int ret = 0;

	bench_device = platform_device_register_simple("dma-buf-bench", -1, NULL, 0);
	if (IS_ERR(bench_device))
		return PTR_ERR(bench_device);

	sg_init_table(bench_sg, 1);
	sg_dma_address(bench_sg) = PAGE_SIZE;
	sg_dma_len(bench_sg) = PAGE_SIZE;

	if (ops)
		ret = bench_operations() ?: bench_fences();
	if (!ret && threads)
		ret = bench_threads();
	if (!ret && hold)
		ret = bench_hold();
	if (ret) {
		bench_drop_held();
		platform_device_unregister(bench_device);
	}
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	bench_drop_held();
	platform_device_unregister(bench_device);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Cost of the dma-buf calls");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
