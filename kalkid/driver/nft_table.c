/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_table.c - the table around the rules: sets, counters, chains and their hooks. */
#include <assert.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "driver/nft_ruleset.h"

static const struct {
	const char *name, *comment;
} chains[] = {
	{"device", "a frame from a device port"},
	{"known", "of an enrolled device, on the port where it lives"},
	{"speaker", "returns when the frame speaks as its device, else drops"},
	{"speaker4", "IPv4"},
	{"cast4", "multicast that a device may send over IPv4"},
	{"speaker_arp", "ARP: the sender must be the frame's source"},
	{"speaker_arp_ip", "ARP: the sender's address must not be another's"},
	{"speaker6", "IPv6"},
	{"nd6", "neighbour discovery: only an allowed device speaks as a router"},
	{"advert6", "neighbour advertisement: the target must not be another's"},
	{"cast6", "multicast that a device may send over IPv6"},
	{"leg", "a frame out of a umbox"},
	{"leg_tail", "out of the last umbox of its chain"},
	{"tail", "a device's frame that has crossed its whole chain"},
	{"slot", "a frame from the network for one device"},
	{"entering", "of a protocol that devices speak"},
	{"cast_to", "multicast that a device gets"},
	{"cast_to_device", "multicast becomes the device's own"},
	{"network", "a frame from the network port or the host leg"},
	{"outside", "not speaking as the host unless it is"},
	{"forged_ip4", "dropped: notes which device forged a source address"},
	{"forged_ip6", "the same for IPv6"},
	{"forged_arp", "dropped: notes which device forged ARP"},
	{"forged_mac", "dropped: notes which device put another MAC into its ARP"},
	{"forged_nd", "dropped: notes which device forged a neighbour advertisement"},
	{"forged_router", "dropped: notes which device spoke as a router"},
	{"claimed_mac", "dropped: notes whose MAC the network used"},
	{"claimed4", "dropped: notes whose address the network claimed"},
	{"claimed6", "the same for IPv6"},
};

static const char *const counters[NFT_DROP_COUNT][2] = {
	[NFT_DROP_VLAN] = {"drop_vlan", "tagged frames"},
	[NFT_DROP_UNKNOWN] = {"drop_unknown", "of no enrolled device"},
	[NFT_DROP_SPOOF_IP] = {"drop_spoof_ip", "a source address that is not the device's"},
	[NFT_DROP_SPOOF_ARP] = {"drop_spoof_arp", "forged ARP"},
	[NFT_DROP_SPOOF_ND] = {"drop_spoof_nd", "forged neighbour or router advertisements"},
	[NFT_DROP_SPOOF_NET] = {"drop_spoof_net", "a device's MAC from the network"},
	[NFT_DROP_SPOOF_HOST] = {"drop_spoof_host", "the host leg's MAC or address from elsewhere"},
	[NFT_DROP_RETURN] = {"drop_return", "would leave by its sender's own port"},
	[NFT_DROP_MULTICAST] = {"drop_multicast", "multicast that is not allowed"},
	[NFT_DROP_PROTOCOL] = {"drop_protocol", "neither ARP nor IPv4 nor IPv6"},
	[NFT_DROP_HELD] = {"drop_held", "of or for a device that is held"},
	[NFT_DROP_LEG] = {"drop_leg", "out of a umbox, and leads nowhere"},
};

const char *nft_drop_name(enum nft_drop drop)
{
	assert(drop < NFT_DROP_COUNT);
	return counters[drop][0] + strlen("drop_");
}

const char *nft_drop_words(enum nft_drop drop)
{
	assert(drop < NFT_DROP_COUNT);
	return counters[drop][1];
}

bool nft_drop_is_spoof(enum nft_drop drop)
{
	return drop >= NFT_DROP_SPOOF_IP && drop <= NFT_DROP_SPOOF_HOST;
}

static const struct nft_given_info given_infos[NFT_GIVEN_COUNT] = {
	[NFT_GIVEN_EAPOL] = {"eapol", "device ports whose EAPOL frames go up to hostapd",
			     STEERING_KEY_INTERFACE, DEVICE_PORTS_MAX * 4},
	[NFT_GIVEN_HOST_MAC] = {"host_mac", "MAC of the host at its leg", STEERING_KEY_MAC, 4},
	[NFT_GIVEN_HOST4] = {"host4", "IPv4 addresses of the host at its leg", STEERING_KEY_IP4,
			     HOST_IPS_MAX * 2},
	[NFT_GIVEN_HOST6] = {"host6", "IPv6 addresses of the host at its leg", STEERING_KEY_IP6,
			     HOST_IPS_MAX * 2},
};

const struct nft_given_info *nft_given_info(enum nft_given set)
{
	assert(set < NFT_GIVEN_COUNT);
	return &given_infos[set];
}

static const struct nft_tally_info tally_infos[NFT_TALLY_COUNT] = {
	[NFT_FORGED_IP4] = {"forged_ip4", "devices that sent from an address not theirs",
			    STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_IP4},
	[NFT_FORGED_IP6] = {"forged_ip6", "the same for IPv6", STEERING_KEY_INTERFACE_MAC,
			    STEERING_VALUE_IP6},
	[NFT_FORGED_ARP] = {"forged_arp", "devices that forged ARP", STEERING_KEY_INTERFACE_MAC,
			    STEERING_VALUE_IP4},
	[NFT_FORGED_MAC] = {"forged_mac", "devices that put another MAC into their ARP",
			    STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_MAC},
	[NFT_FORGED_ND] = {"forged_nd", "devices that forged neighbour advertisements",
			   STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_IP6},
	[NFT_FORGED_ROUTER] = {"forged_router", "devices that spoke as a router",
			       STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_IP6},
	[NFT_CLAIMED_MAC] = {"claimed_mac", "devices whose MAC the network used", STEERING_KEY_MAC,
			     STEERING_VALUE_INTERFACE},
	[NFT_CLAIMED4] = {"claimed4", "devices' addresses that the network claimed",
			  STEERING_KEY_IP4, STEERING_VALUE_MAC},
	[NFT_CLAIMED6] = {"claimed6", "the same for IPv6", STEERING_KEY_IP6, STEERING_VALUE_MAC},
};

const struct nft_tally_info *nft_tally_info(enum nft_tally tally)
{
	assert(tally < NFT_TALLY_COUNT);
	return &tally_infos[tally];
}

static void write_sets(struct nft_batch *batch)
{
	for (unsigned set = 0; set < STEERING_SET_COUNT; set++) {
		const struct steering_set_info *info = steering_set_info(set);
		nft_batch_new_set(batch, &(struct nft_set_spec){.name = info->name,
								.comment = info->comment,
								.key = info->key,
								.value = info->value,
								.size = info->size});
	}
	for (enum nft_given set = 0; set < NFT_GIVEN_COUNT; set++) {
		const struct nft_given_info *info = nft_given_info(set);
		nft_batch_new_set(batch, &(struct nft_set_spec){.name = info->name,
								.comment = info->comment,
								.key = info->key,
								.size = info->size});
	}
	for (enum nft_tally tally = 0; tally < NFT_TALLY_COUNT; tally++) {
		const struct nft_tally_info *info = nft_tally_info(tally);
		nft_batch_new_set(batch, &(struct nft_set_spec){.name = info->name,
								.comment = info->comment,
								.key = info->key,
								.value = info->value,
								.size = NFT_TALLY_MAX,
								.timeout_s = NFT_TALLY_SECONDS});
	}
	nft_batch_new_set(
		batch, &(struct nft_set_spec){.name = NFT_HEARD_SET,
					      .comment = "who announced an address, and how often",
					      .key = STEERING_KEY_INTERFACE_MAC,
					      .size = NFT_TALLY_MAX,
					      .timeout_s = NFT_HEARD_SECONDS});
	nft_batch_new_set(batch,
			  &(struct nft_set_spec){.name = NFT_UNKNOWN_SET,
						 .comment = "who else spoke on a device port",
						 .key = STEERING_KEY_INTERFACE_MAC,
						 .size = NFT_UNKNOWN_MAX,
						 .timeout_s = NFT_UNKNOWN_SECONDS});
}

/* Everything but the table itself. */
static void write_body(struct nft_batch *batch)
{
	write_sets(batch);
	for (unsigned i = 0; i < NFT_DROP_COUNT; i++)
		nft_batch_new_counter(batch, counters[i][0], counters[i][1]);
	for (unsigned i = 0; i < ARRAY_SIZE(chains); i++)
		nft_batch_new_chain(batch, &(struct nft_chain_spec){.name = chains[i].name,
								    .comment = chains[i].comment});
	for (unsigned i = 0; i < nft_rule_count; i++)
		nft_batch_new_rule(batch, nft_rules[i].chain, nft_rules[i].ops);
}

void nft_ruleset_write(struct nft_batch *batch, uint32_t table_flags)
{
	char comment[NFT_TABLE_COMMENT_BYTES];
	nft_ruleset_comment(comment);
	nft_batch_new_table(batch, table_flags, comment);
	write_body(batch);
}

void nft_ruleset_comment(char comment[static NFT_TABLE_COMMENT_BYTES])
{
	struct nft_batch batch = {0};
	char digest[DIGEST_TEXT_BYTES];
	nft_batch_begin(&batch, 0);
	write_body(&batch);
	for (enum nft_base base = 0; base < NFT_BASE_COUNT; base++)
		nft_base_write(&batch, base, nft_base_name(base), NULL, 0);
	digest_text(digest, batch.bytes, batch.length);
	nft_batch_done(&batch);
	snprintf(comment, NFT_TABLE_COMMENT_BYTES, "KalKi data plane, kept by kalkid; rules %s",
		 digest);
}

unsigned nft_ruleset_rules(void)
{
	return nft_rule_count;
}

static const struct {
	const char *name, *comment;
	const struct nft_op *first; /* rule, or NULL */
	const char *leads_to;       /* chain, or NULL */
	bool accept;
} bases[NFT_BASE_COUNT] = {
	[NFT_BASE_DEVICE_IN] = {"device_in", "device ports", NULL, "device", false},
	[NFT_BASE_DEVICE_OUT] = {"device_out", "device ports, on the way out", nft_rule_device_out,
				 NULL, true},
	[NFT_BASE_NETWORK_IN] = {"network_in", "network port and host leg", NULL, "network", true},
	[NFT_BASE_SLOTS] = {"slots", "slots, where frames from the network enter", NULL, "slot",
			    false},
	[NFT_BASE_LEGS] = {"legs", "host ends of the legs of umboxes", nft_rule_leg_to_leg, "leg",
			   false},
};

const char *nft_base_name(enum nft_base base)
{
	return bases[base].name;
}

static void write_base(struct nft_batch *batch, enum nft_base base, const char *name,
		       const char *const *devices, unsigned device_count)
{
	nft_batch_new_chain(batch, &(struct nft_chain_spec){.name = name,
							    .comment = bases[base].comment,
							    .base = true,
							    .egress = base == NFT_BASE_DEVICE_OUT,
							    .accept = bases[base].accept,
							    .devices = devices,
							    .device_count = device_count});
}

void nft_base_write(struct nft_batch *batch, enum nft_base base, const char *name,
		    const char *const *devices, unsigned device_count)
{
	write_base(batch, base, name, devices, device_count);
	if (bases[base].first)
		nft_batch_new_rule(batch, name, bases[base].first);
	/* goto <chain> */
	const struct nft_op leads[] = {
		{NFT_OP_VERDICT, .a = (uint32_t)NFT_GOTO, .name = bases[base].leads_to},
		{NFT_OP_END},
	};
	if (bases[base].leads_to)
		nft_batch_new_rule(batch, name, leads);
}

unsigned nft_base_rules(enum nft_base base)
{
	return !!bases[base].first + !!bases[base].leads_to;
}

void nft_base_write_hooks(struct nft_batch *batch, enum nft_base base, const char *name,
			  const char *const *devices, unsigned device_count)
{
	write_base(batch, base, name, devices, device_count);
}
