// SPDX-License-Identifier: GPL-2.0-only
/*
 * cases - what goes wrong with dma-buf in the field, tried with an importer of our own; run by
 * scripts/cases.
 *
 * The importer is the module drivers/dma-buf/tests/cases. The program and the module run on the
 * unchanged kernel too (dmabuf.base=1 on the command line). There the outcomes are printed, and
 * nothing is expected of them. Outcomes are lines of the form "CASE number outcome".
 */
#include <linux/dma-buf.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include "camera.h"
#include "fence.h"
#include "harness.h"
#include "importer.h"
#include "memfds.h"

#define PAGE		4096UL
#define MIB		(1024 * KIB)
#define WORD(map, at)	(*(uint32_t *)((map) + (at)))
/* Contents of a buffer: the first word of each page is one of these, plus the page's number. */
#define CONTENT_A	0xa0000000u
#define CONTENT_B	0xb0000000u

#define FRAGMENTS	128
#define SEGMENT		65536UL
#define REACH		0x100000000ULL
#define ROUNDS		10000
/* The pool of the system heap may keep 64 MiB. */
#define LOST_MAX	(128LL << 20)

static bool on_base(void)
{
	return cmdline_has("dmabuf.base=", "1");
}

/* Expect what is right, but on the unchanged kernel nothing. */
#define EXPECT_RIGHT(right)	EXPECT_TRUE(on_base() || (right))

/* Write each line with one write(), so that no kernel message splits it. */
static __printf(1, 2) void tell(const char *fmt, ...)
{
	char text[400] = "CASE ";
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + 5, sizeof(text) - 6, fmt, args);
	va_end(args);
	strcat(text, "\n");
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

static void fill(unsigned char *map, size_t size, uint32_t content)
{
	size_t at;

	for (at = 0; at < size; at += PAGE)
		WORD(map, at) = content + at / PAGE;
}

static unsigned char *map_buffer(int buf, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
}

/* Allocate buffers of 2 MiB and free every second one, so that what is free is not adjacent. */
static void fragment(int heap, int *bufs)
{
	int i;

	for (i = 0; i < FRAGMENTS; i++)
		bufs[i] = heap_alloc(heap, 2 * MIB, O_RDWR | O_CLOEXEC);
	for (i = 0; i < FRAGMENTS; i += 2) {
		close(bufs[i]);
		bufs[i] = -1;
	}
}

static void unfragment(int *bufs)
{
	int i;

	for (i = 1; i < FRAGMENTS; i += 2)
		close(bufs[i]);
}

/* Count the errors that DMA debugging has found; -1 without it. */
static long long dma_errors(void)
{
	return file_number("/sys/kernel/debug/dma-api/error_count", "");
}

/* A boot in which all DMA is bounced. */
FIXTURE(bounced) {
	int heap;
};

FIXTURE_SETUP(bounced)
{
	if (!cmdline_has("swiotlb=", ",force"))
		SKIP(return, "needs swiotlb=force");
	self->heap = heap_open("system");
	ASSERT_LE(0, self->heap);
	ASSERT_EQ(0, module_load(MODULE, ""));
}

FIXTURE_TEARDOWN(bounced)
{
	close(self->heap);
	EXPECT_EQ(0, module_unload(MODULE));
}

/* P1: what the CPU writes outside of an access is stale in the device, until an access ends. */
TEST_F(bounced, p1_writes_without_sync)
{
	int buf = heap_alloc(self->heap, 64 * KIB, O_RDWR | O_CLOEXEC);
	struct outcome unsynced, synced;
	unsigned char *map;

	ASSERT_LE(0, buf);
	map = map_buffer(buf, 64 * KIB);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 64 * KIB, CONTENT_A);
	ASSERT_EQ(0, import("import", buf));
	fill(map, 64 * KIB, CONTENT_B);
	ASSERT_EQ(0, look("import", &unsynced));
	ASSERT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE));
	fill(map, 64 * KIB, CONTENT_B);
	ASSERT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, look("import", &synced));
	tell("P1 64 KiB: without SYNC %s, after END %s",
	     reads(&unsynced, 64 * KIB, CONTENT_A) ? "stale" : what(&unsynced),
	     reads(&synced, 64 * KIB, CONTENT_B) ? "fresh" : what(&synced));
	EXPECT_RIGHT(reads(&unsynced, 64 * KIB, CONTENT_A));
	EXPECT_RIGHT(reads(&synced, 64 * KIB, CONTENT_B));
	EXPECT_EQ(0, import("import", -1));
	munmap(map, 64 * KIB);
	close(buf);
}

/* P1: an importer that needs what no bounce buffer has is refused. */
TEST_F(bounced, p1_cannot_be_bounced)
{
	int buf = heap_alloc(self->heap, 512 * KIB, O_RDWR | O_CLOEXEC);
	struct outcome out;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, state_contiguous(512 * KIB));
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P1 needs 512 KiB in one: %s", what(&out));
	EXPECT_RIGHT(out.attach == -EOPNOTSUPP);
	EXPECT_EQ(0, import("import", -1));
	close(buf);
}

/* P2: runs longer than a bounce buffer. */
TEST_F(bounced, p2_long_runs)
{
	int buf = heap_alloc(self->heap, 2 * MIB, O_RDWR | O_CLOEXEC);
	struct outcome out;
	unsigned char *map;

	ASSERT_LE(0, buf);
	map = map_buffer(buf, 2 * MIB);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 2 * MIB, CONTENT_A);
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P2 2 MiB, bounce buffers of %lu KiB: %s", out.bounce / KIB, what(&out));
	EXPECT_RIGHT(reads(&out, 2 * MIB, CONTENT_A));
	EXPECT_RIGHT(out.longest <= out.bounce);
	EXPECT_EQ(0, import("import", -1));
	munmap(map, 2 * MIB);
	close(buf);
}

/* A boot with memory above 4 GiB and without bounce buffers. */
FIXTURE(low) {
	int heap;
};

FIXTURE_SETUP(low)
{
	if (!cmdline_has("swiotlb=", "noforce"))
		SKIP(return, "needs memory above 4 GiB and swiotlb=noforce");
	self->heap = heap_open("system");
	ASSERT_LE(0, self->heap);
	ASSERT_EQ(0, module_load(MODULE, "bits=32"));
}

FIXTURE_TEARDOWN(low)
{
	close(self->heap);
	EXPECT_EQ(0, module_unload(MODULE));
}

/* A round: a new buffer, imported and released. */
static int round_of(int heap, struct outcome *out)
{
	int buf = heap_alloc(heap, 3 * MIB, O_RDWR | O_CLOEXEC);
	int ret = buf < 0 ? buf : try_import(buf, out);

	if (!ret)
		ret = import("import", -1);
	if (buf >= 0)
		close(buf);
	return ret;
}

/* Return the last address of a new buffer, before a device with few address bits attaches. */
static unsigned long long last_address(int heap)
{
	int buf = heap_alloc(heap, 3 * MIB, O_RDWR | O_CLOEXEC);
	struct outcome out = { 0 };

	if (buf < 0 || import("hold", buf) || look("hold", &out) || import("hold", -1))
		out.last = 0;
	close(buf);
	return out.last;
}

/* P3: a device with 32 address bits gets low memory, again and again. */
TEST_F_TIMEOUT(low, p3_rounds, 600)
{
	struct outcome out = { 0 };
	long long before, lost, began = now_ms();
	int rounds = 0;

	ASSERT_LE(REACH, last_address(self->heap));
	ASSERT_EQ(0, round_of(self->heap, &out));
	before = mem_free();
	while (maps(&out) && out.last < REACH && rounds < ROUNDS) {
		ASSERT_EQ(0, round_of(self->heap, &out));
		rounds++;
	}
	lost = mem_lost(before, LOST_MAX);
	tell("P3 3 MiB, 32 bits: %s, last address %#llx, %d rounds in %lld s, %lld KiB lost",
	     what(&out), out.last, rounds, (now_ms() - began) / 1000, lost / 1024);
	EXPECT_RIGHT(maps(&out) && out.last < REACH);
	EXPECT_RIGHT(rounds == ROUNDS);
	EXPECT_RIGHT(lost < LOST_MAX);
}

/* A boot without either. */
FIXTURE(plain) {
	int heap;
	int bufs[FRAGMENTS];
};

FIXTURE_SETUP(plain)
{
	if (cmdline_has("swiotlb=", "force"))
		SKIP(return, "needs neither force nor noforce");
	self->heap = heap_open("system");
	ASSERT_LE(0, self->heap);
	fragment(self->heap, self->bufs);
}

FIXTURE_TEARDOWN(plain)
{
	unfragment(self->bufs);
	close(self->heap);
}

/* P4: an importer whose device needs contiguous memory gets a buffer that is in pieces. */
TEST_F(plain, p4_contiguous_importer)
{
	struct camera cam;
	char memory[160];
	int buf, ret;

	ASSERT_EQ(0, module_load(VIVID, VIVID_ONE_CONTIGUOUS));
	ASSERT_EQ(0, camera_open(&cam, VIVID));
	ASSERT_EQ(0, camera_format(&cam, 1920, 1080, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_buffers(&cam, V4L2_MEMORY_DMABUF, 1));
	buf = heap_alloc(self->heap, 8 * MIB, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	ret = camera_queue(&cam, 0, buf);
	if (fd_info(buf, "memory", memory, sizeof(memory)))
		snprintf(memory, sizeof(memory), "unknown");
	tell("P4 8 MiB, vivid allocators=1: QBUF: %s, memory: %s", errno_text(ret), memory);
	EXPECT_RIGHT(ret == 0);
	EXPECT_RIGHT(strstr(memory, "replaced=1"));
	camera_close(&cam);
	close(buf);
	EXPECT_EQ(0, module_unload_idle(VIVID));
}

/* P8: memory that cannot be as the importer needs it. The buffer is the same page twice. */
TEST_F(plain, p8_not_with_this_buffer)
{
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int memfd = memfd_make(PAGE, F_SEAL_SHRINK, 0);
	struct udmabuf_create_item items[2] = {
		{ .memfd = memfd, .size = PAGE },
		{ .memfd = memfd, .size = PAGE },
	};
	struct outcome out;
	int buf;

	buf = udmabuf_make_list(dev, items, 2);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, module_load(MODULE, "contiguous=8192"));
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P8 udmabuf in 2 pieces, needs one: %s", what(&out));
	EXPECT_RIGHT(out.attach == -EOPNOTSUPP);
	EXPECT_EQ(0, import("import", -1));
	EXPECT_EQ(0, module_unload(MODULE));
	close(buf);
	close(memfd);
	close(dev);
}

/* P8: memory that another device has mapped. */
TEST_F(plain, p8_not_now)
{
	int buf = heap_alloc(self->heap, 8 * MIB, O_RDWR | O_CLOEXEC);
	struct outcome out;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, module_load(MODULE, "contiguous=8388608"));
	ASSERT_EQ(0, import("hold", buf));
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P8 8 MiB in pieces that are mapped, needs one: %s", what(&out));
	EXPECT_RIGHT(out.attach == -EBUSY);
	EXPECT_EQ(0, import("import", -1));
	EXPECT_EQ(0, import("hold", -1));
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P8 the same, unmapped: %s", what(&out));
	EXPECT_RIGHT(maps(&out));
	EXPECT_EQ(0, import("import", -1));
	EXPECT_EQ(0, module_unload(MODULE));
	close(buf);
}

/* P12: runs longer than the device's longest segment. */
TEST_F(plain, p12_longest_segment)
{
	int buf = heap_alloc(self->heap, 8 * MIB, O_RDWR | O_CLOEXEC);
	long long before = dma_errors(), errors;
	struct outcome out;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, module_load(MODULE, "segment=65536"));
	ASSERT_EQ(0, try_import(buf, &out));
	errors = dma_errors() - before;
	if (before < 0)
		tell("P12 8 MiB, segments up to 64 KiB: %s, DMA debugging is off", what(&out));
	else
		tell("P12 8 MiB, segments up to 64 KiB: %s, DMA debugging: %lld errors",
		     what(&out), errors);
	EXPECT_RIGHT(maps(&out) && out.bytes == 8 * MIB);
	EXPECT_RIGHT(out.longest <= SEGMENT);
	EXPECT_RIGHT(!errors);
	EXPECT_EQ(0, import("import", -1));
	EXPECT_EQ(0, module_unload(MODULE));
	close(buf);
}

/* P9: the addresses of a device behind an IOMMU are those of the pages. */
TEST(p9_iommu)
{
	int heap = heap_open("system"), buf;
	struct outcome out;
	unsigned char *map;

	if (!cmdline_has("intel_iommu=", "on"))
		SKIP(return, "needs an IOMMU");
	buf = heap_alloc(heap, 8 * MIB, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	map = map_buffer(buf, 8 * MIB);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 8 * MIB, CONTENT_A);
	ASSERT_EQ(0, module_load(MODULE, "translated=1"));
	ASSERT_EQ(0, try_import(buf, &out));
	tell("P9 8 MiB behind an IOMMU: %s, %lu pages not resolved", what(&out),
	     out.word == CONTENT_A ? out.wrong : 8 * MIB / PAGE);
	EXPECT_RIGHT(reads(&out, 8 * MIB, CONTENT_A));
	EXPECT_EQ(0, import("import", -1));
	EXPECT_EQ(0, module_unload(MODULE));
	munmap(map, 8 * MIB);
	close(buf);
	close(heap);
}

TEST_HARNESS_MAIN
