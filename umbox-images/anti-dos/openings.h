/* SPDX-License-Identifier: Apache-2.0 */
/* openings.h - who has how many TCP connections to the device open: sees their SYNs, and the FINs
 * and resets, and asks when the kernel last saw each.  Pure but for that question; times never go
 * back.
 *
 * The device's FIN or reset ends a connection; that of the client does not, since it may be made
 * up. A client that is at its limit gets a place when one of its connections is over by all signs:
 * given up by its client, or silent for long.  Such a connection is not let speak any more. */
#pragma once

#include "umbox.h"

enum {
	OPENINGS_MAX = 255, /* of one source */
	OPENINGS_SILENCED = 4096,
	OPENINGS_SOURCES = 4096, /* at most; fewer where many connections are allowed */
};

struct connection {
	struct umbox_ip client, device;
	uint16_t client_port, device_port;
};

/* When the kernel last saw something of a connection. */
struct connection_times {
	int64_t client_us, device_us; /* INT64_MIN: not lately */
};

struct openings_settings {
	uint32_t limit;         /* of one source, 1 to OPENINGS_MAX */
	uint8_t bits4, bits6;   /* so many bits of an address make a source */
	int64_t alert_pause_us; /* of one source */
	void (*see)(const struct connection *connection, int64_t now_us,
		    struct connection_times *ret, void *user);
	/* Nothing more of it shall come from the client; false when that cannot be had. */
	bool (*silence)(const struct connection *connection, void *user);
	/* It begins anew, or too many others have come since. */
	void (*unsilence)(const struct connection *connection, void *user);
	void *user;
};

struct openings_result {
	enum umbox_verdict verdict; /* ANSWER: the frame has become a reset */
	bool opened, refused;
	bool alarm; /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[96];
};

struct openings;

struct openings *openings_new(const struct openings_settings *settings);
void openings_free(struct openings *openings);
/* Segments that are no SYN of the network are copies, only looked at: SEEN. */
void openings_frame(struct openings *openings, struct umbox_frame *frame,
		    struct openings_result *ret);
