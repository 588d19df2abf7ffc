/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/netlink_message.h - walks over the messages of one datagram. */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>

/* Whether a whole message stands there.  mnl_nlmsg_ok() takes a length above INT_MAX for a small
 * one. */
static inline bool netlink_message_ok(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (unsigned)left;
}

#define netlink_for_each_message(message, buffer, left)                   \
	for ((message) = (const struct nlmsghdr *)(const void *)(buffer); \
	     netlink_message_ok((message), (left));                       \
	     (message) = mnl_nlmsg_next((message), &(left)))
