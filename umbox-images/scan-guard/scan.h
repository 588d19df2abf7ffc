/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h - sees somebody look for open ports or for hosts: from the network at the device, or the
 * device at others. */
#pragma once

#include "umbox.h"

enum {
	SCAN_LIMIT_MAX = 128,
	SCAN_SOURCES_MAX = 1024, /* remembered at once; fewer where the limits are high */
	SCAN_FLOWS_MAX = 4096,   /* of UDP, from each side */
};

struct scan_settings {
	uint32_t ports, slow_ports; /* different ones of one host by one source; slow 0: off */
	uint32_t all_ports; /* of the device, by all sources within the slow interval; 0: off */
	uint32_t hosts, slow_hosts; /* different ones by one source; slow 0: off */
	int64_t interval_us, slow_interval_us;
	int64_t block_us, block_device_us; /* 0: alerts only */
	int64_t alert_pause_us;            /* of one source and type */
	bool drop_flags;                   /* drop TCP flags that only scanners send */
	/* Sources that are not judged; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *ip);
	const void *user;
};

struct scan_result {
	enum umbox_verdict verdict;
	bool probe;   /* knocked at a port, or looked for a host */
	bool flags;   /* TCP flags that only scanners send */
	bool blocked; /* dropped: its source is blocked */
	bool evasive; /* dropped: nobody on the way can judge it */
	bool alarm;   /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[128];
};

struct scan;

struct scan *scan_new(const struct scan_settings *settings);
void scan_free(struct scan *scan);
/* Judges a frame; times never go back. */
void scan_frame(struct scan *scan, const struct umbox_frame *frame, struct scan_result *ret);
