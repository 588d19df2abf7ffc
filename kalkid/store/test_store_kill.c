/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_store_kill.c - killed at any moment: ids never come twice, what a barrier promised is
 * there. */
#include "store/test_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 30, EVENTS_PER_BARRIER = 7 };

/* What the child tells before it goes on: an id that it was given, or a barrier that is done. */
struct report {
	enum { GAVE_EVENT, GAVE_UMBOX, GAVE_DEVICE, KEPT } what;
	uint64_t id; /* KEPT: every event up to it */
};

static void tell(int fd, int what, uint64_t id)
{
	struct report report;
	memset(&report, 0, sizeof(report)); /* its padding is written too */
	report.what = what;
	report.id = id;
	if (write(fd, &report, sizeof(report)) != sizeof(report))
		_exit(1);
}

/* Until killed. */
static void write_for_ever(struct fixture *f, int fd)
{
	struct error err = {0};
	if (fixture_try_open(f, &err) < 0 || f->damaged)
		_exit(1);
	(void)fixture_load(f);
	for (;;) {
		uint64_t last = 0;
		for (unsigned i = 0; i < EVENTS_PER_BARRIER; i++) {
			last = fixture_add(f, EVENT_ALERT, 1, "{}");
			tell(fd, GAVE_EVENT, last);
		}
		tell(fd, GAVE_UMBOX, store_new_umbox(f->store));
		uint32_t number = store_new_device_number(f->store);
		tell(fd, GAVE_DEVICE, number);
		struct device device = test_device(number);
		struct machine_record machine = test_machine(number);
		store_put_device(f->store, &device);
		store_put_machine(f->store, &machine);
		if (fixture_sync(f) < 0)
			_exit(1);
		tell(fd, KEPT, last);
	}
}

/* Over all rounds. */
struct memory {
	uint64_t events, umboxes; /* the greatest that was given out */
	uint64_t kept;            /* by the last barrier */
	uint64_t given[100000];   /* events of this round, in their order */
	unsigned given_count;
	unsigned devices, devices_kept; /* given and promised, on top of those found before */
};

static void remember(struct memory *m, const struct report *report)
{
	switch (report->what) {
	case GAVE_EVENT:
		assert_true(report->id > m->events);
		m->events = report->id;
		m->given[m->given_count++] = report->id;
		break;
	case GAVE_UMBOX:
		assert_true(report->id > m->umboxes);
		m->umboxes = report->id;
		break;
	case GAVE_DEVICE: m->devices++; break;
	case KEPT:
		m->kept = report->id;
		m->devices_kept = m->devices;
		break;
	}
}

static void run_and_kill(struct fixture *f, struct memory *m, unsigned after_us)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		write_for_ever(f, ends[1]);
	}
	close(ends[1]);
	/* The moment is counted from the child's first word, so that every round
	 * writes something. */
	struct report report;
	m->given_count = 0;
	bool killed = false;
	while (read(ends[0], &report, sizeof(report)) == sizeof(report)) {
		remember(m, &report);
		if (!killed) {
			usleep(after_us);
			assert_int_equal(kill(child, SIGKILL), 0);
			killed = true;
		}
	}
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The events of this round in the database: the given ones from the first on, without a gap, at
 * least up to the last that a barrier promised. */
static void check_events(struct fixture *f, const struct memory *m)
{
	static struct found found;
	struct event_filter filter = {.after_id = m->given[0] - 1};
	unsigned at = 0;
	do {
		assert_int_equal(fixture_read(f, filter, &found), 0);
		for (unsigned i = 0; i < found.count; i++) {
			assert_true(at < m->given_count);
			assert_int_equal(found.ids[i], m->given[at++]);
			filter.after_id = found.ids[i];
		}
	} while (found.count == STORE_PAGE_MAX);
	assert_true(at > 0 ? m->given[at - 1] >= m->kept : m->kept < m->given[0]);
}

static void a_kill_loses_nothing_that_was_promised(void **state maybe_unused)
{
	struct fixture f;
	struct memory *m = mem_alloc(sizeof(*m));
	fixture_init(&f);
	srand(20240131);
	for (unsigned round = 0; round < ROUNDS; round++) {
		run_and_kill(&f, m, (unsigned)rand() % 20000);
		fixture_open(&f);
		assert_false(f.damaged);
		struct loaded loaded = fixture_load(&f);
		assert_true(loaded.devices >= m->devices_kept);
		assert_true(loaded.machines >= m->devices_kept);
		/* A device whose machine was not yet written stays without one. */
		m->devices = m->devices_kept = loaded.machines;
		check_events(&f, m);
		uint64_t event = store_new_event(f.store);
		uint32_t umbox = store_new_umbox(f.store);
		assert_true(event > m->events && umbox > m->umboxes);
		m->events = event;
		m->umboxes = umbox;
		fixture_close(&f);
	}
	free(m);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_loses_nothing_that_was_promised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
