/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps of a copy: pieces of memory that a device handles in one transfer.
 *
 * Source and destination are lists of DMA segments of different lengths. A step ends where
 * a segment of either ends, and has at most EDU_STEP_BYTES. The functions here touch no
 * hardware; drivers/dma-buf/tests/dma-buf-sample-edu_kunit.c tests them.
 */
#ifndef DMABUF_SAMPLES_EDU_STEPS_H
#define DMABUF_SAMPLES_EDU_STEPS_H

#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

/* The device has a buffer of 4096 bytes, but QEMU up to 7.2 takes its last byte for outside. */
#define EDU_STEP_BYTES	2048

/**
 * struct edu_cursor - a place in a list of DMA segments
 * @sg: the segment
 * @left: number of segments from @sg on, 0 at the end of the list
 * @offset: bytes from the start of the segment, less than its length
 */
struct edu_cursor {
	struct scatterlist *sg;
	unsigned int left;
	u64 offset;
};

/**
 * struct edu_step - one step
 * @source: DMA address to read from
 * @destination: DMA address to write to
 * @bytes: length
 */
struct edu_step {
	dma_addr_t source;
	dma_addr_t destination;
	u32 bytes;
};

static inline void edu_cursor_advance(struct edu_cursor *cursor, u64 bytes)
{
	cursor->offset += bytes;
	while (cursor->left && cursor->offset >= sg_dma_len(cursor->sg)) {
		cursor->offset -= sg_dma_len(cursor->sg);
		cursor->sg = sg_next(cursor->sg);
		cursor->left--;
	}
}

/* Only the first &sg_table.nents entries have DMA addresses. */
static inline struct edu_cursor edu_cursor_at(struct sg_table *sgt, u64 offset)
{
	struct edu_cursor cursor = { .sg = sgt->sgl, .left = sgt->nents };

	edu_cursor_advance(&cursor, offset);
	return cursor;
}

/**
 * edu_step_next() - find the next step and advance both cursors behind it
 * @source: place to read from
 * @destination: place to write to
 * @bytes: most bytes that the step may have, not 0
 * @step: set to the step
 *
 * Context: Any.
 * Return: False if a list has ended.
 */
static inline bool edu_step_next(struct edu_cursor *source, struct edu_cursor *destination,
				 u32 bytes, struct edu_step *step)
{
	if (!source->left || !destination->left)
		return false;
	step->source = sg_dma_address(source->sg) + source->offset;
	step->destination = sg_dma_address(destination->sg) + destination->offset;
	step->bytes = min(bytes, EDU_STEP_BYTES);
	step->bytes = min_t(u64, step->bytes, sg_dma_len(source->sg) - source->offset);
	step->bytes = min_t(u64, step->bytes, sg_dma_len(destination->sg) - destination->offset);
	edu_cursor_advance(source, step->bytes);
	edu_cursor_advance(destination, step->bytes);
	return true;
}

#endif /* DMABUF_SAMPLES_EDU_STEPS_H */
