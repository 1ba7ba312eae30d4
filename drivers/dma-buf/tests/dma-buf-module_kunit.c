// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the exporter's module: a buffer holds a reference to it. Needs
 * CONFIG_MODULE_UNLOAD.
 */

#include <kunit/static_stub.h>
#include <linux/module.h>

#include "mock-buffer.h"

/* A module with only the fields that try_module_get() and module_put() use. */
static struct module *mock_module(struct kunit *test, enum module_state state)
{
	struct module *module = kunit_kzalloc(test, sizeof(*module), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, module);
	strscpy(module->name, "mock");
	module->state = state;
	atomic_set(&module->refcnt, 1);
	return module;
}

static struct dma_buf *export_from(struct mock_exporter *exporter, struct module *module)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.owner = module;
	info.ops = exporter->ops;
	info.size = exporter->size;
	info.priv = exporter;
	return dma_buf_export(&info);
}

struct module_sample {
	struct module *module;
	int users;
};

static void count_users(struct mock_exporter *exporter, enum mock_op op,
			struct dma_buf *dmabuf)
{
	struct module_sample *sample = exporter->hook_data;

	if (op == MOCK_RELEASE)
		sample->users = atomic_read(&sample->module->refcnt);
}

static void module_stays_until_release_has_returned(struct kunit *test)
{
	struct module_sample sample = { .module = mock_module(test, MODULE_STATE_LIVE) };
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct mock_context *ctx = test->priv;
	struct dma_buf *dmabuf = export_from(exporter, sample.module);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	atomic_inc(&ctx->buffers);
	exporter->hook = count_users;
	exporter->hook_data = &sample;
	KUNIT_EXPECT_EQ(test, atomic_read(&sample.module->refcnt), 2);

	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, sample.users, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&sample.module->refcnt), 1);
}

static void export_from_a_module_being_unloaded_is_refused(struct kunit *test)
{
	struct module *module = mock_module(test, MODULE_STATE_GOING);
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);

	KUNIT_EXPECT_EQ(test, PTR_ERR(export_from(exporter, module)), -ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
}

/* Refuses the file, when the export has taken the reference to the module. */
static struct module_sample at_open;

static struct file *refuse_open(struct dma_buf_object *obj, int flags)
{
	at_open.users = atomic_read(&at_open.module->refcnt);
	return ERR_PTR(-ENFILE);
}

static void failed_export_drops_its_module_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);

	at_open.module = mock_module(test, MODULE_STATE_LIVE);
	at_open.users = 0;
	kunit_activate_static_stub(test, dma_buf_object_open, refuse_open);
	KUNIT_EXPECT_EQ(test, PTR_ERR(export_from(exporter, at_open.module)), -ENFILE);
	KUNIT_EXPECT_EQ(test, at_open.users, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&at_open.module->refcnt), 1);
}

static void invalid_export_takes_no_module_reference(struct kunit *test)
{
	static const struct dma_buf_ops empty = {};
	struct module *module = mock_module(test, MODULE_STATE_LIVE);
	struct mock_exporter *exporter = mock_exporter(test, &empty);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, PTR_ERR(export_from(exporter, module)), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&module->refcnt), 1);
}

static struct kunit_case dma_buf_module_cases[] = {
	KUNIT_CASE(module_stays_until_release_has_returned),
	KUNIT_CASE(export_from_a_module_being_unloaded_is_refused),
	KUNIT_CASE(failed_export_drops_its_module_reference),
	KUNIT_CASE(invalid_export_takes_no_module_reference),
	{}
};

static struct kunit_suite dma_buf_module_suite = {
	.name = "dma_buf_module",
	.init = mock_init,
	.test_cases = dma_buf_module_cases,
};

kunit_test_suite(dma_buf_module_suite);
