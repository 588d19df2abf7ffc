/* SPDX-License-Identifier: Apache-2.0 */
/* detector.c - counts new connections per source, and per IPv6 network. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"
#include "umbox_guard.h"
#include "umbox_table.h"

enum {
	/* The longest pause that Linux makes between two retransmissions of a SYN. */
	RETRANSMISSION_US = 65 * 1000 * 1000,
	SOURCES_BYTES = 9 * 256 * 1024,
	NETWORKS_BYTES = 3 * 512 * 1024,
};

static const int64_t long_ago = INT64_MIN / 2;

/* Compared by bytes: there is no padding in it. */
struct connection_key {
	struct umbox_ip source, target;
	uint16_t source_port, target_port;
};

struct connection {
	int64_t seen_us;
	uint32_t sequence;
};

struct source {
	bool known;
	uint32_t since_alert; /* attempts after the last alert, or after a whole interval without
				 any */
	uint32_t count,
		next; /* of the ring: how many lie within the interval, where the next goes */
	int64_t alerted_us;
	int64_t times_us[]; /* a ring of the tally's `limit` */
};

/* Sources of one kind with the times of their newest attempts. */
struct tally {
	struct umbox_table *table; /* struct umbox_ip -> struct source; NULL when it is off */
	uint32_t limit;
};

struct detector {
	struct detector_settings settings;
	struct tally addresses, networks;
	struct umbox_blocks *blocks; /* apart: whoever makes up sources pushes nobody out of it */
	struct umbox_table *connections;
	int64_t flood_alerted_us;
};

static void tally_init(struct tally *tally, size_t bytes, uint32_t capacity, uint32_t limit)
{
	tally->limit = limit;
	if (limit)
		tally->table =
			umbox_table_new_within(bytes, capacity, sizeof(struct umbox_ip),
					       sizeof(struct source) + limit * sizeof(int64_t));
}

struct detector *detector_new(const struct detector_settings *settings)
{
	struct detector *detector = calloc(1, sizeof(*detector));
	if (!detector)
		abort();
	detector->settings = *settings;
	detector->flood_alerted_us = long_ago;
	tally_init(&detector->addresses, SOURCES_BYTES, SOURCES_MAX, settings->attempts);
	tally_init(&detector->networks, NETWORKS_BYTES, NETWORKS_MAX, settings->network_attempts);
	detector->blocks = umbox_blocks_new(BLOCKS_MAX);
	detector->connections = umbox_table_new(CONNECTIONS_MAX, sizeof(struct connection_key),
						sizeof(struct connection));
	return detector;
}

void detector_free(struct detector *detector)
{
	if (!detector)
		return;
	umbox_table_free(detector->addresses.table);
	umbox_table_free(detector->networks.table);
	umbox_blocks_free(detector->blocks);
	umbox_table_free(detector->connections);
	free(detector);
}

static bool watched_port(const struct detector_settings *settings, uint16_t port)
{
	for (size_t i = 0; i < settings->port_count; i++)
		if (settings->ports[i] == port)
			return true;
	return !settings->port_count;
}

/* The source chooses addresses, ports and sequence number, so the same ones again are a
 * retransmission only while nothing else came on that connection, and only without data (RFC 7413).
 */
static bool is_new_connection(struct detector *detector, const struct umbox_headers *headers,
			      int64_t now_us)
{
	struct connection_key key = {headers->source, headers->target, headers->source_port,
				     headers->target_port};
	if ((headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) != UMBOX_TCP_SYN) {
		umbox_table_remove(detector->connections, &key);
		return false;
	}
	struct connection *connection = umbox_table_find(detector->connections, &key);
	bool again = connection && connection->sequence == headers->tcp_sequence &&
		     !headers->payload_bytes && now_us - connection->seen_us < RETRANSMISSION_US;
	connection = umbox_table_put(detector->connections, &key);
	*connection = (struct connection){now_us, headers->tcp_sequence};
	return !again;
}

/* Whether what would be forgotten for a newcomer still matters. */
static bool is_flooded(const struct detector *detector, const struct tally *tally, int64_t now_us)
{
	const struct source *oldest = umbox_table_oldest(tally->table);
	if (!umbox_table_full(tally->table))
		return false;
	int64_t last_us = oldest->times_us[(oldest->next + tally->limit - 1) % tally->limit];
	return now_us - last_us <= detector->settings.interval_us;
}

static struct source *note_attempt(const struct detector *detector, struct tally *tally,
				   const struct umbox_ip *ip, int64_t now_us)
{
	struct source *source = umbox_table_put(tally->table, ip);
	if (!source->known) {
		source->known = true;
		source->alerted_us = long_ago;
	}
	source->times_us[source->next] = now_us;
	source->next = (source->next + 1) % tally->limit;
	if (source->count < tally->limit)
		source->count++;
	while (now_us - source->times_us[(source->next + tally->limit - source->count) %
					 tally->limit] >
	       detector->settings.interval_us)
		source->count--;
	source->since_alert = source->count == 1 ? 1 : source->since_alert + 1;
	return source;
}

static void raise_alarm(const struct umbox_headers *headers, uint32_t count,
			struct detector_result *ret)
{
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = "brute-force",
		.severity = UMBOX_HIGH,
		.source = headers->source,
		.target = headers->target,
		.target_port = headers->target_port,
		.count = count,
		.detail = ret->detail,
	};
}

static void say_source(const struct detector *detector, const struct source *source,
		       const struct umbox_headers *headers, struct detector_result *ret)
{
	if (source->since_alert <= source->count) {
		raise_alarm(headers, source->count, ret);
		snprintf(ret->detail, sizeof(ret->detail),
			 "%" PRIu32 " connections in %" PRId64 " s", source->count,
			 detector->settings.interval_us / 1000000);
	} else {
		raise_alarm(headers, source->since_alert, ret);
		snprintf(ret->detail, sizeof(ret->detail), "%" PRIu32 " connections in a row",
			 source->since_alert);
	}
}

/* An attempt more of `ip`; true when it is one too many. */
static bool judge_source(struct detector *detector, struct tally *tally, const struct umbox_ip *ip,
			 const struct umbox_headers *headers, int64_t now_us,
			 struct detector_result *ret)
{
	const struct detector_settings *settings = &detector->settings;
	struct source *source = note_attempt(detector, tally, ip, now_us);
	if (source->count < tally->limit)
		return false;
	if (now_us - source->alerted_us < settings->alert_pause_us || ret->alarm)
		return true;
	say_source(detector, source, headers, ret);
	source->alerted_us = now_us;
	source->since_alert = 0;
	return true;
}

static void judge_attempt(struct detector *detector, const struct umbox_headers *headers,
			  int64_t now_us, struct detector_result *ret)
{
	const struct umbox_ip *source = &headers->source;
	int64_t until_us = now_us + detector->settings.block_us;
	struct umbox_ip network;
	bool flooded = is_flooded(detector, &detector->addresses, now_us);
	bool over = judge_source(detector, &detector->addresses, source, headers, now_us, ret);
	bool all_over = detector->networks.table && umbox_network_of(source, &network) &&
			judge_source(detector, &detector->networks, &network, headers, now_us, ret);
	if (detector->settings.block_us && (over || all_over)) {
		ret->verdict = UMBOX_DROP;
		if (over)
			umbox_blocks_add(detector->blocks, source, now_us, until_us);
		if (all_over)
			umbox_blocks_add_network(detector->blocks, source, now_us, until_us);
	}
	if (flooded && !ret->alarm &&
	    now_us - detector->flood_alerted_us >= detector->settings.alert_pause_us) {
		detector->flood_alerted_us = now_us;
		uint32_t most = umbox_table_capacity(detector->addresses.table);
		raise_alarm(headers, most, ret);
		ret->alert.source = (struct umbox_ip){0};
		snprintf(ret->detail, sizeof(ret->detail), "more than %" PRIu32 " sources at once",
			 most);
	}
}

void detector_frame(struct detector *detector, const struct umbox_frame *frame,
		    struct detector_result *ret)
{
	const struct detector_settings *settings = &detector->settings;
	struct umbox_headers headers;
	*ret = (struct detector_result){.verdict = UMBOX_PASS};
	if (frame->from != UMBOX_OUT)
		return;
	umbox_parse(&headers, frame->bytes, frame->length);
	ret->evasive = headers.evasive;
	if (!ret->evasive && settings->is_exempt &&
	    settings->is_exempt(settings->user, &headers.source))
		return;
	ret->blocked = umbox_blocks_has(detector->blocks, &headers.source, frame->time_us);
	if (ret->evasive || ret->blocked) {
		ret->verdict = UMBOX_DROP;
		return;
	}
	if (headers.protocol != IPPROTO_TCP || !headers.transport ||
	    !watched_port(settings, headers.target_port))
		return;
	ret->attempt = is_new_connection(detector, &headers, frame->time_us);
	if (ret->attempt)
		judge_attempt(detector, &headers, frame->time_us, ret);
}
