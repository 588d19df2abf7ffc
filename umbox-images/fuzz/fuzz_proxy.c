/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_proxy.c - arbitrary frames and requests at a device where nobody can log in: no TCP gets to
 * it.
 *
 * Input: the size of the segments of a request, its bytes; then the same bytes as frames, each with
 * a byte of length. */
#include <netinet/in.h>

#include "proxy.h"
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct proxy *proxy;
	uint32_t server_sequence;
};

static bool check(const void *user, const char *name, const char *password)
{
	(void)user;
	assert(strlen(name) < PROXY_NAME_BYTES && strlen(password) < UMBOX_HTTP_FIELD_BYTES);
	return false;
}

static void tell(const void *user, const struct umbox_alert *alert)
{
	(void)user;
	assert(alert->count);
}

static void on_send(const void *user, const struct umbox_frame *frame)
{
	struct umbox_headers headers;
	assert(umbox_parse(&headers, frame->bytes, frame->length));
	if (headers.tcp_flags & UMBOX_TCP_SYN)
		((struct world *)user)->server_sequence = headers.tcp_sequence;
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	frame->offload.flags = 1; /* its checksum is not due */
	frame->bytes[48] = 0x20;  /* its window is open */
	return proxy_frame(((struct world *)user)->proxy, frame);
}

static void one_request(struct world *world, const uint8_t *data, size_t size)
{
	struct talk talk = {.judge = judge,
			    .user = world,
			    .client = "10.20.0.9",
			    .client_port = 4000,
			    .server_port = 9010,
			    .now_us = 1000000,
			    .client_sequence = 1000};
	size_t step = data[0] ? data[0] : 1;
	assert(talk_say(&talk, true, UMBOX_TCP_SYN, "", 0) == UMBOX_DROP);
	talk.client_sequence++;
	talk.server_sequence = world->server_sequence + 1;
	for (size_t at = 1; at < size; at += step) {
		size_t bytes = size - at < step ? size - at : step;
		assert(talk_say(&talk, true, UMBOX_TCP_ACK, (const char *)data + at, bytes) ==
		       UMBOX_DROP);
		talk.client_sequence += (uint32_t)bytes;
	}
}

static void frames(struct world *world, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		uint8_t bytes[256];
		struct umbox_headers headers;
		size_t count = data[at++];
		count = size - at < count ? size - at : count;
		memcpy(bytes, data + at, count);
		at += count;
		struct umbox_frame frame = {.from = UMBOX_OUT,
					    .bytes = bytes,
					    .length = (uint32_t)count,
					    .room = sizeof(bytes),
					    .time_us = 2000000};
		umbox_parse(&headers, bytes, count);
		if (proxy_frame(world->proxy, &frame) == UMBOX_PASS)
			assert(headers.protocol != IPPROTO_TCP);
	}
	proxy_time(world->proxy, 200000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.server_sequence = 0};
	if (!size)
		return 0;
	world.proxy = proxy_new(&(struct proxy_settings){
		.login_port = 9010,
		.http_ports = {80},
		.http_port_count = 1,
		.first_us = 1000000,
		.session_us = 1000000,
		.attempts = 2,
		.interval_us = 1000000,
		.lockout_us = 1000000,
		.check = check,
		.tell = tell,
		.send = on_send,
		.user = &world,
	});
	one_request(&world, data, size);
	frames(&world, data, size);
	proxy_free(world.proxy);
	return 0;
}
