/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plane_identity.c - links, rules and steering against the kernel: what passes, which way, and
 * what not. */
#include "plane_bed.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/namespace.h"

static void frames_go_through_the_whole_chain(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox one, two, three;
	unsigned marks;
	bed_umbox_open(&one, bed->link, bed->nft, 1, 1);
	bed_umbox_open(&two, bed->link, bed->nft, 2, 2);
	bed_umbox_open(&three, bed->link, bed->nft, 3, 3);

	/* Enrolled and not routed: nothing. */
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway, NULL),
		0);
	assert_int_equal(plane_dropped(bed, NFT_DROP_HELD), 1);

	ROUTE(bed, &bed->a, 1);
	assert_int_equal(plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network,
				    &bed->gateway, &marks),
			 1);
	assert_int_equal(marks, 1 << 1);
	assert_int_equal(plane_pass(bed, bed->at_network, &bed->gateway, bed->at_port[0],
				    &bed->a.mac, &marks),
			 1);
	assert_int_equal(marks, 1 << 1);

	ROUTE(bed, &bed->a, 1, 2, 3);
	assert_int_equal(plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network,
				    &bed->gateway, &marks),
			 1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(plane_pass(bed, bed->at_network, &bed->gateway, bed->at_port[0],
				    &bed->a.mac, &marks),
			 1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 3);

	/* The hop that was the tail is inner now, and the other way round. */
	ROUTE(bed, &bed->a, 2);
	assert_int_equal(plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network,
				    &bed->gateway, &marks),
			 1);
	assert_int_equal(marks, 1 << 2);

	plane_route(bed, &bed->a, 0, NULL);
	assert_int_equal(plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network,
				    &bed->gateway, &marks),
			 1);
	assert_int_equal(marks, 0);
	assert_int_equal(plane_pass(bed, bed->at_network, &bed->gateway, bed->at_port[0],
				    &bed->a.mac, &marks),
			 1);

	assert_done(nft_hold(bed->nft, bed->a.number, true, &err));
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway, NULL),
		0);
	assert_int_equal(
		plane_pass(bed, bed->at_network, &bed->gateway, bed->at_port[0], &bed->a.mac, NULL),
		0);
	bed_umbox_close(&one, bed->link, bed->nft);
	bed_umbox_close(&two, bed->link, bed->nft);
	bed_umbox_close(&three, bed->link, bed->nft);
}

/* Sends a frame and says how many copies arrive at `to`. */
static unsigned send_to(struct plane_bed *bed, int from, const struct bed_frame *frame, int to,
			struct bed_frame *ret)
{
	return bed_pass(from, frame, to, bed->tag - 1, ret);
}

static unsigned udp(struct plane_bed *bed, int from, const struct mac *from_mac,
		    const char *from_ip, int to, const struct mac *to_mac, const char *to_ip)
{
	struct bed_frame frame;
	bed_frame_udp(&frame, &(struct bed_udp){.from = *from_mac,
						.to = *to_mac,
						.from_ip = from_ip,
						.to_ip = to_ip,
						.from_port = PORT,
						.to_port = PORT,
						.tag = bed->tag++});
	return send_to(bed, from, &frame, to, NULL);
}

static unsigned arp(struct plane_bed *bed, int from, const struct mac *from_mac, int operation,
		    const struct mac *sender, const char *sender_ip, const char *target_ip, int to,
		    struct bed_frame *ret)
{
	struct bed_frame frame;
	bed_frame_arp(&frame, from_mac, &bed_broadcast, operation, sender, sender_ip, target_ip,
		      bed->tag++);
	return send_to(bed, from, &frame, to, ret);
}

static unsigned icmp6(struct plane_bed *bed, int from, const struct mac *from_mac,
		      const struct mac *to_mac, const char *from_ip, const char *to_ip,
		      unsigned type, const char *target, int to, struct bed_frame *ret)
{
	struct bed_frame frame;
	bed_frame_icmp6(&frame, from_mac, to_mac, from_ip, to_ip, type, target, bed->tag++);
	return send_to(bed, from, &frame, to, ret);
}

/* One frame that must not arrive, and is counted once for the reason. */
#define assert_dropped(reason, call)                               \
	do {                                                       \
		assert_int_equal((call), 0);                       \
		assert_int_equal(plane_dropped(bed, (reason)), 1); \
	} while (0)

struct told {
	unsigned count;
	char port[LINK_NAME_BYTES];
	struct mac mac;
};

static void on_unknown(void *data, const char *port, const struct mac *mac)
{
	struct told *told = data;
	told->count++;
	told->mac = *mac;
	TEXT_COPY(told->port, port);
}

static void strangers_are_dropped_and_told_once(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct told told = {0};
	struct mac stranger = bed_mac(0x66);
	const struct mac *gateway = &bed->gateway;
	plane_route_all(bed, umboxes);
	assert_dropped(NFT_DROP_UNKNOWN, udp(bed, bed->at_port[0], &stranger, "10.9.0.66",
					     bed->at_network, gateway, IP_NET));
	assert_int_equal(
		udp(bed, bed->at_port[0], &stranger, "10.9.0.66", bed->at_network, gateway, IP_NET),
		0);
	assert_done(nft_read_unknown(bed->nft, on_unknown, &told, &err));
	assert_int_equal(told.count, 1);
	assert_string_equal(told.port, "port0");
	assert_true(mac_equal(&told.mac, &stranger));
	assert_done(nft_read_unknown(bed->nft, on_unknown, &told, &err));
	assert_int_equal(told.count, 1);
	/* An enrolled device on another port than its own is a stranger there. */
	plane_dropped(bed, NFT_DROP_UNKNOWN);
	assert_dropped(NFT_DROP_UNKNOWN, udp(bed, bed->at_port[0], &bed->b.mac, IP_B,
					     bed->at_network, gateway, IP_NET));
	assert_done(nft_read_unknown(bed->nft, on_unknown, &told, &err));
	assert_int_equal(told.count, 2);
	plane_close_all(bed, umboxes);
}

static void a_device_is_no_stranger_once_it_is_enrolled(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct told told = {0};
	const struct mac *gateway = &bed->gateway;
	plane_route_all(bed, umboxes);
	assert_done(nft_hold(bed->nft, bed->a.number, true, &err));
	assert_done(nft_unenrol(bed->nft, bed->a.number, &err));
	assert_dropped(NFT_DROP_UNKNOWN, udp(bed, bed->at_port[0], &bed->a.mac, IP_A,
					     bed->at_network, gateway, IP_NET));
	assert_done(nft_enrol(bed->nft, &bed->a, &err));
	assert_done(nft_read_unknown(bed->nft, on_unknown, &told, &err));
	assert_int_equal(told.count, 0);
	plane_close_all(bed, umboxes);
}

static void addresses_are_held_to_their_devices(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *gateway = &bed->gateway, *a = &bed->a.mac, *c = &bed->c.mac;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	plane_route_all(bed, umboxes);

	assert_int_equal(udp(bed, port0, a, IP_A, net, gateway, IP_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port0, a, IP_B, net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port0, a, "10.9.0.77", net, gateway, IP_NET));
	assert_int_equal(udp(bed, port1, c, "10.9.0.77", net, gateway, IP_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port1, c, IP_A, net, gateway, IP_NET));

	assert_int_equal(udp(bed, port0, a, IP6_A, net, gateway, IP6_NET), 1);
	assert_int_equal(udp(bed, port0, a, "fe80::1", net, gateway, IP6_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port0, a, IP6_B, net, gateway, IP6_NET));
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port0, a, "fd09::77", net, gateway, IP6_NET));
	assert_int_equal(udp(bed, port1, c, "fd09::77", net, gateway, IP6_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port1, c, IP6_A, net, gateway, IP6_NET));

	/* A device's MAC from the network, and from the host. */
	assert_dropped(NFT_DROP_SPOOF_NET, udp(bed, net, a, IP_A, port1, &bed->b.mac, IP_B));
	assert_dropped(NFT_DROP_SPOOF_NET,
		       udp(bed, bed->at_host, a, IP_A, port1, &bed->b.mac, IP_B));
	plane_close_all(bed, umboxes);
}

static void forged_answers_are_dropped(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *a = &bed->a.mac, *b = &bed->b.mac, *c = &bed->c.mac;
	const struct mac *gateway = &bed->gateway;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	const int reply = ARPOP_REPLY, request = ARPOP_REQUEST;
	plane_route_all(bed, umboxes);

	assert_int_equal(arp(bed, port0, a, reply, a, IP_A, IP_NET, net, NULL), 1);
	assert_int_equal(arp(bed, port0, a, request, a, "0.0.0.0", IP_A, net, NULL), 1);
	assert_int_equal(arp(bed, port0, a, request, a, IP_A, IP_A, net, NULL), 1);
	assert_dropped(NFT_DROP_SPOOF_ARP, arp(bed, port0, a, reply, a, IP_B, IP_NET, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ARP, arp(bed, port0, a, reply, a, IP_NET, IP_NET, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ARP, arp(bed, port0, a, reply, b, IP_B, IP_NET, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ARP,
		       arp(bed, port0, a, reply, gateway, IP_A, IP_NET, net, NULL));
	assert_int_equal(arp(bed, port1, c, reply, c, "10.9.0.77", IP_NET, net, NULL), 1);
	assert_dropped(NFT_DROP_SPOOF_ARP, arp(bed, port1, c, reply, c, IP_A, IP_NET, net, NULL));
	/* Nor may the network answer for a device. */
	assert_dropped(NFT_DROP_SPOOF_ARP,
		       arp(bed, net, gateway, reply, gateway, IP_A, IP_B, port1, NULL));

	assert_int_equal(icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 136, IP6_A, net, NULL), 1);
	assert_int_equal(icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 136, "fe80::1", net, NULL),
			 1);
	assert_dropped(NFT_DROP_SPOOF_ND,
		       icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 136, IP6_B, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ND,
		       icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 136, IP6_NET, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ND,
		       icmp6(bed, port1, c, gateway, "fe80::c", IP6_NET, 136, IP6_A, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ND,
		       icmp6(bed, port1, c, gateway, "fe80::c", IP6_NET, 134, NULL, net, NULL));
	assert_dropped(NFT_DROP_SPOOF_ND,
		       icmp6(bed, net, gateway, b, IP6_NET, IP6_B, 136, IP6_A, port1, NULL));
	plane_close_all(bed, umboxes);
}

/* The kernel tells of an IPv6 address some time after it is there. */
static void follow_host(struct plane_bed *bed, const char *address, bool there)
{
	struct ip ip;
	assert_int_equal(ip_parse(&ip, address, NULL), 0);
	for (unsigned waited = 0; waited < WAIT_MS; waited++) {
		assert_done(nft_follow_host(bed->nft, &err));
		if (host_identity_has(link_host(bed->link), &ip) == there)
			return;
		usleep(1000);
	}
	fail_msg("%s was not followed in %d ms", address, WAIT_MS);
}

/* Nobody else speaks as the host; the host does, and its addresses are followed. */
static void the_host_owns_its_addresses(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *a = &bed->a.mac, *c = &bed->c.mac, *gateway = &bed->gateway;
	const struct mac host = link_host(bed->link)->mac;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	const int reply = ARPOP_REPLY;
	plane_route_all(bed, umboxes);

	/* From device ports: as a MAC, as a source, as a claim; C may use what nobody owns. */
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, port0, &host, IP_HOST, net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, port1, c, IP_HOST, net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, port0, a, IP_HOST, net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_HOST,
		       arp(bed, port1, c, reply, c, IP_HOST, IP_NET, net, NULL));
	/* From the network port. */
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, net, &host, IP_NET, port0, a, IP_A));
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, net, gateway, IP_HOST, port0, a, IP_A));
	assert_dropped(NFT_DROP_SPOOF_HOST,
		       arp(bed, net, gateway, reply, gateway, IP_HOST, IP_A, port0, NULL));
	assert_dropped(NFT_DROP_SPOOF_HOST,
		       arp(bed, net, gateway, reply, &host, IP_NET, IP_A, port0, NULL));
	/* The host itself, through the chain. */
	assert_int_equal(udp(bed, bed->at_host, &host, IP_HOST, port0, a, IP_A), 1);

	/* Addresses that come and go; no enrolment takes one. */
	assert_int_equal(udp(bed, net, gateway, "fd09::1", port0, a, IP6_A), 1);
	bed_run(-1, "ip link set kalki0 addrgenmode none\n"
		    "sysctl -qw net.ipv6.conf.kalki0.disable_ipv6=0\n"
		    "ip addr add fd09::1/64 dev kalki0 nodad");
	follow_host(bed, "fd09::1", true);
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, net, gateway, "fd09::1", port0, a, IP6_A));
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, port1, c, "fd09::1", net, gateway, IP6_NET));
	assert_dropped(NFT_DROP_SPOOF_HOST,
		       icmp6(bed, net, gateway, a, IP6_NET, IP6_A, 136, "fd09::1", port0, NULL));
	assert_dropped(NFT_DROP_SPOOF_HOST, icmp6(bed, port1, c, gateway, "fe80::c", IP6_NET, 136,
						  "fd09::1", net, NULL));
	struct device_identity taker = bed->c;
	assert_int_equal(ip_parse(&taker.ips[taker.ip_count++], "fd09::1", NULL), 0);
	assert_int_equal(nft_enrol(bed->nft, &taker, NULL), -EEXIST);
	bed_run(-1, "ip addr del fd09::1/64 dev kalki0");
	follow_host(bed, "fd09::1", false);
	assert_int_equal(udp(bed, net, gateway, "fd09::1", port0, a, IP6_A), 1);
	assert_int_equal(nft_follow_host(bed->nft, NULL), 0);

	/* Somebody else's flush does not take them away. */
	(void)!bed_try(link_namespace(bed->link), "nft flush set netdev kalki host4 2>/dev/null");
	assert_done(nft_repair(bed->nft, &err));
	assert_dropped(NFT_DROP_SPOOF_HOST, udp(bed, net, gateway, IP_HOST, port0, a, IP_A));
	plane_close_all(bed, umboxes);
}

struct forgeries {
	struct nft_forgery list[8];
	unsigned count;
};

static void on_forgery(void *data, const struct nft_forgery *forgery)
{
	struct forgeries *forgeries = data;
	assert_true(forgeries->count < ARRAY_SIZE(forgeries->list));
	forgeries->list[forgeries->count++] = *forgery;
}

/* The one forgery that is told now. */
static struct nft_forgery one_forgery(struct plane_bed *bed, const char *words)
{
	struct forgeries forgeries = {0};
	assert_done(nft_read_forgeries(bed->nft, on_forgery, &forgeries, &err));
	assert_int_equal(forgeries.count, 1);
	assert_string_equal(forgeries.list[0].words, words);
	return forgeries.list[0];
}

static void assert_ip(const struct ip *ip, const char *text)
{
	char printed[IP_TEXT_BYTES];
	ip_print(printed, ip);
	assert_string_equal(printed, text);
}

static void forged_frames_are_told_of_who_sent_them(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct nft_forgery forgery;
	const struct mac *a = &bed->a.mac, *b = &bed->b.mac, *gateway = &bed->gateway;
	int port0 = bed->at_port[0], net = bed->at_network;
	plane_route_all(bed, umboxes);

	/* All frames count, the first says what was claimed. */
	udp(bed, port0, a, IP_B, net, gateway, IP_NET);
	udp(bed, port0, a, "10.9.0.77", net, gateway, IP_NET);
	forgery = one_forgery(bed, "sent as");
	assert_int_equal(forgery.device, bed->a.number);
	assert_true(forgery.by_device);
	assert_int_equal(forgery.frames, 2);
	assert_string_equal(forgery.place, "port0");
	assert_ip(&forgery.ip, IP_B);
	assert_int_equal(nft_find_owner(bed->nft, &forgery.ip), bed->b.number);

	udp(bed, port0, a, IP6_B, net, gateway, IP6_NET);
	forgery = one_forgery(bed, "sent as");
	assert_ip(&forgery.ip, IP6_B);
	udp(bed, port0, a, IP_HOST, net, gateway, IP_NET);
	forgery = one_forgery(bed, "sent as");
	assert_ip(&forgery.ip, IP_HOST);
	arp(bed, port0, a, ARPOP_REPLY, a, IP_NET, IP_NET, net, NULL);
	forgery = one_forgery(bed, "forged ARP for");
	assert_ip(&forgery.ip, IP_NET);
	arp(bed, port0, a, ARPOP_REPLY, gateway, IP_A, IP_NET, net, NULL);
	forgery = one_forgery(bed, "forged ARP in the name of");
	assert_int_equal(forgery.device, bed->a.number);
	assert_true(mac_equal(&forgery.mac, gateway));
	icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 136, IP6_B, net, NULL);
	forgery = one_forgery(bed, "forged a neighbour advertisement for");
	assert_int_equal(forgery.device, bed->a.number);
	assert_ip(&forgery.ip, IP6_B);
	icmp6(bed, port0, a, gateway, IP6_A, IP6_NET, 134, NULL, net, NULL);
	forgery = one_forgery(bed, "spoke as a router, as");
	assert_int_equal(forgery.device, bed->a.number);

	/* Out of a captured umbox of its chain. */
	int out = bed_packet_socket(umboxes[0].netns, "out");
	udp(bed, out, a, IP_B, net, gateway, IP_NET);
	close(out);
	forgery = one_forgery(bed, "sent as");
	assert_int_equal(forgery.device, bed->a.number);
	assert_string_equal(forgery.place, "u10o");

	/* What the network does in a device's name is not the device's doing. */
	udp(bed, net, b, IP_B, port0, a, IP_A);
	forgery = one_forgery(bed, "its MAC was used by somebody else");
	assert_int_equal(forgery.device, bed->b.number);
	assert_false(forgery.by_device);
	assert_string_equal(forgery.place, "up0");
	arp(bed, net, gateway, ARPOP_REPLY, gateway, IP_B, IP_A, port0, NULL);
	forgery = one_forgery(bed, "somebody else claimed");
	assert_int_equal(forgery.device, bed->b.number);
	assert_false(forgery.by_device);
	assert_true(mac_equal(&forgery.mac, gateway));
	icmp6(bed, net, gateway, a, IP6_NET, IP6_A, 136, IP6_B, port0, NULL);
	forgery = one_forgery(bed, "somebody else claimed");
	assert_int_equal(forgery.device, bed->b.number);
	assert_false(forgery.by_device);

	/* Frames that pass leave no trace; those of strangers belong to nobody. */
	const struct mac stranger = bed_mac(0x66);
	struct forgeries none = {0};
	udp(bed, port0, a, IP_A, net, gateway, IP_NET);
	udp(bed, port0, &stranger, IP_B, net, gateway, IP_NET);
	udp(bed, port0, b, IP_B, net, gateway, IP_NET);
	assert_done(nft_read_forgeries(bed->nft, on_forgery, &none, &err));
	assert_int_equal(none.count, 0);
	assert_int_equal(nft_find_mac(bed->nft, b), bed->b.number);
	assert_int_equal(nft_find_mac(bed->nft, &stranger), 0);

	/* An address that has become its own meanwhile. */
	udp(bed, port0, a, "10.9.0.77", net, gateway, IP_NET);
	struct device_identity more = bed->a;
	assert_int_equal(ip_parse(&more.ips[more.ip_count++], "10.9.0.77", NULL), 0);
	plane_enrol(bed, &more);
	assert_int_equal(one_forgery(bed, "sent as").device, 0);
	plane_close_all(bed, umboxes);
}

static const struct mac mdns = {{0x01, 0, 0x5e, 0, 0, 0xfb}};
static const struct mac solicited = {{0x33, 0x33, 0xff, 0, 0, 0x12}};

static unsigned dhcp(struct plane_bed *bed, int from, const struct mac *from_mac,
		     const char *from_ip, uint16_t from_port, uint16_t to_port, int to,
		     struct bed_frame *ret)
{
	struct bed_frame frame;
	bed_frame_udp(&frame, &(struct bed_udp){.from = *from_mac,
						.to = bed_broadcast,
						.from_ip = from_ip,
						.to_ip = "255.255.255.255",
						.from_port = from_port,
						.to_port = to_port,
						.tag = bed->tag++});
	return send_to(bed, from, &frame, to, ret);
}

enum { HEAR_MS = 60 * 1000 };

struct heard {
	struct claim list[64];
	uint32_t devices[64];
	unsigned count;
};

static void on_claim(void *data, uint32_t device, const struct claim *claim)
{
	struct heard *heard = data;
	assert_true(heard->count < ARRAY_SIZE(heard->list));
	heard->devices[heard->count] = device;
	heard->list[heard->count++] = *claim;
}

/* Listens until something of this kind is heard. */
static struct heard hear(struct plane_bed *bed, enum claim_kind kind)
{
	struct heard heard = {0};
	struct pollfd poll_fd = {.fd = nft_heard_fd(bed->nft), .events = POLLIN};
	assert_true(poll_fd.fd >= 0);
	while (!heard.count || heard.list[heard.count - 1].kind != kind) {
		assert_int_equal(poll(&poll_fd, 1, HEAR_MS), 1);
		assert_done(nft_read_heard(bed->nft, on_claim, &heard, &err));
	}
	return heard;
}

static void assert_heard(struct plane_bed *bed, enum claim_kind kind, const char *ip)
{
	struct heard heard = hear(bed, kind);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.devices[0], bed->c.number);
	assert_int_equal(heard.list[0].kind, kind);
	assert_true(mac_equal(&heard.list[0].mac, &bed->c.mac));
	assert_ip(&heard.list[0].ip, ip);
}

/* A DHCP request of `client`, or the answer to it; neither is there to arrive anywhere. */
static void send_dhcp(struct plane_bed *bed, int from, const struct mac *from_mac, bool answer,
		      const struct mac *client)
{
	static const uint8_t request[] = {53, 1, 3, 255};
	static const uint8_t ack[] = {53, 1, 5, 54, 4, 10, 9, 0, 2, 51, 4, 0, 0, 1, 0, 255};
	struct bed_frame frame;
	bed_frame_udp(&frame, &(struct bed_udp){.from = *from_mac,
						.to = bed_broadcast,
						.from_ip = answer ? IP_NET : "0.0.0.0",
						.to_ip = "255.255.255.255",
						.from_port = answer ? 67 : 68,
						.to_port = answer ? 68 : 67,
						.tag = bed->tag++,
						.payload = 300});
	uint8_t *bootp = frame.bytes + 14 + 20 + 8;
	memset(bootp, 0, 240);
	memcpy(bootp, (uint8_t[]){answer ? 2 : 1, 1, 6, 0, 1, 2, 3, 4}, 8);
	if (answer)
		memcpy(bootp + 16, (uint8_t[]){10, 9, 0, 77}, 4);
	memcpy(bootp + 28, client, 6);
	memcpy(bootp + 236, (uint8_t[]){99, 130, 83, 99}, 4);
	memcpy(bootp + 240, answer ? ack : request, answer ? sizeof(ack) : sizeof(request));
	bed_send(from, &frame);
}

static void addresses_are_heard_of(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *a = &bed->a.mac, *c = &bed->c.mac, *gateway = &bed->gateway;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	plane_route_all(bed, umboxes);

	send_dhcp(bed, port1, c, false, c);
	assert_heard(bed, CLAIM_ASK, "");
	send_dhcp(bed, net, gateway, true, c);
	assert_heard(bed, CLAIM_LEASE, "10.9.0.77");
	icmp6(bed, port1, c, &solicited, "::", "ff02::1:ff00:77", 135, "fd09::77", net, NULL);
	assert_heard(bed, CLAIM_ND, "fd09::77");
	icmp6(bed, port1, c, gateway, "fd09::78", IP6_NET, 136, "fd09::78", net, NULL);
	assert_heard(bed, CLAIM_ND, "fd09::78");
	arp(bed, port1, c, ARPOP_REQUEST, c, "10.9.0.78", IP_NET, net, NULL);
	assert_heard(bed, CLAIM_ARP, "10.9.0.78");

	/* Not: a device as a server, one with fixed addresses, for a stranger, the host's and a
	 * sibling's addresses, out of a umbox. */
	const struct mac stranger = bed_mac(0x66);
	send_dhcp(bed, port0, a, true, c);
	send_dhcp(bed, port0, a, false, a);
	send_dhcp(bed, net, gateway, true, &stranger);
	arp(bed, port1, c, ARPOP_REPLY, c, IP_HOST, IP_NET, net, NULL);
	icmp6(bed, port1, c, gateway, "fe80::c", IP6_NET, 136, IP6_A, net, NULL);
	int out = bed_packet_socket(umboxes[2].netns, "out");
	arp(bed, out, c, ARPOP_REQUEST, c, "10.9.0.79", IP_NET, net, NULL);
	close(out);
	send_dhcp(bed, net, gateway, true, c);
	struct heard heard = hear(bed, CLAIM_LEASE);
	for (unsigned i = 0; i + 1 < heard.count; i++)
		assert_ip(&heard.list[i].ip, IP6_A); /* whose it is, others know */

	/* Nobody talks without end, and nobody talks another down. */
	for (unsigned i = 0; i < 60; i++) {
		struct bed_frame frame;
		bed_frame_arp(&frame, c, &bed_broadcast, ARPOP_REQUEST, c, "10.9.0.80", IP_NET,
			      bed->tag++);
		bed_send(port1, &frame);
	}
	send_dhcp(bed, net, gateway, true, c);
	assert_true(hear(bed, CLAIM_LEASE).count < 50);
	plane_close_all(bed, umboxes);
}

static void learn(struct plane_bed *bed, enum learnt_how how, const char *ip, bool expired)
{
	struct learnt_address learnt = {.how = how, .expired = expired};
	assert_int_equal(ip_parse(&learnt.ip, ip, NULL), 0);
	bed->c.learnt[bed->c.learnt_count++] = learnt;
	plane_enrol(bed, &bed->c);
	struct driver_device view;
	nft_view(bed->nft, bed->c.number, &view);
	assert_true(view.enrolled && view.path.state == PATH_WHOLE);
	assert_true(device_same_identity(&view.as, &bed->c));
}

/* A lease holds against everybody; what a device announces, against itself and its siblings. */
static void learnt_addresses_are_held_to_their_devices(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *c = &bed->c.mac, *gateway = &bed->gateway;
	struct device_identity *b = &bed->b;
	int port1 = bed->at_port[1], net = bed->at_network;
	plane_route_all(bed, umboxes);
	b->ip_count = 0; /* B may have what nobody has */
	plane_enrol(bed, b);

	assert_int_equal(udp(bed, port1, &b->mac, "10.9.0.77", net, gateway, IP_NET), 1);
	learn(bed, LEARNT_LEASE, "10.9.0.77", false);
	assert_int_equal(udp(bed, port1, c, "10.9.0.77", net, gateway, IP_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port1, c, "10.9.0.78", net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_IP,
		       udp(bed, port1, &b->mac, "10.9.0.77", net, gateway, IP_NET));
	assert_dropped(NFT_DROP_SPOOF_ARP, arp(bed, net, gateway, ARPOP_REPLY, gateway, "10.9.0.77",
					       IP_A, bed->at_port[0], NULL));

	assert_int_equal(udp(bed, port1, c, "fd09::78", net, gateway, IP6_NET), 1);
	learn(bed, LEARNT_ND, "fd09::77", false);
	assert_int_equal(udp(bed, port1, c, "fd09::77", net, gateway, IP6_NET), 1);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port1, c, "fd09::78", net, gateway, IP6_NET));
	assert_dropped(NFT_DROP_SPOOF_IP,
		       udp(bed, port1, &b->mac, "fd09::77", net, gateway, IP6_NET));
	assert_dropped(NFT_DROP_SPOOF_ND, icmp6(bed, port1, &b->mac, gateway, "fe80::b", IP6_NET,
						136, "fd09::77", net, NULL));
	/* It may announce more; the network keeps what it has. */
	assert_int_equal(
		icmp6(bed, port1, c, gateway, "fd09::79", IP6_NET, 136, "fd09::79", net, NULL), 1);
	assert_int_equal(icmp6(bed, net, gateway, &bed->a.mac, IP6_NET, IP6_A, 136, "fd09::77",
			       bed->at_port[0], NULL),
			 1);

	/* A lease that is over binds all the same. */
	bed->c.learnt_count = 0;
	learn(bed, LEARNT_LEASE, "10.9.0.77", true);
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, port1, c, "10.9.0.77", net, gateway, IP_NET));
	assert_int_equal(dhcp(bed, port1, c, "0.0.0.0", 68, 67, net, NULL), 1);
	plane_close_all(bed, umboxes);
}

static void vlan_and_other_protocols_are_dropped(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct bed_frame plain, frame;
	plane_route_all(bed, umboxes);
	bed_frame_udp(&plain, &(struct bed_udp){.from = bed->a.mac,
						.to = bed->gateway,
						.from_ip = IP_A,
						.to_ip = IP_NET,
						.from_port = PORT,
						.to_port = PORT,
						.tag = bed->tag++});
	static const uint8_t tags[][4] = {{0x81, 0x00, 0x00, 0x05}, {0x88, 0xa8, 0x00, 0x05}};
	int captured = bed_packet_socket(umboxes[0].netns, "out");
	for (unsigned i = 0; i < ARRAY_SIZE(tags); i++) {
		memcpy(frame.bytes, plain.bytes, 12);
		memcpy(frame.bytes + 12, tags[i], 4);
		memcpy(frame.bytes + 16, plain.bytes + 12, plain.length - 12);
		frame.length = plain.length + 4;
		assert_dropped(NFT_DROP_VLAN,
			       send_to(bed, bed->at_port[0], &frame, bed->at_network, NULL));
		assert_dropped(NFT_DROP_VLAN,
			       send_to(bed, captured, &frame, bed->at_network, NULL));
		/* And toward a device. */
		memcpy(frame.bytes, &bed->a.mac, 6);
		memcpy(frame.bytes + 6, &bed->gateway, 6);
		assert_dropped(NFT_DROP_VLAN,
			       send_to(bed, bed->at_network, &frame, bed->at_port[0], NULL));
	}
	close(captured);
	/* LLDP; and IPv4 in LLC and SNAP, of which an access point would make a plain frame. */
	static const uint8_t others[][10] = {{0x88, 0xcc},
					     {0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00}};
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		frame = plain;
		memcpy(frame.bytes + 12, others[i], sizeof(others[i]));
		memcpy(frame.bytes + 22, plain.bytes + 14, plain.length - 14);
		frame.length = plain.length + 8;
		assert_dropped(NFT_DROP_PROTOCOL,
			       send_to(bed, bed->at_port[0], &frame, bed->at_network, NULL));
		memcpy(frame.bytes, &bed->a.mac, 6);
		memcpy(frame.bytes + 6, &bed->gateway, 6);
		assert_dropped(NFT_DROP_PROTOCOL,
			       send_to(bed, bed->at_network, &frame, bed->at_port[0], NULL));
	}
	plane_close_all(bed, umboxes);
}

static void set_ip_checksum(struct bed_frame *frame)
{
	uint8_t *header = frame->bytes + 14;
	uint32_t sum = 0;
	header[10] = header[11] = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}

static void fragments_pass_as_their_own_device(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	for (unsigned i = 0; i < 4; i++) {
		struct bed_frame frame;
		bool forged = i & 1, first = i < 2;
		bed_frame_udp(&frame, &(struct bed_udp){.from = bed->a.mac,
							.to = bed->gateway,
							.from_ip = forged ? IP_B : IP_A,
							.to_ip = IP_NET,
							.from_port = PORT,
							.to_port = PORT,
							.tag = bed->tag++});
		frame.bytes[14 + 6] = first ? 0x20 : 0x00; /* more to come; or offset 800 */
		frame.bytes[14 + 7] = first ? 0x00 : 0x64;
		set_ip_checksum(&frame);
		assert_int_equal(send_to(bed, bed->at_port[0], &frame, bed->at_network, NULL),
				 forged ? 0 : 1);
	}
	assert_int_equal(plane_dropped(bed, NFT_DROP_SPOOF_IP), 2);
	plane_close_all(bed, umboxes);
}

static void multicast_passes_where_it_is_needed(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct bed_frame got;
	const struct mac *a = &bed->a.mac, *gateway = &bed->gateway;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	plane_route_all(bed, umboxes);

	/* From a device: DHCP, duplicate address detection; nothing else. */
	assert_int_equal(dhcp(bed, port0, a, "0.0.0.0", 68, 67, net, NULL), 1);
	assert_int_equal(
		icmp6(bed, port0, a, &solicited, "::", "ff02::1:ff00:11", 135, IP6_A, net, NULL),
		1);
	assert_int_equal(icmp6(bed, port0, a, &solicited, IP6_A, "ff02::2", 133, NULL, net, NULL),
			 1);
	assert_dropped(NFT_DROP_MULTICAST, udp(bed, port0, a, IP_A, net, &mdns, "224.0.0.251"));
	assert_dropped(NFT_DROP_MULTICAST,
		       icmp6(bed, port0, a, &solicited, "::", "ff02::16", 143, NULL, net, NULL));

	/* Toward devices: one copy each, addressed to the device; none more. */
	assert_int_equal(dhcp(bed, net, gateway, IP_NET, 67, 68, port0, &got), 1);
	assert_memory_equal(got.bytes, a, 6);
	assert_int_equal(dhcp(bed, net, gateway, IP_NET, 67, 68, port1, NULL), 2);
	assert_int_equal(
		icmp6(bed, net, gateway, &solicited, "fe80::1", "ff02::1", 134, NULL, port1, NULL),
		2);
	plane_dropped(bed, NFT_DROP_MULTICAST);
	assert_int_equal(udp(bed, net, gateway, IP_NET, port0, &mdns, "224.0.0.251"), 0);
	assert_int_equal(plane_dropped(bed, NFT_DROP_MULTICAST), 3);

	/* Allowed: both ways, under the chain in force. */
	bed->a.multicast = true;
	plane_enrol(bed, &bed->a);
	assert_int_equal(udp(bed, port0, a, IP_A, net, &mdns, "224.0.0.251"), 1);
	assert_int_equal(udp(bed, net, gateway, IP_NET, port0, &mdns, "224.0.0.251"), 1);
	/* Without a chain as well. */
	plane_route(bed, &bed->a, 0, NULL);
	assert_int_equal(udp(bed, port0, a, IP_A, net, &mdns, "224.0.0.251"), 1);
	assert_int_equal(udp(bed, net, gateway, IP_NET, port0, &mdns, "224.0.0.251"), 1);
	plane_close_all(bed, umboxes);
}

static void questions_go_to_the_owner_only(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct bed_frame got;
	const struct mac *a = &bed->a.mac, *b = &bed->b.mac, *gateway = &bed->gateway;
	int port0 = bed->at_port[0], port1 = bed->at_port[1], net = bed->at_network;
	const int request = ARPOP_REQUEST;
	plane_route_all(bed, umboxes);

	/* From the network: one copy at B's port, where C lives, too. */
	assert_int_equal(arp(bed, net, gateway, request, gateway, IP_NET, IP_B, port1, &got), 1);
	assert_memory_equal(got.bytes, b, 6);
	assert_int_equal(arp(bed, net, gateway, request, gateway, IP_NET, IP_B, port0, NULL), 0);
	assert_int_equal(icmp6(bed, net, gateway, &solicited, IP6_NET, "ff02::1:ff00:12", 135,
			       IP6_B, port1, &got),
			 1);
	assert_memory_equal(got.bytes, b, 6);
	/* For nobody known: to all. */
	assert_int_equal(arp(bed, net, gateway, request, gateway, IP_NET, "10.9.0.50", port1, NULL),
			 2);
	/* From a sibling. */
	assert_int_equal(arp(bed, port0, a, request, a, IP_A, IP_B, port1, &got), 1);
	assert_memory_equal(got.bytes, b, 6);
	assert_int_equal(arp(bed, port0, a, request, a, IP_A, IP_B, net, NULL), 0);
	assert_int_equal(
		icmp6(bed, port0, a, &solicited, IP6_A, "ff02::1:ff00:12", 135, IP6_B, port1, &got),
		1);
	assert_memory_equal(got.bytes, b, 6);
	plane_close_all(bed, umboxes);
}

static void device_to_device_goes_through_both_chains(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3], more;
	unsigned marks;
	plane_route_all(bed, umboxes);
	bed_umbox_open(&more, bed->link, bed->nft, 0x20, 4);
	ROUTE(bed, &bed->b, 0x11, 0x20);
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_port[1], &bed->b.mac, &marks),
		1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 4);
	assert_int_equal(
		plane_pass(bed, bed->at_port[1], &bed->b.mac, bed->at_port[0], &bed->a.mac, &marks),
		1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 4);
	/* From and to a device without hops. */
	plane_route(bed, &bed->a, 0, NULL);
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_port[1], &bed->b.mac, &marks),
		1);
	assert_int_equal(marks, 1 << 2 | 1 << 4);
	assert_int_equal(
		plane_pass(bed, bed->at_port[1], &bed->b.mac, bed->at_port[0], &bed->a.mac, &marks),
		1);
	assert_int_equal(marks, 1 << 2 | 1 << 4);
	/* Not when either is held. */
	assert_done(nft_hold(bed->nft, bed->b.number, false, &err));
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_port[1], &bed->b.mac, NULL),
		0);
	assert_int_equal(
		plane_pass(bed, bed->at_port[1], &bed->b.mac, bed->at_port[0], &bed->a.mac, NULL),
		0);
	/* Never out of the port that the sender is behind: a switch there would learn it wrong. */
	ROUTE(bed, &bed->b, 0x11);
	plane_dropped(bed, NFT_DROP_RETURN);
	assert_dropped(NFT_DROP_RETURN, udp(bed, bed->at_port[1], &bed->b.mac, IP_B,
					    bed->at_port[1], &bed->c.mac, "10.9.0.77"));
	bed_umbox_close(&more, bed->link, bed->nft);
	plane_close_all(bed, umboxes);
}

static void a_captured_umbox_speaks_for_its_device_only(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	const struct mac *a = &bed->a.mac, *b = &bed->b.mac, *gateway = &bed->gateway;
	plane_route_all(bed, umboxes);
	int out = bed_packet_socket(umboxes[0].netns, "out");
	int in = bed_packet_socket(umboxes[0].netns, "in");
	int net = bed->at_network;
	assert_int_equal(udp(bed, out, a, IP_A, net, gateway, IP_NET), 1);
	assert_dropped(NFT_DROP_LEG, udp(bed, out, b, IP_B, net, gateway, IP_NET));
	assert_dropped(NFT_DROP_LEG, udp(bed, out, gateway, IP_NET, bed->at_port[1], b, IP_B));
	assert_dropped(NFT_DROP_SPOOF_IP, udp(bed, out, a, IP_B, net, gateway, IP_NET));
	assert_int_equal(udp(bed, in, gateway, IP_NET, bed->at_port[0], a, IP_A), 1);
	assert_dropped(NFT_DROP_LEG, udp(bed, in, gateway, IP_NET, bed->at_port[0], b, IP_B));
	close(in);
	close(out);
	plane_close_all(bed, umboxes);
}

static void assert_answers(int netns, const char *target)
{
	if (bed_try(netns, "ping -qc2 -i0.05 -W60 %s >/dev/null", target) != 0)
		fail_msg("%s does not answer", target);
}

/* The kernel's own ARP, ND, and big packets, from a device to the network and to the host. */
static void real_hosts_talk(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	char mac[MAC_TEXT_BYTES];
	plane_route_all(bed, umboxes);
	mac_print(mac, &bed->a.mac);
	bed_run(bed->devices,
		"sysctl -qw net.ipv6.conf.d0.disable_ipv6=0 net.ipv6.conf.d0.accept_dad=0\n"
		"ip link set d0 address %s; ip addr add " IP_A "/24 dev d0\n"
		"ip addr add " IP6_A "/64 dev d0 nodad",
		mac);
	bed_run(bed->network,
		"sysctl -qw net.ipv6.conf.n0.disable_ipv6=0 net.ipv6.conf.n0.accept_dad=0\n"
		"ip addr add " IP_NET "/24 dev n0; ip addr add " IP6_NET "/64 dev n0 nodad");
	assert_answers(bed->devices, IP_NET);
	assert_answers(bed->devices, IP_HOST);
	assert_answers(bed->devices, IP6_NET);
	assert_answers(bed->devices, "-s 8000 " IP_NET);
	assert_answers(bed->network, "-s 8000 " IP_A);
	assert_answers(bed->network, "-s 8000 " IP6_A);
	assert_int_equal(plane_dropped(bed, NFT_DROP_SPOOF_ARP), 0);
	assert_int_equal(plane_dropped(bed, NFT_DROP_SPOOF_ND), 0);
	plane_close_all(bed, umboxes);
}

static void jumbo_frames_pass(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct bed_frame frame;
	plane_route_all(bed, umboxes);
	bed_frame_udp(&frame, &(struct bed_udp){.from = bed->a.mac,
						.to = bed->gateway,
						.from_ip = IP_A,
						.to_ip = IP_NET,
						.from_port = PORT,
						.to_port = PORT,
						.tag = bed->tag++,
						.payload = 8900});
	assert_int_equal(send_to(bed, bed->at_port[0], &frame, bed->at_network, NULL), 1);
	plane_close_all(bed, umboxes);
}

/* A socket like hostapd's: of one protocol, so that it stands behind the rules. */
static int eapol_socket(struct plane_bed *bed, const char *port)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_PAE)};
	struct error err = {0};
	int fd = namespace_socket(link_namespace(bed->link), AF_PACKET, SOCK_RAW, htons(ETH_P_PAE),
				  &err);
	assert_true(fd >= 0);
	address.sll_ifindex = (int)link_find(bed->link, port)->index;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void access_points_get_what_they_need(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct bed_frame frame;
	const struct mac station = bed_mac(0x66); /* is not enrolled */
	int at[] = {eapol_socket(bed, "port0"), eapol_socket(bed, "port1")};
	plane_route_all(bed, umboxes);
	for (unsigned port = 0; port < 2; port++) {
		bed_frame_arp(&frame, &station, &bed->gateway, 1, &station, IP_A, IP_A, bed->tag++);
		frame.bytes[12] = ETH_P_PAE >> 8;
		frame.bytes[13] = ETH_P_PAE & 0xff;
		assert_int_equal(send_to(bed, bed->at_port[port], &frame, at[port], NULL),
				 port == 0 ? 1 : 0);
		memcpy(frame.bytes + 6, port == 0 ? &bed->a.mac : &bed->b.mac, 6);
		assert_int_equal(send_to(bed, bed->at_port[port], &frame, at[port], NULL),
				 port == 0 ? 1 : 0);
		close(at[port]);
	}
	/* Station to station by the same access point, through both chains. */
	unsigned marks;
	struct mac b = bed->b.mac, c = bed->c.mac;
	assert_int_equal(plane_pass(bed, bed->at_port[1], &b, bed->at_port[1], &c, &marks), 1);
	assert_int_equal(marks, 1 << 2 | 1 << 3);
	plane_close_all(bed, umboxes);
}

/* Whether the rules can be read by people: with the nft program, in time, every expression known.
 */
static void rules_can_be_listed(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	assert_int_equal(
		bed_try(link_namespace(bed->link),
			"timeout 60 nft list ruleset > /run/netns/listed\n"
			"! grep -n 'unknown[^_\" {]' /run/netns/listed | grep -v '@unknown'\n"
			"grep -q 'comment \"device 10\"' /run/netns/listed\n"
			"grep -q '\"u10i\"' /run/netns/listed\n"
			"grep -q 'fwd to iif map @nx' /run/netns/listed\n"),
		0);
	plane_close_all(bed, umboxes);
}

#define TEST(test, open) cmocka_unit_test_setup_teardown(test, open, plane_close)
/* The ways that kernels without owned tables and lists of hooks go. */
#define OLD(test)                                                                  \
	{                                                                          \
#test "_on_an_old_kernel", test, plane_open_old, plane_close, NULL \
	}

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		TEST(frames_go_through_the_whole_chain, plane_open),
		TEST(strangers_are_dropped_and_told_once, plane_open),
		TEST(a_device_is_no_stranger_once_it_is_enrolled, plane_open),
		TEST(addresses_are_held_to_their_devices, plane_open),
		TEST(forged_answers_are_dropped, plane_open),
		TEST(the_host_owns_its_addresses, plane_open),
		TEST(forged_frames_are_told_of_who_sent_them, plane_open),
		TEST(addresses_are_heard_of, plane_open),
		TEST(learnt_addresses_are_held_to_their_devices, plane_open),
		TEST(vlan_and_other_protocols_are_dropped, plane_open),
		TEST(fragments_pass_as_their_own_device, plane_open),
		TEST(multicast_passes_where_it_is_needed, plane_open),
		TEST(questions_go_to_the_owner_only, plane_open),
		TEST(device_to_device_goes_through_both_chains, plane_open),
		TEST(a_captured_umbox_speaks_for_its_device_only, plane_open),
		TEST(real_hosts_talk, plane_open),
		TEST(jumbo_frames_pass, plane_open_jumbo),
		TEST(access_points_get_what_they_need, plane_open_wireless),
		TEST(rules_can_be_listed, plane_open),
		OLD(frames_go_through_the_whole_chain),
		OLD(the_host_owns_its_addresses),
		OLD(forged_frames_are_told_of_who_sent_them),
		OLD(device_to_device_goes_through_both_chains),
		OLD(rules_can_be_listed),
	};
	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
