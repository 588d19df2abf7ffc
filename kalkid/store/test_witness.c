/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_witness.c - what was witnessed is whole or not there. */
#include "store/test_store.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/witness.h"

enum { MANY = 64 };

static struct witness *open_witness(const struct fixture *f)
{
	struct witness *witness = NULL;
	struct error err = {0};
	if (witness_open(&witness, f->path, &err) < 0)
		fail_msg("%s", err.text);
	return witness;
}

static void put(struct witness *witness, uint32_t device, uint32_t generation, unsigned unused)
{
	struct machine_record record = test_machine(device);
	record.generation = generation;
	record.unused_count = unused;
	for (unsigned i = 0; i < unused; i++)
		record.unused[i] = i + 1;
	assert_int_equal(witness_put(witness, &record), 0);
}

static void expect(struct witness *witness, uint32_t device, uint32_t generation, unsigned unused)
{
	struct machine_record record, expected = test_machine(device);
	expected.generation = generation;
	memset(expected.unused, 0, sizeof(expected.unused));
	expected.unused_count = unused;
	for (unsigned i = 0; i < unused; i++)
		expected.unused[i] = i + 1;
	assert_true(witness_get(witness, device, &record));
	assert_memory_equal(&record, &expected, sizeof(record));
}

static void the_newest_is_found_again(void **state)
{
	const struct fixture *f = *state;
	struct witness *witness = open_witness(f);
	struct machine_record record;
	assert_false(witness_get(witness, 1, &record));
	for (unsigned round = 1; round <= 6; round++) {
		put(witness, 1, round, MANY / round);
		put(witness, DEVICE_NUMBER_MAX, 100 + round, 0);
		expect(witness, 1, round, MANY / round);
		witness_close(witness);
		witness = open_witness(f);
		expect(witness, DEVICE_NUMBER_MAX, 100 + round, 0);
		expect(witness, 1, round, MANY / round);
	}
	assert_false(witness_get(witness, 2, &record));
	witness_forget(witness, 1);
	assert_false(witness_get(witness, 1, &record));
	expect(witness, DEVICE_NUMBER_MAX, 106, 0);
	witness_close(witness);
}

/* Killed at any moment: what was put last, or the one before. */
static void a_kill_leaves_a_whole_one(void **state)
{
	const struct fixture *f = *state;
	for (unsigned round = 0; round < 30; round++) {
		int pipes[2];
		unsigned generation = 0;
		struct machine_record record;
		assert_int_equal(pipe(pipes), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (!child) {
			struct witness *witness = open_witness(f);
			unsigned first = witness_get(witness, 3, &record) ? record.generation : 0;
			for (generation = first + 1;; generation++) {
				put(witness, 3, generation, generation % MANY);
				if (write(pipes[1], &generation, sizeof(generation)) < 0)
					_exit(1);
			}
		}
		close(pipes[1]);
		for (unsigned heard = 0; heard < 20 + 7 * round; heard++)
			assert_int_equal(read(pipes[0], &generation, sizeof(generation)),
					 sizeof(generation));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		for (unsigned last; read(pipes[0], &last, sizeof(last)) == sizeof(last);)
			generation = last;
		close(pipes[0]);
		struct witness *witness = open_witness(f);
		assert_true(witness_get(witness, 3, &record));
		assert_in_range(record.generation, generation, generation + 1);
		expect(witness, 3, record.generation, record.generation % MANY);
		witness_close(witness);
	}
}

static int setup(void **state)
{
	static struct fixture fixture;
	fixture_init(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_done(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_is_found_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kill_leaves_a_whole_one, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
