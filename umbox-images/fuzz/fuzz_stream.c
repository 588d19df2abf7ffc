/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_stream.c - what a receiver reads is what the watcher was shown, whatever the sender does:
 * segments in any order, overlapping, with other bytes in the same place, lost behind the umbox, of
 * two connections that share the memory, whose beginning was seen or not.
 *
 * Input: the receiver's rule for overlaps (the first or the last byte wins), how much memory there
 * is, whether the connections were there before; then segments: offset, length, whose it is,
 * whether it is lost or answered and how long after the one before it comes, and a byte of which
 * the content is made. */
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_stream.h"

enum {
	STREAM_BYTES = 2048,
	CLIENT_SEQUENCE = 0xfffffe00u, /* so that it wraps */
	SERVER_SEQUENCE = 77,
	HEADER_BYTES = 54,
	CONNECTIONS = 2,
	FIRST_PORT = 1000,
	READ_BEFORE = 300, /* of connections that were there before */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct receiver {
	bool last_wins;
	bool there[STREAM_BYTES];
	uint8_t bytes[STREAM_BYTES];
	uint32_t read;
	/* What was shown: from where the receiver was when it spoke; before, from the place of the
	 * one segment that is let through until then. */
	bool spoke, tried;
	uint32_t from, shown_bytes;
	uint8_t shown[2 * STREAM_BYTES];
};

struct world {
	struct umbox_streams *streams;
	struct receiver receivers[CONNECTIONS];
	int64_t now_us;
};

static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct world *world = user;
	struct receiver *receiver = &world->receivers[stream->client_port - FIRST_PORT];
	assert(side == UMBOX_CLIENT && count && now_us == world->now_us);
	assert(receiver->shown_bytes + count <= sizeof(receiver->shown));
	memcpy(receiver->shown + receiver->shown_bytes, bytes, count);
	receiver->shown_bytes += (uint32_t)count;
	return UMBOX_STREAM_GO_ON;
}

static void receive(struct receiver *receiver, uint32_t offset, const uint8_t *bytes,
		    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = offset + i;
		if (at < receiver->read || (receiver->there[at] && !receiver->last_wins))
			continue;
		receiver->there[at] = true;
		receiver->bytes[at] = bytes[i];
	}
	while (receiver->read < STREAM_BYTES && receiver->there[receiver->read])
		receiver->read++;
}

static enum umbox_verdict judge(struct world *world, unsigned connection, bool by_client,
				uint8_t flags, uint32_t sequence, uint32_t acknowledgment,
				const uint8_t *payload, uint32_t count)
{
	uint8_t bytes[HEADER_BYTES + STREAM_BYTES] = {0};
	struct umbox_frame frame = {.from = by_client ? UMBOX_OUT : UMBOX_IN,
				    .bytes = bytes,
				    .length = HEADER_BYTES + count,
				    .room = sizeof(bytes),
				    .time_us = world->now_us};
	uint16_t port = (uint16_t)(FIRST_PORT + connection);
	struct umbox_headers headers = {
		.network = 14,
		.source = {.family = 4, .octet = {10, 0, 0, by_client ? 1 : 2}},
		.target = {.family = 4, .octet = {10, 0, 0, by_client ? 2 : 1}},
		.protocol = IPPROTO_TCP,
		.transport = 34,
		.source_port = by_client ? port : 80,
		.target_port = by_client ? 80 : port,
		.tcp_flags = flags,
		.tcp_sequence = sequence,
		.tcp_acknowledgment = acknowledgment,
		.payload = HEADER_BYTES,
		.payload_bytes = count,
	};
	if (count)
		memcpy(bytes + HEADER_BYTES, payload, count);
	enum umbox_verdict verdict = umbox_streams_judge(world->streams, NULL, &frame, &headers);
	assert(verdict == UMBOX_PASS || verdict == UMBOX_DROP);
	return verdict;
}

static void speak(struct world *world, unsigned connection)
{
	struct receiver *receiver = &world->receivers[connection];
	if (!receiver->spoke) {
		uint32_t known = receiver->read - receiver->from;
		if (known > receiver->shown_bytes)
			known = receiver->shown_bytes;
		receiver->from = receiver->read;
		receiver->shown_bytes -= known;
		memmove(receiver->shown, receiver->shown + known, receiver->shown_bytes);
	}
	receiver->spoke = true;
	judge(world, connection, false, UMBOX_TCP_ACK, SERVER_SEQUENCE + 1,
	      CLIENT_SEQUENCE + 1 + receiver->read, NULL, 0);
}

static void one_segment(struct world *world, const uint8_t data[4])
{
	uint8_t bytes[STREAM_BYTES];
	uint32_t offset = data[0] * 7u, count = data[1] % 64u;
	unsigned connection = data[2] >> 3 & 1;
	bool lost = data[2] & 1, answered = data[2] & 2;
	uint8_t flags = data[2] & 4 ? UMBOX_TCP_SYN : UMBOX_TCP_ACK;
	struct receiver *receiver = &world->receivers[connection];
	world->now_us += (data[2] >> 4) * INT64_C(300000);
	for (uint32_t i = 0; i < count; i++) /* mostly the same text, so that much is taken */
		bytes[i] = (uint8_t)((offset + i) * 31 + (data[3] < 200 ? 0 : data[3]));
	if (!receiver->spoke && !receiver->tried && flags == UMBOX_TCP_ACK && count) {
		receiver->tried = true;
		receiver->from = offset;
	}
	/* The receiver takes no new beginning. */
	if (judge(world, connection, true, flags, CLIENT_SEQUENCE + 1 + offset, SERVER_SEQUENCE + 1,
		  bytes, count) == UMBOX_PASS &&
	    !lost && flags == UMBOX_TCP_ACK)
		receive(receiver, offset, bytes, count);
	if (answered)
		speak(world, connection);
	if (!receiver->spoke)
		return;
	uint32_t read = receiver->read - receiver->from;
	assert(read <= receiver->shown_bytes);
	assert(!memcmp(receiver->bytes + receiver->from, receiver->shown, read));
}

static void begin(struct world *world, unsigned connection, bool seen, bool last_wins)
{
	struct receiver *receiver = &world->receivers[connection];
	receiver->last_wins = last_wins;
	receiver->spoke = seen;
	if (!seen) {
		memset(receiver->there, true, READ_BEFORE);
		receiver->read = READ_BEFORE;
		return;
	}
	judge(world, connection, true, UMBOX_TCP_SYN, CLIENT_SEQUENCE, 0, NULL, 0);
	judge(world, connection, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, SERVER_SEQUENCE,
	      CLIENT_SEQUENCE + 1, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.now_us = 1000000};
	bool seen = !size || !(data[0] & 4);
	world.streams = umbox_streams_new(&(struct umbox_watcher){
		.on_bytes = on_bytes,
		.user = &world,
		.shown = {[UMBOX_CLIENT] = true},
		.memory_max = size && data[0] & 2 ? 2048 : 0,
		.midstream_us = seen ? -1 : 5000000,
	});
	for (unsigned i = 0; i < CONNECTIONS; i++)
		begin(&world, i, seen, size && data[0] & 1);
	for (size_t at = 1; at + 4 <= size; at += 4)
		one_segment(&world, data + at);
	umbox_streams_free(world.streams);
	return 0;
}
