/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_store.h - what the store's tests share: a folder, a loop, a clock of their own, a
 * store. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/store.h"

/* A machine's clock: engine time is `machine_us` and the offset that the store gives. */
struct test_clock {
	struct clock clock;
	int64_t machine_us;
};

struct fixture {
	char folder[64], path[96];
	char boot_id[32];
	uv_loop_t loop;
	struct test_clock clock;
	struct store_config config;
	struct store *store;
	bool damaged, closed;
	unsigned troubles, recoveries;
	char words[ERROR_TEXT_BYTES];
};

static int64_t test_now(const struct clock *clock)
{
	return container_of(clock, struct test_clock, clock)->machine_us + clock->offset_us;
}

static void test_on_trouble(void *data, const char *words)
{
	struct fixture *f = data;
	if (words) {
		f->troubles++;
		TEXT_COPY(f->words, words);
	} else {
		f->recoveries++;
	}
}

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->folder, "/tmp/kalki-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/kalki.db", f->folder);
	strcpy(f->boot_id, "boot-1");
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->clock = (struct test_clock){
		.clock = {.now_us = test_now, .wall_now_us = test_now},
		.machine_us = 1000000000,
	};
	f->config = (struct store_config){
		.path = f->path,
		.queue_max = 100000,
		.boot_id = f->boot_id,
		.on_trouble = test_on_trouble,
		.data = f,
	};
}

static int fixture_try_open(struct fixture *f, struct error *err)
{
	f->troubles = f->recoveries = 0;
	f->damaged = false;
	return store_open(&f->store, &f->loop, &f->config, &f->clock.clock, &f->damaged, err);
}

static void maybe_unused fixture_open(struct fixture *f)
{
	struct error err = {0};
	if (fixture_try_open(f, &err) < 0)
		fail_msg("store_open: %s", err.text);
}

static void test_on_closed(void *data)
{
	((struct fixture *)data)->closed = true;
}

static void maybe_unused fixture_close(struct fixture *f)
{
	f->closed = false;
	store_close(f->store, test_on_closed, f);
	while (!f->closed)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void fixture_done(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	cleanup_free char *command = mem_printf("rm -rf '%s'", f->folder);
	assert_int_equal(system(command), 0);
}

struct test_barrier {
	struct store_barrier barrier;
	bool done;
};

static void test_on_barrier(struct store_barrier *barrier, int result maybe_unused)
{
	struct test_barrier *waiting = container_of(barrier, struct test_barrier, barrier);
	assert_false(waiting->done);
	waiting->done = true;
}

static int maybe_unused fixture_sync(struct fixture *f)
{
	struct test_barrier waiting = {.barrier.done = test_on_barrier};
	store_sync(f->store, &waiting.barrier);
	assert_false(waiting.done);
	while (!waiting.done)
		uv_run(&f->loop, UV_RUN_ONCE);
	return waiting.barrier.result;
}

/* The writer touches the database no more until something is put. */
static void maybe_unused fixture_settle(struct fixture *f)
{
	/* What follows the first transaction is over when the second begins, and so on. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fixture_sync(f), 0);
}

static uint64_t maybe_unused fixture_add(struct fixture *f, enum event_kind kind, uint32_t device,
					 const char *json)
{
	struct event event = {
		.id = store_new_event(f->store),
		.time_us = clock_now_us(&f->clock.clock),
		.wall_us = clock_wall_now_us(&f->clock.clock),
		.kind = kind,
		.device = device,
		.generation = 3,
		.json = json,
	};
	snprintf(event.device_name, sizeof(event.device_name), "cam%u", device);
	store_add_event(f->store, &event);
	return event.id;
}

/* Copies of constants, so that the padding is zero and values can be compared as memory. */
static struct device maybe_unused test_device(uint32_t number)
{
	static const struct device TEMPLATE = {
		.type = "camera",
		.description = "over the door \xff\" and 'the rest'",
		.port = "wlan0",
		.mac = {{2}},
		.ips = {{4, {10, 20}}, {6, {0xfd, 1, [15] = 7}}},
		.ip_count = 2,
		.groups = {"hall", "ground-floor"},
		.group_count = 2,
		.multicast = true,
		.shadow = true,
		.parameters = "{\"guard\":{\"attempts\":3}}",
		.telemetry_factor = 0.25,
		.file = "/etc/kalki/devices.d/a b.yaml",
	};
	struct device device;
	memcpy(&device, &TEMPLATE, sizeof(device));
	device.number = number;
	device.mac.octet[4] = device.ips[0].octet[2] = (uint8_t)(number >> 8);
	device.mac.octet[5] = device.ips[0].octet[3] = (uint8_t)number;
	snprintf(device.name, sizeof(device.name), "cam%u", number);
	return device;
}

static struct machine_record maybe_unused test_machine(uint32_t number)
{
	static const struct machine_record TEMPLATE = {
		.state = "Suspicious",
		.generation = 7,
		.entered_us = 123456789,
		.last_alert_us = 123456790,
		.decided_event = 1ULL << 40,
		.manual = true,
		.manual_until_us = 99,
		.manual_back = "Normal",
		.manual_reason = "test of the alarm",
		.quarantined = true,
		.shadowed = true,
		.in_force = "Attack",
		.unused_count = 2,
		.unused = {3, 1ULL << 39},
	};
	struct machine_record machine;
	memcpy(&machine, &TEMPLATE, sizeof(machine));
	machine.device = number;
	return machine;
}

/* What a load finds: all must be as test_device and test_machine made them. */
struct loaded {
	unsigned devices, machines;
};

static int test_on_loaded(void *data, const struct device *device,
			  const struct machine_record *machine)
{
	struct loaded *loaded = data;
	struct device expected = test_device(device->number);
	assert_memory_equal(device, &expected, sizeof(expected));
	loaded->devices++;
	if (machine) {
		struct machine_record record = test_machine(device->number);
		assert_memory_equal(machine, &record, sizeof(record));
		loaded->machines++;
	}
	return 0;
}

static struct loaded maybe_unused fixture_load(struct fixture *f)
{
	struct loaded loaded = {0};
	struct error err = {0};
	assert_int_equal(store_load_devices(f->store, test_on_loaded, &loaded, &err), 0);
	return loaded;
}

/* The ids that a filter finds. */
struct found {
	uint64_t ids[STORE_PAGE_MAX];
	unsigned count, stop_at;
	char acknowledged_by[64];
};

static bool test_on_event(void *data, const struct event *event, const char *acknowledged_by)
{
	struct found *found = data;
	assert_non_null(event->json);
	found->ids[found->count++] = event->id;
	if (acknowledged_by)
		TEXT_COPY(found->acknowledged_by, acknowledged_by);
	return found->count != found->stop_at;
}

static int maybe_unused fixture_read(struct fixture *f, struct event_filter filter,
				     struct found *found)
{
	struct error err = {0};
	unsigned stop_at = found->stop_at;
	*found = (struct found){.stop_at = stop_at};
	if (!filter.limit)
		filter.limit = STORE_PAGE_MAX;
	return store_read_events(f->store, &filter, test_on_event, found, &err);
}
