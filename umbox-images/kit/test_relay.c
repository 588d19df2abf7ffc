/* SPDX-License-Identifier: Apache-2.0 */
/* test_relay.c - a client is led on to the device: the small TCP server between two ends, frame by
 * frame. */
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

enum { SENT_MAX = 64, CHUNK_BYTES = 1000 };

/* One end of the two connections. */
struct end {
	bool is_device;
	uint16_t port, other_port;
	uint32_t next, expected;             /* of its own bytes, of the others' */
	struct umbox_headers sent[SENT_MAX]; /* to it, since it last spoke or time went on */
	char text[4096];
	unsigned sent_count;
};

struct fixture {
	struct umbox_server *server;
	int64_t now_us;
	bool by_ipv6;
	struct end client, device;
	struct umbox_peer *peer;
	unsigned closed;
	bool told, taken;
	uint16_t pushed_out_port; /* of a client that is not the one here */
};

/* The first bytes dial; all goes on. */
static void on_bytes(struct umbox_peer *peer, const uint8_t *bytes, size_t count, int64_t now_us,
		     void *user)
{
	struct fixture *fixture = user;
	if (!fixture->peer)
		umbox_server_dial(peer, 80, now_us);
	fixture->peer = peer;
	assert_true(umbox_server_pass_on(peer, bytes, count));
}

static void on_dialed(struct umbox_peer *peer, bool taken, int64_t now_us, void *user)
{
	struct fixture *fixture = user;
	assert_ptr_equal(peer, fixture->peer);
	assert_int_equal(now_us, fixture->now_us);
	fixture->told = true;
	fixture->taken = taken;
	assert_true(umbox_server_say(peer, taken ? "hello " : "sorry", taken ? 6 : 5));
	if (!taken)
		umbox_server_finish(peer);
}

static void on_close(struct umbox_peer *peer, void *user)
{
	(void)peer;
	((struct fixture *)user)->closed++;
}

static void take(struct end *end, const struct umbox_frame *frame, uint16_t pushed_out_port)
{
	struct umbox_headers headers;
	assert_true(umbox_parse(&headers, frame->bytes, frame->length));
	assert_true(segment_checksum_good(frame, &headers));
	assert_int_equal(headers.source_port, end->other_port);
	assert_int_equal(headers.target_port, pushed_out_port ? pushed_out_port : end->port);
	assert_true(end->sent_count < SENT_MAX);
	end->sent[end->sent_count++] = headers;
	if (headers.payload_bytes)
		snprintf(end->text, sizeof(end->text), "%.*s", (int)headers.payload_bytes,
			 (const char *)frame->bytes + headers.payload);
	/* In order, or seen before. */
	if (headers.tcp_sequence == end->expected)
		end->expected += headers.payload_bytes + !!(headers.tcp_flags & UMBOX_TCP_FIN);
}

static void on_send(const struct umbox_frame *frame, void *user)
{
	assert_memory_equal(frame->bytes, "\x02\0\0\0\x0a\x02\x02\0\0\0\x0a\x01", 12);
	struct fixture *fixture = user;
	take(&fixture->client, frame, fixture->pushed_out_port);
}

static void on_send_in(const struct umbox_frame *frame, void *user)
{
	assert_memory_equal(frame->bytes, "\x02\0\0\0\x0a\x01\x02\0\0\0\x0a\x02", 12);
	take(&((struct fixture *)user)->device, frame, 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->server = umbox_server_new(&(struct umbox_service){.on_bytes = on_bytes,
								   .on_close = on_close,
								   .send = on_send,
								   .send_in = on_send_in,
								   .on_dialed = on_dialed,
								   .relay_life_us = 3600 * SECOND,
								   .user = fixture});
	fixture->now_us = 100 * SECOND;
	fixture->client = (struct end){.port = 4000, .other_port = 3128, .next = 0xffffff00};
	fixture->device =
		(struct end){.is_device = true, .port = 80, .other_port = 4000, .next = 0xfffffff0};
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	umbox_server_free(fixture->server);
	free(fixture);
	return 0;
}

/* Says it with this window; true when it was taken. */
static bool speak(struct fixture *fixture, struct end *end, uint8_t flags, const char *text,
		  uint16_t window)
{
	struct test_frame built;
	struct umbox_headers headers;
	uint16_t length = (uint16_t)strlen(text);
	const char *device = fixture->by_ipv6 ? "2001:db8::11" : "10.20.0.11";
	const char *client = fixture->by_ipv6 ? "2001:db8::9" : "10.20.0.9";
	const char *source = end->is_device ? device : client;
	const char *target = end->is_device ? client : device;
	start_frame(&built, fixture->by_ipv6 ? 0x86dd : 0x0800);
	if (end->is_device) /* start_frame's are those of a frame to the device */
		memcpy(built.bytes, "\x02\0\0\0\x0a\x02\x02\0\0\0\x0a\x01", 12);
	if (fixture->by_ipv6)
		put_ipv6(&built, source, target, 6, TCP_TEST_BYTES + length);
	else
		put_ipv4(&built, source, target, 6, TCP_TEST_BYTES + length, 0);
	uint32_t tcp = built.length;
	put_tcp(&built, end->port, end->other_port, end->next, flags);
	set16(&built, tcp + 8, (uint16_t)(end->expected >> 16));
	set16(&built, tcp + 10, (uint16_t)end->expected);
	set16(&built, tcp + 14, window);
	put_bytes(&built, text, length);
	struct umbox_frame frame = as_frame(&built, end->is_device ? UMBOX_IN : UMBOX_OUT,
					    fixture->now_us);
	frame.offload.flags = 1; /* its checksum is not due */
	assert_true(umbox_parse(&headers, frame.bytes, frame.length));
	fixture->client.sent_count = fixture->device.sent_count = 0;
	if (end->is_device)
		return umbox_server_take_reply(fixture->server, &frame, &headers);
	umbox_server_take(fixture->server, &frame, &headers);
	return true;
}

static void say(struct fixture *fixture, struct end *end, uint8_t flags, const char *text)
{
	assert_true(speak(fixture, end, flags | UMBOX_TCP_ACK, text, 65535));
	end->next += (uint32_t)strlen(text) + !!(flags & UMBOX_TCP_FIN);
}

static void let_pass(struct fixture *fixture, int64_t us)
{
	fixture->client.sent_count = fixture->device.sent_count = 0;
	fixture->now_us += us;
	umbox_server_time(fixture->server, fixture->now_us);
}

static void open_client(struct fixture *fixture)
{
	struct end *client = &fixture->client;
	speak(fixture, client, UMBOX_TCP_SYN, "", 65535);
	client->next++;
	client->expected = client->sent[0].tcp_sequence + 1;
	say(fixture, client, 0, "");
}

/* The client has asked, and the device has not answered yet. */
static void dial(struct fixture *fixture)
{
	open_client(fixture);
	say(fixture, &fixture->client, 0, "question");
	assert_int_equal(fixture->device.sent_count, 1);
	assert_int_equal(fixture->device.sent[0].tcp_flags, UMBOX_TCP_SYN);
	assert_false(fixture->told);
}

static void answer(struct fixture *fixture)
{
	struct end *device = &fixture->device;
	device->expected = device->sent[0].tcp_sequence + 1;
	assert_true(speak(fixture, device, UMBOX_TCP_SYN | UMBOX_TCP_ACK, "", 65535));
	device->next++;
	assert_true(fixture->told && fixture->taken);
}

static void relay(struct fixture *fixture)
{
	dial(fixture);
	answer(fixture);
}

static void what_each_says_the_other_gets(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	assert_string_equal(fixture->device.text, "question");
	assert_string_equal(fixture->client.text, "hello ");
	say(fixture, &fixture->device, 0, "answer");
	assert_string_equal(fixture->client.text, "answer");
	say(fixture, &fixture->client, 0, "more");
	assert_string_equal(fixture->device.text, "more");
	assert_int_equal(fixture->device.sent[0].tcp_acknowledgment, fixture->device.next);
}

static void over_ipv6_too(void **state)
{
	((struct fixture *)*state)->by_ipv6 = true;
	what_each_says_the_other_gets(state);
}

static void frames_of_others_are_not_taken(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	fixture->device.port = 81;
	assert_false(speak(fixture, &fixture->device, UMBOX_TCP_ACK, "x", 65535));
	fixture->device.port = 80;
	fixture->device.other_port++;
	assert_false(speak(fixture, &fixture->device, UMBOX_TCP_ACK, "x", 65535));
	fixture->device.other_port--;
	assert_int_equal(fixture->client.sent_count, 0);
}

static void a_refusal_is_told(void **state)
{
	struct fixture *fixture = *state;
	dial(fixture);
	fixture->device.expected = fixture->device.sent[0].tcp_sequence; /* of another time */
	speak(fixture, &fixture->device, UMBOX_TCP_RST | UMBOX_TCP_ACK, "", 0);
	assert_false(fixture->told);
	fixture->device.expected++;
	speak(fixture, &fixture->device, UMBOX_TCP_RST | UMBOX_TCP_ACK, "", 0);
	assert_true(fixture->told && !fixture->taken);
	assert_int_equal(fixture->device.sent_count, 0);
	assert_string_equal(fixture->client.text, "sorry");
	say(fixture, &fixture->client, UMBOX_TCP_FIN, "");
	assert_int_equal(fixture->closed, 1);
}

static void silence_is_asked_again_and_told(void **state)
{
	struct fixture *fixture = *state;
	unsigned asked = 1;
	dial(fixture);
	uint32_t first = fixture->device.sent[0].tcp_sequence;
	for (int i = 0; i < 600 && !fixture->told; i++) {
		let_pass(fixture, SECOND / 10);
		asked += fixture->device.sent_count;
		if (fixture->device.sent_count)
			assert_int_equal(fixture->device.sent[0].tcp_sequence, first);
	}
	assert_true(fixture->told && !fixture->taken);
	assert_int_equal(asked, 7);
}

static void lost_bytes_are_said_again_to_the_device(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->client, 0, "more");
	uint32_t sequence = fixture->device.sent[0].tcp_sequence;
	fixture->device.text[0] = '\0';
	let_pass(fixture, SECOND);
	assert_int_equal(fixture->device.sent_count, 1);
	/* "question" was not acknowledged either. */
	assert_int_equal(fixture->device.sent[0].tcp_sequence, sequence - 8);
	assert_string_equal(fixture->device.text, "questionmore");
}

/* Who sends is slowed down to what the other takes, and goes on when there is room again. */
static void fill(struct fixture *fixture, struct end *from, struct end *to)
{
	char chunk[CHUNK_BYTES + 1];
	unsigned window = UINT16_MAX, sent = 0;
	memset(chunk, 'x', CHUNK_BYTES);
	chunk[CHUNK_BYTES] = '\0';
	uint32_t expected = to->expected;
	while (window >= CHUNK_BYTES) {
		assert_true(++sent < 20);
		say(fixture, from, 0, chunk);
		to->expected = expected; /* it acknowledges nothing */
		assert_int_equal(from->sent_count, 1);
		assert_int_equal(from->sent[0].tcp_acknowledgment, from->next);
		window = UMBOX_RELAY_BYTES - sent * CHUNK_BYTES;
	}
	/* Of more than there is room for the beginning is taken. */
	say(fixture, from, 0, chunk);
	from->next -= CHUNK_BYTES;
	to->expected = expected;
	uint32_t taken = from->sent[0].tcp_acknowledgment - from->next;
	assert_true(taken < CHUNK_BYTES);
	from->next += taken;
	/* All of it arrives. */
	uint32_t whole = expected + sent * CHUNK_BYTES + taken;
	bool told_room = false;
	for (int i = 0; i < 100 && to->expected != whole; i++) {
		let_pass(fixture, SECOND);
		say(fixture, to, 0, "");
		told_room |= from->sent_count > 0;
	}
	assert_int_equal(to->expected, whole);
	assert_true(told_room);
}

static void a_slow_client_slows_the_device(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->client, 0, ""); /* takes the greeting */
	fill(fixture, &fixture->device, &fixture->client);
}

static void a_slow_device_slows_the_client(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->device, 0, "");
	fill(fixture, &fixture->client, &fixture->device);
}

/* Who pauses a film says no more than that there is no room. */
static void a_client_may_pause_for_long(void **state)
{
	struct fixture *fixture = *state;
	struct end *client = &fixture->client;
	relay(fixture);
	speak(fixture, client, UMBOX_TCP_ACK, "", 0);
	say(fixture, &fixture->device, 0, "answer");
	unsigned asked = 0;
	for (int i = 0; i < 300; i++) {
		let_pass(fixture, SECOND);
		asked += client->sent_count;
		for (unsigned n = 0; n < client->sent_count; n++)
			assert_int_equal(client->sent[n].payload_bytes, 1);
		client->expected -= client->sent_count; /* there is no room for it */
		speak(fixture, client, UMBOX_TCP_ACK, "", 0);
	}
	assert_true(asked > 10);
	assert_int_equal(fixture->closed, 0);
	speak(fixture, client, UMBOX_TCP_ACK, "", 1000);
	assert_string_equal(client->text, "answer");
}

static void nothing_comes_behind_the_services_last_word(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	umbox_server_finish(fixture->peer);
	fixture->device.text[0] = '\0';
	say(fixture, &fixture->client, 0, "more");
	assert_int_equal(fixture->device.sent_count, 0);
}

static void the_device_ends_it(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->device, UMBOX_TCP_FIN, "bye");
	assert_string_equal(fixture->client.text, "bye");
	assert_true(fixture->client.sent[fixture->client.sent_count - 1].tcp_flags & UMBOX_TCP_FIN);
	say(fixture, &fixture->client, UMBOX_TCP_FIN, "");
	assert_int_equal(fixture->closed, 1);
	assert_int_equal(fixture->device.sent_count, 1);
	assert_int_equal(fixture->device.sent[0].tcp_flags, UMBOX_TCP_FIN | UMBOX_TCP_ACK);
	assert_false(speak(fixture, &fixture->device, UMBOX_TCP_ACK, "", 65535));
}

static void the_client_says_its_last_word(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->client, UMBOX_TCP_FIN, "last");
	assert_string_equal(fixture->device.text, "last");
	assert_int_equal(fixture->device.sent[0].tcp_flags, UMBOX_TCP_FIN | UMBOX_TCP_ACK);
	say(fixture, &fixture->device, 0, "and still an answer");
	assert_string_equal(fixture->client.text, "and still an answer");
	say(fixture, &fixture->device, UMBOX_TCP_FIN, "");
	say(fixture, &fixture->client, 0, "");
	assert_int_equal(fixture->closed, 1);
	assert_int_equal(fixture->device.sent_count, 0);
}

static void a_reset_of_one_is_one_of_the_other(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	speak(fixture, &fixture->device, UMBOX_TCP_RST, "", 0);
	assert_int_equal(fixture->closed, 1);
	assert_true(fixture->client.sent[fixture->client.sent_count - 1].tcp_flags & UMBOX_TCP_RST);
	assert_int_equal(fixture->device.sent_count, 0);

	fixture->peer = NULL;
	fixture->told = false;
	relay(fixture);
	speak(fixture, &fixture->client, UMBOX_TCP_RST, "", 0);
	assert_int_equal(fixture->closed, 2);
	assert_int_equal(fixture->device.sent_count, 1);
	assert_true(fixture->device.sent[0].tcp_flags & UMBOX_TCP_RST);
}

static void both_silent_for_long_are_let_go(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	say(fixture, &fixture->device, 0, "");
	say(fixture, &fixture->client, 0, "");
	let_pass(fixture, UMBOX_RELAY_SILENCE_US - SECOND);
	say(fixture, &fixture->device, 0, ""); /* it is not */
	let_pass(fixture, UMBOX_RELAY_SILENCE_US - SECOND);
	assert_int_equal(fixture->closed, 0);
	let_pass(fixture, SECOND);
	assert_int_equal(fixture->closed, 1);
	assert_true(fixture->device.sent[0].tcp_flags & UMBOX_TCP_RST);
	assert_true(fixture->client.sent[0].tcp_flags & UMBOX_TCP_RST);
}

/* Opens one where there is no place; the one that goes gets a reset at its own port. */
static void crowd_out(struct fixture *fixture)
{
	struct end *client = &fixture->client;
	client->port++;
	fixture->now_us++;
	speak(fixture, client, UMBOX_TCP_SYN, "", 65535);
	client->next++;
	client->expected = client->sent[0].tcp_sequence + 1;
	fixture->pushed_out_port = 4001;
	say(fixture, client, 0, "");
	assert_int_equal(client->sent_count, 1);
	assert_int_equal(client->sent[0].target_port, 4001);
	fixture->pushed_out_port = 0;
}

static void a_crowd_pushes_nobody_out_who_was_led_on(void **state)
{
	struct fixture *fixture = *state;
	relay(fixture);
	struct end first = fixture->client;
	for (int i = 1; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		fixture->client.port++;
		fixture->now_us++;
		open_client(fixture);
	}
	/* One more: who goes is the first of the crowd, not the one before. */
	crowd_out(fixture);
	fixture->client = first;
	say(fixture, &fixture->client, 0, "still here");
	assert_string_equal(fixture->device.text, "still here");
	assert_int_equal(fixture->closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_each_says_the_other_gets, setup, teardown),
		cmocka_unit_test_setup_teardown(over_ipv6_too, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_of_others_are_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refusal_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_is_asked_again_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_bytes_are_said_again_to_the_device, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_slow_client_slows_the_device, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_device_slows_the_client, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_may_pause_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_comes_behind_the_services_last_word, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_device_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(the_client_says_its_last_word, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_of_one_is_one_of_the_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(both_silent_for_long_are_let_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_crowd_pushes_nobody_out_who_was_led_on, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
