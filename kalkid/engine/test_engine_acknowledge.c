/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_acknowledge.c - only alerts can be seen by an operator, in the whole engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/test_fixture.h"

struct seen {
	struct engine_acknowledgement seen;
	bool told;
	int result;
	char words[ERROR_TEXT_BYTES];
};

static void on_seen(struct engine_acknowledgement *base, int result, const struct error *err)
{
	struct seen *seen = container_of(base, struct seen, seen);
	assert_false(seen->told);
	seen->told = true;
	seen->result = result;
	TEXT_COPY(seen->words, result < 0 ? err->text : "");
}

static void begin(struct seen *seen, struct engine *engine, uint64_t id,
		  const struct operator_order *order)
{
	*seen = (struct seen){.seen.done = on_seen};
	engine_acknowledge(engine, id, order, &seen->seen);
	assert_false(seen->told);
}

static int await_seen(struct fixture *f, const struct seen *seen)
{
	while (!seen->told)
		uv_run(&f->loop, UV_RUN_ONCE);
	return seen->result;
}

/* Acknowledges an alert when it hears of it: it cannot be on disk yet. */
struct heard {
	struct engine_subscriber subscriber;
	struct engine *engine;
	const struct operator_order *order;
	struct seen seen;
	uint64_t alert, other; /* ids */
};

static void on_heard(struct engine_subscriber *subscriber, const struct event *event)
{
	struct heard *heard = container_of(subscriber, struct heard, subscriber);
	if (event->kind != EVENT_ALERT) {
		heard->other = event->id;
		return;
	}
	heard->alert = event->id;
	begin(&heard->seen, heard->engine, event->id, heard->order);
}

static bool count_acknowledged(void *data, const struct event *event maybe_unused,
			       const char *acknowledged_by)
{
	*(unsigned *)data += acknowledged_by != NULL;
	return true;
}

static unsigned acknowledged(struct fixture *f)
{
	const struct event_filter filter = {.limit = 1000};
	unsigned count = 0;
	write_all(f);
	must(store_read_events(f->store, &filter, count_acknowledged, &count, &err));
	return count;
}

static struct heard hear_alert(struct fixture *f, const struct operator_order *order)
{
	struct heard heard = {.subscriber.on_event = on_heard, .engine = f->engine, .order = order};
	engine_subscribe(f->engine, &heard.subscriber);
	set_state(f, "Watched");
	assert_int_not_equal(heard.other, 0);
	fake_alert(f->world, number_of(f, "cam"), "odd");
	while (!heard.alert)
		pass(f, 10);
	engine_unsubscribe(f->engine, &heard.subscriber);
	assert_int_equal(await_seen(f, &heard.seen), 0);
	return heard;
}

static void only_alerts_can_be_seen(void **state)
{
	struct fixture *f = *state;
	struct operator_order dry = ORDER;
	dry.dry_run = true;
	hear_alert(f, &dry);
	assert_int_equal(acknowledged(f), 0);
	struct heard heard = hear_alert(f, &ORDER);
	assert_int_equal(acknowledged(f), 1);
	const uint64_t strangers[] = {heard.other, heard.alert + 100000, INT64_MAX};
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++) {
		struct seen seen;
		begin(&seen, f->engine, strangers[i], i ? &ORDER : &dry);
		assert_int_equal(await_seen(f, &seen), -ENOENT);
		assert_true(text_starts(seen.words, "no alert has the id "));
	}
	assert_int_equal(acknowledged(f), 1);
}

static void one_that_waits_is_told_when_the_daemon_stops(void **state)
{
	struct fixture *f = *state;
	struct seen seen;
	begin(&seen, f->engine, 1, &ORDER);
	end_daemon(f);
	assert_true(seen.told);
	assert_int_equal(seen.result, -ECANCELED);
	start_daemon(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_alerts_can_be_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_waits_is_told_when_the_daemon_stops, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
