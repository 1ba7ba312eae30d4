// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_failnth - fail every allocation and every copy to or from userspace once.
 *
 * A chain of calls is repeated with its first, second, third ... allocation or copy made
 * to fail, until a run makes fewer of them. A failed run must return -ENOMEM or -EFAULT
 * and leak no buffer, no pin of a page and no memory. Needs CONFIG_FAULT_INJECTION with
 * failslab, fail_page_alloc and fail_usercopy in debugfs.
 */
#include <fcntl.h>

#include "bufinfo.h"
#include "chains.h"
#include "harness.h"
#include "memfds.h"

/* Limit of the runs of a chain; no chain has so many allocations. */
#define FAULTS_MAX	2000
#define DEBUGFS		"/sys/kernel/debug/"

FIXTURE(chain) {
	struct bufinfo_total before;
	struct state state;
	long long pins;
	int nth;
};

FIXTURE_VARIANT(chain) {
	const struct chain *chain;
};

FIXTURE_VARIANT_ADD(chain, attach_contiguous) {
	.chain = &chain_attach_contiguous,
};

FIXTURE_VARIANT_ADD(chain, attach_contiguous_block) {
	.chain = &chain_attach_contiguous_block,
};

FIXTURE_VARIANT_ADD(chain, camera_alloc) {
	.chain = &chain_camera_alloc,
};

FIXTURE_VARIANT_ADD(chain, camera_import) {
	.chain = &chain_camera_import,
};

FIXTURE_VARIANT_ADD(chain, display_alloc) {
	.chain = &chain_display_alloc,
};

FIXTURE_VARIANT_ADD(chain, display_import) {
	.chain = &chain_display_import,
};

FIXTURE_VARIANT_ADD(chain, display_flip) {
	.chain = &chain_display_flip,
};

FIXTURE_VARIANT_ADD(chain, display_flip_to_import) {
	.chain = &chain_display_flip_to_import,
};

FIXTURE_VARIANT_ADD(chain, display_flip_to_heap) {
	.chain = &chain_display_flip_to_heap,
};

FIXTURE_VARIANT_ADD(chain, display_flip_to_udmabuf) {
	.chain = &chain_display_flip_to_udmabuf,
};

FIXTURE_VARIANT_ADD(chain, vgem_alloc) {
	.chain = &chain_vgem_alloc,
};

FIXTURE_VARIANT_ADD(chain, vgem_import) {
	.chain = &chain_vgem_import,
};

FIXTURE_VARIANT_ADD(chain, heap_alloc) {
	.chain = &chain_heap_alloc,
};

FIXTURE_VARIANT_ADD(chain, cma_alloc) {
	.chain = &chain_cma_alloc,
};

FIXTURE_VARIANT_ADD(chain, carveout_alloc) {
	.chain = &chain_carveout_alloc,
};

FIXTURE_VARIANT_ADD(chain, carveout_mmap) {
	.chain = &chain_carveout_mmap,
};

FIXTURE_VARIANT_ADD(chain, udmabuf_create) {
	.chain = &chain_udmabuf_create,
};

FIXTURE_VARIANT_ADD(chain, udmabuf_create_huge) {
	.chain = &chain_udmabuf_create_huge,
};

FIXTURE_VARIANT_ADD(chain, udmabuf_create_list) {
	.chain = &chain_udmabuf_create_list,
};

FIXTURE_VARIANT_ADD(chain, udmabuf_create_mmap) {
	.chain = &chain_udmabuf_create_mmap,
};

FIXTURE_VARIANT_ADD(chain, sync) {
	.chain = &chain_sync,
};

FIXTURE_VARIANT_ADD(chain, sync_udmabuf) {
	.chain = &chain_sync_udmabuf,
};

FIXTURE_VARIANT_ADD(chain, sync_udmabuf_mapped) {
	.chain = &chain_sync_udmabuf_mapped,
};

FIXTURE_VARIANT_ADD(chain, set_name) {
	.chain = &chain_set_name,
};

FIXTURE_VARIANT_ADD(chain, mmap_heap) {
	.chain = &chain_mmap_heap,
};

FIXTURE_VARIANT_ADD(chain, mmap_camera) {
	.chain = &chain_mmap_camera,
};

FIXTURE_VARIANT_ADD(chain, mmap_display) {
	.chain = &chain_mmap_display,
};

FIXTURE_VARIANT_ADD(chain, fence_get) {
	.chain = &chain_fence_get,
};

FIXTURE_VARIANT_ADD(chain, fence_add) {
	.chain = &chain_fence_add,
};

FIXTURE_VARIANT_ADD(chain, fence_merge) {
	.chain = &chain_fence_merge,
};

FIXTURE_VARIANT_ADD(chain, fence_info) {
	.chain = &chain_fence_info,
};

FIXTURE_VARIANT_ADD(chain, fence_poll) {
	.chain = &chain_fence_poll,
};

FIXTURE_VARIANT_ADD(chain, fence_deadline) {
	.chain = &chain_fence_deadline,
};

FIXTURE_VARIANT_ADD(chain, timeline_open) {
	.chain = &chain_timeline_open,
};

FIXTURE_VARIANT_ADD(chain, timeline_point) {
	.chain = &chain_timeline_point,
};

FIXTURE_VARIANT_ADD(chain, poll) {
	.chain = &chain_poll,
};

FIXTURE_VARIANT_ADD(chain, epoll) {
	.chain = &chain_epoll,
};

FIXTURE_VARIANT_ADD(chain, bufinfo) {
	.chain = &chain_bufinfo,
};

FIXTURE_VARIANT_ADD(chain, fdinfo) {
	.chain = &chain_fdinfo,
};

FIXTURE_VARIANT_ADD(chain, socket) {
	.chain = &chain_socket,
};

/*
 * With restartable sequences registered, the kernel accesses the rseq area on return to
 * userspace and kills the program if the copy fails; on 32-bit machines fail_usercopy
 * affects that copy. So execute the program again with rseq turned off in glibc.
 */
static void __attribute__((constructor)) disable_rseq(int argc, char **argv)
{
	(void)argc;
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	execv("/proc/self/exe", argv);
}

/* By default, neither allocations that may sleep nor single pages fail. */
static void faults_configure(void)
{
	static const char * const table[][2] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
		{ DEBUGFS "fail_usercopy/verbose", "0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		file_put(table[i][0], table[i][1]);
}

FIXTURE_SETUP(chain)
{
	const struct chain *chain = variant->chain;
	int ret;

	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0)
		SKIP(return, "the kernel cannot inject faults");
	if (chain->module) {
		ret = module_load(chain->module, chain->parameters);
		if (ret == -ENOENT)
			SKIP(return, "the driver is missing");
		ASSERT_EQ(0, ret);
	}
	faults_configure();
	ASSERT_EQ(0, bufinfo_total(&self->before));
	self->pins = pins_held();
	ASSERT_LE(0, self->pins);
}

FIXTURE_TEARDOWN(chain)
{
	close(self->nth);
	if (variant->chain->module)
		EXPECT_EQ(0, module_unload_idle(variant->chain->module));
}

static void faults_arm(int nth, unsigned int number)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", number);

	if (pwrite(nth, text, len, 0) != len)
		abort();
}

/* Return whether the fault was injected, and disarm it. */
static bool faults_disarm(int nth)
{
	char text[16] = "";
	bool injected;

	/* If pread() itself gets the fault, none was injected before. */
	injected = pread(nth, text, sizeof(text) - 1, 0) > 0 && !strtoul(text, NULL, 10);
	while (pwrite(nth, "0", 1, 0) != 1)
		;
	return injected;
}

static void state_init(struct state *st)
{
	unsigned int i;

	memset(st, 0, sizeof(*st));
	st->cam.fd = -1;
	st->sink.dpy.fd = -1;
	st->sink.dpy.crc_fd = -1;
	for (i = 0; i < BUFFERS; i++)
		st->sink.fds[i] = -1;
	st->dev = -1;
	st->buf = -1;
	st->other = -1;
	st->out = -1;
	st->timeline = -1;
}

/* Close all descriptors above @keep, also those that a failed call did not return. */
static void close_above(int keep)
{
	close_range(keep + 1, ~0U, 0);
}

/* Rule: each fault gives an errno and leaks no buffer, and without a fault the run works. */
TEST_F(chain, every_fault)
{
	const struct chain *chain = variant->chain;
	struct state *st = &self->state;
	unsigned int number;
	int ret, new_fds;
	bool injected;

	for (number = 1; number < FAULTS_MAX; number++) {
		state_init(st);
		ret = chain->prepare(st);
		if (ret == -ENODEV)
			SKIP(return, "the driver is missing");
		ASSERT_EQ(0, ret);
		new_fds = fds_open();
		faults_arm(self->nth, number);
		ret = chain->run(st);
		injected = faults_disarm(self->nth);
		new_fds = fds_open() - new_fds;
		EXPECT_TRUE(!ret || ret == -ENOMEM || ret == -EFAULT || ret == chain->other_errno)
			TH_LOG("fault %u: returned %d", number, ret);
		if (ret && chain->no_new_fd)
			EXPECT_EQ(0, new_fds);
		if (chain->check)
			EXPECT_TRUE(chain->check(st, ret))
				TH_LOG("fault %u: returned %d", number, ret);
		if (chain->cleanup)
			chain->cleanup(st);
		close_above(self->nth);
		if (!injected) {
			EXPECT_EQ(0, ret);
			break;
		}
	}
	TH_LOG("%u faults", number - 1);
	/* At least one fault was injected, and the chain ended before the limit. */
	EXPECT_LT(1, number);
	EXPECT_GT(FAULTS_MAX, number);
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_EQ(self->pins, pins_settled(self->pins));
}

/* Tests run in the order of their fixtures, so this one runs last. */
FIXTURE(leaks) {
	char *text;
};

FIXTURE_SETUP(leaks)
{
	if (access("/proc/self/fail-nth", F_OK) || file_put(DEBUGFS "kmemleak", "scan"))
		SKIP(return, "the kernel cannot inject faults or has no kmemleak");
}

FIXTURE_TEARDOWN(leaks)
{
	free(self->text);
}

/* Rule: none of the chains leaked memory. Kmemleak ignores objects younger than 5 s. */
TEST_F(leaks, nothing_leaked)
{
	sleep_ms(6000);
	ASSERT_EQ(0, file_put(DEBUGFS "kmemleak", "scan"));
	self->text = file_text(DEBUGFS "kmemleak");
	ASSERT_NE(NULL, self->text);
	EXPECT_STREQ("", self->text);
}

TEST_HARNESS_MAIN
