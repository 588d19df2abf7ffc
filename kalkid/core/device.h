/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/device.h - a device as the operator describes it: a plain value. */
#pragma once

#include "base/digest.h"
#include "core/ids.h"

enum {
	DEVICE_IPS_MAX = 8,
	DEVICE_LABELS_MAX = 16, /* groups, and as many tags */
	DEVICE_DESCRIPTION_BYTES = 256,
	DEVICES_MAX = 1000, /* each has a slot on one Linux bridge, which has 1024 ports at most */
};

struct device {
	uint32_t number; /* from the store at enrolment, 1 to DEVICE_NUMBER_MAX; names its slot */
	char name[NAME_BYTES];
	char type[NAME_BYTES];
	char description[DEVICE_DESCRIPTION_BYTES];
	char port[LINK_NAME_BYTES]; /* the device port that it is behind */
	struct mac mac;
	struct ip ips[DEVICE_IPS_MAX]; /* empty: any address that no other device owns */
	unsigned ip_count;
	char groups[DEVICE_LABELS_MAX][NAME_BYTES];
	unsigned group_count;
	char tags[DEVICE_LABELS_MAX][NAME_BYTES];
	unsigned tag_count;
	bool multicast;               /* multicast other than ARP, ND and DHCP passes */
	char file[SOURCE_FILE_BYTES]; /* the file that defines it; "" when made through the API */
};

bool device_has_ip(const struct device *device, const struct ip *ip);

bool device_same_addresses(const struct device *a, const struct device *b);
/* Equal for those that have the same addresses. */
void device_addresses_digest(const struct device *device, char ret[static DIGEST_TEXT_BYTES]);

/* What the data plane knows of it: same identity, same enrolment. */
bool device_same_identity(const struct device *a, const struct device *b);

/* Name, type, port and MAC present and well formed; no two equal addresses. */
int device_check(const struct device *device, struct error *err) must_check;
/* `device` beside one that is already there: refuses equal names, MACs, IPs. */
int device_check_pair(const struct device *device, const struct device *other,
		      struct error *err) must_check;
