/* SPDX-License-Identifier: Apache-2.0 */
/* outbound.c - see outbound.h. */
#include "outbound.h"

#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_dns.h"
#include "umbox_flow.h"
#include "umbox_guard.h"
#include "umbox_table.h"

enum {
	DNS_PORT = 53,
	MLD2_REPORT = 143, /* RFC 3810 */
	PARTS_MAX = 256,
	PARTS_US = 30 * 1000 * 1000, /* no system waits longer for the rest of a packet */
};

/* The mark of a conversation. */
enum {
	ALLOWED = 1,
	CLAIMED, /* the device agreed to what nobody was seen to have asked for */
};

/* Whose first fragment was let be. */
struct parts_key {
	struct umbox_ip source, target;
	uint8_t protocol;
};

/* For which rules an address stands: a bit each. */
struct learnt {
	uint64_t rules;
	int64_t until_us;
};

struct outbound {
	struct outbound_settings settings;
	struct umbox_flows *flows;
	struct umbox_table *names; /* struct umbox_ip -> struct learnt */
	struct umbox_table *parts; /* struct parts_key -> int64_t: when */
	struct umbox_tally *outside;
	bool begun;
	int64_t begun_us;
};

struct outbound *outbound_new(const struct outbound_settings *settings)
{
	struct outbound *outbound = calloc(1, sizeof(*outbound));
	if (!outbound)
		abort();
	outbound->settings = *settings;
	outbound->flows = umbox_flows_new(OUTBOUND_FLOWS_MAX);
	outbound->names = umbox_table_new(OUTBOUND_NAMES_MAX, sizeof(struct umbox_ip),
					  sizeof(struct learnt));
	outbound->parts = umbox_table_new(PARTS_MAX, sizeof(struct parts_key), sizeof(int64_t));
	outbound->outside = umbox_tally_new(1, sizeof(uint8_t), settings->threshold,
					    settings->interval_us, settings->alert_pause_us);
	return outbound;
}

void outbound_free(struct outbound *outbound)
{
	if (!outbound)
		return;
	umbox_flows_free(outbound->flows);
	umbox_table_free(outbound->names);
	umbox_table_free(outbound->parts);
	umbox_tally_free(outbound->outside);
	free(outbound);
}

/* --- names --- */

static uint64_t rules_of_name(const struct outbound_settings *settings, const char *name)
{
	uint64_t rules = 0;
	for (size_t i = 0; i < settings->rule_count; i++)
		if (settings->rules[i].peer == RULE_NAME &&
		    umbox_dns_is(settings->rules[i].name, name))
			rules |= UINT64_C(1) << i;
	return rules;
}

static void learn_address(struct outbound *outbound, const struct umbox_ip *address, uint32_t ttl_s,
			  uint64_t rules, int64_t now_us)
{
	int64_t keep_us = (int64_t)ttl_s * 1000000;
	struct learnt *learnt = umbox_table_put(outbound->names, address);
	if (keep_us < outbound->settings.names_us)
		keep_us = outbound->settings.names_us;
	if (now_us >= learnt->until_us)
		learnt->rules = 0;
	learnt->rules |= rules;
	if (now_us + keep_us > learnt->until_us)
		learnt->until_us = now_us + keep_us;
}

/* Follows the aliases from the name that was asked for: addresses of other names are not taken. */
static bool learn(struct outbound *outbound, const uint8_t *bytes, size_t length, int64_t now_us)
{
	struct umbox_dns dns;
	struct umbox_dns_record record;
	struct umbox_ip address;
	char name[UMBOX_DNS_NAME_BYTES];
	bool learnt = false;
	if (!umbox_dns_open(&dns, bytes, length) || !dns.answer)
		return false;
	uint64_t rules = rules_of_name(&outbound->settings, dns.name);
	memcpy(name, dns.name, sizeof(name));
	while (rules && umbox_dns_next(&dns, &record) > 0 && record.in_answer) {
		if (strcmp(record.name, name) != 0)
			continue;
		if (record.type == UMBOX_DNS_CNAME)
			memcpy(name, record.target, sizeof(name));
		while (umbox_dns_address(&record, &address)) {
			learn_address(outbound, &address, record.ttl_s, rules, now_us);
			learnt = true;
		}
	}
	return learnt;
}

/* Only an answer to a question of the device that it was allowed to ask teaches anything. */
static bool is_dns_answer(const struct umbox_flow *flow, const struct umbox_headers *headers)
{
	return flow && flow->opener == UMBOX_IN && flow->mark == ALLOWED &&
	       headers->protocol == IPPROTO_UDP && headers->source_port == DNS_PORT &&
	       headers->payload && !headers->fragment;
}

/* --- rules --- */

static bool has_peer(const struct outbound *outbound, size_t i, uint64_t names, bool settling,
		     const struct umbox_headers *headers)
{
	const struct rule *rule = &outbound->settings.rules[i];
	switch (rule->peer) {
	case RULE_ANYBODY: return true;
	case RULE_PREFIX: return umbox_prefix_has(&rule->prefix, &headers->target);
	case RULE_NAME: return settling || names >> i & 1;
	}
	return false;
}

static bool is_allowed(struct outbound *outbound, const struct umbox_headers *headers,
		       bool settling, int64_t now_us)
{
	const struct outbound_settings *settings = &outbound->settings;
	const struct learnt *learnt = umbox_table_find(outbound->names, &headers->target);
	uint64_t names = learnt && now_us < learnt->until_us ? learnt->rules : 0;
	if (headers->protocol == IPPROTO_IGMP ||
	    (settings->is_exempt && settings->is_exempt(settings->user, &headers->target)))
		return true;
	for (size_t i = 0; i < settings->rule_count; i++)
		if (rule_has_port(&settings->rules[i], headers) &&
		    has_peer(outbound, i, names, settling, headers))
			return true;
	return false;
}

static void note_outside(struct outbound *outbound, const struct umbox_headers *headers,
			 int64_t now_us, struct outbound_result *ret)
{
	const struct outbound_settings *settings = &outbound->settings;
	struct umbox_tally_result result;
	ret->outside = true;
	if (settings->drop)
		ret->verdict = UMBOX_DROP;
	umbox_tally_add(outbound->outside, &(uint8_t){0}, now_us, &result);
	if (!result.tell)
		return;
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = settings->alert_type,
		.severity = UMBOX_HIGH,
		.source = headers->source,
		.source_port = headers->source_port,
		.target = headers->target,
		.target_port = headers->target_port,
		.count = result.count,
		.detail = ret->detail,
	};
	snprintf(ret->detail, sizeof(ret->detail),
		 "%" PRIu32 " frames that the device may not start, the last of IP protocol %u",
		 result.count, headers->protocol);
}

/* What keeps the network going, and opens nothing: errors, neighbours, groups. */
static bool is_notice(const struct umbox_headers *headers)
{
	uint8_t type = headers->icmp_type;
	if (!headers->transport)
		return false;
	if (headers->protocol == IPPROTO_ICMP)
		return type == ICMP_UNREACH || type == ICMP_SOURCEQUENCH || type == ICMP_TIMXCEED ||
		       type == ICMP_PARAMPROB || type == ICMP_ROUTERSOLICIT;
	return headers->protocol == IPPROTO_ICMPV6 &&
	       (type <= ICMP6_PARAM_PROB || (type >= MLD_LISTENER_QUERY && type <= ND_REDIRECT) ||
		type == MLD2_REPORT);
}

static bool is_settling(const struct outbound *outbound, int64_t now_us)
{
	return now_us - outbound->begun_us < outbound->settings.settle_us;
}

/* The rest of a packet says no ports: it goes where the first fragment went. */
static struct parts_key parts_of(const struct umbox_headers *headers)
{
	return (struct parts_key){headers->source, headers->target, headers->protocol};
}

static bool is_rest_of_allowed(struct outbound *outbound, const struct umbox_headers *headers,
			       int64_t now_us)
{
	struct parts_key key = parts_of(headers);
	const int64_t *seen_us = umbox_table_find(outbound->parts, &key);
	return seen_us && now_us - *seen_us <= PARTS_US;
}

/* A frame of IP that is part of no conversation. */
static bool may_pass_alone(struct outbound *outbound, const struct umbox_headers *headers,
			   int64_t now_us)
{
	return is_notice(headers) ||
	       (headers->fragment_later && is_rest_of_allowed(outbound, headers, now_us)) ||
	       is_allowed(outbound, headers, is_settling(outbound, now_us), now_us);
}

static bool may_go_on(struct outbound *outbound, const struct umbox_frame *frame,
		      const struct umbox_headers *headers, struct umbox_flow *flow)
{
	int64_t now_us = frame->time_us;
	bool settling = is_settling(outbound, now_us);
	uint8_t agrees = UMBOX_TCP_SYN | UMBOX_TCP_ACK;
	/* One conversation with all groups: none of them is allowed by another. */
	if (flow->mark == ALLOWED && !umbox_to_group(frame, headers))
		return true;
	if (flow->guessed && headers->protocol == IPPROTO_TCP &&
	    (headers->tcp_flags & agrees) == agrees)
		flow->mark = CLAIMED;
	if (flow->opener == UMBOX_OUT && flow->mark != CLAIMED)
		return true;
	if (!(flow->guessed && settling) && !is_allowed(outbound, headers, settling, now_us))
		return false;
	flow->mark = ALLOWED;
	return true;
}

static void judge_device(struct outbound *outbound, const struct umbox_frame *frame,
			 const struct umbox_headers *headers, struct umbox_flow *flow,
			 struct outbound_result *ret)
{
	int64_t now_us = frame->time_us;
	if (headers->ether_type != ETHERTYPE_IP && headers->ether_type != ETHERTYPE_IPV6)
		return;
	if (flow ? !may_go_on(outbound, frame, headers, flow)
		 : !may_pass_alone(outbound, headers, now_us)) {
		note_outside(outbound, headers, now_us, ret);
	} else if (headers->fragment && !headers->fragment_later) {
		struct parts_key key = parts_of(headers);
		*(int64_t *)umbox_table_put(outbound->parts, &key) = now_us;
	}
}

void outbound_frame(struct outbound *outbound, const struct umbox_frame *frame,
		    struct outbound_result *ret)
{
	struct umbox_headers headers;
	bool is_new;
	*ret = (struct outbound_result){.verdict = UMBOX_PASS};
	if (!outbound->begun)
		outbound->begun_us = frame->time_us;
	outbound->begun = true;
	umbox_parse(&headers, frame->bytes, frame->length);
	if (headers.evasive) {
		ret->evasive = true;
		ret->verdict = UMBOX_DROP;
		return;
	}
	struct umbox_flow *flow = umbox_flows_see(outbound->flows, frame, &headers, &is_new);
	if (frame->from == UMBOX_IN)
		judge_device(outbound, frame, &headers, flow, ret);
	else if (is_dns_answer(flow, &headers))
		ret->learnt = learn(outbound, frame->bytes + headers.payload, headers.payload_bytes,
				    frame->time_us);
}
