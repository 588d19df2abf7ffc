/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_capture.c - frames are kept for alerts and for operators, in the whole engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/test_fixture.h"

/* What is done leads to more that is to be done. */
enum { TURNS = 10 };

static struct captures *captures;

struct asking {
	struct engine_capture capture;
	struct capture_job job;
	unsigned done;
	int result;
	uint64_t id;
	char text[ERROR_TEXT_BYTES];
};

static int setup_captures(void **state)
{
	char directory[96];
	if (setup(state) != 0)
		return -1;
	struct fixture *f = *state;
	snprintf(directory, sizeof(directory), "%s/captures", f->folder);
	must(captures_open(&captures, &f->loop, directory, 1 << 20, &err));
	engine_set_captures(f->engine, captures);
	f->world->keeps_frames = true;
	hear_events(f, 1u << EVENT_NODE);
	return 0;
}

static void on_closed(void *data)
{
	*(bool *)data = true;
}

static int teardown_captures(void **state)
{
	struct fixture *f = *state;
	bool closed = false;
	captures_close(captures, on_closed, &closed);
	while (!closed)
		uv_run(&f->loop, UV_RUN_ONCE);
	return teardown(state);
}

static void do_nothing(uv_work_t *work maybe_unused)
{
}

static void on_nothing_done(uv_work_t *work, int status maybe_unused)
{
	*(bool *)work->data = true;
}

/* What the one thread of the pool was given before is done. */
static void await_thread(struct fixture *f)
{
	bool done = false;
	uv_work_t work = {.data = &done};
	assert_int_equal(uv_queue_work(&f->loop, &work, do_nothing, on_nothing_done), 0);
	while (!done)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void alert(struct fixture *f, const char *type)
{
	fake_alert(f->world, number_of(f, "cam"), type);
	wait_some(f, 1);
	for (int i = 0; i < TURNS; i++)
		await_thread(f);
	write_all(f);
}

static unsigned count_of(struct fixture *f, const char *device)
{
	struct capture_entry entry = {0};
	unsigned found = 0;
	while (engine_next_capture(f->engine, device, entry.id, &entry))
		found++;
	return found;
}

static unsigned count(struct fixture *f)
{
	return count_of(f, "cam");
}

static void on_taken(struct engine_capture *capture, int result, const struct capture_entry *entry,
		     const struct error *err)
{
	struct asking *asking = container_of(capture, struct asking, capture);
	asking->done++;
	asking->result = result;
	asking->id = entry->id;
	snprintf(asking->text, sizeof(asking->text), "%s", err ? err->text : "");
}

static void on_read(struct capture_job *job, int result, const struct error *err maybe_unused)
{
	struct asking *asking = container_of(job, struct asking, job);
	asking->done++;
	asking->result = result;
	snprintf(asking->text, sizeof(asking->text), "%s", job->file.bytes);
	buffer_done(&job->file);
}

static void an_alert_keeps_the_frames_before_it(void **state)
{
	struct fixture *f = *state;
	struct capture_entry entry;
	alert(f, "odd"); /* to Watched */
	assert_int_equal(count(f), 1);
	assert_true(engine_next_capture(f->engine, "cam", 0, &entry));
	assert_int_equal(entry.frames, 3);
	assert_non_null(strstr(f->told.bytes, "\"what\":\"captured\""));
	assert_non_null(strstr(f->told.bytes, "3 frames: alert odd ("));
	char id[32];
	snprintf(id, sizeof(id), "capture %llu,", (unsigned long long)entry.id);
	assert_non_null(strstr(f->told.bytes, id));

	struct asking asking = {.job.done = on_read};
	must(engine_read_capture(f->engine, entry.id, &asking.job, &err));
	while (!asking.done)
		uv_run(&f->loop, UV_RUN_ONCE);
	/* The umbox of the chain that was in force, not of that which followed. */
	assert_non_null(strstr(asking.text, "frames of umbox 1: cam: alert odd"));
}

static void a_storm_of_alerts_keeps_few(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 5; i++)
		alert(f, "whatever");
	assert_int_equal(count(f), 1);
	wait_some(f, 10);
	alert(f, "whatever");
	assert_int_equal(count(f), 2);
}

static void alerts_of_many_devices_wait_for_their_turn(void **state)
{
	enum { OTHERS = 5 };
	struct fixture *f = *state;
	char names[OTHERS][8];
	for (unsigned i = 0; i < OTHERS; i++) {
		struct device device = camera();
		snprintf(names[i], sizeof(names[i]), "cam%u", i);
		TEXT_COPY(device.name, names[i]);
		device.mac.octet[5] = (uint8_t)(100 + i);
		device.ip_count = 0;
		must(engine_add_device(f->engine, &device, &ORDER, &err));
	}
	pass(f, 2000);
	f->world->capture_us = 50000;
	for (unsigned i = 0; i < OTHERS; i++)
		fake_alert(f->world, number_of(f, names[i]), "whatever");
	alert(f, "whatever");
	for (unsigned i = 0; i < 6 * OTHERS; i++)
		alert(f, "whatever");
	for (unsigned i = 0; i < OTHERS; i++)
		assert_int_equal(count_of(f, names[i]), 1);
	assert_true(f->world->captured_at_once <= 2);
}

static void a_chain_without_frames_keeps_none(void **state)
{
	struct fixture *f = *state;
	struct asking asking = {.capture.done = on_taken};
	f->world->keeps_frames = false;
	alert(f, "whatever");
	assert_int_equal(count(f), 0);
	assert_null(strstr(f->told.bytes, "captured"));
	must(engine_capture(f->engine, "cam", &ORDER, &asking.capture, &err));
	while (!asking.done)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(asking.result, -ENOENT);
	assert_true(asking.text[0]);
}

static void an_operator_asks_for_them(void **state)
{
	struct fixture *f = *state;
	struct asking asking = {.capture.done = on_taken};
	must(engine_capture(f->engine, "cam", &ORDER, &asking.capture, &err));
	while (!asking.done)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(asking.result, 0);
	assert_true(asking.id > 0);
	assert_int_equal(count(f), 1);
	assert_non_null(strstr(f->told.bytes, "asked for by"));
	const struct operator_order trial = {.who = ORDER.who, .dry_run = true};
	must(engine_remove_capture(f->engine, asking.id, &trial, &err));
	assert_int_equal(count(f), 1);
	must(engine_remove_capture(f->engine, asking.id, &ORDER, &err));
	assert_int_equal(count(f), 0);
	assert_int_equal(engine_remove_capture(f->engine, asking.id, &ORDER, NULL), -ENOENT);
	assert_int_equal(engine_capture(f->engine, "nobody", &ORDER, &asking.capture, NULL),
			 -ENOENT);
	must(engine_set_state(f->engine, "cam", "Shut", 0, &ORDER, &err));
	wait_some(f, 30);
	assert_int_equal(engine_capture(f->engine, "cam", &ORDER, &asking.capture, NULL), -ENOENT);
}

int main(void)
{
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_alert_keeps_the_frames_before_it, setup_captures,
						teardown_captures),
		cmocka_unit_test_setup_teardown(a_storm_of_alerts_keeps_few, setup_captures,
						teardown_captures),
		cmocka_unit_test_setup_teardown(alerts_of_many_devices_wait_for_their_turn,
						setup_captures, teardown_captures),
		cmocka_unit_test_setup_teardown(a_chain_without_frames_keeps_none, setup_captures,
						teardown_captures),
		cmocka_unit_test_setup_teardown(an_operator_asks_for_them, setup_captures,
						teardown_captures),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
