/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_reload.c - policies that change while devices stand in their states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/test_bed.h"
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

static const char SENSING[] =
	"type: camera\n"
	"sensors: {heat: {type: number, keep: 9}, lit: {type: boolean}}\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Hot: {chain: block}\n"
	"rules:\n"
	"  - {name: hot, from: any, when: 'held(heat > 30, for: 1h)', to: Hot}\n";

static const char SENSING_LATER[] =
	"type: camera\n"
	"sensors: {heat: {type: number, keep: 9}, lit: {type: number}}\n"
	"states:\n"
	"  Normal: {chain: [{name: b, image: 'kalki/b:1', fail: open}]}\n"
	"  Hot: {chain: block}\n"
	"rules:\n"
	"  - {name: hot, from: any, when: 'held(heat > 30, for: 2h)', to: Hot}\n";

static void add_line(void *data, const char *device, const char *what)
{
	buffer_print(data, "%s: %s\n", device, what);
}

/* Told before, and nothing is done; then told in the history, and done. */
static void expect_changes(struct fixture *f, const char *types, const char *lines)
{
	struct policy *policies[] = {read_policy(types)};
	cleanup_buffer struct buffer told = {0};
	const char *state = status_of(f).state;
	buffer_print(&told, "%s", "");
	engine_preview_reload(f->engine, &(struct definitions){policies, 1, NULL, 0}, add_line,
			      &told);
	policy_free(policies[0]);
	assert_string_equal(told.bytes, lines);
	assert_string_equal(status_of(f).state, state);
	f->types = types;
	hear_events(f, 1u << EVENT_NODE);
	reload(f);
	assert_true(!*lines || strstr(f->told.bytes, "\"what\":\"reload\""));
}

static void what_a_reload_changes_is_told_before(void **state)
{
	struct fixture *f = *state;
	struct sensor_reading readings[] = {{.sensor = 0, .number = 31}, {.sensor = 1}};
	expect_changes(f, CAMERA, "");
	must(engine_set_state(f->engine, "cam", "Watched", 60000000, &ORDER, &err));
	expect_changes(f, RENAMED,
		       "cam: state Watched is no more: it goes to Guarded, the tightest\n"
		       "cam: state Normal, where the operator's time limit leads back to, is no "
		       "more: it leads to Guarded\n"
		       "cam: another chain: through a > b, then through d\n");
	assert_string_equal(status_of(f).state, "Guarded");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	expect_changes(f, SENSING,
		       "cam: state Quiet is no more: it goes to Hot, the tightest\n"
		       "cam: another chain: through a, then nothing passes\n");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	engine_take_readings(f->engine, number_of(f, "cam"), "bus", readings, 2);
	expect_changes(f, SENSING, "");
	expect_changes(f, SENSING_LATER,
		       "cam: another chain: everything passes, then through b (fails open)\n"
		       "cam: sensor lit is of another kind: its values are forgotten\n"
		       "cam: rule 'hot' is another one: what its held() has counted is lost\n");
	expect_changes(f, CALM_LATER,
		       "cam: another chain: through b (fails open), then everything passes\n"
		       "cam: sensor heat is no more: its values are forgotten\n"
		       "cam: rule 'hot' is no more: what its held() has counted is lost\n");
}

static void expect_preview(struct fixture *f, struct device *device, const char *lines)
{
	struct policy *policies[] = {read_policy(CAMERA)};
	cleanup_buffer struct buffer told = {0};
	buffer_print(&told, "%s", "");
	engine_preview_reload(f->engine, &(struct definitions){policies, 1, device, 1}, add_line,
			      &told);
	policy_free(policies[0]);
	assert_string_equal(told.bytes, lines);
}

static void what_a_device_has_of_its_own_is_compared(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	expect_preview(f, &device, "");
	TEXT_COPY(device.parameters, "{\"a\":{\"attempts\":3}}");
	expect_preview(f, &device, "cam: hop a: other parameters\n");
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	await(f, "a");
	expect_preview(f, &device, "");
	TEXT_COPY(device.parameters, "{\"b\":{\"attempts\":3}}");
	expect_preview(f, &device, "cam: hop a: other parameters\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_state_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_type_that_goes_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(reloads_in_the_middle_of_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_rule_did_keeps_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_reload_changes_is_told_before, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_device_has_of_its_own_is_compared, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
