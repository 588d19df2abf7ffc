/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_plan.c - the planner: one test a rule, then random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan.h"
#include "core/plan_history.h"

enum { HISTORIES = 50000, HISTORY_BYTES_MAX = 160 };

struct scene {
	struct posture posture, spares[2];
	struct want want;
	struct world have;
	struct plan plan;
	char words[512];
	size_t length;
};

/* "a b? c": hops by digest, '?' fails open; or "pass", "block". */
static void spell(struct posture *posture, const char *words)
{
	*posture = (struct posture){.mode = text_equal(words, "pass")    ? POSTURE_PASS
					    : text_equal(words, "block") ? POSTURE_BLOCK
									 : POSTURE_CHAIN};
	for (; posture->mode == POSTURE_CHAIN && *words; words++) {
		if (*words == '?')
			posture->hops[posture->hop_count - 1].fail = HOP_FAIL_OPEN;
		else if (*words != ' ')
			posture->hops[posture->hop_count++].digest[0] = *words;
	}
}

static void want(struct scene *s, const char *words, bool hold_old)
{
	spell(&s->posture, words);
	s->want.posture = &s->posture;
	s->want.hold_old = hold_old;
	s->want.generation++;
}

static void stand_by(struct scene *s, const char *words)
{
	spell(&s->spares[s->want.standby_count], words);
	s->want.standby[s->want.standby_count] = &s->spares[s->want.standby_count];
	s->want.standby_count++;
}

/* `is`: w wired, r ready, q quiet, o overdue, b busy, g gone. */
static void umbox(struct scene *s, uint32_t id, char digest, const char *is)
{
	struct umbox_view *view = world_find(&s->have, id);
	if (!view)
		view = &s->have.umboxes[s->have.umbox_count++];
	*view = (struct umbox_view){
		.id = id,
		.digest = {digest},
		.state = strchr(is, 'g') ? UMBOX_GONE : UMBOX_RUNNING,
		.wired = strchr(is, 'w'),
		.ready = strchr(is, 'r'),
		.quiet = strchr(is, 'q'),
		.overdue = strchr(is, 'o'),
		.busy = strchr(is, 'b'),
	};
	s->have.next_umbox = max_of(s->have.next_umbox, id + 1);
}

/* An enrolled device with the chain in force: umboxes 1, 2, ... */
static void begin(struct scene *s, const char *words)
{
	*s = (struct scene){.want = {.enrolled = true}};
	s->have = (struct world){.complete = true, .enrolled = true, .next_umbox = 1};
	want(s, words, false);
	if (s->posture.mode != POSTURE_BLOCK)
		s->have.path.state = PATH_WHOLE;
	for (unsigned i = 0; i < s->posture.hop_count; i++) {
		umbox(s, i + 1, s->posture.hops[i].digest[0], "wr");
		s->have.path.ids[s->have.path.count++] = i + 1;
	}
}

static void say(struct scene *s, const char *format, ...) printf_like(2, 3);
static void say(struct scene *s, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	s->length += (size_t)vsnprintf(s->words + s->length, sizeof(s->words) - s->length, format,
				       arguments);
	va_end(arguments);
	assert_true(s->length < sizeof(s->words));
}

static void say_step(struct scene *s, const struct step *step)
{
	say(s, "%s%s", s->length ? "; " : "", step_kind_name(step->kind));
	if (step->umbox)
		say(s, " %u", step->umbox);
	if (step->hop)
		say(s, " %s", step->hop->digest);
	for (unsigned i = 0; i < step->path.count; i++)
		say(s, " %u", step->path.ids[i]);
	if (step->cut)
		say(s, " cut");
}

/* Plans; the plan must be as the words say. */
static void expect(struct scene *s, const char *words, enum plan_goal goal)
{
	s->words[s->length = 0] = '\0';
	plan_next(&s->plan, &s->want, &s->have);
	for (unsigned i = 0; i < s->plan.count; i++)
		say_step(s, &s->plan.steps[i]);
	assert_string_equal(s->words, words);
	assert_string_equal(plan_goal_name(s->plan.goal), plan_goal_name(goal));
}

/* The step of the last plan that steers was carried out. */
static void steered(struct scene *s)
{
	assert_true(s->plan.count > 0);
	plan_steered(&s->have, &s->plan.steps[0], true);
}

static void drop_umbox(struct scene *s, uint32_t id)
{
	struct umbox_view *view = world_find(&s->have, id);
	*view = s->have.umboxes[--s->have.umbox_count];
}

static void test_new_device(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "block");
	s.have.enrolled = false;
	want(&s, "a b", false);
	expect(&s, "enrol; launch 1 a; launch 2 b", PLAN_HELD);
	umbox(&s, 1, 'a', "q");
	umbox(&s, 2, 'b', "q");
	s.have.busy = true;
	expect(&s, "wire 1; wire 2", PLAN_HELD);
	umbox(&s, 1, 'a', "wrq");
	umbox(&s, 2, 'b', "wq");
	s.have.busy = false;
	s.have.enrolled = true;
	expect(&s, "", PLAN_HELD);
	assert_false(s.plan.settled);
	umbox(&s, 2, 'b', "wrq");
	expect(&s, "route 1 2", PLAN_HELD);
	steered(&s);
	expect(&s, "", PLAN_CONVERGED);
	assert_true(s.plan.settled);
}

static void test_tighten_cold(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	want(&s, "a b", false);
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "launch 2 b", PLAN_HELD);
	umbox(&s, 2, 'b', "wrq");
	expect(&s, "route 1 2", PLAN_HELD); /* frames inside 1 will see 2 */
}

static void test_tighten_with_standby(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b c");
	umbox(&s, 4, 'd', "wrq");
	want(&s, "a d c", false);
	s.posture.cut = true;
	expect(&s, "route 1 4 3 cut", PLAN_OLD_CHAIN);
}

static void test_old_chain_stays(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	want(&s, "c b", true);
	expect(&s, "launch 3 c", PLAN_OLD_CHAIN);
	umbox(&s, 1, 'a', "g"); /* until it loses a hop */
	expect(&s, "hold", PLAN_HELD);
	begin(&s, "a b");
	want(&s, "block", true);
	expect(&s, "hold", PLAN_OLD_CHAIN);
}

static void test_leaving_umboxes_drain(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	umbox(&s, 3, 'c', "wrq");
	want(&s, "a c", false);
	expect(&s, "route 1 3", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "", PLAN_CONVERGED);
	assert_false(s.plan.settled);
	world_drained(&s.have);
	expect(&s, "clean", PLAN_CONVERGED);
	steered(&s);
	expect(&s, "remove 2", PLAN_CONVERGED);
	drop_umbox(&s, 2);
	expect(&s, "", PLAN_CONVERGED);
	assert_true(s.plan.settled);
}

static void test_block(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	want(&s, "block", false);
	s.posture.cut = true;
	expect(&s, "hold cut", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "clean", PLAN_HELD); /* what was cut need not drain */
	steered(&s);
	expect(&s, "remove 1", PLAN_HELD);
	drop_umbox(&s, 1);
	expect(&s, "", PLAN_HELD);
	assert_true(s.plan.settled);
}

static void test_pass(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	want(&s, "pass", false);
	expect(&s, "route", PLAN_OLD_CHAIN);
	steered(&s);
	assert_int_equal(s.have.path.state, PATH_WHOLE);
	expect(&s, "", PLAN_CONVERGED);
	want(&s, "block", false);
	expect(&s, "hold", PLAN_OLD_CHAIN);
}

/* An umbox does not change its place while frames may be inside. */
static void test_no_place_is_changed_in_use(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	want(&s, "b a", true);
	expect(&s, "launch 3 b; launch 4 a", PLAN_OLD_CHAIN);
	begin(&s, "a b");
	want(&s, "b a", false);
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "", PLAN_HELD);
	world_drained(&s.have);
	expect(&s, "route 2 1", PLAN_HELD);
}

/* s, then q s, then q s t before the frames that came into s past q are out. */
static void test_strays_are_waited_for(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "s");
	umbox(&s, 2, 'q', "wrq");
	umbox(&s, 3, 't', "wrq");
	want(&s, "q s", false);
	expect(&s, "route 2 1; remove 3", PLAN_OLD_CHAIN);
	steered(&s);
	assert_true(world_find(&s.have, 1)->stray_up);
	want(&s, "q s t", false);
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "", PLAN_HELD);
	world_drained(&s.have);
	expect(&s, "route 2 1 3", PLAN_HELD);
}

/* The same downward: s, then s q, then t s q. */
static void test_strays_downward_are_waited_for(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "s");
	umbox(&s, 2, 'q', "wrq");
	umbox(&s, 3, 't', "wrq");
	want(&s, "s q", false);
	expect(&s, "route 1 2; remove 3", PLAN_OLD_CHAIN);
	steered(&s);
	assert_true(world_find(&s.have, 1)->stray_down);
	want(&s, "t s q", true);
	expect(&s, "clean", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "", PLAN_OLD_CHAIN);
	world_drained(&s.have);
	expect(&s, "route 3 1 2", PLAN_OLD_CHAIN);
}

/* The same path may come back at once: what is inside is on its way through it. */
static void test_flushed_rules_come_back(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	world_flip(&s.have, &(struct path){.state = PATH_HELD});
	expect(&s, "route 1 2", PLAN_HELD);
	world_flip(&s.have, &(struct path){.state = PATH_BROKEN});
	expect(&s, "hold", PLAN_HELD);
}

static void test_death_in_force(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b c");
	umbox(&s, 2, 'b', "gw");
	expect(&s, "hold", PLAN_HELD);
	steered(&s);
	expect(&s, "launch 4 b; remove 2", PLAN_HELD);
	umbox(&s, 2, 'b', "gwb");
	umbox(&s, 4, 'b', "wrq");
	expect(&s, "route 1 4 3", PLAN_HELD);
}

static void test_fail_open(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b? c");
	umbox(&s, 2, 'b', "gw");
	expect(&s, "route 1 3; launch 4 b", PLAN_HELD);
	steered(&s);
	text_copy(s.have.failed[s.have.failed_count++], DIGEST_TEXT_BYTES, "b");
	umbox(&s, 4, 'b', "wq");
	expect(&s, "clean; remove 2", PLAN_DEGRADED);
	steered(&s);
	drop_umbox(&s, 2);
	umbox(&s, 4, 'b', "wrq");
	s.have.failed_count = 0;
	expect(&s, "route 1 4 3", PLAN_OLD_CHAIN);
}

static void test_fail_open_is_waited_for(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	want(&s, "a b?", false);
	umbox(&s, 2, 'b', "wq");
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "", PLAN_HELD);
	umbox(&s, 2, 'b', "woq");
	expect(&s, "route 1; launch 3 b; remove 2", PLAN_HELD);
	umbox(&s, 2, 'b', "wqb"); /* its removal is no failure */
	expect(&s, "launch 3 b", PLAN_HELD);
}

static void test_spares(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	want(&s, "a b", true);
	stand_by(&s, "a b c c");
	stand_by(&s, "d b");
	expect(&s, "launch 2 b", PLAN_OLD_CHAIN); /* the wanted chain first */
	umbox(&s, 2, 'b', "wrq");
	s.have.path = (struct path){.state = PATH_WHOLE, .ids = {1, 2}, .count = 2};
	expect(&s, "launch 3 c; launch 4 c; launch 5 d", PLAN_CONVERGED);
	umbox(&s, 3, 'c', "wrq");
	umbox(&s, 4, 'c', "wq");
	umbox(&s, 5, 'd', "wrq");
	expect(&s, "prepare 5 2", PLAN_CONVERGED); /* the first that is ready */
	steered(&s);
	umbox(&s, 4, 'c', "wrq");
	expect(&s, "clean", PLAN_CONVERGED); /* the tighter one is ready now */
	steered(&s);
	expect(&s, "prepare 1 2 3 4", PLAN_CONVERGED);
	steered(&s);
	expect(&s, "", PLAN_CONVERGED);
	assert_true(s.plan.settled);
	s.want.standby_count = 0;
	expect(&s, "clean", PLAN_CONVERGED);
	steered(&s);
	expect(&s, "remove 3; remove 4; remove 5", PLAN_CONVERGED);
}

static void test_spares_are_shared(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "pass");
	stand_by(&s, "b c");
	stand_by(&s, "c b b");
	expect(&s, "launch 1 b; launch 2 c; launch 3 b", PLAN_CONVERGED);
}

static void test_incomplete_picture(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	s.have.complete = false;
	s.have.leftovers = true;
	umbox(&s, 2, 'x', "wrq");
	umbox(&s, 3, 'y', "g");
	expect(&s, "", PLAN_CONVERGED);
	assert_false(s.plan.settled);
	want(&s, "a b", false);
	expect(&s, "hold", PLAN_OLD_CHAIN); /* tightening needs no picture */
	steered(&s);
	expect(&s, "", PLAN_HELD);
}

/* After a restart without Docker the kernel's path is all that is known. */
static void test_unknown_umboxes_in_force(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	s.have.umbox_count = 0;
	s.have.complete = false;
	s.want.hold_old = true;
	expect(&s, "", PLAN_OLD_CHAIN);
	s.want.hold_old = false;
	expect(&s, "hold", PLAN_OLD_CHAIN);
	s.want.hold_old = s.have.complete = true;
	expect(&s, "hold", PLAN_OLD_CHAIN);
}

static void test_unknown_result(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	umbox(&s, 2, 'b', "wrq");
	want(&s, "a b", false);
	expect(&s, "route 1 2", PLAN_OLD_CHAIN);
	plan_steered(&s.have, &s.plan.steps[0], false);
	expect(&s, "hold", PLAN_HELD);
	steered(&s);
	expect(&s, "route 1 2", PLAN_HELD);
}

static void test_busy(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	umbox(&s, 2, 'x', "wrqb");
	umbox(&s, 3, 'b', "qb");
	want(&s, "a b", false);
	s.have.busy = true;
	expect(&s, "", PLAN_OLD_CHAIN);
	umbox(&s, 3, 'b', "wrqb"); /* it is being removed: no candidate */
	s.have.busy = false;
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "launch 4 b", PLAN_HELD);
}

static void test_back_off(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "block");
	want(&s, "a", false);
	s.have.backing_off = true;
	umbox(&s, 1, 'a', "woq");
	expect(&s, "remove 1", PLAN_HELD);
	drop_umbox(&s, 1);
	expect(&s, "", PLAN_HELD);
	assert_false(s.plan.settled);
}

/* Somebody deleted its legs: what it had bound to is gone. */
static void test_leg_deleted(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a b");
	umbox(&s, 1, 'a', "r");
	world_flip(&s.have, &(struct path){.state = PATH_BROKEN});
	expect(&s, "hold; remove 1", PLAN_HELD);
	steered(&s);
	expect(&s, "launch 3 a; remove 1", PLAN_HELD);
}

static void test_unenrolment(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	s.want = (struct want){.generation = 2};
	expect(&s, "hold cut", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "clean", PLAN_HELD);
	steered(&s);
	expect(&s, "remove 1", PLAN_HELD);
	drop_umbox(&s, 1);
	expect(&s, "unenrol", PLAN_HELD);
	s.have.enrolled = false;
	expect(&s, "", PLAN_HELD);
	assert_true(s.plan.settled);
}

/* The old identity passes nothing from the first step on, the new one only once it is in place. */
static void test_identity_change(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	s.want.hold_old = s.have.stale = true;
	expect(&s, "hold cut", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "clean", PLAN_HELD);
	steered(&s);
	expect(&s, "unenrol", PLAN_HELD);
	s.have.stale = s.have.enrolled = false;
	expect(&s, "enrol", PLAN_HELD);
	s.have.enrolled = true;
	expect(&s, "route 1", PLAN_HELD);
}

/* Other addresses at the same place need no gap. */
static void test_other_addresses(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "a");
	s.have.readdressed = true;
	expect(&s, "enrol", PLAN_CONVERGED);
	assert_false(s.plan.settled);
	s.have.complete = false;
	expect(&s, "", PLAN_CONVERGED);
	s.have.complete = true;
	s.have.readdressed = false;
	expect(&s, "", PLAN_CONVERGED);
	assert_true(s.plan.settled);
}

/* Old generations whose launches hang fill the world up; what is needed now still finds room. */
static void test_room(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, "pass");
	stand_by(&s, "a b");
	for (unsigned i = 0; i < WORLD_UMBOXES_MAX - HOPS_MAX - 1; i++)
		umbox(&s, i + 1, 'x', "qb");
	expect(&s, "launch 40 a", PLAN_CONVERGED);
	want(&s, "a b c", false);
	expect(&s, "hold", PLAN_OLD_CHAIN);
	steered(&s);
	expect(&s, "clean; launch 40 a; launch 41 b; launch 42 c", PLAN_HELD);
	steered(&s);
	for (unsigned i = s.have.umbox_count; i < WORLD_UMBOXES_MAX; i++)
		umbox(&s, i + 1, 'x', "qb");
	expect(&s, "", PLAN_HELD);
}

static void outdated(struct scene *s, uint32_t id)
{
	world_find(&s->have, id)->outdated = true;
}

static void test_outdated_umboxes_are_exchanged(void **state maybe_unused)
{
	struct scene s;
	begin(&s, "a b c");
	outdated(&s, 1);
	outdated(&s, 3);
	expect(&s, "", PLAN_CONVERGED); /* it is not this device's turn */
	s.have.renew = true;
	expect(&s, "launch 4 a", PLAN_CONVERGED);
	umbox(&s, 4, 'a', "q");
	expect(&s, "wire 4", PLAN_CONVERGED);
	umbox(&s, 4, 'a', "wq");
	expect(&s, "", PLAN_CONVERGED);
	umbox(&s, 4, 'a', "wqo"); /* never ready: another is tried */
	expect(&s, "remove 4", PLAN_CONVERGED);
	umbox(&s, 4, 'a', "wrq");
	world_find(&s.have, 2)->stray_down = true;
	expect(&s, "", PLAN_CONVERGED);
	world_find(&s.have, 2)->stray_down = false;
	expect(&s, "route 4 2 3", PLAN_OLD_CHAIN);
}

static void test_outdated_spares_are_exchanged(void **state maybe_unused)
{
	struct scene s;
	begin(&s, "a");
	stand_by(&s, "b");
	umbox(&s, 2, 'b', "wrq");
	outdated(&s, 2);
	s.have.prepared[0] = 2;
	s.have.prepared_count = 1;
	s.have.renew = true;
	expect(&s, "launch 3 b", PLAN_CONVERGED);
	umbox(&s, 3, 'b', "wq");
	expect(&s, "", PLAN_CONVERGED);
	umbox(&s, 3, 'b', "wrq");
	expect(&s, "clean", PLAN_CONVERGED);
	s.have.prepared_count = 0;
	expect(&s, "prepare 3; remove 2", PLAN_CONVERGED);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STEP_KIND_COUNT; i++)
		assert_non_null(step_kind_name(i));
	for (unsigned i = 0; i < PLAN_GOAL_COUNT; i++)
		assert_non_null(plan_goal_name(i));
}

static void test_histories(void **state)
{
	struct plan_history_tally tally = {0};
	uint64_t random = 88172645463325252u;
	(void)state;
	for (unsigned i = 0; i < HISTORIES; i++) {
		uint8_t bytes[HISTORY_BYTES_MAX];
		for (unsigned j = 0; j < sizeof(bytes); j++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[j] = (uint8_t)(random >> 24);
		}
		plan_history(&tally, bytes, 20 + random % (sizeof(bytes) - 20));
	}
	/* They went where something can go wrong. */
	assert_true(tally.routes > HISTORIES && tally.holds > HISTORIES / 5);
	assert_true(tally.launches > HISTORIES && tally.removals > HISTORIES);
	assert_true(tally.prepared > HISTORIES / 5 && tally.bridged > HISTORIES / 5);
	assert_true(tally.frames > HISTORIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_device),
		cmocka_unit_test(test_tighten_cold),
		cmocka_unit_test(test_tighten_with_standby),
		cmocka_unit_test(test_old_chain_stays),
		cmocka_unit_test(test_leaving_umboxes_drain),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_no_place_is_changed_in_use),
		cmocka_unit_test(test_strays_are_waited_for),
		cmocka_unit_test(test_strays_downward_are_waited_for),
		cmocka_unit_test(test_flushed_rules_come_back),
		cmocka_unit_test(test_death_in_force),
		cmocka_unit_test(test_fail_open),
		cmocka_unit_test(test_fail_open_is_waited_for),
		cmocka_unit_test(test_spares),
		cmocka_unit_test(test_spares_are_shared),
		cmocka_unit_test(test_incomplete_picture),
		cmocka_unit_test(test_unknown_umboxes_in_force),
		cmocka_unit_test(test_unknown_result),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_leg_deleted),
		cmocka_unit_test(test_unenrolment),
		cmocka_unit_test(test_identity_change),
		cmocka_unit_test(test_other_addresses),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_outdated_umboxes_are_exchanged),
		cmocka_unit_test(test_outdated_spares_are_exchanged),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_histories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
