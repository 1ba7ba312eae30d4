// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiation: a buffer whose storage does not fit the devices gets another one.
 *
 * The exporter allocates the new storage, if it has a renew callback. Memory is allocated only
 * if the storage can be replaced: whether a device or the kernel has the buffer mapped, and
 * which fences it has, does not change while the reservation lock is held.
 */

#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/pfn.h>

#include "dma-storage-private.h"

/* Without devices. The reach is a hint only, see &dma_buf_needs.reach. */
static bool dma_storage_needs_fit(const struct dma_buf_needs *needs,
				  const struct dma_buf_run *runs, unsigned int nr_runs)
{
	for (unsigned int i = 0; needs->reach && i < nr_runs; i++)
		if (PFN_PHYS(runs[i].pfn + runs[i].nr_pages) - 1 > needs->reach)
			return false;
	return dma_buf_needs_fit(needs, NULL, runs, nr_runs, NULL);
}

/**
 * dma_storage_request_fits() - test whether memory meets a request
 * @request: the request
 * @runs: the memory, or a part of it if only the reach is requested
 * @nr_runs: number of runs
 *
 * Context: Reservation lock of the buffer held, if the request has a buffer.
 * Return: True if it does.
 */
bool dma_storage_request_fits(const struct dma_storage_request *request,
			      const struct dma_buf_run *runs, unsigned int nr_runs)
{
	if (!request->dmabuf)
		return dma_storage_needs_fit(request->needs, runs, nr_runs);
	dma_resv_assert_held(request->dmabuf->resv);
	return dma_buf_fits(request->dmabuf, request->needs, request->must_only, runs, nr_runs,
			    NULL);
}

static bool dma_storage_fits(struct dma_buf *dmabuf, const struct dma_buf_needs *needs,
			     bool must_only)
{
	const struct dma_storage_buffer *buffer = dmabuf->priv;
	const struct dma_storage *storage = buffer->storage;

	return dma_buf_needs_empty(needs) ||
	       dma_buf_fits(dmabuf, needs, must_only, storage->runs, storage->nr_runs, NULL);
}

static bool dma_storage_is_busy(struct dma_buf *dmabuf)
{
	const struct dma_storage_buffer *buffer = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);
	return !list_empty(&buffer->mappings) || buffer->vaddr ||
	       !dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_KERNEL);
}

/* Replace the storage by one that the exporter allocates for the request. */
static int dma_storage_renew(const struct dma_storage_request *request)
{
	struct dma_storage_buffer *buffer = request->dmabuf->priv;
	struct dma_storage *old = buffer->storage, *new;
	int ret = -EOPNOTSUPP;

	might_sleep();
	if (!old->ops->renew)
		return -EOPNOTSUPP;
	/* It keeps what it is, so this is false only if a device cannot be asked. */
	if (dma_storage_is_busy(request->dmabuf) ||
	    !dma_buf_keeps_reach(request->dmabuf, old->runs, old->nr_runs, old->runs,
				 old->nr_runs))
		return -EBUSY;
	new = old->ops->renew(old, request);
	if (IS_ERR(new))
		return PTR_ERR(new) == -ENOMEM ? -EBUSY : PTR_ERR(new);
	if (!dma_buf_keeps_reach(request->dmabuf, old->runs, old->nr_runs, new->runs, new->nr_runs))
		ret = -EBUSY;
	else if (dma_storage_request_fits(request, new->runs, new->nr_runs))
		ret = dma_storage_replace(request->dmabuf, new);
	if (ret)
		new->ops->free(new);
	return ret;
}

/* Replace the storage by one that meets both, or else by one that meets @must. */
static int dma_storage_renew_for(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
				 const struct dma_buf_needs *want)
{
	struct dma_buf_needs both = *must;
	const struct dma_storage_request first = { .dmabuf = dmabuf, .needs = &both };
	const struct dma_storage_request second = {
		.dmabuf = dmabuf,
		.needs = must,
		.must_only = true,
	};
	int ret;

	if (!dma_buf_needs_empty(want)) {
		dma_buf_needs_intersect(&both, want);
		ret = dma_storage_renew(&first);
		if (!ret || ret == -EINTR)
			return ret;
	}
	return dma_storage_renew(&second);
}

/*
 * Replace a storage that meets @must, so that no device is bounced. That must not cost more than it
 * saves: nothing is copied, and it is tried once for a buffer, because some importers attach for
 * each frame. A storage in one run is replaced by one run: a lesson may have asked for that.
 */
static void dma_storage_improve(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
				const struct dma_buf_needs *want)
{
	struct dma_storage_buffer *buffer = dmabuf->priv;
	struct dma_buf_needs both = *must;
	const struct dma_storage_request request = {
		.dmabuf = dmabuf,
		.needs = &both,
		.optional = true,
	};

	dma_buf_needs_intersect(&both, want);
	if (dma_storage_fits(dmabuf, &both, false) || buffer->improved ||
	    READ_ONCE(buffer->touched) || dma_storage_is_busy(dmabuf))
		return;
	buffer->improved = true;
	if (buffer->storage->nr_runs == 1)
		both.contiguous = dmabuf->size;
	dma_storage_renew(&request);
}

/**
 * dma_storage_negotiate() - &dma_buf_ops.negotiate
 * @dmabuf: the buffer
 * @must: needs that the storage must meet
 * @want: needs that it should meet, but that bounce buffers can meet instead
 *
 * Replaces the storage if it does not meet @must, by one that meets both or else by one that meets
 * @must. A storage that meets @must alone is replaced once, while nobody has written to it.
 *
 * Context: Reservation lock held; may sleep. Waits for no fence.
 * Return: 0 if the storage meets @must. Otherwise it is what it was, and the errno is
 *
 *   * %-EBUSY - a device or the kernel has the buffer mapped, a fence with
 *     %DMA_RESV_USAGE_KERNEL has not signalled, an attached device cannot be asked what it needs,
 *     or there is no such memory now
 *   * %-EOPNOTSUPP - the exporter cannot choose its memory, or never has such memory
 *   * %-EINTR - a fatal signal came
 */
int dma_storage_negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			  const struct dma_buf_needs *want)
{
	const struct dma_storage_buffer *buffer = dmabuf->priv;
	const struct dma_storage_ops *ops = buffer->storage->ops;
	bool fits;

	dma_resv_assert_held(dmabuf->resv);
	fits = dma_storage_fits(dmabuf, must, true);
	if (ops->note && !dma_buf_needs_empty(must))
		ops->note(buffer->storage, must, want,
			  !fits && ops->renew && dma_storage_is_busy(dmabuf));
	if (!fits)
		return dma_storage_renew_for(dmabuf, must, want);
	if (!dma_buf_needs_empty(want))
		dma_storage_improve(dmabuf, must, want);
	return 0;
}
