/* SPDX-License-Identifier: Apache-2.0 */
/* prefix.c - networks of addresses, as in "10.20.0.0/24". */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_frame.h"

bool umbox_prefix_parse(struct umbox_prefix *ret, const char *text)
{
	char address[UMBOX_IP_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct umbox_prefix prefix = {.ip.family = 4, .bits = 32};
	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET, address, prefix.ip.octet) != 1) {
		prefix.ip.family = 6;
		prefix.bits = 128;
		if (inet_pton(AF_INET6, address, prefix.ip.octet) != 1)
			return false;
	}
	if (slash) {
		char *end;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > prefix.bits)
			return false;
		prefix.bits = (uint8_t)bits;
	}
	*ret = prefix;
	return true;
}

void umbox_ip_cut(struct umbox_ip *ip, unsigned bits)
{
	for (unsigned i = bits; i < 8 * sizeof(ip->octet); i++)
		ip->octet[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

bool umbox_prefix_has(const struct umbox_prefix *prefix, const struct umbox_ip *ip)
{
	unsigned bytes = prefix->bits / 8, rest = prefix->bits % 8;
	return prefix->ip.family == ip->family && !memcmp(prefix->ip.octet, ip->octet, bytes) &&
	       (!rest || !((prefix->ip.octet[bytes] ^ ip->octet[bytes]) >> (8 - rest)));
}
