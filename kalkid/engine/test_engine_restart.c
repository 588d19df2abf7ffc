/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_restart.c - kills after every single step, restarts between any two facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/test_fixture.h"

/* The three alerts of a rule may lie on both sides of a kill. */
static void alerts_count_across_a_kill(void **state)
{
	struct fixture *f = *state;
	uint32_t number = number_of(f, "cam");
	fake_alert(f->world, number, "bad");
	fake_alert(f->world, number, "bad");
	turn(f);
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	fake_alert(f->world, number, "bad");
	turn(f);
	assert_string_equal(status_of(f).state, "Attacked");
	assert_string_equal(path(f), "held");
	await(f, "c");
	must(engine_release(f->engine, "cam", &ORDER, &err));
	await(f, "a");
	restart_daemon(f); /* what was used up stays so */
	fake_alert(f->world, number, "bad");
	turn(f);
	assert_string_equal(status_of(f).state, "Normal");
	await(f, "a");
}

/* The daemon's process ends where the kernel has the decision and the disk has not. */
static void kill_at_the_hold(struct fixture *f, void (*act)(struct fixture *f))
{
	int status = 0;
	end_daemon(f);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		uv_loop_fork(&f->loop);
		start_daemon(f);
		f->dies = true;
		act(f);
		turn(f);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DIED);
	start_daemon(f);
}

static void set_attacked(struct fixture *f)
{
	set_state(f, "Attacked");
}

static void three_alerts(struct fixture *f)
{
	for (unsigned i = 0; i < 3; i++)
		fake_alert(f->world, number_of(f, "cam"), "bad");
}

static void quarantine(struct fixture *f)
{
	must(engine_quarantine(f->engine, "cam", &ORDER, &err));
}

static bool count_recovered(void *data, const struct event *event,
			    const char *acknowledged_by maybe_unused)
{
	*(unsigned *)data += strstr(event->json, "decision-recovered") != NULL;
	return true;
}

static void killed_between_the_kernel_and_the_disk(void **state)
{
	static void (*const ACTS[])(struct fixture * f) = {set_attacked, three_alerts, quarantine};
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_SIZE(ACTS); i++) {
		const struct event_filter filter = {.kinds = 1u << EVENT_NODE, .limit = 1000};
		unsigned recovered = 0;
		kill_at_the_hold(f, ACTS[i]);
		assert_string_equal(path(f), "held");
		assert_string_equal(status_of(f).state,
				    ACTS[i] == quarantine ? "Normal" : "Attacked");
		assert_int_equal(status_of(f).quarantined, ACTS[i] == quarantine);
		write_all(f);
		must(store_read_events(f->store, &filter, count_recovered, &recovered, &err));
		assert_int_equal(recovered, i + 1);
		restart_daemon(f); /* now it is on disk: told once */
		await(f, ACTS[i] == quarantine ? "held" : "c");
		must(engine_release(f->engine, "cam", &ORDER, &err));
		await(f, "a");
	}
}

static const char HISTORY[] =
	"type: camera\n"
	"initial: Normal\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Watched: {chain: pass, calm: {after: 20s, to: Normal}}\n"
	"  Attacked: {chain: block, dwell: 5s, calm: {after: 60s, to: Watched}}\n"
	"rules:\n"
	"  - {name: two, from: [Normal], when: 'count(\"odd\", within: 1m) >= 2', to: Watched}\n"
	"  - {name: three, from: any, when: 'count(\"bad\", within: 2m) >= 3', to: Attacked}\n"
	"  - {name: mixed, from: [Attacked], when: 'count(\"odd\", within: 1m) >= 4', to: Normal}\n";

enum { FACTS = 60, WORDS = 64 };

static unsigned random_below(uint32_t *random, unsigned limit)
{
	*random = *random * 1103515245U + 12345U;
	return (*random >> 16) % limit;
}

static void one_fact(struct fixture *f, uint32_t *random)
{
	static const char *const TYPES[] = {"odd", "bad", "other"};
	unsigned what = random_below(random, 12), which = random_below(random, 3);
	if (what < 8) {
		fake_alert(f->world, number_of(f, "cam"), TYPES[which]);
	} else if (what < 10) {
		wait_some(f, 1 + random_below(random, 25));
	} else if (what == 10 && which == 0) {
		must(engine_release(f->engine, "cam", &ORDER, &err));
	} else if (what == 10) {
		must(engine_set_state(f->engine, "cam", which == 1 ? "Watched" : "Attacked",
				      15000000, &ORDER, &err));
	} else {
		reload(f);
	}
	wait_some(f, 1);
}

static void live(struct fixture *f, uint32_t seed, bool restarts, char told[FACTS][WORDS])
{
	uint32_t random = seed;
	for (unsigned i = 0; i < FACTS; i++) {
		one_fact(f, &random);
		struct device_status status = status_of(f);
		snprintf(told[i], WORDS, "%u: %.20s%s since %lld", i, status.state,
			 status.manual ? " (manual)" : "", (long long)status.entered_us);
		bool restart = random_below(&random, 3) == 0;
		if (restart && restarts)
			restart_daemon(f);
		wait_some(f, 1);
	}
}

static void a_restart_changes_no_decision(void **state)
{
	static char without[FACTS][WORDS], with[FACTS][WORDS];
	for (uint32_t seed = 1; seed <= 6; seed++) {
		for (unsigned restarts = 0; restarts < 2; restarts++) {
			teardown(state);
			setup(state);
			struct fixture *f = *state;
			f->types = HISTORY;
			reload(f);
			live(f, seed, restarts, restarts ? with : without);
		}
		for (unsigned i = 0; i < FACTS; i++)
			assert_string_equal(with[i], without[i]);
	}
}

/* Umboxes run that nothing on the disk tells of. */
static void a_lost_database_brings_no_number_back(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	uint32_t newest = 0;
	for (unsigned i = 0; i < 4; i++) {
		set_state(f, i % 2 ? "Attacked" : "Watched");
		write_all(f);
		await(f, i % 2 ? "c" : "a b");
	}
	for (unsigned i = 0; i < f->world->umbox_count; i++)
		newest = max_of(newest, f->world->umboxes[i].is.id);
	fake_cut(f->driver);
	end_daemon(f);
	cleanup_free char *command = mem_printf("rm %s*", f->path);
	assert_int_equal(system(command), 0);
	start_daemon(f);
	must(engine_add_device(f->engine, &device, &ORDER, &err));
	await(f, "a");
	set_state(f, "Watched");
	await(f, "a b");
	for (unsigned i = 0; i < f->world->umbox_count; i++)
		if (!text_equal(f->world->umboxes[i].is.hop, "c"))
			assert_true(f->world->umboxes[i].is.id > newest);
}

static void killed_after_every_step(void **state)
{
	struct fixture *f = *state;
	unsigned steps = 1;
	for (unsigned cut = 1; cut <= steps; cut++) {
		unsigned before = f->world->step_count;
		f->world->finishes_cut = cut % 2;
		f->cut_at = before + cut;
		set_state(f, "Watched");
		write_all(f);
		await(f, "a b");
		set_state(f, "Attacked");
		write_all(f);
		await(f, "c");
		must(engine_quarantine(f->engine, "cam", &ORDER, &err));
		write_all(f);
		await(f, "held");
		must(engine_release(f->engine, "cam", &ORDER, &err));
		write_all(f);
		await(f, "a");
		steps = f->world->step_count - before;
		assert_in_range(steps, 8, 60);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(alerts_count_across_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_between_the_kernel_and_the_disk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_restart_changes_no_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_database_brings_no_number_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(killed_after_every_step, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
