/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.c - see resolver.h. */
#include "resolver.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct resolver {
	struct resolver_settings settings;
	struct sift *sift;
	struct umbox_streams *streams;
};

/* One message of one side of a connection: two bytes of length, then itself (RFC 1035, 4.2.2). */
struct message {
	uint8_t head[2];
	uint32_t have; /* with the head */
	uint8_t *bytes;
};

struct session {
	struct message side[UMBOX_SIDE_COUNT];
};

static bool has_port(const struct resolver_settings *settings, uint16_t port)
{
	for (size_t i = 0; i < settings->port_count; i++)
		if (settings->ports[i] == port)
			return true;
	return false;
}

/* --- TCP --- */

static bool follows(const struct umbox_headers *opening, enum umbox_leg from, void *user)
{
	const struct resolver *resolver = user;
	return from == UMBOX_IN && has_port(&resolver->settings, opening->target_port);
}

static uint32_t length_of(const struct message *message)
{
	return (uint32_t)message->head[0] << 8 | message->head[1];
}

/* Takes in some of the bytes; returns how many. */
static size_t take_bytes(struct message *message, const uint8_t *bytes, size_t count)
{
	if (message->have < 2) {
		message->head[message->have++] = *bytes;
		return 1;
	}
	size_t left = length_of(message) + 2 - message->have;
	if (count > left)
		count = left;
	if (!message->bytes)
		message->bytes = malloc(length_of(message));
	if (!message->bytes)
		abort();
	memcpy(message->bytes + message->have - 2, bytes, count);
	message->have += (uint32_t)count;
	return count;
}

static bool is_whole(const struct message *message)
{
	return message->have >= 2 && message->have == length_of(message) + 2;
}

static void forget(struct message *message)
{
	free(message->bytes);
	*message = (struct message){.have = 0};
}

/* A message whose last byte does not come through is none. */
static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct resolver *resolver = user;
	struct message *message = &((struct session *)stream->own)->side[side];
	struct sift_ends ends = {stream->client, stream->server, stream->server_port, now_us};
	while (count) {
		size_t taken = take_bytes(message, bytes, count);
		bytes += taken;
		count -= taken;
		if (!is_whole(message))
			continue;
		bool good = side == UMBOX_CLIENT ? sift_question(resolver->sift, &ends,
								 message->bytes, length_of(message))
						 : sift_answer(resolver->sift, &ends,
							       message->bytes, length_of(message));
		forget(message);
		if (!good)
			return UMBOX_STREAM_CUT;
	}
	return UMBOX_STREAM_GO_ON;
}

static void on_close(struct umbox_stream *stream, void *user)
{
	struct session *session = stream->own;
	(void)user;
	forget(&session->side[UMBOX_CLIENT]);
	forget(&session->side[UMBOX_SERVER]);
}

/* --- UDP --- */

/* One datagram; several where the kernel has joined them (GSO). */
static bool judge_datagrams(struct resolver *resolver, const struct umbox_frame *frame,
			    const struct umbox_headers *headers, const struct sift_ends *ends,
			    bool question)
{
	const uint8_t *bytes = frame->bytes + headers->payload;
	uint32_t left = headers->payload_bytes;
	uint32_t step = umbox_frame_packets(frame, headers) > 1 ? frame->offload.segment_bytes
								: left;
	bool good = true;
	do {
		uint32_t length = left < step ? left : step;
		good &= question ? sift_question(resolver->sift, ends, bytes, length)
				 : sift_answer(resolver->sift, ends, bytes, length);
		bytes += length;
		left -= length;
	} while (left);
	return good;
}

static bool judge_udp(struct resolver *resolver, const struct umbox_frame *frame,
		      const struct umbox_headers *headers)
{
	bool question = frame->from == UMBOX_IN;
	struct sift_ends ends = {
		.device = question ? headers->source : headers->target,
		.server = question ? headers->target : headers->source,
		.server_port = question ? headers->target_port : headers->source_port,
		.now_us = frame->time_us,
	};
	if (!has_port(&resolver->settings, ends.server_port))
		return true;
	if (headers->fragment || !headers->payload)
		return sift_odd(resolver->sift);
	return judge_datagrams(resolver, frame, headers, &ends, question);
}

struct resolver *resolver_new(const struct resolver_settings *settings, sift_tell_fn *tell,
			      void *user)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	if (!resolver)
		abort();
	resolver->settings = *settings;
	resolver->sift = sift_new(&settings->sift, tell, user);
	resolver->streams = umbox_streams_new(&(struct umbox_watcher){
		.follows = follows,
		.on_bytes = on_bytes,
		.on_close = on_close,
		.user = resolver,
		.own_bytes = sizeof(struct session),
		.shown = {[UMBOX_CLIENT] = true, [UMBOX_SERVER] = true},
		.connections_max = RESOLVER_CONNECTIONS_MAX,
		.memory_max = RESOLVER_COPIES_BYTES,
		.midstream_us = -1, /* nobody knows where a message begins */
	});
	return resolver;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	umbox_streams_free(resolver->streams);
	sift_free(resolver->sift);
	free(resolver);
}

enum umbox_verdict resolver_frame(struct resolver *resolver, struct umbox *umbox,
				  struct umbox_frame *frame)
{
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	if (headers.evasive)
		return sift_odd(resolver->sift) ? UMBOX_PASS : UMBOX_DROP;
	if (headers.protocol == IPPROTO_UDP && headers.transport)
		return judge_udp(resolver, frame, &headers) ? UMBOX_PASS : UMBOX_DROP;
	return umbox_streams_judge(resolver->streams, umbox, frame, &headers);
}

const struct sift_counts *resolver_counts(const struct resolver *resolver)
{
	return sift_counts(resolver->sift);
}
