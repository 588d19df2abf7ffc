/* SPDX-License-Identifier: Apache-2.0 */
/* openings.c - see openings.h. */
#include "openings.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_table.h"

enum {
	/* An opening counts for so long, whether it is answered or not. */
	HANDSHAKE_US = 5 * 1000 * 1000,
	/* What the device sent before it saw a reset may be seen so long after it. */
	RESET_US = 1000 * 1000,
	TABLE_BYTES = 4 * 1024 * 1024,
	ROOM_TRIES = 8,
};

struct opening {
	struct connection connection;
	int64_t since_us;
	int64_t given_up_us; /* the client sent a reset; 0: none */
};

struct visitor {
	struct umbox_ip source; /* the key */
	bool told;
	int64_t told_us;
	uint32_t refused; /* since it was told */
	uint32_t count;
	struct opening openings[]; /* `limit` */
};

struct openings {
	struct openings_settings settings;
	struct umbox_table *table;    /* source -> struct visitor */
	struct umbox_table *silenced; /* struct connection, also as the value */
};

struct openings *openings_new(const struct openings_settings *settings)
{
	struct openings *openings = calloc(1, sizeof(*openings));
	if (!openings || !settings->limit || settings->limit > OPENINGS_MAX)
		abort();
	size_t bytes = sizeof(struct visitor) + settings->limit * sizeof(struct opening);
	openings->settings = *settings;
	openings->table = umbox_table_new_within(TABLE_BYTES, OPENINGS_SOURCES,
						 sizeof(struct umbox_ip), bytes);
	openings->silenced = umbox_table_new(OPENINGS_SILENCED, sizeof(struct connection),
					     sizeof(struct connection));
	return openings;
}

void openings_free(struct openings *openings)
{
	if (!openings)
		return;
	umbox_table_free(openings->table);
	umbox_table_free(openings->silenced);
	free(openings);
}

static struct umbox_ip source_of(const struct openings *openings, const struct umbox_ip *client)
{
	struct umbox_ip source = *client;
	if (client->family == 4)
		umbox_ip_cut(&source, openings->settings.bits4);
	else if (!umbox_ip_link_local(client))
		umbox_ip_cut(&source, openings->settings.bits6);
	return source;
}

static bool same(const struct connection *a, const struct connection *b)
{
	return a->client_port == b->client_port && a->device_port == b->device_port &&
	       umbox_ip_equal(&a->client, &b->client) && umbox_ip_equal(&a->device, &b->device);
}

static struct opening *find(struct visitor *visitor, const struct connection *connection)
{
	for (uint32_t i = 0; visitor && i < visitor->count; i++)
		if (same(&visitor->openings[i].connection, connection))
			return &visitor->openings[i];
	return NULL;
}

static void forget(struct visitor *visitor, struct opening *opening)
{
	*opening = visitor->openings[--visitor->count];
}

/* --- what is over */

static bool is_over(const struct openings *openings, const struct opening *opening, int64_t now_us)
{
	const struct openings_settings *settings = &openings->settings;
	struct connection_times seen;
	if (now_us - opening->since_us < HANDSHAKE_US && !opening->given_up_us)
		return false;
	settings->see(&opening->connection, now_us, &seen, settings->user);
	if (opening->given_up_us)
		return seen.device_us <= opening->given_up_us + RESET_US;
	return seen.client_us == INT64_MIN;
}

static bool silence(const struct openings *openings, const struct connection *connection)
{
	const struct openings_settings *settings = &openings->settings;
	if (!settings->silence(connection, settings->user))
		return false;
	if (umbox_table_full(openings->silenced))
		settings->unsilence(umbox_table_oldest(openings->silenced), settings->user);
	*(struct connection *)umbox_table_put(openings->silenced, connection) = *connection;
	return true;
}

static void unsilence(const struct openings *openings, const struct connection *connection)
{
	const struct openings_settings *settings = &openings->settings;
	if (!umbox_table_find(openings->silenced, connection))
		return;
	umbox_table_remove(openings->silenced, connection);
	settings->unsilence(connection, settings->user);
}

/* Frees the places of connections that are over. */
static void tidy(const struct openings *openings, struct visitor *visitor, int64_t now_us)
{
	for (uint32_t i = visitor->count; i > 0; i--) {
		struct opening *opening = &visitor->openings[i - 1];
		if (is_over(openings, opening, now_us) && silence(openings, &opening->connection))
			forget(visitor, opening);
	}
}

/* A source that still has connections is not forgotten for a newcomer. */
static bool make_room(struct openings *openings, int64_t now_us)
{
	for (int i = 0; i < ROOM_TRIES && umbox_table_full(openings->table); i++) {
		const struct visitor *oldest = umbox_table_oldest(openings->table);
		struct umbox_ip source = oldest->source;
		struct visitor *visitor = umbox_table_find(openings->table, &source);
		tidy(openings, visitor, now_us);
		if (!visitor->count)
			umbox_table_remove(openings->table, &source);
	}
	return !umbox_table_full(openings->table);
}

/* NULL when there is no room. */
static struct visitor *visitor_of(struct openings *openings, const struct umbox_ip *client,
				  int64_t now_us)
{
	struct umbox_ip source = source_of(openings, client);
	struct visitor *visitor = umbox_table_find(openings->table, &source);
	if (visitor || !make_room(openings, now_us))
		return visitor;
	visitor = umbox_table_put(openings->table, &source);
	visitor->source = source;
	return visitor;
}

/* --- frames */

static void tell(const struct openings *openings, struct visitor *visitor,
		 const struct connection *wanted, int64_t now_us, struct openings_result *ret)
{
	visitor->refused++;
	if (visitor->told && now_us - visitor->told_us < openings->settings.alert_pause_us)
		return;
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = "too-many-connections",
		.severity = UMBOX_MEDIUM,
		.source = wanted->client,
		.source_port = wanted->client_port,
		.target = wanted->device,
		.target_port = wanted->device_port,
		.count = visitor->refused,
		.detail = ret->detail,
	};
	snprintf(ret->detail, sizeof(ret->detail), "%u connections are open, %u more refused",
		 visitor->count, visitor->refused);
	visitor->told = true;
	visitor->told_us = now_us;
	visitor->refused = 0;
}

/* A reset in the device's name. */
static void refuse(struct umbox_frame *frame, const struct umbox_headers *headers,
		   struct openings_result *ret)
{
	uint8_t reset[UMBOX_RESET_BYTES];
	uint32_t length = umbox_reset_make(reset, frame, headers, true, 0,
					   headers->tcp_sequence + 1 + headers->payload_bytes);
	ret->refused = true;
	if (!length || length > frame->room)
		return;
	memcpy(frame->bytes, reset, length);
	frame->length = length;
	ret->verdict = UMBOX_ANSWER;
}

static void open_one(struct openings *openings, struct umbox_frame *frame,
		     const struct umbox_headers *headers, const struct connection *wanted,
		     struct openings_result *ret)
{
	const struct openings_settings *settings = &openings->settings;
	struct visitor *visitor = visitor_of(openings, &wanted->client, frame->time_us);
	if (!visitor) {
		refuse(frame, headers, ret);
		return;
	}
	struct opening *opening = find(visitor, wanted);
	if (!opening && visitor->count == settings->limit)
		tidy(openings, visitor, frame->time_us);
	if (!opening && visitor->count == settings->limit) {
		tell(openings, visitor, wanted, frame->time_us, ret);
		refuse(frame, headers, ret);
		return;
	}
	ret->opened = !opening;
	if (!opening)
		opening = &visitor->openings[visitor->count++];
	*opening = (struct opening){.connection = *wanted, .since_us = frame->time_us};
	unsilence(openings, wanted);
	ret->verdict = UMBOX_PASS;
}

static struct connection connection_of(const struct umbox_headers *headers, enum umbox_leg from)
{
	if (from == UMBOX_OUT)
		return (struct connection){headers->source, headers->target, headers->source_port,
					   headers->target_port};
	return (struct connection){headers->target, headers->source, headers->target_port,
				   headers->source_port};
}

static void end_one(struct openings *openings, enum umbox_leg from, int64_t now_us,
		    const struct connection *ended)
{
	struct umbox_ip source = source_of(openings, &ended->client);
	struct visitor *visitor = umbox_table_find(openings->table, &source);
	struct opening *opening = find(visitor, ended);
	if (!opening)
		return;
	if (from == UMBOX_OUT) {
		opening->given_up_us = now_us;
		return;
	}
	forget(visitor, opening);
	if (!visitor->count && !visitor->told)
		umbox_table_remove(openings->table, &source);
}

void openings_frame(struct openings *openings, struct umbox_frame *frame,
		    struct openings_result *ret)
{
	struct umbox_headers headers;
	*ret = (struct openings_result){.verdict = UMBOX_DROP};
	if (!umbox_parse(&headers, frame->bytes, frame->length) || !headers.transport ||
	    headers.protocol != IPPROTO_TCP)
		return;
	uint8_t flags = headers.tcp_flags;
	struct connection connection = connection_of(&headers, frame->from);
	bool opens = (flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK | UMBOX_TCP_RST)) == UMBOX_TCP_SYN;
	if (opens && frame->from == UMBOX_OUT)
		open_one(openings, frame, &headers, &connection, ret);
	else
		ret->verdict = UMBOX_SEEN;
	if (flags & UMBOX_TCP_RST || (flags & UMBOX_TCP_FIN && frame->from == UMBOX_IN))
		end_one(openings, frame->from, frame->time_us, &connection);
}
