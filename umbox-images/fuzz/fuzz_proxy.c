/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_proxy.c - arbitrary frames and requests at a device where nobody can log in: no TCP gets to
 * it. Then the same request of somebody who may use the HTTP proxy: what the device gets is one
 * plain head without a word of the login.
 *
 * Input: the size of the segments of a request, its bytes; then the same bytes as frames, each with
 * a byte of length. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct proxy *proxy;
	uint32_t server_sequence;
	/* What the device gets through the HTTP proxy. */
	bool knows, asked;
	struct umbox_headers last;
	uint32_t expected;
	char given[64 * 1024];
	size_t given_bytes;
};

static bool check(const void *user, const char *name, const char *password)
{
	(void)user;
	assert(strlen(name) < PROXY_NAME_BYTES && strlen(password) < UMBOX_HTTP_FIELD_BYTES);
	return false;
}

static bool knows(const void *user, const char *name, const char *password)
{
	(void)name, (void)password;
	return ((const struct world *)user)->knows;
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

static void on_send_in(const void *user, const struct umbox_frame *frame)
{
	struct world *world = (struct world *)user;
	assert(world->knows);
	assert(umbox_parse(&world->last, frame->bytes, frame->length));
	assert(world->last.target_port == 80);
	if (world->last.tcp_flags & UMBOX_TCP_SYN) {
		world->asked = true;
		world->expected = world->last.tcp_sequence + 1;
	} else if (world->last.tcp_sequence == world->expected) {
		uint32_t count = world->last.payload_bytes;
		assert(world->given_bytes + count < sizeof(world->given));
		memcpy(world->given + world->given_bytes, frame->bytes + world->last.payload,
		       count);
		world->given_bytes += count;
		world->expected += count;
	}
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	frame->offload.flags = 1; /* its checksum is not due */
	frame->bytes[48] = 0x20;  /* its window is open */
	return proxy_frame(((struct world *)user)->proxy, frame);
}

/* The device takes the connection, and what it is given. */
static void device_answers(struct world *world, const struct talk *talk)
{
	struct talk device = *talk;
	size_t seen = SIZE_MAX;
	device.server_port = 80;
	device.client_sequence = world->expected;
	device.server_sequence = 7000;
	assert(talk_say(&device, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, "", 0) == UMBOX_DROP);
	while (seen != world->given_bytes) {
		seen = world->given_bytes;
		device.server_sequence = 7001;
		device.client_sequence = world->expected;
		talk_say(&device, false, UMBOX_TCP_ACK, "", 0);
	}
}

static unsigned fields_of(const char *head, const char *name)
{
	unsigned count = 0;
	for (const char *at = head; (at = strcasestr(at, name)); at++)
		count++;
	return count;
}

static void check_given(struct world *world)
{
	char *end = memmem(world->given, world->given_bytes, "\r\n\r\n", 4);
	if (!world->given_bytes || world->given[0] == '\0')
		return;
	assert(end);
	*end = '\0';
	assert(!fields_of(world->given, "\nproxy-"));
	assert(fields_of(world->given, "\nhost:") == 1);
	assert(fields_of(world->given, "\nconnection:") == 1);
	for (const char *at = world->given; (at = strchr(at, '\n')); at++)
		assert(at[-1] == '\r' && at[1] != ' ' && at[1] != '\t');
}

static void one_request(struct world *world, uint16_t port, const uint8_t *data, size_t size)
{
	struct talk talk = {.judge = judge,
			    .user = world,
			    .client = "10.20.0.9",
			    .client_port = 4000,
			    .server_port = port,
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
	if (world->asked)
		device_answers(world, &talk);
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

static void start(struct world *world)
{
	world->proxy = proxy_new(&(struct proxy_settings){
		.login_port = 9010,
		.relay_port = 3128,
		.relay_hosts = {"h"},
		.relay_host_count = 1,
		.relay_ports = {80},
		.relay_port_count = 1,
		.http_ports = {80},
		.http_port_count = 1,
		.first_us = 1000000,
		.session_us = 1000000,
		.attempts = 2,
		.interval_us = 1000000,
		.lockout_us = 1000000,
		.check = check,
		.knows = knows,
		.tell = tell,
		.send = on_send,
		.send_in = on_send_in,
		.user = world,
	});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	if (!size)
		return 0;
	memset(&world, 0, sizeof(world));
	start(&world);
	one_request(&world, 9010, data, size);
	frames(&world, data, size);
	proxy_free(world.proxy);

	memset(&world, 0, sizeof(world));
	world.knows = true;
	start(&world);
	one_request(&world, 3128, data, size);
	bool tunnel = size > 8 && memmem(data + 1, size - 1, "CONNECT", 7);
	if (!tunnel)
		check_given(&world);
	proxy_free(world.proxy);
	return 0;
}
