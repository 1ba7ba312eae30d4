// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of attachments: how the device of another attachment is asked what it needs.
 *
 * Needs follow from members of &struct device that are set when a driver is bound, and freed or
 * left dangling when it is unbound. An attachment can outlive that: a DRM device that was unplugged
 * keeps its attachments until programs have closed its files. So a device is locked while it is
 * asked, but for the one that is being attached. Its importer keeps the driver bound, and holds the
 * lock itself if it attaches in probe.
 *
 * The lock is only tried. Drivers attach and detach in probe and remove, so that the device lock is
 * outside the reservation lock. If it stays taken, a driver is being bound, unbound, suspended or
 * resumed. What the device needs is not known then, and the memory must stay. Others hold the lock
 * for a moment only, like reads of some files in sysfs.
 *
 * A device that has lost its driver needs nothing, because nobody maps the buffer for it any more.
 * One that had none when it was attached is asked, because its owner keeps it as it is. That is
 * noted only if the exporter negotiates. With other exporters such a device is not asked; there
 * only bufinfo and fdinfo would ask it.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/mutex.h>

#include "dma-buf-private.h"

/* Serialises those who ask, of all buffers: their attempts to lock a device would fail. */
static DEFINE_MUTEX(dma_buf_device_asking);

/* Attempts to lock a device, with a pause between them. */
#define DMA_BUF_DEVICE_ATTEMPTS	5

/* A separate function, so that tests can count the pauses. */
void dma_buf_device_pause(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_device_pause, dev);

	usleep_range(50, 100);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_device_pause);

static bool dma_buf_device_attempt(struct device *dev, bool patient)
{
	int attempts = patient ? DMA_BUF_DEVICE_ATTEMPTS : 1;

	while (!device_trylock(dev)) {
		if (!--attempts)
			return false;
		dma_buf_device_pause(dev);
	}
	return true;
}

/**
 * dma_buf_device_lock() - begin to ask the device of an attachment what it needs
 * @attach: the attachment
 * @own: device whose driver the caller keeps bound, or NULL
 * @patient: try again, for less than a millisecond, if another has locked the device
 *
 * Context: Reservation lock held; may sleep. On success, until dma_buf_device_unlock(), the caller
 * must not wait for other locks.
 * Return: 0, or
 *
 *   * %-EBUSY - a driver is being bound, unbound, suspended or resumed
 *   * %-ENODEV - the device has no driver any more, and needs nothing
 */
int dma_buf_device_lock(struct dma_buf_attachment *attach, const struct device *own, bool patient)
{
	struct device *dev = attach->dev;
	int ret = 0;

	dma_buf_assert_held(attach->dmabuf);
	if (dev == own)
		return 0;
	mutex_lock(&dma_buf_device_asking);
	if (!dma_buf_device_attempt(dev, patient)) {
		ret = -EBUSY;
	} else if (!dev->driver && !dma_buf_to_attach_object(attach)->driverless) {
		device_unlock(dev);
		ret = -ENODEV;
	}
	if (ret)
		mutex_unlock(&dma_buf_device_asking);
	return ret;
}

/**
 * dma_buf_device_unlock() - undo dma_buf_device_lock(), which has returned 0
 * @attach: the attachment
 * @own: as for dma_buf_device_lock()
 *
 * Context: As dma_buf_device_lock().
 */
void dma_buf_device_unlock(struct dma_buf_attachment *attach, const struct device *own)
{
	if (attach->dev == own)
		return;
	device_unlock(attach->dev);
	mutex_unlock(&dma_buf_device_asking);
}
