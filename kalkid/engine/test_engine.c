/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine.c - the whole engine on a real store and the fake driver: the order of writing
 * and enforcing, orders that cross each other, reloads, and kills after every single step. */
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
#include "codec/files.h"
#include "core/explain.h"
#include "driver/fake.h"
#include "engine/control.h"
#include "engine/test_bed.h"

enum { TICK_US = 10000, TICKS_MAX = 4000, DIED = 42 };

struct fixture {
	char folder[64], path[96], witness[96];
	uv_loop_t loop;
	struct clock_fake clock;
	struct store *store;
	struct fake_world *world;
	struct driver *driver;
	struct engine *engine;
	const char *types; /* what the file says at the next start or reload */
	unsigned cut_at;   /* step after which the daemon is killed; 0: never */
	bool dies;         /* with its process, at the next HOLD */
	bool stopped, closed, store_closed, written;
};

static const struct operator_order ORDER = {.who = "test", .reason = "because"};

#define CHAIN(hops) "chain: [" hops "]"
#define HOP(name)   "{name: " name ", image: 'kalki/" name ":1'}"

static const char CAMERA[] =
	"type: camera\n"
	"initial: Normal\n"
	"states:\n"
	"  Open: {chain: pass}\n"
	"  Normal: {" CHAIN(HOP(
		"a")) ", standby: none}\n"
		      "  Watched: {" CHAIN(HOP("a") ", " HOP(
			      "b")) ", standby: none}\n"
				    "  Attacked: {" CHAIN(HOP(
					    "c")) ", standby: none}\n"
						  "  Shut: {chain: block}\n"
						  "rules:\n"
						  "  - {name: look, from: [Normal], when: 'alert(\"odd\")', to: Watched}\n"
						  "  - {name: three, from: any, when: 'count(\"bad\", within: 10m) >= 3', to: Attacked}\n";

/* Normal under another name. */
static const char RENAMED[] =
	"type: camera\n"
	"states:\n"
	"  Quiet: {" CHAIN(HOP("a")) ", standby: none}\n"
				     "  Guarded: {" CHAIN(HOP("d")) ", standby: none}\n";

static const char LAMP[] = "type: lamp\n"
			   "states:\n"
			   "  Normal: {chain: pass}\n";

static const char SENSING[] =
	"type: camera\n"
	"commands: {turn-off: {program: {command: [/bin/true]}}, turn-on: {program: {command: [/bin/true]}}}\n"
	"sensors: {heat: {type: number, unit: C}, motion: {type: boolean}}\n"
	"states:\n"
	"  Normal: {" CHAIN(HOP(
		"a")) ", standby: none}\n"
		      "  Attacked: {" CHAIN(HOP(
			      "c")) ", standby: none}\n"
				    "rules:\n"
				    "  - {name: lost, from: any, when: 'alert(\"device-unavailable\")', actions: [{notify: ops}, {tag: lost}]}\n"
				    "  - {name: back, from: [Normal], when: 'alert(\"device-available\")', to: Attacked, actions: [{command: turn-off}]}\n"
				    "  - {name: calm, from: [Attacked], when: 'time_in_state >= 1m', to: Normal, actions: [{command: turn-on}]}\n";

/* --- daemon and world --- */

static void on_world_step(void *data, unsigned number, const struct step *step)
{
	struct fixture *f = data;
	if (f->dies && step->kind == STEP_HOLD)
		_exit(DIED);
	if (number == f->cut_at)
		fake_cut(f->driver);
}

static void turn(struct fixture *f)
{
	for (unsigned i = 0; i < 6; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Everything given to the store is on disk, and who waited for that was told. */
static void write_all(struct fixture *f)
{
	write_store(&f->loop, f->store);
	turn(f);
}

static void start_daemon(struct fixture *f)
{
	const struct store_config config = {
		.path = f->path,
		.witness_path = f->witness,
		.queue_max = 10000,
		.boot_id = "one boot",
	};
	struct engine_config engine_config;
	struct policy *policies[2];
	struct error err = {0};
	bool damaged = false;
	unsigned count = 0;

	engine_config_init(&engine_config);
	if (f->types)
		policies[count++] = read_policy(f->types);
	policies[count++] = read_policy(LAMP);
	if (store_open(&f->store, &f->loop, &config, &f->clock.clock, &damaged, &err) < 0 ||
	    engine_new(&f->engine, &f->loop, &f->clock.clock, &engine_config, f->store, policies,
		       count, NULL, 0, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(damaged);
	f->driver = fake_open(f->world, &f->loop, engine_listener(f->engine));
	engine_start(f->engine, f->driver);
	turn(f);
}

static void end_daemon(struct fixture *f)
{
	f->stopped = f->closed = f->store_closed = false;
	engine_stop(f->engine, on_done, &f->stopped);
	f->driver->ops->close(f->driver, on_done, &f->closed);
	loop_until(&f->loop, &f->stopped);
	loop_until(&f->loop, &f->closed);
	store_close(f->store, on_done, &f->store_closed);
	loop_until(&f->loop, &f->store_closed);
	engine_free(f->engine);
	turn(f);
}

static void restart_daemon(struct fixture *f)
{
	fake_cut(f->driver);
	end_daemon(f);
	start_daemon(f);
}

static void reload(struct fixture *f)
{
	struct policy *policies[2];
	unsigned count = 0;
	if (f->types)
		policies[count++] = read_policy(f->types);
	policies[count++] = read_policy(LAMP);
	engine_reload(f->engine, policies, count, NULL, 0);
}

static void tick(struct fixture *f)
{
	turn(f);
	clock_fake_advance(&f->clock, TICK_US);
	fake_wake(f->driver);
	deadlines_run(f->engine->deadlines);
	turn(f);
	if (f->cut_at && f->world->step_count >= f->cut_at) {
		f->cut_at = 0;
		restart_daemon(f);
	}
	fake_traffic(f->world);
	assert_string_equal(f->world->violation, "");
}

static void pass(struct fixture *f, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++)
		tick(f);
}

static uint32_t number_of(struct fixture *f, const char *name)
{
	uint32_t number = 0;
	struct error err = {0};
	if (engine_device_number(f->engine, name, &number, &err) < 0)
		fail_msg("%s", err.text);
	return number;
}

static const char *path(struct fixture *f)
{
	static char words[FAKE_WORDS_BYTES];
	return fake_path(f->world, number_of(f, "cam"), words);
}

static void await(struct fixture *f, const char *words)
{
	for (unsigned i = 0; i < TICKS_MAX; i++) {
		struct device_status status;
		struct error err = {0};
		tick(f);
		write_all(f);
		assert_int_equal(engine_find_device(f->engine, "cam", &status, &err), 0);
		if (text_equal(path(f), words) &&
		    (status.goal == PLAN_CONVERGED || status.quarantined))
			return;
	}
	assert_string_equal(path(f), words);
	fail_msg("it did not converge");
}

static struct device camera(void)
{
	struct device device = {.name = "cam", .type = "camera", .port = "lan0"};
	device.mac.octet[5] = 1;
	return device;
}

#define must(call)                                \
	do {                                      \
		struct error err = {0};           \
		if ((call) < 0)                   \
			fail_msg("%s", err.text); \
	} while (0)

static void set_state(struct fixture *f, const char *state)
{
	must(engine_set_state(f->engine, "cam", state, 0, &ORDER, &err));
}

static struct device_status status_of(struct fixture *f)
{
	struct device_status status;
	must(engine_find_device(f->engine, "cam", &status, &err));
	return status;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = *state = &fixture;
	*f = (struct fixture){.folder = "/dev/shm/kalki-engine-XXXXXX", .types = CAMERA};
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/kalki.db", f->folder);
	snprintf(f->witness, sizeof(f->witness), "%s/witness", f->folder);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	clock_init_fake(&f->clock, 1000000, 1000000);
	f->world = fake_world_new(&f->clock.clock);
	f->world->on_step = on_world_step;
	f->world->on_step_data = f;
	f->world->ready_us = 30000;
	f->world->delay_us[STEP_LAUNCH] = 100000;
	f->world->delay_us[STEP_REMOVE] = 100000;
	start_daemon(f);
	struct device device = camera();
	must(engine_add_device(f->engine, &device, &ORDER, &err));
	await(f, "a");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];
	end_daemon(f);
	fake_world_free(f->world);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	return system(command);
}

/* --- tests --- */

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

/* The new one may have the MAC of the old, whose umboxes still stand. */
static void a_device_goes_and_comes_at_once(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	for (unsigned i = 0; i < 5; i++) {
		set_state(f, "Watched");
		if (i & 1)
			write_all(f);
		set_state(f, "Normal"); /* is being written when the device goes */
		uint32_t before = number_of(f, "cam");
		char words[FAKE_WORDS_BYTES];
		must(engine_remove_device(f->engine, "cam", &ORDER, &err));
		assert_string_equal(fake_path(f->world, before, words), "held");
		must(engine_add_device(f->engine, &device, &ORDER, &err));
		assert_int_not_equal(number_of(f, "cam"), before);
		await(f, "a");
		pass(f, 1000);
		assert_int_equal(fake_count(f->world, before), 0);
		assert_int_equal(f->world->enrolments_refused, 0);
		assert_false(fake_find_device(f->world, before)->enrolled);
	}
}

/* A umbox is told once whom it serves: another identity needs others. */
static void another_address_needs_other_umboxes(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	uint32_t umbox = f->world->umboxes[0].is.id;
	device.mac.octet[5] = 9;
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	assert_string_equal(path(f), "held");
	await(f, "a");
	pass(f, 1000);
	assert_null(fake_find_umbox(f->world, umbox));
	assert_true(
		mac_equal(&fake_find_device(f->world, number_of(f, "cam"))->as.mac, &device.mac));
}

/* Also those that outlive a kill in the middle of the change. */
static void another_address_and_a_kill_after_every_step(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	unsigned steps = 1;
	for (unsigned cut = 1; cut <= steps; cut++) {
		unsigned before = f->world->step_count;
		char addresses[DIGEST_TEXT_BYTES];
		device.mac.octet[5] ^= 8;
		device_addresses_digest(&device, addresses);
		f->cut_at = before + cut;
		must(engine_change_device(f->engine, &device, &ORDER, &err));
		write_all(f);
		await(f, "a");
		const struct path *path = &f->world->flips[f->world->flip_count - 1].path;
		assert_int_equal(path->count, 1);
		assert_string_equal(fake_find_umbox(f->world, path->ids[0])->is.serves, addresses);
		pass(f, 1000);
		steps = f->world->step_count - before;
		assert_in_range(steps, 6, 40);
	}
}

static void hear(struct fixture *f, enum claim_kind kind, const char *ip, uint32_t xid)
{
	struct driver_listener *listener = engine_listener(f->engine);
	struct claim claim = {.kind = kind, .xid = xid};
	claim.lease_us = kind == CLAIM_LEASE ? 2000000 : 0;
	if (ip)
		must(ip_parse(&claim.ip, ip, &err));
	listener->on_notice(listener, &(struct driver_notice){.kind = DRIVER_CLAIM,
							      .device = number_of(f, "cam"),
							      .claim = &claim});
	pass(f, 100);
}

/* The control's and the kernel's word. */
static bool owns(struct fixture *f, const char *text)
{
	struct device_status status;
	struct ip ip;
	must(ip_parse(&ip, text, &err));
	must(engine_find_device(f->engine, "cam", &status, &err));
	bool enrolled = device_owns_ip(&fake_find_device(f->world, number_of(f, "cam"))->as, &ip);
	assert_int_equal(enrolled, device_owns_ip(&status.device, &ip));
	return enrolled;
}

static void addresses_are_learnt_and_kept(void **state)
{
	struct fixture *f = *state;
	struct device other = camera();
	uint32_t umbox = f->world->umboxes[0].is.id;
	unsigned flips = f->world->flip_count;
	hear(f, CLAIM_LEASE, "10.0.0.5", 7);
	assert_false(owns(f, "10.0.0.5"));
	hear(f, CLAIM_ASK, NULL, 7);
	hear(f, CLAIM_LEASE, "10.0.0.5", 7);
	assert_true(owns(f, "10.0.0.5"));
	hear(f, CLAIM_ND, "fd00::5", 0);
	assert_true(owns(f, "fd00::5"));
	/* The chain stays with its memory, under other elements. */
	assert_string_equal(path(f), "a");
	assert_int_equal(f->world->umboxes[0].is.id, umbox);
	assert_int_equal(f->world->flip_count, flips);
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	assert_true(owns(f, "10.0.0.5") && owns(f, "fd00::5"));
	/* Renewed in time, then not. */
	pass(f, 1500);
	hear(f, CLAIM_LEASE, "10.0.0.5", 9);
	pass(f, 1000);
	assert_true(owns(f, "10.0.0.5"));
	pass(f, 2000);
	assert_false(owns(f, "10.0.0.5"));
	assert_true(owns(f, "fd00::5"));
	assert_true(device_is_bound(&fake_find_device(f->world, number_of(f, "cam"))->as, 4));
	/* What is another's stays so, and the operator's word beats what was learnt. */
	TEXT_COPY(other.name, "other");
	other.mac.octet[5] = 2;
	must(ip_parse(&other.ips[other.ip_count++], "fd00::5", &err));
	must(ip_parse(&other.ips[other.ip_count++], "10.0.0.6", &err));
	must(engine_add_device(f->engine, &other, &ORDER, &err));
	pass(f, 1000);
	assert_false(owns(f, "fd00::5"));
	hear(f, CLAIM_ASK, NULL, 11);
	hear(f, CLAIM_LEASE, "10.0.0.6", 11);
	assert_false(owns(f, "10.0.0.6"));
}

/* Another type may be looser: that is on disk before it is in force. */
static void another_type_is_written_first(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	set_state(f, "Shut");
	pass(f, 300);
	write_all(f);
	TEXT_COPY(device.type, "lamp");
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	assert_string_equal(path(f), "held");
	write_all(f);
	assert_string_equal(path(f), "pass");
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

/* --- the same facts, the same decisions --- */

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

static void wait_some(struct fixture *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		clock_fake_advance(&f->clock, 1000000);
		fake_wake(f->driver);
		deadlines_run(f->engine->deadlines);
		turn(f);
	}
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

static const char WITH_STANDBY[] =
	"type: camera\n"
	"initial: Normal\n"
	"states:\n"
	"  Normal: {" CHAIN(HOP("a")) ", standby: none}\n"
				      "  Attacked: {" CHAIN(
					      HOP("a") ", " HOP("b")) ", standby: all}\n"
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

struct recorder {
	struct engine_actor actor;
	struct fixture *fixture;
	bool bare;
	char words[256]; /* "name@path" of each action, with the path that was in force, or "name"
			  */
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
	"  - {name: calls, from: any, when: 'count(\"odd\", within: 1h) >= 2', actions: [{notify: "
	"calls}]}\n"
	"  - {name: night, from: any, when: 'between(\"22:00\", \"06:00\")', actions: [{notify: "
	"night}]}\n"
	"  - {name: alone, from: [Normal], when: 'not lit and all(type: \"camera\", group: mine, where: "
	"lit)', to: Attacked, actions: [{notify: alone}]}\n";

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
		cmocka_unit_test_setup_teardown(a_tightening_order_waits_for_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_answer_waits_for_the_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(it_waits_for_no_first_look, setup, teardown),
		cmocka_unit_test_setup_teardown(a_loosening_order_is_written_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_tightens_is_measured_by_what_is_in_force,
						setup, teardown),
		cmocka_unit_test_setup_teardown(quarantine_and_release_cross, setup, teardown),
		cmocka_unit_test_setup_teardown(alerts_count_across_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(a_state_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_type_that_goes_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(reloads_in_the_middle_of_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_goes_and_comes_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(another_address_needs_other_umboxes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_address_and_a_kill_after_every_step, setup,
						teardown),
		cmocka_unit_test_setup_teardown(addresses_are_learnt_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(another_type_is_written_first, setup, teardown),
		cmocka_unit_test_setup_teardown(rules_act_when_the_kernel_has_the_posture, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_lost_database_brings_no_number_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rules_do_not_act_twice_over_a_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(others_are_asked_when_they_change, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_after_every_step, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failing_standby_chain_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_between_the_kernel_and_the_disk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_restart_changes_no_decision, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
