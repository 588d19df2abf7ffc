/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/data_plane.h - the ports that the configuration gives to the data plane: a plain value. */
#pragma once

#include "core/ids.h"

enum { DEVICE_PORTS_MAX = 8, HOST_ADDRESSES_MAX = 8, HOST_IPS_MAX = 32 };

struct device_port {
	char name[LINK_NAME_BYTES];
	bool hairpin;  /* frames may leave by the port their sender is behind: an access point that
			* hands every station's frames up; on a switch it would poison its table */
	bool eapol_up; /* EAPOL frames are let up to the namespace's own sockets (hostapd) */
};

struct data_plane {
	char namespace[NAME_BYTES]; /* name under /run/netns */
	struct device_port ports[DEVICE_PORTS_MAX];
	unsigned port_count;
	char network_port[LINK_NAME_BYTES]; /* "" in router mode */
	char host_leg[LINK_NAME_BYTES];     /* name of the host's end, "" for none */
	/* For the host leg, with prefix length. */
	char host_addresses[HOST_ADDRESSES_MAX][IP_TEXT_BYTES + 4];
	unsigned host_address_count;
	unsigned mtu; /* of every leg; 0: the largest of the ports */
};

/* Who speaks at the host leg: its host's end, as the host has it. */
struct host_identity {
	struct mac mac; /* all zero: there is no host leg */
	struct ip ips[HOST_IPS_MAX];
	unsigned ip_count;
};

bool host_identity_has(const struct host_identity *host, const struct ip *ip);
bool host_identity_equal(const struct host_identity *a, const struct host_identity *b);
