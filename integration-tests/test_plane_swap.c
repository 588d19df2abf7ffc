/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plane_swap.c - transitions under traffic: no frame lost, doubled, or on any but a whole
 * chain. */
#include "plane_bed.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SWAPS = 1500,
	FRAMES_A_TICK = 10,
	TICK_US = 1000,
	FRAMES_MAX = 400000,
	LATE_US = 20000,
	UNDERWAY_MAX = 200, /* the kernel's queues hold 1000 of all streams together */
};

/* One direction: frames with rising numbers, sent from one end, seen at the other. */
struct stream {
	int from, to;
	struct bed_frame frame;
	pthread_t sender, receiver;
	atomic_bool stop_sending, stop_receiving;
	uint32_t tag;
	atomic_uint sent, received;
	uint8_t *copies; /* of each number */
	unsigned long by_marks[1 << 8];
	unsigned long doubled, reordered;
};

/* The number stands behind the tag. */
static const size_t number_at = 14 + 20 + 8 + BED_MARKS + sizeof(uint32_t);

static void pause_us(long us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static bool may_send(const struct stream *stream)
{
	return stream->sent < FRAMES_MAX && stream->sent - stream->received < UNDERWAY_MAX;
}

/* From one processor: frames in the queues of two may overtake each other. */
static void *send_stream(void *data)
{
	struct stream *stream = data;
	cpu_set_t here;
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	pthread_setaffinity_np(pthread_self(), sizeof(here), &here);
	while (!stream->stop_sending) {
		for (unsigned i = 0; i < FRAMES_A_TICK && may_send(stream); i++) {
			uint32_t number = stream->sent;
			memcpy(stream->frame.bytes + number_at, &number, sizeof(number));
			if (send(stream->from, stream->frame.bytes, stream->frame.length, 0) > 0)
				stream->sent++;
		}
		pause_us(TICK_US);
	}
	return NULL;
}

static void *receive_stream(void *data)
{
	struct stream *stream = data;
	struct bed_frame got;
	uint32_t highest = 0;
	while (!stream->stop_receiving) {
		struct pollfd ready = {.fd = stream->to, .events = POLLIN};
		if (poll(&ready, 1, 20) <= 0)
			continue;
		ssize_t length = recv(stream->to, got.bytes, sizeof(got.bytes), MSG_DONTWAIT);
		uint32_t number;
		if (length < (ssize_t)(number_at + sizeof(number)) ||
		    memcmp(got.bytes + number_at - 4, &stream->tag, 4) != 0)
			continue;
		got.length = (size_t)length;
		memcpy(&number, got.bytes + number_at, sizeof(number));
		stream->received++;
		stream->by_marks[bed_marks(&got) & 0xff]++;
		stream->doubled += stream->copies[number]++ > 0;
		stream->reordered += number < highest;
		highest = number > highest ? number : highest;
	}
	return NULL;
}

static void stream_start(struct stream *stream, struct plane_bed *bed, bool up)
{
	*stream = (struct stream){.tag = bed->tag++};
	stream->from = up ? bed->at_port[0] : bed->at_network;
	stream->to = up ? bed->at_network : bed->at_port[0];
	stream->copies = calloc(FRAMES_MAX, 1);
	assert_non_null(stream->copies);
	bed_frame_udp(&stream->frame, &(struct bed_udp){.from = up ? bed->a.mac : bed->gateway,
							.to = up ? bed->gateway : bed->a.mac,
							.from_ip = up ? IP_A : IP_NET,
							.to_ip = up ? IP_NET : IP_A,
							.from_port = PORT,
							.to_port = PORT,
							.tag = stream->tag,
							.payload = BED_MARKS + 8});
	assert_int_equal(pthread_create(&stream->receiver, NULL, receive_stream, stream), 0);
	assert_int_equal(pthread_create(&stream->sender, NULL, send_stream, stream), 0);
}

static void stream_end(struct stream *stream)
{
	stream->stop_sending = true;
	pthread_join(stream->sender, NULL);
	for (unsigned waited = 0; waited < WAIT_MS && stream->received < stream->sent; waited++)
		pause_us(1000);
	pause_us(LATE_US); /* for copies of the last */
	stream->stop_receiving = true;
	pthread_join(stream->receiver, NULL);
	free(stream->copies);
}

/* Each differs from the one before in M of P.M.S only, the last from the first, too. */
static const struct {
	uint32_t ids[4];
	unsigned count;
} paths[] = {
	{{1, 2}, 2}, {{3, 4}, 2}, {{3, 5, 4}, 3}, {{3, 6, 4}, 3}, {{3, 4}, 2},
	{{7}, 1},    {{7, 2}, 2}, {{1, 2}, 2},    {{0}, 0},
};

static unsigned marks_of(unsigned path)
{
	unsigned marks = 0;
	for (unsigned i = 0; i < paths[path].count; i++)
		marks |= 1u << paths[path].ids[i];
	return marks;
}

static void assert_clean(const struct stream *stream, const char *direction)
{
	unsigned long whole = 0;
	bool counted[1 << 8] = {false};
	for (unsigned path = 0; path < ARRAY_SIZE(paths); path++) {
		unsigned marks = marks_of(path);
		whole += counted[marks] ? 0 : stream->by_marks[marks];
		counted[marks] = true;
	}
	print_message("# %s: %u sent, %u received, %lu doubled, %lu reordered, %lu on no whole "
		      "chain\n",
		      direction, stream->sent, stream->received, stream->doubled, stream->reordered,
		      stream->received - whole);
	assert_int_equal(stream->received, stream->sent);
	assert_int_equal(stream->doubled, 0);
	assert_int_equal(stream->reordered, 0);
	assert_int_equal(whole, stream->received);
}

static void transitions_lose_nothing(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[7];
	struct stream up, down;
	for (unsigned i = 0; i < ARRAY_SIZE(umboxes); i++)
		bed_umbox_open(&umboxes[i], bed->link, bed->nft, i + 1, i + 1);
	plane_route(bed, &bed->a, paths[0].count, paths[0].ids);
	stream_start(&up, bed, true);
	stream_start(&down, bed, false);
	for (unsigned swap = 1; swap <= SWAPS; swap++) {
		unsigned path = swap % ARRAY_SIZE(paths);
		plane_route(bed, &bed->a, paths[path].count, paths[path].ids);
		pause_us(TICK_US);
	}
	stream_end(&up);
	stream_end(&down);
	assert_true(up.sent > SWAPS && down.sent > SWAPS);
	assert_clean(&up, "up");
	assert_clean(&down, "down");
	for (unsigned i = 0; i < ARRAY_SIZE(umboxes); i++)
		bed_umbox_close(&umboxes[i], bed->link, bed->nft);
}

static void restarts_lose_nothing(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[2];
	struct stream up, down;
	for (unsigned i = 0; i < ARRAY_SIZE(umboxes); i++)
		bed_umbox_open(&umboxes[i], bed->link, bed->nft, i + 1, i + 1);
	plane_route(bed, &bed->a, paths[0].count, paths[0].ids);
	stream_start(&up, bed, true);
	stream_start(&down, bed, false);
	for (unsigned restart = 0; restart < 20; restart++) {
		plane_leave(bed);
		pause_us(20 * TICK_US);
		plane_enter(bed);
		pause_us(20 * TICK_US);
	}
	stream_end(&up);
	stream_end(&down);
	assert_clean(&up, "up");
	assert_clean(&down, "down");
	for (unsigned i = 0; i < ARRAY_SIZE(umboxes); i++)
		bed_umbox_close(&umboxes[i], bed->link, bed->nft);
}

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(transitions_lose_nothing, plane_open, plane_close),
		cmocka_unit_test_setup_teardown(restarts_lose_nothing, plane_open, plane_close),
		cmocka_unit_test_setup_teardown(restarts_lose_nothing, plane_open_old, plane_close),
	};
	return cmocka_run_group_tests_name("swap", tests, NULL, NULL);
}
