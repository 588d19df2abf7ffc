/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_dns.h - reads DNS messages: one question, and the records behind it (RFC 1035, 9460).  Pure
 * functions, safe on any bytes.
 *
 *     if (umbox_dns_open(&dns, payload, payload_bytes) && dns.answer)
 *             while (umbox_dns_next(&dns, &record) > 0)
 *                     while (umbox_dns_address(&record, &ip)) ... */
#pragma once

#include "umbox_frame.h"

enum {
	UMBOX_DNS_NAME_BYTES = 256,
	UMBOX_DNS_A = 1,
	UMBOX_DNS_CNAME = 5,
	UMBOX_DNS_AAAA = 28,
	UMBOX_DNS_SVCB = 64,
	UMBOX_DNS_HTTPS = 65,
};

struct umbox_dns {
	uint16_t id;
	bool answer;
	/* Lower case, without the last dot, "" for the root.  What no host has in its name, a dot
	 * within a label too, is '?'. */
	char name[UMBOX_DNS_NAME_BYTES];
	uint16_t type;
	/* What umbox_dns_next needs. */
	const uint8_t *bytes;
	size_t length, at;
	uint32_t left, answers;
};

struct umbox_dns_record {
	char name[UMBOX_DNS_NAME_BYTES];
	bool in_answer; /* not in the sections behind it */
	uint16_t type;
	uint32_t ttl_s;
	char target[UMBOX_DNS_NAME_BYTES]; /* of CNAME, SVCB and HTTPS; else "" */
	/* What umbox_dns_address needs: addresses of one family, and parameters behind them. */
	uint8_t family;
	const uint8_t *addresses, *parameters, *end;
};

/* False when it is no message with exactly one question.  `bytes` must live as long as `dns` is
 * used. */
bool umbox_dns_open(struct umbox_dns *dns, const uint8_t *bytes, size_t length);
/* 1: the next record; 0: there are no more; -1: it is cut short or contradicts itself. */
int umbox_dns_next(struct umbox_dns *dns, struct umbox_dns_record *ret);
/* The next of the record's addresses, of A and AAAA one, of SVCB and HTTPS those that they hint at;
 * false when there are no more.  The message's bytes must still be there. */
bool umbox_dns_address(struct umbox_dns_record *record, struct umbox_ip *ret);

/* Whether a name is meant by a pattern: "example.org" that name, "*.example.org" all below it, "*"
 * all. */
bool umbox_dns_is(const char *pattern, const char *name);
