/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_notify.c - notifiers with a deliverer of the test's own and its own clock: order,
 * limit and digest, retries, bounds, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "codec/notice_json.h"
#include "engine/control.h"

#define SECOND ((int64_t)1000000)

enum { KEPT_MAX = 64 };

/* What was sent, and the one under way. */
struct fake_deliverer {
	struct deliverer deliverer;
	struct delivery *open;
	struct notice sent[KEPT_MAX];
	unsigned count, cancelled;
};

struct fixture {
	char folder[64], path[96];
	uv_loop_t loop;
	struct clock_fake clock;
	struct engine engine;
	struct engine_subscriber subscriber;
	struct fake_deliverer fake;
	struct buffer results; /* "result:words;" of each event of a notice */
	struct notifier notifier;
	bool stopped, closed;
};

static void start(struct deliverer *deliverer, const struct notifier *notifier maybe_unused,
		  const struct notice *notice, struct delivery *delivery)
{
	struct fake_deliverer *fake = container_of(deliverer, struct fake_deliverer, deliverer);
	assert_null(fake->open); /* one at a time */
	assert_true(fake->count < KEPT_MAX);
	fake->sent[fake->count++] = *notice;
	fake->open = delivery;
}

static void cancel(struct deliverer *deliverer, struct delivery *delivery)
{
	struct fake_deliverer *fake = container_of(deliverer, struct fake_deliverer, deliverer);
	assert_ptr_equal(fake->open, delivery);
	fake->cancelled++;
}

static const struct deliverer_ops FAKE_OPS = {.start = start, .cancel = cancel};

static void on_event(struct engine_subscriber *subscriber, const struct event *event)
{
	struct fixture *f = container_of(subscriber, struct fixture, subscriber);
	if (event->kind != EVENT_NOTICE)
		return;
	json_t *root = json_loads(event->json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	const char *words = json_string_value(json_object_get(kalki, "words"));
	buffer_print(&f->results, "%s%s%s;", json_string_value(json_object_get(kalki, "result")),
		     words ? ":" : "", words ? words : "");
	json_decref(root);
}

static void open_daemon(struct fixture *f)
{
	struct store_config config = {.path = f->path, .queue_max = 1000, .boot_id = "boot"};
	struct error err = {0};
	bool damaged = false;
	f->engine = (struct engine){.loop = &f->loop, .clock = &f->clock.clock};
	if (store_open(&f->engine.store, &f->loop, &config, &f->clock.clock, &damaged, &err) < 0)
		fail_msg("%s", err.text);
	f->engine.deadlines = deadlines_new(&f->loop, &f->clock.clock);
	f->engine.events = events_new(f->engine.store, &f->clock.clock);
	f->engine.notify = notify_new(&f->engine);
	f->subscriber.on_event = on_event;
	events_subscribe(f->engine.events, &f->subscriber);
	f->fake = (struct fake_deliverer){.deliverer.ops = &FAKE_OPS};
}

static void set(struct fixture *f, unsigned count)
{
	engine_set_notifiers(&f->engine, "home", &f->notifier, count, &f->fake.deliverer);
	deadlines_run(f->engine.deadlines);
}

static void on_stopped(void *data)
{
	((struct fixture *)data)->stopped = true;
}

static void on_closed(void *data)
{
	((struct fixture *)data)->closed = true;
}

static void end_delivery(struct fixture *f, int result, const char *words)
{
	struct error err = {0};
	struct delivery *delivery = take(f->fake.open);
	assert_non_null(delivery);
	error_set(&err, result, "%s", words);
	delivery->done(delivery, result, &err);
}

static void close_daemon(struct fixture *f)
{
	f->stopped = f->closed = false;
	notify_stop(f->engine.notify, on_stopped, f);
	if (f->fake.open)
		end_delivery(f, -ECANCELED, "cancelled");
	assert_true(f->stopped);
	notify_free(f->engine.notify);
	store_close(f->engine.store, on_closed, f);
	while (!f->closed)
		uv_run(&f->loop, UV_RUN_ONCE);
	events_free(f->engine.events);
	deadlines_free(f->engine.deadlines);
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	strcpy(f->folder, "/dev/shm/kalki-notify-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/kalkid.db", f->folder);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	clock_init_fake(&f->clock, 1000 * SECOND, 1700000000 * SECOND);
	f->notifier = (struct notifier){
		.name = "ops",
		.kinds = 1u << NOTICE_TRANSITION | 1u << NOTICE_ALERT,
		.alert_min = ALERT_HIGH,
		.limit = 100,
		.limit_per_us = 60 * SECOND,
		.queue_max = 100,
		.age_max_us = 3600 * SECOND,
		.retry_first_us = 4 * SECOND,
		.retry_max_us = 60 * SECOND,
	};
	buffer_print(&f->results, "%s", "");
	open_daemon(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_daemon(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buffer_done(&f->results);
	cleanup_free char *command = mem_printf("rm -r '%s'", f->folder);
	free(f);
	return system(command);
}

static void advance(struct fixture *f, int64_t by_us)
{
	clock_fake_advance(&f->clock, by_us);
	deadlines_run(f->engine.deadlines);
}

static void emit_transition(struct fixture *f, const char *to)
{
	struct decision decision = {.cause = DECISION_RULE, .reason = "why"};
	struct transition_text text = {.from = "Normal", .to = to};
	struct event event = events_begin(f->engine.events, EVENT_TRANSITION, NULL, 1);
	events_emit(f->engine.events, &event, event_json_transition(&event, &decision, &text));
	deadlines_run(f->engine.deadlines);
}

static void emit_alert(struct fixture *f, enum alert_severity severity)
{
	struct alert alert = {.type = "t", .severity = severity, .count = 1};
	struct event event = events_begin(f->engine.events, EVENT_ALERT, NULL, 1);
	events_emit(f->engine.events, &event, event_json_alert(&event, &alert));
	deadlines_run(f->engine.deadlines);
}

static void sent_ok(struct fixture *f)
{
	end_delivery(f, 0, "");
}

static struct notifier_status status_of(struct fixture *f)
{
	struct notifier_status status;
	assert_int_equal(engine_read_notifier(&f->engine, 0, &status), 0);
	return status;
}

static void notices_go_out_in_their_order(void **state)
{
	struct fixture *f = *state;
	set(f, 1);
	emit_transition(f, "A");
	emit_transition(f, "B");
	emit_alert(f, ALERT_MEDIUM); /* below the filter */
	emit_alert(f, ALERT_CRITICAL);
	for (unsigned i = 0; i < 3; i++)
		sent_ok(f);
	assert_null(f->fake.open);
	assert_int_equal(f->fake.count, 3);
	assert_string_equal(f->fake.sent[0].state, "A");
	assert_string_equal(f->fake.sent[0].instance, "home");
	assert_string_equal(f->fake.sent[1].state, "B");
	assert_string_equal(f->fake.sent[2].severity, "critical");
	assert_true(f->fake.sent[0].id < f->fake.sent[1].id);
	assert_string_equal(f->results.bytes, "sent;sent;sent;");
	assert_int_equal(status_of(f).sent, 3);
	assert_int_equal(status_of(f).waiting, 0);
	assert_true(status_of(f).last_success_wall_us > 0);
}

static void failures_are_tried_again_with_growing_waits(void **state)
{
	struct fixture *f = *state;
	set(f, 1);
	emit_transition(f, "A");
	int64_t wait = 4 * SECOND;
	for (unsigned i = 0; i < 8; i++, wait = min_of(2 * wait, 60 * SECOND)) {
		end_delivery(f, -ECONNREFUSED, "nobody there");
		advance(f, wait * 3 / 4 - SECOND / 100);
		assert_null(f->fake.open); /* not before three quarters of it */
		advance(f, wait / 4 + SECOND / 50);
		assert_non_null(f->fake.open);
	}
	assert_int_equal(status_of(f).failures, 8);
	assert_string_equal(status_of(f).last_error, "nobody there");
	sent_ok(f);
	assert_int_equal(f->fake.sent[0].id, f->fake.sent[8].id);
	assert_int_equal(status_of(f).failures, 0);
	assert_string_equal(f->results.bytes, "sent;");
}

static void what_is_refused_does_not_hold_up_the_others(void **state)
{
	struct fixture *f = *state;
	set(f, 1);
	emit_transition(f, "A");
	emit_transition(f, "B");
	end_delivery(f, -EBADMSG, "status 422");
	assert_string_equal(f->fake.sent[1].state, "B");
	sent_ok(f);
	assert_string_equal(f->results.bytes, "refused:status 422;sent;");
	assert_int_equal(status_of(f).refused, 1);
}

static void what_is_above_the_limit_comes_as_one_digest(void **state)
{
	struct fixture *f = *state;
	f->notifier.limit = 2;
	set(f, 1);
	for (unsigned i = 0; i < 5; i++)
		emit_transition(f, "A");
	for (unsigned i = 0; i < 3; i++)
		emit_alert(f, ALERT_HIGH);
	sent_ok(f);
	sent_ok(f);
	assert_null(f->fake.open);
	assert_int_equal(status_of(f).waiting, 1);
	assert_int_equal(status_of(f).held_back, 6);
	advance(f, 59 * SECOND);
	assert_null(f->fake.open);
	advance(f, SECOND);
	assert_int_equal(f->fake.sent[2].kind, NOTICE_DIGEST);
	assert_int_equal(f->fake.sent[2].count, 6);
	assert_string_equal(f->fake.sent[2].reason, "3 transition, 3 alert");
	sent_ok(f);
	emit_transition(f, "B"); /* the digest was the first of this time */
	emit_transition(f, "C");
	sent_ok(f);
	assert_null(f->fake.open);
	advance(f, 60 * SECOND);
	assert_int_equal(f->fake.sent[4].count, 1);
	sent_ok(f);
}

static void the_oldest_goes_when_too_many_wait(void **state)
{
	struct fixture *f = *state;
	f->notifier.queue_max = 3;
	set(f, 1);
	for (unsigned i = 0; i < 5; i++) {
		char name[2] = {(char)('A' + i), '\0'};
		emit_transition(f, name);
	}
	assert_int_equal(status_of(f).waiting, 3);
	assert_int_equal(status_of(f).dropped, 2);
	assert_string_equal(f->results.bytes, "dropped:too many wait;dropped:too many wait;");
	for (unsigned i = 0; i < 3; i++)
		sent_ok(f);
	assert_string_equal(f->fake.sent[0].state, "A"); /* it was under way */
	assert_string_equal(f->fake.sent[1].state, "D");
	assert_string_equal(f->fake.sent[2].state, "E");
}

static void what_is_too_old_goes(void **state)
{
	struct fixture *f = *state;
	set(f, 1);
	emit_transition(f, "A");
	end_delivery(f, -EIO, "broken");
	emit_transition(f, "B");
	advance(f, 2 * 3600 * SECOND);
	assert_null(f->fake.open);
	assert_string_equal(f->results.bytes, "dropped:too old;dropped:too old;");
	assert_int_equal(status_of(f).waiting, 0);
}

static void what_waits_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	f->notifier.limit = 2;
	set(f, 1);
	emit_transition(f, "A");
	emit_transition(f, "B");
	emit_transition(f, "C");
	emit_transition(f, "D");
	sent_ok(f);
	uint64_t id = f->fake.sent[1].id;
	close_daemon(f); /* B is under way, the digest of C and D waits */
	assert_int_equal(f->fake.cancelled, 1);
	open_daemon(f);
	set(f, 1);
	assert_int_equal(f->fake.sent[0].id, id);
	assert_string_equal(f->fake.sent[0].state, "B");
	sent_ok(f);
	assert_int_equal(f->fake.sent[1].kind, NOTICE_DIGEST);
	assert_int_equal(f->fake.sent[1].count, 2);
	sent_ok(f);
	assert_int_equal(status_of(f).waiting, 0);
	close_daemon(f);
	open_daemon(f);
	set(f, 1);
	assert_null(f->fake.open);
}

static void a_changed_notifier_keeps_what_waits(void **state)
{
	struct fixture *f = *state;
	set(f, 1);
	emit_transition(f, "A");
	end_delivery(f, -EIO, "wrong password");
	f->notifier.kinds = 0;
	set(f, 1); /* tried at once: maybe that was mended */
	sent_ok(f);
	emit_transition(f, "B");
	assert_null(f->fake.open);
}

static void emit_order(struct fixture *f, const char *device)
{
	struct device gone = {.number = 9};
	TEXT_COPY(gone.name, device);
	struct event event = events_begin(f->engine.events, EVENT_OPERATOR, &gone, 1);
	events_emit(f->engine.events, &event,
		    event_json_operator(&event, "root", "remove-device", NULL, NULL));
}

/* Here of devices that are no more; the limit is for what people read. */
static void states_are_shown_the_newest_only(void **state)
{
	struct fixture *f = *state;
	f->notifier.kinds = 0;
	f->notifier.limit = 1;
	strcpy(f->notifier.discovery, "ha");
	set(f, 1);
	emit_order(f, "cam1");
	assert_int_equal(f->fake.sent[0].kind, NOTICE_STATE);
	assert_string_equal(f->fake.sent[0].device, "cam1");
	assert_string_equal(f->fake.sent[0].state, "");
	emit_order(f, "cam1");
	emit_order(f, "cam2");
	emit_order(f, "cam1");
	assert_int_equal(status_of(f).waiting, 3);
	sent_ok(f);
	assert_string_equal(f->fake.sent[1].device, "cam2");
	sent_ok(f);
	assert_string_equal(f->fake.sent[2].device, "cam1");
	sent_ok(f);
	assert_null(f->fake.open);
	assert_string_equal(f->results.bytes, ""); /* nobody was told anything */
}

static void a_removed_notifier_takes_its_notices_along(void **state)
{
	struct fixture *f = *state;
	struct notifier_status status;
	set(f, 1);
	emit_transition(f, "A");
	set(f, 0);
	assert_int_equal(f->fake.cancelled, 1);
	end_delivery(f, -ECANCELED, "cancelled");
	assert_int_equal(engine_read_notifier(&f->engine, 0, &status), -ENOENT);
	emit_transition(f, "B");
	set(f, 1);
	assert_null(f->fake.open);
}

static void rules_and_operators_name_a_notifier(void **state)
{
	struct fixture *f = *state;
	struct device device = {.number = 7, .name = "cam1"};
	struct error err = {0};
	f->notifier.kinds = 0;
	f->notifier.limit = 1;
	set(f, 1);
	assert_int_equal(notify_rule(f->engine.notify, "ops", &device, "hot", "too hot", &err), 0);
	assert_null(f->fake.open); /* what else the fact brings about comes first */
	deadlines_run(f->engine.deadlines);
	assert_int_equal(notify_rule(f->engine.notify, "opss", &device, "hot", "too hot", &err),
			 -ENOENT);
	assert_string_equal(err.text, "no notifier is named 'opss' (did you mean 'ops'?)");
	assert_int_equal(f->fake.sent[0].kind, NOTICE_RULE);
	assert_string_equal(f->fake.sent[0].device, "cam1");
	assert_string_equal(f->fake.sent[0].rule, "hot");
	assert_string_equal(f->fake.sent[0].reason, "too hot");
	end_delivery(f, -EIO, "broken");
	/* A test neither counts in the limit nor waits for the next try. */
	assert_int_equal(notify_test(f->engine.notify, "ops", true, NULL, &err), 0);
	assert_null(f->fake.open);
	assert_int_equal(notify_test(f->engine.notify, "ops", false, NULL, &err), 0);
	sent_ok(f);
	assert_int_equal(f->fake.sent[2].kind, NOTICE_TEST);
	sent_ok(f);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notices_go_out_in_their_order),
		TEST(failures_are_tried_again_with_growing_waits),
		TEST(what_is_refused_does_not_hold_up_the_others),
		TEST(what_is_above_the_limit_comes_as_one_digest),
		TEST(the_oldest_goes_when_too_many_wait),
		TEST(what_is_too_old_goes),
		TEST(what_waits_survives_a_restart),
		TEST(a_changed_notifier_keeps_what_waits),
		TEST(states_are_shown_the_newest_only),
		TEST(a_removed_notifier_takes_its_notices_along),
		TEST(rules_and_operators_name_a_notifier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
