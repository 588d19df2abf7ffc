/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - see limits.h.
 *
 *     in, out:  the host's frames pass; more than `device` a second are refused; IPv4, IPv6, others
 *     ip:       by protocol; TCP in fragments is refused
 *     tcp:      SYNs by source, then together; those of the network go up to be counted
 *               else by conversation, FINs and resets with a copy up
 *     udp, icmp: by source, then together
 *
 * A source or conversation that finds no place in its set, since somebody fills it, is limited
 * together with all others of that kind, never free. */
#include "limits.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
	SOURCES_MAX = 8192, /* of each kind */
	FLOWS_MAX = 16384,
	SOURCE_SECONDS = 10,
	SILENT_SECONDS = 3600,
	TCP_FLAGS = 13, /* where they are in the header */
};

/* What differs between IPv4 and IPv6. */
enum version { V4, V6, VERSIONS };

static const struct family {
	uint16_t ether;
	uint8_t source, address_bytes, icmp;
} families[VERSIONS] = {
	[V4] = {ETH_P_IP, 12, 4, IPPROTO_ICMP},
	[V6] = {ETH_P_IPV6, 8, 16, IPPROTO_ICMPV6},
};

struct limits {
	struct umbox *umbox;
	struct umbox_kernel *kernel;
	struct limits_settings settings;
	struct umbox_ip masks[VERSIONS];
	struct umbox_set *syn[VERSIONS], *udp[VERSIONS], *icmp[VERSIONS];
	struct umbox_set *flows[VERSIONS], *silent[VERSIONS], *hosts[VERSIONS];
};

/* The chains of one leg. */
struct plan {
	struct limits *limits;
	enum umbox_leg from;
	struct umbox_chain *first;
	struct umbox_chain *refused[EXCESS_TAGS];
	struct umbox_chain *syn_all, *udp_all, *icmp_all, *flows_all;
};

static const char *const counters[EXCESS_TAGS] = {
	[EXCESS_SYN] = "syn",           [EXCESS_SYN_ALL] = "syn_all",
	[EXCESS_UDP] = "udp",           [EXCESS_UDP_ALL] = "udp_all",
	[EXCESS_ICMP] = "icmp",         [EXCESS_ICMP_ALL] = "icmp_all",
	[EXCESS_FLOW] = "flow",         [EXCESS_FLOWS] = "flows",
	[EXCESS_DEVICE] = "device",     [EXCESS_EVASIVE] = "evasive",
	[EXCESS_SILENCED] = "silenced",
};

/* --- pieces */

static struct umbox_rate rate_of(const struct plan *plan, enum excess excess)
{
	uint32_t per_second = plan->limits->settings.per_second[excess];
	return (struct umbox_rate){.count = per_second, .burst = per_second};
}

static struct umbox_rule *if_flags(struct umbox_chain *chain, uint8_t mask, uint8_t value)
{
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_bytes(rule, UMBOX_TRANSPORT, TCP_FLAGS, &(struct umbox_bytes){1, {value}},
		       &(struct umbox_bytes){1, {mask}});
	return rule;
}

/* A rule for each `link_local` up to that of the version. */
static void key_source(const struct plan *plan, struct umbox_rule *rule, enum version version,
		       bool link_local)
{
	const struct family *family = &families[version];
	umbox_key_peer(rule, family->source, family->address_bytes,
		       plan->limits->masks[version].octet, link_local);
}

/* Both addresses and both ports: they lie beside each other. */
static void key_flow(struct umbox_rule *rule, enum version version)
{
	const struct family *family = &families[version];
	umbox_key(rule, UMBOX_NETWORK, family->source, (uint8_t)(2 * family->address_bytes), NULL);
	umbox_key(rule, UMBOX_TRANSPORT, 0, 4, NULL);
}

/* --- chains */

/* What a chain ends with: as many as all together may be. */
static void let_some(struct plan *plan, struct umbox_chain *chain, enum excess all)
{
	struct umbox_rate rate = rate_of(plan, all);
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_rate(rule, &rate);
	if (all == EXCESS_SYN_ALL && plan->from == UMBOX_OUT &&
	    plan->limits->settings.count_openings)
		umbox_hand_up(rule);
	else
		umbox_pass(rule);
	umbox_goto(umbox_rule(chain), plan->refused[all]);
}

/* Each source for itself, then all together. */
static void limit_sources(struct plan *plan, struct umbox_chain *chain, enum version version,
			  const struct umbox_set *sources, enum excess excess,
			  const struct umbox_chain *all)
{
	struct umbox_rate rate = rate_of(plan, excess);
	for (unsigned link_local = 0; link_local <= version; link_local++) {
		struct umbox_rule *rule = umbox_rule(chain);
		key_source(plan, rule, version, link_local);
		umbox_if_rate_of_key(rule, sources, &rate, SOURCE_SECONDS);
		umbox_goto(rule, all);
		rule = umbox_rule(chain);
		key_source(plan, rule, version, link_local);
		umbox_if_no_room(rule, sources, &rate, SOURCE_SECONDS);
		umbox_goto(rule, all);
	}
	umbox_goto(umbox_rule(chain), plan->refused[excess]);
}

/* A connection that was silenced gets no further, wherever it is asked. */
static void refuse_silenced(struct plan *plan, struct umbox_chain *chain, enum version version)
{
	const struct limits *limits = plan->limits;
	if (plan->from != UMBOX_OUT || !limits->settings.count_openings)
		return;
	struct umbox_rule *rule = umbox_rule(chain);
	key_flow(rule, version);
	umbox_if_in(rule, limits->silent[version]);
	umbox_goto(rule, plan->refused[EXCESS_SILENCED]);
}

static struct umbox_rule *if_flow(struct plan *plan, struct umbox_rule *rule, enum version version)
{
	struct umbox_rate rate = rate_of(plan, EXCESS_FLOW);
	key_flow(rule, version);
	umbox_if_rate_of_key(rule, plan->limits->flows[version], &rate,
			     plan->limits->settings.idle_s);
	return rule;
}

static struct umbox_chain *write_flow(struct plan *plan, enum version version)
{
	const struct limits *limits = plan->limits;
	struct umbox_rate rate = rate_of(plan, EXCESS_FLOW);
	struct umbox_chain *chain = umbox_chain_new(plan->first);
	refuse_silenced(plan, chain, version);
	umbox_pass(if_flow(plan, umbox_rule(chain), version));
	struct umbox_rule *rule = umbox_rule(chain);
	key_flow(rule, version);
	umbox_if_no_room(rule, limits->flows[version], &rate, limits->settings.idle_s);
	umbox_goto(rule, plan->flows_all);
	umbox_goto(umbox_rule(chain), plan->refused[EXCESS_FLOW]);
	return chain;
}

/* Of what ends a connection there is a copy. */
static void copy_ends(struct plan *plan, struct umbox_chain *chain, enum version version)
{
	uint8_t ends = plan->from == UMBOX_IN ? UMBOX_TCP_FIN | UMBOX_TCP_RST : UMBOX_TCP_RST;
	if (!plan->limits->settings.count_openings)
		return;
	refuse_silenced(plan, chain, version);
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_unless_bytes(rule, UMBOX_TRANSPORT, TCP_FLAGS, &(struct umbox_bytes){1, {0}},
			   &(struct umbox_bytes){1, {ends}});
	if_flow(plan, rule, version);
	umbox_copy_up(rule);
	umbox_pass(rule);
}

/* Most segments neither begin nor end anything: they are asked for that once. */
static struct umbox_chain *write_tcp(struct plan *plan, enum version version)
{
	struct umbox_chain *chain = umbox_chain_new(plan->first);
	struct umbox_chain *syn = umbox_chain_new(plan->first);
	struct umbox_chain *flow = write_flow(plan, version);
	uint8_t marks = UMBOX_TCP_SYN | UMBOX_TCP_FIN | UMBOX_TCP_RST;
	uint8_t opening = UMBOX_TCP_SYN | UMBOX_TCP_ACK | UMBOX_TCP_RST;
	if (version == V4)
		umbox_refuse_fragments4(chain, plan->refused[EXCESS_EVASIVE]);
	umbox_goto(if_flags(chain, marks, 0), flow);
	umbox_goto(if_flags(chain, opening, UMBOX_TCP_SYN), syn);
	copy_ends(plan, chain, version);
	umbox_goto(umbox_rule(chain), flow);
	limit_sources(plan, syn, version, plan->limits->syn[version], EXCESS_SYN, plan->syn_all);
	return chain;
}

/* Neighbours must be found even in a flood: these have only the limit of all. */
static void spare_neighbours(struct umbox_chain *chain, const struct umbox_chain *all)
{
	static const struct {
		uint8_t mask, value;
	} types[] = {{0xfc, 132}, {0xfe, 136}}; /* 132 to 137: MLD done, routers, neighbours */
	for (int i = 0; i < 2; i++) {
		struct umbox_rule *rule = umbox_rule(chain);
		umbox_if_bytes(rule, UMBOX_TRANSPORT, 0, &(struct umbox_bytes){1, {types[i].value}},
			       &(struct umbox_bytes){1, {types[i].mask}});
		umbox_goto(rule, all);
	}
}

static void by_protocol(struct umbox_chain *chain, uint8_t protocol,
			const struct umbox_chain *target)
{
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_protocol(rule, protocol);
	umbox_goto(rule, target);
}

static struct umbox_chain *write_ip(struct plan *plan, enum version version)
{
	const struct limits *limits = plan->limits;
	struct umbox_chain *chain = umbox_chain_new(plan->first);
	struct umbox_chain *udp = umbox_chain_new(plan->first);
	struct umbox_chain *icmp = umbox_chain_new(plan->first);
	if (version == V6)
		umbox_refuse_fragments6(chain, plan->refused[EXCESS_EVASIVE]);
	by_protocol(chain, IPPROTO_TCP, write_tcp(plan, version));
	by_protocol(chain, IPPROTO_UDP, udp);
	by_protocol(chain, families[version].icmp, icmp);
	umbox_pass(umbox_rule(chain));
	limit_sources(plan, udp, version, limits->udp[version], EXCESS_UDP, plan->udp_all);
	if (version == V6)
		spare_neighbours(icmp, plan->icmp_all);
	limit_sources(plan, icmp, version, limits->icmp[version], EXCESS_ICMP, plan->icmp_all);
	return chain;
}

/* There is a set only where there are some. */
static void spare_hosts(struct plan *plan)
{
	for (enum version version = V4; version < VERSIONS; version++) {
		if (!plan->limits->hosts[version])
			continue;
		const struct family *family = &families[version];
		struct umbox_rule *rule = umbox_rule(plan->first);
		umbox_if_ether(rule, family->ether);
		umbox_key(rule, UMBOX_NETWORK, family->source, family->address_bytes, NULL);
		umbox_if_in(rule, plan->limits->hosts[version]);
		umbox_pass(rule);
	}
}

static void write_leg(struct limits *limits, enum umbox_leg from)
{
	struct plan plan = {
		.limits = limits, .from = from, .first = umbox_chain_of(limits->kernel, from)};
	for (enum excess i = 0; i < EXCESS_TAGS; i++)
		plan.refused[i] = umbox_refusal_new(plan.first, counters[i], i);
	plan.syn_all = umbox_chain_new(plan.first);
	plan.udp_all = umbox_chain_new(plan.first);
	plan.icmp_all = umbox_chain_new(plan.first);
	plan.flows_all = umbox_chain_new(plan.first);
	let_some(&plan, plan.flows_all, EXCESS_FLOWS);
	let_some(&plan, plan.syn_all, EXCESS_SYN_ALL);
	let_some(&plan, plan.udp_all, EXCESS_UDP_ALL);
	let_some(&plan, plan.icmp_all, EXCESS_ICMP_ALL);
	struct umbox_chain *ip[] = {write_ip(&plan, V4), write_ip(&plan, V6)};
	if (from == UMBOX_OUT)
		spare_hosts(&plan);
	struct umbox_rate rate = rate_of(&plan, EXCESS_DEVICE);
	struct umbox_rule *rule = umbox_rule(plan.first);
	umbox_unless_rate(rule, &rate);
	umbox_goto(rule, plan.refused[EXCESS_DEVICE]);
	for (enum version version = V4; version < VERSIONS; version++) {
		rule = umbox_rule(plan.first);
		umbox_if_ether(rule, families[version].ether);
		umbox_goto(rule, ip[version]);
	}
	umbox_refuse_hidden(plan.first, plan.refused[EXCESS_EVASIVE]);
	umbox_pass(umbox_rule(plan.first));
}

/* --- */

static void add_hosts(struct limits *limits)
{
	const struct umbox_addresses *hosts = umbox_host_addresses(limits->umbox);
	for (unsigned i = 0; i < hosts->count; i++) {
		enum version version = hosts->ip[i].family == 4 ? V4 : V6;
		struct umbox_set_shape shape = {.key_bytes = families[version].address_bytes,
						.capacity = UMBOX_ADDRESSES_MAX};
		if (!limits->hosts[version])
			limits->hosts[version] = umbox_set_new(limits->kernel, &shape);
		umbox_set_add(limits->hosts[version], hosts->ip[i].octet, 0);
	}
}

static void make_sets(struct limits *limits)
{
	for (enum version version = V4; version < VERSIONS; version++) {
		uint8_t address = families[version].address_bytes;
		struct umbox_set_shape source = {.key_bytes = address, .capacity = SOURCES_MAX};
		struct umbox_set_shape flow = {.key_bytes = (uint8_t)(2 * address + 4),
					       .capacity = FLOWS_MAX};
		limits->syn[version] = umbox_set_new(limits->kernel, &source);
		limits->udp[version] = umbox_set_new(limits->kernel, &source);
		limits->icmp[version] = umbox_set_new(limits->kernel, &source);
		limits->flows[version] = umbox_set_new(limits->kernel, &flow);
		limits->silent[version] = umbox_set_new(limits->kernel, &flow);
	}
}

static struct umbox_ip make_mask(unsigned bits)
{
	struct umbox_ip mask;
	memset(&mask, 0xff, sizeof(mask));
	umbox_ip_cut(&mask, bits);
	return mask;
}

struct limits *limits_new(struct umbox *umbox, const struct limits_settings *settings)
{
	struct limits *limits = calloc(1, sizeof(*limits));
	if (!limits)
		abort();
	limits->umbox = umbox;
	limits->kernel = umbox_kernel_new(umbox);
	limits->settings = *settings;
	limits->masks[V4] = make_mask(settings->bits4);
	limits->masks[V6] = make_mask(settings->bits6);
	make_sets(limits);
	if (settings->spare_host)
		add_hosts(limits);
	for (enum umbox_leg from = UMBOX_IN; from < UMBOX_LEG_COUNT; from++)
		write_leg(limits, from);
	return limits;
}

void limits_free(struct limits *limits)
{
	free(limits);
}

struct umbox_kernel *limits_kernel(const struct limits *limits)
{
	return limits->kernel;
}

/* --- connections */

struct flow_key {
	uint8_t bytes[36];
};

static enum version make_key(struct flow_key *key, const struct connection *connection, bool back)
{
	const struct umbox_ip *ips[] = {&connection->client, &connection->device};
	uint16_t ports[] = {connection->client_port, connection->device_port};
	enum version version = connection->client.family == 4 ? V4 : V6;
	size_t bytes = families[version].address_bytes;
	for (int i = 0; i < 2; i++) {
		uint16_t port = htons(ports[back ? 1 - i : i]);
		memcpy(key->bytes + i * bytes, ips[back ? 1 - i : i]->octet, bytes);
		memcpy(key->bytes + 2 * bytes + 2 * i, &port, sizeof(port));
	}
	return version;
}

void limits_see(const struct connection *connection, int64_t now_us, struct connection_times *ret,
		void *user)
{
	const struct limits *limits = user;
	struct flow_key key;
	uint32_t idle_s = limits->settings.idle_s;
	enum version version = make_key(&key, connection, false);
	ret->client_us = umbox_set_noted_us(limits->flows[version], &key, idle_s, now_us);
	make_key(&key, connection, true);
	ret->device_us = umbox_set_noted_us(limits->flows[version], &key, idle_s, now_us);
}

bool limits_silence(const struct connection *connection, void *user)
{
	const struct limits *limits = user;
	struct flow_key key;
	enum version version = make_key(&key, connection, false);
	return umbox_set_add(limits->silent[version], &key, SILENT_SECONDS);
}

void limits_unsilence(const struct connection *connection, void *user)
{
	const struct limits *limits = user;
	struct flow_key key;
	enum version version = make_key(&key, connection, false);
	umbox_set_remove(limits->silent[version], &key);
}
