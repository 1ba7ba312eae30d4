/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoint of region heaps: an allocation for which no free run is long enough. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_heap

#if !defined(_HEAP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HEAP_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(heap_no_run,
	    TP_PROTO(const char *heap, unsigned long pages, unsigned long longest),
	    TP_ARGS(heap, pages, longest),
	    TP_STRUCT__entry(__string(heap, heap)
			     __field(unsigned long, pages)
			     __field(unsigned long, longest)),
	    TP_fast_assign(__assign_str(heap);
			   __entry->pages = pages;
			   __entry->longest = longest;),
	    TP_printk("heap=%s pages=%lu longest=%lu", __get_str(heap), __entry->pages,
		      __entry->longest)
);

#endif /* _HEAP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE heap_trace
#include <trace/define_trace.h>
