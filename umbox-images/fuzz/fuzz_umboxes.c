/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_umboxes.c - a stream of arbitrary frames through each detector.
 *
 * Input: frames, each with two bytes of length (the top bit: from the device), one byte of time in
 * units of 100 ms. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conversations.h"
#include "detector.h"
#include "flows.h"
#include "mark.h"
#include "news.h"
#include "openings.h"
#include "outbound.h"
#include "resolver.h"
#include "scan.h"
#include "told.h"

static void count_flows(struct flows *flows, struct conversations *conversations,
			const struct umbox_frame *frame)
{
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	uint32_t packets = umbox_frame_packets(frame, &headers);
	flows_frame(flows, frame, &headers, packets);
	conversations_frame(conversations, frame, &headers, packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct umbox_json *record, void *user)
{
	(void)user;
	assert(!record->full && record->length <= UMBOX_RECORD_BYTES);
	json_t *value = json_loadb(record->text, record->length, 0, NULL);
	assert(value);
	json_decref(value);
}

static void check_detector(struct detector *detector, const struct umbox_frame *frame)
{
	struct detector_result result;
	detector_frame(detector, frame, &result);
	assert(result.verdict == UMBOX_PASS || result.verdict == UMBOX_DROP);
	assert(!(result.blocked || result.evasive) || result.verdict == UMBOX_DROP);
	assert(!result.alarm || result.attempt);
	assert(!result.alarm || result.alert.count);
	assert(frame->from == UMBOX_OUT || result.verdict == UMBOX_PASS);
}

/* A kernel that has seen what the address says. */
static void see(const struct connection *connection, int64_t now_us, struct connection_times *ret,
		void *user)
{
	(void)user;
	uint8_t kind = connection->client.octet[3];
	ret->client_us = kind & 1 ? now_us : INT64_MIN;
	ret->device_us = kind & 2 ? now_us : INT64_MIN;
}

static bool silence(const struct connection *connection, void *user)
{
	(void)user;
	return !(connection->client.octet[3] & 4);
}

static void unsilence(const struct connection *connection, void *user)
{
	(void)user;
	assert(!(connection->client.octet[3] & 4));
}

/* A copy: a refused frame becomes a reset. */
static void check_openings(struct openings *openings, const struct umbox_frame *frame)
{
	struct openings_result result;
	struct umbox_frame copy = *frame;
	copy.room = copy.length + UMBOX_RESET_BYTES;
	copy.bytes = malloc(copy.room);
	memcpy(copy.bytes, frame->bytes, copy.length);
	openings_frame(openings, &copy, &result);
	assert(result.verdict != UMBOX_KEEP && copy.length <= copy.room);
	assert(!result.opened || result.verdict == UMBOX_PASS);
	assert(!result.alarm || result.refused);
	assert(!result.refused || frame->from == UMBOX_OUT);
	free(copy.bytes);
}

/* What the kernel tells of a frame: its first bytes say why. */
static void check_told_frame(struct told *told, struct news *news, const struct umbox_frame *frame)
{
	struct told_result told_result;
	struct news_result news_result;
	struct umbox_told one = {.tag = frame->length ? frame->bytes[0] % 16 : 0,
				 .count = frame->length,
				 .frame = *frame};
	told_take(told, &one, &told_result);
	assert(!told_result.alarm || (told_result.alert.type && told_result.alert.count));
	news_take(news, &one, &news_result);
	assert(!news_result.alarm || (news_result.alert.type && news_result.alert.count));
}

static void check_scan(struct scan *scan, const struct umbox_frame *frame)
{
	struct scan_result result;
	scan_frame(scan, frame, &result);
	assert(result.verdict == UMBOX_PASS || result.verdict == UMBOX_DROP);
	assert(!(result.blocked || result.evasive || result.flags) || result.verdict == UMBOX_DROP);
	assert(!result.alarm || (result.probe && result.alert.count && result.alert.type));
}

static void check_outbound(struct outbound *outbound, const struct umbox_frame *frame)
{
	struct outbound_result result;
	outbound_frame(outbound, frame, &result);
	assert(result.verdict == (result.outside || result.evasive ? UMBOX_DROP : UMBOX_PASS));
	assert(!result.outside || frame->from == UMBOX_IN);
	assert(!result.learnt || frame->from == UMBOX_OUT);
	assert(!result.alarm || (result.outside && result.alert.count));
}

static void check_told(const struct umbox_alert *alert, void *user)
{
	(void)user;
	assert(alert->type && alert->count && alert->detail);
}

static void check_resolver(struct resolver *resolver, struct umbox_frame *frame)
{
	enum umbox_verdict verdict = resolver_frame(resolver, NULL, frame);
	assert(verdict == UMBOX_PASS || verdict == UMBOX_DROP);
}

static void check_mark(struct umbox_frame *frame)
{
	uint8_t *before = malloc(frame->length + 1);
	memcpy(before, frame->bytes, frame->length);
	unsigned marked = mark_frame(frame, 1, 2);
	assert(marked || !memcmp(before, frame->bytes, frame->length));
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct detector_settings settings = {
		.attempts = 2,
		.network_attempts = 3,
		.interval_us = 1000000,
		.block_us = 500000,
		.alert_pause_us = 300000,
	};
	static const struct scan_settings scan_settings = {
		.ports = 2,
		.slow_ports = 3,
		.all_ports = 4,
		.hosts = 2,
		.slow_hosts = 3,
		.interval_us = 1000000,
		.slow_interval_us = 10000000,
		.block_us = 500000,
		.alert_pause_us = 300000,
		.drop_flags = true,
	};
	static const struct resolver_settings resolver_settings = {
		.sift =
			{
				.deny = {{"*.a"}, 1},
				.rebinding = true,
				.questions = 4,
				.subdomains = 2,
				.coded = 2,
				.label_bytes = 8,
				.prefix_bytes = 16,
				.interval_us = 1000000,
				.drop = true,
			},
		.ports = {53},
		.port_count = 1,
	};
	struct outbound_settings outbound_settings = {
		.rule_count = 2,
		.alert_type = "external-traffic",
		.threshold = 2,
		.interval_us = 1000000,
		.names_us = 1000000,
		.drop = true,
	};
	assert(rule_parse(&outbound_settings.rules[0], "udp:53"));
	assert(rule_parse(&outbound_settings.rules[1], "any *.a"));
	struct detector *detector = detector_new(&settings);
	struct resolver *resolver = resolver_new(&resolver_settings, check_told, NULL);
	struct outbound *outbound = outbound_new(&outbound_settings);
	struct scan *scan = scan_new(&scan_settings);
	struct flows *flows = flows_new();
	struct conversations *conversations = conversations_new(
		&(struct conversation_limits){.idle_us = 1000000, .active_us = 5000000});
	struct openings *openings = openings_new(&(struct openings_settings){
		.limit = 2,
		.bits4 = 30,
		.bits6 = 64,
		.alert_pause_us = 300000,
		.see = see,
		.silence = silence,
		.unsilence = unsilence,
	});
	static const uint32_t rates[EXCESS_COUNT];
	struct told told = {.per_second = rates, .alert_pause_us = 300000};
	struct news *news = news_new(&(struct blocks_settings){.attempts = 1}, 300000);
	int64_t now_us = 0;
	while (size >= 3) {
		bool from_device = data[0] & 0x80;
		uint32_t length = (uint32_t)(data[0] & 0x7f) << 8 | data[1];
		now_us += data[2] * 100000;
		data += 3, size -= 3;
		if (length > size)
			length = (uint32_t)size;
		uint8_t *bytes = malloc(length ? length : 1);
		memcpy(bytes, data, length);
		struct umbox_frame frame = {.from = from_device ? UMBOX_IN : UMBOX_OUT,
					    .bytes = bytes,
					    .length = length,
					    .room = length,
					    .time_us = now_us};
		check_detector(detector, &frame);
		check_outbound(outbound, &frame);
		check_scan(scan, &frame);
		count_flows(flows, conversations, &frame);
		check_openings(openings, &frame);
		check_told_frame(&told, news, &frame);
		check_mark(&frame);
		check_resolver(resolver, &frame);
		free(bytes);
		data += length, size -= length;
	}
	flows_report(flows, 5, check_record, NULL);
	conversations_report(conversations, now_us + 1000000, check_record, NULL);
	conversations_free(conversations);
	flows_free(flows);
	openings_free(openings);
	news_free(news);
	detector_free(detector);
	outbound_free(outbound);
	resolver_free(resolver);
	scan_free(scan);
	return 0;
}
