/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_data_plane.c - links, rules and steering against the kernel: what passes, which way, and
 * what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "testbed.h"

enum { WAIT_MS = 500, ABSENT_MS = 60, PORT = 7777 };

#define IP_A    "10.9.0.11"
#define IP_B    "10.9.0.12"
#define IP_NET  "10.9.0.2"
#define IP_HOST "10.9.0.1"
#define IP6_A   "fd09::11"
#define IP6_B   "fd09::12"
#define IP6_NET "fd09::2"

/* Two device ports, a network port, a host leg; devices A (port0) and B (port1) with fixed
 * addresses, and C (port1) with none. */
struct world_bed {
	struct data_plane plane;
	struct nft_options options;
	int devices, network; /* namespaces */
	int at_port[2], at_network, at_host;
	struct link *link;
	struct nft *nft;
	struct device a, b, c;
	struct mac gateway;
	uint32_t tag;
};

#define assert_done(call)                                    \
	do {                                                 \
		struct error err = {0};                      \
		int result_ = (call);                        \
		if (result_ < 0)                             \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

static struct device make_device(uint32_t number, const char *port, const char *ip, const char *ip6)
{
	struct device device = {.number = number, .mac = bed_mac(number)};
	TEXT_COPY(device.port, port);
	if (ip)
		assert_int_equal(ip_parse(&device.ips[device.ip_count++], ip, NULL), 0);
	if (ip6)
		assert_int_equal(ip_parse(&device.ips[device.ip_count++], ip6, NULL), 0);
	return device;
}

static void enrol(struct world_bed *bed, const struct device *device)
{
	assert_done(link_add_slot(bed->link, device, &err));
	assert_done(nft_enrol(bed->nft, device, &err));
}

static void open_plane(struct world_bed *bed)
{
	assert_done(link_open(&bed->link, "test", &bed->plane, &err));
	assert_done(nft_open(&bed->nft, bed->link, &bed->options, &err));
}

static struct world_bed *bed_make(const struct nft_options *options)
{
	struct world_bed *bed = calloc(1, sizeof(*bed));
	assert_non_null(bed);
	bed->options = *options;
	bed->devices = bed_namespace();
	bed->network = bed_namespace();
	bed_pair(-1, "port0", bed->devices, "d0");
	bed_pair(-1, "port1", bed->devices, "d1");
	bed_pair(-1, "up0", bed->network, "n0");
	bed->plane = (struct data_plane){
		.namespace = "kalki-test",
		.ports = {{.name = "port0"}, {.name = "port1"}},
		.port_count = 2,
		.network_port = "up0",
		.host_leg = "kalki0",
		.host_addresses = {IP_HOST "/24"},
		.host_address_count = 1,
	};
	open_plane(bed);
	bed->at_port[0] = bed_packet_socket(bed->devices, "d0");
	bed->at_port[1] = bed_packet_socket(bed->devices, "d1");
	bed->at_network = bed_packet_socket(bed->network, "n0");
	bed->at_host = bed_packet_socket(-1, "kalki0");
	bed->a = make_device(0xa, "port0", IP_A, IP6_A);
	bed->b = make_device(0xb, "port1", IP_B, IP6_B);
	bed->c = make_device(0xc, "port1", NULL, NULL);
	bed->gateway = bed_mac(0x99);
	bed->tag = 0x7a670000;
	enrol(bed, &bed->a);
	enrol(bed, &bed->b);
	enrol(bed, &bed->c);
	return bed;
}

static int bed_open(void **state)
{
	*state = bed_make(&(struct nft_options){0});
	return 0;
}

/* As on Debian 12's kernel. */
static int bed_open_old(void **state)
{
	*state = bed_make(&(struct nft_options){.without_owner = true, .without_hook_lists = true});
	return 0;
}

static int bed_close(void **state)
{
	struct world_bed *bed = *state;
	nft_close(bed->nft);
	link_close(bed->link);
	assert_done(link_teardown("test", &bed->plane, &err));
	bed_run(-1, "ip link del port0; ip link del port1; ip link del up0");
	int fds[] = {bed->devices,    bed->network,    bed->at_port[0],
		     bed->at_port[1], bed->at_network, bed->at_host};
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	free(bed);
	return 0;
}

static void route(struct world_bed *bed, const struct device *device, unsigned count,
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

#define ROUTE(bed, device, ...) \
	route(bed, device, ARRAY_SIZE(((uint32_t[]){__VA_ARGS__})), (uint32_t[]){__VA_ARGS__})

static const char *ip_of(const struct world_bed *bed, const struct mac *mac)
{
	if (mac_equal(mac, &bed->a.mac))
		return IP_A;
	return mac_equal(mac, &bed->b.mac) ? IP_B : IP_NET;
}

/* Sends one UDP frame and says how many copies arrived, and what marks the last carries. */
static unsigned pass(struct world_bed *bed, int from, const struct mac *from_mac, int to,
		     const struct mac *to_mac, bool expect, unsigned *ret_marks)
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
	bed_send(from, &frame);
	unsigned count = bed_receive(to, tag, expect ? WAIT_MS : ABSENT_MS, &got);
	if (ret_marks)
		*ret_marks = count ? bed_marks(&got) : 0;
	return count;
}

static uint64_t dropped(struct world_bed *bed, enum nft_drop drop)
{
	struct nft_drops drops;
	assert_done(nft_read_drops(bed->nft, &drops, &err));
	return drops.news[drop];
}

static void frames_go_through_the_whole_chain(void **state)
{
	struct world_bed *bed = *state;
	struct bed_umbox one, two, three;
	unsigned marks;
	bed_umbox_open(&one, bed->link, bed->nft, 1, 1);
	bed_umbox_open(&two, bed->link, bed->nft, 2, 2);
	bed_umbox_open(&three, bed->link, bed->nft, 3, 3);

	/* Enrolled and not routed: nothing. */
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      false, NULL),
			 0);
	assert_int_equal(dropped(bed, NFT_DROP_HELD), 1);

	ROUTE(bed, &bed->a, 1);
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      true, &marks),
			 1);
	assert_int_equal(marks, 1 << 1);
	assert_int_equal(pass(bed, bed->at_network, &bed->gateway, bed->at_port[0], &bed->a.mac,
			      true, &marks),
			 1);
	assert_int_equal(marks, 1 << 1);

	ROUTE(bed, &bed->a, 1, 2, 3);
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      true, &marks),
			 1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(pass(bed, bed->at_network, &bed->gateway, bed->at_port[0], &bed->a.mac,
			      true, &marks),
			 1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 3);

	/* The hop that was the tail is inner now, and the other way round. */
	ROUTE(bed, &bed->a, 2);
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      true, &marks),
			 1);
	assert_int_equal(marks, 1 << 2);

	route(bed, &bed->a, 0, NULL);
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      true, &marks),
			 1);
	assert_int_equal(marks, 0);
	assert_int_equal(pass(bed, bed->at_network, &bed->gateway, bed->at_port[0], &bed->a.mac,
			      true, &marks),
			 1);

	assert_done(nft_hold(bed->nft, bed->a.number, true, &err));
	assert_int_equal(pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network, &bed->gateway,
			      false, NULL),
			 0);
	assert_int_equal(pass(bed, bed->at_network, &bed->gateway, bed->at_port[0], &bed->a.mac,
			      false, NULL),
			 0);
	bed_umbox_close(&one, bed->link, bed->nft);
	bed_umbox_close(&two, bed->link, bed->nft);
	bed_umbox_close(&three, bed->link, bed->nft);
}

#define TESTS(open) \
	cmocka_unit_test_setup_teardown(frames_go_through_the_whole_chain, open, bed_close)

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		TESTS(bed_open),
	};
	const struct CMUnitTest old_kernel[] = {
		TESTS(bed_open_old),
	};
	int failed = cmocka_run_group_tests_name("data_plane", tests, NULL, NULL);
	return failed +
	       cmocka_run_group_tests_name("data_plane_old_kernel", old_kernel, NULL, NULL);
}
