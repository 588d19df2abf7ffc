/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_bed.c - see plane_bed.h. */
#include "plane_bed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static struct device_identity make_device(uint32_t number, const char *port, const char *ip,
					  const char *ip6)
{
	struct device_identity device = {.number = number, .mac = bed_mac(number)};
	TEXT_COPY(device.port, port);
	if (ip)
		assert_int_equal(ip_parse(&device.ips[device.ip_count++], ip, NULL), 0);
	if (ip6)
		assert_int_equal(ip_parse(&device.ips[device.ip_count++], ip6, NULL), 0);
	return device;
}

void plane_enrol(struct plane_bed *bed, const struct device_identity *device)
{
	assert_done(link_add_slot(bed->link, device, &err));
	assert_done(nft_enrol(bed->nft, device, &err));
}

void plane_enter(struct plane_bed *bed)
{
	assert_done(link_open(&bed->link, "test", &bed->plane, &err));
	assert_done(nft_open(&bed->nft, bed->link, &bed->options, &err));
}

void plane_leave(struct plane_bed *bed)
{
	nft_close(bed->nft);
	link_close(bed->link);
	bed->nft = NULL;
	bed->link = NULL;
}

static struct plane_bed *bed_make(const struct nft_options *options, unsigned mtu, bool wireless)
{
	struct plane_bed *bed = calloc(1, sizeof(*bed));
	assert_non_null(bed);
	bed->options = *options;
	bed->devices = bed_namespace();
	bed->network = bed_namespace();
	bed_pair(-1, "port0", bed->devices, "d0");
	bed_pair(-1, "port1", bed->devices, "d1");
	bed_pair(-1, "up0", bed->network, "n0");
	bed_run(-1, "for i in port0 port1 up0; do ip link set $i mtu %u; done", mtu);
	bed_run(bed->devices, "ip link set d0 mtu %u; ip link set d1 mtu %u", mtu, mtu);
	bed_run(bed->network, "ip link set n0 mtu %u", mtu);
	bed->plane = (struct data_plane){
		.namespace = "kalki-test",
		.ports = {{.name = "port0", .eapol_up = wireless},
			  {.name = "port1", .hairpin = wireless}},
		.port_count = 2,
		.network_port = "up0",
		.host_leg = "kalki0",
		.host_addresses = {IP_HOST "/24"},
		.host_address_count = 1,
	};
	plane_enter(bed);
	bed->at_port[0] = bed_packet_socket(bed->devices, "d0");
	bed->at_port[1] = bed_packet_socket(bed->devices, "d1");
	bed->at_network = bed_packet_socket(bed->network, "n0");
	bed->at_host = bed_packet_socket(-1, "kalki0");
	bed->a = make_device(0xa, "port0", IP_A, IP6_A);
	bed->b = make_device(0xb, "port1", IP_B, IP6_B);
	bed->c = make_device(0xc, "port1", NULL, NULL);
	bed->gateway = bed_mac(0x99);
	bed->tag = 0x7a670000;
	plane_enrol(bed, &bed->a);
	plane_enrol(bed, &bed->b);
	plane_enrol(bed, &bed->c);
	return bed;
}

int plane_open(void **state)
{
	*state = bed_make(&(struct nft_options){0}, 1500, false);
	return 0;
}

int plane_open_old(void **state)
{
	const struct nft_options old = {.without_owner = true, .without_hook_lists = true};
	*state = bed_make(&old, 1500, false);
	return 0;
}

int plane_open_jumbo(void **state)
{
	*state = bed_make(&(struct nft_options){0}, 9000, false);
	return 0;
}

int plane_open_wireless(void **state)
{
	*state = bed_make(&(struct nft_options){0}, 1500, true);
	return 0;
}

int plane_close(void **state)
{
	struct plane_bed *bed = *state;
	plane_leave(bed);
	assert_done(link_teardown("test", &bed->plane, &err));
	bed_run(-1, "ip link del port0; ip link del port1; ip link del up0");
	int fds[] = {bed->devices,    bed->network,    bed->at_port[0],
		     bed->at_port[1], bed->at_network, bed->at_host};
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	free(bed);
	return 0;
}

void plane_route(struct plane_bed *bed, const struct device_identity *device, unsigned count,
		 const uint32_t *ids)
{
	struct path path = {.state = PATH_WHOLE, .count = count};
	if (count)
		memcpy(path.ids, ids, count * sizeof(*ids));
	assert_done(nft_route(bed->nft, device->number, &path, false, &err));
	struct driver_device view;
	nft_view(bed->nft, device->number, &view);
	assert_true(view.enrolled);
	assert_true(path_equal(&view.path, &path));
}

static const char *ip_of(const struct plane_bed *bed, const struct mac *mac)
{
	if (mac_equal(mac, &bed->a.mac))
		return IP_A;
	return mac_equal(mac, &bed->b.mac) ? IP_B : IP_NET;
}

unsigned plane_pass(struct plane_bed *bed, int from, const struct mac *from_mac, int to,
		    const struct mac *to_mac, unsigned *ret_marks)
{
	struct bed_frame frame, got = {0};
	uint32_t tag = bed->tag++;
	bed_frame_udp(&frame, &(struct bed_udp){.from = *from_mac,
						.to = *to_mac,
						.from_ip = ip_of(bed, from_mac),
						.to_ip = ip_of(bed, to_mac),
						.from_port = PORT,
						.to_port = PORT,
						.tag = tag});
	unsigned count = bed_pass(from, &frame, to, tag, &got);
	if (ret_marks)
		*ret_marks = count ? bed_marks(&got) : 0;
	return count;
}

uint64_t plane_dropped(struct plane_bed *bed, enum nft_drop drop)
{
	struct nft_drops drops;
	assert_done(nft_read_drops(bed->nft, &drops, &err));
	return drops.news[drop];
}

void plane_route_all(struct plane_bed *bed, struct bed_umbox umboxes[3])
{
	const struct device_identity *devices[] = {&bed->a, &bed->b, &bed->c};
	for (uint32_t i = 0; i < 3; i++) {
		bed_umbox_open(&umboxes[i], bed->link, bed->nft, 0x10 + i, i + 1);
		ROUTE(bed, devices[i], 0x10 + i);
	}
	plane_dropped(bed, NFT_DROP_COUNT - 1); /* what is told from now on is new */
}

void plane_close_all(struct plane_bed *bed, struct bed_umbox umboxes[3])
{
	for (unsigned i = 0; i < 3; i++)
		bed_umbox_close(&umboxes[i], bed->link, bed->nft);
}
