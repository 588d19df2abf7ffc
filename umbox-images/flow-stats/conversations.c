/* SPDX-License-Identifier: Apache-2.0 */
/* conversations.c - a table of conversations, and their records. */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conversations.h"
#include "umbox_table.h"

enum {
	CONVERSATION_BYTES = 512, /* more than one takes in a record */
};

struct key {
	struct umbox_ip device, peer;
	uint16_t device_port, peer_port; /* 0 where the protocol has none */
	uint8_t protocol;
};

struct conversation {
	int64_t first_us, last_us;
	uint64_t packets[UMBOX_LEG_COUNT], bytes[UMBOX_LEG_COUNT];
	uint8_t tcp_flags[UMBOX_LEG_COUNT]; /* all that were seen */
	uint8_t opener;                     /* enum umbox_leg: who sent the first frame */
};

struct conversations {
	struct conversation_limits limits;
	struct umbox_table *table;               /* struct key -> struct conversation */
	struct key told[CONVERSATIONS_TOLD_MAX]; /* of the report that is being written */
};

struct conversations *conversations_new(const struct conversation_limits *limits)
{
	struct conversations *conversations = calloc(1, sizeof(*conversations));
	if (!conversations)
		abort();
	conversations->limits = *limits;
	conversations->table = umbox_table_new(CONVERSATIONS_MAX, sizeof(struct key),
					       sizeof(struct conversation));
	return conversations;
}

void conversations_free(struct conversations *conversations)
{
	if (!conversations)
		return;
	umbox_table_free(conversations->table);
	free(conversations);
}

uint64_t conversations_untold(const struct conversations *conversations)
{
	return umbox_table_pushed_out(conversations->table);
}

void conversations_frame(struct conversations *conversations, const struct umbox_frame *frame,
			 const struct umbox_headers *headers, uint32_t packets)
{
	if (!headers->source.family || headers->ether_type == ETHERTYPE_ARP)
		return;
	bool from_device = frame->from == UMBOX_IN;
	struct key key;
	memset(&key, 0, sizeof(key));
	key.device = from_device ? headers->source : headers->target;
	key.peer = from_device ? headers->target : headers->source;
	key.device_port = from_device ? headers->source_port : headers->target_port;
	key.peer_port = from_device ? headers->target_port : headers->source_port;
	key.protocol = headers->protocol;

	struct conversation *conversation = umbox_table_put(conversations->table, &key);
	if (!conversation->packets[UMBOX_IN] && !conversation->packets[UMBOX_OUT]) {
		conversation->first_us = frame->time_us;
		conversation->opener = (uint8_t)frame->from;
	}
	conversation->last_us = frame->time_us;
	conversation->packets[frame->from] += packets;
	conversation->bytes[frame->from] += frame->length;
	conversation->tcp_flags[frame->from] |= headers->tcp_flags;
}

/* Why it is to be told now; NULL when it is not. */
static const char *end_of(const struct conversations *conversations,
			  const struct conversation *conversation, int64_t now_us)
{
	const uint8_t *flags = conversation->tcp_flags;
	if ((flags[UMBOX_IN] | flags[UMBOX_OUT]) & UMBOX_TCP_RST ||
	    flags[UMBOX_IN] & flags[UMBOX_OUT] & UMBOX_TCP_FIN)
		return "closed";
	if (now_us - conversation->last_us >= conversations->limits.idle_us)
		return "idle";
	if (now_us - conversation->first_us >= conversations->limits.active_us)
		return "active";
	return NULL;
}

static void put_flags(struct umbox_json *json, const char *name, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC"; /* RFC 9293, 3.1, from the lowest bit on */
	char text[sizeof(letters)];
	size_t length = 0;
	for (unsigned bit = 0; bit < sizeof(letters) - 1; bit++)
		if (flags & 1U << bit)
			text[length++] = letters[bit];
	text[length] = '\0';
	umbox_json_text(json, name, text);
}

static void put_address(struct umbox_json *json, const char *name, const struct umbox_ip *ip)
{
	char text[UMBOX_IP_TEXT_BYTES];
	umbox_ip_print(text, ip);
	umbox_json_text(json, name, text);
}

static void put_conversation(struct umbox_json *json, const struct key *key,
			     const struct conversation *conversation, const char *end)
{
	umbox_json_open(json, NULL, '{');
	umbox_json_number(json, "protocol", key->protocol);
	put_address(json, "device", &key->device);
	umbox_json_number(json, "device_port", key->device_port);
	put_address(json, "peer", &key->peer);
	umbox_json_number(json, "peer_port", key->peer_port);
	umbox_json_text(json, "opened_by", conversation->opener == UMBOX_IN ? "device" : "peer");
	umbox_json_number(json, "duration_ms",
			  (uint64_t)(conversation->last_us - conversation->first_us) / 1000);
	umbox_json_number(json, "from_device_packets", conversation->packets[UMBOX_IN]);
	umbox_json_number(json, "from_device_bytes", conversation->bytes[UMBOX_IN]);
	umbox_json_number(json, "to_device_packets", conversation->packets[UMBOX_OUT]);
	umbox_json_number(json, "to_device_bytes", conversation->bytes[UMBOX_OUT]);
	if (key->protocol == IPPROTO_TCP) {
		put_flags(json, "from_device_flags", conversation->tcp_flags[UMBOX_IN]);
		put_flags(json, "to_device_flags", conversation->tcp_flags[UMBOX_OUT]);
	}
	umbox_json_text(json, "end", end);
	umbox_json_close(json, '}');
}

/* Writes those from `cursor` on that are to be told and fit; returns how many are told now. */
static unsigned write_some(struct umbox_json *json, struct conversations *conversations,
			   uint32_t *cursor, unsigned told, int64_t now_us)
{
	const struct conversation *conversation;
	const void *key;
	umbox_json_start(json);
	umbox_json_open(json, NULL, '{');
	umbox_json_text(json, "kind", "flows");
	umbox_json_open(json, "flows", '[');
	while (json->length < UMBOX_RECORD_BYTES - CONVERSATION_BYTES &&
	       told < CONVERSATIONS_TOLD_MAX &&
	       (conversation = umbox_table_each(conversations->table, cursor, &key))) {
		const char *end = end_of(conversations, conversation, now_us);
		if (!end)
			continue;
		put_conversation(json, key, conversation, end);
		memcpy(&conversations->told[told++], key, sizeof(struct key));
	}
	umbox_json_close(json, ']');
	umbox_json_close(json, '}');
	return told;
}

void conversations_report(struct conversations *conversations, int64_t now_us,
			  void (*say)(const struct umbox_json *record, void *user), void *user)
{
	struct umbox_json json;
	uint32_t cursor = 0;
	unsigned told = 0;
	for (;;) {
		unsigned before = told;
		told = write_some(&json, conversations, &cursor, told, now_us);
		if (told == before)
			break;
		say(&json, user);
	}
	for (unsigned i = 0; i < told; i++)
		umbox_table_remove(conversations->table, &conversations->told[i]);
}
