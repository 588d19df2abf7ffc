/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_intake.c - the control socket against umboxes that behave, and that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "driver/test_intake.h"

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static uint64_t report(struct place *place, char *words, size_t words_bytes)
{
	struct buffer buffer = {0};
	uint64_t count = intake_report(place->intake, &buffer);
	snprintf(words, words_bytes, "%s", buffer.bytes ? buffer.bytes : "");
	buffer_done(&buffer);
	return count;
}

static unsigned count_open(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_descriptor_comes_with_a_line(void **state)
{
	struct place *place = *state;
	char words[256];
	accept_own(place);
	int fd = connect_to(place);
	turn(place, 3);
	unsigned before = count_open();
	say_with(fd, "{\"kalki\":\"ready\"}\n", &fd, 1);
	say(fd, "{\"kalki\":\"heartbeat\"}\n");
	turn(place, 6);
	assert_int_equal(place->lines, 2);
	assert_int_equal(place->descriptors, 1);
	assert_int_equal(place->ends, 0);
	assert_int_equal(report(place, words, sizeof(words)), 0);
	assert_int_equal(count_open(), before);
	close(fd);
}

static void nothing_else_comes_along(void **state)
{
	struct place *place = *state;
	accept_own(place);
	int fd = connect_to(place), more[4] = {fd, fd, fd, fd};
	turn(place, 3);
	say_with(fd, "{\"kalki\":\"ready\"}\n", more, 4);
	turn(place, 3);
	assert_int_equal(place->lines, 0);
	assert_int_equal(place->ends, 1);
	assert_string_equal(place->end_words, "it passed more than one descriptor");
	close(fd);
}

static void one_that_is_refused_is_the_end(void **state)
{
	struct place *place = *state;
	accept_own(place);
	int fd = connect_to(place);
	place->refuse_descriptors = -EINVAL;
	say_with(fd, "{\"kalki\":\"ready\"}\n", &fd, 1);
	turn(place, 4);
	assert_int_equal(place->lines, 0);
	assert_int_equal(place->ends, 1);
	assert_string_equal(place->end_words, "it passed a descriptor: not that one");
	close(fd);
}

static void lines_come_whole_in_any_pieces(void **state)
{
	struct place *place = *state;
	int fd = connect_to(place); /* before anybody accepts */
	say(fd, "{\"kalki\":\"ready\"}\n{\"kalki\":\"al");
	turn(place, 3);
	assert_int_equal(place->lines, 0);
	accept_own(place);
	turn(place, 3);
	assert_int_equal(place->lines, 1);
	assert_int_equal(place->last.kind, UMBOX_LINE_READY);
	say(fd, "ert\",\"type\":\"x\"}\n");
	turn(place, 2);
	assert_int_equal(place->lines, 2);
	assert_string_equal(place->last.alert.type, "x");
	assert_int_equal(place->ends, 0);
	say(fd, "{\"kalki\":\"heartbeat\"}\n");
	close(fd);
	turn(place, 3);
	assert_int_equal(place->lines, 3);
	assert_int_equal(place->ends, 1);
}

static void malformed_lines_are_counted(void **state)
{
	struct place *place = *state;
	char words[256];
	accept_own(place);
	int fd = connect_to(place);
	say(fd, "nonsense\n{\"kalki\":\"alert\"}\n{\"kalki\":\"ready\"}\n");
	turn(place, 4);
	assert_int_equal(place->lines, 1);
	assert_int_equal(report(place, words, sizeof(words)), 2);
	assert_non_null(strstr(words, "2 malformed (the last: "));
	assert_int_equal(report(place, words, sizeof(words)), 0);
	assert_string_equal(words, "");
	close(fd);
}

static void a_line_that_is_too_long_is_skipped(void **state)
{
	struct place *place = *state;
	char words[256], filling[1024];
	memset(filling, 'x', sizeof(filling) - 1);
	filling[sizeof(filling) - 1] = '\0';
	accept_own(place);
	int fd = connect_to(place);
	for (unsigned i = 0; i < 20; i++)
		say(fd, filling);
	say(fd, "\n{\"kalki\":\"ready\"}\n");
	turn(place, 8);
	assert_int_equal(place->lines, 1);
	assert_int_equal(report(place, words, sizeof(words)), 1);
	assert_non_null(strstr(words, "longer than 8192 bytes"));
	close(fd);
}

static void a_storm_is_cut_to_its_rate(void **state)
{
	struct place *place = *state;
	char words[256];
	accept_own(place);
	int fd = connect_to(place);
	uv_update_time(&place->loop);
	for (unsigned i = 0; i < 150; i++)
		say(fd, "{\"kalki\":\"alert\",\"type\":\"x\"}\n");
	turn(place, 8);
	/* The burst, and what the bucket won meanwhile. */
	assert_true(place->lines >= RATE * INTAKE_BURST && place->lines < 150);
	assert_int_equal(report(place, words, sizeof(words)), 150 - place->lines);
	assert_non_null(strstr(words, "over the rate"));
	close(fd);
}

static void one_connection_only(void **state)
{
	struct place *place = *state;
	char words[256], byte;
	accept_own(place);
	int first = connect_to(place);
	turn(place, 2);
	int second = connect_to(place);
	turn(place, 2);
	assert_int_equal(recv(second, &byte, 1, 0), 0);
	say(first, "{\"kalki\":\"ready\"}\n");
	turn(place, 2);
	assert_int_equal(place->lines, 1);
	assert_int_equal(report(place, words, sizeof(words)), 1);
	assert_string_equal(words, "1 refused (the last: a second connection)");
	close(first);
	close(second);
}

static void connections_from_elsewhere_are_refused(void **state)
{
	struct place *place = *state;
	char words[256], byte;
	/* Any other file will do for the namespace of somebody else. */
	assert_int_equal(intake_accept(place->intake, place->directory, NULL), 0);
	int fd = connect_to(place);
	turn(place, 2);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(report(place, words, sizeof(words)), 1);
	assert_non_null(strstr(words, "from outside the umbox"));
	assert_int_equal(place->ends, 0);
	close(fd);
}

static void closing_in_the_middle_of_lines(void **state)
{
	struct place *place = *state;
	place->close_on_line = true;
	accept_own(place);
	int fd = connect_to(place);
	say(fd, "{\"kalki\":\"ready\"}\n{\"kalki\":\"ready\"}\n");
	turn(place, 4);
	assert_int_equal(place->lines, 1);
	assert_int_equal(place->ends, 0);
	close(fd);
}

static void the_socket_is_for_every_user_of_the_umbox(void **state)
{
	struct place *place = *state;
	struct stat status;
	assert_int_equal(fstatat(place->directory, "control.sock", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0666);
	/* Adopting takes the place of the old one. */
	struct intake *again;
	assert_int_equal(
		intake_open(&again, &place->loop, place->directory, RATE, &place->user, NULL), 0);
	intake_close(take(place->intake));
	place->intake = again;
	accept_own(place);
	int fd = connect_to(place);
	say(fd, "{\"kalki\":\"ready\"}\n");
	turn(place, 4);
	assert_int_equal(place->lines, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_come_whole_in_any_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_descriptor_comes_with_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_else_comes_along, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_refused_is_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(malformed_lines_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_that_is_too_long_is_skipped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_storm_is_cut_to_its_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_connection_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connections_from_elsewhere_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(closing_in_the_middle_of_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_socket_is_for_every_user_of_the_umbox, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
