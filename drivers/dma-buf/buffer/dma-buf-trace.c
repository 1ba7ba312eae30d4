// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace events of buffers.
 *
 * Each event is traced where the buffer cannot be freed, whatever other threads do: by a caller
 * that holds a reference, before it drops it or passes it on.
 *
 *   dma_buf_export          before the buffer is listed
 *   dma_buf_fd              after the descriptor is reserved, before it is installed
 *   dma_buf_get             after the reference is taken
 *   dma_buf_put             before the reference is dropped
 *   dma_buf_negotiate       after the exporter's negotiate, before the attachment is linked
 *   dma_buf_dynamic_attach  before the reservation lock is released that adds the attachment
 *   dma_buf_detach          after the exporter's detach, before the attachment is freed
 *   dma_buf_mmap, dma_buf_mmap_internal   before the exporter's mmap
 *
 * The events read only members that are fixed, and take no lock. So they may be traced in any
 * context in which the function may be called: dma_buf_put() in interrupts, dma_buf_export with
 * the lock of a shard held, dma_buf_negotiate and dma_buf_dynamic_attach with the reservation lock
 * held. The name that userspace sets is in no event: it would need &dma_buf_object.name_lock,
 * which is not taken in interrupts.
 *
 * An event that is off costs one static branch. Where its arguments are read for it alone, the
 * caller tests first whether it is on.
 */

#include "dma-buf-private.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf.h>
