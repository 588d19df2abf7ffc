/* SPDX-License-Identifier: Apache-2.0 */
/* detector.h - sees one source open too many TCP connections to the device in a
 * sliding interval. */
#pragma once

#include "umbox.h"

enum {
	ATTEMPTS_MAX = 255,
	PORTS_MAX = 64,
	/* Remembered at once; fewer where the limits are high.  Whoever comes from more sources
	 * pushes the oldest out: an alert too. */
	SOURCES_MAX = 16384,
	NETWORKS_MAX = 4096,
	CONNECTIONS_MAX = 16384,
	BLOCKS_MAX = 8192,
};

struct detector_settings {
	int64_t ports[PORTS_MAX];
	size_t port_count; /* 0: every port */
	uint32_t attempts; /* so many new connections within the interval are an attack */
	/* The same for all addresses of one IPv6 /64, since one machine may use
	 * them all; 0: off. */
	uint32_t network_attempts;
	int64_t interval_us;
	int64_t block_us;       /* 0: alerts only */
	int64_t alert_pause_us; /* of one source */
	/* Sources that are not judged; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *ip);
	const void *user;
};

struct detector_result {
	enum umbox_verdict verdict;
	bool attempt; /* a new connection to a watched port */
	bool blocked; /* dropped: its source is blocked */
	bool evasive; /* dropped: nobody on the way can judge it */
	bool alarm;   /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[128];
};

struct detector;

struct detector *detector_new(const struct detector_settings *settings);
void detector_free(struct detector *detector);
/* Judges a frame; times never go back. */
void detector_frame(struct detector *detector, const struct umbox_frame *frame,
		    struct detector_result *ret);
