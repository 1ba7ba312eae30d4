/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints in the life of a fence. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_fence

#if !defined(_TRACE_DMA_FENCE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_FENCE_H

#include <linux/dma-fence.h>
#include <linux/rcupdate.h>
#include <linux/tracepoint.h>

/*
 * A tool pairs the events of one fence by context and seqno. The names cannot serve: they
 * change with the signal.
 */

/*
 * A name may change with the signal, and __string() evaluates it twice: once for its
 * length, once for the copy. This evaluates it once. Tracepoints are RCU read sections.
 */
#define DMA_FENCE_NAME(item, name) \
	__string_len(item, __data_offsets->item##_ptr_, \
		     strlen(__string_src(__data_offsets->item##_ptr_ = (name))))

/* Events up to the signal, traced by the driver: its own names. */
DECLARE_EVENT_CLASS(dma_fence,
		    TP_PROTO(struct dma_fence *fence),
		    TP_ARGS(fence),
		    TP_STRUCT__entry(DMA_FENCE_NAME(driver,
						    fence->ops->get_driver_name(fence))
				     DMA_FENCE_NAME(timeline,
						    fence->ops->get_timeline_name(fence))
				     __field(unsigned int, context)
				     __field(unsigned int, seqno)),
		    TP_fast_assign(__assign_str(driver);
				   __assign_str(timeline);
				   __entry->context = fence->context;
				   __entry->seqno = fence->seqno;),
		    TP_printk("driver=%s timeline=%s context=%u seqno=%u",
			      __get_str(driver), __get_str(timeline),
			      __entry->context, __entry->seqno)
);

/* Events that may come after the signal, when the driver may be gone. */
DECLARE_EVENT_CLASS(dma_fence_any_time,
		    TP_PROTO(struct dma_fence *fence),
		    TP_ARGS(fence),
		    TP_STRUCT__entry(DMA_FENCE_NAME(driver,
						    unrcu_pointer(dma_fence_driver_name(fence)))
				     DMA_FENCE_NAME(timeline,
						    unrcu_pointer(dma_fence_timeline_name(fence)))
				     __field(unsigned int, context)
				     __field(unsigned int, seqno)),
		    TP_fast_assign(__assign_str(driver);
				   __assign_str(timeline);
				   __entry->context = fence->context;
				   __entry->seqno = fence->seqno;),
		    TP_printk("driver=%s timeline=%s context=%u seqno=%u",
			      __get_str(driver), __get_str(timeline),
			      __entry->context, __entry->seqno)
);

#define DMA_FENCE_EVENT(class, name) \
	DEFINE_EVENT(class, name, TP_PROTO(struct dma_fence *fence), TP_ARGS(fence))

/* Traced by drivers that pass work to the hardware. */
DMA_FENCE_EVENT(dma_fence, dma_fence_emit);
DMA_FENCE_EVENT(dma_fence, dma_fence_init);
DMA_FENCE_EVENT(dma_fence, dma_fence_enable_signal);
DMA_FENCE_EVENT(dma_fence, dma_fence_signaled);
DMA_FENCE_EVENT(dma_fence_any_time, dma_fence_wait_start);
DMA_FENCE_EVENT(dma_fence_any_time, dma_fence_wait_end);
DMA_FENCE_EVENT(dma_fence_any_time, dma_fence_destroy);

#undef DMA_FENCE_EVENT
#undef DMA_FENCE_NAME

#endif /* _TRACE_DMA_FENCE_H */

#include <trace/define_trace.h>
