/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files.h - what the operator's files say, as values: kalkid.yaml with conf.d, device types
 * (policies), devices.  All complaints of all files are collected; with any, nothing is used. */
#pragma once

#include "codec/document.h"
#include "core/device.h"
#include "core/policy.h"

enum { POLICIES_MAX = 256, CONFIG_TEXT_BYTES = 256, CONFIG_PORTS_MAX = 8, CONFIG_ADDRESSES_MAX = 8 };

struct config_port {
	char name[LINK_NAME_BYTES];
	bool hairpin, eapol_up;
};

/* /etc/kalki/kalkid.yaml; every field has a default but the device ports. */
struct config {
	char instance[NAME_BYTES];
	struct config_port ports[CONFIG_PORTS_MAX];
	unsigned port_count;
	char namespace[NAME_BYTES];
	char network_port[LINK_NAME_BYTES]; /* "": router mode */
	char host_leg[LINK_NAME_BYTES];
	char host_addresses[CONFIG_ADDRESSES_MAX][IP_TEXT_BYTES + 4];
	unsigned host_address_count;
	unsigned mtu;
	char docker_socket[CONFIG_TEXT_BYTES];
	unsigned starts_at_once;
	unsigned alerts_per_second;
	int64_t heartbeat_timeout_us, ready_timeout_us, drain_quiet_us, drain_max_us, observe_every_us;
	int64_t history_age_max_us, history_bytes_max;
};

struct files {
	struct config config;
	struct policy **policies;
	unsigned policy_count;
	struct device *devices; /* numbers are 0 */
	unsigned device_count;
};

/* Reads ROOT/etc/kalki (kalkid.yaml, conf.d/, types.d/, devices.d/), in the order of names.
 * -EINVAL with complaints; nothing is left to free then. */
int files_read(struct files *ret, const char *root, struct complaints *complaints,
	       struct error *err) must_check;
void files_done(struct files *files);

/* One type, for `kalkictl policy check`; NULL with complaints. */
struct policy *policy_read(const struct document *document, struct complaints *complaints);
/* A device from a map with the keys of devices.d, as the API takes it too. */
int device_read(struct device *ret, const struct document *document, const struct node *map,
		struct complaints *complaints) must_check;
