// SPDX-License-Identifier: GPL-2.0-only
/*
 * screen_check PPM NUMBER: compare a picture of the guest's screen with the sample
 * camera's picture of that number. Only the upper five bits of a colour count, because
 * the screen may have fewer bits than the camera.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../drivers/dma-buf/samples/pattern.h"

#define COUNTED	0xf8

static int differs(const unsigned char *rgb, const __u8 *xrgb)
{
	/* The bytes of the camera's pixel are blue, green, red and unused. */
	return ((rgb[0] ^ xrgb[2]) | (rgb[1] ^ xrgb[1]) | (rgb[2] ^ xrgb[0])) & COUNTED;
}

int main(int argc, char **argv)
{
	struct pattern pattern = { .format = V4L2_PIX_FMT_XBGR32 };
	FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
	unsigned long i, pixels, wrong = 0;
	unsigned char *rgb;
	__u8 *xrgb;

	if (!file || fscanf(file, "P6 %u %u 255", &pattern.width, &pattern.height) != 2 ||
	    fgetc(file) == EOF) {
		fprintf(stderr, "usage: screen_check PPM NUMBER\n");
		return 2;
	}
	pattern.stride = pattern.width * 4;
	pixels = (unsigned long)pattern.width * pattern.height;
	rgb = malloc(pixels * 3);
	xrgb = malloc(pixels * 4);
	if (!rgb || !xrgb || fread(rgb, 3, pixels, file) != pixels) {
		fprintf(stderr, "screen_check: %s is incomplete\n", argv[1]);
		return 2;
	}

	pattern_frame(&pattern, atoi(argv[2]), xrgb);
	for (i = 0; i < pixels; i++)
		wrong += !!differs(rgb + i * 3, xrgb + i * 4);
	printf("screen: %lu of %lu pixels differ from picture %s\n", wrong, pixels, argv[2]);
	return wrong ? 1 : 0;
}
