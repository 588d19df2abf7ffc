/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link.h - the interfaces of the data plane: ports, bridge, host leg, slots, legs.
 *
 *     device port ~ u1i [umbox 1] u1o ~ u2i [umbox 2] u2o ~ p7═s7 ── bridge ── network port
 *                                                                      └───── host leg
 *
 * At each ~ rules of driver/nft.h lead on; without them no frame gets from one interface to the
 * next.  All of it stands in a named network namespace of its own, where nothing is forwarded by
 * itself: no address, ip_forward 0, no IPv6, bridge netfilter off, no slot peer, leg or device port
 * in the bridge.
 *
 * Every interface made or taken here carries an alias "kalki:<instance>:<role>"; nothing without it
 * is ever changed or deleted.  A port's alias also says how it was, so that it can be given back.
 *
 * All calls are synchronous: an add or a removal takes about a millisecond, a look-up microseconds.
 */
#pragma once

#include "core/data_plane.h"
#include "core/device.h"
#include "driver/driver.h"

struct link;

/* The bridge, and the data plane's end of the host leg. */
#define LINK_BRIDGE_NAME    "bridge"
#define LINK_HOST_PEER_NAME "host"

/* Makes or adopts the namespace and everything in it that does not depend on devices, and mends
 * what is not as it should be.  `instance` marks what is ours; -EEXIST when the namespace is
 * somebody else's, -ENODEV when a port is neither in the host's namespace nor in ours. */
int link_open(struct link **ret, const char *instance, const struct data_plane *plane,
	      struct error *err) must_check;

/* Lets go; everything stays in force.  NULL is fine. */
void link_close(struct link *link);

/* As link_open on what is open: brings back bridge, host leg and ports that others took away or
 * changed (a port that came back to the host's namespace is fetched again; one that is away is no
 * error, it is just not found).  Slots come back with link_add_slot.  1 when something was mended,
 * 0 when all was well; idempotent. */
int link_repair(struct link *link, struct error *err) must_check;

/* Removes slots, legs, bridge, host leg and the namespace, and gives the ports back as they were
 * (name, MTU, up, promiscuous).  Needs no open link; no error when there is nothing. */
int link_teardown(const char *instance, const struct data_plane *plane,
		  struct error *err) must_check;

/* The data-plane namespace; belongs to the link. */
int link_namespace(const struct link *link);
const struct data_plane *link_data_plane(const struct link *link);
/* Who speaks at the host leg, as last read. */
const struct host_identity *link_host(const struct link *link);
/* Reads it anew when the host's interfaces or addresses changed since: 1 when it is another now, 0
 * else. */
int link_read_host(struct link *link, struct error *err) must_check;

/* One interface of the data-plane namespace, as last seen (link_observe, or a notice). */
struct link_view {
	uint32_t index;
	char name[LINK_NAME_BYTES];
	bool up;      /* administratively */
	bool running; /* with carrier */
	bool ours;    /* carries the instance's alias */
};

/* NULL when there is none of that name or index; the view is good until the next call that changes,
 * reads notices or observes. */
const struct link_view *link_find(const struct link *link, const char *name);
const struct link_view *link_find_index(const struct link *link, uint32_t index);

/* Asks the kernel for all interfaces anew; what link_find and the lists below say is as of then. */
int link_observe(struct link *link, struct error *err) must_check;

/* The pair s<number>/p<number> of a device: an isolated port of the bridge with the device's MAC as
 * its only, static, sticky address.  -EXFULL beyond the 1023 ports that Linux gives a bridge.
 * Idempotent: mends a pair that is there, and follows a changed MAC. */
int link_add_slot(struct link *link, const struct device_identity *device,
		  struct error *err) must_check;
int link_remove_slot(struct link *link, uint32_t device, struct error *err) must_check;
/* Calls for each slot pair that is there, whole or half. */
void link_each_slot(const struct link *link, void (*each)(void *data, uint32_t device), void *data);

/* How a umbox wants its legs. */
struct leg_options {
	int netns;                        /* of the container; borrowed for the call */
	const char *name[LEG_SIDE_COUNT]; /* inside the container; NULL: "in", "out", "direct" */
	bool direct;                      /* it gets a direct leg, too */
	bool plain_frames; /* no checksum or segmentation offload reaches the umbox: for AF_PACKET
			    * users without PACKET_VNET_HDR */
};

/* Gives a umbox its legs: veth pairs whose host ends u<id>i, u<id>o are here, and u<id>r, whose
 * peers are born in the container's namespace; IPv6 off in there, both ends up.  Half-made legs of
 * the same id are replaced.  They are to be hooked (nft_hook_legs) before they are routed. */
int link_add_legs(struct link *link, uint32_t umbox, const struct leg_options *options,
		  struct error *err) must_check;
/* All pairs in one message; no error when there are none. */
int link_remove_legs(struct link *link, uint32_t umbox, struct error *err) must_check;
/* The host ends are there, the direct one too if there is to be one, up and running (their peers
 * are up, too). */
bool link_legs_up(const struct link *link, uint32_t umbox, bool direct);
/* Calls for each umbox that has at least one host end of a leg here. */
void link_each_legs(const struct link *link, void (*each)(void *data, uint32_t umbox), void *data);

/* Sends a frame of our own into the legs `in` and `out`: somebody with the device's MAC asks by ARP
 * whether its address is taken, as devices do when they start, and so does somebody in the network.
 * -ENOENT when it has no legs; -EPERM, -EAFNOSUPPORT: we may not. */
int link_try_legs(struct link *link, uint32_t umbox, const struct device_identity *device,
		  struct error *err) must_check;

/* 0, or -ENOENT when it has no legs. */
int link_counters(struct link *link, uint32_t umbox, struct umbox_counters *ret,
		  struct error *err) must_check;

/* Readable when interfaces changed; not blocking. */
int link_notice_fd(const struct link *link);

/* What others did to an interface of ours. */
struct link_change {
	char name[LINK_NAME_BYTES];
	bool gone; /* else it is down, or without carrier */
};

/* Reads all notices, keeps the views up to date, and tells the changes that this link did not make
 * itself.  1 when notices were lost (link_observe then), 0 else. */
int link_read_notices(struct link *link,
		      void (*on_change)(void *data, const struct link_change *change), void *data,
		      struct error *err) must_check;
