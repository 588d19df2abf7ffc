/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream.c - connections, and the bytes that the watcher is shown of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"
#include "umbox_stream.h"

enum { CLIENT_SEQUENCE = 0xfffffff0, SERVER_SEQUENCE = 7000, PORT = 80, CLIENT_PORT = 4711 };
#define SECOND INT64_C(1000000)

struct fixture {
	struct umbox_streams *streams;
	char shown[UMBOX_SIDE_COUNT][4096];
	size_t shown_bytes[UMBOX_SIDE_COUNT];
	unsigned opened, closed;
	const char *cut_at, *let_go_at; /* texts that end it */
	struct umbox_stream last;
	int64_t now_us;
};

static bool follows(const struct umbox_headers *opening, enum umbox_leg from, void *user)
{
	(void)user;
	return from == UMBOX_OUT && opening->target_port == PORT;
}

static enum umbox_stream_word on_open(struct umbox_stream *stream, void *user)
{
	struct fixture *fixture = user;
	fixture->opened++;
	fixture->last = *stream;
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct fixture *fixture = user;
	size_t *length = &fixture->shown_bytes[side];
	assert_true(count > 0 && *length + count < sizeof(fixture->shown[side]));
	assert_int_equal(now_us, fixture->now_us);
	memcpy(fixture->shown[side] + *length, bytes, count);
	*length += count;
	++*(unsigned *)stream->own;
	fixture->last = *stream;
	if (fixture->cut_at && strstr(fixture->shown[side], fixture->cut_at))
		return UMBOX_STREAM_CUT;
	if (fixture->let_go_at && strstr(fixture->shown[side], fixture->let_go_at))
		return UMBOX_STREAM_LET_GO;
	return UMBOX_STREAM_GO_ON;
}

static void on_close(struct umbox_stream *stream, void *user)
{
	struct fixture *fixture = user;
	(void)stream;
	fixture->closed++;
}

static struct umbox_watcher watcher_of(struct fixture *fixture)
{
	return (struct umbox_watcher){
		.follows = follows,
		.on_open = on_open,
		.on_bytes = on_bytes,
		.on_close = on_close,
		.user = fixture,
		.own_bytes = sizeof(unsigned),
		.shown = {[UMBOX_CLIENT] = true, [UMBOX_SERVER] = true},
		.midstream_us = -1,
	};
}

static void start(struct fixture *fixture)
{
	*fixture = (struct fixture){.now_us = SECOND};
	struct umbox_watcher watcher = watcher_of(fixture);
	fixture->streams = umbox_streams_new(&watcher);
}

static void restart(struct fixture *fixture, const struct umbox_watcher *watcher)
{
	umbox_streams_free(fixture->streams);
	fixture->streams = umbox_streams_new(watcher);
}

static int setup(void **state)
{
	struct fixture *fixture = malloc(sizeof(*fixture));
	start(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	umbox_streams_free(fixture->streams);
	free(fixture);
	return 0;
}

struct say {
	uint16_t client_port; /* 0: CLIENT_PORT */
	uint8_t flags;
	uint32_t sequence, acknowledgment;
	const char *text;
};

/* The frame behind the last call, as it went on. */
static struct test_frame gone_on;

static enum umbox_verdict judge(struct fixture *fixture, enum umbox_leg from, struct say say)
{
	struct umbox_headers headers;
	uint16_t client_port = say.client_port ? say.client_port : CLIENT_PORT;
	uint16_t length = say.text ? (uint16_t)strlen(say.text) : 0;
	start_frame(&gone_on, 0x0800);
	if (from == UMBOX_OUT)
		put_ipv4(&gone_on, "10.20.0.9", "10.20.0.11", 6, TCP_TEST_BYTES + length, 0);
	else
		put_ipv4(&gone_on, "10.20.0.11", "10.20.0.9", 6, TCP_TEST_BYTES + length, 0);
	put_tcp(&gone_on, from == UMBOX_OUT ? client_port : PORT,
		from == UMBOX_OUT ? PORT : client_port, say.sequence, say.flags);
	set16(&gone_on, gone_on.length - 12, (uint16_t)(say.acknowledgment >> 16));
	set16(&gone_on, gone_on.length - 10, (uint16_t)say.acknowledgment);
	put_bytes(&gone_on, say.text ? say.text : "", length);
	struct umbox_frame frame = as_frame(&gone_on, from, fixture->now_us);
	umbox_parse(&headers, frame.bytes, frame.length);
	return umbox_streams_judge(fixture->streams, NULL, &frame, &headers);
}

static enum umbox_verdict client(struct fixture *fixture, uint32_t offset, const char *text)
{
	return judge(fixture, UMBOX_OUT,
		     (struct say){.flags = UMBOX_TCP_ACK,
				  .sequence = CLIENT_SEQUENCE + 1 + offset,
				  .acknowledgment = SERVER_SEQUENCE + 1,
				  .text = text});
}

/* The server has `count` bytes. */
static enum umbox_verdict server_has(struct fixture *fixture, uint32_t count)
{
	return judge(fixture, UMBOX_IN,
		     (struct say){.flags = UMBOX_TCP_ACK,
				  .sequence = SERVER_SEQUENCE + 1,
				  .acknowledgment = CLIENT_SEQUENCE + 1 + count});
}

static void shake_hands_from(struct fixture *fixture, uint16_t port)
{
	assert_int_equal(judge(fixture, UMBOX_OUT,
			       (struct say){.client_port = port,
					    .flags = UMBOX_TCP_SYN,
					    .sequence = CLIENT_SEQUENCE}),
			 UMBOX_PASS);
	assert_int_equal(judge(fixture, UMBOX_IN,
			       (struct say){.client_port = port,
					    .flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK,
					    .sequence = SERVER_SEQUENCE,
					    .acknowledgment = CLIENT_SEQUENCE + 1}),
			 UMBOX_PASS);
	assert_int_equal(judge(fixture, UMBOX_OUT,
			       (struct say){.client_port = port,
					    .flags = UMBOX_TCP_ACK,
					    .sequence = CLIENT_SEQUENCE + 1,
					    .acknowledgment = SERVER_SEQUENCE + 1}),
			 UMBOX_PASS);
}

static void shake_hands(struct fixture *fixture)
{
	shake_hands_from(fixture, CLIENT_PORT);
}

static void expect_shown(const struct fixture *fixture, enum umbox_stream_side side,
			 const char *text)
{
	assert_int_equal(fixture->shown_bytes[side], strlen(text));
	assert_memory_equal(fixture->shown[side], text, strlen(text));
}

static const struct umbox_stream_counts *counts(const struct fixture *fixture)
{
	return umbox_streams_counts(fixture->streams);
}

static void both_sides_are_shown(void **state)
{
	struct fixture *fixture = *state;
	shake_hands(fixture);
	assert_int_equal(fixture->opened, 1);
	assert_int_equal(fixture->last.client_leg, UMBOX_OUT);
	assert_int_equal(fixture->last.client_port, CLIENT_PORT);
	assert_int_equal(fixture->last.server_port, PORT);
	assert_false(fixture->last.midstream);
	assert_int_equal(client(fixture, 0, "GET "), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "/x"), UMBOX_PASS);
	assert_int_equal(judge(fixture, UMBOX_IN,
			       (struct say){.flags = UMBOX_TCP_ACK,
					    .sequence = SERVER_SEQUENCE + 1,
					    .acknowledgment = CLIENT_SEQUENCE + 7,
					    .text = "404"}),
			 UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "GET /x");
	expect_shown(fixture, UMBOX_SERVER, "404");
}

static void others_pass_unseen(void **state)
{
	struct fixture *fixture = *state;
	struct test_frame frame;
	struct umbox_headers headers;
	make_tcp4(&frame, "10.20.0.9", 4711, 22, 1, UMBOX_TCP_ACK);
	struct umbox_frame ssh = as_frame(&frame, UMBOX_OUT, fixture->now_us);
	umbox_parse(&headers, ssh.bytes, ssh.length);
	assert_int_equal(umbox_streams_judge(fixture->streams, NULL, &ssh, &headers), UMBOX_PASS);
	headers.protocol = 17;
	assert_int_equal(umbox_streams_judge(fixture->streams, NULL, &ssh, &headers), UMBOX_PASS);
	assert_int_equal(counts(fixture)->unknown, 0);
}

static void early_segments_wait_to_be_shown(void **state)
{
	struct fixture *fixture = *state;
	shake_hands(fixture);
	assert_int_equal(client(fixture, 4, "efgh"), UMBOX_PASS);
	assert_int_equal(client(fixture, 10, "kl"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "");
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdefgh");
	assert_int_equal(client(fixture, 6, "ghij"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdefghijkl");
}

static void the_same_place_never_holds_two_texts(void **state)
{
	struct fixture *fixture = *state;
	shake_hands(fixture);
	assert_int_equal(client(fixture, 4, "good"), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "evil"), UMBOX_DROP);
	assert_int_equal(client(fixture, 0, "abcde"), UMBOX_DROP);
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "abcX"), UMBOX_DROP);
	assert_int_equal(client(fixture, 0, "abcdgood"), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "aXcdgood more"), UMBOX_DROP);
	assert_int_equal(counts(fixture)->different, 4);
	expect_shown(fixture, UMBOX_CLIENT, "abcdgood");
	/* Once the server has it, nobody will read it again. */
	assert_int_equal(server_has(fixture, 8), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "whatever"), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "zzzz!"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdgood!");
}

static void an_acknowledgment_of_what_never_came_is_no_excuse(void **state)
{
	struct fixture *fixture = *state;
	shake_hands(fixture);
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	server_has(fixture, 100);
	assert_int_equal(client(fixture, 4, "efgh"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdefgh");
}

static void a_cut_stays_cut(void **state)
{
	struct fixture *fixture = *state;
	fixture->cut_at = "evil";
	shake_hands(fixture);
	assert_int_equal(client(fixture, 2, "il"), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "ev"), UMBOX_DROP);
	assert_int_equal(client(fixture, 0, "go"), UMBOX_DROP);
	assert_int_equal(server_has(fixture, 0), UMBOX_DROP);
	assert_int_equal(counts(fixture)->cut, 1);
	shake_hands(fixture); /* the same ports again */
	assert_int_equal(fixture->opened, 2);
	assert_int_equal(fixture->closed, 1);
}

static void what_is_let_go_is_shown_no_more(void **state)
{
	struct fixture *fixture = *state;
	fixture->let_go_at = "fine";
	shake_hands(fixture);
	assert_int_equal(client(fixture, 0, "fine"), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "more"), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "FINE"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "fine");
}

static void strangers_are_refused(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(client(fixture, 0, "GET"), UMBOX_DROP);
	assert_int_equal(server_has(fixture, 0), UMBOX_DROP);
	assert_int_equal(
		judge(fixture, UMBOX_IN,
		      (struct say){.flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK, .acknowledgment = 5}),
		UMBOX_DROP);
	assert_int_equal(counts(fixture)->unknown, 3);
	assert_int_equal(fixture->opened, 0);
}

static void a_forged_handshake_opens_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct say syn = {.flags = UMBOX_TCP_SYN, .sequence = CLIENT_SEQUENCE};
	assert_int_equal(judge(fixture, UMBOX_OUT, syn), UMBOX_PASS);
	/* The client does not know what the server said, or says it before. */
	assert_int_equal(client(fixture, 0, "GET"), UMBOX_DROP);
	judge(fixture, UMBOX_IN,
	      (struct say){.flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK,
			   .sequence = SERVER_SEQUENCE + 9,
			   .acknowledgment = CLIENT_SEQUENCE + 1});
	assert_int_equal(client(fixture, 0, "GET"), UMBOX_DROP);
	assert_int_equal(fixture->opened, 0);
	syn.text = "data in a SYN";
	assert_int_equal(judge(fixture, UMBOX_OUT, syn), UMBOX_DROP);
	assert_int_equal(counts(fixture)->evasive, 1);
}

static void what_was_there_before_is_followed_for_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.midstream_us = 10 * SECOND;
	restart(fixture, &watcher);
	assert_int_equal(server_has(fixture, 3), UMBOX_PASS);
	assert_true(fixture->last.midstream);
	assert_int_equal(fixture->last.client_leg, UMBOX_OUT);
	assert_int_equal(fixture->last.server_port, PORT);
	assert_int_equal(client(fixture, 3, "go on"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "go on");
	fixture->now_us += 11 * SECOND;
	assert_int_equal(client(fixture, 8, " here"), UMBOX_PASS);
	assert_int_equal(
		judge(fixture, UMBOX_OUT, (struct say){.client_port = 9, .flags = UMBOX_TCP_ACK}),
		UMBOX_DROP);
	assert_int_equal(counts(fixture)->midstream, 1);
}

static void what_is_pushed_out_is_cut(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.connections_max = 2;
	restart(fixture, &watcher);
	for (uint16_t port = 1; port <= 3; port++)
		shake_hands_from(fixture, port);
	assert_int_equal(counts(fixture)->pushed_out, 1);
	assert_int_equal(fixture->closed, 1);
	struct say more = {.client_port = 1,
			   .flags = UMBOX_TCP_ACK,
			   .sequence = CLIENT_SEQUENCE + 1,
			   .acknowledgment = SERVER_SEQUENCE + 1,
			   .text = "evil"};
	assert_int_equal(judge(fixture, UMBOX_OUT, more), UMBOX_DROP);
	more.client_port = 3;
	assert_int_equal(judge(fixture, UMBOX_OUT, more), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "evil");
}

static void copies_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.memory_max = 4096;
	restart(fixture, &watcher);
	shake_hands(fixture);
	assert_int_equal(client(fixture, 3000, "far"), UMBOX_PASS);
	assert_int_equal(client(fixture, 5000, "too far"), UMBOX_DROP);
	assert_int_equal(client(fixture, UMBOX_STREAM_WINDOW_BYTES, "outside"), UMBOX_DROP);
	assert_int_equal(counts(fixture)->too_far, 2);
	for (uint32_t i = 1; i <= 30; i++) /* holes without end */
		client(fixture, 2 * i, "x");
	assert_int_equal(counts(fixture)->too_far, 2 + 30 - 15);
}

static void data_before_the_end_of_the_handshake_waits(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.midstream_us = 10 * SECOND;
	restart(fixture, &watcher);
	judge(fixture, UMBOX_OUT,
	      (struct say){.flags = UMBOX_TCP_SYN, .sequence = CLIENT_SEQUENCE});
	struct say agreed = {.flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK,
			     .sequence = SERVER_SEQUENCE,
			     .acknowledgment = CLIENT_SEQUENCE + 1};
	assert_int_equal(judge(fixture, UMBOX_IN, agreed), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "evil"), UMBOX_DROP);
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	assert_int_equal(client(fixture, 4, "evil"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdevil");
	assert_int_equal(counts(fixture)->midstream, 0);
	/* It is said twice where the network is slow. */
	judge(fixture, UMBOX_IN, agreed);
	assert_int_equal(client(fixture, 8, "!"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdevil!");
}

static void a_client_does_not_agree_for_the_server(void **state)
{
	struct fixture *fixture = *state;
	struct say say = {.flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK,
			  .sequence = CLIENT_SEQUENCE + 1,
			  .acknowledgment = SERVER_SEQUENCE + 1,
			  .text = "evil"};
	shake_hands(fixture);
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_DROP);
	say.text = "";
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_DROP);
	assert_int_equal(counts(fixture)->evasive, 2);
}

static void only_the_device_says_where_it_is_in_its_middle(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.midstream_us = 10 * SECOND;
	restart(fixture, &watcher);
	assert_int_equal(client(fixture, 100000, "junk"), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "evil"), UMBOX_DROP);
	assert_int_equal(client(fixture, 100000, "junk"), UMBOX_PASS);
	assert_int_equal(server_has(fixture, 0), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "evil"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "junkevil");
	assert_true(fixture->last.midstream);
	fixture->now_us += 11 * SECOND;
	assert_int_equal(client(fixture, 4, "!"), UMBOX_PASS);
	assert_false(fixture->last.midstream);
}

static void what_crosses_in_the_middle_is_followed(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	watcher.midstream_us = 10 * SECOND;
	restart(fixture, &watcher);
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	assert_int_equal(server_has(fixture, 0), UMBOX_PASS); /* said before it came */
	assert_int_equal(client(fixture, 4, "efgh"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "abcdefgh");
	/* What came first was the second, since the first was lost before. */
	restart(fixture, &watcher);
	fixture->shown_bytes[UMBOX_CLIENT] = 0;
	assert_int_equal(client(fixture, 4, "efgh"), UMBOX_PASS);
	assert_int_equal(server_has(fixture, 0), UMBOX_PASS);
	assert_int_equal(client(fixture, 0, "abcd"), UMBOX_PASS);
	assert_int_equal(server_has(fixture, 8), UMBOX_PASS);
	assert_int_equal(client(fixture, 8, "!"), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "efghabcdefgh!");
}

static void what_is_forgotten_is_not_from_before(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	struct say say = {.flags = UMBOX_TCP_ACK, .client_port = 3, .text = "evil"};
	watcher.midstream_us = 10 * SECOND;
	watcher.connections_max = 2;
	restart(fixture, &watcher);
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_PASS);
	shake_hands_from(fixture, 1);
	shake_hands_from(fixture, 2);
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_DROP);
	restart(fixture, &watcher);
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_PASS);
	for (uint16_t port = 10000; port < 10000 + 8193; port++)
		judge(fixture, UMBOX_OUT,
		      (struct say){.flags = UMBOX_TCP_SYN, .client_port = port});
	say.client_port = 4;
	assert_int_equal(judge(fixture, UMBOX_OUT, say), UMBOX_DROP);
}

static void memory_comes_back(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	char text[1501];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	watcher.memory_max = 4096;
	restart(fixture, &watcher);
	for (uint16_t port = 1; port <= 20; port++) {
		struct say data = {.client_port = port,
				   .flags = UMBOX_TCP_ACK,
				   .sequence = CLIENT_SEQUENCE + 1,
				   .acknowledgment = SERVER_SEQUENCE + 1,
				   .text = text};
		struct say taken = {.client_port = port,
				    .flags = UMBOX_TCP_ACK,
				    .sequence = SERVER_SEQUENCE + 1,
				    .acknowledgment = CLIENT_SEQUENCE + 1501};
		shake_hands_from(fixture, port);
		fixture->shown_bytes[UMBOX_CLIENT] = 0;
		assert_int_equal(judge(fixture, UMBOX_OUT, data), UMBOX_PASS);
		assert_int_equal(judge(fixture, UMBOX_IN, taken), UMBOX_PASS);
	}
	assert_int_equal(counts(fixture)->pushed_out, 0);
}

static void who_leaves_holes_does_not_keep_the_memory(void **state)
{
	struct fixture *fixture = *state;
	struct umbox_watcher watcher = watcher_of(fixture);
	struct say other = {.client_port = 2,
			    .flags = UMBOX_TCP_ACK,
			    .sequence = CLIENT_SEQUENCE + 1,
			    .acknowledgment = SERVER_SEQUENCE + 1,
			    .text = "honest"};
	watcher.memory_max = 4096;
	restart(fixture, &watcher);
	shake_hands(fixture);
	shake_hands_from(fixture, 2);
	assert_int_equal(client(fixture, 3000, "far"), UMBOX_PASS);
	assert_int_equal(judge(fixture, UMBOX_OUT, other), UMBOX_DROP);
	fixture->now_us += 2 * SECOND;
	assert_int_equal(client(fixture, 0, "a"), UMBOX_PASS); /* it goes on, and fills nothing */
	assert_int_equal(server_has(fixture, 1), UMBOX_PASS);
	fixture->now_us += 2 * SECOND;
	assert_int_equal(judge(fixture, UMBOX_OUT, other), UMBOX_PASS);
	expect_shown(fixture, UMBOX_CLIENT, "ahonest");
	assert_int_equal(client(fixture, 1, "b"), UMBOX_DROP);
	assert_int_equal(counts(fixture)->pushed_out, 1);
}

static void the_urgent_pointer_is_cleared(void **state)
{
	struct fixture *fixture = *state;
	shake_hands(fixture);
	assert_int_equal(judge(fixture, UMBOX_OUT,
			       (struct say){.flags = UMBOX_TCP_ACK | UMBOX_TCP_URG,
					    .sequence = CLIENT_SEQUENCE + 1,
					    .acknowledgment = SERVER_SEQUENCE + 1,
					    .text = "x"}),
			 UMBOX_PASS);
	assert_int_equal(gone_on.bytes[34 + 13], UMBOX_TCP_ACK);
}

static uint32_t sum16(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static void a_reset_is_whole(void **state)
{
	struct test_frame tagged;
	struct umbox_headers headers, made;
	uint8_t bytes[UMBOX_RESET_BYTES];
	(void)state;
	start_frame(&tagged, 0x8100);
	put16(&tagged, 7);
	put16(&tagged, 0x0800);
	put_ipv4(&tagged, "10.20.0.9", "10.20.0.11", 6, TCP_TEST_BYTES, 0);
	put_tcp(&tagged, 4711, 80, 5, UMBOX_TCP_ACK);
	struct umbox_frame frame = as_frame(&tagged, UMBOX_OUT, 0);
	umbox_parse(&headers, frame.bytes, frame.length);
	uint32_t length = umbox_reset_make(bytes, &frame, &headers, true, 1000, 2000);
	assert_int_equal(length, 18 + 40);
	assert_true(umbox_parse(&made, bytes, length));
	assert_memory_equal(bytes, frame.bytes + 6, 6);
	assert_memory_equal(bytes + 6, frame.bytes, 6);
	assert_int_equal(made.vlan, 7);
	assert_int_equal(made.source_port, 80);
	assert_int_equal(made.target_port, 4711);
	assert_true(umbox_ip_equal(&made.target, &headers.source));
	assert_int_equal(made.tcp_flags, UMBOX_TCP_RST | UMBOX_TCP_ACK);
	assert_int_equal(made.tcp_sequence, 1000);
	assert_int_equal(made.tcp_acknowledgment, 2000);
	assert_int_equal(sum16(bytes + 18, 20) % 0xffff, 0);
	uint32_t sum = sum16(bytes + 18 + 12, 8) + 6 + 20 + sum16(bytes + 38, 20);
	assert_int_equal(sum % 0xffff, 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(both_sides_are_shown),
		EACH(others_pass_unseen),
		EACH(early_segments_wait_to_be_shown),
		EACH(the_same_place_never_holds_two_texts),
		EACH(an_acknowledgment_of_what_never_came_is_no_excuse),
		EACH(a_cut_stays_cut),
		EACH(what_is_let_go_is_shown_no_more),
		EACH(strangers_are_refused),
		EACH(a_forged_handshake_opens_nothing),
		EACH(what_was_there_before_is_followed_for_a_time),
		EACH(what_is_pushed_out_is_cut),
		EACH(copies_are_bounded),
		EACH(the_urgent_pointer_is_cleared),
		EACH(data_before_the_end_of_the_handshake_waits),
		EACH(a_client_does_not_agree_for_the_server),
		EACH(only_the_device_says_where_it_is_in_its_middle),
		EACH(what_crosses_in_the_middle_is_followed),
		EACH(what_is_forgotten_is_not_from_before),
		EACH(memory_comes_back),
		EACH(who_leaves_holes_does_not_keep_the_memory),
		cmocka_unit_test(a_reset_is_whole),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
