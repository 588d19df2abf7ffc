/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_node.c - the node on the fake driver, also killed after every single step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "driver/fake.h"
#include "engine/node.h"

enum { DEVICE = 7, TICK_US = 10000, TICKS_MAX = 4000 };

struct fixture {
	uv_loop_t loop;
	struct clock_fake clock;
	struct deadlines *deadlines;
	struct engine_config config;
	struct fake_world *world;
	struct driver *driver;
	struct node *node;
	struct node_listener listener;
	struct device_identity device;
	struct posture postures[4];
	struct want want;
	uint32_t next_umbox, umbox_seen;
	enum plan_goal goal;
	unsigned alerts, remarks, failed_steps;
	bool hasty;      /* umboxes say that they are ready before they have legs */
	unsigned cut_at; /* step after which the daemon is killed; 0: never */
	bool stopped, closed;
};

/* --- control, as far as the node sees it --- */

static void on_alert(struct node_listener *listener, uint32_t device maybe_unused,
		     const struct alert *alert maybe_unused)
{
	container_of(listener, struct fixture, listener)->alerts++;
}

static void on_enforced(struct node_listener *listener maybe_unused, uint32_t device maybe_unused,
			uint32_t generation maybe_unused, const struct path *path maybe_unused,
			int64_t at_us maybe_unused)
{
}

static void on_goal(struct node_listener *listener, uint32_t device,
		    uint32_t generation maybe_unused, enum plan_goal goal,
		    const struct path *path maybe_unused)
{
	assert_int_equal(device, DEVICE);
	container_of(listener, struct fixture, listener)->goal = goal;
}

static void on_step(struct node_listener *listener, uint32_t device maybe_unused,
		    uint32_t generation maybe_unused, const struct node_step *step)
{
	container_of(listener, struct fixture, listener)->failed_steps += step->result < 0;
}

static void on_record(struct node_listener *listener maybe_unused, uint32_t device maybe_unused,
		      uint32_t umbox maybe_unused, const char *json maybe_unused)
{
}

static void on_remark(struct node_listener *listener, uint32_t device maybe_unused,
		      const char *kind maybe_unused, uint64_t count maybe_unused,
		      const char *words maybe_unused)
{
	container_of(listener, struct fixture, listener)->remarks++;
}

static uint32_t new_umbox(struct node_listener *listener, uint32_t seen)
{
	struct fixture *f = container_of(listener, struct fixture, listener);
	f->umbox_seen = seen;
	return f->next_umbox++;
}

/* --- daemon and world --- */

static void on_world_step(void *data, unsigned number, const struct step *step)
{
	struct fixture *f = data;
	if (f->hasty && step->kind == STEP_LAUNCH)
		f->driver->listener->on_notice(f->driver->listener,
					       &(struct driver_notice){.kind = DRIVER_UMBOX_READY,
								       .device = DEVICE,
								       .umbox = step->umbox});
	if (number == f->cut_at)
		fake_cut(f->driver);
}

static void turn(struct fixture *f)
{
	for (unsigned i = 0; i < 6; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void start_daemon(struct fixture *f)
{
	f->node = node_new(f->deadlines, &f->clock.clock, &f->config, &f->listener);
	f->driver = fake_open(f->world, &f->loop, node_driver_listener(f->node));
	if (f->want.posture)
		node_want(f->node, &f->device, &f->want, "state");
	node_start(f->node, f->driver);
}

static void on_stopped(void *data)
{
	*(bool *)data = true;
}

static void end_daemon(struct fixture *f)
{
	f->stopped = f->closed = false;
	node_stop(f->node, on_stopped, &f->stopped);
	f->driver->ops->close(f->driver, on_stopped, &f->closed);
	turn(f);
	assert_true(f->stopped && f->closed);
	node_free(f->node);
}

static void restart_daemon(struct fixture *f)
{
	fake_cut(f->driver);
	end_daemon(f);
	f->want.hold_old = true; /* control knows that this generation was reached, or none */
	start_daemon(f);
}

static void tick(struct fixture *f)
{
	turn(f);
	clock_fake_advance(&f->clock, TICK_US);
	fake_wake(f->driver);
	deadlines_run(f->deadlines);
	turn(f);
	if (f->cut_at && f->world->step_count >= f->cut_at) {
		f->cut_at = 0;
		restart_daemon(f);
	}
	fake_traffic(f->world);
	assert_string_equal(f->world->violation, "");
}

static const char *path(struct fixture *f)
{
	static char words[FAKE_WORDS_BYTES];
	return fake_path(f->world, DEVICE, words);
}

/* Time passes until the path is this and the device has so many umboxes, all else gone. */
static void await(struct fixture *f, const char *words, unsigned umboxes)
{
	for (unsigned i = 0; i < TICKS_MAX; i++) {
		tick(f);
		if (text_equal(path(f), words) && fake_count(f->world, DEVICE) == umboxes)
			return;
	}
	print_error("path '%s' and %u umboxes\n", path(f), fake_count(f->world, DEVICE));
	assert_string_equal(path(f), words);
	assert_int_equal(fake_count(f->world, DEVICE), umboxes);
}

static void pass(struct fixture *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * (1000000 / TICK_US); i++)
		tick(f);
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = *state = &fixture;
	*f = (struct fixture){
		.device = {.number = DEVICE, .name = "cam"},
		.listener = {on_alert, on_enforced, on_goal, on_step, on_record, on_remark,
			     new_umbox},
		.next_umbox = 1,
	};
	assert_int_equal(uv_loop_init(&f->loop), 0);
	clock_init_fake(&f->clock, 1000000, 0);
	engine_config_init(&f->config);
	f->deadlines = deadlines_new(&f->loop, &f->clock.clock);
	f->world = fake_world_new(&f->clock.clock);
	f->world->on_step = on_world_step;
	f->world->on_step_data = f;
	f->world->ready_us = 30000;
	f->world->delay_us[STEP_LAUNCH] = 100000;
	f->world->delay_us[STEP_WIRE] = f->world->delay_us[STEP_ENROL] = 10000;
	f->world->delay_us[STEP_REMOVE] = 300000;
	start_daemon(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	end_daemon(f);
	deadlines_free(f->deadlines);
	turn(f);
	fake_world_free(f->world);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	return 0;
}

/* "a b? c", or "block"; each hop's name is its digest, and B a hop b with other parameters. */
static const struct posture *posture(struct fixture *f, unsigned at, const char *words)
{
	struct posture *posture = &f->postures[at];
	*posture = (struct posture){.mode = text_equal(words, "block") ? POSTURE_BLOCK
								       : POSTURE_CHAIN};
	for (; posture->mode == POSTURE_CHAIN && *words; words++) {
		struct hop *hop = &posture->hops[posture->hop_count];
		if (*words == '?')
			hop[-1].fail = HOP_FAIL_OPEN;
		if (*words < 'A')
			continue;
		hop->digest[0] = *words;
		hop->name[0] = *words < 'a' ? *words - 'A' + 'a' : *words;
		posture->hop_count++;
	}
	return posture;
}

/* The control's next generation: chain `at`, with `standby` besides (NULL: none). */
static void want(struct fixture *f, unsigned at, const char *words, const char *standby)
{
	f->want = (struct want){
		.enrolled = true,
		.generation = f->want.generation + 1,
		.posture = posture(f, at, words),
	};
	if (standby) {
		f->want.standby[0] = posture(f, at + 1, standby);
		f->want.standby_count = 1;
	}
	node_want(f->node, &f->device, &f->want, "state");
}

/* The files were changed: the chain in force may stay until the new one is there. */
static void change(struct fixture *f, unsigned at, const char *words)
{
	f->want.posture = posture(f, at, words);
	f->want.hold_old = true;
	node_want(f->node, &f->device, &f->want, "state");
}

/* --- tests --- */

static void test_a_life(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", "a c b");
	await(f, "a b", 3);
	assert_int_equal(f->goal, PLAN_CONVERGED);
	for (unsigned i = 0; i < 20; i++)
		tick(f);
	want(f, 2, "a c b", NULL); /* on standby: in force when the call returns */
	assert_string_equal(path(f), "a c b");
	want(f, 0, "d", NULL); /* not on standby: held at once */
	assert_string_equal(path(f), "held");
	await(f, "d", 1);
	want(f, 2, "block", NULL);
	assert_string_equal(path(f), "held");
	await(f, "held", 0);
	node_forget(f->node, DEVICE);
	for (unsigned i = 0; i < 20; i++)
		tick(f);
	assert_false(fake_find_device(f->world, DEVICE)->enrolled);
}

static void test_killed_after_every_step(void **state)
{
	struct fixture *f = *state;
	unsigned steps = 1;
	for (unsigned cut = 1; cut <= steps; cut++) {
		unsigned before = f->world->step_count;
		f->world->finishes_cut = cut % 2;
		f->cut_at = before + cut;
		want(f, 0, "a b", "a c");
		await(f, "a b", 3);
		want(f, 2, "c d", NULL);
		await(f, "c d", 2);
		want(f, 0, "block", NULL);
		await(f, "held", 0);
		steps = f->world->step_count - before;
		assert_in_range(steps, 15, 60);
	}
}

static void test_a_hop_dies(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b c", NULL);
	await(f, "a b c", 3);
	fake_kill_umbox(f->world, 2, true);
	turn(f);
	assert_string_equal(path(f), "held");
	await(f, "a b c", 3);
	assert_null(fake_find_umbox(f->world, 2));
	assert_non_null(fake_find_umbox(f->world, 1)); /* with its memory */
}

/* Who makes it die again and again gains no more each time. */
static void test_a_hop_that_dies_now_and_then_is_back_soon(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a", NULL);
	await(f, "a", 1);
	for (unsigned i = 0; i < 12; i++) {
		pass(f, 12);
		fake_kill_umbox(f->world, f->world->umboxes[0].is.id, true);
		turn(f);
		assert_string_equal(path(f), "held");
		pass(f, 1);
		assert_string_equal(path(f), "a");
	}
}

static void test_a_fail_open_hop_dies(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b? c", NULL);
	await(f, "a b c", 3);
	fake_kill_umbox(f->world, 2, true);
	turn(f);
	assert_string_equal(path(f), "a c");
	assert_int_equal(f->goal, PLAN_DEGRADED);
	await(f, "a b c", 3);
	assert_int_equal(f->goal, PLAN_CONVERGED);
}

static void test_repairs(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	fake_flush_rules(f->world, true);
	await(f, "a b", 2);
	assert_non_null(fake_find_umbox(f->world, 1));
	fake_delete_leg(f->world, 1, true);
	await(f, "held", 2);
	await(f, "a b", 2);
	assert_null(fake_find_umbox(f->world, 1));
}

static void test_lost_results(void **state)
{
	struct fixture *f = *state;
	for (unsigned kind = 0; kind < STEP_KIND_COUNT; kind++) {
		for (enum fake_fault fault = FAKE_REFUSED; fault < FAKE_HANGS; fault++) {
			fake_fail(f->world, kind, 0, fault);
			want(f, 0, "a b", "a c");
			await(f, "a b", 3);
			want(f, 2, "block", NULL);
			await(f, "held", 0);
		}
	}
}

static void test_rules_come_back_without_docker(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	fake_set_docker(f->world, false);
	fake_flush_rules(f->world, true);
	pass(f, 1000);
	assert_string_equal(path(f), "a b");
	fake_set_docker(f->world, true);
	await(f, "a b", 2);
	assert_non_null(fake_find_umbox(f->world, 1));
}

/* Tightening needs neither Docker nor the picture that it would give. */
static void test_docker_is_down(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a", "a b");
	await(f, "a", 2);
	for (unsigned i = 0; i < 20; i++)
		tick(f);
	fake_set_docker(f->world, false);
	turn(f);
	want(f, 2, "a b", NULL);
	assert_string_equal(path(f), "a b");
	want(f, 0, "c", NULL);
	assert_string_equal(path(f), "held");
	for (unsigned i = 0; i < 200; i++)
		tick(f);
	fake_set_docker(f->world, true);
	await(f, "c", 1);
}

static void test_restart_interrupts_nothing(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	unsigned flips = f->world->flip_count;
	fake_set_docker(f->world, false);
	restart_daemon(f);
	for (unsigned i = 0; i < 100; i++)
		tick(f);
	fake_set_docker(f->world, true);
	for (unsigned i = 0; i < 100; i++)
		tick(f);
	await(f, "a b", 2);
	assert_int_equal(f->world->flip_count, flips);
}

static void test_restart_keeps_a_bridged_chain(void **state)
{
	struct fixture *f = *state;
	f->world->deaf_hop = "b";
	want(f, 0, "a b? c", NULL);
	await(f, "a c", 3);
	assert_int_equal(f->goal, PLAN_DEGRADED);
	unsigned flips = f->world->flip_count;
	restart_daemon(f);
	for (unsigned i = 0; i < 50; i++)
		tick(f);
	assert_int_equal(f->world->flip_count, flips);
	f->world->deaf_hop = NULL;
	await(f, "a b c", 3);
}

/* However long the chain in force has been well. */
static void test_a_broken_spare_is_not_hammered(void **state)
{
	struct fixture *f = *state;
	f->world->missing_hop = "b";
	want(f, 0, "a", "a b");
	await(f, "a", 1);
	pass(f, 180);
	assert_in_range(f->failed_steps, 8, 20);
	fake_kill_umbox(f->world, 1, true); /* nor does it keep the chain waiting */
	pass(f, 1);
	assert_string_equal(path(f), "a");
}

static void test_docker_comes_back(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a", NULL);
	await(f, "a", 1);
	fake_set_docker(f->world, false);
	want(f, 1, "b", NULL);
	pass(f, 180);
	fake_set_docker(f->world, true);
	pass(f, 1);
	assert_string_equal(path(f), "b");
}

/* It cannot forward yet: its word is worth nothing, and it is not tried again without end. */
static void test_ready_without_legs(void **state)
{
	struct fixture *f = *state;
	f->hasty = true;
	f->world->ready_us = -1;
	want(f, 0, "a", NULL);
	pass(f, 60);
	assert_string_equal(path(f), "held");
	assert_in_range(f->next_umbox, 5, 15);
}

/* --- another image --- */

static unsigned count_image(const struct fixture *f, const char *id)
{
	unsigned count = 0;
	for (unsigned i = 0; i < f->world->umbox_count; i++)
		count += text_equal(f->world->umboxes[i].is.image_id, id);
	return count;
}

/* Time passes until all umboxes are of the image, and there are so many. */
static void await_image(struct fixture *f, const char *id, unsigned umboxes)
{
	for (unsigned i = 0; i < TICKS_MAX; i++) {
		tick(f);
		if (f->world->umbox_count == umboxes && count_image(f, id) == umboxes)
			return;
	}
	fail_msg("%u of %u umboxes are of %s", count_image(f, id), f->world->umbox_count, id);
}

/* From the flip on each exchanged one umbox, and none left the device without its chain. */
static void assert_one_at_a_time(const struct fixture *f, unsigned flip, unsigned count)
{
	assert_int_equal(f->world->flip_count, flip + count);
	for (; flip < f->world->flip_count; flip++) {
		const struct path *before = &f->world->flips[flip - 1].path;
		const struct path *path = &f->world->flips[flip].path;
		unsigned others = 0;
		assert_int_equal(path->state, PATH_WHOLE);
		assert_int_equal(path->count, before->count);
		for (unsigned i = 0; i < path->count; i++)
			others += path->ids[i] != before->ids[i];
		assert_int_equal(others, 1);
	}
}

static void test_another_image_comes_hop_by_hop(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b c", "a d");
	await(f, "a b c", 4);
	pass(f, 1);
	assert_int_equal(count_image(f, "sha256:0"), 4);
	unsigned flips = f->world->flip_count, failed = f->failed_steps;
	fake_change_image(f->world);
	await_image(f, "sha256:1", 4);
	pass(f, 1);
	assert_one_at_a_time(f, flips, 3);
	assert_int_equal(f->remarks, 2); /* new, changed */
	assert_int_equal(f->failed_steps, failed);
	assert_int_equal(f->goal, PLAN_CONVERGED);
	want(f, 1, "a d", NULL); /* was on standby, and still is */
	assert_string_equal(path(f), "a d");
}

static void test_an_image_that_does_not_get_ready_is_refused(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	f->world->deaf_image = "sha256:1";
	unsigned flips = f->world->flip_count;
	fake_change_image(f->world);
	pass(f, 100);
	assert_int_equal(f->world->flip_count, flips);
	assert_int_equal(f->remarks, 2); /* new, refused */
	assert_int_equal(count_image(f, "sha256:0"), 2);
	assert_int_equal(f->world->umbox_count, 2);
	fake_kill_umbox(f->world, 1, true); /* what takes its place is of the former image */
	await(f, "a b", 2);
	assert_int_equal(count_image(f, "sha256:0"), 2);
	f->world->deaf_image = NULL;
	node_try_images_again(f->node);
	await_image(f, "sha256:1", 2);
}

static void test_an_image_that_lets_nothing_through_is_refused(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	for (unsigned i = 0; i < f->world->umbox_count; i++) /* nothing is to be compared with */
		assert_int_equal(f->world->umboxes[i].tried, 0);
	f->world->mute_image = "sha256:1";
	unsigned flips = f->world->flip_count;
	fake_change_image(f->world);
	pass(f, 100);
	assert_int_equal(f->world->flip_count, flips);
	assert_int_equal(f->remarks, 2); /* new, refused */
	assert_int_equal(count_image(f, "sha256:0"), 2);
	assert_int_equal(f->world->umbox_count, 2);
	f->world->accounts = true; /* it drops what it is to let through */
	node_try_images_again(f->node);
	pass(f, 100);
	assert_int_equal(f->world->flip_count, flips);
	f->world->mute_image = NULL;
	node_try_images_again(f->node);
	await_image(f, "sha256:1", 2);
	for (unsigned i = 0; i < f->world->umbox_count; i++)
		assert_int_equal(f->world->umboxes[i].tried, 1);
}

static void test_an_image_that_may_drop_accounts_for_it(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	f->world->choosy = true;
	f->world->mute_image = "sha256:1";
	unsigned flips = f->world->flip_count;
	fake_change_image(f->world);
	pass(f, 100);
	assert_int_equal(f->world->flip_count, flips); /* it says nothing of them */
	f->world->accounts = true;
	node_try_images_again(f->node);
	await_image(f, "sha256:1", 2);
}

static unsigned tried(const struct fixture *f, const char *digest)
{
	unsigned most = 0;
	for (unsigned i = 0; i < f->world->umbox_count; i++)
		if (text_equal(f->world->umboxes[i].is.digest, digest))
			most = max_of(most, f->world->umboxes[i].tried);
	return most;
}

static void test_parameters_with_which_nothing_comes_through_leave_the_old_chain(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b c", NULL);
	await(f, "a b c", 3);
	unsigned flips = f->world->flip_count;
	f->world->mute_digest = "B";
	change(f, 1, "a B c");
	pass(f, 60);
	assert_int_equal(f->world->flip_count, flips);
	assert_int_equal(f->goal, PLAN_OLD_CHAIN);
	for (unsigned i = 0; i < TICKS_MAX && !tried(f, "B"); i++)
		tick(f);
	restart_daemon(f); /* in the middle of the trial */
	assert_int_not_equal(tried(f, "B"), 0);
	pass(f, 60);
	assert_int_equal(f->world->flip_count, flips);
	f->world->mute_digest = NULL;
	for (unsigned i = 0; i < TICKS_MAX && f->goal != PLAN_CONVERGED; i++)
		tick(f);
	await(f, "a b c", 3);
	assert_int_equal(f->world->flip_count, flips + 1);
	assert_int_equal(tried(f, "a"), 0);
}

/* What is needed at once is not tried first. */
static void test_nothing_is_tried_while_nothing_passes(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	f->world->mute_digest = "B";
	change(f, 1, "a B");
	for (unsigned i = 0; i < TICKS_MAX && !tried(f, "B"); i++)
		tick(f);
	want(f, 1, "a B", NULL);
	assert_string_equal(path(f), "held");
	tick(f);
	assert_string_equal(path(f), "a b");
	assert_int_equal(f->goal, PLAN_CONVERGED);
}

static struct node_view view(const struct fixture *f)
{
	struct node_view view;
	assert_true(node_read(f->node, DEVICE, &view));
	return view;
}

static void test_a_hop_that_does_nothing_with_what_it_takes_is_told(void **state)
{
	struct fixture *f = *state;
	f->world->heartbeats = true;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	pass(f, 60);
	f->world->accounts = true; /* it drops all, and says so */
	f->world->mute_digest = "b";
	pass(f, 60);
	assert_int_equal(f->remarks, 0);
	f->world->accounts = false;
	pass(f, 60);
	assert_int_equal(f->remarks, 1);
	assert_true(view(f).mute);
	assert_string_equal(view(f).trouble,
			    "hop 'b' (umbox 2) takes frames, lets none through and counts none as "
			    "dropped");
	f->world->mute_digest = NULL;
	pass(f, 10);
	assert_int_equal(f->remarks, 1);
	assert_false(view(f).mute);
	assert_string_equal(view(f).trouble, "");
}

static void test_what_was_exchanged_before_a_restart_goes_back(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	unsigned flips = f->world->flip_count;
	fake_change_image(f->world);
	for (unsigned i = 0; i < TICKS_MAX && f->world->flip_count == flips; i++)
		tick(f);
	f->world->missing_image = "sha256:1"; /* launches with it fail from now on */
	fake_kill_umbox(f->world, 2, true);   /* the newest is of the former image */
	await(f, "a b", 2);
	assert_int_equal(count_image(f, "sha256:1"), 1);
	restart_daemon(f);
	await_image(f, "sha256:0", 2);
}

static void test_what_was_exchanged_goes_back(void **state)
{
	struct fixture *f = *state;
	want(f, 0, "a b c", NULL);
	await(f, "a b c", 3);
	unsigned flips = f->world->flip_count;
	fake_change_image(f->world);
	for (unsigned i = 0; i < TICKS_MAX && f->world->flip_count == flips; i++)
		tick(f);
	f->world->missing_image = "sha256:1"; /* launches with it fail from now on */
	await_image(f, "sha256:0", 3);
	pass(f, 60);
	assert_one_at_a_time(f, flips, 2);
	assert_int_equal(count_image(f, "sha256:0"), 3);
	f->world->missing_image = NULL;
	fake_change_image(f->world);
	await_image(f, "sha256:2", 3);
}

static void test_killed_after_every_step_of_an_exchange(void **state)
{
	struct fixture *f = *state;
	char id[IMAGE_ID_BYTES];
	unsigned steps = 1;
	want(f, 0, "a b", NULL);
	await(f, "a b", 2);
	for (unsigned cut = 1; cut <= steps; cut++) {
		unsigned before = f->world->step_count, flips = f->world->flip_count;
		f->world->finishes_cut = cut % 2;
		f->cut_at = before + cut;
		fake_change_image(f->world);
		snprintf(id, sizeof(id), "sha256:%u", f->world->image);
		await_image(f, id, 2);
		assert_one_at_a_time(f, flips, 2);
		pass(f, 1);
		steps = f->world->step_count - before;
		assert_in_range(steps, 8, 30);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_after_every_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_hop_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_hop_that_dies_now_and_then_is_back_soon,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_fail_open_hop_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules_come_back_without_docker, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lost_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_docker_is_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart_interrupts_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart_keeps_a_bridged_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_broken_spare_is_not_hammered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_docker_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready_without_legs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_image_comes_hop_by_hop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_image_that_lets_nothing_through_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_parameters_with_which_nothing_comes_through_leave_the_old_chain, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_tried_while_nothing_passes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_a_hop_that_does_nothing_with_what_it_takes_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_exchanged_before_a_restart_goes_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_image_that_may_drop_accounts_for_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_image_that_does_not_get_ready_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_exchanged_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_after_every_step_of_an_exchange, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
