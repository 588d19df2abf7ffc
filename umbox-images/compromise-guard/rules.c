/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - see rules.h. */
#include "rules.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_dns.h"

/* A number at `*text`, which then stands behind it. */
static bool take_number(const char **text, unsigned long max, unsigned long *ret)
{
	char *end;
	if (!isdigit((unsigned char)**text))
		return false;
	*ret = strtoul(*text, &end, 10);
	*text = end;
	return *ret <= max;
}

static bool take_word(const char **text, const char *word)
{
	size_t length = strlen(word);
	if (strncmp(*text, word, length) != 0 || isalnum((unsigned char)(*text)[length]))
		return false;
	*text += length;
	return true;
}

static bool take_protocol(const char **text, struct rule *rule)
{
	unsigned long number;
	if (take_word(text, "any"))
		rule->any_protocol = true;
	else if (take_word(text, "icmp"))
		rule->icmp = true;
	else if (take_word(text, "tcp"))
		rule->protocol = IPPROTO_TCP;
	else if (take_word(text, "udp"))
		rule->protocol = IPPROTO_UDP;
	else if (take_number(text, 255, &number))
		rule->protocol = (uint8_t)number;
	else
		return false;
	return true;
}

static bool take_ports(const char **text, struct rule *rule)
{
	unsigned long first, last;
	rule->port_last = UINT16_MAX;
	if (**text != ':')
		return true;
	if (rule->protocol != IPPROTO_TCP && rule->protocol != IPPROTO_UDP)
		return false;
	++*text;
	if (!take_number(text, UINT16_MAX, &first))
		return false;
	last = first;
	if (**text == '-') {
		++*text;
		if (!take_number(text, UINT16_MAX, &last))
			return false;
	}
	rule->port_first = (uint16_t)first;
	rule->port_last = (uint16_t)last;
	return first <= last;
}

/* Something without a letter would be a mistaken address, which matches nothing. */
static bool is_name(const char *text)
{
	bool letter = false;
	if (strlen(text) >= UMBOX_DNS_NAME_BYTES)
		return false;
	if (!strncmp(text, "*.", 2))
		text += 2;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return false;
		letter = letter || isalpha((unsigned char)*text);
	}
	return letter;
}

bool rule_parse(struct rule *ret, const char *text)
{
	struct rule rule = {.peer = RULE_ANYBODY};
	if (!take_protocol(&text, &rule) || !take_ports(&text, &rule) || (*text && *text != ' '))
		return false;
	text += strspn(text, " ");
	if (umbox_prefix_parse(&rule.prefix, text)) {
		rule.peer = RULE_PREFIX;
	} else if (is_name(text)) {
		rule.peer = RULE_NAME;
		rule.name = text;
	} else if (*text) {
		return false;
	}
	*ret = rule;
	return true;
}

bool rule_has_port(const struct rule *rule, const struct umbox_headers *headers)
{
	uint8_t protocol = headers->protocol;
	if (rule->icmp)
		return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
	return rule->any_protocol ||
	       (rule->protocol == protocol && headers->target_port >= rule->port_first &&
		headers->target_port <= rule->port_last);
}
