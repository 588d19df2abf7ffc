/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/acknowledge.c - an operator has seen an alert: the history says whether it is one. */
#include <inttypes.h>

#include "engine/control.h"

static bool on_alert(struct event_read *read, const struct event *event maybe_unused,
		     const char *acknowledged_by maybe_unused)
{
	container_of(read, struct engine_acknowledgement, read)->found = true;
	return false;
}

static void on_history_read(struct store_read *read, int result, const struct error *err)
{
	struct engine_acknowledgement *seen = container_of(read, struct engine_acknowledgement,
							   read.read);
	const struct operator_order *order = seen->order;
	struct error own = {0};
	if (result == 0 && !seen->found) {
		err = &own;
		result = seen->unwritten ? error_set(&own, -EAGAIN,
						     "no alert on disk has the id %" PRIu64
						     ", and the disk takes nothing for now",
						     seen->alert)
					 : error_set(&own, -ENOENT, "no alert has the id %" PRIu64,
						     seen->alert);
	}
	if (result == 0 && !order->dry_run)
		store_acknowledge(seen->engine->store, seen->alert, order->who,
				  order->reason ? order->reason : "");
	seen->done(seen, result, err);
}

/* What was heard of on an event stream may only now be on disk. */
static void on_written(struct engine_written *written, int result)
{
	struct engine_acknowledgement *seen = container_of(written, struct engine_acknowledgement,
							   written);
	struct error err = {0};
	if (seen->engine->stopping) {
		error_set(&err, -ECANCELED, "kalkid is stopping");
		seen->done(seen, err.code, &err);
		return;
	}
	seen->unwritten = result < 0;
	engine_read_events(seen->engine, &seen->read);
}

void engine_acknowledge(struct engine *engine, uint64_t alert, const struct operator_order *order,
			struct engine_acknowledgement *seen)
{
	seen->engine = engine;
	seen->alert = alert;
	seen->order = order;
	seen->found = false;
	seen->written.done = on_written;
	seen->read = (struct event_read){
		.read.done = on_history_read,
		.filter = {.kinds = 1U << EVENT_ALERT,
			   .after_id = alert - 1,
			   .before_id = alert + 1,
			   .limit = 1},
		.each = on_alert,
	};
	engine_await_written(engine, &seen->written);
}
