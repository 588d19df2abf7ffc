/* SPDX-License-Identifier: Apache-2.0 */
/* leg.h - one leg as a packet socket: frames in and out in batches, with the offloads kept.
 *
 * Packet sockets see every frame of a veth, whoever it is for: promiscuous mode would only fill the
 * kernel's log.  See packet(7), and net/packet/af_packet.c for the order of the options. */
#pragma once

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "umbox_frame.h"

enum {
	BATCH_FRAMES = 64,
	/* A GSO frame of 64 KiB with its Ethernet header and tags. */
	FRAME_ROOM_BYTES = 66 * 1024,
	LEG_BUFFER_BYTES = 8 * 1024 * 1024,
	/* How long a full send buffer may hold up a batch. */
	LEG_SEND_WAIT_MS = 10,
};

struct umbox_leg_socket {
	int fd; /* -1 when it is not open */
	unsigned index;
	char name[IFNAMSIZ];
};

struct umbox_leg_counts {
	uint64_t lost;    /* could not be sent */
	uint64_t overrun; /* came faster than they were read */
	uint64_t refused; /* longer than FRAME_ROOM_BYTES, shorter than Ethernet, or not readable */
};

/* What one recvmmsg brings.  `frames[i]` point into the room. */
struct umbox_batch {
	unsigned count;
	struct umbox_frame frames[BATCH_FRAMES];
	struct mmsghdr messages[BATCH_FRAMES];
	struct iovec parts[BATCH_FRAMES][2];
	struct virtio_net_hdr headers[BATCH_FRAMES];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} extra[BATCH_FRAMES];
	uint8_t *room;
};

/* Frames on their way out of one leg: borrowed from a batch until they are flushed. */
struct umbox_outgoing {
	unsigned count;
	struct mmsghdr messages[BATCH_FRAMES];
	struct iovec parts[BATCH_FRAMES][2];
	struct virtio_net_hdr headers[BATCH_FRAMES];
};

struct umbox_batch *umbox_batch_new(void);
void umbox_batch_free(struct umbox_batch *batch);

/* True when the interface is there and up. */
bool umbox_leg_is_up(const char *name, unsigned *ret_index);
/* 0, or negative errno. */
int umbox_leg_open(struct umbox_leg_socket *leg, const char *name, unsigned index);
/* Fills the batch with what has come; false when there is (for now) no more behind it. */
bool umbox_leg_receive(struct umbox_leg_socket *leg, enum umbox_leg side, struct umbox_batch *batch,
		       int64_t now_us, struct umbox_leg_counts *counts);
/* Puts a frame on the list; there is room for a batch. */
void umbox_outgoing_add(struct umbox_outgoing *outgoing, const struct umbox_frame *frame);
/* Sends the list and empties it; returns how many were sent, the others are lost and counted. */
unsigned umbox_leg_flush(struct umbox_leg_socket *leg, struct umbox_outgoing *outgoing,
			 struct umbox_leg_counts *counts);
/* Takes the kernel's count of what the socket had no room for. */
void umbox_leg_count_overrun(struct umbox_leg_socket *leg, struct umbox_leg_counts *counts);
