// SPDX-License-Identifier: GPL-2.0-only
/*
 * What drivers of Linux 6.12 rely on although only the code of 6.12 states it. These cases
 * use the interfaces of 6.12 only: they are built into its own dma-buf too, and pass there.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/iopoll.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define LONG	msecs_to_jiffies(20000)

/* Fences of the running test that have not been released. */
static atomic_t fences_left;

static const char *contract_name(struct dma_fence *fence)
{
	return "contract";
}

static void contract_release(struct dma_fence *fence)
{
	atomic_dec(&fences_left);
	dma_fence_free(fence);
}

static const struct dma_fence_ops contract_ops = {
	.get_driver_name = contract_name,
	.get_timeline_name = contract_name,
	.release = contract_release,
};

static struct dma_fence *contract_fence(struct kunit *test, spinlock_t *lock)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	atomic_inc(&fences_left);
	dma_fence_init(fence, &contract_ops, lock, dma_fence_context_alloc(1), 1);
	return fence;
}

/* A deferral may drop the last references. */
static bool fences_all_released(void)
{
	int left;

	return !read_poll_timeout(atomic_read, left, !left, 1000, 20 * USEC_PER_SEC, false,
				  &fences_left);
}

struct use;

/**
 * struct slow_signal - a callback that takes long, and a thread that uses the fence meanwhile
 * @lock: &dma_fence.lock of @fence
 * @fence: the fence
 * @cb: the callback that takes long
 * @other: a callback that does nothing
 * @in: @cb has begun
 * @out: @cb has ended
 * @use: what the thread calls
 * @calling: the thread is about to call it
 * @overlap: it was so before the callback ended
 * @seen: when the call returned, @cb had ended
 * @task: the thread
 * @done: completed by the thread at its end
 */
struct slow_signal {
	spinlock_t lock;	/* of @fence */
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	struct dma_fence_cb other;
	bool in;
	bool out;
	const struct use *use;
	bool calling;
	bool overlap;
	bool seen;
	struct task_struct *task;
	struct completion done;
};

/* The thread runs on another CPU. Limited, so that a thread that never comes fails the case. */
static void slow_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct slow_signal *slow = container_of(cb, struct slow_signal, cb);

	WRITE_ONCE(slow->in, true);
	for (int ms = 0; ms < 5000 && !READ_ONCE(slow->calling); ms++)
		mdelay(1);
	slow->overlap = READ_ONCE(slow->calling);
	mdelay(20);
	WRITE_ONCE(slow->out, true);
}

static void unused_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
}

static void use_wait(struct slow_signal *slow)
{
	dma_fence_wait(slow->fence, false);
}

static void use_wait_timeout(struct slow_signal *slow)
{
	dma_fence_wait_timeout(slow->fence, true, LONG);
}

static void use_wait_timeout_0(struct slow_signal *slow)
{
	dma_fence_wait_timeout(slow->fence, true, 0);
}

static void use_wait_any(struct slow_signal *slow)
{
	dma_fence_wait_any_timeout(&slow->fence, 1, false, LONG, NULL);
}

static void use_default_wait(struct slow_signal *slow)
{
	dma_fence_default_wait(slow->fence, false, LONG);
}

static void use_get_status(struct slow_signal *slow)
{
	dma_fence_get_status(slow->fence);
}

static void use_enable(struct slow_signal *slow)
{
	dma_fence_enable_sw_signaling(slow->fence);
}

static void use_remove(struct slow_signal *slow)
{
	dma_fence_remove_callback(slow->fence, &slow->other);
}

static const struct use {
	const char *desc;
	void (*call)(struct slow_signal *slow);
	/* Begins before the signal. Its callback runs before the one that takes long. */
	bool sleeps;
} uses[] = {
	{ "wait", use_wait },
	{ "wait that sleeps", use_wait, true },
	{ "wait for any that sleeps", use_wait_any, true },
	{ "wait with a timeout", use_wait_timeout },
	{ "wait with a timeout of 0", use_wait_timeout_0 },
	{ "default wait", use_default_wait },
	{ "get status", use_get_status },
	{ "enable signalling", use_enable },
	{ "remove a callback", use_remove },
};

KUNIT_ARRAY_PARAM_DESC(use, uses, desc);

static int slow_user(void *data)
{
	struct slow_signal *slow = data;

	while (!slow->use->sleeps && !READ_ONCE(slow->in))
		cpu_relax();
	WRITE_ONCE(slow->calling, true);
	slow->use->call(slow);
	slow->seen = READ_ONCE(slow->out);
	complete(&slow->done);
	return 0;
}

static bool task_sleeps(struct task_struct *task)
{
	return READ_ONCE(task->__state) & TASK_NORMAL;
}

static bool task_falls_asleep(struct task_struct *task)
{
	bool sleeps;

	return !read_poll_timeout(task_sleeps, sleeps, sleeps, 1000, 20 * USEC_PER_SEC,
				  false, task);
}

/* The thread gets a CPU of its own, and the callback another one. */
static void slow_user_start(struct kunit *test, struct slow_signal *slow)
{
	init_completion(&slow->done);
	slow->task = kthread_create(slow_user, slow, "contract");
	KUNIT_ASSERT_FALSE(test, IS_ERR(slow->task));
	get_task_struct(slow->task);
	kthread_bind(slow->task, cpumask_any_but(cpu_online_mask, smp_processor_id()));
	wake_up_process(slow->task);
}

/* xe keeps fences on the stack: when the wait returns, nobody may use the fence any more. */
static void signaller_has_finished_when_the_call_returns(struct kunit *test)
{
	const struct use *row = test->param_value;
	struct slow_signal slow = { .use = row };

	if (num_online_cpus() < 2)
		kunit_skip(test, "the callback and the other thread have to run at once");
	spin_lock_init(&slow.lock);
	slow.fence = contract_fence(test, &slow.lock);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(slow.fence, &slow.other,
							unused_callback));
	migrate_disable();
	slow_user_start(test, &slow);
	if (row->sleeps)
		KUNIT_EXPECT_TRUE(test, task_falls_asleep(slow.task));
	KUNIT_EXPECT_EQ(test, 0, dma_fence_add_callback(slow.fence, &slow.cb, slow_callback));
	dma_fence_signal(slow.fence);
	migrate_enable();
	wait_for_completion(&slow.done);
	put_task_struct(slow.task);
	KUNIT_EXPECT_TRUE(test, slow.overlap);
	KUNIT_EXPECT_TRUE(test, slow.seen);
	dma_fence_put(slow.fence);
}

/* A callback that takes the lock with which its driver signals. */
struct driver {
	spinlock_t lock;	/* held around signals, as vc4's event_lock */
	struct task_struct *holder;
	struct dma_fence_cb cb;
	atomic_t called;
	atomic_t called_with_lock;
};

static void driver_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct driver *driver = container_of(cb, struct driver, cb);
	unsigned long irq;

	/* Fail instead of waiting for ever for the lock that the caller holds. */
	if (READ_ONCE(driver->holder) == current) {
		atomic_inc(&driver->called_with_lock);
		return;
	}
	spin_lock_irqsave(&driver->lock, irq);
	atomic_inc(&driver->called);
	spin_unlock_irqrestore(&driver->lock, irq);
}

enum container { ARRAY_ALL, ARRAY_ANY, CHAIN };

static const struct shape {
	const char *desc;
	enum container container;
	unsigned int count;
	bool backwards;
} shapes[] = {
	{ "array of all of 1", ARRAY_ALL, 1, false },
	{ "array of all of 3", ARRAY_ALL, 3, false },
	{ "array of all of 3, last first", ARRAY_ALL, 3, true },
	{ "array of any of 1", ARRAY_ANY, 1, false },
	{ "array of any of 3", ARRAY_ANY, 3, false },
	{ "array of any of 3, last first", ARRAY_ANY, 3, true },
	{ "chain of 1", CHAIN, 1, false },
	{ "chain of 3", CHAIN, 3, false },
	{ "chain of 3, newest first", CHAIN, 3, true },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, desc);

#define COUNT_MAX	3

/* Takes over the references to the fences. */
static struct dma_fence *contract_container(struct kunit *test, const struct shape *shape,
					    struct dma_fence **fences)
{
	struct dma_fence **members, *head = NULL;
	struct dma_fence_array *array;

	if (shape->container == CHAIN) {
		for (unsigned int i = 0; i < shape->count; i++) {
			struct dma_fence_chain *chain = dma_fence_chain_alloc();

			KUNIT_ASSERT_NOT_NULL(test, chain);
			dma_fence_chain_init(chain, head, fences[i], i + 1);
			head = &chain->base;
		}
		return head;
	}
	members = kmalloc_array(shape->count, sizeof(*members), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, members);
	memcpy(members, fences, shape->count * sizeof(*members));
	array = dma_fence_array_create(shape->count, members, dma_fence_context_alloc(1), 1,
				       shape->container == ARRAY_ANY);
	KUNIT_ASSERT_NOT_NULL(test, array);
	return &array->base;
}

static unsigned int shape_turn(const struct shape *shape, unsigned int i)
{
	return shape->backwards ? shape->count - 1 - i : i;
}

static void contract_fences(struct kunit *test, const struct shape *shape,
			    spinlock_t *locks, struct dma_fence **fences)
{
	for (unsigned int i = 0; i < shape->count; i++) {
		spin_lock_init(&locks[i]);
		fences[i] = contract_fence(test, &locks[i]);
	}
}

/* vc4 flips in a callback, which takes event_lock; DRM signals out-fences with it held. */
static void container_signals_without_the_drivers_lock(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *fences[COUNT_MAX], *container;
	struct driver driver = {};
	spinlock_t locks[COUNT_MAX];	/* of @fences */

	spin_lock_init(&driver.lock);
	contract_fences(test, shape, locks, fences);
	container = contract_container(test, shape, fences);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(container, &driver.cb,
							driver_callback));
	spin_lock_irq(&driver.lock);
	WRITE_ONCE(driver.holder, current);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(fences[shape_turn(shape, i)]);
	WRITE_ONCE(driver.holder, NULL);
	spin_unlock_irq(&driver.lock);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(container, false, LONG), 0);
	dma_fence_remove_callback(container, &driver.cb);
	KUNIT_EXPECT_EQ(test, atomic_read(&driver.called), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&driver.called_with_lock), 0);
	dma_fence_put(container);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

/* The GPU scheduler adds a callback to a later fence in the callback of an earlier one. */
struct follower {
	struct dma_fence_cb cb;
	struct dma_fence_cb next_cb;
	struct dma_fence *next;
	struct task_struct *signaller;
	atomic_t called;
	atomic_t called_with_lock;
};

static void follower_last(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	atomic_inc(&container_of(cb, struct follower, next_cb)->called);
}

static void follower_first(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct follower *follower = container_of(cb, struct follower, cb);

	/* Fail instead of waiting for ever for the lock that the caller holds. */
	if (in_task() && READ_ONCE(follower->signaller) == current)
		atomic_inc(&follower->called_with_lock);
	else if (dma_fence_add_callback(follower->next, &follower->next_cb, follower_last))
		atomic_inc(&follower->called);
}

/* All fences share a lock, as those of one ring do. */
static void callback_on_a_container_adds_a_callback_to_a_later_fence(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *fences[COUNT_MAX], *container;
	struct follower follower = {};
	spinlock_t lock;	/* of all fences */

	spin_lock_init(&lock);
	for (unsigned int i = 0; i < shape->count; i++)
		fences[i] = contract_fence(test, &lock);
	follower.next = contract_fence(test, &lock);
	container = contract_container(test, shape, fences);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(container, &follower.cb,
							follower_first));
	WRITE_ONCE(follower.signaller, current);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(fences[shape_turn(shape, i)]);
	WRITE_ONCE(follower.signaller, NULL);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(container, false, LONG), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&follower.called_with_lock), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&follower.called), 0);
	dma_fence_signal(follower.next);
	KUNIT_EXPECT_EQ(test, atomic_read(&follower.called), 1);
	dma_fence_put(follower.next);
	dma_fence_put(container);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

/* vmwgfx takes its fences' lock with interrupts on, and signals in order with it held. */
static void driver_signals_with_interrupts_on(struct kunit *test)
{
	static DEFINE_SPINLOCK(plain_lock);
	const struct shape *shape = test->param_value;
	struct dma_fence *fences[COUNT_MAX], *container;
	struct follower counter = {};

	if (shape->container == CHAIN && shape->backwards)
		kunit_skip(test, "6.12 deadlocks in the interrupt");
	for (unsigned int i = 0; i < shape->count; i++)
		fences[i] = contract_fence(test, &plain_lock);
	container = contract_container(test, shape, fences);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(container, &counter.next_cb,
							follower_last));
	spin_lock(&plain_lock);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal_locked(fences[shape_turn(shape, i)]);
	spin_unlock(&plain_lock);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(container, false, LONG), 0);
	dma_fence_remove_callback(container, &counter.next_cb);
	KUNIT_EXPECT_EQ(test, atomic_read(&counter.called), 1);
	dma_fence_put(container);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

/* Where a CPU can interrupt itself, a container signals before the signaller's next step. */
static void container_signals_by_interrupt(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *fences[COUNT_MAX], *container;
	spinlock_t locks[COUNT_MAX];	/* of @fences */

	if (!arch_irq_work_has_interrupt() || IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "irq_work runs later");
	contract_fences(test, shape, locks, fences);
	container = contract_container(test, shape, fences);
	dma_fence_enable_sw_signaling(container);
	migrate_disable();
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(fences[shape_turn(shape, i)]);
	KUNIT_EXPECT_TRUE(test, test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &container->flags));
	migrate_enable();
	dma_fence_put(container);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

#define LINKS	4096

/* Orders in which the fences of a chain signal. */
static const struct order {
	const char *desc;
	unsigned int first;
	unsigned int step;
} orders[] = {
	{ "oldest first", 0, 1 },
	{ "newest first", LINKS - 1, LINKS - 1 },
	/* 1009 and 4096 have no common divisor: in an order that looks random. */
	{ "mixed", 0, 1009 },
};

KUNIT_ARRAY_PARAM_DESC(order, orders, desc);

/**
 * struct long_chain - a chain of LINKS links
 * @lock: &dma_fence.lock of @fences
 * @fences: fences of the links, each with a reference
 * @links: the links, each with a reference
 */
struct long_chain {
	spinlock_t lock;	/* of @fences */
	struct dma_fence *fences[LINKS];
	struct dma_fence *links[LINKS];
};

static struct long_chain *long_chain(struct kunit *test)
{
	struct long_chain *chain = kvzalloc(sizeof(*chain), GFP_KERNEL);
	struct dma_fence *head = NULL;

	KUNIT_ASSERT_NOT_NULL(test, chain);
	spin_lock_init(&chain->lock);
	for (unsigned int i = 0; i < LINKS; i++) {
		struct dma_fence_chain *link = dma_fence_chain_alloc();

		KUNIT_ASSERT_NOT_NULL(test, link);
		chain->fences[i] = contract_fence(test, &chain->lock);
		dma_fence_chain_init(link, head, dma_fence_get(chain->fences[i]), i + 1);
		head = &link->base;
		chain->links[i] = dma_fence_get(head);
	}
	dma_fence_put(head);
	return chain;
}

static void long_chain_signal(struct long_chain *chain, const struct order *order)
{
	unsigned int turn = order->first;

	for (unsigned int i = 0; i < LINKS; i++) {
		dma_fence_signal(chain->fences[turn]);
		dma_fence_put(chain->fences[turn]);
		turn = (turn + order->step) % LINKS;
	}
}

/* Put the links but the newest. */
static void long_chain_put_links(struct long_chain *chain)
{
	for (unsigned int i = 0; i < LINKS - 1; i++)
		dma_fence_put(chain->links[i]);
}

/* A module may destroy its fences' cache as soon as its last wait has returned. */
static void wait_for_a_chain_leaves_no_references(struct kunit *test)
{
	struct long_chain *chain = long_chain(test);
	struct dma_fence *head = chain->links[LINKS - 1];

	long_chain_put_links(chain);
	dma_fence_enable_sw_signaling(head);
	long_chain_signal(chain, test->param_value);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(head, false, LONG), 0);
	/* The newest fence stays with its link. */
	KUNIT_EXPECT_EQ(test, atomic_read(&fences_left), 1);
	dma_fence_put(head);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
	kvfree(chain);
}

/*
 * The same, with a deferral of each link under way, which holds a reference to the link
 * and so to all before it. All of them run before the waiter does if they run on its CPU.
 */
static void wait_for_a_chain_outlasts_the_deferrals_of_its_links(struct kunit *test)
{
	struct long_chain *chain;
	struct dma_fence *head;

	if (arch_irq_work_has_interrupt())
		kunit_skip(test, "each signal is interrupted by its deferrals");
	chain = long_chain(test);
	head = chain->links[LINKS - 1];
	for (unsigned int i = 0; i < LINKS; i++)
		dma_fence_enable_sw_signaling(chain->links[i]);
	migrate_disable();
	long_chain_signal(chain, test->param_value);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(head, false, LONG), 0);
	long_chain_put_links(chain);
	dma_fence_put(head);
	KUNIT_EXPECT_EQ(test, atomic_read(&fences_left), 0);
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, fences_all_released());
	kvfree(chain);
}

/*
 * vmwgfx signals without a reference. A walk may drop the link of a fence whose flag is set
 * before the signaller has run the chain's callback, so that callback holds the fence.
 */
static void callback_of_a_chain_holds_its_fence(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct dma_fence_chain *chain = dma_fence_chain_alloc();
	struct dma_fence *fence;

	KUNIT_ASSERT_NOT_NULL(test, chain);
	fence = contract_fence(test, &lock);
	dma_fence_chain_init(chain, NULL, fence, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
	dma_fence_enable_sw_signaling(&chain->base);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	dma_fence_signal(fence);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(&chain->base, false, LONG), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
	dma_fence_put(&chain->base);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

/* A callback on a member that polls the array runs before the array's own callback. */
struct poller {
	struct dma_fence_cb cb;
	struct dma_fence *array;
	bool signaled;
};

static void poller_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct poller *poller = container_of(cb, struct poller, cb);

	poller->signaled = dma_fence_is_signaled(poller->array);
}

static void array_does_not_signal_in_a_members_callback(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *fences[COUNT_MAX], *container;
	spinlock_t locks[COUNT_MAX];	/* of @fences */
	struct poller poller = {};

	if (shape->container == CHAIN)
		kunit_skip(test, "a chain polls its fences");
	contract_fences(test, shape, locks, fences);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(fences[shape_turn(shape, shape->count - 1)],
							&poller.cb, poller_callback));
	container = contract_container(test, shape, fences);
	poller.array = container;
	dma_fence_enable_sw_signaling(container);
	for (unsigned int i = shape->container == ARRAY_ANY ? shape->count - 1 : 0;
	     i < shape->count; i++)
		dma_fence_signal(fences[shape_turn(shape, i)]);
	KUNIT_EXPECT_FALSE(test, poller.signaled);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(container, false, LONG), 0);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(fences[i]);
	dma_fence_put(container);
	KUNIT_EXPECT_TRUE(test, fences_all_released());
}

/* i915_sw_fence waits by a callback and without a reference. */
static const char *abandoned_name(struct dma_fence *fence)
{
	return "contract-abandoned";
}

static const struct dma_fence_ops abandoned_ops = {
	.get_driver_name = abandoned_name,
	.get_timeline_name = abandoned_name,
};

struct status_callback {
	struct dma_fence_cb cb;
	int called;
	int status;
};

static void status_callback_fn(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct status_callback *callback = container_of(cb, struct status_callback, cb);

	callback->called++;
	callback->status = dma_fence_get_status_locked(fence);
}

/* Prints one warning, which names contract-abandoned. */
static void fence_released_unsignalled_runs_its_callbacks(struct kunit *test)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	struct status_callback callbacks[2] = {};
	spinlock_t lock;	/* of @fence */

	KUNIT_ASSERT_NOT_NULL(test, fence);
	spin_lock_init(&lock);
	dma_fence_init(fence, &abandoned_ops, &lock, dma_fence_context_alloc(1), 1);
	for (int i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(fence, &callbacks[i].cb,
								status_callback_fn));
	dma_fence_put(fence);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, callbacks[i].called, 1);
		KUNIT_EXPECT_EQ(test, callbacks[i].status, -EDEADLK);
	}
}

/* A thread that waits, and what it returns. */
struct waiter {
	struct dma_fence *fence;
	bool intr;
	long timeout;
	long result;
	struct dma_fence_cb cb;
	struct task_struct *task;
	bool awake;
	struct completion done;
};

static int waiter_thread(void *data)
{
	struct waiter *waiter = data;

	allow_signal(SIGUSR1);
	waiter->result = dma_fence_wait_timeout(waiter->fence, waiter->intr, waiter->timeout);
	complete(&waiter->done);
	return 0;
}

static void waiter_start(struct kunit *test, struct waiter *waiter)
{
	init_completion(&waiter->done);
	waiter->task = kthread_run(waiter_thread, waiter, "contract");
	KUNIT_ASSERT_FALSE(test, IS_ERR(waiter->task));
	get_task_struct(waiter->task);
}

static void waiter_end(struct kunit *test, struct waiter *waiter)
{
	wait_for_completion(&waiter->done);
	put_task_struct(waiter->task);
}

static void waiter_awake_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct waiter *waiter = container_of(cb, struct waiter, cb);

	waiter->awake = !task_sleeps(waiter->task);
}

/* Whatever callbacks do, the sleeping tasks are on their way by then. */
static void waiters_wake_before_callbacks_run(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct waiter waiter = { .timeout = LONG };

	waiter.fence = contract_fence(test, &lock);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(waiter.fence, &waiter.cb,
							waiter_awake_callback));
	waiter_start(test, &waiter);
	KUNIT_EXPECT_TRUE(test, task_falls_asleep(waiter.task));
	dma_fence_signal(waiter.fence);
	waiter_end(test, &waiter);
	KUNIT_EXPECT_TRUE(test, waiter.awake);
	KUNIT_EXPECT_GT(test, waiter.result, 0);
	dma_fence_put(waiter.fence);
}

/* A signal that is pending without a wake-up, as when both come at the same time. */
static void timeout_that_expires_with_a_signal_pending(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct waiter waiter = { .intr = true, .timeout = HZ, .result = 77 };

	waiter.fence = contract_fence(test, &lock);
	waiter_start(test, &waiter);
	KUNIT_EXPECT_TRUE(test, task_falls_asleep(waiter.task));
	/* The state is set a few instructions before the task tests for signals and sleeps. */
	msleep(100);
	set_tsk_thread_flag(waiter.task, TIF_SIGPENDING);
	waiter_end(test, &waiter);
	KUNIT_EXPECT_EQ(test, waiter.result, 0);
	dma_fence_signal(waiter.fence);
	dma_fence_put(waiter.fence);
}

static void signal_interrupts_before_a_timeout_of_0(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct dma_fence *fence = contract_fence(test, &lock);

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, 0), -ERESTARTSYS);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static int contract_init(struct kunit *test)
{
	atomic_set(&fences_left, 0);
	return 0;
}

/* DRM's syncobj waits tell by the function whether a callback was added. */
static void callback_that_was_not_added_keeps_its_function(struct kunit *test)
{
	struct dma_fence_cb cb = {};
	struct dma_fence *fence;
	static DEFINE_SPINLOCK(lock);

	fence = contract_fence(test, &lock);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, -ENOENT, dma_fence_add_callback(fence, &cb, unused_callback));
	KUNIT_EXPECT_NULL(test, cb.func);
	KUNIT_EXPECT_TRUE(test, list_empty(&cb.node));
	dma_fence_put(fence);
}

static struct kunit_case dma_fence_contract_cases[] = {
	KUNIT_CASE_PARAM(signaller_has_finished_when_the_call_returns, use_gen_params),
	KUNIT_CASE_PARAM(container_signals_without_the_drivers_lock, shape_gen_params),
	KUNIT_CASE_PARAM(callback_on_a_container_adds_a_callback_to_a_later_fence,
			 shape_gen_params),
	KUNIT_CASE_PARAM(driver_signals_with_interrupts_on, shape_gen_params),
	KUNIT_CASE_PARAM(container_signals_by_interrupt, shape_gen_params),
	KUNIT_CASE_PARAM(wait_for_a_chain_leaves_no_references, order_gen_params),
	KUNIT_CASE_PARAM(wait_for_a_chain_outlasts_the_deferrals_of_its_links, order_gen_params),
	KUNIT_CASE(callback_of_a_chain_holds_its_fence),
	KUNIT_CASE_PARAM(array_does_not_signal_in_a_members_callback, shape_gen_params),
	KUNIT_CASE(fence_released_unsignalled_runs_its_callbacks),
	KUNIT_CASE(callback_that_was_not_added_keeps_its_function),
	KUNIT_CASE(waiters_wake_before_callbacks_run),
	KUNIT_CASE(timeout_that_expires_with_a_signal_pending),
	KUNIT_CASE(signal_interrupts_before_a_timeout_of_0),
	{}
};

static struct kunit_suite dma_fence_contract_suite = {
	.name = "dma_fence_contract",
	.init = contract_init,
	.test_cases = dma_fence_contract_cases,
};

kunit_test_suite(dma_fence_contract_suite);

MODULE_DESCRIPTION("KUnit tests of what drivers rely on in fences");
MODULE_LICENSE("GPL");
