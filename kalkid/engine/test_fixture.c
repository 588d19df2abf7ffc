/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_fixture.c - see test_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/test_bed.h"
#include "engine/test_fixture.h"

enum { TICK_US = 10000, TICKS_MAX = 4000 };

const struct operator_order ORDER = {.who = "test", .reason = "because"};

const char CAMERA[] =
	"type: camera\n"
	"initial: Normal\n"
	"states:\n"
	"  Open: {chain: pass}\n"
	"  Normal: {chain: [{name: a, image: 'kalki/a:1'}], standby: none}\n"
	"  Watched: {chain: [{name: a, image: 'kalki/a:1'}, {name: b, image: 'kalki/b:1'}], standby: none}\n"
	"  Attacked: {chain: [{name: c, image: 'kalki/c:1'}], standby: none}\n"
	"  Shut: {chain: block}\n"
	"rules:\n"
	"  - {name: look, from: [Normal], when: 'alert(\"odd\")', to: Watched}\n"
	"  - {name: three, from: any, when: 'count(\"bad\", within: 10m) >= 3', to: Attacked}\n";

const char RENAMED[] = "type: camera\n"
		       "states:\n"
		       "  Quiet: {chain: [{name: a, image: 'kalki/a:1'}], standby: none}\n"
		       "  Guarded: {chain: [{name: d, image: 'kalki/d:1'}], standby: none}\n";

static const char LAMP[] = "type: lamp\n"
			   "states:\n"
			   "  Normal: {chain: pass}\n";

static void on_world_step(void *data, unsigned number, const struct step *step)
{
	struct fixture *f = data;
	if (f->dies && step->kind == STEP_HOLD)
		_exit(DIED);
	if (number == f->cut_at)
		fake_cut(f->driver);
}

void turn(struct fixture *f)
{
	for (unsigned i = 0; i < 6; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

void write_all(struct fixture *f)
{
	write_store(&f->loop, f->store);
	turn(f);
}

void start_daemon(struct fixture *f)
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
	    engine_new(&f->engine, &f->loop, &f->clock.clock, &engine_config, f->store,
		       &(struct definitions){policies, count, NULL, 0}, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(damaged);
	f->driver = fake_open(f->world, &f->loop, engine_listener(f->engine));
	engine_start(f->engine, f->driver);
	turn(f);
}

void end_daemon(struct fixture *f)
{
	f->stopped = f->closed = f->store_closed = false;
	engine_stop(f->engine, on_done, &f->stopped);
	f->driver->ops->close(f->driver, on_done, &f->closed);
	loop_until(&f->loop, &f->stopped);
	loop_until(&f->loop, &f->closed);
	store_close(f->store, on_done, &f->store_closed);
	loop_until(&f->loop, &f->store_closed);
	engine_free(f->engine);
	f->kinds = 0;
	turn(f);
}

void restart_daemon(struct fixture *f)
{
	fake_cut(f->driver);
	end_daemon(f);
	start_daemon(f);
}

void reload(struct fixture *f)
{
	struct policy *policies[2];
	unsigned count = 0;
	if (f->types)
		policies[count++] = read_policy(f->types);
	policies[count++] = read_policy(LAMP);
	engine_reload(f->engine, &(struct definitions){policies, count, NULL, 0});
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

void pass(struct fixture *f, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++)
		tick(f);
}

uint32_t number_of(struct fixture *f, const char *name)
{
	uint32_t number = 0;
	struct error err = {0};
	if (engine_device_number(f->engine, name, &number, &err) < 0)
		fail_msg("%s", err.text);
	return number;
}

const char *path(struct fixture *f)
{
	static char words[FAKE_WORDS_BYTES];
	return fake_path(f->world, number_of(f, "cam"), words);
}

void await(struct fixture *f, const char *words)
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

static void on_event(struct engine_subscriber *subscriber, const struct event *event)
{
	struct fixture *f = container_of(subscriber, struct fixture, subscriber);
	if (f->kinds >> event->kind & 1)
		buffer_print(&f->told, "%s\n", event->json);
}

void hear_events(struct fixture *f, uint32_t kinds)
{
	if (!f->kinds)
		engine_subscribe(f->engine, &f->subscriber);
	f->subscriber.on_event = on_event;
	f->kinds = kinds;
	f->told.length = 0;
	buffer_print(&f->told, "%s", "");
}

struct device camera(void)
{
	struct device device = {.name = "cam", .type = "camera", .port = "lan0"};
	device.mac.octet[5] = 1;
	return device;
}

void set_state(struct fixture *f, const char *state)
{
	must(engine_set_state(f->engine, "cam", state, 0, &ORDER, &err));
}

struct device_status status_of(struct fixture *f)
{
	struct device_status status;
	must(engine_find_device(f->engine, "cam", &status, &err));
	return status;
}

void wait_some(struct fixture *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		clock_fake_advance(&f->clock, 1000000);
		fake_wake(f->driver);
		deadlines_run(f->engine->deadlines);
		turn(f);
	}
}

int setup(void **state)
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

int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];
	end_daemon(f);
	buffer_done(&f->told);
	fake_world_free(f->world);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	return system(command);
}
