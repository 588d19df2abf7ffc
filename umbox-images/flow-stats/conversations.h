/* SPDX-License-Identifier: Apache-2.0 */
/* conversations.h - each conversation of the device with its ports, from first to last frame, as
 * NetFlow and IPFIX tell them (RFC 7011); both directions in one record (RFC 5103). */
#pragma once

#include "umbox.h"

enum {
	CONVERSATIONS_MAX = 4096,
	CONVERSATIONS_TOLD_MAX = 256, /* in one report */
};

/* When a conversation is told (RFC 5470, 5.1.1): it was closed, nothing came for so long, or it
 * lasts for so long and is told in parts. */
struct conversation_limits {
	int64_t idle_us, active_us;
};

struct conversations;

struct conversations *conversations_new(const struct conversation_limits *limits);
void conversations_free(struct conversations *conversations);
void conversations_frame(struct conversations *conversations, const struct umbox_frame *frame,
			 const struct umbox_headers *headers, uint32_t packets);
/* Calls `say` with records of those that are to be told by now, a list in each. */
void conversations_report(struct conversations *conversations, int64_t now_us,
			  void (*say)(const struct umbox_json *record, void *user), void *user);
/* Conversations that were never told: more at once than there is room for. */
uint64_t conversations_untold(const struct conversations *conversations);
