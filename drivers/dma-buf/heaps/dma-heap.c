// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heaps: their registry, and their devices in /dev/dma_heap/.
 *
 * A heap is added once and never removed, so a pointer to it stays valid. The index of a
 * heap in the registry is the minor number of its device. The lock of the array guards the array;
 * the add lock makes the test of a name and the addition of that name one step.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "heaps-private.h"

/**
 * DOC: Heaps
 *
 * A heap allocates buffers of one kind of memory. Each has a device in ``/dev/dma_heap/``,
 * on which a program calls ``DMA_HEAP_IOCTL_ALLOC``. Drivers add heaps with dma_heap_add(). A
 * driver in the kernel finds a heap by its name (dma_heap_find()), and allocates from it
 * (dma_heap_buffer_alloc()).
 *
 * The name is part of the interface for userspace. It must be unique and the same at each
 * boot, and it should name the region or the property of the memory, not the allocator.
 */

#define DMA_HEAP_MINORS	128

/**
 * struct dma_heap_registry - all heaps, and what their devices have in common
 * @heaps: &struct dma_heap by minor number; its own lock guards it
 * @add_lock: held while a heap is added
 * @learn: parameter: learn from refusals; may change at any time
 * @mem_accounting: parameter: charge buffers; fixed after boot, as all that follows
 * @devt: first device number
 * @class: class of the devices
 * @cdev: the character device, for all minor numbers
 * @debugfs: folder for the files of heaps
 */
struct dma_heap_registry {
	struct xarray heaps;
	struct mutex add_lock; /* names: test and addition are one step */
	bool learn;
	bool mem_accounting;
	dev_t devt;
	struct class *class;
	struct cdev cdev;
	struct dentry *debugfs;
};

static struct dma_heap_registry registry = {
	.heaps = XARRAY_INIT(registry.heaps, XA_FLAGS_ALLOC),
	.add_lock = __MUTEX_INITIALIZER(registry.add_lock),
	.learn = true,
};

module_param_named(learn, registry.learn, bool, 0644);
MODULE_PARM_DESC(learn, "Allocate buffers so that they fit devices that were refused before (default: yes)");

module_param_named(mem_accounting, registry.mem_accounting, bool, 0444);
MODULE_PARM_DESC(mem_accounting, "Charge buffers to the memory cgroup of who allocates them (default: no)");

/**
 * dma_heap_accounts() - test whether buffers are charged to memory cgroups
 *
 * Context: Any.
 * Return: The value of the parameter.
 */
bool dma_heap_accounts(void)
{
	return registry.mem_accounting;
}

/**
 * dma_heap_learns() - test whether files of heaps learn from refusals
 *
 * Context: Any.
 * Return: The value of the parameter.
 */
bool dma_heap_learns(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_heap_learns);

	return READ_ONCE(registry.learn);
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_learns);

/**
 * dma_heap_set_learning() - let the files of a heap learn
 * @heap: the heap, which no program has opened yet
 * @allocate: allocates a buffer with the lessons of a file
 *
 * The storages of the heap's buffers must be struct heap_storage, with heap_lesson_note() as their
 * &dma_storage_ops.note.
 *
 * Context: Any.
 */
void dma_heap_set_learning(struct dma_heap *heap,
			   struct dma_buf *(*allocate)(struct heap_lessons *lessons,
						       unsigned long len, u32 fd_flags))
{
	WRITE_ONCE(heap->allocate_learned, allocate);
}

/**
 * dma_heap_count() - count the buffers of a heap
 * @heap: the heap
 * @buffers: 1 or -1
 * @nr_pages: pages of the buffer, negative for -1
 *
 * Context: Any.
 */
void dma_heap_count(struct dma_heap *heap, int buffers, long nr_pages)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_heap_count, heap, buffers, nr_pages);

	atomic_long_add(buffers, &heap->buffers);
	atomic_long_add(nr_pages, &heap->nr_pages);
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_count);

/**
 * dma_heap_debugfs_add() - add a file of a heap to debugfs
 * @name: name of the file in the folder dma_heap/
 * @fops: its file operations
 *
 * Context: Process context; may sleep.
 */
void dma_heap_debugfs_add(const char *name, const struct file_operations *fops)
{
	debugfs_create_file(name, 0444, registry.debugfs, NULL, fops);
}

/**
 * dma_heap_find() - find a heap by its name
 * @name: name of the heap
 *
 * Context: Process context.
 * Return: The heap, to be given back with dma_heap_put(); NULL if there is none of that name.
 */
struct dma_heap *dma_heap_find(const char *name)
{
	struct dma_heap *heap;
	unsigned long minor;

	xa_for_each(&registry.heaps, minor, heap)
		if (!strcmp(heap->name, name))
			return heap;
	return NULL;
}
EXPORT_SYMBOL_NS_GPL(dma_heap_find, DMA_BUF_HEAP);

/**
 * dma_heap_put() - give back a heap from dma_heap_find()
 * @heap: the heap
 *
 * Does nothing today, because no heap is removed.
 *
 * Context: Any.
 */
void dma_heap_put(struct dma_heap *heap)
{
}
EXPORT_SYMBOL_NS_GPL(dma_heap_put, DMA_BUF_HEAP);

/**
 * dma_heap_get_drvdata() - return the heap's own data
 * @heap: the heap
 *
 * Context: Any.
 * Return: &dma_heap_export_info.priv.
 */
void *dma_heap_get_drvdata(struct dma_heap *heap)
{
	return heap->priv;
}
EXPORT_SYMBOL_NS_GPL(dma_heap_get_drvdata, DMA_BUF_HEAP);

/**
 * dma_heap_get_name() - return the name of a heap
 * @heap: the heap
 *
 * Context: Any.
 * Return: The name, which stays valid.
 */
const char *dma_heap_get_name(struct dma_heap *heap)
{
	return heap->name;
}
EXPORT_SYMBOL_NS_GPL(dma_heap_get_name, DMA_BUF_HEAP);

/**
 * dma_heap_of_minor() - find the heap of a device
 * @minor: minor number of the device
 *
 * Context: Process context; may sleep.
 * Return: The heap, or NULL if there is none.
 */
struct dma_heap *dma_heap_of_minor(unsigned int minor)
{
	struct dma_heap *heap;

	/* The device is there before its heap is in the array. */
	mutex_lock(&registry.add_lock);
	heap = xa_load(&registry.heaps, minor);
	mutex_unlock(&registry.add_lock);
	return heap;
}

/* A separate function, so that tests can lower the number. */
u32 dma_heap_last_minor(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_heap_last_minor);

	return DMA_HEAP_MINORS - 1;
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_last_minor);

/* Add a heap whose name is free. */
static int dma_heap_register(struct dma_heap *heap)
{
	struct device *dev;
	u32 minor;
	int ret;

	lockdep_assert_held(&registry.add_lock);
	ret = xa_alloc(&registry.heaps, &minor, NULL, XA_LIMIT(0, dma_heap_last_minor()),
		       GFP_KERNEL);
	if (ret)
		return ret;
	dev = device_create(registry.class, NULL, MKDEV(MAJOR(registry.devt), minor), NULL,
			    "%s", heap->name);
	if (IS_ERR(dev)) {
		xa_erase(&registry.heaps, minor);
		return PTR_ERR(dev);
	}
	/* The entry has been reserved, so this needs no memory. */
	xa_store(&registry.heaps, minor, heap, GFP_KERNEL);
	return 0;
}

/**
 * dma_heap_add() - add a heap
 * @exp_info: name and functions of the heap
 *
 * A heap cannot be removed, so a module that adds one must have no exit function.
 *
 * Context: Process context; may sleep.
 * Return: The heap, or an error pointer: %-EINVAL if there is no name or no allocate function,
 * or a heap of that name exists; %-ENOMEM; %-EBUSY if there are 128 heaps; or an errno of
 * device_create().
 */
struct dma_heap *dma_heap_add(const struct dma_heap_export_info *exp_info)
{
	struct dma_heap *heap;
	int ret;

	might_sleep();
	if (!exp_info->name || !exp_info->name[0] || !exp_info->ops || !exp_info->ops->allocate) {
		pr_err("dma_heap: a heap needs a name and an allocate function\n");
		return ERR_PTR(-EINVAL);
	}
	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	heap->name = kstrdup_const(exp_info->name, GFP_KERNEL);
	heap->ops = exp_info->ops;
	heap->priv = exp_info->priv;

	mutex_lock(&registry.add_lock);
	if (!heap->name)
		ret = -ENOMEM;
	else if (dma_heap_find(heap->name))
		ret = -EINVAL;
	else
		ret = dma_heap_register(heap);
	mutex_unlock(&registry.add_lock);
	if (!ret)
		return heap;

	pr_err("dma_heap: heap %s cannot be added: %d\n", exp_info->name, ret);
	kfree_const(heap->name);
	kfree(heap);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_NS_GPL(dma_heap_add, DMA_BUF_HEAP);

static int dma_heap_list_show(struct seq_file *m, void *unused)
{
	struct dma_heap *heap;
	unsigned long minor;

	seq_puts(m, "buffers        KiB  heap\n");
	xa_for_each(&registry.heaps, minor, heap)
		seq_printf(m, "%7ld %10ld  %s\n", atomic_long_read(&heap->buffers),
			   atomic_long_read(&heap->nr_pages) << (PAGE_SHIFT - 10), heap->name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dma_heap_list);

static char *dma_heap_devnode(const struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "dma_heap/%s", dev_name(dev));
}

static int __init dma_heap_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&registry.devt, 0, DMA_HEAP_MINORS, "dma_heap");
	if (ret)
		return ret;

	registry.class = class_create("dma_heap");
	if (IS_ERR(registry.class)) {
		ret = PTR_ERR(registry.class);
		goto unregister_region;
	}
	registry.class->devnode = dma_heap_devnode;

	cdev_init(&registry.cdev, &dma_heap_fops);
	ret = cdev_add(&registry.cdev, registry.devt, DMA_HEAP_MINORS);
	if (!ret) {
		registry.debugfs = debugfs_create_dir("dma_heap", NULL);
		dma_heap_debugfs_add("heaps", &dma_heap_list_fops);
		return 0;
	}

	class_destroy(registry.class);
unregister_region:
	unregister_chrdev_region(registry.devt, DMA_HEAP_MINORS);
	return ret;
}
subsys_initcall(dma_heap_init);
