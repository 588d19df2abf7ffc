/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/log_message.h - frames that a rule hands to this program (nfnetlink_log). */
#pragma once

#include <libmnl/libmnl.h>

#include "core/ids.h"

enum { LOG_QUESTION_BYTES = 256, LOG_FRAME_BYTES_MAX = 1500 };

/* Listens to a group: each frame at once, its first LOG_FRAME_BYTES_MAX bytes.  Two messages, to be
 * sent one after the other. */
struct nlmsghdr *log_ask_bind(void *buffer, uint16_t group);
struct nlmsghdr *log_ask_copy(void *buffer, uint16_t group);

struct log_frame {
	uint32_t interface; /* that it came in by */
	uint16_t protocol;  /* ETH_P_ */
	struct mac from;
	const uint8_t *payload; /* from the network header on; in the message */
	size_t bytes;
};
/* False when the message is none, or lacks one of these. */
bool log_parse(const struct nlmsghdr *message, struct log_frame *ret);
