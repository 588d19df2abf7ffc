/* SPDX-License-Identifier: Apache-2.0 */
/* test_proxy.c - logins, and what is forwarded before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "proxy.h"
#include "talk.h"
#include "users.h"

#define SECOND    INT64_C(1000000)
#define ALICE     "YWxpY2U6b3BlbiBzZXNhbWU=" /* alice:open sesame */
#define ALICE_BAD "YWxpY2U6c2hlbGw="

struct fixture {
	struct proxy *proxy;
	struct talk talk;
	unsigned sent, alerts, checks;
	struct umbox_headers last;
	char text[512]; /* of the last answer with one */
	char type[64], detail[192];
	/* What the device got through the HTTP proxy, and the frames of it. */
	char given[4096];
	unsigned given_count;
	struct umbox_headers last_given;
	bool known;
};

static bool check(const void *user, const char *name, const char *password)
{
	((struct fixture *)user)->checks++;
	return strcmp(name, "alice") == 0 && strcmp(password, "open sesame") == 0;
}

static bool knows(const void *user, const char *name, const char *password)
{
	(void)name, (void)password;
	return ((struct fixture *)user)->known;
}

static bool is_exempt(const void *user, const struct umbox_ip *source)
{
	(void)user;
	return source->octet[3] == 1;
}

static void tell(const void *user, const struct umbox_alert *alert)
{
	struct fixture *fixture = (struct fixture *)user;
	fixture->alerts++;
	snprintf(fixture->type, sizeof(fixture->type), "%s", alert->type);
	snprintf(fixture->detail, sizeof(fixture->detail), "%s", alert->detail);
}

static void on_send(const void *user, const struct umbox_frame *frame)
{
	struct fixture *fixture = (struct fixture *)user;
	fixture->sent++;
	assert_true(umbox_parse(&fixture->last, frame->bytes, frame->length));
	if (fixture->last.payload_bytes)
		snprintf(fixture->text, sizeof(fixture->text), "%.*s",
			 (int)fixture->last.payload_bytes,
			 (const char *)frame->bytes + fixture->last.payload);
}

static void on_send_in(const void *user, const struct umbox_frame *frame)
{
	struct fixture *fixture = (struct fixture *)user;
	size_t length = strlen(fixture->given);
	fixture->given_count++;
	assert_true(umbox_parse(&fixture->last_given, frame->bytes, frame->length));
	if (fixture->last_given.payload_bytes)
		snprintf(fixture->given + length, sizeof(fixture->given) - length, "%.*s",
			 (int)fixture->last_given.payload_bytes,
			 (const char *)frame->bytes + fixture->last_given.payload);
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	frame->offload.flags = 1; /* its checksum is not due */
	frame->bytes[48] = 0x20;  /* its window is open */
	return proxy_frame(((struct fixture *)user)->proxy, frame);
}

static void start(struct fixture *fixture, int64_t block_us)
{
	proxy_free(fixture->proxy);
	*fixture = (struct fixture){.talk = {.judge = judge,
					     .user = fixture,
					     .client = "10.20.0.9",
					     .client_port = 4000,
					     .server_port = 80,
					     .now_us = 100 * SECOND}};
	fixture->proxy = proxy_new(&(struct proxy_settings){
		.login_port = 9010,
		.relay_port = 3128,
		.relay_hosts = {"lamp.lan"},
		.relay_host_count = 1,
		.relay_ports = {80, 443},
		.relay_port_count = 2,
		.http_ports = {80},
		.http_port_count = 1,
		.first_us = 10 * SECOND,
		.session_us = 3600 * SECOND,
		.attempts = 3,
		.interval_us = 60 * SECOND,
		.lockout_us = 60 * SECOND,
		.block_us = block_us,
		.alert_pause_us = 10 * SECOND,
		.check = check,
		.knows = knows,
		.is_exempt = is_exempt,
		.tell = tell,
		.send = on_send,
		.send_in = on_send_in,
		.user = fixture,
	});
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	start(*state, 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	proxy_free(fixture->proxy);
	free(fixture);
	return 0;
}

/* A request that the umbox answers itself; returns the status. */
static int ask(struct fixture *fixture, uint16_t port, const char *authorization)
{
	struct talk *talk = &fixture->talk;
	char text[512];
	talk->server_port = port;
	talk->client_port++;
	talk->client_sequence = 1000;
	talk->server_sequence = 0;
	talk->now_us += SECOND;
	fixture->text[0] = '\0';
	assert_int_equal(talk_say(talk, true, UMBOX_TCP_SYN, "", 0), UMBOX_DROP);
	assert_int_equal(fixture->last.tcp_flags, UMBOX_TCP_SYN | UMBOX_TCP_ACK);
	talk->client_sequence++;
	talk->server_sequence = fixture->last.tcp_sequence + 1;
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\n%s%s\r\n\r\n",
		 authorization ? "Authorization: Basic " : "A: b",
		 authorization ? authorization : "");
	assert_int_equal(talk_client(talk, text), UMBOX_DROP);
	assert_true(fixture->last.tcp_flags & UMBOX_TCP_FIN);
	assert_int_equal(strncmp(fixture->text, "HTTP/1.1 ", 9), 0);
	return atoi(fixture->text + 9);
}

/* A connection to the device itself. */
static bool reaches_device(struct fixture *fixture)
{
	fixture->talk.server_port = 8080;
	return talk_open(&fixture->talk);
}

static void nothing_is_forwarded_before_login(void **state)
{
	struct fixture *fixture = *state;
	struct test_frame frame;
	assert_false(reaches_device(fixture));
	assert_true(fixture->last.tcp_flags & UMBOX_TCP_RST);
	assert_int_equal(fixture->last.tcp_acknowledgment, 1001);
	/* The middle of a connection, and a fragment. */
	assert_int_equal(talk_client(&fixture->talk, "GET /"), UMBOX_DROP);
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 6, 8, 3);
	put_bytes(&frame, "12345678", 8);
	struct umbox_frame fragment = as_frame(&frame, UMBOX_OUT, fixture->talk.now_us);
	assert_int_equal(proxy_frame(fixture->proxy, &fragment), UMBOX_DROP);
	/* A protocol in which TCP may hide. */
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 4, 20, 0);
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 6, 0, 0);
	struct umbox_frame tunnel = as_frame(&frame, UMBOX_OUT, fixture->talk.now_us);
	assert_int_equal(proxy_frame(fixture->proxy, &tunnel), UMBOX_DROP);
	assert_int_equal(proxy_counts(fixture->proxy)->turned_away, 4);
}

static void a_login_opens_the_device_to_its_source(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(ask(fixture, 9010, NULL), 401);
	assert_non_null(strstr(fixture->text, "Basic realm"));
	assert_false(reaches_device(fixture));
	assert_int_equal(ask(fixture, 9010, ALICE), 200);
	assert_true(reaches_device(fixture));
	fixture->talk.client = "10.20.0.8";
	assert_false(reaches_device(fixture));
	fixture->talk.client = "10.20.0.9";
	fixture->talk.now_us += 3500 * SECOND;
	assert_true(reaches_device(fixture));
	fixture->talk.now_us += 100 * SECOND;
	assert_int_equal(talk_client(&fixture->talk, "late"), UMBOX_DROP);
	assert_false(reaches_device(fixture));
	assert_int_equal(fixture->alerts, 0);
}

static void a_login_that_is_not_used_ends(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(ask(fixture, 9010, ALICE), 200);
	fixture->talk.now_us += 10 * SECOND;
	assert_false(reaches_device(fixture));
}

static void at_the_device_s_page_the_way_is_shown(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(ask(fixture, 80, NULL), 401);
	assert_non_null(strstr(fixture->text, "port 9010"));
	assert_int_equal(ask(fixture, 80, ALICE), 401); /* no password is taken here */
	assert_int_equal(fixture->checks, 0);
	assert_int_equal(ask(fixture, 9010, ALICE), 200);
	fixture->talk.server_port = 80;
	assert_true(talk_open(&fixture->talk));
}

static void failed_logins_lock_out(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture->alerts, 0);
		assert_int_equal(ask(fixture, 9010, ALICE_BAD), 401);
	}
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "proxy-failed-auth");
	assert_string_equal(fixture->detail, "3 failed logins in 60 s, the last as 'alice'");
	assert_int_equal(ask(fixture, 9010, ALICE), 429);
	assert_false(reaches_device(fixture));
	assert_int_equal(fixture->checks, 3);
	fixture->talk.client = "10.20.0.8";
	assert_int_equal(ask(fixture, 9010, ALICE), 200);
	fixture->talk.client = "10.20.0.9";
	fixture->talk.now_us += 61 * SECOND;
	assert_int_equal(ask(fixture, 9010, ALICE), 200);
	assert_int_equal(proxy_counts(fixture->proxy)->logins, 2);
	assert_int_equal(proxy_counts(fixture->proxy)->failures, 3);
}

static void or_block_if_told_to(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, 60 * SECOND);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(fixture, 9010, ALICE_BAD), 401);
	unsigned sent = fixture->sent;
	fixture->talk.server_port = 9010;
	assert_false(talk_open(&fixture->talk));
	assert_int_equal(fixture->sent, sent);
	assert_int_equal(proxy_counts(fixture->proxy)->blocked, 1);
}

static void passwords_are_tried_slowly(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(ask(fixture, 9010, ALICE_BAD), 401);
	fixture->talk.now_us -= SECOND; /* at once */
	assert_int_equal(ask(fixture, 9010, ALICE), 503);
	assert_int_equal(fixture->checks, 1);
}

static void what_the_device_opens_is_its_own(void **state)
{
	struct fixture *fixture = *state;
	struct talk *talk = &fixture->talk;
	talk->server_port = 50000;
	assert_int_equal(talk_say(talk, false, UMBOX_TCP_SYN, "", 0), UMBOX_PASS);
	assert_int_equal(talk_say(talk, true, UMBOX_TCP_SYN | UMBOX_TCP_ACK, "", 0), UMBOX_PASS);
	assert_int_equal(talk_client(talk, "answer"), UMBOX_PASS);
	assert_int_equal(talk_say(talk, true, UMBOX_TCP_SYN, "", 0), UMBOX_DROP);
	talk->server_port = 50001;
	assert_int_equal(talk_client(talk, "answer"), UMBOX_DROP);
	/* What the device answers opens nothing. */
	assert_int_equal(talk_say(talk, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, "", 0), UMBOX_PASS);
	assert_int_equal(talk_client(talk, "answer"), UMBOX_DROP);
}

static void others_than_tcp_and_the_host_pass(void **state)
{
	struct fixture *fixture = *state;
	struct test_frame frame;
	fixture->talk.client = "10.20.0.1";
	assert_true(reaches_device(fixture));
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 17, 8, 0);
	put_bytes(&frame, "\x14\xe9\x14\xe9\0\x08\0\0", 8);
	struct umbox_frame udp = as_frame(&frame, UMBOX_OUT, fixture->talk.now_us);
	assert_int_equal(proxy_frame(fixture->proxy, &udp), UMBOX_PASS);
	start_frame(&frame, 0x88cc);
	struct umbox_frame other = as_frame(&frame, UMBOX_OUT, fixture->talk.now_us);
	assert_int_equal(proxy_frame(fixture->proxy, &other), UMBOX_PASS);
}

/* --- the HTTP proxy --- */

#define LOGIN "Proxy-Authorization: Basic " ALICE "\r\n"

/* Says it to the HTTP proxy; the status of its answer, 0 when it asks the device. */
static int through(struct fixture *fixture, const char *text)
{
	struct talk *talk = &fixture->talk;
	talk->server_port = 3128;
	talk->client_port++;
	talk->client_sequence = 1000;
	talk->server_sequence = 0;
	talk->now_us += SECOND;
	fixture->text[0] = fixture->given[0] = '\0';
	fixture->given_count = 0;
	assert_int_equal(talk_say(talk, true, UMBOX_TCP_SYN, "", 0), UMBOX_DROP);
	talk->client_sequence++;
	talk->server_sequence = fixture->last.tcp_sequence + 1;
	assert_int_equal(talk_client(talk, text), UMBOX_DROP);
	talk->client_sequence += (uint32_t)strlen(text);
	if (fixture->given_count)
		assert_int_equal(fixture->last_given.tcp_flags, UMBOX_TCP_SYN);
	return fixture->text[0] ? atoi(fixture->text + 9) : 0;
}

/* The device takes the connection, or does not. */
static void device_answers(struct fixture *fixture, uint8_t flags)
{
	struct talk device = fixture->talk;
	assert_int_equal(fixture->given_count, 1);
	device.server_port = fixture->last_given.target_port;
	device.client_sequence = fixture->last_given.tcp_sequence + 1;
	device.server_sequence = 7000;
	assert_int_equal(talk_say(&device, false, flags | UMBOX_TCP_ACK, "", 0), UMBOX_DROP);
}

static void a_request_goes_on_without_its_login(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(through(fixture, "GET http://10.20.0.11/a?b HTTP/1.1\r\nHost: other\r\n"
					  "Accept: x\r\nproxy-connection: keep-alive\r\n"
					  "Connection: keep-alive\r\n" LOGIN "Cookie: c\r\n\r\n"),
			 0);
	assert_int_equal(fixture->last_given.target_port, 80);
	device_answers(fixture, UMBOX_TCP_SYN);
	assert_string_equal(fixture->given, "GET /a?b HTTP/1.1\r\nHost: 10.20.0.11\r\n"
					    "Connection: close\r\nAccept: x\r\nCookie: c\r\n\r\n");
	assert_int_equal(proxy_counts(fixture->proxy)->relayed, 1);
	/* The source has no session by it. */
	assert_false(reaches_device(fixture));
}

static void a_body_goes_on_and_nothing_behind_it(void **state)
{
	struct fixture *fixture = *state;
	through(fixture,
		"POST http://lamp.lan:443 HTTP/1.1\r\nContent-Length: 8\r\n" LOGIN "\r\nbody");
	assert_int_equal(fixture->last_given.target_port, 443);
	device_answers(fixture, UMBOX_TCP_SYN);
	assert_int_equal(talk_client(&fixture->talk, "moreGET http://10.20.0.11/ HTTP/1.1\r\n\r\n"),
			 UMBOX_DROP);
	assert_string_equal(fixture->given, "POST / HTTP/1.1\r\nHost: lamp.lan:443\r\n"
					    "Connection: close\r\nContent-Length: 8\r\n\r\n"
					    "bodymore");
}

static void a_tunnel_carries_anything(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(through(fixture, "CONNECT 10.20.0.11:443 HTTP/1.1\r\n" LOGIN "\r\n"), 0);
	device_answers(fixture, UMBOX_TCP_SYN);
	assert_string_equal(fixture->text, "HTTP/1.1 200 Connection established\r\n\r\n");
	assert_string_equal(fixture->given, "");
	assert_int_equal(talk_client(&fixture->talk, "\x16\x03\x01"), UMBOX_DROP);
	assert_string_equal(fixture->given, "\x16\x03\x01");
}

static void a_device_that_does_not_answer_is_told(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(through(fixture, "GET http://10.20.0.11/ HTTP/1.1\r\n" LOGIN "\r\n"), 0);
	device_answers(fixture, UMBOX_TCP_RST);
	assert_int_equal(strncmp(fixture->text, "HTTP/1.1 502 ", 13), 0);
	assert_int_equal(proxy_counts(fixture->proxy)->relayed, 0);
}

static void what_is_not_for_the_device_is_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"GET http://10.20.0.11/ HTTP/1.1\r\n\r\n", 407},
		{"GET http://10.20.0.11/ HTTP/1.1\r\nAuthorization: Basic " ALICE "\r\n\r\n", 407},
		{"CONNECT 10.20.0.11:80 HTTP/1.1\r\n\r\n", 407},
		{"GET / HTTP/1.1\r\nHost: 10.20.0.11\r\n" LOGIN "\r\n", 400},
		{"GET https://10.20.0.11/ HTTP/1.1\r\n" LOGIN "\r\n", 400},
		{"GET http://10.20.0.11/ HTTP/1.1\r\nX: a\r\n b\r\n" LOGIN "\r\n", 400},
		{"GET http://10.20.0.11/ HTTP/1.1\r\nX: a\n" LOGIN "\r\n", 400},
		{"\r\n\r\nGET http://10.20.0.11/ HTTP/1.1\r\n" LOGIN "\r\n", 400},
		{"GET http://10.20.0.11@elsewhere/ HTTP/1.1\r\n" LOGIN "\r\n", 400},
		{"no HTTP at all\r\n\r\n", 400},
		{"GET http://10.20.0.12/ HTTP/1.1\r\n" LOGIN "\r\n", 403},
		{"GET http://lamp.lan.elsewhere/ HTTP/1.1\r\n" LOGIN "\r\n", 403},
		{"GET http://10.20.0.11:22/ HTTP/1.1\r\n" LOGIN "\r\n", 403},
		{"GET http://10.20.0.11:80x/ HTTP/1.1\r\n" LOGIN "\r\n", 403},
		{"CONNECT 10.20.0.11 HTTP/1.1\r\n" LOGIN "\r\n", 403},
		{"POST http://10.20.0.11/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" LOGIN "\r\n",
		 411},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = through(fixture, cases[i].text);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].text, status);
		assert_int_equal(fixture->given_count, 0);
	}
}

static void a_head_has_an_end(void **state)
{
	struct fixture *fixture = *state;
	char line[1000];
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	through(fixture, "GET http://10.20.0.11/ HTTP/1.1\r\n" LOGIN);
	for (int i = 0; i < 9 && !fixture->text[0]; i++) {
		talk_client(&fixture->talk, line);
		fixture->talk.client_sequence += (uint32_t)strlen(line);
	}
	assert_int_equal(strncmp(fixture->text, "HTTP/1.1 431 ", 13), 0);
	assert_int_equal(fixture->given_count, 0);
}

static void guessers_at_the_proxy_are_locked_out_too(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(through(fixture,
					 "GET http://10.20.0.11/ HTTP/1.1\r\n"
					 "Proxy-Authorization: Basic " ALICE_BAD "\r\n\r\n"),
				 407);
	assert_int_equal(fixture->alerts, 1);
	assert_int_equal(through(fixture, "GET http://10.20.0.11/ HTTP/1.1\r\n" LOGIN "\r\n"), 429);
	assert_int_equal(ask(fixture, 9010, ALICE), 429);
}

static void who_is_known_takes_no_time(void **state)
{
	struct fixture *fixture = *state;
	fixture->known = true;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			through(fixture, "GET http://10.20.0.11/ HTTP/1.1\r\n" LOGIN "\r\n"), 0);
		fixture->talk.now_us -= SECOND; /* at once */
	}
	assert_int_equal(fixture->checks, 0);
}

static void good_pairs_are_known_again(void **state)
{
	struct users_known known;
	(void)state;
	assert_true(sodium_init() >= 0);
	users_known_start(&known);
	assert_false(users_know(&known, "bob", "open sesame"));
	users_note(&known, "bob", "open sesame");
	assert_true(users_know(&known, "bob", "open sesame"));
	assert_false(users_know(&known, "bob", "open"));
	assert_false(users_know(&known, "bo", "bopen sesame"));
	for (int i = 0; i < 2 * USERS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "user%d", i);
		users_note(&known, name, "x");
	}
	assert_int_equal(known.count, USERS_MAX);
	assert_true(users_know(&known, "bob", "open sesame"));
}

static void passwords_are_hashed(void **state)
{
	char hash[USERS_HASH_BYTES], bob[USERS_HASH_BYTES + 8];
	(void)state;
	assert_true(sodium_init() >= 0);
	assert_true(users_hash(hash, "open sesame"));
	assert_null(strstr(hash, "sesame"));
	snprintf(bob, sizeof(bob), "bob:%s", hash);
	const char *const users[] = {bob};
	assert_null(users_problem(bob));
	assert_true(users_check(users, 1, "bob", "open sesame"));
	assert_false(users_check(users, 1, "bob", "open"));
	assert_false(users_check(users, 1, "bo", "open sesame"));
	assert_false(users_check(users, 1, "", "open sesame"));
	assert_false(users_check(users, 0, "bob", "open sesame"));
	assert_non_null(users_problem(hash));
	assert_non_null(users_problem("bob:open sesame"));
	assert_non_null(users_problem("bob:$argon2id$v=19$m=8192,t=2,p=1$abc$def"));
	assert_non_null(users_problem("bob:$argon2id$v=19$m=4096,t=99999,p=1$abc$def"));
	assert_non_null(users_problem("bob:$argon2id$v=19$m=4096,t=3,p=2$abc$def"));
	assert_non_null(users_problem("bob:$argon2i$v=19$m=4096,t=3,p=1$abc$def"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_forwarded_before_login, setup, teardown),
		cmocka_unit_test_setup_teardown(a_login_opens_the_device_to_its_source, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_login_that_is_not_used_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(at_the_device_s_page_the_way_is_shown, setup,
						teardown),
		cmocka_unit_test_setup_teardown(failed_logins_lock_out, setup, teardown),
		cmocka_unit_test_setup_teardown(or_block_if_told_to, setup, teardown),
		cmocka_unit_test_setup_teardown(passwords_are_tried_slowly, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_device_opens_is_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(others_than_tcp_and_the_host_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_goes_on_without_its_login, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_body_goes_on_and_nothing_behind_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_tunnel_carries_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_that_does_not_answer_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_for_the_device_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_head_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(guessers_at_the_proxy_are_locked_out_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_is_known_takes_no_time, setup, teardown),
		cmocka_unit_test(good_pairs_are_known_again),
		cmocka_unit_test(passwords_are_hashed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
