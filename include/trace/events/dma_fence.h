/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints in the life of a fence. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_fence

#if !defined(_TRACE_DMA_FENCE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_FENCE_H

#include <linux/dma-fence.h>
#include <linux/rcupdate.h>
#include <linux/tracepoint.h>

/* From the driver, which is at work, and has not signalled the fence or just does. */
DECLARE_EVENT_CLASS(dma_fence,
		    TP_PROTO(struct dma_fence *fence),
		    TP_ARGS(fence),
		    TP_STRUCT__entry(__string(driver, fence->ops->get_driver_name(fence))
				     __string(timeline, fence->ops->get_timeline_name(fence))
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

#define DMA_FENCE_DRIVER(fence)		unrcu_pointer(dma_fence_driver_name(fence))
#define DMA_FENCE_TIMELINE(fence)	unrcu_pointer(dma_fence_timeline_name(fence))
/* A name may become another one, with the signal, between measuring and copying it. */
#define DMA_FENCE_ROOM(name)	max(strlen(name) + 1, sizeof("signaled-timeline"))

/* From elsewhere: the driver may be gone. Whoever traces is an RCU reader. */
DECLARE_EVENT_CLASS(dma_fence_elsewhere,
		    TP_PROTO(struct dma_fence *fence),
		    TP_ARGS(fence),
		    TP_STRUCT__entry(__dynamic_array(char, driver,
						     DMA_FENCE_ROOM(DMA_FENCE_DRIVER(fence)))
				     __dynamic_array(char, timeline,
						     DMA_FENCE_ROOM(DMA_FENCE_TIMELINE(fence)))
				     __field(unsigned int, context)
				     __field(unsigned int, seqno)),
		    TP_fast_assign(strscpy(__get_str(driver), DMA_FENCE_DRIVER(fence),
					   __get_dynamic_array_len(driver));
				   strscpy(__get_str(timeline), DMA_FENCE_TIMELINE(fence),
					   __get_dynamic_array_len(timeline));
				   __entry->context = fence->context;
				   __entry->seqno = fence->seqno;),
		    TP_printk("driver=%s timeline=%s context=%u seqno=%u",
			      __get_str(driver), __get_str(timeline),
			      __entry->context, __entry->seqno)
);

#define DMA_FENCE_EVENT(class, name) \
	DEFINE_EVENT(class, name, TP_PROTO(struct dma_fence *fence), TP_ARGS(fence))

/* Drivers: the work goes to the hardware. */
DMA_FENCE_EVENT(dma_fence, dma_fence_emit);
DMA_FENCE_EVENT(dma_fence, dma_fence_init);
DMA_FENCE_EVENT(dma_fence, dma_fence_enable_signal);
DMA_FENCE_EVENT(dma_fence, dma_fence_signaled);
DMA_FENCE_EVENT(dma_fence_elsewhere, dma_fence_wait_start);
DMA_FENCE_EVENT(dma_fence_elsewhere, dma_fence_wait_end);
DMA_FENCE_EVENT(dma_fence_elsewhere, dma_fence_destroy);

#undef DMA_FENCE_EVENT
#undef DMA_FENCE_DRIVER
#undef DMA_FENCE_TIMELINE
#undef DMA_FENCE_ROOM

#endif /* _TRACE_DMA_FENCE_H */

#include <trace/define_trace.h>
