/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine.c - the whole engine on a real store and the fake driver: the order of writing
 * and enforcing, orders that cross each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/test_fixture.h"

static void a_tightening_order_waits_for_nothing(void **state)
{
	struct fixture *f = *state;
	set_state(f, "Attacked");
	assert_string_equal(path(f), "held");
	await(f, "c");
}

/* Docker does not answer while the daemon starts. */
static void it_waits_for_no_first_look(void **state)
{
	struct fixture *f = *state;
	f->world->observe_us = 5000000;
	restart_daemon(f);
	pass(f, 100);
	assert_string_equal(path(f), "a"); /* nothing was decided: nothing is touched */
	set_state(f, "Watched");
	assert_string_equal(path(f), "held");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	write_all(f);
	pass(f, 100);
	must(engine_quarantine(f->engine, "cam", &ORDER, &err));
	assert_string_equal(path(f), "held");
	f->world->observe_us = 0;
	pass(f, 8000);
	assert_string_equal(path(f), "held");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	await(f, "a");
	set_state(f, "Attacked");
	await(f, "c");
}

static void a_loosening_order_is_written_first(void **state)
{
	struct fixture *f = *state;
	set_state(f, "Shut");
	assert_string_equal(path(f), "held");
	set_state(f, "Open");
	assert_string_equal(path(f), "held");
	write_all(f);
	assert_string_equal(path(f), "pass");
	must(engine_quarantine(f->engine, "cam", &ORDER, &err));
	assert_string_equal(path(f), "held");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	set_state(f, "Open");
	assert_string_equal(path(f), "held");
	write_all(f);
	assert_string_equal(path(f), "pass");
}

struct awaited {
	struct engine_written written;
	unsigned count;
	int result;
};

static void on_order_written(struct engine_written *written, int result)
{
	struct awaited *awaited = container_of(written, struct awaited, written);
	awaited->count++;
	awaited->result = result;
}

/* First the kernel, then the disk, then the answer; and a disk that hangs is told. */
static void an_answer_waits_for_the_disk(void **state)
{
	struct fixture *f = *state;
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		struct awaited awaited = {.written.done = on_order_written, .result = 1};
		must(engine_quarantine(f->engine, "cam", &ORDER, &err));
		assert_string_equal(path(f), "held");
		engine_await_written(f->engine, &awaited.written);
		assert_int_equal(awaited.count, 0);
		if (hangs) { /* the store's word has not been heard yet */
			clock_fake_advance(&f->clock, 10000000);
			deadlines_run(f->engine->deadlines);
			assert_int_equal(awaited.count, 1);
		}
		write_all(f);
		assert_int_equal(awaited.count, 1);
		assert_int_equal(awaited.result, hangs ? -ETIMEDOUT : 0);
	}
}

/* From Attacked to Normal and at once to Watched: of this the node has seen nothing yet, so Watched
 * loosens what is in force and has to wait for the disk, too. */
static void what_tightens_is_measured_by_what_is_in_force(void **state)
{
	struct fixture *f = *state;
	set_state(f, "Watched");
	await(f, "a b");
	set_state(f, "Attacked");
	await(f, "c");
	set_state(f, "Normal");
	set_state(f, "Watched");
	assert_string_equal(path(f), "c");
	await(f, "a b");
}

static void quarantine_and_release_cross(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 3; i++) {
		must(engine_quarantine(f->engine, "cam", &ORDER, &err));
		assert_string_equal(path(f), "held");
		must(engine_quarantine(f->engine, "cam", &ORDER, &err));
		must(engine_release(f->engine, "cam", &ORDER, &err));
		must(engine_release(f->engine, "cam", &ORDER, &err));
		must(engine_quarantine(f->engine, "cam", &ORDER, &err));
		write_all(f);
		pass(f, 300);
		assert_string_equal(path(f), "held");
		restart_daemon(f);
		pass(f, 300);
		assert_string_equal(path(f), "held");
		must(engine_release(f->engine, "cam", &ORDER, &err));
		await(f, "a");
	}
}

static const char WITH_STANDBY[] =
	"type: camera\n"
	"initial: Normal\n"
	"states:\n"
	"  Normal: {chain: [{name: a, image: 'kalki/a:1'}], standby: none}\n"
	"  Attacked: {chain: [{name: a, image: 'kalki/a:1'}, {name: b, image: 'kalki/b:1'}], standby: all}\n"
	"  Shut: {chain: block}\n";

/* Nothing is wrong with the traffic, but with what is to take over from it. */
static void a_failing_standby_chain_is_shown(void **state)
{
	struct fixture *f = *state;
	struct engine_status status;
	f->types = WITH_STANDBY;
	f->world->missing_hop = "b";
	reload(f);
	pass(f, 3000);
	assert_string_equal(path(f), "a");
	assert_int_equal(status_of(f).goal, PLAN_CONVERGED);
	assert_true(status_of(f).standby_degraded);
	assert_false(status_of(f).in_trouble);
	assert_true(text_starts(status_of(f).trouble, "standby chain of Attacked: "));
	engine_read_status(f->engine, &status);
	assert_int_equal(status.standby_degraded, 1);
	assert_int_equal(status.converged, 1);
	set_state(f, "Shut"); /* now nobody stands by in vain: it is tried anew */
	assert_string_equal(status_of(f).trouble, "");
	pass(f, 3000);
	assert_true(status_of(f).standby_degraded);
	assert_false(status_of(f).in_trouble);
	f->world->missing_hop = NULL;
	pass(f, 40000);
	assert_false(status_of(f).standby_degraded);
	assert_string_equal(status_of(f).trouble, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tightening_order_waits_for_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_waits_for_no_first_look, setup, teardown),
		cmocka_unit_test_setup_teardown(a_loosening_order_is_written_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_answer_waits_for_the_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(what_tightens_is_measured_by_what_is_in_force,
						setup, teardown),
		cmocka_unit_test_setup_teardown(quarantine_and_release_cross, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failing_standby_chain_is_shown, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
