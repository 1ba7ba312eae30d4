// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_move - tests of a display that moves a buffer while another display has
 * imported it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pair.h"

#define NO_NOTIFY	"a kernel without DMABUF_MOVE_NOTIFY"

/* Rule: a buffer with an unused import can be moved, and is shown correctly afterwards. */
TEST_F(pair, idle_import_follows)
{
	unsigned char *map = buf_map(self->buf);
	unsigned char *copy = malloc(self->own.size);

	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, copy);
	memcpy(copy, map, self->own.size);
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(0, memcmp(copy, map, self->own.size));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	munmap(map, self->own.size);
	free(copy);
}

/* Rule: a buffer that is on the other display's screen is not moved. */
TEST_F(pair, shown_buffer_stays)
{
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(0, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	ASSERT_EQ(0, paint(self->buf, 8));
	EXPECT_EQ(0, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 8));
}

/* Rule: of two imports only the one that is not on the screen moves; a flip shows it. */
TEST_F(pair, next_picture_moves)
{
	struct display_buffer own, next;
	int buf = export_picture(&self->near, &own, 8);

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_picture(&self->far, buf, own.pitch, &next));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &next, 8));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	close(buf);
}

/* Rule: a buffer can be moved after it was shown, and can be shown again. */
TEST_F(pair, unpinned_buffer_moves)
{
	int i, count;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, screen_on(&self->far, &self->seen));
		EXPECT_EQ(1, shows(&self->far, &self->seen, 7 + i));
		ASSERT_EQ(0, screen_off(&self->far));
		count = moved_soon(self->move);
		if (!count)
			SKIP(return, NO_NOTIFY);
		EXPECT_EQ(1, count);
		ASSERT_EQ(0, screen_on(&self->far, &self->seen));
		EXPECT_EQ(1, shows(&self->far, &self->seen, 7 + i));
		ASSERT_EQ(0, screen_off(&self->far));
		ASSERT_EQ(0, paint(self->buf, 8 + i));
	}
}

/* Rule: so can a buffer whose framebuffer was removed while it was on the screen. */
TEST_F(pair, unpinned_without_framebuffer)
{
	int count;

	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	display_crc_stop(&self->far);
	ASSERT_EQ(0, xioctl(self->far.fd, DRM_IOCTL_MODE_RMFB, &self->seen.fb));
	count = moved_soon(self->move);
	if (!count)
		SKIP(return, NO_NOTIFY);
	EXPECT_EQ(1, count);
	ASSERT_EQ(0, paint(self->buf, 8));
	ASSERT_EQ(0, display_framebuffer(&self->far, &self->seen, SIDE, SIDE,
					 DRM_FORMAT_XRGB8888));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 8));
}

/* Rule: a buffer moves after the import's last handle was closed, and can be imported again. */
TEST_F(pair, released_import_moves)
{
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	ASSERT_EQ(0, screen_off(&self->far));
	ASSERT_EQ(0, display_release(&self->far, &self->seen));
	EXPECT_EQ(1, moved_soon(self->move));
	ASSERT_EQ(0, import_picture(&self->far, self->buf, self->own.pitch, &self->seen));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
}

/* Rule: an importer unmaps the buffer when move_notify tells it of a move. */
TEST_F(pair, unpinned_addresses_go)
{
	int count;

	if (!dma_debug())
		SKIP(return, "a kernel without DMA debugging");
	EXPECT_EQ(0, segments_mapped(1));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	ASSERT_EQ(0, screen_off(&self->far));
	EXPECT_LT(0, segments_mapped(1));
	count = moved_soon(self->move);
	if (!count)
		SKIP(return, NO_NOTIFY);
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, segments_mapped(1));
}

TEST_HARNESS_MAIN
