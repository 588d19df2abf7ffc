/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_endpoint.c - the endpoint of the older contract in a real network namespace: whom it hears,
 * whom not, and what nobody can do to it. */
#include "driver/endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/namespace.h"
#include "testbed.h"

enum { RATE = 10, PORT = 6060, ABSENT_MS = 60 };

struct place {
	struct intake_user user;
	uv_loop_t loop;
	struct intake *intake;
	struct endpoint *endpoint;
	int umbox, outside; /* namespaces, with a pair eth1 - out between them */
	int directory;
	unsigned lines, ends;
	struct umbox_line last;
	bool close_on_line;
};

static void on_line(struct intake_user *user, const struct umbox_line *line)
{
	struct place *place = container_of(user, struct place, user);
	place->lines++;
	place->last = *line;
	if (!place->close_on_line)
		return;
	endpoint_close(take(place->endpoint));
	intake_close(take(place->intake));
}

static void on_end(struct intake_user *user, const char *words)
{
	struct place *place = container_of(user, struct place, user);
	place->ends++;
	assert_string_equal(words, "its endpoint was closed");
	endpoint_close(take(place->endpoint));
	intake_close(take(place->intake));
}

static int set_up(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));
	struct error err = {0};
	place->user = (struct intake_user){.on_line = on_line, .on_end = on_end};
	uv_loop_init(&place->loop);
	place->directory = open("/run/netns", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	place->umbox = bed_namespace();
	place->outside = bed_namespace();
	bed_pair(place->umbox, "eth1", place->outside, "out");
	assert_int_equal(intake_open(&place->intake, &place->loop, place->directory, RATE,
				     &place->user, &err),
			 0);
	if (endpoint_open(&place->endpoint, &place->loop, place->umbox, place->intake, &err) < 0)
		fail_msg("%s", err.text);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	endpoint_close(place->endpoint);
	intake_close(place->intake);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&place->loop), 0);
	close(place->directory);
	close(place->umbox);
	close(place->outside);
	free(place);
	return 0;
}

static int connect_to(const struct place *place, const char *ip, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = namespace_socket(place->umbox, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, NULL);
	assert_true(fd >= 0);
	inet_pton(AF_INET, ip, &address.sin_addr);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int result = -errno;
	close(fd);
	return result;
}

/* The status of the answer; 0: the connection ended without one. */
static int read_status(struct place *place, int fd)
{
	char text[256];
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	for (unsigned turns = 0; turns < 6000 && poll(&ready, 1, 10) == 0; turns++)
		uv_run(&place->loop, UV_RUN_NOWAIT);
	ssize_t count = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	if (count <= 0)
		return 0;
	text[count] = '\0';
	assert_true(text_starts(text, "HTTP/1.1 "));
	return atoi(text + strlen("HTTP/1.1 "));
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int post(struct place *place, const char *ip, const char *target, const char *body)
{
	int fd = connect_to(place, ip, PORT);
	assert_true(fd >= 0);
	cleanup_free char *text = mem_printf("POST %s HTTP/1.1\r\nHost: %s\r\n"
					     "Content-Length: %zu\r\n\r\n%s",
					     target, ip, strlen(body), body);
	say(fd, text);
	return read_status(place, fd);
}

static void it_is_found_at_every_address(void **state)
{
	struct place *place = *state;
	static const char *const addresses[] = {"127.0.0.1", "10.27.151.3", "203.0.113.5"};
	for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
		assert_int_equal(post(place, addresses[i], "/alert/",
				      "{\"umbox\":9,\"alert\":\"xmas-scan\",\"details\":\"d\"}"),
				 200);
		assert_int_equal(place->lines, i + 1);
		assert_int_equal(place->last.kind, UMBOX_LINE_ALERT);
		assert_string_equal(place->last.alert.type, "xmas-scan");
	}
	assert_int_equal(connect_to(place, "203.0.113.5", 80), -ECONNREFUSED);
}

static void what_is_wrong_gets_its_answer(void **state)
{
	struct place *place = *state;
	struct buffer words = {0};
	assert_int_equal(post(place, "10.0.0.1", "/alert/", "{"), 400);
	assert_int_equal(post(place, "10.0.0.1", "/", "{}"), 404);
	int fd = connect_to(place, "10.0.0.1", PORT);
	say(fd, "\x16\x03\x01 is no HTTP\r\n");
	assert_int_equal(read_status(place, fd), 400);
	assert_int_equal(place->lines, 0);
	assert_int_equal(intake_report(place->intake, &words), 3);
	assert_non_null(strstr(words.bytes, "3 malformed"));
	buffer_done(&words);

	const char *alert = "{\"alert\":\"x\"}";
	int status = 200;
	unsigned posts = 0;
	while (status == 200 && posts++ < 100 * RATE * INTAKE_BURST)
		status = post(place, "10.0.0.1", "/alert/", alert);
	assert_int_equal(status, 429);
	assert_true(place->lines >= RATE * INTAKE_BURST - 3);
}

static void idle_connections_keep_nobody_out(void **state)
{
	struct place *place = *state;
	int idle[3 * ENDPOINT_CONNECTIONS_MAX];
	for (unsigned i = 0; i < ARRAY_SIZE(idle); i++) {
		idle[i] = connect_to(place, "10.0.0.1", PORT);
		assert_true(idle[i] >= 0);
		say(idle[i], "POST /alert/ HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
		for (unsigned turn = 0; turn < 5; turn++)
			uv_run(&place->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(post(place, "10.0.0.1", "/alert/", "{\"alert\":\"umbox-ready\"}"), 200);
	assert_int_equal(place->last.kind, UMBOX_LINE_READY);
	for (unsigned i = 0; i < ARRAY_SIZE(idle); i++)
		close(idle[i]);
}

static void what_is_said_may_end_it(void **state)
{
	struct place *place = *state;
	place->close_on_line = true;
	assert_int_equal(post(place, "10.0.0.1", "/alert/", "{\"alert\":\"x\"}"), 0);
	assert_int_equal(place->lines, 1);
	assert_int_equal(connect_to(place, "10.0.0.1", PORT), -ECONNREFUSED);
}

/* Who may administer the namespace may end any of its sockets (sock_diag(7)). */
static void one_that_is_taken_away_is_the_end(void **state)
{
	struct place *place = *state;
	bed_run(place->umbox, "ss -K -t state listening sport = :6060 >/dev/null");
	assert_int_equal(connect_to(place, "10.0.0.1", PORT), -ECONNREFUSED);
	for (unsigned turn = 0; turn < 5; turn++)
		uv_run(&place->loop, UV_RUN_NOWAIT);
	assert_int_equal(place->ends, 1);
}

/* The legs are for frames: the kernel in there neither answers nor sends by them. */
static void the_legs_are_no_way_in_or_out(void **state)
{
	struct place *place = *state;
	int out = bed_packet_socket(place->outside, "out");
	struct mac sender = bed_mac(1);
	static const char *const senders[] = {"203.0.113.9", "0.0.0.0"};
	struct pollfd heard = {.fd = out, .events = POLLIN};
	for (unsigned i = 0; i < ARRAY_SIZE(senders); i++) {
		struct bed_frame frame;
		bed_frame_arp(&frame, &sender, &bed_broadcast, ARPOP_REQUEST, &sender, senders[i],
			      "203.0.113.5", 1);
		bed_send(out, &frame);
	}
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	inet_pton(AF_INET, "203.0.113.5", &address.sin_addr);
	int fd = namespace_socket(place->umbox, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, NULL);
	(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	assert_int_equal(poll(&heard, 1, ABSENT_MS), 0);
	close(out);

	/* Even a frame to the leg's own MAC opens no connection. */
	bed_run(place->umbox, "ip link set eth1 address 02:00:00:00:00:77");
	bed_run(place->outside, "ip addr add 203.0.113.9/24 dev out\n"
				"ip neigh replace 203.0.113.5 dev out nud permanent lladdr "
				"02:00:00:00:00:77");
	fd = namespace_socket(place->outside, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			      0, NULL);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, ABSENT_MS), 0);
	close(fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		TEST(it_is_found_at_every_address),      TEST(what_is_wrong_gets_its_answer),
		TEST(idle_connections_keep_nobody_out),  TEST(what_is_said_may_end_it),
		TEST(one_that_is_taken_away_is_the_end), TEST(the_legs_are_no_way_in_or_out),
	};
	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
