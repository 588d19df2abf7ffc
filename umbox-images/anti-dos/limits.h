/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - the rules in the kernel: how much may cross, and what is handed up. */
#pragma once

#include "openings.h"
#include "umbox_kernel.h"

/* What was exceeded; the tags of what the kernel tells. */
enum excess {
	EXCESS_SYN,
	EXCESS_SYN_ALL,
	EXCESS_UDP,
	EXCESS_UDP_ALL,
	EXCESS_ICMP,
	EXCESS_ICMP_ALL,
	EXCESS_FLOW,
	EXCESS_FLOWS,
	EXCESS_DEVICE,
	EXCESS_COUNT,
	EXCESS_EVASIVE = EXCESS_COUNT, /* no flood */
	EXCESS_SILENCED,
	EXCESS_TAGS,
};

struct limits_settings {
	uint32_t per_second[EXCESS_COUNT]; /* of FLOWS: all that have no place of their own */
	uint32_t idle_s;                   /* so long the kernel remembers a connection */
	uint8_t bits4, bits6;              /* so many bits of an address make a source */
	bool count_openings;               /* SYNs of the network are handed up */
	bool spare_host;                   /* the machine of the daemon is not limited */
};

struct limits;

struct limits *limits_new(struct umbox *umbox, const struct limits_settings *settings);
void limits_free(struct limits *limits);

/* For the settings of `openings`, with the limits as `user`. */
void limits_see(const struct connection *connection, int64_t now_us, struct connection_times *ret,
		void *user);
bool limits_silence(const struct connection *connection, void *user);
void limits_unsilence(const struct connection *connection, void *user);
struct umbox_kernel *limits_kernel(const struct limits *limits);
