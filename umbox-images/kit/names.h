/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - the addresses that the device has: those that it was given, and those that it has used.
 *
 * Who sends a frame to the device's MAC and another's address shall not be answered in that one's
 * name: the rules outside would take it for a forgery of the device's. */
#pragma once

#include "umbox_frame.h"

enum { NAMES_MAX = 32 };

struct names {
	unsigned count, next; /* next: the place of the next one once all are taken */
	struct umbox_ip ip[NAMES_MAX];
	uint32_t newest4; /* most frames come from these: they are not looked for again */
	uint8_t newest6[16];
};

/* The address is the device's. */
void names_add(struct names *names, const struct umbox_ip *ip);
/* A frame from the device, whose source address was checked outside. */
void names_hear(struct names *names, const struct umbox_frame *frame);
/* Whether an own frame toward the network speaks in the device's name, as far as that is known. */
bool names_allow(const struct names *names, const struct umbox_frame *frame);
