/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/test_control.c - what the trial makes of what a umbox says. */
#include "trial/control.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/mem.h"
#include "base/text.h"

struct fixture {
	char directory[64];
	struct control control;
	int umbox; /* its end */
};

static void join(struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	TEXT_COPY(address.sun_path, fixture->control.path);
	fixture->umbox = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fixture->umbox, (struct sockaddr *)&address, sizeof(address)), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));
	char path[108];
	TEXT_COPY(fixture->directory, "/tmp/kalki-control-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(path, sizeof(path), "%s/control.sock", fixture->directory);
	assert_int_equal(control_open(&fixture->control, path, NULL), 0);
	join(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->umbox);
	control_go_away(&fixture->control);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static void say(const struct fixture *fixture, const char *words)
{
	assert_int_equal(send(fixture->umbox, words, strlen(words), 0), strlen(words));
}

static void test_what_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct control *control = &fixture->control;
	say(fixture, "{\"kalki\":\"ready\"}\n{\"kalki\":\"heart");
	control_read(control, 1000000);
	assert_true(control->ready && control->ready_first);
	assert_int_equal(control->heartbeats, 0);
	say(fixture, "beat\",\"counters\":{\"dropped\":4,\"answered\":7}}\n");
	control_read(control, 2000000);
	say(fixture, "{\"kalki\":\"alert\",\"type\":\"x\"}\n{\"kalki\":\"alert\"}\n"
		     "{\"kalki\":\"heartbeat\"}\n");
	control_read(control, 5000000);
	assert_int_equal(control->heartbeats, 2);
	assert_int_equal(control->silence_us, 3000000);
	assert_int_equal(control->alerts, 1);
	assert_int_equal(control->malformed, 1);
	assert_int_equal(control->connections, 1);
}

static void test_what_stands_in_a_heartbeat(void **state)
{
	struct fixture *fixture = *state;
	say(fixture, "{\"kalki\":\"heartbeat\",\"counters\":{\"dropped\":4,\"answered\":7}}\n");
	control_read(&fixture->control, 1000000);
	assert_int_equal(fixture->control.account.dropped, 4);
	assert_int_equal(fixture->control.account.answered, 7);
	assert_false(fixture->control.ready);
}

static void test_too_many_lines(void **state)
{
	struct fixture *fixture = *state;
	for (unsigned i = 0; i < CONTROL_LINES_AT_ONCE + 5; i++) {
		say(fixture, "{\"kalki\":\"alert\",\"type\":\"x\"}\n");
		control_read(&fixture->control, 1000000);
	}
	assert_int_equal(fixture->control.over_rate, 5);
	say(fixture, "{\"kalki\":\"alert\",\"type\":\"x\"}\n");
	control_read(&fixture->control, 2000000);
	assert_int_equal(fixture->control.over_rate, 5);
}

static void test_a_line_without_end(void **state)
{
	struct fixture *fixture = *state;
	for (unsigned i = 0; i < 20; i++) {
		say(fixture, "{\"kalki\":\"record\",\"record\":{\"much\":\"");
		for (unsigned j = 0; j < 10; j++)
			say(fixture, "0123456789012345678901234567890123456789012345678901234567");
		control_read(&fixture->control, 1000000);
	}
	assert_int_equal(fixture->control.malformed, 1);
	say(fixture, "\n{\"kalki\":\"ready\"}\n");
	control_read(&fixture->control, 1000000);
	assert_true(fixture->control.ready);
}

static void pass_descriptor(const struct fixture *fixture, int fd)
{
	char words[] = "{\"kalki\":\"ready\"}\n";
	struct iovec line = {words, strlen(words)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} beside = {.head = {.cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
			     .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct msghdr message = {.msg_iov = &line,
				 .msg_iovlen = 1,
				 .msg_control = beside.room,
				 .msg_controllen = sizeof(beside.room)};
	memcpy(CMSG_DATA(&beside.head), &fd, sizeof(fd));
	assert_int_equal(sendmsg(fixture->umbox, &message, 0), strlen(words));
}

static void test_a_ring_is_looked_at(void **state)
{
	struct fixture *fixture = *state;
	struct control *control = &fixture->control;
	int ring = memfd_create("ring", MFD_ALLOW_SEALING);
	pass_descriptor(fixture, ring);
	control_read(control, 1000000);
	assert_true(control->ready);
	assert_int_equal(control->malformed, 1); /* it is not sealed */
	assert_int_equal(control->ring_fd, -1);
	assert_int_equal(ftruncate(ring, 4096), 0);
	assert_int_equal(fcntl(ring, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	pass_descriptor(fixture, ring);
	control_read(control, 1000000);
	assert_int_equal(control->malformed, 1);
	assert_true(control->ring_fd >= 0);
	close(ring);
}

static void test_a_second_connection(void **state)
{
	struct fixture *fixture = *state;
	control_read(&fixture->control, 1000000);
	int first = fixture->umbox;
	join(fixture);
	control_read(&fixture->control, 1000000);
	assert_int_equal(fixture->control.refused, 1);
	close(first);
	control_read(&fixture->control, 1000000);
	assert_int_equal(fixture->control.connection, -1);
}

/* Its own socket is full; what it says later is heard all the same. */
static void test_a_full_socket(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	control_read(&fixture->control, 1000000);
	if (control_stuff(&fixture->control, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(send(fixture->umbox, "\n", 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	control_read(&fixture->control, 1000000);
	assert_int_equal(fixture->control.lines, 0);
	say(fixture, "{\"kalki\":\"heartbeat\"}\n");
	control_read(&fixture->control, 1000000);
	assert_int_equal(fixture->control.heartbeats, 1);
	assert_int_equal(fixture->control.malformed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_stands_in_a_heartbeat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_line_without_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_ring_is_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_second_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_full_socket, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
