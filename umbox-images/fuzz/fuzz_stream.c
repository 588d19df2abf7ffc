/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_stream.c - what a receiver reads is what the watcher was shown, whatever the sender does:
 * segments in any order, overlapping, with other bytes in the same place, lost behind the umbox.
 *
 * Input: the receiver's rule for overlaps (the first or the last byte wins), then segments: offset,
 * length, a byte of which the content is made, and whether it is lost or answered. */
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
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct receiver {
	bool last_wins;
	bool there[STREAM_BYTES];
	uint8_t bytes[STREAM_BYTES];
	uint32_t read;
};

struct shown {
	uint8_t bytes[STREAM_BYTES];
	uint32_t count;
};

static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct shown *shown = user;
	(void)stream;
	(void)now_us;
	assert(side == UMBOX_CLIENT && count && shown->count + count <= STREAM_BYTES);
	memcpy(shown->bytes + shown->count, bytes, count);
	shown->count += (uint32_t)count;
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

static enum umbox_verdict judge(struct umbox_streams *streams, bool by_client, uint8_t flags,
				uint32_t sequence, uint32_t acknowledgment, uint8_t *payload,
				uint32_t count)
{
	uint8_t bytes[HEADER_BYTES + STREAM_BYTES] = {0};
	struct umbox_frame frame = {.from = by_client ? UMBOX_OUT : UMBOX_IN,
				    .bytes = bytes,
				    .length = HEADER_BYTES + count,
				    .room = sizeof(bytes)};
	struct umbox_headers headers = {
		.network = 14,
		.source = {.family = 4, .octet = {10, 0, 0, by_client ? 1 : 2}},
		.target = {.family = 4, .octet = {10, 0, 0, by_client ? 2 : 1}},
		.protocol = IPPROTO_TCP,
		.transport = 34,
		.source_port = by_client ? 1000 : 80,
		.target_port = by_client ? 80 : 1000,
		.tcp_flags = flags,
		.tcp_sequence = sequence,
		.tcp_acknowledgment = acknowledgment,
		.payload = HEADER_BYTES,
		.payload_bytes = count,
	};
	if (count)
		memcpy(bytes + HEADER_BYTES, payload, count);
	enum umbox_verdict verdict = umbox_streams_judge(streams, NULL, &frame, &headers);
	assert(verdict == UMBOX_PASS || verdict == UMBOX_DROP);
	return verdict;
}

static void one_segment(struct umbox_streams *streams, struct receiver *receiver,
			const uint8_t data[4])
{
	uint8_t bytes[STREAM_BYTES];
	uint32_t offset = data[0] * 7u, count = data[1] % 64u;
	bool lost = data[2] & 1, answered = data[2] & 2;
	for (uint32_t i = 0; i < count; i++) /* mostly the same text, so that much is taken */
		bytes[i] = (uint8_t)((offset + i) * 31 + (data[3] < 200 ? 0 : data[3]));
	if (judge(streams, true, UMBOX_TCP_ACK, CLIENT_SEQUENCE + 1 + offset, SERVER_SEQUENCE + 1,
		  bytes, count) == UMBOX_PASS &&
	    !lost)
		receive(receiver, offset, bytes, count);
	if (answered)
		judge(streams, false, UMBOX_TCP_ACK, SERVER_SEQUENCE + 1,
		      CLIENT_SEQUENCE + 1 + receiver->read, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shown shown = {.count = 0};
	struct receiver receiver = {.last_wins = size && data[0] & 1};
	struct umbox_streams *streams = umbox_streams_new(&(struct umbox_watcher){
		.on_bytes = on_bytes,
		.user = &shown,
		.shown = {[UMBOX_CLIENT] = true},
		.memory_max = size && data[0] & 2 ? 2048 : 0,
		.midstream_us = -1,
	});
	judge(streams, true, UMBOX_TCP_SYN, CLIENT_SEQUENCE, 0, NULL, 0);
	judge(streams, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, SERVER_SEQUENCE, CLIENT_SEQUENCE + 1,
	      NULL, 0);
	for (size_t at = 1; at + 4 <= size; at += 4) {
		one_segment(streams, &receiver, data + at);
		assert(receiver.read <= shown.count);
		assert(!memcmp(receiver.bytes, shown.bytes, receiver.read));
	}
	umbox_streams_free(streams);
	return 0;
}
