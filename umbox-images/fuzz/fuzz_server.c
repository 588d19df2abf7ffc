/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_server.c - a client without manners against the TCP server, and a device without manners to
 * which it is led on: what the service is given is what was sent, in order, and what is sent is
 * whole.
 *
 * Input: steps of four bytes: flags (0x40: of the device), offset of the sequence number, of the
 * acknowledgment, and how many bytes or how much time. */
#include <assert.h>
#include <stdlib.h>

#include "frames.h"
#include "segment.h"
#include "umbox_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct umbox_server *server;
	int64_t now_us;
	uint32_t first; /* the server's first number, once it is known */
	uint32_t seen;  /* bytes of the present connection */
	uint32_t dialed_first;
};

enum { CLIENT_FIRST = 5000, DEVICE_FIRST = 9000, DIALED_PORT = 8080 };

static char byte_at(uint32_t place)
{
	return (char)(place * 31 + place / 256);
}

static void on_bytes(struct umbox_peer *peer, const uint8_t *bytes, size_t count, int64_t now_us,
		     void *user)
{
	struct world *world = user;
	for (size_t i = 0; i < count; i++)
		assert((char)bytes[i] == byte_at(world->seen + (uint32_t)i));
	world->seen += (uint32_t)count;
	if (count == 7)
		umbox_server_dial(peer, DIALED_PORT, now_us);
	if (!umbox_server_pass_on(peer, bytes, count))
		umbox_server_say(peer, bytes, count);
	if (count == 13)
		umbox_server_finish(peer);
}

static void on_close(struct umbox_peer *peer, void *user)
{
	struct world *world = user;
	(void)peer;
	world->seen = 0;
}

static void on_send(const struct umbox_frame *frame, void *user)
{
	struct world *world = user;
	struct umbox_headers headers;
	assert(umbox_parse(&headers, frame->bytes, frame->length));
	assert(segment_checksum_good(frame, &headers));
	if (headers.tcp_flags & UMBOX_TCP_SYN)
		world->first = headers.tcp_sequence;
}

static void on_send_in(const struct umbox_frame *frame, void *user)
{
	struct world *world = user;
	struct umbox_headers headers;
	assert(umbox_parse(&headers, frame->bytes, frame->length));
	assert(segment_checksum_good(frame, &headers));
	assert(headers.source_port == 4000 && headers.target_port == DIALED_PORT);
	if (headers.tcp_flags & UMBOX_TCP_SYN)
		world->dialed_first = headers.tcp_sequence;
}

/* The cookie binds a connection to the number that came with its SYN: always the same here. */
static void one_step(struct world *world, const uint8_t step[4])
{
	struct test_frame built;
	struct umbox_headers headers;
	uint32_t place = step[1] * 3u, count = step[3] % 32u;
	if (step[0] & 0x80) {
		world->now_us += step[3] * INT64_C(100000);
		umbox_server_time(world->server, world->now_us);
		return;
	}
	bool syn = step[0] & UMBOX_TCP_SYN, device = step[0] & 0x40;
	const char *client_ip = "10.20.0.9", *device_ip = "10.20.0.11";
	uint32_t first = device ? DEVICE_FIRST : CLIENT_FIRST;
	start_frame(&built, 0x0800);
	put_ipv4(&built, device ? device_ip : client_ip, device ? client_ip : device_ip, 6,
		 (uint16_t)(TCP_TEST_BYTES + count), 0);
	put_tcp(&built, device ? DIALED_PORT : 4000, device ? 4000 : 80,
		syn ? first : first + 1 + place, step[0] & 0x17);
	uint32_t acknowledgment = (device ? world->dialed_first : world->first) + 1 + step[2];
	set16(&built, built.length - 12, (uint16_t)(acknowledgment >> 16));
	set16(&built, built.length - 10, (uint16_t)acknowledgment);
	set16(&built, built.length - 6, (uint16_t)(step[0] & 0x20 ? 0 : 2000));
	for (uint32_t i = 0; i < count; i++)
		put_bytes(&built, &(char){byte_at(place + i)}, 1);
	struct umbox_frame frame = as_frame(&built, device ? UMBOX_IN : UMBOX_OUT, world->now_us);
	frame.offload.flags = 1; /* its checksum is not due */
	umbox_parse(&headers, frame.bytes, frame.length);
	if (device)
		umbox_server_take_reply(world->server, &frame, &headers);
	else
		umbox_server_take(world->server, &frame, &headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.now_us = 1000000};
	world.server = umbox_server_new(&(struct umbox_service){.on_bytes = on_bytes,
								.on_close = on_close,
								.send = on_send,
								.send_in = on_send_in,
								.user = &world});
	for (; size >= 4; data += 4, size -= 4)
		one_step(&world, data);
	umbox_server_free(world.server);
	return 0;
}
