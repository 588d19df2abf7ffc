/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/device.h - a device as the operator describes it: a plain value. */
#pragma once

#include "base/digest.h"
#include "core/ids.h"

enum {
	DEVICE_IPS_MAX = 8,
	DEVICE_LABELS_MAX = 16, /* groups, and as many tags */
	DEVICE_DESCRIPTION_BYTES = 256,
	DEVICE_PARAMETERS_BYTES = 2048,
	DEVICES_MAX = 1000, /* each has a slot on one Linux bridge, which has 1024 ports at most */
};

/* How a device comes by its addresses; decides what it may use besides `ips`. */
enum device_addresses {
	DEVICE_ADDRESSES_STANDARD,  /* fixed when it has `ips`, else learn */
	DEVICE_ADDRESSES_FIXED,     /* `ips`; without them as any */
	DEVICE_ADDRESSES_LEARN,     /* what DHCP gives it, and what it announces of IPv6 */
	DEVICE_ADDRESSES_LEARN_ARP, /* and the first IPv4 address that it announces */
	DEVICE_ADDRESSES_ANY,       /* any that nobody owns */
	DEVICE_ADDRESSES_COUNT,
};
extern const char *const DEVICE_ADDRESSES_NAMES[DEVICE_ADDRESSES_COUNT];

/* Who says that an address is the device's.  A lease is the DHCP server's word and holds against
 * everybody; what the device announces binds itself and its siblings, never the network: else it
 * could take the router's address from the router. */
enum learnt_how { LEARNT_LEASE, LEARNT_ND, LEARNT_ARP, LEARNT_HOW_COUNT };
extern const char *const LEARNT_HOW_NAMES[LEARNT_HOW_COUNT];

struct learnt_address {
	struct ip ip;
	enum learnt_how how;
	int64_t since_wall_us;
	int64_t lease_us; /* its length; 0: for ever */
	int64_t until_us; /* engine time, 0: for ever */
	int64_t seen_us;  /* engine time at which it was last announced or renewed */
	bool expired;     /* the lease is over: the device has to ask again */
};

/* Who a device is: all that the node, its umboxes and whatever talks to the device are told. */
struct device_identity {
	uint32_t number; /* from the store at enrolment, 1 to DEVICE_NUMBER_MAX; names its slot */
	char name[NAME_BYTES];
	char type[NAME_BYTES];
	char port[LINK_NAME_BYTES]; /* the device port that it is behind */
	struct mac mac;
	struct ip ips[DEVICE_IPS_MAX]; /* that the operator gave it */
	unsigned ip_count;
	enum device_addresses addresses;
	/* No more than DEVICE_IPS_MAX together with `ips`; not part of the definition. */
	struct learnt_address learnt[DEVICE_IPS_MAX];
	unsigned learnt_count;
	bool multicast; /* multicast other than ARP, ND and DHCP passes */
};

struct device {
	union { /* `identity` as a whole, and its fields as if they stood here */
		struct device_identity identity;
		struct device_identity;
	};
	char description[DEVICE_DESCRIPTION_BYTES];
	char groups[DEVICE_LABELS_MAX][NAME_BYTES];
	unsigned group_count;
	char tags[DEVICE_LABELS_MAX][NAME_BYTES];
	unsigned tag_count;
	bool shadow;             /* its policy decides and is not enforced */
	double telemetry_factor; /* of its own; 0: none was given, below 0: not asked at all */
	/* Of umboxes, canonical JSON by the name of the hop, besides those of its type; "": none.
	 */
	char parameters[DEVICE_PARAMETERS_BYTES];
	char file[SOURCE_FILE_BYTES]; /* the file that defines it; "" when made through the API */
};

/* Among `ips`. */
bool device_has_ip(const struct device_identity *device, const struct ip *ip);
/* Among `ips`, or learnt and not expired. */
bool device_owns_ip(const struct device_identity *device, const struct ip *ip);
/* The same, on the word of the operator or of a DHCP server. */
bool device_vouched_ip(const struct device_identity *device, const struct ip *ip);
/* Where to reach it: the operator's first, else one that was learnt; NULL when none is known. */
const struct ip *device_first_ip(const struct device_identity *device);
/* The first IPv4 address of its file, which is all that the older contract and ARP know; NULL:
 * none. */
const struct ip *device_ip4(const struct device_identity *device);
bool device_learns(const struct device_identity *device);
/* How often it is asked: 1 as its type says, 2 twice as often, 0 not at all. */
double device_telemetry_factor(const struct device *device);
bool device_in_group(const struct device *device, const char *group);
bool device_shares_group(const struct device *a, const struct device *b);
/* Whether it may use its own addresses of the family only: it has one, or had a lease. */
bool device_is_bound(const struct device_identity *device, uint8_t family);
/* What was learnt of `from` holds for `device`, too, as far as its definition lets it. */
void device_keep_learnt(struct device_identity *device, const struct device_identity *from);

/* Of `ips` and MAC, what a umbox is told at its start; what is learnt does not count. */
bool device_same_addresses(const struct device_identity *a, const struct device_identity *b);
/* Equal for those that have the same addresses. */
void device_addresses_digest(const struct device_identity *device,
			     char ret[static DIGEST_TEXT_BYTES]);

/* At the same place: port, MAC, what it may send. */
bool device_same_place(const struct device_identity *a, const struct device_identity *b);
/* What the data plane knows of it: same identity, same enrolment. */
bool device_same_identity(const struct device_identity *a, const struct device_identity *b);

/* Numbers of devices, the smallest first. */
struct device_set {
	unsigned count;
	uint32_t numbers[DEVICES_MAX];
};
void device_set_add(struct device_set *set, uint32_t number);
bool device_set_has(const struct device_set *set, uint32_t number);

/* Name, type, port and MAC present and well formed; no two equal addresses. */
int device_check(const struct device *device, struct error *err) must_check;
/* `device` beside one that is already there: refuses equal names, MACs, IPs. */
int device_check_pair(const struct device *device, const struct device *other,
		      struct error *err) must_check;
