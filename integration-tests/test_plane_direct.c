/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plane_direct.c - direct legs against the kernel: answers that skip the rest of the chain, in
 * the device's name or to the device, and nothing else. */
#include "plane_bed.h"

#include <net/if_arp.h>
#include <string.h>
#include <unistd.h>

/* Chain of A: 1, 2 with a direct leg, 3; B is behind 4. */
struct direct_bed {
	struct plane_bed *plane;
	struct bed_umbox umbox[4];
	int direct; /* socket at the direct leg of umbox 2, inside */
};

static struct direct_bed direct_open(void **state)
{
	struct direct_bed bed = {.plane = *state};
	struct plane_bed *plane = bed.plane;
	for (unsigned i = 0; i < ARRAY_SIZE(bed.umbox); i++)
		(i == 1 ? bed_umbox_open_direct : bed_umbox_open)(&bed.umbox[i], plane->link,
								  plane->nft, i + 1, i + 1);
	ROUTE(plane, &plane->a, 1, 2, 3);
	ROUTE(plane, &plane->b, 4);
	bed.direct = bed_packet_socket(bed.umbox[1].netns, "direct");
	return bed;
}

static void direct_close(struct direct_bed *bed)
{
	close(bed->direct);
	for (unsigned i = 0; i < ARRAY_SIZE(bed->umbox); i++)
		bed_umbox_close(&bed->umbox[i], bed->plane->link, bed->plane->nft);
}

struct say {
	const struct mac *from, *to;
	const char *from_ip, *to_ip;
};

/* Writes a frame into the direct leg: how many copies arrive at `at`, and what chains they saw. */
static unsigned answer(struct direct_bed *bed, const struct say *say, int at, unsigned *ret_marks)
{
	struct bed_frame frame;
	uint32_t tag = bed->plane->tag++;
	bed_frame_udp(&frame, &(struct bed_udp){.from = *say->from,
						.to = *say->to,
						.from_ip = say->from_ip,
						.to_ip = say->to_ip,
						.from_port = PORT,
						.to_port = PORT,
						.tag = tag});
	unsigned count = bed_pass(bed->direct, &frame, at, tag, &frame);
	*ret_marks = count ? bed_marks(&frame) : 0;
	return count;
}

#define assert_refused(bed, reason, say, at)                                \
	do {                                                                \
		unsigned marks_;                                            \
		assert_int_equal(answer((bed), (say), (at), &marks_), 0);   \
		assert_int_equal(plane_dropped((bed)->plane, (reason)), 1); \
	} while (0)

static void answers_skip_the_rest_of_the_chain(void **state)
{
	struct direct_bed bed = direct_open(state);
	struct plane_bed *plane = bed.plane;
	const struct mac *a = &plane->a.mac, *b = &plane->b.mac, *gateway = &plane->gateway;
	const struct say out = {a, gateway, IP_A, IP_NET}, back = {gateway, a, IP_NET, IP_A},
			 peer = {a, b, IP_A, IP_B};
	unsigned marks;
	assert_true(link_legs_up(plane->link, 2, true));
	assert_false(link_legs_up(plane->link, 1, true));
	assert_int_equal(answer(&bed, &out, plane->at_network, &marks), 1);
	assert_int_equal(marks, 0);
	assert_int_equal(answer(&bed, &back, plane->at_port[0], &marks), 1);
	assert_int_equal(marks, 0);
	/* To another device: through that one's whole chain. */
	assert_int_equal(answer(&bed, &peer, plane->at_port[1], &marks), 1);
	assert_int_equal(marks, 1 << 4);

	/* Nothing ever comes out of it, and the chain is what it was. */
	assert_int_equal(
		plane_pass(plane, plane->at_port[0], a, plane->at_network, gateway, &marks), 1);
	assert_int_equal(marks, 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(plane_pass(plane, plane->at_network, gateway, bed.direct, a, NULL), 0);
	struct umbox_counters counters;
	assert_done(link_counters(plane->link, 2, &counters, &err));
	assert_true(counters.direct);
	assert_int_equal(counters.leg[LEG_DIRECT].from_umbox_frames, 3);
	assert_int_equal(counters.leg[LEG_DIRECT].to_umbox_frames, 0);
	direct_close(&bed);
}

static void answers_are_bound_to_the_device(void **state)
{
	struct direct_bed bed = direct_open(state);
	struct plane_bed *plane = bed.plane;
	const struct mac *a = &plane->a.mac, *b = &plane->b.mac, *gateway = &plane->gateway;
	int net = plane->at_network, port1 = plane->at_port[1];
	assert_refused(&bed, NFT_DROP_SPOOF_IP, (&(struct say){a, gateway, IP_B, IP_NET}), net);
	assert_refused(&bed, NFT_DROP_SPOOF_HOST, (&(struct say){a, gateway, IP_HOST, IP_NET}),
		       net);
	assert_refused(&bed, NFT_DROP_LEG, (&(struct say){b, gateway, IP_B, IP_NET}), net);
	assert_refused(&bed, NFT_DROP_LEG, (&(struct say){gateway, b, IP_NET, IP_B}), port1);
	/* An answer has one addressee. */
	assert_refused(&bed, NFT_DROP_LEG,
		       (&(struct say){gateway, &bed_broadcast, IP_NET, "10.9.0.255"}),
		       plane->at_port[0]);
	direct_close(&bed);
}

static void it_ends_with_its_chain(void **state)
{
	struct direct_bed bed = direct_open(state);
	struct plane_bed *plane = bed.plane;
	const struct say out = {&plane->a.mac, &plane->gateway, IP_A, IP_NET};
	const struct path without = {.state = PATH_WHOLE, .ids = {1, 3}, .count = 2};
	unsigned marks;
	/* Left, it answers until it is cleaned; cut, no more. */
	ROUTE(plane, &plane->a, 1, 3);
	assert_int_equal(answer(&bed, &out, plane->at_network, &marks), 1);
	assert_done(
		nft_clean(plane->nft, plane->a.number, &(struct path){.state = PATH_HELD}, &err));
	assert_refused(&bed, NFT_DROP_LEG, &out, plane->at_network);
	ROUTE(plane, &plane->a, 1, 2, 3);
	assert_int_equal(answer(&bed, &out, plane->at_network, &marks), 1);
	assert_done(nft_route(plane->nft, plane->a.number, &without, true, &err));
	assert_refused(&bed, NFT_DROP_LEG, &out, plane->at_network);
	ROUTE(plane, &plane->a, 1, 2, 3);
	assert_done(nft_hold(plane->nft, plane->a.number, true, &err));
	assert_refused(&bed, NFT_DROP_LEG, &out, plane->at_network);

	/* Another process finds the same. */
	ROUTE(plane, &plane->a, 1, 2, 3);
	plane_leave(plane);
	plane_enter(plane);
	struct driver_device view;
	nft_view(plane->nft, plane->a.number, &view);
	assert_true(path_equal(&view.path,
			       &(struct path){.state = PATH_WHOLE, .ids = {1, 2, 3}, .count = 3}));
	assert_false(view.leftovers);
	assert_true(nft_legs_hooked(plane->nft, 2));
	assert_int_equal(answer(&bed, &out, plane->at_network, &marks), 1);

	/* A lost one is missed. */
	bed_run(bed.umbox[1].netns, "ip link del direct");
	assert_done(link_observe(plane->link, &err));
	assert_false(link_legs_up(plane->link, 2, true));
	assert_true(link_legs_up(plane->link, 2, false));
	direct_close(&bed);
}

#define TEST(test, open) cmocka_unit_test_setup_teardown(test, open, plane_close)

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		TEST(answers_skip_the_rest_of_the_chain, plane_open),
		TEST(answers_are_bound_to_the_device, plane_open),
		TEST(it_ends_with_its_chain, plane_open),
		{"answers_skip_the_rest_of_the_chain_on_an_old_kernel",
		 answers_skip_the_rest_of_the_chain, plane_open_old, plane_close, NULL},
	};
	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
