/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/netlink.h - one netlink socket: send and be told at once whether the kernel took it, dump,
 * listen.
 *
 * The kernel works a netlink message off before sendmsg(2) returns, so its replies can be read
 * without waiting: no call here blocks for longer than the kernel works. */
#pragma once

#include <libmnl/libmnl.h>
#include <stddef.h>

#include "base/error.h"

struct netlink {
	int fd;
	uint32_t port;     /* the kernel's name for this socket */
	uint32_t sequence; /* of the next message */
};

/* What an unopened or closed one looks like. */
#define NETLINK_NONE ((struct netlink){.fd = -1})

/* `netns` is the namespace that the socket is to be in; -1: this one. `protocol` as
 * in netlink(7). */
int netlink_open(struct netlink *ret, int netns, int protocol, struct error *err) must_check;
void netlink_close(struct netlink *netlink);

/* Sends messages as one datagram, and reads all replies.  0, or the first error of any of them,
 * with the kernel's own words where it has some.  -ENOBUFS, -ETIMEDOUT: sent, but what came of it
 * is unknown. */
int netlink_send(struct netlink *netlink, const void *messages, size_t bytes,
		 struct error *err) must_check;

/* Asks one question (a dump or a single get, with NLM_F_ACK) and calls for each answer.  A dump
 * that was disturbed by a change is asked again: `restart` (may be NULL) is called before each
 * further round. Sets the sequence number. */
int netlink_ask(struct netlink *netlink, struct nlmsghdr *question,
		void (*on_answer)(void *data, const struct nlmsghdr *message),
		void (*restart)(void *data), void *data, struct error *err) must_check;

int netlink_join(struct netlink *netlink, unsigned group, struct error *err) must_check;

/* Reads what a joined socket has, without blocking; 1 when messages were lost, 0 else. */
int netlink_read(struct netlink *netlink,
		 void (*on_message)(void *data, const struct nlmsghdr *message), void *data,
		 struct error *err) must_check;
