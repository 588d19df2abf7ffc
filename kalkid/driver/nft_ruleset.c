/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_ruleset.c - every rule of the data plane, each below its form in nft's own words.
 *
 * A frame on its way up:   device_in → known → speaker → (up) … leg … leg → tail → (out or peers)
 * and on its way down:     network_in, bridge, slots → slot → entering → (dn) … leg … leg → (back)
 *
 * A commit is atomic for each look-up, not for all that one frame makes: a leg that turns from the
 * end of a chain into an inner one, between two look-ups, is in neither map.  So that no frame is
 * lost by that, the map that came first is asked again before the drop; it leads on into the new
 * chain.
 *
 * What follows an expression that could not be evaluated (a header that is not there) is not done,
 * and the next rule has its turn: chains that must drop end in a drop, and let pass only what was
 * positively seen to be right. */
#include "driver/nft_ruleset.h"

#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/macros.h"

/* Expressions.  Register 1 holds what is compared or looked up; the second field of a concatenation
 * comes behind the first, on the next multiple of four bytes: register 9 behind an interface, 10
 * behind a MAC. */
enum {
	REG_AFTER_INTERFACE = NFT_REG32_01,
	REG_AFTER_MAC = NFT_REG32_02,
	REG_VALUE = NFT_REG_2, /* what is put into a map */
};

#define END                \
	{                  \
		NFT_OP_END \
	}
#define META(key, reg)                              \
	{                                           \
		NFT_OP_META, .a = (key), .b = (reg) \
	}
#define LOAD(base_, offset_, bytes_, reg)                                                     \
	{                                                                                     \
		NFT_OP_LOAD, .a = (base_), .b = (reg), .offset = (offset_), .bytes = (bytes_) \
	}
#define EQUAL(bytes_, ...)                                               \
	{                                                                \
		NFT_OP_EQUAL, .bytes = (bytes_), .data = { __VA_ARGS__ } \
	}
#define DIFFERS(bytes_, ...)                                               \
	{                                                                  \
		NFT_OP_DIFFERS, .bytes = (bytes_), .data = { __VA_ARGS__ } \
	}
#define MASK(bytes_, ...)                                               \
	{                                                               \
		NFT_OP_MASK, .bytes = (bytes_), .data = { __VA_ARGS__ } \
	}
#define IN(set)                          \
	{                                \
		NFT_OP_IN, .name = (set) \
	}
#define NOT_IN(set)                          \
	{                                    \
		NFT_OP_NOT_IN, .name = (set) \
	}
#define MAP(map)                          \
	{                                 \
		NFT_OP_MAP, .name = (map) \
	}
#define NOTE(set)                          \
	{                                  \
		NFT_OP_NOTE, .name = (set) \
	}
#define TALLY(map, reg)                                 \
	{                                               \
		NFT_OP_TALLY, .name = (map), .a = (reg) \
	}
#define HEAR                                                                      \
	IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("learners"), INTERFACE,            \
		ETHER_FROM(REG_AFTER_INTERFACE),                                  \
		{NFT_OP_METER, .name = NFT_HEARD_SET, .a = NFT_HEARD_PER_SECOND}, \
	{                                                                         \
		NFT_OP_LOG, .a = NFT_LOG_GROUP                                    \
	}
#define COUNT(counter)                          \
	{                                       \
		NFT_OP_COUNT, .name = (counter) \
	}
#define FORWARD                        \
	{                              \
		.kind = NFT_OP_FORWARD \
	}
#define VERDICT(code, chain)                                           \
	{                                                              \
		NFT_OP_VERDICT, .a = (uint32_t)(code), .name = (chain) \
	}
#define DROP                VERDICT(NF_DROP, NULL)
#define ACCEPT              VERDICT(NF_ACCEPT, NULL)
#define RETURN              VERDICT(NFT_RETURN, NULL)
#define JUMP(chain)         VERDICT(NFT_JUMP, chain)
#define GOTO(chain)         VERDICT(NFT_GOTO, chain)
#define COUNT_DROP(counter) COUNT(counter), DROP

#define BIG16(value) (value) >> 8, (value)&0xff

/* nft puts this before each link-layer field, and needs it to print the field by its name. */
#define IS_ETHERNET META(NFT_META_IIFTYPE, NFT_REG_1), EQUAL(2, ARPHRD_ETHER, 0)

#define LINK_FIELD(offset_, bytes_, reg) LOAD(NFT_PAYLOAD_LL_HEADER, offset_, bytes_, reg)
#define ETHER_TO(reg)                    LINK_FIELD(0, 6, reg)
#define ETHER_FROM(reg)                  LINK_FIELD(6, 6, reg)
#define ETHER_TYPE(type)                 IS_ETHERNET, LINK_FIELD(12, 2, NFT_REG_1), EQUAL(2, BIG16(type))
#define SET_ETHER_TO                                                              \
	{                                                                         \
		NFT_OP_STORE, .a = NFT_PAYLOAD_LL_HEADER, .offset = 0, .bytes = 6 \
	}
#define INTERFACE META(NFT_META_IIF, NFT_REG_1)
/* LINK_HOST_PEER_NAME */
#define IS_HOST_LEG META(NFT_META_IIFNAME, NFT_REG_1), EQUAL(LINK_NAME_BYTES, 'h', 'o', 's', 't')
/* iif . ether saddr, iif . ether daddr */
#define INTERFACE_FROM IS_ETHERNET, INTERFACE, ETHER_FROM(REG_AFTER_INTERFACE)
#define INTERFACE_TO   IS_ETHERNET, INTERFACE, ETHER_TO(REG_AFTER_INTERFACE)
#define IS_MULTICAST   IS_ETHERNET, ETHER_TO(NFT_REG_1), MASK(6, 1), EQUAL(6, 1)
#define IS_UNICAST     IS_ETHERNET, ETHER_TO(NFT_REG_1), MASK(6, 1), EQUAL(6, 0)

#define PROTOCOL(type)                      META(NFT_META_PROTOCOL, NFT_REG_1), EQUAL(2, BIG16(type))
#define NETWORK_FIELD(offset_, bytes_, reg) LOAD(NFT_PAYLOAD_NETWORK_HEADER, offset_, bytes_, reg)
#define TRANSPORT_FIELD(offset_, bytes_, reg) \
	LOAD(NFT_PAYLOAD_TRANSPORT_HEADER, offset_, bytes_, reg)
#define IS_IP               PROTOCOL(ETH_P_IP)
#define IS_IP6              PROTOCOL(ETH_P_IPV6)
#define IS_ARP              PROTOCOL(ETH_P_ARP)
#define IP_FROM(reg)        NETWORK_FIELD(12, 4, reg)
#define IP6_FROM(reg)       NETWORK_FIELD(8, 16, reg)
#define ARP_SENDER_MAC(reg) NETWORK_FIELD(8, 6, reg)
#define ARP_SENDER_IP(reg)  NETWORK_FIELD(14, 4, reg)
#define ARP_TARGET_IP(reg)  NETWORK_FIELD(24, 4, reg)
#define ARP_REQUEST         NETWORK_FIELD(6, 2, NFT_REG_1), EQUAL(2, BIG16(ARPOP_REQUEST))
#define TRANSPORT(protocol) META(NFT_META_L4PROTO, NFT_REG_1), EQUAL(1, protocol)
#define UDP_PORTS(from, to) \
	TRANSPORT(IPPROTO_UDP), TRANSPORT_FIELD(0, 4, NFT_REG_1), EQUAL(4, BIG16(from), BIG16(to))
#define ICMP6(type) \
	IS_IP6, TRANSPORT(IPPROTO_ICMPV6), TRANSPORT_FIELD(0, 1, NFT_REG_1), EQUAL(1, type)
/* The target of a neighbour solicitation or advertisement; `@th,64,128` where nft has no name for
 * it. */
#define ND_TARGET(reg) TRANSPORT_FIELD(8, 16, reg)

enum {
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOUR_SOLICIT = 135,
	ND_NEIGHBOUR_ADVERT = 136,
	ND_REDIRECT = 137,
	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	DHCP6_CLIENT = 546,
	DHCP6_SERVER = 547,
};

const struct nft_rule_spec nft_rules[] = {
	/* iif . ether saddr @homes goto known */
	{"device", {INTERFACE_FROM, IN("homes"), GOTO("known")}},
	/* ether type 8021q counter name "drop_vlan" drop */
	{"device", {ETHER_TYPE(ETH_P_8021Q), COUNT_DROP("drop_vlan")}},
	/* ether type 8021ad counter name "drop_vlan" drop */
	{"device", {ETHER_TYPE(ETH_P_8021AD), COUNT_DROP("drop_vlan")}},
	/* ether type 0x888e iif @eapol accept */
	{"device", {ETHER_TYPE(ETH_P_PAE), INTERFACE, IN("eapol"), ACCEPT}},
	/* ether saddr @host_mac counter name "drop_spoof_host" drop */
	{"device",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("host_mac"), COUNT_DROP("drop_spoof_host")}},
	/* counter name "drop_unknown" */
	{"device", {COUNT("drop_unknown")}},
	/* update @unknown { iif . ether saddr } drop */
	{"device", {INTERFACE_FROM, NOTE(NFT_UNKNOWN_SET), DROP}},
	/* drop */
	{"device", {DROP}}, /* the set is full */

	/* jump speaker */
	{"known", {JUMP("speaker")}},
	/* fwd to iif . ether saddr map @up */
	{"known", {INTERFACE_FROM, MAP("up"), FORWARD}},
	/* iif . ether saddr @tails goto tail */
	{"known", {INTERFACE_FROM, IN("tails"), GOTO("tail")}}, /* posture pass */
	/* fwd to iif . ether saddr map @up */
	{"known", {INTERFACE_FROM, MAP("up"), FORWARD}}, /* again: see above */
	/* counter name "drop_held" drop */
	{"known", {COUNT_DROP("drop_held")}},

	/* By what is in the frame and not by `meta protocol`, which is what is behind a tag. */
	/* ether type ip goto speaker4 */
	{"speaker", {ETHER_TYPE(ETH_P_IP), GOTO("speaker4")}},
	/* ether type ip6 goto speaker6 */
	{"speaker", {ETHER_TYPE(ETH_P_IPV6), GOTO("speaker6")}},
	/* ether type arp goto speaker_arp */
	{"speaker", {ETHER_TYPE(ETH_P_ARP), GOTO("speaker_arp")}},
	/* ether type 8021q counter name "drop_vlan" drop */
	{"speaker", {ETHER_TYPE(ETH_P_8021Q), COUNT_DROP("drop_vlan")}},
	/* ether type 8021ad counter name "drop_vlan" drop */
	{"speaker", {ETHER_TYPE(ETH_P_8021AD), COUNT_DROP("drop_vlan")}},
	/* ether type 0x888e iif @eapol accept */
	{"speaker", {ETHER_TYPE(ETH_P_PAE), INTERFACE, IN("eapol"), ACCEPT}},
	/* counter name "drop_protocol" drop */
	{"speaker", {COUNT_DROP("drop_protocol")}},

	/* ether saddr . ip saddr @id4 goto cast4 */
	{"speaker4",
	 {IS_ETHERNET, IS_IP, ETHER_FROM(NFT_REG_1), IP_FROM(REG_AFTER_MAC), IN("id4"),
	  GOTO("cast4")}},
	/* udp sport 68 udp dport 67 ether saddr @learners
	 *	update @heard { iif . ether saddr limit rate 5/second burst 20 packets } log group
	 *19787 */
	{"speaker4", {UDP_PORTS(DHCP_CLIENT, DHCP_SERVER), HEAR}},
	/* ip saddr 0.0.0.0 udp sport 68 udp dport 67 return */
	{"speaker4",
	 {IS_IP, IP_FROM(NFT_REG_1), EQUAL(4, 0), UDP_PORTS(DHCP_CLIENT, DHCP_SERVER), RETURN}},
	/* ip saddr @host4 counter name "drop_spoof_host" goto forged_ip4 */
	{"speaker4",
	 {IS_IP, IP_FROM(NFT_REG_1), IN("host4"), COUNT("drop_spoof_host"), GOTO("forged_ip4")}},
	/* ether saddr @fixed4 counter name "drop_spoof_ip" goto forged_ip4 */
	{"speaker4",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("fixed4"), COUNT("drop_spoof_ip"),
	  GOTO("forged_ip4")}},
	/* ip saddr != @owned4 ip saddr != @announced4 goto cast4 */
	{"speaker4",
	 {IS_IP, IP_FROM(NFT_REG_1), NOT_IN("owned4"), NOT_IN("announced4"), GOTO("cast4")}},
	/* counter name "drop_spoof_ip" goto forged_ip4 */
	{"speaker4", {COUNT("drop_spoof_ip"), GOTO("forged_ip4")}},

	/* ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 return */
	{"cast4", {IS_UNICAST, RETURN}},
	/* ether saddr @multicast_from return */
	{"cast4", {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("multicast_from"), RETURN}},
	/* udp sport 68 udp dport 67 return */
	{"cast4", {UDP_PORTS(DHCP_CLIENT, DHCP_SERVER), RETURN}},
	/* counter name "drop_multicast" drop */
	{"cast4", {COUNT_DROP("drop_multicast")}},

	/* arp htype 1 arp ptype ip arp hlen 6 arp plen 4
	 *	ether saddr . arp saddr ether @twins goto speaker_arp_ip */
	{"speaker_arp",
	 {IS_ARP, NETWORK_FIELD(0, 4, NFT_REG_1), EQUAL(4, BIG16(ARPHRD_ETHER), BIG16(ETH_P_IP)),
	  NETWORK_FIELD(4, 2, NFT_REG_1), EQUAL(2, 6, 4), IS_ETHERNET, ETHER_FROM(NFT_REG_1),
	  ARP_SENDER_MAC(REG_AFTER_MAC), IN("twins"), GOTO("speaker_arp_ip")}},
	/* counter name "drop_spoof_arp" goto forged_mac */
	{"speaker_arp", {COUNT("drop_spoof_arp"), GOTO("forged_mac")}},

	/* ether saddr . arp saddr ip @id4 return */
	{"speaker_arp_ip",
	 {IS_ETHERNET, IS_ARP, ETHER_FROM(NFT_REG_1), ARP_SENDER_IP(REG_AFTER_MAC), IN("id4"),
	  RETURN}},
	/* arp saddr ip 0.0.0.0 return */
	{"speaker_arp_ip", {IS_ARP, ARP_SENDER_IP(NFT_REG_1), EQUAL(4, 0), RETURN}}, /* probe */
	/* arp saddr ip @host4 counter name "drop_spoof_host" goto forged_arp */
	{"speaker_arp_ip",
	 {IS_ARP, ARP_SENDER_IP(NFT_REG_1), IN("host4"), COUNT("drop_spoof_host"),
	  GOTO("forged_arp")}},
	/* ether saddr @fixed4 counter name "drop_spoof_arp" goto forged_arp */
	{"speaker_arp_ip",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("fixed4"), COUNT("drop_spoof_arp"),
	  GOTO("forged_arp")}},
	/* ether saddr @learners
	 *	update @heard { iif . ether saddr limit rate 5/second burst 20 packets } log group
	 *19787 */
	{"speaker_arp_ip", {HEAR}},
	/* arp saddr ip != @owned4 arp saddr ip != @announced4 return */
	{"speaker_arp_ip",
	 {IS_ARP, ARP_SENDER_IP(NFT_REG_1), NOT_IN("owned4"), NOT_IN("announced4"), RETURN}},
	/* counter name "drop_spoof_arp" goto forged_arp */
	{"speaker_arp_ip", {COUNT("drop_spoof_arp"), GOTO("forged_arp")}},

	/* ether saddr . ip6 saddr @id6 goto nd6 */
	{"speaker6",
	 {IS_ETHERNET, IS_IP6, ETHER_FROM(NFT_REG_1), IP6_FROM(REG_AFTER_MAC), IN("id6"),
	  GOTO("nd6")}},
	/* ip6 saddr :: goto nd6 */
	{"speaker6", {IS_IP6, IP6_FROM(NFT_REG_1), EQUAL(16, 0), GOTO("nd6")}},
	/* ip6 saddr @host6 counter name "drop_spoof_host" goto forged_ip6 */
	{"speaker6",
	 {IS_IP6, IP6_FROM(NFT_REG_1), IN("host6"), COUNT("drop_spoof_host"), GOTO("forged_ip6")}},
	/* ip6 saddr @owned6 counter name "drop_spoof_ip" goto forged_ip6 */
	{"speaker6",
	 {IS_IP6, IP6_FROM(NFT_REG_1), IN("owned6"), COUNT("drop_spoof_ip"), GOTO("forged_ip6")}},
	/* ip6 saddr @announced6 counter name "drop_spoof_ip" goto forged_ip6 */
	{"speaker6",
	 {IS_IP6, IP6_FROM(NFT_REG_1), IN("announced6"), COUNT("drop_spoof_ip"),
	  GOTO("forged_ip6")}},
	/* ip6 saddr fe80::/10 goto nd6 */
	{"speaker6",
	 {IS_IP6, IP6_FROM(NFT_REG_1), MASK(16, 0xff, 0xc0), EQUAL(16, 0xfe, 0x80), GOTO("nd6")}},
	/* icmpv6 type nd-neighbor-solicit ether saddr @learners goto nd6 */
	{"speaker6",
	 {ICMP6(ND_NEIGHBOUR_SOLICIT), IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("learners"),
	  GOTO("nd6")}}, /* announces itself */
	/* icmpv6 type nd-neighbor-advert ether saddr @learners goto nd6 */
	{"speaker6",
	 {ICMP6(ND_NEIGHBOUR_ADVERT), IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("learners"),
	  GOTO("nd6")}},
	/* ether saddr @fixed6 counter name "drop_spoof_ip" goto forged_ip6 */
	{"speaker6",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("fixed6"), COUNT("drop_spoof_ip"),
	  GOTO("forged_ip6")}},
	/* ip6 saddr != @owned6 goto nd6 */
	{"speaker6", {IS_IP6, IP6_FROM(NFT_REG_1), NOT_IN("owned6"), GOTO("nd6")}},
	/* counter name "drop_spoof_ip" goto forged_ip6 */
	{"speaker6", {COUNT("drop_spoof_ip"), GOTO("forged_ip6")}},

	/* meta l4proto != icmpv6 goto cast6 */
	{"nd6", {META(NFT_META_L4PROTO, NFT_REG_1), DIFFERS(1, IPPROTO_ICMPV6), GOTO("cast6")}},
	/* icmpv6 type nd-neighbor-solicit ether saddr @learners
	 *	update @heard { iif . ether saddr limit rate 5/second burst 20 packets } log group
	 *19787 */
	{"nd6", {ICMP6(ND_NEIGHBOUR_SOLICIT), HEAR}},
	/* icmpv6 type nd-neighbor-advert ether saddr @learners
	 *	update @heard { iif . ether saddr limit rate 5/second burst 20 packets } log group
	 *19787 */
	{"nd6", {ICMP6(ND_NEIGHBOUR_ADVERT), HEAR}},
	/* icmpv6 type nd-neighbor-advert goto advert6 */
	{"nd6", {ICMP6(ND_NEIGHBOUR_ADVERT), GOTO("advert6")}},
	/* icmpv6 type nd-router-advert ether saddr != @multicast_from
	 *	counter name "drop_spoof_nd" goto forged_router */
	{"nd6",
	 {ICMP6(ND_ROUTER_ADVERT), IS_ETHERNET, ETHER_FROM(NFT_REG_1), NOT_IN("multicast_from"),
	  COUNT("drop_spoof_nd"), GOTO("forged_router")}},
	/* icmpv6 type nd-redirect ether saddr != @multicast_from
	 *	counter name "drop_spoof_nd" goto forged_router */
	{"nd6",
	 {ICMP6(ND_REDIRECT), IS_ETHERNET, ETHER_FROM(NFT_REG_1), NOT_IN("multicast_from"),
	  COUNT("drop_spoof_nd"), GOTO("forged_router")}},
	/* goto cast6 */
	{"nd6", {GOTO("cast6")}},

	/* ether saddr . @th,64,128 @id6 goto cast6 */
	{"advert6",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), ND_TARGET(REG_AFTER_MAC), IN("id6"), GOTO("cast6")}},
	/* @th,64,128 @host6 counter name "drop_spoof_host" goto forged_nd */
	{"advert6",
	 {ND_TARGET(NFT_REG_1), IN("host6"), COUNT("drop_spoof_host"), GOTO("forged_nd")}},
	/* ether saddr @learners @th,64,128 != @owned6 @th,64,128 != @announced6 goto cast6 */
	{"advert6",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("learners"), ND_TARGET(NFT_REG_1),
	  NOT_IN("owned6"), NOT_IN("announced6"), GOTO("cast6")}},
	/* ether saddr @fixed6 @th,64,10 != 0x3fa counter name "drop_spoof_nd" goto forged_nd */
	{"advert6",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("fixed6"), TRANSPORT_FIELD(8, 2, NFT_REG_1),
	  MASK(2, 0xff, 0xc0), DIFFERS(2, 0xfe, 0x80), COUNT("drop_spoof_nd"), GOTO("forged_nd")}},
	/* @th,64,128 != @owned6 @th,64,128 != @announced6 goto cast6 */
	{"advert6", {ND_TARGET(NFT_REG_1), NOT_IN("owned6"), NOT_IN("announced6"), GOTO("cast6")}},
	/* counter name "drop_spoof_nd" goto forged_nd */
	{"advert6", {COUNT("drop_spoof_nd"), GOTO("forged_nd")}},

	/* ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 return */
	{"cast6", {IS_UNICAST, RETURN}},
	/* ether saddr @multicast_from return */
	{"cast6", {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("multicast_from"), RETURN}},
	/* icmpv6 type nd-router-solicit return */
	{"cast6", {ICMP6(ND_ROUTER_SOLICIT), RETURN}},
	/* icmpv6 type nd-neighbor-solicit return */
	{"cast6", {ICMP6(ND_NEIGHBOUR_SOLICIT), RETURN}},
	/* icmpv6 type nd-neighbor-advert return */
	{"cast6", {ICMP6(ND_NEIGHBOUR_ADVERT), RETURN}},
	/* udp sport 546 udp dport 547 return */
	{"cast6", {UDP_PORTS(DHCP6_CLIENT, DHCP6_SERVER), RETURN}},
	/* counter name "drop_multicast" drop */
	{"cast6", {COUNT_DROP("drop_multicast")}},

	/* iif . ether saddr @tails goto leg_tail */
	{"leg", {INTERFACE_FROM, IN("tails"), GOTO("leg_tail")}},
	/* ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 ether daddr set iif map @dmac */
	{"leg", {IS_MULTICAST, INTERFACE, MAP("dmac"), SET_ETHER_TO}},
	/* fwd to iif . ether daddr map @back */
	{"leg", {INTERFACE_TO, MAP("back"), FORWARD}},
	/* fwd to iif map @nx */
	{"leg", {INTERFACE, MAP("nx"), FORWARD}}, /* again: see above */
	/* counter name "drop_leg" drop */
	{"leg", {COUNT_DROP("drop_leg")}},

	/* A captured umbox speaks for its device only, in every address. */
	/* jump speaker */
	{"leg_tail", {JUMP("speaker")}},
	/* goto tail */
	{"leg_tail", {GOTO("tail")}},

	/* A question for the owner of an address goes to the owner, be it a sibling; not one about
	 * the own address, which is an announcement. */
	/* arp operation request ether saddr . arp daddr ip != @id4
	 *	ether daddr set arp daddr ip map @mac4 */
	{"tail",
	 {IS_ARP, ARP_REQUEST, IS_ETHERNET, ETHER_FROM(NFT_REG_1), ARP_TARGET_IP(REG_AFTER_MAC),
	  NOT_IN("id4"), ARP_TARGET_IP(NFT_REG_1), MAP("mac4"), SET_ETHER_TO}},
	/* icmpv6 type nd-neighbor-solicit ether saddr . @th,64,128 != @id6
	 *	ether daddr set @th,64,128 map @mac6 */
	{"tail",
	 {ICMP6(ND_NEIGHBOUR_SOLICIT), IS_ETHERNET, ETHER_FROM(NFT_REG_1), ND_TARGET(REG_AFTER_MAC),
	  NOT_IN("id6"), ND_TARGET(NFT_REG_1), MAP("mac6"), SET_ETHER_TO}},
	/* fwd to ether daddr map @peers */
	{"tail", {IS_ETHERNET, ETHER_TO(NFT_REG_1), MAP("peers"), FORWARD}},
	/* fwd to iif . ether saddr map @out */
	{"tail", {INTERFACE_FROM, MAP("out"), FORWARD}},
	/* fwd to iif map @nx */
	{"tail", {INTERFACE, MAP("nx"), FORWARD}}, /* no tail any more: see above */
	/* fwd to iif . ether saddr map @up */
	{"tail", {INTERFACE_FROM, MAP("up"), FORWARD}}, /* no longer without hops: see above */
	/* counter name "drop_leg" drop */
	{"tail", {COUNT_DROP("drop_leg")}},

	/* A device understands more than its umboxes judge: a tag, a plain frame inside another. */
	/* ether type ip goto entering */
	{"slot", {ETHER_TYPE(ETH_P_IP), GOTO("entering")}},
	/* ether type ip6 goto entering */
	{"slot", {ETHER_TYPE(ETH_P_IPV6), GOTO("entering")}},
	/* ether type arp goto entering */
	{"slot", {ETHER_TYPE(ETH_P_ARP), GOTO("entering")}},
	/* ether type 8021q counter name "drop_vlan" drop */
	{"slot", {ETHER_TYPE(ETH_P_8021Q), COUNT_DROP("drop_vlan")}},
	/* ether type 8021ad counter name "drop_vlan" drop */
	{"slot", {ETHER_TYPE(ETH_P_8021AD), COUNT_DROP("drop_vlan")}},
	/* counter name "drop_protocol" drop */
	{"slot", {COUNT_DROP("drop_protocol")}},

	/* ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 jump cast_to */
	{"entering", {IS_MULTICAST, JUMP("cast_to")}},
	/* fwd to iif map @dn */
	{"entering", {INTERFACE, MAP("dn"), FORWARD}},
	/* counter name "drop_held" drop */
	{"entering", {COUNT_DROP("drop_held")}},

	/* iif @multicast_to goto cast_to_device */
	{"cast_to", {INTERFACE, IN("multicast_to"), GOTO("cast_to_device")}},
	/* meta protocol arp goto cast_to_device */
	{"cast_to", {IS_ARP, GOTO("cast_to_device")}},
	/* udp sport 67 udp dport 68 goto cast_to_device */
	{"cast_to", {UDP_PORTS(DHCP_SERVER, DHCP_CLIENT), GOTO("cast_to_device")}},
	/* udp sport 547 udp dport 546 goto cast_to_device */
	{"cast_to", {UDP_PORTS(DHCP6_SERVER, DHCP6_CLIENT), GOTO("cast_to_device")}},
	/* icmpv6 type nd-router-solicit goto cast_to_device */
	{"cast_to", {ICMP6(ND_ROUTER_SOLICIT), GOTO("cast_to_device")}},
	/* icmpv6 type nd-router-advert goto cast_to_device */
	{"cast_to", {ICMP6(ND_ROUTER_ADVERT), GOTO("cast_to_device")}},
	/* icmpv6 type nd-neighbor-solicit goto cast_to_device */
	{"cast_to", {ICMP6(ND_NEIGHBOUR_SOLICIT), GOTO("cast_to_device")}},
	/* icmpv6 type nd-neighbor-advert goto cast_to_device */
	{"cast_to", {ICMP6(ND_NEIGHBOUR_ADVERT), GOTO("cast_to_device")}},
	/* icmpv6 type nd-redirect goto cast_to_device */
	{"cast_to", {ICMP6(ND_REDIRECT), GOTO("cast_to_device")}},
	/* counter name "drop_multicast" drop */
	{"cast_to", {COUNT_DROP("drop_multicast")}},

	/* ether daddr set iif map @dmac */
	{"cast_to_device", {IS_ETHERNET, INTERFACE, MAP("dmac"), SET_ETHER_TO}}, /* posture pass */

	/* iifname "host" goto outside */
	{"network", {IS_HOST_LEG, GOTO("outside")}},
	/* ether saddr @host_mac counter name "drop_spoof_host" drop */
	{"network",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("host_mac"), COUNT_DROP("drop_spoof_host")}},
	/* ip saddr @host4 counter name "drop_spoof_host" drop */
	{"network", {IS_IP, IP_FROM(NFT_REG_1), IN("host4"), COUNT_DROP("drop_spoof_host")}},
	/* ip6 saddr @host6 counter name "drop_spoof_host" drop */
	{"network", {IS_IP6, IP6_FROM(NFT_REG_1), IN("host6"), COUNT_DROP("drop_spoof_host")}},
	/* arp saddr ether @host_mac counter name "drop_spoof_host" drop */
	{"network",
	 {IS_ARP, ARP_SENDER_MAC(NFT_REG_1), IN("host_mac"), COUNT_DROP("drop_spoof_host")}},
	/* arp saddr ip @host4 counter name "drop_spoof_host" drop */
	{"network", {IS_ARP, ARP_SENDER_IP(NFT_REG_1), IN("host4"), COUNT_DROP("drop_spoof_host")}},
	/* icmpv6 type nd-neighbor-advert @th,64,128 @host6 counter name "drop_spoof_host" drop */
	{"network",
	 {ICMP6(ND_NEIGHBOUR_ADVERT), ND_TARGET(NFT_REG_1), IN("host6"),
	  COUNT_DROP("drop_spoof_host")}},
	/* goto outside */
	{"network", {GOTO("outside")}},

	/* ether saddr @macs counter name "drop_spoof_net" goto claimed_mac */
	{"outside",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), IN("macs"), COUNT("drop_spoof_net"),
	  GOTO("claimed_mac")}},
	/* arp saddr ip @owned4 counter name "drop_spoof_arp" goto claimed4 */
	{"outside",
	 {IS_ARP, ARP_SENDER_IP(NFT_REG_1), IN("owned4"), COUNT("drop_spoof_arp"),
	  GOTO("claimed4")}},
	/* arp operation request ether daddr set arp daddr ip map @mac4 */
	{"outside",
	 {IS_ARP, ARP_REQUEST, IS_ETHERNET, ARP_TARGET_IP(NFT_REG_1), MAP("mac4"), SET_ETHER_TO}},
	/* icmpv6 type nd-neighbor-advert @th,64,128 @owned6 counter name "drop_spoof_nd" goto
	   claimed6 */
	{"outside",
	 {ICMP6(ND_NEIGHBOUR_ADVERT), ND_TARGET(NFT_REG_1), IN("owned6"), COUNT("drop_spoof_nd"),
	  GOTO("claimed6")}},
	/* icmpv6 type nd-neighbor-solicit ether daddr set @th,64,128 map @mac6 */
	{"outside",
	 {ICMP6(ND_NEIGHBOUR_SOLICIT), IS_ETHERNET, ND_TARGET(NFT_REG_1), MAP("mac6"),
	  SET_ETHER_TO}},
	/* udp sport 67 udp dport 68 limit rate 200/second burst 800 packets log group 19787 */
	{"outside",
	 {UDP_PORTS(DHCP_SERVER, DHCP_CLIENT),
	  {NFT_OP_LIMIT, .a = NFT_ANSWERS_PER_SECOND},
	  {NFT_OP_LOG, .a = NFT_LOG_GROUP}}},
	/* accept */
	{"outside", {ACCEPT}},

	/* Who forged, and what: each of these ends in a drop, also when its map is full. */
	/* update @forged_ip4 { iif . ether saddr counter : ip saddr } drop */
	{"forged_ip4",
	 {IS_IP, INTERFACE_FROM, IP_FROM(REG_VALUE), TALLY("forged_ip4", REG_VALUE), DROP}},
	/* drop */
	{"forged_ip4", {DROP}},
	/* update @forged_ip6 { iif . ether saddr counter : ip6 saddr } drop */
	{"forged_ip6",
	 {IS_IP6, INTERFACE_FROM, IP6_FROM(REG_VALUE), TALLY("forged_ip6", REG_VALUE), DROP}},
	/* drop */
	{"forged_ip6", {DROP}},
	/* update @forged_arp { iif . ether saddr counter : arp saddr ip } drop */
	{"forged_arp",
	 {IS_ARP, INTERFACE_FROM, ARP_SENDER_IP(REG_VALUE), TALLY("forged_arp", REG_VALUE), DROP}},
	/* drop */
	{"forged_arp", {DROP}},
	/* update @forged_mac { iif . ether saddr counter : arp saddr ether } drop */
	{"forged_mac",
	 {IS_ARP, INTERFACE_FROM, ARP_SENDER_MAC(REG_VALUE), TALLY("forged_mac", REG_VALUE), DROP}},
	/* drop */
	{"forged_mac", {DROP}},
	/* update @forged_nd { iif . ether saddr counter : @th,64,128 } drop */
	{"forged_nd",
	 {TRANSPORT(IPPROTO_ICMPV6), INTERFACE_FROM, ND_TARGET(REG_VALUE),
	  TALLY("forged_nd", REG_VALUE), DROP}},
	/* drop */
	{"forged_nd", {DROP}},
	/* update @forged_router { iif . ether saddr counter : ip6 saddr } drop */
	{"forged_router",
	 {IS_IP6, INTERFACE_FROM, IP6_FROM(REG_VALUE), TALLY("forged_router", REG_VALUE), DROP}},
	/* drop */
	{"forged_router", {DROP}},
	/* update @claimed_mac { ether saddr counter : iif } drop */
	{"claimed_mac",
	 {IS_ETHERNET, ETHER_FROM(NFT_REG_1), META(NFT_META_IIF, REG_VALUE),
	  TALLY("claimed_mac", REG_VALUE), DROP}},
	/* drop */
	{"claimed_mac", {DROP}},
	/* update @claimed4 { arp saddr ip counter : ether saddr } drop */
	{"claimed4",
	 {IS_ARP, IS_ETHERNET, ARP_SENDER_IP(NFT_REG_1), ETHER_FROM(REG_VALUE),
	  TALLY("claimed4", REG_VALUE), DROP}},
	/* drop */
	{"claimed4", {DROP}},
	/* update @claimed6 { @th,64,128 counter : ether saddr } drop */
	{"claimed6",
	 {TRANSPORT(IPPROTO_ICMPV6), IS_ETHERNET, ND_TARGET(NFT_REG_1), ETHER_FROM(REG_VALUE),
	  TALLY("claimed6", REG_VALUE), DROP}},
	/* drop */
	{"claimed6", {DROP}},
};

const unsigned nft_rule_count = ARRAY_SIZE(nft_rules);

/* The rules of base chains. */

const struct nft_op nft_rule_device_out[] = {
	/* oif . ether saddr @homes counter name "drop_return" drop */
	IS_ETHERNET, META(NFT_META_OIF, NFT_REG_1), ETHER_FROM(REG_AFTER_INTERFACE),
	IN("homes"), COUNT_DROP("drop_return"),     END,
};

/* From hop to hop, the most frequent way of all: before the jump, with one look-up.  A leg at an
 * end of a chain has no such entry. */
const struct nft_op nft_rule_leg_to_leg[] = {
	/* fwd to iif map @nx */
	INTERFACE,
	MAP("nx"),
	FORWARD,
	END,
};
