/* SPDX-License-Identifier: Apache-2.0 */
/* dns.c - see umbox_dns.h. */
#include "umbox_dns.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
	HEADER_BYTES = 12,
	RECORD_BYTES = 10, /* behind the name: type, class, time to live, length */
	CLASS_INTERNET = 1,
	PARAMETER_BYTES = 4, /* its key and length */
	IPV4_HINT = 4,
	IPV6_HINT = 6,
	/* Of one name, which has at most as many labels; else a long message of nothing but
	 * pointers would hold up everything behind it. */
	JUMPS_MAX = 127,
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static char of_host(uint8_t letter)
{
	return isalnum(letter) || letter == '-' || letter == '_' ? (char)tolower(letter) : '?';
}

/* Reads a name at `*at` and steps behind it.  A pointer must lead back, each further than the one
 * before, so there is an end. */
static bool read_name(const struct umbox_dns *dns, size_t *at,
		      char ret[static UMBOX_DNS_NAME_BYTES])
{
	size_t from = *at, bound = *at, length = 0;
	unsigned jumps = 0;
	for (;;) {
		if (from >= dns->length)
			return false;
		uint8_t label = dns->bytes[from++];
		if (label >= 0xc0) {
			if (from >= dns->length)
				return false;
			size_t target = (size_t)(label & 0x3f) << 8 | dns->bytes[from++];
			if (!jumps++)
				*at = from;
			if (target >= bound || jumps > JUMPS_MAX)
				return false;
			from = bound = target;
			continue;
		}
		if (!label)
			break;
		if (label > 63 || label > dns->length - from ||
		    length + label + 2 > UMBOX_DNS_NAME_BYTES)
			return false;
		if (length)
			ret[length++] = '.';
		while (label--)
			ret[length++] = of_host(dns->bytes[from++]);
	}
	ret[length] = '\0';
	if (!jumps)
		*at = from;
	return true;
}

bool umbox_dns_open(struct umbox_dns *dns, const uint8_t *bytes, size_t length)
{
	*dns = (struct umbox_dns){.bytes = bytes, .length = length, .at = HEADER_BYTES};
	if (length < HEADER_BYTES || get16(bytes + 4) != 1 ||
	    !read_name(dns, &dns->at, dns->name) || length - dns->at < 4)
		return false;
	dns->id = get16(bytes);
	dns->answer = bytes[2] & 0x80;
	dns->type = get16(bytes + dns->at);
	dns->at += 4;
	dns->answers = get16(bytes + 6);
	dns->left = dns->answers + get16(bytes + 8) + get16(bytes + 10);
	return true;
}

static size_t bytes_of(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

/* Steps to the addresses of the next parameter, which may be none (RFC 9460, 2.2 and 7.3); false
 * when there is no other, or it is no good. */
static bool next_parameter(struct umbox_dns_record *record)
{
	const uint8_t *at = record->parameters;
	if (record->end - at < PARAMETER_BYTES)
		return false;
	uint16_t key = get16(at), bytes = get16(at + 2);
	at += PARAMETER_BYTES;
	if (bytes > record->end - at)
		return false;
	record->family = key == IPV4_HINT ? 4 : key == IPV6_HINT ? 6 : 0;
	record->addresses = record->family ? at : at + bytes;
	record->parameters = at + bytes;
	return !record->family || bytes % bytes_of(record->family) == 0;
}

/* Priority, target, parameters (RFC 9460, 2.2). */
static bool read_service(const struct umbox_dns *dns, struct umbox_dns_record *ret)
{
	size_t at = dns->at + 2, end = (size_t)(ret->end - dns->bytes);
	if (at > end || !read_name(dns, &at, ret->target) || at > end)
		return false;
	ret->addresses = ret->parameters = dns->bytes + at;
	struct umbox_dns_record walk = *ret;
	while (walk.parameters < walk.end)
		if (!next_parameter(&walk))
			return false;
	return true;
}

static bool read_data(const struct umbox_dns *dns, uint16_t bytes, struct umbox_dns_record *ret)
{
	size_t at = dns->at;
	switch (ret->type) {
	case UMBOX_DNS_CNAME: return read_name(dns, &at, ret->target) && at == dns->at + bytes;
	case UMBOX_DNS_A:
	case UMBOX_DNS_AAAA:
		ret->family = ret->type == UMBOX_DNS_A ? 4 : 6;
		ret->addresses = dns->bytes + at;
		return bytes == bytes_of(ret->family);
	case UMBOX_DNS_SVCB:
	case UMBOX_DNS_HTTPS: return read_service(dns, ret);
	default: return true;
	}
}

int umbox_dns_next(struct umbox_dns *dns, struct umbox_dns_record *ret)
{
	*ret = (struct umbox_dns_record){.in_answer = dns->answers};
	if (!dns->left)
		return 0;
	dns->left--;
	dns->answers -= ret->in_answer;
	if (!read_name(dns, &dns->at, ret->name) || dns->length - dns->at < RECORD_BYTES)
		return -1;
	const uint8_t *fixed = dns->bytes + dns->at;
	uint16_t data_bytes = get16(fixed + 8);
	dns->at += RECORD_BYTES;
	if (data_bytes > dns->length - dns->at)
		return -1;
	ret->type = get16(fixed);
	ret->ttl_s = (uint32_t)get16(fixed + 4) << 16 | get16(fixed + 6);
	ret->addresses = ret->parameters = ret->end = dns->bytes + dns->at + data_bytes;
	if (get16(fixed + 2) == CLASS_INTERNET && !read_data(dns, data_bytes, ret))
		return -1;
	dns->at += data_bytes;
	return 1;
}

bool umbox_dns_address(struct umbox_dns_record *record, struct umbox_ip *ret)
{
	while (record->addresses == record->parameters)
		if (!next_parameter(record))
			return false;
	*ret = (struct umbox_ip){.family = record->family};
	memcpy(ret->octet, record->addresses, bytes_of(record->family));
	record->addresses += bytes_of(record->family);
	return true;
}

bool umbox_dns_is(const char *pattern, const char *name)
{
	if (!strcmp(pattern, "*"))
		return true;
	if (strncmp(pattern, "*.", 2) != 0)
		return !strcasecmp(pattern, name);
	size_t length = strlen(name), tail = strlen(pattern + 1);
	return length > tail && !strcasecmp(name + length - tail, pattern + 1);
}
