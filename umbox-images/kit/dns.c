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
	bool jumped = false;
	for (;;) {
		if (from >= dns->length)
			return false;
		uint8_t label = dns->bytes[from++];
		if (label >= 0xc0) {
			if (from >= dns->length)
				return false;
			size_t target = (size_t)(label & 0x3f) << 8 | dns->bytes[from++];
			if (!jumped)
				*at = from;
			jumped = true;
			if (target >= bound)
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
	if (!jumped)
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

static bool read_data(const struct umbox_dns *dns, uint16_t bytes, struct umbox_dns_record *ret)
{
	size_t at = dns->at;
	if (ret->type == UMBOX_DNS_CNAME)
		return read_name(dns, &at, ret->target) && at == dns->at + bytes;
	uint8_t family = ret->type == UMBOX_DNS_A ? 4 : ret->type == UMBOX_DNS_AAAA ? 6 : 0;
	if (family && bytes != (family == 4 ? 4 : 16))
		return false;
	ret->address.family = family;
	if (family)
		memcpy(ret->address.octet, dns->bytes + at, bytes);
	return true;
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
	if (get16(fixed + 2) == CLASS_INTERNET && !read_data(dns, data_bytes, ret))
		return -1;
	dns->at += data_bytes;
	return 1;
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
