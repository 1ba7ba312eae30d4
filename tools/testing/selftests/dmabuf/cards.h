/* SPDX-License-Identifier: GPL-2.0-only */
/* cards - several displays of the sample driver, and the pictures that they show */
#ifndef SELFTEST_DMABUF_CARDS_H
#define SELFTEST_DMABUF_CARDS_H

#include <linux/types.h>

#include "display.h"

/* Width and height of each picture. */
#define SIDE		128
/* Limit for one frame in milliseconds; an emulated machine needs far less. */
#define FRAME_TIMEOUT_MS	10000

/* driver_write() - write a device to the "unbind" or "bind" file of its driver. */
int driver_write(const char *driver, const char *what, unsigned int device);
/* card_file() - open the card of the display with that number; -ENODEV if it is unbound. */
int card_file(struct display *dpy, unsigned int device);
/* card_open() - the same, and find a mode for a picture. */
int card_open(struct display *dpy, unsigned int device);

/* buf_map() - map a whole dma-buf, returns NULL on failure. */
unsigned char *buf_map(int buf);
/* paint() - draw the picture of that number to a buffer whose rows are not padded. */
int paint(int buf, __u32 number);
/* export_picture() - allocate a buffer, export it and draw to it; returns the dma-buf. */
int export_picture(struct display *dpy, struct display_buffer *own, __u32 number);
/* import_picture() - import a dma-buf and make a framebuffer of it. */
int import_picture(struct display *dpy, int buf, __u32 pitch, struct display_buffer *seen);

/* Turn the screen on and read CRCs; turn it off. */
int screen_on(struct display *dpy, const struct display_buffer *seen);
int screen_off(struct display *dpy);
/* shows() - flip; returns 1 if the display then shows the picture of that number, else 0. */
int shows(struct display *dpy, const struct display_buffer *seen, __u32 number);

/* moved() - let a display move all buffers that it can; returns their number. */
int moved(const char *path);
/* moved_soon() - the same until a buffer has moved; returns 0 after 2 s. */
int moved_soon(const char *path);
/* segments_mapped() - count what DMA debugging lists as mapped for a display. */
int segments_mapped(unsigned int device);

#endif /* SELFTEST_DMABUF_CARDS_H */
