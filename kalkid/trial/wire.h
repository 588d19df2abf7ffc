/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/wire.h - both ends of a umbox's legs: a namespace of our own with the device's end and the
 * network's, and packet sockets on them. */
#pragma once

#include <linux/virtio_net.h>

#include "codec/docker_json.h"
#include "io/netlink.h"

enum { WIRE_FRAME_BYTES_MAX = 65536 + 256 };

struct wire {
	int netns;
	struct netlink netlink;
	int fd[LEG_SIDE_COUNT]; /* -1 while there are no legs */
	uint32_t index[LEG_SIDE_COUNT];
};

struct wire_frame {
	struct virtio_net_hdr offload; /* what the sender left to be computed */
	size_t count;
	uint8_t bytes[WIRE_FRAME_BYTES_MAX]; /* with its VLAN tag, where it has one */
};

int wire_open(struct wire *ret, struct error *err) must_check;
/* With its legs. */
void wire_close(struct wire *wire);

/* As the daemon makes them, and as its image wants them: born in the umbox's namespace as `in`,
 * `out` and, where it asks for that, `direct` (of the older contract `eth1`, `eth2`, `eth3`);
 * without IPv6, and up. */
int wire_add_legs(struct wire *wire, int umbox_netns, const struct container *container,
		  struct error *err) must_check;
void wire_remove_legs(struct wire *wire);
/* Our end of a leg; the other sees its carrier go. */
int wire_set_up(struct wire *wire, enum leg_side side, bool up, struct error *err) must_check;
int wire_delete_leg(struct wire *wire, enum leg_side side, struct error *err) must_check;

/* `offload` NULL: nothing is left to be computed. */
int wire_send(struct wire *wire, enum leg_side side, const struct virtio_net_hdr *offload,
	      const uint8_t *bytes, size_t count, struct error *err) must_check;
/* 1: a frame, 0: none is there. */
int wire_receive(struct wire *wire, enum leg_side side, struct wire_frame *ret,
		 struct error *err) must_check;
