/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test picture of the sample camera.
 *
 * The pixels depend on the frame number, the size and the format only, so no
 * function here may read a clock, a global variable or the previous frame. The
 * driver draws the picture. A userspace program that includes this file draws
 * it again and compares, to check the contents of a buffer and which frame is
 * in it.
 *
 * From top to bottom the picture has three bands:
 *
 *	+---------------------------+ 0
 *	| eight bars, and a ball    |
 *	| that bounces over them    |
 *	+---------------------------+ height / 2
 *	| grey steps, and a marker  |
 *	+---------------------------+ height * 5 / 8
 *	|         000123            |  n modulo 1000000
 *	+---------------------------+ height
 *
 * Padding between a row's last pixel and the next row is not written. The width
 * must be even, and both width and height at least 64.
 */
#ifndef DMABUF_SAMPLES_PATTERN_H
#define DMABUF_SAMPLES_PATTERN_H

#include <linux/types.h>
#include <linux/videodev2.h>

#define PATTERN_BARS		8
#define PATTERN_STEPS		16
#define PATTERN_DIGITS		6
#define PATTERN_GLYPH_WIDTH	5
#define PATTERN_GLYPH_HEIGHT	7
/* Columns of the number: the glyphs, with a gap of one column between them. */
#define PATTERN_COLUMNS		(PATTERN_DIGITS * (PATTERN_GLYPH_WIDTH + 1) - 1)

/**
 * enum pattern_kind - picture of the upper band.
 * @PATTERN_COLOUR_BARS: white, yellow, cyan, green, magenta, red, blue, black
 * @PATTERN_GREY_BARS: eight greys from white to black
 */
enum pattern_kind {
	PATTERN_COLOUR_BARS,
	PATTERN_GREY_BARS,
};

/**
 * struct pattern - parameters of a picture, except its number.
 * @format: V4L2_PIX_FMT_XBGR32 (DRM calls it XRGB8888) or V4L2_PIX_FMT_YUYV
 * @width: pixels in a row, even
 * @height: rows
 * @stride: bytes from one row to the next
 * @kind: one of &enum pattern_kind
 */
struct pattern {
	__u32 format;
	__u32 width;
	__u32 height;
	__u32 stride;
	__u32 kind;
};

/* For userspace, which has no min(). */
static inline __u32 pattern_least(__u32 a, __u32 b)
{
	if (b < a)
		a = b;
	return a;
}

/* Pixels per column and per row of the number's glyphs. */
static inline __u32 pattern_scale(const struct pattern *p)
{
	__u32 across = p->width * 9 / 10 / PATTERN_COLUMNS;
	__u32 down = p->height / 4 / PATTERN_GLYPH_HEIGHT;

	return pattern_least(across, down);
}

static inline __u32 pattern_bars_end(const struct pattern *p)
{
	return p->height / 2;
}

static inline __u32 pattern_steps_end(const struct pattern *p)
{
	return p->height * 5 / 8;
}

static inline __u32 pattern_digits_top(const struct pattern *p)
{
	__u32 panel = p->height - pattern_steps_end(p);

	return pattern_steps_end(p) +
	       (panel - pattern_scale(p) * PATTERN_GLYPH_HEIGHT) / 2;
}

/* Bytes of one row that hold pixels. */
static inline __u32 pattern_row_bytes(const struct pattern *p)
{
	return p->width * (p->format == V4L2_PIX_FMT_YUYV ? 2 : 4);
}

/*
 * Four bytes in memory order: one XRGB8888 pixel, or two YUYV pixels of the
 * same colour (BT.601, limited range, rounded; the offset of 128 is added
 * before the shift so that no negative number is shifted).
 */
static inline void pattern_word(const struct pattern *p, __u32 rgb, __u8 *word)
{
	int r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;

	if (p->format == V4L2_PIX_FMT_YUYV) {
		word[0] = (66 * r + 129 * g + 25 * b + 4224) >> 8;
		word[1] = (112 * b - 38 * r - 74 * g + 32896) >> 8;
		word[2] = word[0];
		word[3] = (112 * r - 94 * g - 18 * b + 32896) >> 8;
		return;
	}

	word[0] = b;
	word[1] = g;
	word[2] = r;
	word[3] = 0xff;
}

/*
 * Draw pixels x0 to x1 - 1 of a row. In YUYV the left pixel sets the chroma of a
 * pair, so a span that starts with a right pixel writes only the luma of it.
 */
static inline void pattern_span(const struct pattern *p, __u8 *row,
				__u32 x0, __u32 x1, __u32 rgb)
{
	__u8 word[4];
	__u32 x;

	pattern_word(p, rgb, word);
	if (p->format != V4L2_PIX_FMT_YUYV) {
		for (x = x0; x < x1; x++)
			__builtin_memcpy(row + 4 * x, word, 4);
		return;
	}

	x = x0;
	if (x < x1 && x % 2) {
		row[2 * x] = word[2];
		x++;
	}
	for (; x + 1 < x1; x += 2)
		__builtin_memcpy(row + 2 * x, word, 4);
	if (x < x1) {
		row[2 * x] = word[0];
		row[2 * x + 1] = word[1];
		row[2 * x + 3] = word[3];
	}
}

/* Position in frame n of a point that moves step pixels per frame between 0 and range. */
static inline __u32 pattern_bounce(__u32 n, __u32 step, __u32 range)
{
	__u32 at = n % (2 * range) * step % (2 * range);

	return at < range ? at : 2 * range - at;
}

static inline __u32 pattern_ball_radius(const struct pattern *p)
{
	return pattern_least(p->width, p->height) / 12;
}

/* Distance of row y from the ball's centre; rows of the ball have at most its radius. */
static inline __u32 pattern_ball_distance(const struct pattern *p, __u32 n,
					  __u32 y)
{
	__u32 r = pattern_ball_radius(p);
	__u32 centre = r + pattern_bounce(n, p->height / 160 + 1,
					  pattern_bars_end(p) - 2 * r);

	return y > centre ? y - centre : centre - y;
}

static inline void pattern_disc_row(const struct pattern *p, __u8 *row,
				    __u32 x, __u32 dy, __u32 r, __u32 rgb)
{
	__u32 half = r;

	if (dy > r)
		return;
	while (half * half + dy * dy > r * r)
		half--;
	pattern_span(p, row, x - half, x + half, rgb);
}

static inline void pattern_bars_row(const struct pattern *p, __u32 n, __u32 y,
				    __u8 *row)
{
	static const __u32 colours[PATTERN_BARS] = {
		0xf0f0f0, 0xe8d820, 0x28c8d8, 0x30b848,
		0xc848c0, 0xd83030, 0x3048d0, 0x101010,
	};
	__u32 dy = pattern_ball_distance(p, n, y);
	__u32 r = pattern_ball_radius(p);
	__u32 x = r + pattern_bounce(n, p->width / 120 + 1, p->width - 2 * r);
	__u32 i;

	for (i = 0; i < PATTERN_BARS; i++) {
		__u32 grey = 255 - i * 255 / (PATTERN_BARS - 1);

		pattern_span(p, row, i * p->width / PATTERN_BARS,
			     (i + 1) * p->width / PATTERN_BARS,
			     p->kind == PATTERN_GREY_BARS ? grey * 0x10101 :
							    colours[i]);
	}
	pattern_disc_row(p, row, x, dy, r, 0x202020);
	pattern_disc_row(p, row, x, dy, r - r / 8 - 1, 0xff9020);
}

static inline void pattern_steps_row(const struct pattern *p, __u32 n,
				     __u8 *row)
{
	__u32 width = p->width / 32;
	__u32 x = pattern_bounce(n, p->width / 160 + 1, p->width - width);
	__u32 i;

	for (i = 0; i < PATTERN_STEPS; i++)
		pattern_span(p, row, i * p->width / PATTERN_STEPS,
			     (i + 1) * p->width / PATTERN_STEPS,
			     i * 255 / (PATTERN_STEPS - 1) * 0x10101);
	pattern_span(p, row, x, x + width, 0xe02050);
}

/* Row of the glyphs in picture row y, PATTERN_GLYPH_HEIGHT outside the number. */
static inline __u32 pattern_glyph_row(const struct pattern *p, __u32 y)
{
	__u32 top = pattern_digits_top(p);
	__u32 line = y < top ? PATTERN_GLYPH_HEIGHT :
			       (y - top) / pattern_scale(p);

	return pattern_least(line, PATTERN_GLYPH_HEIGHT);
}

static inline void pattern_number_row(const struct pattern *p, __u32 n, __u32 y,
				      __u8 *row)
{
	static const __u8 font[10][PATTERN_GLYPH_HEIGHT] = {
		{ 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e },
		{ 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e },
		{ 0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f },
		{ 0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e },
		{ 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 },
		{ 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e },
		{ 0x0e, 0x10, 0x10, 0x1e, 0x11, 0x11, 0x0e },
		{ 0x1f, 0x01, 0x02, 0x04, 0x04, 0x04, 0x04 },
		{ 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e },
		{ 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x01, 0x0e },
	};
	__u32 scale = pattern_scale(p), line = pattern_glyph_row(p, y);
	/* End of the last column: digits are drawn from right to left. */
	__u32 x = (p->width + PATTERN_COLUMNS * scale) / 2;
	__u32 digit, column;

	pattern_span(p, row, 0, p->width, 0x101c34);
	if (line == PATTERN_GLYPH_HEIGHT)
		return;

	for (digit = 0; digit < PATTERN_DIGITS; digit++, n /= 10) {
		for (column = 0; column < PATTERN_GLYPH_WIDTH; column++) {
			x -= scale;
			if (font[n % 10][line] >> column & 1)
				pattern_span(p, row, x, x + scale, 0xf8f8f8);
		}
		x -= scale;
	}
}

/**
 * pattern_row_class() - return a number that is the same for equal rows.
 * @p: the picture
 * @n: frame number
 * @y: row
 *
 * Most rows equal the row above. A caller can copy the row above while this
 * number does not change.
 *
 * Return: a number; two rows of one frame with the same number are equal.
 */
static inline __u32 pattern_row_class(const struct pattern *p, __u32 n, __u32 y)
{
	if (y >= pattern_steps_end(p))
		return 2 + pattern_glyph_row(p, y);
	if (y >= pattern_bars_end(p))
		return 1;
	if (pattern_ball_distance(p, n, y) > pattern_ball_radius(p))
		return 0;
	return 2 + PATTERN_GLYPH_HEIGHT + 1 + y;
}

/**
 * pattern_row() - draw one row of a frame.
 * @p: the picture
 * @n: frame number
 * @y: row
 * @row: memory for the row; pattern_row_bytes() bytes are written
 */
static inline void pattern_row(const struct pattern *p, __u32 n, __u32 y,
			       __u8 *row)
{
	if (y < pattern_bars_end(p))
		pattern_bars_row(p, n, y, row);
	else if (y < pattern_steps_end(p))
		pattern_steps_row(p, n, row);
	else
		pattern_number_row(p, n, y, row);
}

/**
 * pattern_frame() - draw a whole frame.
 * @p: the picture
 * @n: frame number
 * @pixels: memory of stride times height bytes
 */
static inline void pattern_frame(const struct pattern *p, __u32 n,
				 __u8 *pixels)
{
	__u32 drawn = ~0u, y;

	for (y = 0; y < p->height; y++) {
		__u8 *row = pixels + (unsigned long)y * p->stride;
		__u32 class = pattern_row_class(p, n, y);

		if (class == drawn)
			__builtin_memcpy(row, row - p->stride,
					 pattern_row_bytes(p));
		else
			pattern_row(p, n, y, row);
		drawn = class;
	}
}

#endif
