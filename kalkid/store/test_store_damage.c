/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_store_damage.c - a damaged database is replaced from the last intent; a full disk is
 * outlived. */
#include "store/test_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

enum { DEVICES = 40, EVENTS = 3000 };

static void fill(struct fixture *f)
{
	fixture_open(f);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct device device = test_device(store_new_device_number(f->store));
		struct machine_record machine = test_machine(device.number);
		store_put_device(f->store, &device);
		store_put_machine(f->store, &machine);
	}
	for (unsigned i = 0; i < EVENTS; i++)
		fixture_add(f, i % EVENT_KIND_COUNT, i % DEVICES + 1, "{\"event_type\":\"kalki\"}");
	assert_int_equal(fixture_sync(f), 0);
	fixture_close(f);
}

static void expect_all_devices(struct fixture *f)
{
	struct loaded loaded = fixture_load(f);
	assert_int_equal(loaded.devices, DEVICES);
	assert_int_equal(loaded.machines, DEVICES);
}

static void copy_file(const char *from, const char *to)
{
	cleanup_free char *command = mem_printf("cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static off_t size_of(const char *path)
{
	struct stat found;
	assert_int_equal(stat(path, &found), 0);
	return found.st_size;
}

static void flip_byte(const char *path, off_t at)
{
	uint8_t byte;
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t)(rand() % 255 + 1);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Reads all; the first damage that a reader meets makes the writer replace the database. */
static void expect_repair_of_history(struct fixture *f)
{
	static struct found found;
	for (unsigned i = 0; i < 100; i++) {
		struct event_filter filter = {0};
		int result = fixture_read(f, filter, &found);
		while (result == 0 && found.count == STORE_PAGE_MAX) {
			filter.after_id = found.ids[STORE_PAGE_MAX - 1];
			result = fixture_read(f, filter, &found);
		}
		if (result == 0)
			return;
		assert_true(result == -EUCLEAN || result == -EBUSY);
		assert_int_equal(fixture_sync(f), 0);
	}
	fail_msg("the history stays damaged");
}

static void expect_going_on(struct fixture *f, uint64_t event, uint32_t umbox)
{
	expect_all_devices(f);
	assert_true(store_new_event(f->store) > event);
	assert_true(store_new_umbox(f->store) > umbox);
	fixture_add(f, EVENT_NODE, 0, "{}");
	assert_int_equal(fixture_sync(f), 0);
	expect_repair_of_history(f);
}

static void any_flipped_bytes_leave_the_intent_whole(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fill(&f);
	cleanup_free char *good = mem_printf("%s/good", f.folder);
	cleanup_free char *good_copy = mem_printf("%s/good.intent", f.folder);
	cleanup_free char *copy = mem_printf("%s.intent", f.path);
	copy_file(f.path, good);
	copy_file(copy, good_copy);
	off_t bytes = size_of(good);

	srand(7);
	unsigned damaged = 0;
	for (unsigned round = 0; round < 60; round++) {
		copy_file(good, f.path);
		copy_file(good_copy, copy);
		/* Every second time in the first pages, where the intent is. */
		off_t range = round % 2 ? bytes : min_of(bytes, (off_t)80 * 1024);
		unsigned flips = 1U << (round % 7);
		for (unsigned i = 0; i < flips; i++) {
			off_t at = rand() % range;
			if (at < 60 || at > 63) /* a plausible schema version is not damage */
				flip_byte(f.path, at);
		}
		fixture_open(&f);
		damaged += f.damaged;
		expect_going_on(&f, EVENTS, 0);
		fixture_close(&f);

		fixture_open(&f);
		assert_false(f.damaged);
		expect_all_devices(&f);
		fixture_close(&f);
	}
	assert_true(damaged > 15);
	fixture_done(&f);
}

static void a_file_cut_short_is_replaced(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fill(&f);
	cleanup_free char *aside = mem_printf("%s.damaged-1", f.path);
	cleanup_free char *second = mem_printf("%s.damaged-2", f.path);
	assert_int_equal(truncate(f.path, 5000), 0);
	fixture_open(&f);
	assert_true(f.damaged);
	assert_int_equal(size_of(aside), 5000);
	expect_going_on(&f, EVENTS, 0);
	fixture_close(&f);

	assert_int_equal(truncate(f.path, 100), 0);
	fixture_open(&f);
	assert_true(f.damaged);
	assert_int_equal(size_of(second), 100);
	expect_all_devices(&f);
	fixture_close(&f);
	fixture_done(&f);
}

static void a_file_that_is_gone_is_made_from_the_copy(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fill(&f);
	assert_int_equal(unlink(f.path), 0);
	fixture_open(&f);
	assert_true(f.damaged);
	expect_going_on(&f, EVENTS, 0);
	fixture_close(&f);
	fixture_done(&f);
}

static void overwrite(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(write(fd, "not a database\n", 15), 15);
}

static void with_nothing_readable_it_begins_anew(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fill(&f);
	cleanup_free char *copy = mem_printf("%s.intent", f.path);
	overwrite(f.path);
	overwrite(copy);
	fixture_open(&f);
	assert_true(f.damaged);
	assert_int_equal(fixture_load(&f).devices, 0);
	assert_true(store_new_event(f.store) > EVENTS);
	assert_true(store_new_umbox(f.store) > 1000);
	assert_int_equal(fixture_sync(&f), 0);
	fixture_close(&f);
	fixture_done(&f);
}

static void damage_while_running_is_repaired(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fill(&f);
	fixture_open(&f);
	assert_false(f.damaged);
	fixture_settle(&f);
	for (off_t at = 100 << 10; at < size_of(f.path); at += 16)
		flip_byte(f.path, at);
	static struct found found;
	assert_int_equal(fixture_read(&f, (struct event_filter){0}, &found), -EUCLEAN);
	struct device device = test_device(store_new_device_number(f.store));
	store_put_device(f.store, &device);
	assert_int_equal(fixture_sync(&f), 0);
	expect_repair_of_history(&f);
	while (!f.recoveries) /* told behind the barrier */
		uv_run(&f.loop, UV_RUN_ONCE);
	assert_true(f.troubles >= 1);
	assert_non_null(strstr(f.words, "damaged"));
	assert_int_equal(f.recoveries, 1);
	fixture_close(&f);

	fixture_open(&f);
	assert_int_equal(fixture_load(&f).devices, DEVICES + 1);
	fixture_close(&f);
	fixture_done(&f);
}

/* --- a full disk: a small tmpfs in a mount namespace of the test's own --- */

static char stuffing[128];

static bool small_disk(struct fixture *f)
{
	static bool unshared;
	if (geteuid() != 0)
		return false;
	if (!unshared &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0))
		return false;
	unshared = true;
	return mount("tmpfs", f->folder, "tmpfs", 0, "size=2m") == 0;
}

static void stuff_disk(struct fixture *f)
{
	static const char block[4096] = "x";
	snprintf(stuffing, sizeof(stuffing), "%s/stuffing", f->folder);
	cleanup_close int fd = open(stuffing, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
}

static void free_disk(struct fixture *f)
{
	assert_int_equal(unlink(stuffing), 0);
	/* The retry comes by itself. */
	while (!f->recoveries)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void unmount(struct fixture *f)
{
	assert_int_equal(umount(f->folder), 0);
}

/* Writes until the journal finds no more room. */
static void write_until_it_fails(struct fixture *f)
{
	static char json[8000];
	memset(json, 'x', sizeof(json) - 1);
	for (unsigned i = 0; i < 1000; i++) {
		fixture_add(f, EVENT_UMBOX, 1, json);
		if (fixture_sync(f) == -ENOSPC)
			return;
	}
	fail_msg("the disk does not get full");
}

static void a_full_disk_stops_nothing(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	if (!small_disk(&f)) {
		fixture_done(&f);
		skip();
	}
	f.config.queue_max = 50;
	fixture_open(&f);
	stuff_disk(&f);
	write_until_it_fails(&f);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(f.troubles, 1);
	assert_int_equal(f.recoveries, 0);

	/* Intent is kept, the latest of each key; events as far as the queue goes. */
	struct device device = test_device(store_new_device_number(f.store));
	struct machine_record machine = test_machine(device.number);
	TEXT_COPY(machine.state, "Attack");
	store_put_device(f.store, &device);
	for (unsigned i = 0; i < 1000; i++)
		store_put_machine(f.store, &machine);
	machine = test_machine(device.number);
	store_put_machine(f.store, &machine);
	for (unsigned i = 0; i < 500; i++)
		fixture_add(&f, EVENT_ALERT, 1, "{}");
	assert_int_equal(fixture_sync(&f), -ENOSPC);
	struct store_status status;
	store_read_status(f.store, &status);
	assert_true(status.failing);
	assert_true(status.events_dropped >= 450);
	assert_int_equal(f.troubles, 1);

	free_disk(&f);
	assert_int_equal(fixture_sync(&f), 0);
	store_read_status(f.store, &status);
	assert_false(status.failing);
	fixture_close(&f);
	fixture_open(&f);
	assert_false(f.damaged);
	struct loaded loaded = fixture_load(&f);
	assert_int_equal(loaded.devices, 1);
	assert_int_equal(loaded.machines, 1);
	fixture_close(&f);
	unmount(&f);
	fixture_done(&f);
}

/* A daemon that wrote, and was killed. */
static void fill_and_die(struct fixture *f)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		fixture_open(f);
		struct device device = test_device(store_new_device_number(f->store));
		store_put_device(f->store, &device);
		_exit(fixture_sync(f) == 0 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_start_with_a_full_disk_finds_the_intent(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	if (!small_disk(&f)) {
		fixture_done(&f);
		skip();
	}
	fill_and_die(&f);
	stuff_disk(&f);
	uint32_t last_umbox = 0;
	uint64_t last_event = 0;
	for (unsigned start = 0; start < 3; start++) {
		f.clock.machine_us += 1000000;
		fixture_open(&f);
		assert_int_equal(fixture_load(&f).devices, 1);
		assert_true(store_new_umbox(f.store) > last_umbox);
		assert_true(store_new_event(f.store) > last_event);
		last_umbox = store_new_umbox(f.store);
		last_event = store_new_event(f.store);
		if (start < 2)
			fixture_close(&f);
	}
	uv_run(&f.loop, UV_RUN_NOWAIT);
	free_disk(&f);
	struct device device = test_device(2);
	store_put_device(f.store, &device);
	assert_int_equal(fixture_sync(&f), 0);
	fixture_close(&f);
	fixture_open(&f);
	assert_int_equal(fixture_load(&f).devices, 2);
	fixture_close(&f);
	unmount(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_flipped_bytes_leave_the_intent_whole),
		cmocka_unit_test(a_file_cut_short_is_replaced),
		cmocka_unit_test(a_file_that_is_gone_is_made_from_the_copy),
		cmocka_unit_test(with_nothing_readable_it_begins_anew),
		cmocka_unit_test(damage_while_running_is_repaired),
		cmocka_unit_test(a_full_disk_stops_nothing),
		cmocka_unit_test(a_start_with_a_full_disk_finds_the_intent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
