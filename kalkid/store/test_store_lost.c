/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_store_lost.c - a database that is removed, replaced or emptied under a running store
 * is made anew from what is in force. */
#include "store/test_store.h"

#include <sys/stat.h>

enum { DEVICES = 10 };

static const char lost_words[] = "the database was removed or replaced while kalkid runs";

static void put_device(struct fixture *f)
{
	struct device device = test_device(store_new_device_number(f->store));
	struct machine_record machine = test_machine(device.number);
	store_put_device(f->store, &device);
	store_put_machine(f->store, &machine);
}

static void fill(struct fixture *f)
{
	fixture_init(f);
	fixture_open(f);
	for (unsigned i = 0; i < DEVICES; i++)
		put_device(f);
	for (unsigned i = 0; i < 100; i++)
		fixture_add(f, EVENT_NODE, 0, "{}");
	fixture_settle(f);
}

static void run(struct fixture *f, const char *command)
{
	cleanup_free char *whole = mem_printf("cd '%s' && %s", f->folder, command);
	assert_int_equal(system(whole), 0);
}

/* The writer may have met damage first. */
static void expect_told(const struct fixture *f, bool maybe_damage)
{
	static const char damage_words[] = "the database was damaged";
	assert_true(text_starts(f->words, lost_words) ||
		    (maybe_damage && text_starts(f->words, damage_words)));
	assert_in_range(f->troubles, 1, maybe_damage ? 3 : 1);
	assert_in_range(f->recoveries, 1, f->troubles);
}

static void expect_going_on(struct fixture *f, bool maybe_damage)
{
	struct found found = {0};
	uint64_t event = fixture_add(f, EVENT_NODE, 0, "{}");
	uint32_t umbox = store_new_umbox(f->store);
	put_device(f);
	assert_int_equal(fixture_sync(f), 0);
	while (!f->recoveries)
		uv_run(&f->loop, UV_RUN_ONCE);
	expect_told(f, maybe_damage);
	assert_true(event > 100);
	assert_int_equal(fixture_read(f, (struct event_filter){0}, &found), 0);
	assert_int_equal(found.ids[found.count - 1], event);
	fixture_close(f);

	fixture_open(f);
	assert_false(f->damaged);
	struct loaded loaded = fixture_load(f);
	assert_int_equal(loaded.devices, DEVICES + 1);
	assert_int_equal(loaded.machines, DEVICES + 1);
	assert_true(store_new_event(f->store) > event);
	assert_true(store_new_umbox(f->store) > umbox);
	fixture_close(f);
	fixture_done(f);
}

static void a_removed_database_is_made_anew(void **state maybe_unused)
{
	struct fixture f;
	fill(&f);
	run(&f, "rm kalki.db");
	expect_going_on(&f, false);
}

static void with_all_its_files_gone_it_is_made_anew(void **state maybe_unused)
{
	struct fixture f;
	fill(&f);
	run(&f, "rm -f kalki.db*");
	expect_going_on(&f, false);
}

static void a_removed_journal_is_noticed(void **state maybe_unused)
{
	struct fixture f;
	fill(&f);
	run(&f, "rm kalki.db-wal");
	expect_going_on(&f, false);
}

static void an_emptied_database_is_made_anew(void **state maybe_unused)
{
	struct fixture f;
	fill(&f);
	/* Into the file, and into the copy. */
	fixture_close(&f);
	fixture_open(&f);
	fixture_settle(&f);
	run(&f, ": > kalki.db");
	expect_going_on(&f, true);
}

static void another_database_in_its_place_is_set_aside(void **state maybe_unused)
{
	struct fixture f, other;
	fixture_init(&other);
	fixture_open(&other);
	fixture_close(&other);
	fill(&f);
	cleanup_free char *command = mem_printf("cp '%s' other && mv other kalki.db", other.path);
	run(&f, command);
	cleanup_free char *aside = mem_printf("%s.damaged-1", f.path);
	struct stat was, is;
	assert_int_equal(stat(f.path, &was), 0);
	assert_int_equal(fixture_sync(&f), 0);
	assert_int_equal(stat(aside, &is), 0);
	assert_int_equal(is.st_ino, was.st_ino);
	expect_going_on(&f, false);
	fixture_done(&other);
}

static void the_loss_is_noticed_when_nothing_is_written(void **state maybe_unused)
{
	struct fixture f;
	fill(&f);
	run(&f, "rm kalki.db");
	while (!f.recoveries)
		uv_run(&f.loop, UV_RUN_ONCE);
	run(&f, "test -s kalki.db");
	expect_going_on(&f, false);
}

/* What the database does not know because it began anew. */
static void umbox_numbers_begin_behind_those_seen(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	assert_true(store_raise_umbox(f.store, 5000));
	assert_false(store_raise_umbox(f.store, 5000));
	assert_int_equal(store_new_umbox(f.store), 5001);
	assert_false(store_raise_umbox(f.store, 5001));
	assert_int_equal(fixture_sync(&f), 0);
	fixture_close(&f);
	fixture_open(&f);
	assert_int_equal(store_new_umbox(f.store), 5002);
	fixture_close(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_removed_database_is_made_anew),
		cmocka_unit_test(with_all_its_files_gone_it_is_made_anew),
		cmocka_unit_test(a_removed_journal_is_noticed),
		cmocka_unit_test(an_emptied_database_is_made_anew),
		cmocka_unit_test(another_database_in_its_place_is_set_aside),
		cmocka_unit_test(the_loss_is_noticed_when_nothing_is_written),
		cmocka_unit_test(umbox_numbers_begin_behind_those_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
