/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_shadow.c - what is decided and not enforced, in the whole engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/test_fixture.h"

#define STATES                                                                 \
	"type: camera\n"                                                       \
	"states:\n"                                                            \
	"  Normal: {chain: [{name: a, image: 'kalki/a:1'}], standby: none}\n"  \
	"  Watched: {chain: [{name: b, image: 'kalki/b:1'}], standby: none}\n" \
	"  Attacked: {chain: [{name: c, image: 'kalki/c:1'}], standby: none}\n"

static const char TRIAL[] = STATES
	"rules:\n"
	"  - {name: trial, from: any, when: 'count(\"bad\", within: 10m) >= 2', to: Attacked, shadow: true, actions: [{tag: bad}]}\n"
	"  - {name: three, from: [Normal], when: 'count(\"bad\", within: 10m) >= 3', to: Watched}\n";

static const char IN_EARNEST[] = STATES
	"rules:\n"
	"  - {name: trial, from: any, when: 'count(\"bad\", within: 10m) >= 2', to: Attacked, actions: [{tag: bad}]}\n";

static void tell(struct fixture *f, const char *type)
{
	fake_alert(f->world, number_of(f, "cam"), type);
	wait_some(f, 1);
}

static unsigned heard(const struct fixture *f, const char *words)
{
	unsigned count = 0;
	for (const char *at = f->told.bytes; (at = strstr(at, words)); at++)
		count++;
	return count;
}

static void use(struct fixture *f, const char *types)
{
	f->types = types;
	reload(f);
	await(f, "a");
}

static void a_rule_in_shadow_is_only_told(void **state)
{
	struct fixture *f = *state;
	use(f, TRIAL);
	hear_events(f, 1u << EVENT_SHADOW);
	tell(f, "bad");
	assert_string_equal(f->told.bytes, "");
	tell(f, "bad");
	assert_int_equal(heard(f, "\n"), 1);
	assert_int_equal(heard(f, "\"from\":\"Normal\",\"to\":\"Attacked\""), 1);
	assert_int_equal(heard(f, "\"rule\":\"trial\""), 1);
	assert_int_equal(heard(f, "\"not_done\":[\"tag bad\"]"), 1);
	assert_string_equal(status_of(f).state, "Normal");
	assert_int_equal(status_of(f).device.tag_count, 0);
	assert_string_equal(path(f), "a");
	/* It has used up nothing for the others, and counts anew itself. */
	tell(f, "bad");
	assert_int_equal(heard(f, "\n"), 1);
	assert_string_equal(status_of(f).state, "Watched");
	await(f, "b");
}

static void a_rule_in_shadow_is_told_once_over_restarts(void **state)
{
	struct fixture *f = *state;
	use(f, TRIAL);
	tell(f, "bad");
	write_all(f);
	restart_daemon(f);
	hear_events(f, 1u << EVENT_SHADOW);
	tell(f, "bad");
	assert_int_equal(heard(f, "\"rule\":\"trial\""), 1);
	write_all(f);
	restart_daemon(f);
	hear_events(f, 1u << EVENT_SHADOW);
	wait_some(f, 5);
	assert_string_equal(f->told.bytes, "");
	assert_string_equal(status_of(f).state, "Normal");
}

/* What it would have done is done once it is one as the others. */
static void a_rule_leaves_the_shadow(void **state)
{
	struct fixture *f = *state;
	use(f, TRIAL);
	tell(f, "bad");
	tell(f, "bad");
	assert_string_equal(status_of(f).state, "Normal");
	f->types = IN_EARNEST;
	reload(f);
	wait_some(f, 1);
	assert_string_equal(status_of(f).state, "Attacked");
	assert_int_equal(status_of(f).device.tag_count, 1);
	await(f, "c");
}

static void order(struct fixture *f,
		  int (*run)(struct engine *engine, const char *device,
			     const struct operator_order *order, struct error *err))
{
	must(run(f->engine, "cam", &ORDER, &err));
}

static void expect(struct fixture *f, const char *state, const char *in_force, const char *words)
{
	struct device_status status = status_of(f);
	assert_string_equal(status.state, state);
	assert_string_equal(status.in_force, in_force);
	assert_string_equal(path(f), words);
}

static void a_device_in_shadow_keeps_its_chain(void **state)
{
	struct fixture *f = *state;
	struct engine_status status;
	hear_events(f, 1u << EVENT_TRANSITION | 1u << EVENT_CHAIN);
	order(f, engine_shadow);
	assert_true(status_of(f).shadow);
	tell(f, "odd");
	expect(f, "Watched", "Normal", "a");
	assert_int_equal(heard(f, "\n"), 1); /* and nothing of the chain */
	assert_int_equal(heard(f, "\"to\":\"Watched\""), 1);
	assert_int_equal(heard(f, "\"shadow\":true,\"in_force\":\"Normal\""), 1);
	for (unsigned i = 0; i < 3; i++)
		tell(f, "bad");
	pass(f, 1000);
	expect(f, "Attacked", "Normal", "a");
	assert_int_equal(status_of(f).generation, status_of(f).generation_reached);
	engine_read_status(f->engine, &status);
	assert_int_equal(status.in_shadow, 1);
	assert_int_equal(status.shadowed, 2);
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	expect(f, "Attacked", "Normal", "a");
	assert_true(status_of(f).shadow);
}

static void what_operators_say_is_enforced_in_shadow(void **state)
{
	struct fixture *f = *state;
	order(f, engine_shadow);
	tell(f, "odd");
	order(f, engine_quarantine);
	assert_string_equal(path(f), "held");
	order(f, engine_release);
	write_all(f);
	await(f, "a");
	expect(f, "Normal", "Normal", "a");
	for (unsigned i = 0; i < 3; i++)
		tell(f, "bad");
	expect(f, "Attacked", "Normal", "a");
	/* Tighter than what is in force, though looser than what was decided. */
	set_state(f, "Watched");
	assert_string_equal(path(f), "held");
	await(f, "a b");
	expect(f, "Watched", "Watched", "a b");
	for (unsigned i = 0; i < 3; i++)
		tell(f, "bad");
	expect(f, "Attacked", "Watched", "a b");
	/* The state that was decided anyway. */
	set_state(f, "Attacked");
	assert_string_equal(path(f), "held");
	await(f, "c");
	/* A limit ends where it began, not where the machine stood. */
	order(f, engine_release);
	write_all(f);
	await(f, "a");
	tell(f, "odd");
	must(engine_set_state(f->engine, "cam", "Shut", 5000000, &ORDER, &err));
	assert_string_equal(path(f), "held");
	wait_some(f, 6);
	write_all(f);
	await(f, "a");
	expect(f, "Normal", "Normal", "a");
}

static void what_was_decided_takes_over_at_once(void **state)
{
	struct fixture *f = *state;
	order(f, engine_shadow);
	for (unsigned i = 0; i < 3; i++)
		tell(f, "bad");
	expect(f, "Attacked", "Normal", "a");
	order(f, engine_enforce);
	assert_string_equal(path(f), "held");
	assert_false(status_of(f).shadow);
	await(f, "c");
	expect(f, "Attacked", "Attacked", "c");
	tell(f, "odd"); /* and nothing is held back any more */
	order(f, engine_release);
	write_all(f);
	await(f, "a");
}

static const char CALM[] =
	"type: camera\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Shut: {chain: block, calm: {after: 10s, to: Normal}}\n"
	"rules:\n"
	"  - {name: bad, from: any, when: 'alert(\"bad\")', to: Shut, actions: [{tag: bad}, {notify: ops}]}\n";

static void what_loosens_is_written_before_it_takes_over(void **state)
{
	struct fixture *f = *state;
	f->types = CALM;
	reload(f);
	tell(f, "bad");
	assert_string_equal(path(f), "held");
	order(f, engine_shadow);
	wait_some(f, 12);
	expect(f, "Normal", "Shut", "held");
	write_all(f);
	expect(f, "Normal", "Shut", "held");
	order(f, engine_enforce);
	assert_string_equal(path(f), "held");
	write_all(f);
	expect(f, "Normal", "Normal", "pass");
}

/* By its definition, and its policy changes meanwhile. */
static void a_shadow_goes_with_its_definition(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	device.shadow = true;
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	tell(f, "odd");
	expect(f, "Watched", "Normal", "a");
	f->types = RENAMED;
	reload(f);
	expect(f, "Guarded", "Guarded", "held"); /* neither of its states is there any more */
	await(f, "d");
	f->types = CAMERA;
	reload(f);
	assert_string_equal(status_of(f).in_force, "Shut");
	order(f, engine_release);
	write_all(f);
	await(f, "a");
	tell(f, "odd");
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	device.shadow = false;
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	assert_string_equal(path(f), "held");
	await(f, "a b");
}

static const char WATCHING[] =
	"type: camera\n"
	"states:\n"
	"  Normal: {chain: [{name: a, image: 'kalki/a:1', shadow: true}]}\n"
	"  Attacked: {chain: block}\n"
	"rules:\n"
	"  - {name: two, from: any, when: 'count(\"bad\", within: 10m) >= 2', to: Attacked}\n";

static const char WATCHED[] =
	"type: camera\n"
	"states:\n"
	"  Normal: {chain: [{name: a, image: 'kalki/a:1'}]}\n"
	"  Attacked: {chain: block}\n"
	"rules:\n"
	"  - {name: two, from: any, when: 'count(\"bad\", within: 10m) >= 2', to: Attacked}\n";

static void alerts_of_a_umbox_in_shadow_are_no_input(void **state)
{
	struct fixture *f = *state;
	uint32_t umbox = f->world->umboxes[0].is.id;
	f->types = WATCHING;
	reload(f);
	pass(f, 3000);
	assert_null(fake_find_umbox(f->world, umbox)); /* one in shadow took its place */
	assert_string_equal(path(f), "a");
	hear_events(f, 1u << EVENT_ALERT);
	for (unsigned i = 0; i < 3; i++)
		tell(f, "bad");
	assert_int_equal(heard(f, "\"shadow\":true"), 3);
	assert_string_equal(status_of(f).state, "Normal");
	f->types = WATCHED;
	reload(f);
	pass(f, 3000);
	assert_string_equal(path(f), "a");
	tell(f, "bad");
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	assert_string_equal(status_of(f).state, "Normal");
	tell(f, "bad");
	assert_string_equal(status_of(f).state, "Attacked");
}

struct recorder {
	struct engine_actor actor;
	unsigned notices;
};

static void on_action(struct engine_actor *actor, const struct device *device maybe_unused,
		      const struct action *action, const struct decision *decision)
{
	assert_string_equal(action->name, "ops");
	assert_string_equal(decision->reason,
			    "in shadow, not enforced: rule 'bad': alert(\"bad\")");
	container_of(actor, struct recorder, actor)->notices++;
}

static void people_are_told_and_nothing_is_done(void **state)
{
	struct fixture *f = *state;
	struct recorder recorder = {.actor.on_action = on_action};
	f->types = CALM;
	reload(f);
	engine_set_actor(f->engine, &recorder.actor);
	order(f, engine_shadow);
	hear_events(f, 1u << EVENT_TRANSITION);
	tell(f, "bad");
	expect(f, "Shut", "Normal", "pass");
	assert_int_equal(recorder.notices, 1);
	assert_int_equal(heard(f, "\"not_done\":[\"tag bad\"]"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_in_shadow_is_only_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rule_in_shadow_is_told_once_over_restarts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_rule_leaves_the_shadow, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_in_shadow_keeps_its_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_operators_say_is_enforced_in_shadow, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_decided_takes_over_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_loosens_is_written_before_it_takes_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_shadow_goes_with_its_definition, setup, teardown),
		cmocka_unit_test_setup_teardown(people_are_told_and_nothing_is_done, setup,
						teardown),
		cmocka_unit_test_setup_teardown(alerts_of_a_umbox_in_shadow_are_no_input, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
