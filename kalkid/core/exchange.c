/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/exchange.c - see exchange.h.  Names, types and addresses hold no character that means
 * something to JSON, XML, a URL, a topic or a program, so that they need no more than the brackets
 * of an IPv6 address (name_check in ids.h). */
#include "core/exchange.h"

#include <ctype.h>
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

enum { PLACEHOLDER_IP, PLACEHOLDER_DEVICE, PLACEHOLDER_MAC, PLACEHOLDER_TYPE };
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

bool exchange_names_device(const struct exchange *exchange)
{
	switch (exchange->kind) {
	case EXCHANGE_HTTP:
	case EXCHANGE_MQTT: return strstr(exchange->url, "://{ip}");
	case EXCHANGE_SSH: return !exchange->host || text_equal(exchange->host, "{ip}");
	case EXCHANGE_NONE:
	case EXCHANGE_PROGRAM:
	case EXCHANGE_KIND_COUNT: break;
	}
	return false;
}

static const char CREDENTIAL[] = "{credential}";

bool exchange_has_credential(const char *text)
{
	return text && strstr(text, CREDENTIAL);
}

bool exchange_find_unknown(const char *text, size_t *ret_offset, char word[static NAME_BYTES])
{
	return text_unknown_braced(text, EXCHANGE_PLACEHOLDERS, ret_offset, word, NAME_BYTES);
}

static int fill_ip(struct buffer *ret, enum exchange_place place,
		   const struct device_identity *device, struct error *err)
{
	char text[IP_TEXT_BYTES];
	const struct ip *ip = device_first_ip(device);
	if (!ip)
		return error_set(err, -EADDRNOTAVAIL, "device '%s' has no known address",
				 device->name);
	ip_print(text, ip);
	bool brackets = ip->family == 6 && place == EXCHANGE_IN_URL;
	buffer_print(ret, brackets ? "[%s]" : "%s", text);
	return 0;
}

static int fill_credential(struct buffer *ret, enum exchange_place place, const char *credential,
			   struct error *err)
{
	if (!credential)
		return error_set(err, -EINVAL, "no credential is known for {credential}");
	for (const char *c = credential; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(err, -EINVAL, "the credential is not one line of text");
		bool plain = isalnum((unsigned char)*c) || strchr("-._~", *c);
		if (place == EXCHANGE_IN_URL && !plain)
			buffer_print(ret, "%%%02X", (unsigned char)*c);
		else
			buffer_add(ret, c, 1);
	}
	return 0;
}

static int fill_value(struct buffer *ret, int placeholder, enum exchange_place place,
		      const struct device_identity *device, struct error *err)
{
	char mac[MAC_TEXT_BYTES];
	switch (placeholder) {
	case PLACEHOLDER_IP: return fill_ip(ret, place, device, err);
	case PLACEHOLDER_DEVICE: buffer_print(ret, "%s", device->name); break;
	case PLACEHOLDER_MAC:
		mac_print(mac, &device->mac);
		buffer_print(ret, "%s", mac);
		break;
	case PLACEHOLDER_TYPE: buffer_print(ret, "%s", device->type); break;
	}
	return 0;
}

int exchange_fill(struct buffer *ret, const char *text, enum exchange_place place,
		  const struct device_identity *device, const char *credential, struct error *err)
{
	int r = 0;
	buffer_add(ret, "", 0);
	while (*text && r == 0) {
		size_t length = text_braced(text);
		int placeholder = length ? text_find_braced(text, length, EXCHANGE_PLACEHOLDERS)
					 : -1;
		if (placeholder >= 0) {
			r = fill_value(ret, placeholder, place, device, err);
		} else if (text_starts(text, CREDENTIAL)) {
			r = fill_credential(ret, place, credential, err);
		} else {
			length = 1 + strcspn(text + 1, "{");
			buffer_add(ret, text, length);
		}
		text += length;
	}
	return r;
}

const char *exchange_from_for(const struct exchange_from *from, const char *where)
{
	const char *scheme = strstr(where, "://");
	const char *host = scheme ? scheme + 3 : where;
	size_t length = strcspn(host, "/?#");
	const char *user = memchr(host, '@', length);
	length -= user ? (size_t)(user + 1 - host) : 0;
	host = user ? user + 1 : host;
	const char *colon = memchr(host, ':', length);
	/* One colon is a port's. */
	bool ip6 = colon &&
		   (*host == '[' || memchr(colon + 1, ':', length - (size_t)(colon + 1 - host)));
	const char *address = ip6 ? from->ip6 : from->ip4;
	return *address ? address : NULL;
}
