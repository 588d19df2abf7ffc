/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/ids.c - see ids.h. */
#include "core/ids.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int name_check(const char *what, const char *name, struct error *err)
{
	size_t length = strlen(name);
	if (!length)
		return error_set(err, -EINVAL, "a %s needs a name", what);
	if (length >= NAME_BYTES)
		return error_set(err, -EINVAL, "the name of a %s has at most %d characters", what,
				 NAME_BYTES - 1);
	for (const char *c = name; *c; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			      (*c >= '0' && *c <= '9');
		if (!letter && (c == name || !strchr("-_.", *c)))
			return error_set(
				err, -EINVAL,
				"'%s' is no name for a %s (letters, digits, '-', '_' and '.', "
				"starting with a letter or digit)",
				name, what);
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int mac_parse(struct mac *ret, const char *text, struct error *err)
{
	struct mac mac;
	bool zero = true;
	const char *c = text;
	for (unsigned i = 0; i < sizeof(mac.octet); i++) {
		int high = hex_digit(c[0]);
		int low = high < 0 ? -1 : hex_digit(c[1]);
		char end = low < 0 ? '?' : c[2];
		bool last = i == sizeof(mac.octet) - 1;
		if (low < 0 || (last ? end != '\0' : end != ':' && end != '-'))
			return error_set(err, -EINVAL,
					 "'%s' is no MAC address (six pairs of hex digits, like "
					 "02:00:00:00:0a:01)",
					 text);
		mac.octet[i] = (uint8_t)(high << 4 | low);
		zero = zero && !mac.octet[i];
		c += 3;
	}
	if (mac.octet[0] & 1)
		return error_set(err, -EINVAL, "'%s' is a multicast address, not a device's", text);
	if (zero)
		return error_set(err, -EINVAL, "'%s' is not a device's address", text);
	*ret = mac;
	return 0;
}

void mac_print(char text[static MAC_TEXT_BYTES], const struct mac *mac)
{
	const uint8_t *o = mac->octet;
	snprintf(text, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1], o[2], o[3],
		 o[4], o[5]);
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool ip_names_a_host(const struct ip *ip)
{
	static const struct in6_addr unspecified = IN6ADDR_ANY_INIT,
				     loopback = IN6ADDR_LOOPBACK_INIT;
	const uint8_t *o = ip->octet;
	if (ip->family == 4)
		return o[0] != 0 && o[0] != 127 && o[0] < 224;
	return memcmp(o, &unspecified, 16) != 0 && memcmp(o, &loopback, 16) != 0 && o[0] != 0xff;
}

int ip_parse(struct ip *ret, const char *text, struct error *err)
{
	struct ip ip = {0};
	if (inet_pton(AF_INET, text, ip.octet) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.octet) == 1)
		ip.family = 6;
	else
		return error_set(err, -EINVAL,
				 "'%s' is no IP address (like 192.0.2.7 or 2001:db8::7)", text);
	if (!ip_names_a_host(&ip))
		return error_set(err, -EINVAL, "'%s' is not the address of one host", text);
	*ret = ip;
	return 0;
}

void ip_print(char text[static IP_TEXT_BYTES], const struct ip *ip)
{
	text[0] = '\0';
	if (ip->family)
		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->octet, text, IP_TEXT_BYTES);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->octet, b->octet, a->family == 4 ? 4 : 16) == 0;
}

static const char leg_letters[LEG_SIDE_COUNT] = {
	[LEG_IN] = 'i', [LEG_OUT] = 'o', [LEG_DIRECT] = 'r'};

void leg_name(char name[static LINK_NAME_BYTES], uint32_t umbox, enum leg_side side)
{
	snprintf(name, LINK_NAME_BYTES, "u%x%c", umbox, leg_letters[side]);
}

void slot_name(char name[static LINK_NAME_BYTES], uint32_t device)
{
	snprintf(name, LINK_NAME_BYTES, "s%x", device);
}

void slot_peer_name(char name[static LINK_NAME_BYTES], uint32_t device)
{
	snprintf(name, LINK_NAME_BYTES, "p%x", device);
}

/* Lower-case hex without leading zeros, as printed above; what follows it is left to the caller. */
static bool number_parse(const char *text, uint32_t max, uint32_t *ret, const char **ret_rest)
{
	uint64_t number = 0;
	const char *c = text;
	for (; (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f'); c++) {
		number = number << 4 | (unsigned)hex_digit(*c);
		if (number > max)
			return false;
	}
	if (c == text || *text == '0')
		return false;
	*ret = (uint32_t)number;
	*ret_rest = c;
	return true;
}

bool leg_name_parse(const char *name, uint32_t *ret_umbox, enum leg_side *ret_side)
{
	uint32_t umbox;
	const char *rest;
	if (name[0] != 'u' || !number_parse(name + 1, UINT32_MAX, &umbox, &rest))
		return false;
	unsigned side = 0;
	while (side < LEG_SIDE_COUNT && rest[0] != leg_letters[side])
		side++;
	if (side == LEG_SIDE_COUNT || rest[1])
		return false;
	*ret_umbox = umbox;
	*ret_side = side;
	return true;
}

static bool device_link_parse(char first, const char *name, uint32_t *ret_device)
{
	uint32_t device;
	const char *rest;
	if (name[0] != first || !number_parse(name + 1, DEVICE_NUMBER_MAX, &device, &rest) || *rest)
		return false;
	*ret_device = device;
	return true;
}

bool slot_name_parse(const char *name, uint32_t *ret_device)
{
	return device_link_parse('s', name, ret_device);
}

bool slot_peer_name_parse(const char *name, uint32_t *ret_device)
{
	return device_link_parse('p', name, ret_device);
}
