/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events in the life of a buffer. Names, fields and formats are those of Linux 7.0, but for
 * dma_buf_negotiate, which it does not have.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf

#if !defined(_TRACE_DMA_BUF_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_H

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/tracepoint.h>

struct dma_buf_negotiation;

/*
 * dma_buf_to_object() is private to the buffer core. Only its dma-buf-trace.c compiles the
 * fields; all others that include this file may trace the events.
 */

DECLARE_EVENT_CLASS(dma_buf,
		    TP_PROTO(struct dma_buf *dmabuf),
		    TP_ARGS(dmabuf),
		    TP_STRUCT__entry(__string(exp_name, dma_buf_to_object(dmabuf)->exp_name)
				     __field(size_t, size)
				     __field(ino_t, ino)),
		    TP_fast_assign(__assign_str(exp_name);
				   __entry->size = dmabuf->size;
				   __entry->ino = file_inode(dmabuf->file)->i_ino;),
		    TP_printk("exp_name=%s size=%zu ino=%lu",
			      __get_str(exp_name), __entry->size, __entry->ino)
);

DECLARE_EVENT_CLASS(dma_buf_fd,
		    TP_PROTO(struct dma_buf *dmabuf, int fd),
		    TP_ARGS(dmabuf, fd),
		    TP_STRUCT__entry(__string(exp_name, dma_buf_to_object(dmabuf)->exp_name)
				     __field(size_t, size)
				     __field(ino_t, ino)
				     __field(int, fd)),
		    TP_fast_assign(__assign_str(exp_name);
				   __entry->size = dmabuf->size;
				   __entry->ino = file_inode(dmabuf->file)->i_ino;
				   __entry->fd = fd;),
		    TP_printk("exp_name=%s size=%zu ino=%lu fd=%d",
			      __get_str(exp_name), __entry->size, __entry->ino, __entry->fd)
);

/* The order of the fields is that of Linux 7.0 too, for tools that read the records. */
DECLARE_EVENT_CLASS(dma_buf_attach_dev,
		    TP_PROTO(struct dma_buf *dmabuf, struct dma_buf_attachment *attach,
			     bool is_dynamic, struct device *dev),
		    TP_ARGS(dmabuf, attach, is_dynamic, dev),
		    TP_STRUCT__entry(__string(dev_name, dev_name(dev))
				     __string(exp_name, dma_buf_to_object(dmabuf)->exp_name)
				     __field(size_t, size)
				     __field(ino_t, ino)
				     __field(struct dma_buf_attachment *, attach)
				     __field(bool, is_dynamic)),
		    TP_fast_assign(__assign_str(dev_name);
				   __assign_str(exp_name);
				   __entry->size = dmabuf->size;
				   __entry->ino = file_inode(dmabuf->file)->i_ino;
				   __entry->attach = attach;
				   __entry->is_dynamic = is_dynamic;),
		    TP_printk("exp_name=%s size=%zu ino=%lu attachment:%p is_dynamic=%d dev_name=%s",
			      __get_str(exp_name), __entry->size, __entry->ino, __entry->attach,
			      __entry->is_dynamic, __get_str(dev_name))
);

#define DMA_BUF_EVENT(name) \
	DEFINE_EVENT(dma_buf, name, TP_PROTO(struct dma_buf *dmabuf), TP_ARGS(dmabuf))
#define DMA_BUF_FD_EVENT(name) \
	DEFINE_EVENT(dma_buf_fd, name, TP_PROTO(struct dma_buf *dmabuf, int fd), \
		     TP_ARGS(dmabuf, fd))
#define DMA_BUF_ATTACH_EVENT(name) \
	DEFINE_EVENT(dma_buf_attach_dev, name, \
		     TP_PROTO(struct dma_buf *dmabuf, struct dma_buf_attachment *attach, \
			      bool is_dynamic, struct device *dev), \
		     TP_ARGS(dmabuf, attach, is_dynamic, dev))

DMA_BUF_EVENT(dma_buf_export);
DMA_BUF_EVENT(dma_buf_put);
DMA_BUF_EVENT(dma_buf_mmap);
DMA_BUF_EVENT(dma_buf_mmap_internal);
/* Also traced by others that install the descriptor of a buffer themselves, before they do. */
DMA_BUF_FD_EVENT(dma_buf_fd);
DMA_BUF_FD_EVENT(dma_buf_get);
DMA_BUF_ATTACH_EVENT(dma_buf_dynamic_attach);
DMA_BUF_ATTACH_EVENT(dma_buf_detach);

TRACE_DEFINE_ENUM(DMA_BUF_NEED_NONE);
TRACE_DEFINE_ENUM(DMA_BUF_NEED_REACH);
TRACE_DEFINE_ENUM(DMA_BUF_NEED_CONTIGUOUS);
TRACE_DEFINE_ENUM(DMA_BUF_NEED_GRANULE);

/*
 * unmet is the first need that the memory did not meet, wanted what was needed, had what the memory
 * had instead; see struct dma_buf_misfit. replaced tells whether the exporter has other memory now.
 */
TRACE_EVENT(dma_buf_negotiate,
	    TP_PROTO(struct dma_buf *dmabuf, const struct dma_buf_negotiation *negotiation,
		     const struct dma_buf_needs *must, const struct dma_buf_needs *want,
		     int ret),
	    TP_ARGS(dmabuf, negotiation, must, want, ret),
	    TP_STRUCT__entry(__string(dev_name, dev_name(negotiation->newcomer->dev))
			     __string(exp_name, dma_buf_to_object(dmabuf)->exp_name)
			     __field(size_t, size)
			     __field(ino_t, ino)
			     __field(u64, must_reach)
			     __field(u64, must_contiguous)
			     __field(u64, must_granule)
			     __field(u64, want_reach)
			     __field(u64, want_contiguous)
			     __field(u64, want_granule)
			     __field(int, ret)
			     __field(int, unmet)
			     __field(u64, wanted)
			     __field(u64, had)
			     __field(bool, replaced)),
	    TP_fast_assign(__assign_str(dev_name);
			   __assign_str(exp_name);
			   __entry->size = dmabuf->size;
			   __entry->ino = file_inode(dmabuf->file)->i_ino;
			   __entry->must_reach = must->reach;
			   __entry->must_contiguous = must->contiguous;
			   __entry->must_granule = must->granule;
			   __entry->want_reach = want->reach;
			   __entry->want_contiguous = want->contiguous;
			   __entry->want_granule = want->granule;
			   __entry->ret = ret;
			   __entry->unmet = negotiation->misfit.need;
			   __entry->wanted = negotiation->wanted;
			   __entry->had = negotiation->misfit.had;
			   __entry->replaced = negotiation->replaced;),
	    TP_printk("exp_name=%s size=%zu ino=%lu dev_name=%s must_reach=%#llx must_contiguous=%llu must_granule=%llu want_reach=%#llx want_contiguous=%llu want_granule=%llu ret=%d unmet=%s wanted=%#llx had=%#llx replaced=%d",
		      __get_str(exp_name), __entry->size, __entry->ino, __get_str(dev_name),
		      __entry->must_reach, __entry->must_contiguous, __entry->must_granule,
		      __entry->want_reach, __entry->want_contiguous, __entry->want_granule,
		      __entry->ret, __print_symbolic(__entry->unmet,
						     { DMA_BUF_NEED_NONE, "none" },
						     { DMA_BUF_NEED_REACH, "reach" },
						     { DMA_BUF_NEED_CONTIGUOUS, "contiguous" },
						     { DMA_BUF_NEED_GRANULE, "granule" }),
		      __entry->wanted, __entry->had, __entry->replaced)
);

#undef DMA_BUF_EVENT
#undef DMA_BUF_FD_EVENT
#undef DMA_BUF_ATTACH_EVENT

#endif /* _TRACE_DMA_BUF_H */

#include <trace/define_trace.h>
