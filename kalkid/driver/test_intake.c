/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_intake.c - the control socket against umboxes that behave, and that do not. */
#include "driver/intake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { RATE = 10 };

struct place {
	struct intake_user user;
	uv_loop_t loop;
	struct intake *intake;
	char path[64];
	int directory;
	unsigned lines, ends, descriptors;
	char end_words[ERROR_TEXT_BYTES];
	int refuse_descriptors; /* a negative errno */
	struct umbox_line last;
	bool close_on_line;
};

static void on_line(struct intake_user *user, const struct umbox_line *line)
{
	struct place *place = container_of(user, struct place, user);
	place->lines++;
	place->last = *line;
	if (place->close_on_line)
		intake_close(take(place->intake));
}

static int on_descriptor(struct intake_user *user, int fd, struct error *err)
{
	struct place *place = container_of(user, struct place, user);
	close(fd);
	place->descriptors++;
	return place->refuse_descriptors ? error_set(err, place->refuse_descriptors, "not that one")
					 : 0;
}

static void on_end(struct intake_user *user, const char *words)
{
	struct place *place = container_of(user, struct place, user);
	place->ends++;
	snprintf(place->end_words, sizeof(place->end_words), "%s", words);
}

static int set_up(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));
	place->user = (struct intake_user){
		.on_line = on_line, .on_end = on_end, .on_descriptor = on_descriptor};
	uv_loop_init(&place->loop);
	strcpy(place->path, "/tmp/kalki-intake-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->directory = open(place->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(intake_open(&place->intake, &place->loop, place->directory, RATE,
				     &place->user, NULL),
			 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	intake_close(place->intake);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&place->loop), 0);
	unlinkat(place->directory, "control.sock", 0);
	close(place->directory);
	rmdir(place->path);
	free(place);
	return 0;
}

static int connect_to(const struct place *place)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", place->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void accept_own(struct place *place)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(intake_accept(place->intake, netns, NULL), 0);
	close(netns);
}

static void turn(struct place *place, unsigned times)
{
	while (times--)
		uv_run(&place->loop, UV_RUN_NOWAIT);
}

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

static void say_with(int socket, const char *text, const int *fds, unsigned count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} beside = {0};
	struct iovec iov = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = beside.bytes,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	beside.head.cmsg_level = SOL_SOCKET;
	beside.head.cmsg_type = SCM_RIGHTS;
	beside.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&beside.head), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), strlen(text));
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
