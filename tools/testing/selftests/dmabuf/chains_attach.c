// SPDX-License-Identifier: GPL-2.0-only
/*
 * chains_attach - the chains in which a device is attached that makes the system heap replace the
 * memory of a buffer.
 *
 * The heap takes memory from the CMA region if it gets none from the page allocator. So a single
 * fault seldom stops it. The second chain turns the region off.
 */
#include <errno.h>
#include <sys/mman.h>

#include "chains.h"
#include "exporters.h"
#include "stamps.h"

/* Nine pages more than three blocks of the system heap, and less than a block of the next size. */
#define SIZE		(57 * 4096UL)
#define SALT		1000
#define CMA_PERCENT	"/sys/module/system_heap/parameters/cma_percent"

static int prepare_attach_contiguous(struct state *st)
{
	int ret;

	st->dev = heap_open("system");
	st->buf = heap_alloc_scattered(st->dev, SIZE);
	/* Linux 6.12 does not tell, and replaces no memory. */
	if (st->buf < 0 || memory_number(st->buf, "runs=") == -ENOENT)
		return -ENODEV;
	ret = camera_open(&st->cam, VIVID);
	if (!ret)
		ret = camera_format(&st->cam, 320, 180, V4L2_PIX_FMT_XBGR32);
	if (ret)
		return ret;
	if (st->cam.size > SIZE || memory_number(st->buf, "runs=") < 2)
		return -EINVAL;
	st->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, st->buf, 0);
	if (st->map == MAP_FAILED)
		return -errno;
	stamp(st->map, SIZE, SALT);
	return 0;
}

static int prepare_attach_contiguous_block(struct state *st)
{
	int ret = prepare_attach_contiguous(st);

	return ret ? ret : file_put(CMA_PERCENT, "0");
}

static int run_attach_contiguous(struct state *st)
{
	int ret = camera_buffers(&st->cam, V4L2_MEMORY_DMABUF, 1);

	return ret ? ret : camera_queue(&st->cam, 0, st->buf);
}

/* The bytes stay. The memory is what it was, or contiguous, which an attached device needs. */
static bool check_attach_contiguous(struct state *st, int ret)
{
	int replaced = memory_number(st->buf, "replaced=");
	int runs = memory_number(st->buf, "runs=");

	if (wrong_stamps(st->map, 0, SIZE, SALT))
		return false;
	if (replaced == 1)
		return runs == 1;
	return ret && !replaced && runs > 1;
}

static void cleanup_attach_contiguous(struct state *st)
{
	munmap(st->map, SIZE);
}

static void cleanup_attach_contiguous_block(struct state *st)
{
	file_put(CMA_PERCENT, "50");
	cleanup_attach_contiguous(st);
}

/* The attach returns -EBUSY if the heap cannot allocate other memory. */
const struct chain chain_attach_contiguous = {
	.prepare = prepare_attach_contiguous,
	.run = run_attach_contiguous,
	.check = check_attach_contiguous,
	.cleanup = cleanup_attach_contiguous,
	.module = VIVID,
	.parameters = VIVID_ONE_CONTIGUOUS,
	.other_errno = -EBUSY,
	.no_new_fd = true,
};

const struct chain chain_attach_contiguous_block = {
	.prepare = prepare_attach_contiguous_block,
	.run = run_attach_contiguous,
	.check = check_attach_contiguous,
	.cleanup = cleanup_attach_contiguous_block,
	.module = VIVID,
	.parameters = VIVID_ONE_CONTIGUOUS,
	.other_errno = -EBUSY,
	.no_new_fd = true,
};
