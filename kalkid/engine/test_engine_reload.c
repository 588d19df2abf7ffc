/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_reload.c - policies that change while devices stand in their states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/test_fixture.h"

/* A state that no file has any more: the tightest, and the old chain does not stay for it, whether
 * the daemon ran meanwhile or not. */
static void a_state_that_is_gone(void **state)
{
	struct fixture *f = *state;
	f->world->delay_us[STEP_LAUNCH] = 1000000;
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		f->types = RENAMED;
		if (restarts)
			restart_daemon(f);
		else
			reload(f);
		pass(f, 200);
		assert_string_equal(status_of(f).state, "Guarded");
		assert_string_equal(path(f), "held");
		await(f, "d");
		f->types = CAMERA;
		reload(f);
		assert_string_equal(status_of(f).state, "Shut");
		set_state(f, "Normal");
		await(f, "a");
	}
}

/* Its file is taken away and put back: nothing of what was known of the device is forgotten. */
static void a_type_that_goes_and_comes_back(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 4; i++) {
		set_state(f, "Attacked");
		await(f, "c");
		f->types = NULL;
		if (i & 1)
			restart_daemon(f);
		else
			reload(f);
		pass(f, 100);
		assert_string_equal(path(f), "held");
		f->types = CAMERA;
		if (i & 2)
			restart_daemon(f);
		else
			reload(f);
		assert_string_equal(status_of(f).state, "Attacked");
		await(f, "c");
		must(engine_release(f->engine, "cam", &ORDER, &err));
		await(f, "a");
	}
}

/* Policies go while steps for their hops are under way. */
static void reloads_in_the_middle_of_steps(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 40; i++) {
		set_state(f, i % 3 ? "Attacked" : "Watched");
		pass(f, 10 * (i % 17));
		reload(f);
		pass(f, 10 * (i % 5));
	}
	set_state(f, "Watched");
	await(f, "a b");
}

static const char CALM[] =
	"type: camera\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Shut: {chain: block}\n"
	"rules:\n"
	"  - {name: calm, from: [Shut], when: 'time_in_state >= 1m', to: Normal, actions: [{tag: calm}]}\n"
	"  - {name: bad, from: any, when: 'alert(\"bad\")', to: Shut}\n";

/* Other rules stand in the places of the old ones. */
static const char CALM_LATER[] =
	"type: camera\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Shut: {chain: block}\n"
	"rules:\n"
	"  - {name: bad, from: any, when: 'alert(\"bad\")', to: Shut}\n"
	"  - {name: calm, from: [Shut], when: 'time_in_state >= 1m', to: Normal}\n";

/* A decision is written while the policy that it comes from is replaced. */
static void what_a_rule_did_keeps_its_name(void **state)
{
	struct fixture *f = *state;
	f->types = CALM;
	reload(f);
	hear_events(f, 1u << EVENT_ACTION);
	fake_alert(f->world, number_of(f, "cam"), "bad");
	turn(f);
	clock_fake_advance(&f->clock, 61 * 1000000);
	deadlines_run(f->engine->deadlines);
	assert_string_equal(status_of(f).state, "Normal");
	f->types = CALM_LATER;
	reload(f);
	assert_string_equal(f->told.bytes, "");
	write_all(f);
	assert_non_null(strstr(f->told.bytes, "\"action\":\"tag\""));
	assert_non_null(strstr(f->told.bytes, "\"rule\":\"calm\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_state_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_type_that_goes_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(reloads_in_the_middle_of_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_rule_did_keeps_its_name, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
