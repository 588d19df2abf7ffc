/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link_try.c - frames of our own into the legs of a umbox that nothing leads to yet; see
 * link.h. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/socket.h>

#include "driver/link_inner.h"
#include "io/namespace.h"

/* Nobody's: made for this, and locally administered. */
static const struct mac SOMEBODY = {{0x02, 'k', 'a', 'l', 'k', 'i'}};

struct arp_probe {
	struct ethhdr ethernet;
	struct ether_arp arp;
	uint8_t padding[ETH_ZLEN - sizeof(struct ethhdr) - sizeof(struct ether_arp)];
};

/* RFC 5227: from no address, so that nobody learns anything of it. */
static void make_probe(struct arp_probe *probe, const struct mac *from,
		       const struct device_identity *device)
{
	*probe = (struct arp_probe){
		.ethernet.h_proto = htons(ETH_P_ARP),
		.arp.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
			       .ar_pro = htons(ETH_P_IP),
			       .ar_hln = ETH_ALEN,
			       .ar_pln = sizeof(struct in_addr),
			       .ar_op = htons(ARPOP_REQUEST)},
	};
	memset(probe->ethernet.h_dest, 0xff, ETH_ALEN);
	memcpy(probe->ethernet.h_source, from->octet, ETH_ALEN);
	memcpy(probe->arp.arp_sha, from->octet, ETH_ALEN);
	const struct ip *ip = device_ip4(device);
	if (ip)
		memcpy(probe->arp.arp_tpa, ip->octet, sizeof(probe->arp.arp_tpa));
}

/* Kept: to close one takes the kernel some 10 ms. */
static int open_socket(struct link *link, struct error *err)
{
	if (link->packet_fd >= 0)
		return 0;
	int fd = namespace_socket(link->netns, AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
				  0, err);
	if (fd < 0)
		return fd;
	link->packet_fd = fd;
	return 0;
}

int link_try_legs(struct link *link, uint32_t umbox, const struct device_identity *device,
		  struct error *err)
{
	static const enum leg_side sides[] = {LEG_IN, LEG_OUT};
	int result = open_socket(link, err);
	for (unsigned i = 0; i < ARRAY_SIZE(sides) && result == 0; i++) {
		char name[LINK_NAME_BYTES];
		struct arp_probe probe;
		leg_name(name, umbox, sides[i]);
		const struct link_view *leg = link_find(link, name);
		if (!leg)
			return error_set(err, -ENOENT, "there is no leg '%s'", name);
		struct sockaddr_ll address = {.sll_family = AF_PACKET,
					      .sll_protocol = htons(ETH_P_ARP),
					      .sll_ifindex = (int)leg->index};
		make_probe(&probe, sides[i] == LEG_IN ? &device->mac : &SOMEBODY, device);
		if (sendto(link->packet_fd, &probe, sizeof(probe), MSG_DONTWAIT,
			   (const struct sockaddr *)&address, sizeof(address)) < 0)
			result = error_errno(err, -errno, "a frame into leg '%s'", name);
	}
	return result;
}
