/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/link_message.h - rtnetlink messages: interfaces made, changed, deleted,
 * asked for and read. */
#pragma once

#include <libmnl/libmnl.h>

#include "core/ids.h"

enum { LINK_ALIAS_BYTES = 256, LINK_BATCH_BYTES = 8192, LINK_KIND_BYTES = 16 };

/* Messages that go out as one datagram; the kernel works them off in order and does not stop at an
 * error.  Only the last asks for an acknowledgement; errors are answered always. */
struct link_batch {
	_Alignas(struct nlmsghdr) char bytes[LINK_BATCH_BYTES];
	size_t length, last;
	uint32_t sequence;
};
void link_batch_begin(struct link_batch *batch, uint32_t sequence);
/* The sequence number for the next batch. */
uint32_t link_batch_end(struct link_batch *batch);

struct link_pair {
	const char *name, *peer;
	unsigned mtu;   /* of both */
	uint32_t group; /* of both, for deletion */
	uint32_t peer_group;
	int peer_netns; /* where the peer is born; -1: beside it */
	bool up;        /* this end; the peer cannot be born up */
};
void link_batch_new_pair(struct link_batch *batch, const struct link_pair *pair);

/* No spanning tree, no delay, no snooping; it hands frames on from the moment it is up. */
void link_batch_new_bridge(struct link_batch *batch, const char *name);

enum link_switch { LINK_LEAVE, LINK_ON, LINK_OFF };

/* What to change of an interface, named by `index` or, when that is 0, by `name`; zero: leave. */
struct link_edit {
	uint32_t index;
	const char *name;
	const char *new_name, *alias; /* an alias "" takes it away */
	unsigned mtu;
	enum link_switch up, promiscuous;
	uint32_t master; /* index */
	bool no_master;
	uint32_t group;
	const int *netns; /* a descriptor of where it moves */
};
void link_batch_edit(struct link_batch *batch, const struct link_edit *edit);

/* A slot: isolated from other slots, learns nothing, gets unicast by its static address only. */
void link_batch_bridge_port_slot(struct link_batch *batch, const char *name);
/* The one address behind a slot: static, and it does not move when somebody else uses it. */
void link_batch_new_address_behind(struct link_batch *batch, uint32_t index, const struct mac *mac);

void link_batch_new_address(struct link_batch *batch, uint32_t index, const struct ip *ip,
			    unsigned prefix_bits);
/* Every IPv4 address is this machine's own, at that interface. */
void link_batch_new_local_route(struct link_batch *batch, uint32_t index);
void link_batch_delete(struct link_batch *batch, uint32_t index);
/* Every interface of the group, at once: much faster than one by one. */
void link_batch_delete_group(struct link_batch *batch, uint32_t group);

enum { LINK_QUESTION_BYTES = 256 };
struct nlmsghdr *link_ask_all(void *buffer);
struct nlmsghdr *link_ask_name(void *buffer, const char *name);
struct nlmsghdr *link_ask_addresses(void *buffer); /* of all interfaces */

struct link_info {
	bool gone; /* a notice of its end */
	uint32_t index;
	char name[LINK_NAME_BYTES];
	char alias[LINK_ALIAS_BYTES]; /* "" for none */
	char kind[LINK_KIND_BYTES];   /* "veth", "bridge"; "" for a NIC */
	bool up, running, promiscuous;
	unsigned mtu;
	uint32_t master, group;
	struct mac mac;
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, dropped;
};
/* False when the message is none about an interface, or makes no sense. */
bool link_parse(const struct nlmsghdr *message, struct link_info *ret);
/* One of an interface's own addresses; false when the message is none of that kind. */
bool link_parse_address(const struct nlmsghdr *message, uint32_t *ret_index, struct ip *ret);
