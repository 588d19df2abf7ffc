/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_fake.c - the fake driver keeps what driver.h promises, and its world watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "driver/fake.h"

enum { CALLS_MAX = 16 };

struct fixture;

struct call {
	struct driver_call call;
	struct fixture *fixture;
	bool ended;
	int result;
};

struct fixture {
	uv_loop_t loop;
	struct clock_fake clock;
	struct fake_world *world;
	struct driver *driver;
	struct driver_listener listener;
	struct device_identity device;
	struct hop hop;
	struct call calls[CALLS_MAX];
	unsigned call_count;
	unsigned told[DRIVER_NOTICE_COUNT];
	char alert[NAME_BYTES];
	bool closed;
	unsigned cut_at; /* step after which the driver is cut off */
};

static void on_notice(struct driver_listener *listener, const struct driver_notice *notice)
{
	struct fixture *f = container_of(listener, struct fixture, listener);
	f->told[notice->kind]++;
	if (notice->alert)
		TEXT_COPY(f->alert, notice->alert->type);
}

static void on_done(struct driver_call *call, int result, const struct error *err)
{
	struct call *of = container_of(call, struct call, call);
	assert_false(of->ended);
	assert_true(result == 0 || err->text[0]);
	of->ended = true;
	of->result = result;
}

static void on_step(void *data, unsigned number, const struct step *step maybe_unused)
{
	struct fixture *f = data;
	if (number == f->cut_at)
		fake_cut(f->driver);
}

static void on_closed(void *data)
{
	struct fixture *f = data;
	f->closed = true;
}

static void open_driver(struct fixture *f)
{
	f->driver = fake_open(f->world, &f->loop, &f->listener);
	f->closed = false;
}

static void turn(struct fixture *f)
{
	for (unsigned i = 0; i < 8; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void close_driver(struct fixture *f)
{
	f->driver->ops->close(f->driver, on_closed, f);
	turn(f);
	assert_true(f->closed);
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = *state = &fixture;
	*f = (struct fixture){.device = {.number = 7}, .listener = {on_notice}};
	assert_int_equal(uv_loop_init(&f->loop), 0);
	clock_init_fake(&f->clock, 1000000, 0);
	TEXT_COPY(f->hop.name, "lamp");
	TEXT_COPY(f->hop.digest, "d1");
	f->world = fake_world_new(&f->clock.clock);
	f->world->on_step = on_step;
	f->world->on_step_data = f;
	open_driver(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (!f->closed)
		close_driver(f);
	for (unsigned i = 0; i < f->call_count; i++)
		assert_true(f->calls[i].ended);
	fake_world_free(f->world);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	return 0;
}

static struct call *start(struct fixture *f, const struct step *step)
{
	struct call *call = &f->calls[f->call_count++];
	struct driver_task task = {
		.step = step, .device = &f->device, .generation = 3, .image = "", .state = ""};
	*call = (struct call){.call = {.done = on_done}, .fixture = f};
	f->driver->ops->run(f->driver, &task, &call->call);
	assert_false(call->ended);
	return call;
}

static int carry_out(struct fixture *f, const struct step *step)
{
	struct call *call = start(f, step);
	turn(f);
	assert_true(call->ended);
	return call->result;
}

static int launch(struct fixture *f, uint32_t umbox)
{
	return carry_out(f, &(struct step){.kind = STEP_LAUNCH, .umbox = umbox, .hop = &f->hop});
}

static int with_umbox(struct fixture *f, enum step_kind kind, uint32_t umbox)
{
	return carry_out(f, &(struct step){.kind = kind, .umbox = umbox});
}

static int route(struct fixture *f, uint32_t umbox)
{
	struct path path = {.state = PATH_WHOLE, .ids = {umbox}, .count = 1};
	return carry_out(f, &(struct step){.kind = STEP_ROUTE, .path = path});
}

static const char *path(struct fixture *f)
{
	static char words[FAKE_WORDS_BYTES];
	return fake_path(f->world, 7, words);
}

/* Umbox 1 in force. */
static void bring_up(struct fixture *f)
{
	assert_int_equal(with_umbox(f, STEP_ENROL, 0), 0);
	assert_int_equal(launch(f, 1), 0);
	assert_int_equal(with_umbox(f, STEP_WIRE, 1), 0);
	assert_int_equal(route(f, 1), 0);
	assert_string_equal(path(f), "lamp");
}

static void look(struct fixture *f, struct driver_picture *ret)
{
	struct call *call = &f->calls[f->call_count++];
	*call = (struct call){.call = {.done = on_done}, .fixture = f};
	f->driver->ops->observe(f->driver, ret, &call->call);
	turn(f);
	assert_true(call->ended);
}

static void test_a_chain_comes_up(void **state)
{
	struct fixture *f = *state;
	struct driver_picture picture;
	bring_up(f);
	assert_int_equal(f->told[DRIVER_UMBOX_READY], 1);
	look(f, &picture);
	assert_true(picture.complete);
	assert_int_equal(picture.umbox_count, 1);
	assert_true(picture.umboxes[0].ready && picture.umboxes[0].wired);
	assert_string_equal(picture.umboxes[0].hop, "lamp");
	assert_int_equal(picture.umboxes[0].generation, 3);
	assert_int_equal(picture.device_count, 1);
	assert_true(picture.devices[0].enrolled);
	assert_int_equal(picture.devices[0].path.ids[0], 1);
	driver_picture_done(&picture);
	assert_int_equal(f->world->flip_count, 1);
	assert_string_equal(f->world->flips[0].digests[0], "d1");
	assert_string_equal(f->world->violation, "");
}

static void test_results_take_their_time(void **state)
{
	struct fixture *f = *state;
	f->world->delay_us[STEP_LAUNCH] = 100;
	struct call *call = start(f,
				  &(struct step){.kind = STEP_LAUNCH, .umbox = 1, .hop = &f->hop});
	turn(f);
	assert_false(call->ended);
	assert_int_equal(fake_count(f->world, 7), 0);
	clock_fake_advance(&f->clock, 100);
	fake_wake(f->driver);
	turn(f);
	assert_true(call->ended);
	assert_int_equal(fake_count(f->world, 7), 1);
}

static void test_steering_is_committed_at_once(void **state)
{
	struct fixture *f = *state;
	bring_up(f);
	struct call *call = start(f, &(struct step){.kind = STEP_HOLD});
	assert_string_equal(path(f), "held");
	turn(f);
	assert_true(call->ended);
}

static void test_faults(void **state)
{
	struct fixture *f = *state;
	fake_fail(f->world, STEP_LAUNCH, 1, FAKE_REFUSED);
	fake_fail(f->world, STEP_LAUNCH, 2, FAKE_LOST_DONE);
	fake_fail(f->world, STEP_LAUNCH, 3, FAKE_LOST_UNDONE);
	fake_fail(f->world, STEP_REMOVE, 0, FAKE_HANGS);
	assert_int_equal(launch(f, 1), 0);
	assert_int_equal(launch(f, 2), -EIO);
	assert_int_equal(launch(f, 3), -ETIMEDOUT);
	assert_int_equal(launch(f, 4), -ETIMEDOUT);
	assert_int_equal(fake_count(f->world, 7), 2);
	assert_non_null(fake_find_umbox(f->world, 3));
	struct call *call = start(f, &(struct step){.kind = STEP_REMOVE, .umbox = 1});
	turn(f);
	assert_false(call->ended);
	close_driver(f);
	assert_int_equal(call->result, -ECANCELED);
}

static void test_what_cannot_be(void **state)
{
	struct fixture *f = *state;
	f->world->deaf_hop = "lamp";
	assert_int_equal(launch(f, 1), 0);
	assert_int_equal(route(f, 1), -EIO); /* not enrolled, no legs */
	assert_int_equal(with_umbox(f, STEP_ENROL, 0), 0);
	assert_int_equal(with_umbox(f, STEP_WIRE, 1), 0);
	assert_int_equal(f->told[DRIVER_UMBOX_READY], 0);
	f->world->missing_hop = "lamp";
	assert_int_equal(launch(f, 2), -EIO);
	fake_set_docker(f->world, false);
	assert_int_equal(with_umbox(f, STEP_REMOVE, 1), -EIO);
	struct driver_picture picture;
	look(f, &picture);
	assert_false(picture.complete);
	driver_picture_done(&picture);
	assert_int_equal(f->told[DRIVER_ENGINE_DOWN], 1);
}

static void test_the_watch(void **state)
{
	struct fixture *f = *state;
	f->world->ready_us = -1;
	assert_int_equal(with_umbox(f, STEP_ENROL, 0), 0);
	assert_int_equal(launch(f, 1), 0);
	assert_int_equal(with_umbox(f, STEP_WIRE, 1), 0);
	assert_int_equal(route(f, 1), 0);
	assert_string_equal(f->world->violation, "umbox 1 is routed and never got ready");
	f->world->violation[0] = '\0';
	assert_int_equal(with_umbox(f, STEP_REMOVE, 1), 0);
	assert_string_equal(f->world->violation, "umbox 1 is removed from the path of device 7");
}

static void test_what_happens_is_told(void **state)
{
	struct fixture *f = *state;
	bring_up(f);
	fake_alert(f->world, 7, "brute-force");
	fake_fall_silent(f->world, 1);
	assert_int_equal(f->told[DRIVER_ALERT], 0); /* never from within the call */
	turn(f);
	assert_int_equal(f->told[DRIVER_ALERT], 1);
	assert_int_equal(f->told[DRIVER_UMBOX_SILENT], 1);
	assert_string_equal(f->alert, "brute-force");
	fake_kill_umbox(f->world, 1, true);
	assert_string_equal(path(f), "broken");
	fake_flush_rules(f->world, true);
	assert_string_equal(path(f), "held");
	turn(f);
	assert_int_equal(f->told[DRIVER_UMBOX_GONE], 1);
	assert_int_equal(f->told[DRIVER_RULES_CHANGED], 1);
}

static void test_counters_and_logs(void **state)
{
	struct fixture *f = *state;
	struct umbox_counters counters;
	char *text = NULL;
	bring_up(f);
	fake_traffic(f->world);
	assert_int_equal(f->driver->ops->counters(f->driver, 1, &counters), 0);
	assert_true(counters.leg[LEG_IN].to_umbox_frames > 0);
	assert_int_equal(f->driver->ops->counters(f->driver, 2, &counters), -ENOENT);
	fake_delete_leg(f->world, 1, false);
	assert_int_equal(f->driver->ops->counters(f->driver, 1, &counters), -ENOENT);
	struct call *call = &f->calls[f->call_count++];
	*call = (struct call){.call = {.done = on_done}, .fixture = f};
	f->driver->ops->logs(f->driver, 1, 100, &text, &call->call);
	turn(f);
	assert_string_equal(text, "the log of umbox 1\n");
	free(text);
}

/* The step is done, its result is heard by nobody; the next driver finds the world as it is. */
static void test_cut_off_after_a_step(void **state)
{
	struct fixture *f = *state;
	f->world->delay_us[STEP_LAUNCH] = 100;
	f->world->finishes_cut = true;
	f->cut_at = 1;
	struct call *launched =
		start(f, &(struct step){.kind = STEP_LAUNCH, .umbox = 1, .hop = &f->hop});
	struct call *enrolled = start(f, &(struct step){.kind = STEP_ENROL});
	turn(f);
	assert_false(launched->ended || enrolled->ended);
	assert_true(fake_find_device(f->world, 7)->enrolled);
	assert_int_equal(fake_count(f->world, 7), 1); /* Docker had it already */
	start(f, &(struct step){.kind = STEP_UNENROL});
	turn(f);
	close_driver(f);
	assert_int_equal(launched->result, -ECANCELED);
	assert_int_equal(enrolled->result, -ECANCELED);
	assert_true(fake_find_device(f->world, 7)->enrolled);
	open_driver(f);
	assert_int_equal(with_umbox(f, STEP_WIRE, 1), 0);
	assert_int_equal(f->told[DRIVER_UMBOX_READY], 1);
	close_driver(f);
	open_driver(f);
	turn(f);
	assert_int_equal(f->told[DRIVER_UMBOX_READY], 2); /* it connected again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_chain_comes_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_results_take_their_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steering_is_committed_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_happens_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters_and_logs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_off_after_a_step, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
