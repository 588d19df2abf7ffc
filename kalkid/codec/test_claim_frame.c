/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_claim_frame.c - which frames claim an address, and which are not as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/if_ether.h>

#include "base/macros.h"
#include "codec/claim_frame.h"

static const struct mac device = {{2, 0, 0, 0, 0, 10}};

struct packet {
	uint8_t bytes[400];
	size_t count;
};

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* IPv4, UDP, BOOTP and these options. */
static struct packet dhcp(bool answer, const uint8_t *options, size_t count)
{
	enum { IP = 20, UDP = 8, BOOTP = 240 };
	struct packet packet = {.count = IP + UDP + BOOTP + count};
	uint8_t *ip = packet.bytes, *udp = ip + IP, *bootp = udp + UDP;
	ip[0] = 0x45;
	ip[9] = 17;
	put16(ip + 2, packet.count);
	put16(udp, answer ? 67 : 68);
	put16(udp + 2, answer ? 68 : 67);
	put16(udp + 4, UDP + BOOTP + count);
	memcpy(bootp, (uint8_t[]){answer ? 2 : 1, 1, 6, 0, 1, 2, 3, 4}, 8);
	memcpy(bootp + 16, (uint8_t[]){10, 0, 0, 5}, 4);
	memcpy(bootp + 28, &device, 6);
	memcpy(bootp + 236, (uint8_t[]){99, 130, 83, 99}, 4);
	memcpy(bootp + BOOTP, options, count);
	return packet;
}

static bool claims(struct claim *ret, const struct packet *packet, uint16_t protocol,
		   bool from_device)
{
	return claim_parse(ret, &(struct claim_frame){.from = device,
						      .protocol = protocol,
						      .payload = packet->bytes,
						      .bytes = packet->count,
						      .from_device = from_device});
}

#define REQUEST      53, 1, 3
#define ACK          53, 1, 5
#define SERVER       54, 4, 10, 0, 0, 1
#define LEASE        51, 4, 0, 0, 0, 100
#define OPTIONS(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void requests_and_answers(void **state)
{
	struct claim claim;
	(void)state;
	struct packet packet = dhcp(false, OPTIONS(0, REQUEST, 255));
	assert_true(claims(&claim, &packet, ETH_P_IP, true));
	assert_int_equal(claim.kind, CLAIM_ASK);
	assert_int_equal(claim.xid, 0x01020304);
	assert_false(claims(&claim, &packet, ETH_P_IP, false));
	packet.bytes[28 + 28 + 5]++; /* chaddr: somebody else's */
	assert_false(claims(&claim, &packet, ETH_P_IP, true));

	packet = dhcp(true, OPTIONS(ACK, SERVER, LEASE, 3, 4, 10, 0, 0, 2, 255));
	assert_true(claims(&claim, &packet, ETH_P_IP, false));
	assert_int_equal(claim.kind, CLAIM_LEASE);
	assert_true(mac_equal(&claim.mac, &device));
	assert_memory_equal(claim.ip.octet, ((uint8_t[]){10, 0, 0, 5}), 4);
	assert_int_equal(claim.lease_us, 100000000);
	/* A device is no server. */
	assert_false(claims(&claim, &packet, ETH_P_IP, true));
	packet = dhcp(true, OPTIONS(ACK, SERVER, 51, 4, 255, 255, 255, 255, 255));
	assert_true(claims(&claim, &packet, ETH_P_IP, false));
	assert_int_equal(claim.lease_us, 0);
}

static void answers_that_are_not_as_they_should_be(void **state)
{
	static const struct {
		const uint8_t options[24];
		size_t count;
	} wrong[] = {
		{{53, 1, 2, SERVER, LEASE, 255}, 16},               /* an offer */
		{{ACK, SERVER, 255}, 10},                           /* no lease */
		{{ACK, LEASE, 255}, 10},                            /* no server */
		{{ACK, SERVER, LEASE}, 15},                         /* no end */
		{{ACK, ACK, SERVER, LEASE, 255}, 19},               /* twice */
		{{53, 2, 5, 5, SERVER, LEASE, 255}, 17},            /* too long */
		{{ACK, SERVER, 51, 4, 0, 0}, 13},                   /* cut off */
		{{ACK, SERVER, LEASE, 12}, 16},                     /* no length */
		{{ACK, 54, 4, 10, 0, 0, 5, LEASE, 255}, 16},        /* its own */
		{{ACK, SERVER, LEASE, 3, 4, 10, 0, 0, 5, 255}, 22}, /* the router's */
	};
	struct claim claim;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct packet packet = dhcp(true, wrong[i].options, wrong[i].count);
		assert_false(claims(&claim, &packet, ETH_P_IP, false));
	}
	const struct packet good = dhcp(true, OPTIONS(ACK, SERVER, LEASE, 255));
	static const struct {
		unsigned at;
		uint8_t value;
	} spoilt[] = {
		{0, 0x44}, {0, 0x4f},    {3, 255},       {6, 0x20},      {7, 1},         {9, 6},
		{21, 68},  {23, 67},     {25, 7},        {24, 5},        {28, 1},        {29, 6},
		{30, 8},   {28 + 16, 0}, {28 + 16, 127}, {28 + 16, 224}, {28 + 236, 98},
	};
	for (size_t i = 0; i < ARRAY_SIZE(spoilt); i++) {
		struct packet packet = good;
		packet.bytes[spoilt[i].at] = spoilt[i].value;
		assert_false(claims(&claim, &packet, ETH_P_IP, false));
	}
	for (size_t count = 0; count < good.count; count++) {
		struct packet packet = good;
		packet.count = count;
		assert_false(claims(&claim, &packet, ETH_P_IP, false));
	}
	assert_true(claims(&claim, &good, ETH_P_IP, false));
}

static struct packet neighbour(uint8_t type, const char *source, const char *target)
{
	struct packet packet = {.count = 64};
	struct ip ip;
	packet.bytes[0] = 0x60;
	packet.bytes[5] = 24;
	packet.bytes[6] = 58;
	packet.bytes[7] = 255;
	packet.bytes[40] = type;
	if (source) {
		assert_int_equal(ip_parse(&ip, source, NULL), 0);
		memcpy(packet.bytes + 8, ip.octet, 16);
	}
	assert_int_equal(ip_parse(&ip, target, NULL), 0);
	memcpy(packet.bytes + 48, ip.octet, 16);
	return packet;
}

static void announcements_of_ipv6(void **state)
{
	static const struct {
		uint8_t type;
		const char *source, *target, *claimed;
	} rows[] = {
		{135, NULL, "fd00::5", "fd00::5"},      {135, "fd00::5", "fd00::1", "fd00::5"},
		{136, "fd00::5", "fd00::6", "fd00::6"}, {136, "fe80::5", "fd00::6", "fd00::6"},
		{135, "fe80::5", "fd00::1", NULL},      {135, NULL, "fe80::5", NULL},
		{134, NULL, "fd00::5", NULL},
	};
	struct claim claim;
	char text[IP_TEXT_BYTES];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct packet packet = neighbour(rows[i].type, rows[i].source, rows[i].target);
		assert_int_equal(claims(&claim, &packet, ETH_P_IPV6, true), !!rows[i].claimed);
		assert_false(claims(&claim, &packet, ETH_P_IPV6, false));
		if (!rows[i].claimed)
			continue;
		ip_print(text, &claim.ip);
		assert_string_equal(text, rows[i].claimed);
		assert_true(claim.kind == CLAIM_ND && mac_equal(&claim.mac, &device));
		static const unsigned spoilt[] = {0, 4, 6, 7, 41};
		for (size_t j = 0; j < ARRAY_SIZE(spoilt); j++) {
			struct packet other = packet;
			other.bytes[spoilt[j]] ^= 1;
			assert_int_equal(claims(&claim, &other, ETH_P_IPV6, true), spoilt[j] == 0);
		}
		packet.count--;
		assert_false(claims(&claim, &packet, ETH_P_IPV6, true));
	}
}

static void announcements_of_ipv4(void **state)
{
	struct packet packet = {{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 10, 10, 0, 0, 5}, 28};
	struct claim claim;
	(void)state;
	assert_true(claims(&claim, &packet, ETH_P_ARP, true));
	assert_int_equal(claim.kind, CLAIM_ARP);
	assert_memory_equal(claim.ip.octet, ((uint8_t[]){10, 0, 0, 5}), 4);
	assert_false(claims(&claim, &packet, ETH_P_ARP, false));
	assert_false(claims(&claim, &packet, ETH_P_LOOP, true));
	packet.bytes[13]++; /* the sender is not who sends */
	assert_false(claims(&claim, &packet, ETH_P_ARP, true));
	packet.bytes[13]--;
	packet.bytes[14] = 0; /* a probe claims nothing yet */
	assert_false(claims(&claim, &packet, ETH_P_ARP, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_answers),
		cmocka_unit_test(answers_that_are_not_as_they_should_be),
		cmocka_unit_test(announcements_of_ipv6),
		cmocka_unit_test(announcements_of_ipv4),
	};
	return cmocka_run_group_tests_name("claim_frame", tests, NULL, NULL);
}
