/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/fake_engine_orders.c - what is ordered of the fake engine: noted as text. */
#include <stdio.h>

#include "api/fake_engine.h"
#include "base/mem.h"
#include "base/text.h"

/* Notes an order as "what name [detail] who reason dry_run", or fails as told. */
static int note(struct engine *engine, const char *what, const char *name, const char *detail,
		const struct operator_order *order, struct error *err)
{
	if (engine->fails)
		return error_set(err, engine->fails, "%s '%s' was refused", what, name);
	snprintf(engine->order, sizeof(engine->order), "%s %s %s by %s because %s%s", what, name,
		 detail, order->who, order->reason ? order->reason : "-",
		 order->dry_run ? " dry" : "");
	return 0;
}

static int note_known(struct engine *engine, const char *what, const char *name, const char *detail,
		      const struct operator_order *order, struct error *err)
{
	struct device_status status;
	int result = engine_find_device(engine, name, &status, err);
	return result < 0 ? result : note(engine, what, name, detail, order, err);
}

int engine_add_device(struct engine *engine, const struct device *device,
		      const struct operator_order *order, struct error *err)
{
	return note(engine, "add", device->name, device->port, order, err);
}

int engine_change_device(struct engine *engine, const struct device *device,
			 const struct operator_order *order, struct error *err)
{
	return note_known(engine, "change", device->name, device->port, order, err);
}

int engine_remove_device(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err)
{
	return note_known(engine, "remove", name, "-", order, err);
}

int engine_set_state(struct engine *engine, const char *device, const char *state, int64_t for_us,
		     const struct operator_order *order, struct error *err)
{
	cleanup_free char *detail = mem_printf("%s for %lld", state, (long long)for_us);
	return note_known(engine, "set", device, detail, order, err);
}

int engine_quarantine(struct engine *engine, const char *device, const struct operator_order *order,
		      struct error *err)
{
	return note_known(engine, "quarantine", device, "-", order, err);
}

int engine_release(struct engine *engine, const char *device, const struct operator_order *order,
		   struct error *err)
{
	return note_known(engine, "release", device, "-", order, err);
}

int engine_shadow(struct engine *engine, const char *device, const struct operator_order *order,
		  struct error *err)
{
	return note_known(engine, "shadow", device, "-", order, err);
}

int engine_enforce(struct engine *engine, const char *device, const struct operator_order *order,
		   struct error *err)
{
	return note_known(engine, "enforce", device, "-", order, err);
}

int engine_reload_files(struct engine *engine, const struct operator_order *order,
			engine_on_change *each, void *data, struct error *err)
{
	each(data, "cam1", "another chain");
	return note_known(engine, "reload", "cam1", "-", order, err);
}

int engine_command(struct engine *engine, const char *device, const char *command,
		   const struct operator_order *order, struct error *err)
{
	return note_known(engine, "command", device, command, order, err);
}

int engine_test_notifier(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err)
{
	if (!text_equal(name, "ops"))
		return error_set(err, -ENOENT, "no notifier is named '%s'", name);
	return note(engine, "test", name, "-", order, err);
}

static void on_seen(struct engine_written *written, int result maybe_unused)
{
	struct engine_acknowledgement *seen = container_of(written, struct engine_acknowledgement,
							   written);
	cleanup_free char *id = mem_printf("%llu", (unsigned long long)seen->alert);
	struct error err = {0};
	int noted = note(seen->engine, "acknowledge", id, "-", seen->order, &err);
	seen->done(seen, noted, &err);
}

void engine_acknowledge(struct engine *engine, uint64_t alert, const struct operator_order *order,
			struct engine_acknowledgement *seen)
{
	seen->engine = engine;
	seen->alert = alert;
	seen->order = order;
	seen->written.done = on_seen;
	engine_await_written(engine, &seen->written);
}

int engine_capture(struct engine *engine, const char *device, const struct operator_order *order,
		   struct engine_capture *capture, struct error *err)
{
	int result = note_known(engine, "capture", device, "", order, err);
	if (result < 0)
		return result;
	engine->capture = capture;
	return 0;
}

int engine_remove_capture(struct engine *engine, uint64_t id, const struct operator_order *order,
			  struct error *err)
{
	return id == 42 ? note(engine, "remove-capture", "42", "-", order, err)
			: error_set(err, -ENOENT, "there is no capture %llu",
				    (unsigned long long)id);
}

int engine_push(struct engine *engine, const char *device, const char *source, const json_t *values,
		const struct operator_order *order, struct error *err)
{
	if (!json_is_number(json_object_get(values, "power")))
		return error_set(err, -EINVAL, "power: is no number");
	return note_known(engine, "push", device, source ? source : "-", order, err);
}
