/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_store.c - intent and history come back, ids go on, engine time goes on,
 * old events go. */
#include "store/test_store.h"

#include <sys/stat.h>

#include "store/sql.h"

static void intent_comes_back(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	assert_false(f.damaged);
	uint32_t number[3];
	for (unsigned i = 0; i < 3; i++) {
		number[i] = store_new_device_number(f.store);
		struct device device = test_device(number[i]);
		store_put_device(f.store, &device);
	}
	assert_true(number[0] != number[1] && number[1] != number[2]);
	struct machine_record machine = test_machine(number[0]);
	store_put_machine(f.store, &machine);
	store_delete_device(f.store, number[2]);
	assert_int_equal(fixture_sync(&f), 0);
	fixture_close(&f);

	fixture_open(&f);
	struct loaded loaded = fixture_load(&f);
	assert_int_equal(loaded.devices, 2);
	assert_int_equal(loaded.machines, 1);
	/* Its machine goes with a device. */
	store_delete_device(f.store, number[0]);
	struct device again = test_device(number[0]);
	store_put_device(f.store, &again);
	fixture_close(&f);

	fixture_open(&f);
	loaded = fixture_load(&f);
	assert_int_equal(loaded.devices, 2);
	assert_int_equal(loaded.machines, 0);
	fixture_close(&f);
	fixture_done(&f);
}

static void device_numbers_are_those_of_no_living_device(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	static uint8_t seen[DEVICE_NUMBER_MAX + 1];
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < DEVICE_NUMBER_MAX; i++) {
		uint32_t number = store_new_device_number(f.store);
		assert_in_range(number, 1, DEVICE_NUMBER_MAX);
		assert_false(seen[number]);
		seen[number] = 1;
	}
	assert_int_equal(store_new_device_number(f.store), 0);
	store_delete_device(f.store, 77);
	assert_int_equal(store_new_device_number(f.store), 77);
	fixture_close(&f);
	fixture_done(&f);
}

static void ids_go_on_after_a_restart(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	uint64_t event = store_new_event(f.store);
	uint32_t umbox = store_new_umbox(f.store);
	assert_true(event > 0 && umbox > 0);
	fixture_close(&f);
	fixture_open(&f);
	assert_int_equal(store_new_event(f.store), event + 1);
	assert_int_equal(store_new_umbox(f.store), umbox + 1);
	fixture_close(&f);
	fixture_done(&f);
}

enum { KINDS = 7 };

static void fill(struct fixture *f)
{
	/* Ids 1 to 100: kinds in turn, devices 1 to 3 in turn, a second apart. */
	for (unsigned i = 0; i < 100; i++) {
		f->clock.machine_us += 1000000;
		assert_int_equal(fixture_add(f, i % KINDS, i % 3 + 1, "{\"event_type\":\"kalki\"}"),
				 i + 1);
	}
	assert_int_equal(fixture_sync(f), 0);
}

static void events_are_found_by_every_filter(void **state maybe_unused)
{
	struct fixture f;
	struct found found = {0};
	fixture_init(&f);
	fixture_open(&f);
	fill(&f);

	assert_int_equal(fixture_read(&f, (struct event_filter){0}, &found), 0);
	assert_int_equal(found.count, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(found.ids[i], i + 1);

	struct event_filter page = {
		.after_id = 10, .before_id = 21, .limit = 4, .newest_first = true};
	assert_int_equal(fixture_read(&f, page, &found), 0);
	assert_int_equal(found.count, 4);
	assert_int_equal(found.ids[0], 20);
	assert_int_equal(found.ids[3], 17);

	struct event_filter kinds = {.kinds = 1U << EVENT_ALERT | 1U << EVENT_NODE};
	assert_int_equal(fixture_read(&f, kinds, &found), 0);
	assert_int_equal(found.count, 15 + 14);
	for (unsigned i = 0; i < found.count; i++) {
		unsigned kind = (unsigned)(found.ids[i] - 1) % KINDS;
		assert_true(kind == EVENT_ALERT || kind == EVENT_NODE);
		assert_true(!i || found.ids[i - 1] < found.ids[i]);
	}

	struct event_filter device = {.device = 2, .newest_first = true};
	assert_int_equal(fixture_read(&f, device, &found), 0);
	assert_int_equal(found.count, 33);
	assert_int_equal(found.ids[0], 98);
	assert_int_equal(found.ids[32], 2);

	struct event_filter among = {.newest_first = true, .limit = 40};
	device_set_add(&among.among, 3);
	device_set_add(&among.among, 2);
	device_set_add(&among.among, 3);
	assert_int_equal(among.among.count, 2);
	assert_int_equal(fixture_read(&f, among, &found), 0);
	assert_int_equal(found.count, 40);
	for (unsigned i = 0; i < found.count; i++)
		assert_true(found.ids[i] % 3 != 1 && (!i || found.ids[i] < found.ids[i - 1]));
	among.kinds = 1U << EVENT_ALERT;
	assert_int_equal(fixture_read(&f, among, &found), 0);
	assert_int_equal(found.count, 10);

	int64_t wall_us = clock_wall_now_us(&f.clock.clock);
	struct event_filter since = {.since_wall_us = wall_us - 4 * INT64_C(1000000)};
	assert_int_equal(fixture_read(&f, since, &found), 0);
	assert_int_equal(found.count, 5);
	assert_int_equal(found.ids[0], 96);
	since.since_wall_us = wall_us + 1;
	assert_int_equal(fixture_read(&f, since, &found), 0);
	assert_int_equal(found.count, 0);

	found.stop_at = 2;
	assert_int_equal(fixture_read(&f, (struct event_filter){0}, &found), 0);
	assert_int_equal(found.count, 2);
	fixture_close(&f);
	fixture_done(&f);
}

static void an_acknowledged_alert_is_marked(void **state maybe_unused)
{
	struct fixture f;
	struct found found = {0};
	fixture_init(&f);
	fixture_open(&f);
	fill(&f);
	store_acknowledge(f.store, 8, "uid 0 (root)", "a test");
	assert_int_equal(fixture_sync(&f), 0);

	struct event_filter open_alerts = {.unacknowledged = true};
	assert_int_equal(fixture_read(&f, open_alerts, &found), 0);
	assert_int_equal(found.count, 14);
	assert_int_equal(found.ids[1], 15);
	struct event_filter one = {.after_id = 7, .before_id = 9};
	assert_int_equal(fixture_read(&f, one, &found), 0);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.acknowledged_by, "uid 0 (root)");
	fixture_close(&f);
	fixture_done(&f);
}

static void engine_time_goes_on(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	int64_t first = clock_now_us(&f.clock.clock);
	f.clock.machine_us += 5;
	fixture_close(&f);

	/* A restart of the daemon: the time in between counts. */
	f.clock.machine_us += 70;
	fixture_open(&f);
	assert_int_equal(clock_now_us(&f.clock.clock), first + 75);
	f.clock.machine_us += 25;
	fixture_close(&f);

	/* A reboot: the machine's clock begins anew, the time without power does not count. */
	strcpy(f.boot_id, "boot-2");
	f.clock.machine_us = 3000;
	fixture_open(&f);
	assert_int_equal(clock_now_us(&f.clock.clock), first + 100);
	f.clock.machine_us += 11;
	fixture_close(&f);
	f.clock.machine_us += 13;
	fixture_open(&f);
	assert_int_equal(clock_now_us(&f.clock.clock), first + 124);
	fixture_close(&f);

	/* The same boot with a clock that went back: time stands still, it never goes back. */
	f.clock.machine_us = 1;
	fixture_open(&f);
	assert_int_equal(clock_now_us(&f.clock.clock), first + 124);
	fixture_close(&f);
	fixture_done(&f);
}

/* Trimming goes on in small steps after each batch. */
static struct store_status status_after_trimming(struct fixture *f)
{
	struct store_status status = {0};
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(fixture_sync(f), 0);
	store_read_status(f->store, &status);
	return status;
}

static void old_events_go(void **state maybe_unused)
{
	struct fixture f;
	struct found found = {0};
	fixture_init(&f);
	f.config.history_age_max_us = 60 * 1000000LL;
	fixture_open(&f);
	fill(&f);
	store_acknowledge(f.store, 1, "uid 0", NULL);
	struct store_status status = status_after_trimming(&f);
	assert_int_equal(status.oldest_event, 40); /* of the 100th second back to the 40th */
	assert_int_equal(status.newest_event, 100);
	f.clock.machine_us += 1000 * 1000000LL;
	status = status_after_trimming(&f);
	assert_int_equal(status.newest_event, 0);
	assert_int_equal(fixture_read(&f, (struct event_filter){0}, &found), 0);
	assert_int_equal(found.count, 0);
	fixture_close(&f);
	fixture_done(&f);
}

static void history_is_bounded_by_size(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	f.config.history_bytes_max = 1 << 20;
	fixture_open(&f);
	char json[400];
	memset(json, 'x', sizeof(json) - 1);
	json[sizeof(json) - 1] = '\0';
	for (unsigned i = 0; i < 20000; i++)
		fixture_add(&f, EVENT_UMBOX, 1, json);
	struct store_status status = status_after_trimming(&f);
	assert_int_equal(status.newest_event, 20000);
	assert_true(status.oldest_event > 10000);
	/* The rows, and free pages that the next events will take. */
	assert_true(status.bytes < 5 * 1024 * 1024 / 2);
	assert_int_equal(status.events_dropped, 0);
	fixture_close(&f);
	fixture_done(&f);
}

static unsigned count_kind(struct fixture *f, uint32_t device, enum event_kind kind,
			   struct found *found)
{
	struct event_filter filter = {.kinds = 1U << kind, .device = device};
	assert_int_equal(fixture_read(f, filter, found), 0);
	return found->count;
}

static void no_flood_pushes_out_what_was_written_of_others(void **state maybe_unused)
{
	struct fixture f;
	struct found found = {0};
	fixture_init(&f);
	f.config.history_bytes_max = 1 << 20;
	fixture_open(&f);
	char json[400];
	memset(json, 'x', sizeof(json) - 1);
	json[sizeof(json) - 1] = '\0';
	for (unsigned i = 0; i < 20; i++) {
		fixture_add(&f, EVENT_ALERT, 2, json);
		fixture_add(&f, EVENT_TRANSITION, 1, json);
	}
	store_acknowledge(f.store, 1, "uid 0", NULL);
	for (unsigned i = 0; i < 20000; i++)
		fixture_add(&f, EVENT_UMBOX, 1, json);
	struct store_status status = status_after_trimming(&f);
	assert_int_equal(status.newest_event, 20040);
	assert_true(status.bytes < 5 * 1024 * 1024 / 2);
	assert_int_equal(count_kind(&f, 2, EVENT_ALERT, &found), 20);
	assert_string_equal(found.acknowledged_by, "uid 0");
	assert_int_equal(count_kind(&f, 1, EVENT_TRANSITION, &found), 20);
	fixture_close(&f);
	fixture_done(&f);
}

static void add_answers(struct fixture *f, uint32_t device, const char *source, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct event event = {
			.id = store_new_event(f->store),
			.time_us = clock_now_us(&f->clock.clock),
			.kind = EVENT_SENSOR,
			.device = device,
			.json = "{}",
		};
		TEXT_COPY(event.source, source);
		store_add_event(f->store, &event);
	}
}

static void each_source_keeps_its_newest_answers(void **state maybe_unused)
{
	struct fixture f;
	struct found found = {0};
	fixture_init(&f);
	f.config.history_answers_max = 40;
	fixture_open(&f);
	fixture_add(&f, EVENT_ALERT, 1, "{}");
	add_answers(&f, 1, "slow", 4);
	add_answers(&f, 2, "fast", 44); /* not yet an eighth more */
	add_answers(&f, 1, "fast", 1600);
	struct store_status status = status_after_trimming(&f);
	/* The newest of the fast source, and all of the slow one. */
	assert_int_equal(count_kind(&f, 1, EVENT_SENSOR, &found), 44);
	assert_int_equal(found.ids[0], 2);
	assert_int_equal(found.ids[4], status.newest_event - 39);
	assert_int_equal(found.ids[43], status.newest_event);
	assert_in_range(count_kind(&f, 2, EVENT_SENSOR, &found), 40, 44);
	assert_int_equal(count_kind(&f, 1, EVENT_ALERT, &found), 1);
	/* After a restart, too, what comes makes room. */
	fixture_close(&f);
	fixture_open(&f);
	add_answers(&f, 1, "fast", 5);
	status = status_after_trimming(&f);
	assert_int_equal(count_kind(&f, 1, EVENT_SENSOR, &found), 44);
	assert_int_equal(found.ids[43], status.newest_event);
	fixture_close(&f);
	fixture_done(&f);
}

static void a_newer_database_is_left_alone(void **state maybe_unused)
{
	struct fixture f;
	struct error err = {0};
	fixture_init(&f);
	fixture_open(&f);
	fixture_close(&f);
	sqlite3 *other = NULL;
	assert_int_equal(sql_open(&other, f.path, SQLITE_OPEN_READWRITE, &err), 0);
	assert_int_equal(sql_run(other, "PRAGMA user_version = 99", &err), 0);
	sqlite3_close(other);
	assert_int_equal(fixture_try_open(&f, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "newer kalkid"));
	fixture_done(&f);
}

static void a_second_daemon_is_refused(void **state maybe_unused)
{
	struct fixture f;
	struct error err = {0};
	fixture_init(&f);
	fixture_open(&f);
	struct store *second = NULL;
	bool damaged = false;
	struct test_clock clock = f.clock;
	assert_int_equal(store_open(&second, &f.loop, &f.config, &clock.clock, &damaged, &err),
			 -EBUSY);
	assert_non_null(strstr(err.text, "another kalkid"));
	fixture_close(&f);
	fixture_done(&f);
}

static void nobody_else_may_read_the_files(void **state maybe_unused)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".intent"};
	struct fixture f;
	struct stat found;
	fixture_init(&f);
	umask(0);
	fixture_open(&f);
	fixture_close(&f); /* makes the copy */
	fixture_open(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(endings); i++) {
		cleanup_free char *path = mem_printf("%s%s", f.path, endings[i]);
		assert_int_equal(stat(path, &found), 0);
		assert_int_equal(found.st_mode & 0777, 0600);
	}
	fixture_close(&f);
	fixture_done(&f);
}

static void a_missing_folder_is_told(void **state maybe_unused)
{
	struct fixture f;
	struct error err = {0};
	fixture_init(&f);
	f.config.path = "/nonexistent/kalki.db";
	assert_int_equal(fixture_try_open(&f, &err), -ENOENT);
	fixture_done(&f);
}

/* Told, not judged: how fast events go to the disk on this machine. */
static void many_events_are_written(void **state maybe_unused)
{
	enum { EVENTS = 20000 };
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	uint64_t begin = uv_hrtime();
	uint64_t last = 0;
	for (unsigned i = 0; i < EVENTS; i++)
		last = fixture_add(&f, EVENT_ALERT, i % 50 + 1,
				   "{\"event_type\":\"kalki\",\"kalki\":{}}");
	assert_int_equal(fixture_sync(&f), 0);
	print_message("# %d events on disk in %.0f ms\n", EVENTS,
		      (double)(uv_hrtime() - begin) / 1e6);
	struct found found = {0};
	assert_int_equal(
		fixture_read(&f, (struct event_filter){.limit = 1, .newest_first = true}, &found),
		0);
	assert_int_equal(found.ids[0], last);
	fixture_close(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intent_comes_back),
		cmocka_unit_test(device_numbers_are_those_of_no_living_device),
		cmocka_unit_test(ids_go_on_after_a_restart),
		cmocka_unit_test(events_are_found_by_every_filter),
		cmocka_unit_test(an_acknowledged_alert_is_marked),
		cmocka_unit_test(engine_time_goes_on),
		cmocka_unit_test(old_events_go),
		cmocka_unit_test(history_is_bounded_by_size),
		cmocka_unit_test(no_flood_pushes_out_what_was_written_of_others),
		cmocka_unit_test(each_source_keeps_its_newest_answers),
		cmocka_unit_test(a_newer_database_is_left_alone),
		cmocka_unit_test(a_second_daemon_is_refused),
		cmocka_unit_test(nobody_else_may_read_the_files),
		cmocka_unit_test(a_missing_folder_is_told),
		cmocka_unit_test(many_events_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
