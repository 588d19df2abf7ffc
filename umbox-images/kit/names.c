/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - see names.h. */
#include "names.h"

#include <net/ethernet.h>
#include <string.h>

enum { TYPE_AT = 12, SOURCE4_AT = ETHER_HDR_LEN + 12, SOURCE6_AT = ETHER_HDR_LEN + 8 };

static bool is_nobody(const struct umbox_ip *ip)
{
	static const uint8_t none[16];
	return !ip->family || !memcmp(ip->octet, none, sizeof(none));
}

static bool has(const struct names *names, const struct umbox_ip *ip)
{
	for (unsigned i = 0; i < names->count; i++)
		if (umbox_ip_equal(&names->ip[i], ip))
			return true;
	return false;
}

void names_add(struct names *names, const struct umbox_ip *ip)
{
	if (is_nobody(ip) || has(names, ip))
		return;
	if (names->count < NAMES_MAX) {
		names->ip[names->count++] = *ip;
		return;
	}
	names->ip[names->next] = *ip;
	names->next = (names->next + 1) % NAMES_MAX;
}

static bool is_newest(const struct names *names, const struct umbox_frame *frame)
{
	const uint8_t *bytes = frame->bytes;
	if (frame->length < SOURCE6_AT + sizeof(names->newest6))
		return false;
	if (bytes[TYPE_AT] == 0x08 && bytes[TYPE_AT + 1] == 0x00)
		return !memcmp(bytes + SOURCE4_AT, &names->newest4, sizeof(names->newest4));
	return bytes[TYPE_AT] == 0x86 && bytes[TYPE_AT + 1] == 0xdd &&
	       !memcmp(bytes + SOURCE6_AT, names->newest6, sizeof(names->newest6));
}

void names_hear(struct names *names, const struct umbox_frame *frame)
{
	struct umbox_headers headers;
	if (is_newest(names, frame))
		return;
	umbox_parse(&headers, frame->bytes, frame->length);
	names_add(names, &headers.source);
	if (headers.source.family == 4)
		memcpy(&names->newest4, headers.source.octet, sizeof(names->newest4));
	else if (headers.source.family == 6)
		memcpy(names->newest6, headers.source.octet, sizeof(names->newest6));
}

bool names_allow(const struct names *names, const struct umbox_frame *frame)
{
	struct umbox_headers headers;
	bool known = false;
	umbox_parse(&headers, frame->bytes, frame->length);
	for (unsigned i = 0; i < names->count; i++)
		known |= names->ip[i].family == headers.source.family;
	return !known || is_nobody(&headers.source) || has(names, &headers.source);
}
