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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_in_shadow_is_only_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rule_in_shadow_is_told_once_over_restarts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_rule_leaves_the_shadow, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
