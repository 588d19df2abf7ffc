/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/device.c - see device.h. */
#include "core/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool device_has_ip(const struct device *device, const struct ip *ip)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		if (ip_equal(&device->ips[i], ip))
			return true;
	return false;
}

bool device_same_identity(const struct device *a, const struct device *b)
{
	return text_equal(a->port, b->port) && a->multicast == b->multicast &&
	       device_same_addresses(a, b);
}

bool device_same_addresses(const struct device *a, const struct device *b)
{
	if (!mac_equal(&a->mac, &b->mac) || a->ip_count != b->ip_count)
		return false;
	for (unsigned i = 0; i < a->ip_count; i++)
		if (!device_has_ip(b, &a->ips[i]))
			return false;
	return true;
}

static int compare_ips(const void *a, const void *b)
{
	return strcmp(a, b);
}

void device_addresses_digest(const struct device *device, char ret[static DIGEST_TEXT_BYTES])
{
	char texts[DEVICE_IPS_MAX + 1][IP_TEXT_BYTES] = {0};
	for (unsigned i = 0; i < device->ip_count; i++)
		ip_print(texts[i], &device->ips[i]);
	qsort(texts, device->ip_count, sizeof(texts[0]), compare_ips);
	mac_print(texts[device->ip_count], &device->mac);
	digest_text(ret, texts, sizeof(texts));
}

static int check_ips(const struct device *device, struct error *err)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (ip_equal(&device->ips[i], &device->ips[j])) {
				char text[IP_TEXT_BYTES];
				ip_print(text, &device->ips[i]);
				return error_set(err, -EINVAL,
						 "device '%s': the address %s stands twice",
						 device->name, text);
			}
	return 0;
}

int device_check(const struct device *device, struct error *err)
{
	static const struct mac none;
	int r = name_check("device", device->name, err);
	if (r < 0)
		return r;
	r = name_check("type", device->type, err);
	if (r < 0) {
		error_prefix(err, "device '%s': ", device->name);
		return r;
	}
	if (!device->port[0])
		return error_set(err, -EINVAL,
				 "device '%s': the device port it is behind is missing",
				 device->name);
	if (mac_equal(&device->mac, &none))
		return error_set(err, -EINVAL, "device '%s': the MAC address is missing",
				 device->name);
	return check_ips(device, err);
}

int device_check_pair(const struct device *device, const struct device *other, struct error *err)
{
	if (text_equal(device->name, other->name))
		return error_set(err, -EEXIST, "a device named '%s' exists already", device->name);
	if (mac_equal(&device->mac, &other->mac)) {
		char text[MAC_TEXT_BYTES];
		mac_print(text, &device->mac);
		return error_set(err, -EEXIST, "device '%s': the MAC address %s belongs to '%s'",
				 device->name, text, other->name);
	}
	for (unsigned i = 0; i < device->ip_count; i++)
		if (device_has_ip(other, &device->ips[i])) {
			char text[IP_TEXT_BYTES];
			ip_print(text, &device->ips[i]);
			return error_set(err, -EEXIST,
					 "device '%s': the address %s belongs to '%s'",
					 device->name, text, other->name);
		}
	return 0;
}
