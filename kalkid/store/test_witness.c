/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_witness.c - what was witnessed is whole or not there. */
#include "store/test_store.h"

#include <fcntl.h>

#include "store/witness.h"

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
		put(witness, 1, round, MACHINE_ALERTS_MAX / round);
		put(witness, DEVICE_NUMBER_MAX, 100 + round, 0);
		expect(witness, 1, round, MACHINE_ALERTS_MAX / round);
		witness_close(witness);
		witness = open_witness(f);
		expect(witness, DEVICE_NUMBER_MAX, 100 + round, 0);
		expect(witness, 1, round, MACHINE_ALERTS_MAX / round);
	}
	assert_false(witness_get(witness, 2, &record));
	assert_int_equal(witness_forget(witness, 1), 0);
	assert_false(witness_get(witness, 1, &record));
	expect(witness, DEVICE_NUMBER_MAX, 106, 0);
	witness_close(witness);
}

/* Killed in the middle of the second write: any part of it may be there. */
static void a_torn_one_is_passed_over(void **state)
{
	const struct fixture *f = *state;
	static char before[256 * 1024], after[sizeof(before)];
	struct witness *witness = open_witness(f);
	put(witness, 3, 7, 5);
	put(witness, 3, 8, 300);
	int fd = open(f->path, O_RDWR);
	ssize_t bytes = pread(fd, before, sizeof(before), 0);
	assert_in_range(bytes, 1, sizeof(before) - 1);
	put(witness, 3, 9, 200);
	ssize_t end = pread(fd, after, sizeof(after), 0);
	witness_close(witness);
	assert_in_range(end, bytes, sizeof(after));
	for (ssize_t cut = 0; cut <= end; cut += cut < end - 13 ? 13 : 1) {
		assert_int_equal(pwrite(fd, after, (size_t)cut, 0), cut);
		assert_int_equal(pwrite(fd, before + cut, (size_t)(end - cut), cut), end - cut);
		struct machine_record record;
		witness = open_witness(f);
		assert_true(witness_get(witness, 3, &record));
		assert_in_range(record.generation, 8, 9);
		expect(witness, 3, record.generation, record.generation == 8 ? 300 : 200);
		witness_close(witness);
	}
	close(fd);
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
		cmocka_unit_test_setup_teardown(a_torn_one_is_passed_over, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
