/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/compare.c - checksums, and what became of a frame on its way; see frames.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "trial/frames_inner.h"

enum { ETHERNET_BYTES = 14 };

uint32_t frame_sum(uint32_t sum, const uint8_t *bytes, size_t count)
{
	uint16_t word;
	for (; count > 1; bytes += 2, count -= 2) {
		memcpy(&word, bytes, sizeof(word));
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (count) {
		word = 0;
		memcpy(&word, bytes, 1);
		sum += word;
	}
	return sum;
}

uint16_t frame_sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Where UDP or TCP begins and ends, and its pseudo header's sum; false for what is neither. */
struct transport {
	size_t start, offset, count;
	uint32_t pseudo;
	bool may_lack; /* UDP over IPv4: a sum of 0 is none */
};

static bool find_transport(const uint8_t *frame, size_t count, struct transport *ret)
{
	bool six = count >= 54 && frame_get16(frame + 12) == 0x86dd;
	if (!six && (count < 34 || frame_get16(frame + 12) != 0x0800))
		return false;
	const uint8_t *ip = frame + ETHERNET_BYTES;
	size_t header = six ? 40 : (size_t)(ip[0] & 15) * 4;
	size_t end = six ? 40 + frame_get16(ip + 4) : frame_get16(ip + 2);
	unsigned protocol = six ? ip[6] : ip[9];
	bool fragment = !six && (frame_get16(ip + 6) & 0x3fff);
	if ((protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) || fragment ||
	    end > count - ETHERNET_BYTES || end < header + (protocol == IPPROTO_UDP ? 8 : 20))
		return false;
	const uint8_t *addresses = ip + (six ? 8 : 12);
	*ret = (struct transport){
		.start = ETHERNET_BYTES + header,
		.offset = protocol == IPPROTO_UDP ? 6 : 16,
		.count = end - header,
		.may_lack = protocol == IPPROTO_UDP && !six,
	};
	ret->pseudo = frame_sum(htons((uint16_t)protocol) + htons((uint16_t)ret->count), addresses,
				six ? 32 : 8);
	return true;
}

bool frame_checksum_place(const uint8_t *frame, size_t count, size_t *ret_start, size_t *ret_offset)
{
	struct transport transport;
	if (!find_transport(frame, count, &transport))
		return false;
	*ret_start = transport.start;
	*ret_offset = transport.offset;
	return true;
}

void frame_end_checksum(uint8_t *frame, size_t count, size_t start, size_t offset)
{
	size_t usual_start, usual_offset;
	if (frame_checksum_place(frame, count, &usual_start, &usual_offset) &&
	    usual_start == start && usual_offset == offset) {
		frame_fill_checksum(frame, count, false);
	} else if (start + offset + 2 <= count) {
		uint16_t sum = frame_sum_end(frame_sum(0, frame + start, count - start));
		memcpy(frame + start + offset, &sum, sizeof(sum));
	}
}

void frame_fill_checksum(uint8_t *frame, size_t count, bool partial)
{
	struct transport transport;
	if (!find_transport(frame, count, &transport))
		return;
	uint8_t *start = frame + transport.start;
	memset(start + transport.offset, 0, 2);
	uint16_t end = partial ? (uint16_t)~frame_sum_end(transport.pseudo)
			       : frame_sum_end(frame_sum(transport.pseudo, start, transport.count));
	if (!partial && end == 0 && transport.offset == 6)
		end = 0xffff;
	memcpy(start + transport.offset, &end, sizeof(end));
}

bool frame_checksum_right(const uint8_t *frame, size_t count)
{
	struct transport transport;
	if (!find_transport(frame, count, &transport))
		return true;
	const uint8_t *start = frame + transport.start;
	if (transport.may_lack && frame_get16(start + transport.offset) == 0)
		return true;
	return frame_sum_end(frame_sum(transport.pseudo, start, transport.count)) == 0;
}

bool frame_read_burst(const uint8_t *frame, size_t count, uint8_t family, enum leg_side from,
		      bool summed, size_t *ret_offset, size_t *ret_bytes, const char **ret_words)
{
	uint8_t made[FRAME_BURST_BYTES + 80];
	*ret_words = NULL;
	if (!frame_is_burst(frame, count, family, from))
		return false;
	size_t headers = frame_make_burst(made, family, from), tcp = headers - 20;
	uint32_t sequence;
	memcpy(&sequence, frame + tcp + 4, sizeof(sequence));
	size_t offset = ntohl(sequence) - BURST_SEQUENCE, bytes = count - headers;
	if (offset > FRAME_BURST_BYTES || bytes > FRAME_BURST_BYTES - offset)
		*ret_words = "its TCP sequence number was changed";
	else if (memcmp(frame, made, 12) != 0)
		*ret_words = "its MACs were changed";
	else if (memcmp(frame + headers, made + headers + offset, bytes) != 0)
		*ret_words = "its content was changed";
	else if (summed && !frame_checksum_right(frame, count))
		*ret_words = "its checksum is wrong";
	*ret_offset = offset;
	*ret_bytes = bytes;
	return !*ret_words;
}

struct field {
	size_t from, end;
	const char *words;
};

static size_t first_difference(const uint8_t *sent, const uint8_t *got, size_t count)
{
	size_t at = 0;
	while (at < count && sent[at] == got[at])
		at++;
	return at;
}

/* The name of the header field at a place; NULL where it has none. */
static const char *field_at(const uint8_t *frame, size_t count, size_t at)
{
	static const struct field ethernet[] = {
		{0, 6, "target MAC"}, {6, 12, "source MAC"}, {12, 14, "protocol or VLAN tag"}};
	static const struct field ipv4[] = {
		{14, 16, "IP header"},      {16, 18, "length"},         {18, 20, "identification"},
		{20, 22, "fragment field"}, {22, 23, "time to live"},   {23, 24, "IP protocol"},
		{24, 26, "IP checksum"},    {26, 30, "source address"}, {30, 34, "target address"}};
	static const struct field ipv6[] = {{14, 18, "IP header"},      {18, 20, "length"},
					    {20, 21, "next header"},    {21, 22, "hop limit"},
					    {22, 38, "source address"}, {38, 54, "target address"}};
	size_t start, offset;
	if (frame_checksum_place(frame, count, &start, &offset) && at >= start + offset &&
	    at < start + offset + 2)
		return "checksum";
	unsigned type = count >= ETHERNET_BYTES ? frame_get16(frame + 12) : 0;
	const struct field *tables[] = {ethernet, type == 0x0800   ? ipv4
						  : type == 0x86dd ? ipv6
								   : NULL};
	const size_t counts[] = {ARRAY_SIZE(ethernet),
				 type == 0x0800 ? ARRAY_SIZE(ipv4) : ARRAY_SIZE(ipv6)};
	for (unsigned i = 0; i < ARRAY_SIZE(tables) && tables[i]; i++) {
		for (size_t j = 0; j < counts[i]; j++) {
			if (at >= tables[i][j].from && at < tables[i][j].end)
				return tables[i][j].words;
		}
	}
	return NULL;
}

const char *frame_difference(char words[static FRAME_WORDS_BYTES], const uint8_t *sent,
			     size_t sent_count, const uint8_t *got, size_t got_count)
{
	size_t common = min_of(sent_count, got_count);
	size_t at = first_difference(sent, got, common);
	if (at == common && sent_count == got_count)
		return NULL;
	const char *field = at < common ? field_at(sent, sent_count, at) : NULL;
	if (at == common || (!field && sent_count != got_count))
		snprintf(words, FRAME_WORDS_BYTES, "%zu bytes long it went in, %zu it came out",
			 sent_count, got_count);
	else if (field)
		snprintf(words, FRAME_WORDS_BYTES, "its %s was changed", field);
	else
		snprintf(words, FRAME_WORDS_BYTES, "its byte %zu was changed", at);
	return words;
}
