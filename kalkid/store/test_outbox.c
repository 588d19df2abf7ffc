/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_outbox.c - notices that wait: over a restart, a failed write, and from an older
 * database. */
#include "store/database.h"
#include "store/queue.h"
#include "store/test_store.h"

struct waiting_text {
	struct buffer text; /* "id notifier json;" */
};

static void take_notice(void *data, const struct store_notice *notice)
{
	struct waiting_text *found = data;
	buffer_print(&found->text, "%llu %s %s;", (unsigned long long)notice->id, notice->notifier,
		     notice->json);
}

static void expect_waiting(struct fixture *f, const char *wanted)
{
	struct waiting_text found = {0};
	buffer_print(&found.text, "%s", "");
	assert_int_equal(store_load_notices(f->store, take_notice, &found, NULL), 0);
	assert_string_equal(found.text.bytes, wanted);
	buffer_done(&found.text);
}

static void put(struct fixture *f, uint64_t id, const char *json)
{
	struct store_notice notice = {.id = id, .notifier = "ops", .json = json};
	store_put_notice(f->store, &notice);
}

static void notices_wait_over_a_restart(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	put(&f, 5, "{\"a\":1}");
	put(&f, 3, "{\"b\":2}");
	put(&f, 4, "{}");
	assert_int_equal(fixture_sync(&f), 0);
	put(&f, 5, "{\"a\":2}");
	store_delete_notice(f.store, 4);
	store_delete_notice(f.store, 77);
	fixture_close(&f);
	fixture_open(&f);
	expect_waiting(&f, "3 ops {\"b\":2};5 ops {\"a\":2};");
	fixture_close(&f);
	fixture_done(&f);
}

static void one_that_came_and_went_leaves_nothing(void **state maybe_unused)
{
	struct fixture f;
	fixture_init(&f);
	fixture_open(&f);
	put(&f, 1, "{}");
	store_delete_notice(f.store, 1);
	assert_int_equal(fixture_sync(&f), 0);
	expect_waiting(&f, "");
	fixture_close(&f);
	fixture_done(&f);
}

/* The first released schema had no such table. */
static void an_older_database_gets_its_outbox(void **state maybe_unused)
{
	struct fixture f;
	sqlite3 *connection = NULL;
	fixture_init(&f);
	fixture_open(&f);
	uint64_t event = fixture_add(&f, EVENT_NODE, 0, "{}");
	fixture_close(&f);
	assert_int_equal(sql_open(&connection, f.path, SQLITE_OPEN_READWRITE, NULL), 0);
	assert_int_equal(sql_run(connection,
				 "DROP TABLE outbox;"
				 "ALTER TABLE devices DROP COLUMN addresses;"
				 "ALTER TABLE devices DROP COLUMN learnt;"
				 "ALTER TABLE devices DROP COLUMN shadow;"
				 "ALTER TABLE devices DROP COLUMN telemetry_factor;"
				 "ALTER TABLE machines DROP COLUMN shadowed;"
				 "ALTER TABLE machines DROP COLUMN in_force;"
				 "DROP INDEX events_source;"
				 "ALTER TABLE events DROP COLUMN source;"
				 "ALTER TABLE devices DROP COLUMN parameters;"
				 "PRAGMA user_version = 1",
				 NULL),
			 0);
	sql_close_at(&connection);
	fixture_open(&f);
	assert_false(f.damaged);
	put(&f, event + 1, "{}");
	assert_int_equal(fixture_sync(&f), 0);
	assert_true(store_new_event(f.store) > event);
	fixture_close(&f);
	fixture_done(&f);
}

static const char *waiting_json(const struct queue *queue, uint64_t id)
{
	struct outbox_change *change;
	HASH_FIND(hh, queue->notices, &id, sizeof(id), change);
	return !change ? "none" : change->json ? change->json : "gone";
}

static void what_could_not_be_written_gives_way_to_what_came_since(void **state maybe_unused)
{
	struct queue queue = {0}, failed = {0};
	assert_true(queue_is_empty(&queue));
	queue_put_notice(&failed, 1, "ops", "old");
	queue_put_notice(&failed, 2, "ops", "kept");
	queue_put_notice(&failed, 3, "ops", "old");
	queue_put_notice(&queue, 1, "ops", "new");
	queue_put_notice(&queue, 3, NULL, NULL);
	assert_int_equal(queue_put_back(&queue, &failed, 10), 0);
	assert_string_equal(waiting_json(&queue, 1), "new");
	assert_string_equal(waiting_json(&queue, 2), "kept");
	assert_string_equal(waiting_json(&queue, 3), "gone");
	assert_false(queue_is_empty(&queue));
	queue_done(&queue);
	assert_true(queue_is_empty(&queue));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_wait_over_a_restart),
		cmocka_unit_test(one_that_came_and_went_leaves_nothing),
		cmocka_unit_test(an_older_database_gets_its_outbox),
		cmocka_unit_test(what_could_not_be_written_gives_way_to_what_came_since),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
