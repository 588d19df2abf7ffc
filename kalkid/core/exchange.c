/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/exchange.c - see exchange.h.  Names, types and addresses hold no character that means
 * something to JSON, XML, a URL, a topic or a program, so that they need no more than the brackets
 * of an IPv6 address (name_check in ids.h). */
#include "core/exchange.h"

#include <stdlib.h>
#include <string.h>

const char *const EXCHANGE_KIND_NAMES[EXCHANGE_KIND_COUNT + 1] = {
	"none", "http", "mqtt", "ssh", "program", NULL,
};
const char *const EXCHANGE_LOGIN_NAMES[EXCHANGE_LOGIN_COUNT + 1] = {
	"basic",
	"digest",
	"bearer",
	NULL,
};

enum { PLACEHOLDER_IP, PLACEHOLDER_DEVICE, PLACEHOLDER_MAC, PLACEHOLDER_TYPE, PLACEHOLDER_COUNT };
const char *const EXCHANGE_PLACEHOLDERS[] = {"ip", "device", "mac", "type", NULL};

void exchange_done(struct exchange *exchange)
{
	free(exchange->url);
	free(exchange->pin);
	for (unsigned i = 0; i < exchange->header_count; i++) {
		free(exchange->header_names[i]);
		free(exchange->header_values[i]);
	}
	free(exchange->body);
	free(exchange->topic);
	free(exchange->host);
	for (unsigned i = 0; i < exchange->argument_count; i++)
		free(exchange->arguments[i]);
	*exchange = (struct exchange){0};
}

/* Length of the "{word}" that `text` begins with, 0 when it begins with none. */
static size_t braced_length(const char *text)
{
	size_t letters = text[0] == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
	return letters && text[letters + 1] == '}' ? letters + 2 : 0;
}

static int find_placeholder(const char *text, size_t length)
{
	for (int i = 0; i < PLACEHOLDER_COUNT; i++)
		if (strlen(EXCHANGE_PLACEHOLDERS[i]) == length - 2 &&
		    strncmp(text + 1, EXCHANGE_PLACEHOLDERS[i], length - 2) == 0)
			return i;
	return -1;
}

bool exchange_find_unknown(const char *text, size_t *ret_offset, char word[static NAME_BYTES])
{
	for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
		size_t length = braced_length(at);
		if (!length || find_placeholder(at, length) >= 0)
			continue;
		size_t letters = min_of(length - 2, (size_t)NAME_BYTES - 1);
		memcpy(word, at + 1, letters);
		word[letters] = '\0';
		*ret_offset = (size_t)(at - text);
		return true;
	}
	return false;
}

static int fill_ip(struct buffer *ret, enum exchange_place place, const struct device *device,
		   struct error *err)
{
	char text[IP_TEXT_BYTES];
	if (!device->ip_count)
		return error_set(err, -EADDRNOTAVAIL, "device '%s' has no known address",
				 device->name);
	const struct ip *ip = &device->ips[0];
	ip_print(text, ip);
	bool brackets = ip->family == 6 && place == EXCHANGE_IN_URL;
	buffer_print(ret, brackets ? "[%s]" : "%s", text);
	return 0;
}

int exchange_fill(struct buffer *ret, const char *text, enum exchange_place place,
		  const struct device *device, struct error *err)
{
	char mac[MAC_TEXT_BYTES];
	int r = 0;
	buffer_add(ret, "", 0);
	while (*text && r == 0) {
		size_t length = braced_length(text);
		int placeholder = length ? find_placeholder(text, length) : -1;
		switch (placeholder) {
		case PLACEHOLDER_IP: r = fill_ip(ret, place, device, err); break;
		case PLACEHOLDER_DEVICE: buffer_print(ret, "%s", device->name); break;
		case PLACEHOLDER_MAC:
			mac_print(mac, &device->mac);
			buffer_print(ret, "%s", mac);
			break;
		case PLACEHOLDER_TYPE: buffer_print(ret, "%s", device->type); break;
		default: length = 1 + strcspn(text + 1, "{"); buffer_add(ret, text, length);
		}
		text += length;
	}
	return r;
}
