/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_reader.c - reads go on beside the loop, and end when they are cancelled, when the
 * database is replaced and when the store closes. */
#include "store/test_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "store/sql.h"

struct page {
	struct event_read events;
	uv_thread_t loop_thread;
	unsigned count, ended, done;
	bool on_loop;
	uint64_t ids[STORE_PAGE_MAX];
	int result;
};

static bool take_event(struct event_read *read, const struct event *event,
		       const char *acknowledged_by maybe_unused)
{
	struct page *page = container_of(read, struct page, events);
	uv_thread_t self = uv_thread_self();
	page->on_loop |= uv_thread_equal(&self, &page->loop_thread);
	page->ids[page->count++] = event->id;
	return true;
}

static void end_page(struct event_read *read)
{
	container_of(read, struct page, events)->ended++;
}

static void on_page(struct store_read *read, int result, const struct error *err maybe_unused)
{
	struct page *page = container_of(read, struct page, events.read);
	uv_thread_t self = uv_thread_self();
	assert_true(uv_thread_equal(&self, &page->loop_thread));
	page->done++;
	page->result = result;
}

static void start_page(struct fixture *f, struct page *page)
{
	*page = (struct page){
		.loop_thread = uv_thread_self(),
		.events = {.read.done = on_page,
			   .filter.limit = STORE_PAGE_MAX,
			   .each = take_event,
			   .last = end_page},
	};
	store_start_event_read(f->store, &page->events);
	assert_int_equal(page->done, 0);
}

static int wait_page(struct fixture *f, struct page *page)
{
	while (!page->done)
		uv_run(&f->loop, UV_RUN_ONCE);
	return page->result;
}

static void fill(struct fixture *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fixture_add(f, EVENT_NODE, 0, "{\"event_type\":\"kalki\"}");
	assert_int_equal(fixture_sync(f), 0);
}

/* A read that would never end by itself. */
struct endless {
	struct store_read read;
	atomic_bool runs;
	unsigned done;
	int result;
};

static int run_endless(struct store_read *read, sqlite3 *connection, struct error *err)
{
	int64_t count;
	atomic_store(&container_of(read, struct endless, read)->runs, true);
	return sql_read_number(connection,
			       "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
			       " SELECT count(*) FROM c",
			       &count, err);
}

static void on_endless(struct store_read *read, int result, const struct error *err)
{
	struct endless *endless = container_of(read, struct endless, read);
	assert_int_equal(result, err->code);
	endless->done++;
	endless->result = result;
}

static void start_endless(struct fixture *f, struct endless *endless)
{
	memset(endless, 0, sizeof(*endless));
	endless->read.done = on_endless;
	endless->read.run = run_endless;
	store_start_read(f->store, &endless->read);
	while (!atomic_load(&endless->runs))
		usleep(1000);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(endless->done, 0);
}

static void events_are_read_beside_the_loop(void **state maybe_unused)
{
	struct fixture f;
	static struct page page;
	fixture_init(&f);
	fixture_open(&f);
	fill(&f, 30);
	start_page(&f, &page);
	assert_int_equal(wait_page(&f, &page), 0);
	assert_int_equal(page.count, 30);
	for (unsigned i = 0; i < page.count; i++)
		assert_int_equal(page.ids[i], i + 1);
	assert_int_equal(page.ended, 1);
	assert_false(page.on_loop);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(page.done, 1);
	fixture_close(&f);
	fixture_done(&f);
}

static void a_read_can_be_cancelled(void **state maybe_unused)
{
	struct fixture f;
	static struct page waiting, after;
	struct endless running;
	fixture_init(&f);
	fixture_open(&f);
	fill(&f, 3);
	start_endless(&f, &running);
	start_page(&f, &waiting);
	start_page(&f, &after);
	store_cancel_read(f.store, &waiting.events.read);
	assert_int_equal(waiting.done, 0);
	assert_int_equal(wait_page(&f, &waiting), -ECANCELED);
	assert_int_equal(waiting.count, 0);
	assert_int_equal(running.done, 0);
	store_cancel_read(f.store, &running.read);
	assert_int_equal(wait_page(&f, &after), 0);
	assert_int_equal(after.count, 3);
	assert_int_equal(running.done, 1);
	assert_int_equal(running.result, -ECANCELED);

	/* Also one that was read already, but not told. */
	start_page(&f, &after);
	while (poll(&(struct pollfd){uv_backend_fd(&f.loop), POLLIN, 0}, 1, -1) != 1)
		;
	store_cancel_read(f.store, &after.events.read);
	assert_int_equal(wait_page(&f, &after), -ECANCELED);
	fixture_close(&f);
	fixture_done(&f);
}

static void closing_ends_every_read(void **state maybe_unused)
{
	struct fixture f;
	static struct page waiting[3], late;
	struct endless running;
	fixture_init(&f);
	fixture_open(&f);
	start_endless(&f, &running);
	for (unsigned i = 0; i < ARRAY_SIZE(waiting); i++)
		start_page(&f, &waiting[i]);
	f.closed = false;
	store_close(f.store, test_on_closed, &f);
	start_page(&f, &late);
	while (!f.closed)
		uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(running.result, -ECANCELED);
	assert_int_equal(late.done, 1);
	assert_int_equal(late.result, -ECANCELED);
	for (unsigned i = 0; i < ARRAY_SIZE(waiting); i++) {
		assert_int_equal(waiting[i].done, 1);
		assert_int_equal(waiting[i].result, -ECANCELED);
	}
	fixture_done(&f);
}

static void not_too_many_reads_wait(void **state maybe_unused)
{
	struct fixture f;
	struct endless running;
	struct page *pages = mem_alloc_array(STORE_READS_MAX, sizeof(*pages));
	static struct page too_many;
	fixture_init(&f);
	fixture_open(&f);
	fill(&f, 1);
	start_endless(&f, &running);
	for (unsigned i = 0; i < STORE_READS_MAX; i++)
		start_page(&f, &pages[i]);
	start_page(&f, &too_many);
	assert_int_equal(wait_page(&f, &too_many), -EAGAIN);
	store_cancel_read(f.store, &running.read);
	for (unsigned i = 0; i < STORE_READS_MAX; i++) {
		assert_int_equal(wait_page(&f, &pages[i]), 0);
		assert_int_equal(pages[i].count, 1);
	}
	start_page(&f, &too_many);
	assert_int_equal(wait_page(&f, &too_many), 0);
	free(pages);
	fixture_close(&f);
	fixture_done(&f);
}

static void overwrite_tables(const char *path)
{
	static const char noise[4096] = "noise";
	struct stat found;
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &found), 0);
	for (off_t at = 64 << 10; at < found.st_size; at += (off_t)sizeof(noise))
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
}

/* The writer does not wait for the end of a read. */
static void a_read_gives_way_to_a_repair(void **state maybe_unused)
{
	struct fixture f;
	static struct page page;
	static struct found found;
	struct endless running;
	fixture_init(&f);
	fixture_open(&f);
	fill(&f, 3000);
	fixture_close(&f);
	fixture_open(&f);
	fixture_settle(&f);
	overwrite_tables(f.path);
	start_endless(&f, &running);
	assert_int_equal(fixture_read(&f, (struct event_filter){0}, &found), -EUCLEAN);
	while (!running.done)
		uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(running.result, -EBUSY);
	assert_int_equal(fixture_sync(&f), 0);
	assert_true(f.troubles >= 1);
	start_page(&f, &page);
	assert_int_equal(wait_page(&f, &page), 0);
	fixture_close(&f);
	fixture_done(&f);
}

static void damage_met_by_a_read_is_repaired(void **state maybe_unused)
{
	struct fixture f;
	static struct page page;
	fixture_init(&f);
	fixture_open(&f);
	fill(&f, 3000);
	fixture_close(&f);
	fixture_open(&f);
	fixture_settle(&f);
	overwrite_tables(f.path);
	start_page(&f, &page);
	assert_int_equal(wait_page(&f, &page), -EUCLEAN);
	while (!strstr(f.words, "the database was damaged"))
		uv_run(&f.loop, UV_RUN_ONCE);
	fixture_close(&f);
	fixture_open(&f);
	assert_false(f.damaged);
	fixture_close(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read_beside_the_loop),
		cmocka_unit_test(a_read_can_be_cancelled),
		cmocka_unit_test(closing_ends_every_read),
		cmocka_unit_test(not_too_many_reads_wait),
		cmocka_unit_test(a_read_gives_way_to_a_repair),
		cmocka_unit_test(damage_met_by_a_read_is_repaired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
