// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_heap - tests of the sample heap: its pages are taken and given back, and its
 * module stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "bufinfo.h"
#include "demo.h"
#include "exporters.h"
#include "harness.h"

#define SAMPLE_MODULE	"dmabuf_sample_heap"
#define PAGE		((size_t)sysconf(_SC_PAGESIZE))

FIXTURE(sample) {
	int dev;
	size_t size;
	struct bufinfo_total before;
};

FIXTURE_SETUP(sample)
{
	self->dev = heap_open("sample");
	if (self->dev == -ENODEV)
		SKIP(return, "the sample heap is missing");
	ASSERT_LE(0, self->dev);
	self->size = file_number("/sys/module/" SAMPLE_MODULE "/parameters/pages", "") * PAGE;
	ASSERT_LT(0, self->size);
	ASSERT_EQ(0, bufinfo_total(&self->before));
}

FIXTURE_TEARDOWN(sample)
{
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	close(self->dev);
}

/* Rule: the heap has as many pages as its parameter says, and none is lost. */
TEST_F(sample, all_pages)
{
	int round, whole, half;

	for (round = 0; round < 20; round++) {
		whole = heap_alloc(self->dev, self->size, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, whole);
		EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, PAGE, O_RDWR | O_CLOEXEC));
		close(whole);
		ASSERT_EQ(0, bufinfo_wait_objects(self->before.objects));
		half = heap_alloc(self->dev, self->size / 2, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, half);
		EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, self->size, O_RDWR | O_CLOEXEC));
		close(half);
		ASSERT_EQ(0, bufinfo_wait_objects(self->before.objects));
	}
	EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, self->size + PAGE, O_RDWR | O_CLOEXEC));
}

/* Rule: memory that a program has written is zero for the next one. */
TEST_F(sample, zeroed)
{
	unsigned char *map;
	int round, buf;
	size_t i, dirty = 0;

	for (round = 0; round < 2; round++) {
		buf = heap_alloc(self->dev, self->size, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, buf);
		map = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
		ASSERT_NE(MAP_FAILED, map);
		for (i = 0; i < self->size; i++)
			dirty += map[i] != 0;
		EXPECT_EQ(0, dirty);
		memset(map, 0x5a, self->size);
		munmap(map, self->size);
		close(buf);
		ASSERT_EQ(0, bufinfo_wait_objects(self->before.objects));
	}
}

/* Rule: a heap stays, so its module cannot be unloaded. */
TEST_F(sample, module_stays)
{
	EXPECT_EQ(-EBUSY, module_unload(SAMPLE_MODULE));
	EXPECT_TRUE(module_present(SAMPLE_MODULE));
}

TEST_HARNESS_MAIN
