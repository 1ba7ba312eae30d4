/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoint before a timeline is incremented; @value is the old value. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sync_trace

#if !defined(_TRACE_SYNC_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SYNC_H

#include <linux/tracepoint.h>

#include "sw_sync.h"

TRACE_EVENT(sync_timeline,
	    TP_PROTO(struct sync_timeline *timeline),
	    TP_ARGS(timeline),
	    TP_STRUCT__entry(__string(name, timeline->name)
			     __field(u32, value)),
	    TP_fast_assign(__assign_str(name);
			   __entry->value = READ_ONCE(timeline->value);),
	    TP_printk("name=%s value=%d", __get_str(name), __entry->value)
);

#endif /* _TRACE_SYNC_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE sync_trace
#include <trace/define_trace.h>
