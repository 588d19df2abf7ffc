/* SPDX-License-Identifier: Apache-2.0 */
/* test_server.c - a client against the small TCP server: frame by frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"
#include "segment.h"
#include "umbox_server.h"

#define SECOND INT64_C(1000000)

enum { SENT_MAX = 64 };

struct sent {
	struct umbox_headers headers;
	uint8_t bytes[SEGMENT_HEAD_BYTES + 1220];
};

struct fixture {
	struct umbox_server *server;
	int64_t now_us;
	bool by_ipv6;
	const char *address; /* of the client; NULL: 10.20.0.9, 2001:db8::9 */
	uint16_t port, window;
	uint32_t sequence, acknowledgment;
	struct sent sent[SENT_MAX];
	unsigned sent_count;
	char got[4096]; /* what the service was given */
	size_t got_bytes;
	unsigned closed;
	bool answers; /* each time that it gets something */
	char *answer;
	size_t answer_bytes;
};

static void on_bytes(struct umbox_peer *peer, const uint8_t *bytes, size_t count, int64_t now_us,
		     void *user)
{
	struct fixture *fixture = user;
	unsigned *calls = peer->own;
	++*calls;
	assert_int_equal(now_us, fixture->now_us);
	memcpy(fixture->got + fixture->got_bytes, bytes, count);
	fixture->got_bytes += count;
	if (!fixture->answers)
		return;
	assert_true(umbox_server_say(peer, fixture->answer, fixture->answer_bytes));
	umbox_server_finish(peer);
	assert_false(umbox_server_say(peer, "x", 1));
}

static void on_close(struct umbox_peer *peer, void *user)
{
	(void)peer;
	((struct fixture *)user)->closed++;
}

static void on_send(const struct umbox_frame *frame, void *user)
{
	struct fixture *fixture = user;
	assert_true(fixture->sent_count < SENT_MAX);
	struct sent *sent = &fixture->sent[fixture->sent_count++];
	memcpy(sent->bytes, frame->bytes, frame->length);
	assert_true(umbox_parse(&sent->headers, sent->bytes, frame->length));
	assert_true(segment_checksum_good(frame, &sent->headers));
	assert_memory_equal(sent->bytes, "\x02\0\0\0\x0a\x02\x02\0\0\0\x0a\x01", 12);
	if (!(sent->headers.tcp_flags & UMBOX_TCP_RST))
		assert_int_equal(sent->headers.target_port, fixture->port);
	assert_int_equal(sent->headers.source_port, 9010);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->server = umbox_server_new(&(struct umbox_service){.on_bytes = on_bytes,
								   .on_close = on_close,
								   .send = on_send,
								   .user = fixture,
								   .own_bytes = sizeof(unsigned)});
	fixture->now_us = 100 * SECOND;
	fixture->port = 4000;
	fixture->window = 65535;
	fixture->sequence = 0xffffff00; /* the numbers go round */
	fixture->answers = true;
	fixture->answer = calloc(1, UMBOX_SERVER_SAID_BYTES);
	for (size_t i = 0; i < UMBOX_SERVER_SAID_BYTES; i++)
		fixture->answer[i] = (char)(i / 251 + i);
	fixture->answer_bytes = 5;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	umbox_server_free(fixture->server);
	free(fixture->answer);
	free(fixture);
	return 0;
}

/* The client sends; what came back is in `sent`. */
static void say_at(struct fixture *fixture, uint8_t flags, uint32_t sequence, const char *text)
{
	struct test_frame built;
	struct umbox_headers headers;
	uint16_t length = (uint16_t)strlen(text);
	if (fixture->by_ipv6) {
		start_frame(&built, 0x86dd);
		put_ipv6(&built, fixture->address ? fixture->address : "2001:db8::9",
			 "2001:db8::11", 6, TCP_TEST_BYTES + length);
	} else {
		start_frame(&built, 0x0800);
		put_ipv4(&built, fixture->address ? fixture->address : "10.20.0.9", "10.20.0.11", 6,
			 TCP_TEST_BYTES + length, 0);
	}
	uint32_t tcp = built.length;
	put_tcp(&built, fixture->port, 9010, sequence, flags);
	set16(&built, tcp + 8, (uint16_t)(fixture->acknowledgment >> 16));
	set16(&built, tcp + 10, (uint16_t)fixture->acknowledgment);
	set16(&built, tcp + 14, fixture->window);
	put_bytes(&built, text, length);
	struct umbox_frame frame = as_frame(&built, UMBOX_OUT, fixture->now_us);
	frame.offload.flags = 1; /* its checksum is not due */
	assert_true(umbox_parse(&headers, frame.bytes, frame.length));
	fixture->sent_count = 0;
	umbox_server_take(fixture->server, &frame, &headers);
}

static void say(struct fixture *fixture, uint8_t flags, const char *text)
{
	say_at(fixture, flags, fixture->sequence, text);
	fixture->sequence += (uint32_t)strlen(text) + !!(flags & UMBOX_TCP_FIN);
}

static void open_one(struct fixture *fixture)
{
	say_at(fixture, UMBOX_TCP_SYN, fixture->sequence, "");
	assert_int_equal(fixture->sent_count, 1);
	const struct umbox_headers *answer = &fixture->sent[0].headers;
	assert_int_equal(answer->tcp_flags, UMBOX_TCP_SYN | UMBOX_TCP_ACK);
	assert_int_equal(answer->tcp_acknowledgment, ++fixture->sequence);
	fixture->acknowledgment = answer->tcp_sequence + 1;
	say(fixture, UMBOX_TCP_ACK, "");
	assert_int_equal(fixture->sent_count, 0);
}

static int64_t next_time(struct fixture *fixture)
{
	fixture->sent_count = 0;
	return umbox_server_time(fixture->server, fixture->now_us);
}

/* Takes what came in order; returns whether the end was there. */
static bool read_answer(struct fixture *fixture, char *text, size_t *length)
{
	bool end = false;
	for (unsigned i = 0; i < fixture->sent_count; i++) {
		const struct umbox_headers *headers = &fixture->sent[i].headers;
		if (headers->tcp_sequence != fixture->acknowledgment)
			continue;
		memcpy(text + *length, fixture->sent[i].bytes + headers->payload,
		       headers->payload_bytes);
		*length += headers->payload_bytes;
		end = headers->tcp_flags & UMBOX_TCP_FIN;
		fixture->acknowledgment += headers->payload_bytes + end;
	}
	return end;
}

static void a_question_is_answered(void **state)
{
	struct fixture *fixture = *state;
	open_one(fixture);
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_memory_equal(fixture->got, "hello", 5);
	assert_int_equal(fixture->sent_count, 1);
	const struct umbox_headers *answer = &fixture->sent[0].headers;
	assert_int_equal(answer->tcp_flags, UMBOX_TCP_ACK | UMBOX_TCP_FIN);
	assert_int_equal(answer->tcp_acknowledgment, fixture->sequence);
	assert_int_equal(answer->payload_bytes, 5);
	fixture->acknowledgment += 6;
	say(fixture, UMBOX_TCP_ACK | UMBOX_TCP_FIN, "");
	assert_int_equal(fixture->sent_count, 1); /* its end is acknowledged */
	assert_int_equal(fixture->sent[0].headers.tcp_acknowledgment, fixture->sequence);
	assert_int_equal(fixture->closed, 1);
	assert_true(next_time(fixture) == INT64_MAX);
}

static void over_ipv6_too(void **state)
{
	((struct fixture *)*state)->by_ipv6 = true;
	a_question_is_answered(state);
}

static void pieces_come_in_order_and_once(void **state)
{
	struct fixture *fixture = *state;
	fixture->answers = false;
	open_one(fixture);
	uint32_t first = fixture->sequence;
	say_at(fixture, UMBOX_TCP_ACK, first + 2, "cd"); /* too early */
	assert_int_equal(fixture->got_bytes, 0);
	assert_int_equal(fixture->sent[0].headers.tcp_acknowledgment, first);
	say_at(fixture, UMBOX_TCP_ACK, first, "ab");
	say_at(fixture, UMBOX_TCP_ACK, first, "XXcd"); /* its beginning is known */
	say_at(fixture, UMBOX_TCP_ACK, first, "ab");
	assert_int_equal(fixture->sent[0].headers.tcp_acknowledgment, first + 4);
	assert_int_equal(fixture->got_bytes, 4);
	assert_memory_equal(fixture->got, "abcd", 4);
}

static void a_long_answer_waits_for_acknowledgments(void **state)
{
	struct fixture *fixture = *state;
	char *text = malloc(UMBOX_SERVER_SAID_BYTES);
	size_t length = 0;
	fixture->answer_bytes = UMBOX_SERVER_SAID_BYTES;
	open_one(fixture);
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_int_equal(fixture->sent_count, 10);
	unsigned rounds = 0;
	while (!read_answer(fixture, text, &length)) {
		assert_true(++rounds < 100);
		say(fixture, UMBOX_TCP_ACK, "");
	}
	assert_int_equal(length, UMBOX_SERVER_SAID_BYTES);
	assert_memory_equal(text, fixture->answer, length);
	free(text);
}

static void what_was_lost_is_said_again(void **state)
{
	struct fixture *fixture = *state;
	char text[2000];
	size_t length = 0;
	fixture->answer_bytes = 1000;
	open_one(fixture);
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_int_equal(fixture->sent_count, 2);
	int64_t next = next_time(fixture);
	assert_int_equal(fixture->sent_count, 0); /* not yet */
	fixture->now_us = next;
	int64_t later = next_time(fixture);
	assert_int_equal(fixture->sent_count, 2);
	assert_true(later - fixture->now_us > next - 100 * SECOND); /* more and more patient */
	assert_true(read_answer(fixture, text, &length));
	assert_int_equal(length, 1000);
	assert_memory_equal(text, fixture->answer, 1000);
	say(fixture, UMBOX_TCP_ACK | UMBOX_TCP_FIN, "");
	assert_int_equal(fixture->closed, 1);
}

static void a_closed_window_is_asked_again(void **state)
{
	struct fixture *fixture = *state;
	fixture->window = 0;
	open_one(fixture);
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_int_equal(fixture->sent_count, 1);
	assert_int_equal(fixture->sent[0].headers.payload_bytes, 0);
	fixture->now_us = next_time(fixture);
	next_time(fixture);
	assert_int_equal(fixture->sent_count, 1);
	assert_int_equal(fixture->sent[0].headers.payload_bytes, 1);
	fixture->acknowledgment++;
	fixture->window = 100;
	say(fixture, UMBOX_TCP_ACK, "");
	assert_int_equal(fixture->sent[0].headers.payload_bytes, 4);
	assert_true(fixture->sent[0].headers.tcp_flags & UMBOX_TCP_FIN);
}

/* Linux asks so for a window, or whether anybody is there: nothing, one byte too early. */
static void a_probe_is_answered(void **state)
{
	struct fixture *fixture = *state;
	fixture->answers = false;
	open_one(fixture);
	say(fixture, UMBOX_TCP_ACK, "hello");
	say_at(fixture, UMBOX_TCP_ACK, fixture->sequence, "");
	assert_int_equal(fixture->sent_count, 0);
	say_at(fixture, UMBOX_TCP_ACK, fixture->sequence - 1, "");
	assert_int_equal(fixture->sent_count, 1);
	assert_int_equal(fixture->sent[0].headers.tcp_acknowledgment, fixture->sequence);
	assert_int_equal(fixture->got_bytes, 5);
}

static void who_is_silent_is_let_go(void **state)
{
	struct fixture *fixture = *state;
	fixture->answers = false;
	open_one(fixture);
	fixture->now_us = next_time(fixture);
	assert_true(next_time(fixture) == INT64_MAX);
	assert_int_equal(fixture->closed, 1);
	assert_true(fixture->sent[0].headers.tcp_flags & UMBOX_TCP_RST);
}

static void nobody_stays_for_ever(void **state)
{
	struct fixture *fixture = *state;
	fixture->answers = false;
	open_one(fixture);
	for (int i = 0; i < 59 && !fixture->closed; i++) {
		fixture->now_us += SECOND;
		say(fixture, UMBOX_TCP_ACK, "x");
		next_time(fixture);
	}
	assert_int_equal(fixture->closed, 0);
	fixture->now_us += SECOND;
	next_time(fixture);
	assert_int_equal(fixture->closed, 1);
}

static void only_a_true_handshake_opens(void **state)
{
	struct fixture *fixture = *state;
	say_at(fixture, UMBOX_TCP_SYN, fixture->sequence, "data");
	assert_int_equal(fixture->got_bytes, 0);
	fixture->sequence++;
	fixture->acknowledgment = fixture->sent[0].headers.tcp_sequence + 2; /* not its cookie */
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_int_equal(fixture->got_bytes, 0);
	assert_int_equal(fixture->sent_count, 1);
	assert_true(fixture->sent[0].headers.tcp_flags & UMBOX_TCP_RST);
	assert_int_equal(fixture->sent[0].headers.tcp_sequence, fixture->acknowledgment);
	fixture->acknowledgment--;
	say_at(fixture, UMBOX_TCP_RST | UMBOX_TCP_ACK, fixture->sequence, "");
	assert_int_equal(fixture->sent_count, 0);
	fixture->now_us += 60 * SECOND; /* the cookie is stale */
	say(fixture, UMBOX_TCP_ACK, "hello");
	assert_int_equal(fixture->got_bytes, 0);
	assert_true(fixture->sent[0].headers.tcp_flags & UMBOX_TCP_RST);
}

static void resets_must_know_the_place(void **state)
{
	struct fixture *fixture = *state;
	open_one(fixture);
	say_at(fixture, UMBOX_TCP_RST, fixture->sequence + 5, "");
	assert_int_equal(fixture->closed, 0);
	say_at(fixture, UMBOX_TCP_SYN, fixture->sequence + 5, "");
	assert_int_equal(fixture->closed, 0);
	fixture->acknowledgment += 100; /* of what was never sent */
	say_at(fixture, UMBOX_TCP_ACK, fixture->sequence, "hello");
	assert_int_equal(fixture->got_bytes, 0);
	fixture->acknowledgment -= 100;
	say_at(fixture, UMBOX_TCP_RST, fixture->sequence, "");
	assert_int_equal(fixture->closed, 1);
}

static void the_longest_silent_goes_when_there_are_too_many(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		fixture->port++;
		fixture->now_us++;
		open_one(fixture);
	}
	fixture->port++;
	say_at(fixture, UMBOX_TCP_SYN, fixture->sequence++, "");
	fixture->acknowledgment = fixture->sent[0].headers.tcp_sequence + 1;
	assert_int_equal(fixture->closed, 0); /* a handshake alone pushes nobody out */
	say(fixture, UMBOX_TCP_ACK, "");
	assert_int_equal(fixture->closed, 1);
	assert_int_equal(fixture->sent_count, 1);
	assert_int_equal(fixture->sent[0].headers.target_port, 4001);
	assert_true(fixture->sent[0].headers.tcp_flags & UMBOX_TCP_RST);
}

/* The connection of a quiet source is older than all those of a loud one, and stays. */
static void check_quiet_stays(struct fixture *fixture, const char *quiet, const char *loud[2])
{
	fixture->answers = false;
	fixture->address = quiet;
	open_one(fixture);
	uint32_t sequence = fixture->sequence, acknowledgment = fixture->acknowledgment;
	for (int i = 0; i < 2 * UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		fixture->address = loud[i % 2];
		fixture->port++;
		fixture->now_us++;
		say_at(fixture, UMBOX_TCP_SYN, fixture->sequence++, "");
		fixture->acknowledgment = fixture->sent[0].headers.tcp_sequence + 1;
		say(fixture, UMBOX_TCP_ACK, "");
	}
	assert_int_equal(fixture->closed, UMBOX_SERVER_CONNECTIONS_MAX + 1);
	fixture->address = quiet;
	fixture->port = 4000;
	fixture->sequence = sequence;
	fixture->acknowledgment = acknowledgment;
	say(fixture, UMBOX_TCP_RST, ""); /* opens nothing, and ends what is there */
	assert_int_equal(fixture->closed, UMBOX_SERVER_CONNECTIONS_MAX + 2);
}

static void a_loud_source_pushes_out_itself(void **state)
{
	check_quiet_stays(*state, "10.20.0.8", (const char *[]){"10.20.0.9", "10.20.0.9"});
}

static void under_many_ipv6_addresses_too(void **state)
{
	((struct fixture *)*state)->by_ipv6 = true;
	check_quiet_stays(*state, "2001:db8:0:1::8",
			  (const char *[]){"2001:db8::9", "2001:db8::a"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(over_ipv6_too, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces_come_in_order_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_answer_waits_for_acknowledgments, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_lost_is_said_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_window_is_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_probe_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_silent_is_let_go, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_stays_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(only_a_true_handshake_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(resets_must_know_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_silent_goes_when_there_are_too_many,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_loud_source_pushes_out_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(under_many_ipv6_addresses_too, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
