/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_deadline.c - deadlines leave the loop to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/deadline.h"

enum { COUNT = 3, LONG_US = 5000 /* longer than a slice */ };

struct fixture {
	uv_loop_t loop;
	struct clock_fake clock;
	struct deadlines *deadlines;
	struct deadline each[COUNT];
	unsigned runs[COUNT];
	uv_prepare_t prepare;
	unsigned turns;
};

static struct fixture fixture;

static unsigned count_run(const struct deadline *deadline)
{
	return ++fixture.runs[deadline - fixture.each];
}

static void last_long(struct deadline *deadline)
{
	count_run(deadline);
	usleep(LONG_US);
}

static void set_again(struct deadline *deadline)
{
	if (count_run(deadline) < COUNT)
		deadline_set(fixture.deadlines, deadline, 0);
}

static void remove_next(struct deadline *deadline)
{
	last_long(deadline);
	deadline_remove(fixture.deadlines, &fixture.each[1]);
}

static void on_turn(uv_prepare_t *prepare maybe_unused)
{
	fixture.turns++;
}

static void begin(void (*first)(struct deadline *), void (*others)(struct deadline *))
{
	fixture = (struct fixture){0};
	assert_int_equal(uv_loop_init(&fixture.loop), 0);
	uv_prepare_init(&fixture.loop, &fixture.prepare);
	uv_prepare_start(&fixture.prepare, on_turn);
	clock_init_fake(&fixture.clock, 1000, 1000);
	fixture.deadlines = deadlines_new(&fixture.loop, &fixture.clock.clock);
	for (unsigned i = 0; i < COUNT; i++) {
		deadline_add(fixture.deadlines, &fixture.each[i], i ? others : first);
		deadline_set(fixture.deadlines, &fixture.each[i], 1000);
	}
}

static void end(void)
{
	deadlines_free(fixture.deadlines);
	uv_close((uv_handle_t *)&fixture.prepare, NULL);
	uv_run(&fixture.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture.loop), 0);
}

static void others_have_their_turn_between_long_ones(void **state maybe_unused)
{
	begin(last_long, last_long);
	for (unsigned i = 0; i < COUNT; i++) {
		while (!fixture.runs[i])
			uv_run(&fixture.loop, UV_RUN_NOWAIT);
		assert_int_equal(fixture.runs[i], 1);
		for (unsigned later = i + 1; later < COUNT; later++)
			assert_int_equal(fixture.runs[later], 0);
	}
	end();
}

static void one_that_sets_itself_again_does_not_hold_the_loop(void **state maybe_unused)
{
	begin(set_again, set_again);
	while (fixture.runs[0] < COUNT)
		uv_run(&fixture.loop, UV_RUN_NOWAIT);
	assert_true(fixture.turns >= COUNT);
	end();
}

static void what_is_removed_between_slices_is_left_out(void **state maybe_unused)
{
	begin(remove_next, last_long);
	while (!fixture.runs[2])
		uv_run(&fixture.loop, UV_RUN_NOWAIT);
	assert_int_equal(fixture.runs[0], 1);
	assert_int_equal(fixture.runs[1], 0);
	end();
}

static void by_hand_all_run_at_once(void **state maybe_unused)
{
	begin(last_long, last_long);
	deadlines_run(fixture.deadlines);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(fixture.runs[i], 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_have_their_turn_between_long_ones),
		cmocka_unit_test(one_that_sets_itself_again_does_not_hold_the_loop),
		cmocka_unit_test(what_is_removed_between_slices_is_left_out),
		cmocka_unit_test(by_hand_all_run_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
