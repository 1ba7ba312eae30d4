/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of udmabuf.
 */
#ifndef _UDMABUF_PRIVATE_H
#define _UDMABUF_PRIVATE_H

#include "../storage/dma-storage.h"

struct file;
struct folio;

/**
 * struct udmabuf - storage of pinned pages of memfds
 * @base: the storage
 * @max_runs: length of &dma_storage.runs
 * @folios: pinned folios, once for each pin
 * @nr_folios: number of them
 * @max_folios: length of @folios
 *
 * All members are fixed once the storage has been exported.
 */
struct udmabuf {
	struct dma_storage base;
	unsigned int max_runs;
	struct folio **folios;
	unsigned long nr_folios;
	unsigned long max_folios;
};

/* udmabuf-device.c */
long udmabuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* udmabuf-pin.c */
struct udmabuf *udmabuf_alloc(void);
void udmabuf_free(struct udmabuf *udmabuf);
bool udmabuf_is_populated(struct file *memfd, u64 offset, u64 size);
int udmabuf_populate(struct file *memfd, u64 offset, u64 size);
int udmabuf_add_range(struct udmabuf *udmabuf, struct file *memfd, loff_t offset, u64 size);
long udmabuf_pin_folios(struct file *memfd, loff_t start, loff_t last, struct folio **folios,
			unsigned int max_folios, pgoff_t *skip);

#endif /* _UDMABUF_PRIVATE_H */
