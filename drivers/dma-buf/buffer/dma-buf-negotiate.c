// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiation: an attach tells the exporter what all attached devices need of the memory.
 *
 * The needs are computed for each attach, and not stored: the mask of a device may have changed
 * since. What an importer stated is stored in the attachment. If a device cannot be asked now, the
 * memory can be found to fit the others, but it is not replaced.
 *
 * The reservation lock is held from the exporter's negotiate until the attachment is linked, and
 * mapped if the core maps it. So no other attach, and no map, sees the buffer in between.
 *
 * Each call of the exporter's negotiate is traced, with the first need that was not met.
 */

#include <kunit/visibility.h>
#include <linux/dma-buf-needs.h>
#include <linux/export.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

/**
 * DOC: Negotiation
 *
 * A device cannot use all memory: it has few address bits, or its driver needs contiguous bytes.
 * An exporter that can choose the memory of its buffers implements &dma_buf_ops.negotiate. The core
 * calls it when a device is attached that needs something, with the needs of all devices (&struct
 * dma_buf_needs): those that memory *must* meet, and those that it should meet because else it is
 * bounced through other memory (*want*).
 *
 * Most needs follow from the device. An importer states what its device does not say, like
 * contiguous bytes, with dma_buf_attach_with_needs(). An attach fails only if what an importer
 * stated is not met: importers that state nothing attach as they did before there was
 * negotiation, and the map fails if the device cannot reach the memory.
 *
 * Two errnos tell why memory does not fit. ``-EBUSY``: the memory cannot be replaced now, for
 * instance because a device has it mapped; it may work later, or with a new buffer.
 * ``-EOPNOTSUPP``: this buffer never fits.
 */

/*
 * Add the needs of a device that is attached. What it must have and did not state was not met when
 * it attached, or is met and wanted for it to stay so; it is no reason to refuse another device.
 */
static void dma_buf_needs_add(struct dma_buf_attach_needs *sum,
			      const struct dma_buf_attach_needs *needs)
{
	dma_buf_needs_intersect(&sum->must, &needs->stated);
	dma_buf_needs_intersect(&sum->want, &needs->must);
	dma_buf_needs_intersect(&sum->want, &needs->want);
	dma_buf_needs_intersect(&sum->stated, &needs->stated);
}

/* Return what the importer stated, or NULL for nothing. */
static const struct dma_buf_needs *dma_buf_attachment_stated(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);

	return obj->states ? &container_of(obj, struct dma_buf_stating_attach, obj)->needs : NULL;
}

/**
 * dma_buf_attachment_needs() - tell what an attachment needs now
 * @attach: the attachment
 * @needs: set to the needs; to no needs if an error is returned
 *
 * Context: Any.
 * Return: As dma_buf_needs_of_device().
 */
int dma_buf_attachment_needs(struct dma_buf_attachment *attach,
			     struct dma_buf_attach_needs *needs)
{
	return dma_buf_needs_of_device(attach->dev, dma_buf_attachment_stated(attach),
				       attach->dmabuf->size, needs);
}

/*
 * An errno leaves no needs: a device that was attached before it did not fit stays attached.
 * Returns -EBUSY if a device cannot be asked.
 */
static int dma_buf_needs_add_attached(struct dma_buf_attachment *newcomer,
				      struct dma_buf_attach_needs *sum)
{
	struct dma_buf_attachment *attach;
	int ret = 0;

	list_for_each_entry(attach, &newcomer->dmabuf->attachments, node) {
		struct dma_buf_attach_needs needs;
		int error;

		cond_resched();
		error = dma_buf_device_lock(attach, newcomer->dev, !ret);
		if (error == -EBUSY)
			ret = error;
		if (error)
			continue;
		if (!dma_buf_attachment_needs(attach, &needs))
			dma_buf_needs_add(sum, &needs);
		dma_buf_device_unlock(attach, newcomer->dev);
	}
	return ret;
}

static int dma_buf_negotiate_sets(struct dma_buf_negotiation *negotiation,
				  const struct dma_buf_needs *must,
				  const struct dma_buf_needs *want)
{
	struct dma_buf *dmabuf = negotiation->newcomer->dmabuf;
	int ret;

	dma_buf_to_object(dmabuf)->negotiation = negotiation;
	ret = dmabuf->ops->negotiate(dmabuf, must, want);
	dma_buf_to_object(dmabuf)->negotiation = NULL;
	trace_dma_buf_negotiate(dmabuf, negotiation, must, want, ret);
	return ret;
}

static int dma_buf_negotiate_stated(struct dma_buf_attachment *newcomer, u64 reach,
				    const struct dma_buf_needs *stated, bool unasked)
{
	static const struct dma_buf_needs nothing;
	struct dma_buf_negotiation negotiation = {
		.newcomer = newcomer,
		.must_reach = reach,
		.reach = reach,
		.unasked = unasked,
	};

	return dma_buf_negotiate_sets(&negotiation, stated, &nothing);
}

/* The needs of the newcomer become those of all devices. */
static int dma_buf_negotiate_needs(struct dma_buf_attachment *newcomer,
				   struct dma_buf_attach_needs *needs)
{
	const struct dma_buf_needs stated = needs->stated;
	struct dma_buf_negotiation negotiation = {
		.newcomer = newcomer,
		.must_reach = needs->must.reach,
		.reach = needs->must.reach ?: needs->want.reach,
	};
	int ret;

	negotiation.unasked = dma_buf_needs_add_attached(newcomer, needs);
	ret = dma_buf_negotiate_sets(&negotiation, &needs->must, &needs->want);
	if (!ret || ret == -EINTR || ret == -ERESTARTSYS)
		return ret;
	if (dma_buf_needs_empty(&stated))
		return 0;
	return dma_buf_negotiate_stated(newcomer, stated.reach, &needs->stated,
					negotiation.unasked);
}

/* Trace an attach that is refused for what the importer stated, without asking the exporter. */
static void dma_buf_negotiate_trace_refusal(struct dma_buf_attachment *newcomer, int ret)
{
	static const struct dma_buf_needs nothing;
	const struct dma_buf_negotiation negotiation = { .newcomer = newcomer };

	trace_dma_buf_negotiate(newcomer->dmabuf, &negotiation,
				dma_buf_attachment_stated(newcomer), &nothing, ret);
}

/**
 * dma_buf_negotiate() - let the exporter provide memory for all devices and one more
 * @newcomer: attachment that is not linked yet, of an exporter that negotiates
 *
 * Asks nobody if the newcomer needs nothing, so that it costs the same beside many devices.
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, or an errno as dma_buf_attach_with_needs().
 */
int dma_buf_negotiate(struct dma_buf_attachment *newcomer)
{
	struct dma_buf_attach_needs needs;
	int ret;

	dma_buf_assert_held(newcomer->dmabuf);
	dma_buf_to_attach_object(newcomer)->driverless = !READ_ONCE(newcomer->dev->driver);
	ret = dma_buf_attachment_needs(newcomer, &needs);
	if (ret)
		dma_buf_negotiate_trace_refusal(newcomer, ret);
	if (ret || (dma_buf_needs_empty(&needs.must) && dma_buf_needs_empty(&needs.want)))
		return ret;
	return dma_buf_negotiate_needs(newcomer, &needs);
}

static bool dma_buf_reached_by(struct dma_buf_attachment *attach, u64 reach,
			       const struct dma_buf_run *runs, unsigned int nr_runs,
			       struct dma_buf_misfit *misfit)
{
	const struct dma_buf_needs needs = { .reach = reach };

	return dma_buf_needs_fit(&needs, attach->dev, runs, nr_runs, misfit);
}

/* Return the reach of an attached device, as dma_buf_needs_add() added it to the sets. */
static u64 dma_buf_attached_reach(struct dma_buf_attachment *attach, bool must_only)
{
	struct dma_buf_attach_needs needs;

	/* Sets no needs if it fails. */
	dma_buf_attachment_needs(attach, &needs);
	return must_only ? needs.stated.reach : needs.must.reach ?: needs.want.reach;
}

static const struct device *dma_buf_newcomer_dev(struct dma_buf *dmabuf)
{
	const struct dma_buf_negotiation *negotiation = dma_buf_to_object(dmabuf)->negotiation;

	return negotiation ? negotiation->newcomer->dev : NULL;
}

/*
 * Begin to ask an attached device about memory. An exporter asks for each part of a large buffer,
 * so one that cannot be asked is waited for once in a negotiation.
 */
static int dma_buf_attached_lock(struct dma_buf_attachment *attach)
{
	struct dma_buf_negotiation *negotiation = dma_buf_to_object(attach->dmabuf)->negotiation;
	int error = dma_buf_device_lock(attach, dma_buf_newcomer_dev(attach->dmabuf),
					!negotiation || !negotiation->unasked);

	if (error == -EBUSY && negotiation)
		negotiation->unasked = true;
	return error;
}

static void dma_buf_attached_unlock(struct dma_buf_attachment *attach)
{
	dma_buf_device_unlock(attach, dma_buf_newcomer_dev(attach->dmabuf));
}

/* A device that cannot be asked forbids other memory in dma_buf_keeps_reach(), and not here. */
static bool dma_buf_attached_reaches(struct dma_buf_attachment *attach, bool must_only,
				     const struct dma_buf_run *runs, unsigned int nr_runs,
				     struct dma_buf_misfit *misfit)
{
	bool reaches;

	if (dma_buf_attached_lock(attach))
		return true;
	reaches = dma_buf_reached_by(attach, dma_buf_attached_reach(attach, must_only), runs,
				     nr_runs, misfit);
	dma_buf_attached_unlock(attach);
	return reaches;
}

static bool dma_buf_attached_keeps_reach(struct dma_buf_attachment *attach,
					 const struct dma_buf_run *from, unsigned int nr_from,
					 const struct dma_buf_run *to, unsigned int nr_to)
{
	int error = dma_buf_attached_lock(attach);
	struct dma_buf_attach_needs needs;
	bool keeps;

	if (error)
		return error != -EBUSY;
	/* Sets no needs if it fails. */
	dma_buf_attachment_needs(attach, &needs);
	keeps = !dma_buf_reached_by(attach, needs.must.reach, from, nr_from, NULL) ||
		dma_buf_reached_by(attach, needs.must.reach, to, nr_to, NULL);
	dma_buf_attached_unlock(attach);
	return keeps;
}

/**
 * dma_buf_keeps_reach() - test whether other memory is not worse for the devices of a buffer
 * @dmabuf: the buffer
 * @from: the memory that it has, in the order of the buffer
 * @nr_from: number of runs
 * @to: the memory that would replace it
 * @nr_to: number of runs
 *
 * Context: Reservation lock held; may sleep.
 * Return: false if an attached device that cannot be bounced reaches the first and not the second,
 * or cannot be asked because its driver is being bound or unbound.
 */
bool dma_buf_keeps_reach(struct dma_buf *dmabuf, const struct dma_buf_run *from,
			 unsigned int nr_from, const struct dma_buf_run *to, unsigned int nr_to)
{
	struct dma_buf_negotiation *negotiation = dma_buf_to_object(dmabuf)->negotiation;
	struct dma_buf_attachment *attach;

	dma_buf_assert_held(dmabuf);
	/* The sets of the negotiation lack what such a device needs. */
	if (negotiation && negotiation->unasked)
		return false;
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		cond_resched();
		if (!dma_buf_attached_keeps_reach(attach, from, nr_from, to, nr_to))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_keeps_reach, DMA_BUF);

/* Return the device that is being attached, or NULL if it reaches all memory or there is none. */
static struct device *dma_buf_newcomer_device(const struct dma_buf_negotiation *negotiation,
					      bool must_only)
{
	if (!negotiation || !(must_only ? negotiation->must_reach : negotiation->reach))
		return NULL;
	return negotiation->newcomer->dev;
}

static bool dma_buf_fits_all(struct dma_buf *dmabuf, const struct dma_buf_needs *needs,
			     bool must_only, const struct dma_buf_run *runs,
			     unsigned int nr_runs, struct dma_buf_misfit *misfit)
{
	struct dma_buf_negotiation *negotiation = dma_buf_to_object(dmabuf)->negotiation;
	struct dma_buf_attachment *attach;

	dma_buf_assert_held(dmabuf);
	if (!dma_buf_needs_fit(needs, dma_buf_newcomer_device(negotiation, must_only), runs,
			       nr_runs, misfit))
		return false;
	if (!needs->reach)
		return true;
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		cond_resched();
		if (!dma_buf_attached_reaches(attach, must_only, runs, nr_runs, misfit))
			return false;
	}
	return true;
}

/* Return the need that a misfit is about. */
static u64 dma_buf_needs_member(const struct dma_buf_needs *needs, enum dma_buf_need need)
{
	switch (need) {
	case DMA_BUF_NEED_REACH:
		return needs->reach;
	case DMA_BUF_NEED_CONTIGUOUS:
		return needs->contiguous;
	case DMA_BUF_NEED_GRANULE:
		return needs->granule;
	default:
		return 0;
	}
}

/* Later misfits are those of memory that would replace the first. */
static void dma_buf_negotiation_note_misfit(struct dma_buf_negotiation *negotiation,
					    const struct dma_buf_needs *needs,
					    const struct dma_buf_misfit *misfit)
{
	if (negotiation->misfit.need)
		return;
	negotiation->misfit = *misfit;
	negotiation->wanted = dma_buf_needs_member(needs, misfit->need);
}

/**
 * dma_buf_fits() - test whether memory meets the needs of all devices of a buffer
 * @dmabuf: the buffer
 * @needs: needs that &dma_buf_ops.negotiate was called with
 * @must_only: @needs are those that memory must meet, without those that it should meet
 * @runs: the memory, in the order of the buffer
 * @nr_runs: number of runs
 * @misfit: set to the first need that is not met; may be NULL
 *
 * Asks each device that is attached, or being attached, whether it reaches the memory. The trace
 * event of a negotiation shows the first need that was found unmet.
 *
 * Context: Reservation lock held; may sleep.
 * Return: true if the memory fits.
 */
bool dma_buf_fits(struct dma_buf *dmabuf, const struct dma_buf_needs *needs, bool must_only,
		  const struct dma_buf_run *runs, unsigned int nr_runs,
		  struct dma_buf_misfit *misfit)
{
	struct dma_buf_negotiation *negotiation = dma_buf_to_object(dmabuf)->negotiation;
	struct dma_buf_misfit found;
	bool fits;

	fits = dma_buf_fits_all(dmabuf, needs, must_only, runs, nr_runs, &found);
	if (negotiation && !fits)
		dma_buf_negotiation_note_misfit(negotiation, needs, &found);
	if (misfit)
		*misfit = found;
	return fits;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_fits, DMA_BUF);

/**
 * dma_buf_note_replaced() - tell that an exporter has replaced the memory of a buffer
 * @dmabuf: the buffer
 *
 * Called in &dma_buf_ops.negotiate, for its trace event.
 *
 * Context: Reservation lock held.
 */
void dma_buf_note_replaced(struct dma_buf *dmabuf)
{
	struct dma_buf_negotiation *negotiation = dma_buf_to_object(dmabuf)->negotiation;

	dma_buf_assert_held(dmabuf);
	if (negotiation)
		negotiation->replaced = true;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_note_replaced, DMA_BUF);
