/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.c - see blocks.h.
 *
 *     in, out: exempt peers pass; peers that are listed or blocked are refused; from the network:
 *     syn:     of a trip port, and of who tries too often: the source is noted as blocked, refused
 *
 * The peer is the other side, whichever way the frame goes.  Behind a second VLAN tag it is looked
 * for as well. */
#include "blocks.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

enum {
	BLOCKED_MAX = 16384,
	TRIES_MAX = 8192,
	TAG_BYTES = 4,
	TCP_FLAGS = 13,
};

enum version { V4, V6, VERSIONS };

static const struct family {
	uint8_t ether[2], source, address_bytes;
} families[VERSIONS] = {
	[V4] = {{0x08, 0x00}, 12, 4},
	[V6] = {{0x86, 0xdd}, 8, 16},
};

static const char *const counters[BLOCK_REASONS] = {
	[BLOCK_LISTED] = "blocked",  [BLOCK_TRIPPED] = "tripped", [BLOCK_ATTEMPTS] = "attempts",
	[BLOCK_CROWDED] = "crowded", [BLOCK_EVASIVE] = "evasive",
};

struct plan {
	const struct blocks_settings *settings;
	struct umbox_ip masks[VERSIONS];
	struct umbox_set *exempt[VERSIONS], *listed[VERSIONS], *blocked[VERSIONS], *tries[VERSIONS];
	enum umbox_leg from;
	struct umbox_chain *first;
	struct umbox_chain *refused[BLOCK_REASONS];
};

static bool detects(const struct blocks_settings *settings)
{
	return settings->trip_count || settings->attempts;
}

/* --- rules */

/* A rule for IP of this version, behind so many tags that the kernel has not taken off. */
static struct umbox_rule *if_version(struct umbox_chain *chain, enum version version, bool tagged)
{
	const struct family *family = &families[version];
	struct umbox_rule *rule = umbox_rule(chain);
	uint16_t ether = (uint16_t)(family->ether[0] << 8 | family->ether[1]);
	umbox_if_ether(rule, tagged ? ETH_P_8021Q : ether);
	if (tagged)
		umbox_if_bytes(rule, UMBOX_NETWORK, 2,
			       &(struct umbox_bytes){2, {family->ether[0], family->ether[1]}},
			       NULL);
	return rule;
}

static uint8_t peer_at(const struct plan *plan, enum version version, bool tagged)
{
	const struct family *family = &families[version];
	unsigned offset = family->source + (tagged ? TAG_BYTES : 0u);
	if (plan->from == UMBOX_IN)
		offset += family->address_bytes;
	return (uint8_t)offset;
}

/* Who gets blocked: a rule for each `link_local` up to that of the version. */
static void key_source(const struct plan *plan, struct umbox_rule *rule, enum version version,
		       bool tagged, bool link_local)
{
	umbox_key_peer(rule, peer_at(plan, version, tagged), families[version].address_bytes,
		       plan->masks[version].octet, link_local);
}

/* A rule for peers with one of these prefixes. */
static struct umbox_rule *if_listed(const struct plan *plan, enum version version, bool tagged,
				    const struct umbox_set *prefixes)
{
	struct umbox_rule *rule = if_version(plan->first, version, tagged);
	umbox_key(rule, UMBOX_NETWORK, peer_at(plan, version, tagged),
		  families[version].address_bytes, NULL);
	umbox_if_in(rule, prefixes);
	return rule;
}

/* Sets that hold nothing are not there and have no rules. */
static void sort_out(const struct plan *plan, enum version version, bool tagged)
{
	const struct umbox_chain *refused = plan->refused[BLOCK_LISTED];
	if (plan->exempt[version])
		umbox_pass(if_listed(plan, version, tagged, plan->exempt[version]));
	if (plan->listed[version])
		umbox_goto(if_listed(plan, version, tagged, plan->listed[version]), refused);
	for (unsigned link_local = 0; plan->blocked[version] && link_local <= version;
	     link_local++) {
		struct umbox_rule *rule = if_version(plan->first, version, tagged);
		key_source(plan, rule, version, tagged, link_local);
		umbox_if_in(rule, plan->blocked[version]);
		umbox_goto(rule, refused);
	}
}

/* Where there is no room for another source it is refused all the same, but not remembered. */
static struct umbox_chain *write_block(const struct plan *plan, enum version version,
				       enum block_reason reason)
{
	struct umbox_chain *chain = umbox_chain_new(plan->first);
	for (unsigned link_local = 0; link_local <= version; link_local++) {
		struct umbox_rule *rule = umbox_rule(chain);
		key_source(plan, rule, version, false, link_local);
		umbox_note_key(rule, plan->blocked[version], plan->settings->block_s);
		umbox_goto(rule, plan->refused[reason]);
	}
	umbox_goto(umbox_rule(chain), plan->refused[reason]);
	return chain;
}

static void watch_ports(const struct plan *plan, struct umbox_chain *syn, enum version version)
{
	struct umbox_chain *block = write_block(plan, version, BLOCK_TRIPPED);
	for (size_t i = 0; i < plan->settings->trip_count; i++) {
		uint16_t port = (uint16_t)plan->settings->trip_ports[i];
		struct umbox_rule *rule = umbox_rule(syn);
		umbox_if_bytes(rule, UMBOX_TRANSPORT, 2,
			       &(struct umbox_bytes){2, {(uint8_t)(port >> 8), (uint8_t)port}},
			       NULL);
		umbox_goto(rule, block);
	}
}

static void count_attempts(const struct plan *plan, struct umbox_chain *syn, enum version version)
{
	const struct blocks_settings *settings = plan->settings;
	const struct umbox_set *tries = plan->tries[version];
	struct umbox_rate rate = {.count = settings->attempts,
				  .seconds = settings->interval_s,
				  .burst = settings->attempts};
	for (unsigned link_local = 0; link_local <= version; link_local++) {
		struct umbox_rule *rule = umbox_rule(syn);
		key_source(plan, rule, version, false, link_local);
		umbox_if_rate_of_key(rule, tries, &rate, settings->interval_s);
		umbox_pass(rule);
		rule = umbox_rule(syn);
		key_source(plan, rule, version, false, link_local);
		umbox_if_no_room(rule, tries, &rate, settings->interval_s);
		umbox_goto(rule, plan->refused[BLOCK_CROWDED]);
	}
	umbox_goto(umbox_rule(syn), write_block(plan, version, BLOCK_ATTEMPTS));
}

static void detect(const struct plan *plan, enum version version)
{
	struct umbox_chain *chain = umbox_chain_new(plan->first);
	struct umbox_chain *connections = umbox_chain_new(plan->first);
	struct umbox_chain *syn = umbox_chain_new(plan->first);
	umbox_goto(if_version(plan->first, version, false), chain);
	if (version == V4)
		umbox_refuse_fragments4(connections, plan->refused[BLOCK_EVASIVE]);
	else
		umbox_refuse_fragments6(chain, plan->refused[BLOCK_EVASIVE]);
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_protocol(rule, IPPROTO_TCP);
	umbox_goto(rule, connections);
	umbox_pass(umbox_rule(chain));
	rule = umbox_rule(connections);
	umbox_if_bytes(rule, UMBOX_TRANSPORT, TCP_FLAGS, &(struct umbox_bytes){1, {UMBOX_TCP_SYN}},
		       &(struct umbox_bytes){1, {UMBOX_TCP_SYN | UMBOX_TCP_ACK | UMBOX_TCP_RST}});
	umbox_goto(rule, syn);
	umbox_pass(umbox_rule(connections));
	watch_ports(plan, syn, version);
	if (plan->settings->attempts)
		count_attempts(plan, syn, version);
	else
		umbox_pass(umbox_rule(syn));
}

static void write_leg(struct plan *plan, struct umbox_kernel *kernel, enum umbox_leg from)
{
	plan->from = from;
	plan->first = umbox_chain_of(kernel, from);
	for (enum block_reason i = 0; i < BLOCK_REASONS; i++)
		plan->refused[i] = umbox_refusal_new(plan->first, counters[i], i);
	for (enum version version = V4; version < VERSIONS; version++) {
		sort_out(plan, version, false);
		sort_out(plan, version, true);
		if (from == UMBOX_OUT && detects(plan->settings))
			detect(plan, version);
		umbox_pass(if_version(plan->first, version, false));
	}
	umbox_refuse_hidden(plan->first, plan->refused[BLOCK_EVASIVE]);
	umbox_pass(umbox_rule(plan->first));
}

/* --- sets */

static void make_prefixes(struct umbox_set *sets[VERSIONS], struct umbox_kernel *kernel,
			  const struct prefixes *prefixes)
{
	for (unsigned i = 0; i < prefixes->count; i++) {
		const struct umbox_prefix *prefix = &prefixes->prefix[i];
		enum version version = prefix->ip.family == 4 ? V4 : V6;
		if (!sets[version])
			sets[version] = umbox_set_new(
				kernel, &(struct umbox_set_shape){
						.key_bytes = families[version].address_bytes,
						.capacity = PREFIXES_MAX,
						.prefixes = true});
		umbox_set_add_prefix(sets[version], prefix);
	}
}

static void make_sets(struct plan *plan, struct umbox_kernel *kernel)
{
	make_prefixes(plan->exempt, kernel, &plan->settings->exempt);
	make_prefixes(plan->listed, kernel, &plan->settings->sources);
	if (!detects(plan->settings))
		return;
	for (enum version version = V4; version < VERSIONS; version++) {
		uint8_t bytes = families[version].address_bytes;
		struct umbox_set_shape blocked = {.key_bytes = bytes, .capacity = BLOCKED_MAX};
		struct umbox_set_shape tries = {.key_bytes = bytes, .capacity = TRIES_MAX};
		plan->blocked[version] = umbox_set_new(kernel, &blocked);
		plan->tries[version] = umbox_set_new(kernel, &tries);
	}
}

static struct umbox_ip make_mask(unsigned bits)
{
	struct umbox_ip mask;
	memset(&mask, 0xff, sizeof(mask));
	umbox_ip_cut(&mask, bits);
	return mask;
}

struct umbox_kernel *blocks_new(struct umbox *umbox, const struct blocks_settings *settings)
{
	struct umbox_kernel *kernel = umbox_kernel_new(umbox);
	struct plan plan = {.settings = settings};
	plan.masks[V4] = make_mask(settings->bits4);
	plan.masks[V6] = make_mask(settings->bits6);
	make_sets(&plan, kernel);
	for (enum umbox_leg from = UMBOX_IN; from < UMBOX_LEG_COUNT; from++)
		write_leg(&plan, kernel, from);
	return kernel;
}
