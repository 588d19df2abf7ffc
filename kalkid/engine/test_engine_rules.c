/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_rules.c - what rules do besides, once, and what they ask of others, in the
 * whole engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/explain.h"
#include "engine/test_fixture.h"

static const char SENSING[] =
	"type: camera\n"
	"commands: {turn-off: {program: {command: [/bin/true]}}, turn-on: {program: {command: [/bin/true]}}}\n"
	"sensors: {heat: {type: number, unit: C}, motion: {type: boolean}}\n"
	"states:\n"
	"  Normal: {chain: [{name: a, image: 'kalki/a:1'}], standby: none}\n"
	"  Attacked: {chain: [{name: c, image: 'kalki/c:1'}], standby: none}\n"
	"rules:\n"
	"  - {name: lost, from: any, when: 'alert(\"device-unavailable\")', actions: [{notify: ops}, {tag: lost}]}\n"
	"  - {name: back, from: [Normal], when: 'alert(\"device-available\")', to: Attacked, actions: [{command: turn-off}]}\n"
	"  - {name: calm, from: [Attacked], when: 'time_in_state >= 1m', to: Normal, actions: [{command: turn-on}]}\n";

struct recorder {
	struct engine_actor actor;
	struct fixture *fixture;
	bool bare;
	/* "name@path" of each action, with the path that was in force; bare: "name". */
	char words[256];
};

static void on_action(struct engine_actor *actor, const struct device *device,
		      const struct action *action, const struct decision *decision)
{
	struct recorder *recorder = container_of(actor, struct recorder, actor);
	size_t length = strlen(recorder->words);
	assert_string_equal(device->name, "cam");
	assert_int_equal(decision->cause, DECISION_RULE);
	snprintf(recorder->words + length, sizeof(recorder->words) - length, "%s%s%s ",
		 action->name, recorder->bare ? "" : "@",
		 recorder->bare ? "" : path(recorder->fixture));
}

static void rules_act_when_the_kernel_has_the_posture(void **state)
{
	struct fixture *f = *state;
	struct recorder recorder = {.actor.on_action = on_action, .fixture = f};
	struct sensor_reading readings[] = {{.sensor = 0, .number = 21.5}, {.sensor = 1}};
	uint32_t cam = number_of(f, "cam");
	engine_set_actor(f->engine, &recorder.actor);
	f->types = SENSING;
	reload(f);
	await(f, "a");
	engine_take_readings(f->engine, cam, "bus", readings, ARRAY_SIZE(readings));
	engine_take_miss(f->engine, cam, "bus", "timed out", false);
	assert_string_equal(recorder.words, "");
	engine_take_miss(f->engine, cam, "bus", "timed out", true);
	engine_take_miss(f->engine, cam, "bus", "timed out", true);
	assert_string_equal(recorder.words, "ops@a lost@a ");
	recorder.words[0] = '\0';
	engine_take_readings(f->engine, cam, "bus", readings, ARRAY_SIZE(readings));
	assert_string_equal(recorder.words, "turn-off@held ");
	await(f, "c");
	recorder.words[0] = '\0';
	clock_fake_advance(&f->clock, 60 * 1000000);
	deadlines_run(f->engine->deadlines);
	assert_string_equal(recorder.words, ""); /* it loosens: first to the disk */
	write_all(f);
	assert_string_equal(recorder.words, "turn-on@c ");
	await(f, "a");
	assert_int_equal(status_of(f).alerts, 2);
	/* Of a device or sensor that is not there nothing is taken. */
	engine_take_readings(f->engine, cam + 7, "bus", readings, 1);
	readings[0].sensor = 2;
	engine_take_readings(f->engine, cam, "bus", readings, 1);
}

static const char ACTING[] =
	"type: camera\n"
	"sensors: {heat: {type: number}, lit: {type: boolean}}\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Attacked: {chain: block}\n"
	"rules:\n"
	"  - {name: hot, from: any, when: 'heat > 30', actions: [{notify: hot}]}\n"
	"  - {name: long, from: any, when: 'held(heat > 30, for: 20s)', actions: [{notify: long}]}\n"
	"  - {name: calls, from: any, when: 'count(\"odd\", within: 1h) >= 2', actions: [{notify: calls}]}\n"
	"  - {name: night, from: any, when: 'between(\"22:00\", \"06:00\")', actions: [{notify: night}]}\n"
	"  - {name: alone, from: [Normal], when: 'not lit and all(type: \"camera\", group: mine, where: lit)', to: Attacked, actions: [{notify: alone}]}\n";

static void measure(struct fixture *f, const char *device, double heat, bool lit)
{
	struct sensor_reading readings[] = {{.sensor = 0, .number = heat},
					    {.sensor = 1, .boolean = lit}};
	engine_take_readings(f->engine, number_of(f, device), "bus", readings, 2);
	deadlines_run(f->engine->deadlines);
}

/* The actions since the last look. */
static void assert_acted(struct recorder *recorder, const char *words)
{
	assert_string_equal(recorder->words, words);
	recorder->words[0] = '\0';
}

static void reopen(struct fixture *f, struct recorder *recorder)
{
	write_all(f);
	restart_daemon(f);
	engine_set_actor(f->engine, &recorder->actor);
	wait_some(f, 1);
}

static void rules_do_not_act_twice_over_a_restart(void **state)
{
	struct fixture *f = *state;
	struct recorder recorder = {.actor.on_action = on_action, .fixture = f, .bare = true};
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	f->types = ACTING;
	reload(f);
	engine_set_actor(f->engine, &recorder.actor);
	wait_some(f, 1);
	assert_acted(&recorder, "night "); /* it is 1970, and night */
	measure(f, "cam", 31, true);
	assert_acted(&recorder, "hot ");
	reopen(f, &recorder);
	measure(f, "cam", 32, true);
	assert_acted(&recorder, "");
	wait_some(f, 10);
	reopen(f, &recorder);
	wait_some(f, 10);
	assert_acted(&recorder, "long "); /* 20 s since the first value, over two restarts */
	reopen(f, &recorder);
	measure(f, "cam", 33, true);
	assert_acted(&recorder, "");
	measure(f, "cam", 20, true);
	measure(f, "cam", 31, true);
	assert_acted(&recorder, "hot ");

	fake_alert(f->world, number_of(f, "cam"), "odd");
	wait_some(f, 1);
	fake_alert(f->world, number_of(f, "cam"), "odd");
	wait_some(f, 1);
	assert_acted(&recorder, "calls ");
	reopen(f, &recorder);
	fake_alert(f->world, number_of(f, "cam"), "odd");
	wait_some(f, 1);
	assert_acted(&recorder, "");
	fake_alert(f->world, number_of(f, "cam"), "odd");
	wait_some(f, 1);
	assert_acted(&recorder, "calls ");
	measure(f, "cam", 20, true);
	/* What becomes true while nobody looks is not forgotten. */
	clock_fake_advance(&f->clock, 7LL * 3600 * 1000000);
	deadlines_run(f->engine->deadlines);
	assert_acted(&recorder, "");
	write_all(f);
	fake_cut(f->driver);
	end_daemon(f);
	clock_fake_advance(&f->clock, 16LL * 3600 * 1000000);
	start_daemon(f);
	wait_some(f, 1);
	assert_string_equal(status_of(f).reason, "rule 'night': between(\"22:00\", \"06:00\")");
}

/* What it is asked why at once, with the sanitizer looking on. */
static void assert_knows_nothing_of_others(struct fixture *f)
{
	cleanup_buffer struct buffer words = {0};
	const struct machine *machine;
	const struct policy *policy;
	int64_t now_us;
	must(engine_find_machine(f->engine, "cam", &machine, &policy, &now_us, &err));
	explain_rule(&words, policy, policy->rule_count - 1, machine, now_us);
	assert_null(strstr(words.bytes, "other"));
	assert_int_equal(machine->fleet->count, 2); /* itself and the third */
}

static void others_are_asked_when_they_change(void **state)
{
	struct fixture *f = *state;
	struct recorder recorder = {.actor.on_action = on_action, .fixture = f, .bare = true};
	struct device other = camera(), third = camera();
	assert_int_equal(setenv("TZ", "UTC-12", 1), 0); /* noon */
	restart_daemon(f);
	TEXT_COPY(other.name, "other");
	TEXT_COPY(third.name, "third");
	other.mac.octet[5] = 2;
	third.mac.octet[5] = 3;
	f->types = ACTING;
	reload(f);
	engine_set_actor(f->engine, &recorder.actor);
	struct device device = camera();
	TEXT_COPY(device.groups[device.group_count++], "hall");
	TEXT_COPY(other.groups[other.group_count++], "hall");
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	must(engine_add_device(f->engine, &other, &ORDER, &err));
	must(engine_add_device(f->engine, &third, &ORDER, &err));
	wait_some(f, 1);
	measure(f, "cam", 20, false);
	assert_string_equal(status_of(f).state, "Normal"); /* the other's is not known */
	measure(f, "other", 20, false);
	measure(f, "third", 20, true); /* of no group */
	assert_string_equal(status_of(f).state, "Normal");
	measure(f, "other", 20, true);
	assert_string_equal(status_of(f).state, "Attacked");
	assert_acted(&recorder, "alone ");
	/* Over a restart the values of others are known, too. */
	must(engine_release(f->engine, "cam", &ORDER, &err));
	measure(f, "other", 20, false);
	write_all(f);
	restart_daemon(f);
	wait_some(f, 1);
	assert_string_equal(status_of(f).state, "Normal");
	measure(f, "other", 20, true);
	assert_string_equal(status_of(f).state, "Attacked");
	/* One that goes is not asked any more. */
	must(engine_release(f->engine, "cam", &ORDER, &err));
	must(engine_remove_device(f->engine, "other", &ORDER, &err));
	assert_knows_nothing_of_others(f);
	wait_some(f, 1);
	assert_string_equal(status_of(f).state, "Normal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_act_when_the_kernel_has_the_posture, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rules_do_not_act_twice_over_a_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(others_are_asked_when_they_change, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
