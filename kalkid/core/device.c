/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/device.c - see device.h. */
#include "core/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool device_has_ip(const struct device_identity *device, const struct ip *ip)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		if (ip_equal(&device->ips[i], ip))
			return true;
	return false;
}

const char *const DEVICE_ADDRESSES_NAMES[DEVICE_ADDRESSES_COUNT] = {
	[DEVICE_ADDRESSES_STANDARD] = "standard", [DEVICE_ADDRESSES_FIXED] = "fixed",
	[DEVICE_ADDRESSES_LEARN] = "learn",       [DEVICE_ADDRESSES_LEARN_ARP] = "learn-arp",
	[DEVICE_ADDRESSES_ANY] = "any",
};

const char *const LEARNT_HOW_NAMES[LEARNT_HOW_COUNT] = {
	[LEARNT_LEASE] = "dhcp",
	[LEARNT_ND] = "nd",
	[LEARNT_ARP] = "arp",
};

static const struct learnt_address *find_learnt(const struct device_identity *device,
						const struct ip *ip)
{
	for (unsigned i = 0; i < device->learnt_count; i++)
		if (ip_equal(&device->learnt[i].ip, ip))
			return &device->learnt[i];
	return NULL;
}

bool device_owns_ip(const struct device_identity *device, const struct ip *ip)
{
	const struct learnt_address *learnt = find_learnt(device, ip);
	return device_has_ip(device, ip) || (learnt && !learnt->expired);
}

bool device_vouched_ip(const struct device_identity *device, const struct ip *ip)
{
	const struct learnt_address *learnt = find_learnt(device, ip);
	return device_has_ip(device, ip) ||
	       (learnt && !learnt->expired && learnt->how == LEARNT_LEASE);
}

const struct ip *device_first_ip(const struct device_identity *device)
{
	if (device->ip_count)
		return &device->ips[0];
	for (unsigned i = 0; i < device->learnt_count; i++)
		if (!device->learnt[i].expired)
			return &device->learnt[i].ip;
	return NULL;
}

const struct ip *device_ip4(const struct device_identity *device)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		if (device->ips[i].family == 4)
			return &device->ips[i];
	return NULL;
}

bool device_learns(const struct device_identity *device)
{
	switch (device->addresses) {
	case DEVICE_ADDRESSES_STANDARD: return !device->ip_count;
	case DEVICE_ADDRESSES_LEARN:
	case DEVICE_ADDRESSES_LEARN_ARP: return true;
	case DEVICE_ADDRESSES_FIXED:
	case DEVICE_ADDRESSES_ANY:
	case DEVICE_ADDRESSES_COUNT: break;
	}
	return false;
}

double device_telemetry_factor(const struct device *device)
{
	return device->telemetry_factor == 0 ? 1 : max_of(device->telemetry_factor, 0.0);
}

bool device_in_group(const struct device *device, const char *group)
{
	for (unsigned i = 0; i < device->group_count; i++)
		if (text_equal(device->groups[i], group))
			return true;
	return false;
}

bool device_shares_group(const struct device *a, const struct device *b)
{
	for (unsigned i = 0; i < a->group_count; i++)
		if (device_in_group(b, a->groups[i]))
			return true;
	return false;
}

/* Where it stands, or would stand. */
static unsigned place_of(const struct device_set *set, uint32_t number)
{
	unsigned low = 0, high = set->count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (set->numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool device_set_has(const struct device_set *set, uint32_t number)
{
	unsigned place = place_of(set, number);
	return place < set->count && set->numbers[place] == number;
}

void device_set_add(struct device_set *set, uint32_t number)
{
	unsigned place = place_of(set, number);
	if (set->count == DEVICES_MAX || device_set_has(set, number))
		return;
	memmove(&set->numbers[place + 1], &set->numbers[place],
		(set->count - place) * sizeof(set->numbers[0]));
	set->numbers[place] = number;
	set->count++;
}

bool device_is_bound(const struct device_identity *device, uint8_t family)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		if (device->ips[i].family == family)
			return true;
	for (unsigned i = 0; i < device->learnt_count; i++)
		if (device->learnt[i].ip.family == family)
			return true;
	return false;
}

void device_keep_learnt(struct device_identity *device, const struct device_identity *from)
{
	bool keeps = device_learns(device) && mac_equal(&device->mac, &from->mac);
	device->learnt_count = 0;
	for (unsigned i = 0; keeps && i < from->learnt_count; i++) {
		const struct learnt_address *learnt = &from->learnt[i];
		bool arp = learnt->how == LEARNT_ARP &&
			   device->addresses != DEVICE_ADDRESSES_LEARN_ARP;
		if (!arp && !device_has_ip(device, &learnt->ip) &&
		    device->ip_count + device->learnt_count < DEVICE_IPS_MAX)
			device->learnt[device->learnt_count++] = *learnt;
	}
}

/* Every address of `a` is one of `b`, on the same grounds. */
static bool addresses_within(const struct device_identity *a, const struct device_identity *b)
{
	for (unsigned i = 0; i < a->ip_count; i++)
		if (!device_vouched_ip(b, &a->ips[i]))
			return false;
	for (unsigned i = 0; i < a->learnt_count; i++) {
		const struct ip *ip = &a->learnt[i].ip;
		if (!a->learnt[i].expired && (!device_owns_ip(b, ip) ||
					      device_vouched_ip(a, ip) != device_vouched_ip(b, ip)))
			return false;
	}
	return true;
}

bool device_same_place(const struct device_identity *a, const struct device_identity *b)
{
	return text_equal(a->port, b->port) && mac_equal(&a->mac, &b->mac) &&
	       a->multicast == b->multicast;
}

bool device_same_identity(const struct device_identity *a, const struct device_identity *b)
{
	return device_same_place(a, b) && device_learns(a) == device_learns(b) &&
	       device_is_bound(a, 4) == device_is_bound(b, 4) &&
	       device_is_bound(a, 6) == device_is_bound(b, 6) && addresses_within(a, b) &&
	       addresses_within(b, a);
}

bool device_same_addresses(const struct device_identity *a, const struct device_identity *b)
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

void device_addresses_digest(const struct device_identity *device,
			     char ret[static DIGEST_TEXT_BYTES])
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
		if (device_has_ip(&other->identity, &device->ips[i])) {
			char text[IP_TEXT_BYTES];
			ip_print(text, &device->ips[i]);
			return error_set(err, -EEXIST,
					 "device '%s': the address %s belongs to '%s'",
					 device->name, text, other->name);
		}
	return 0;
}
