/* SPDX-License-Identifier: Apache-2.0 */
/* leg.h - one leg as a packet socket: frames in and out in batches, with the offloads kept.
 *
 * Frames arrive in a ring that the kernel fills (TPACKET_V2, which wakes for each frame; V3 would
 * wait for a block) and are judged and sent from there: reading them with recvmmsg costs twice as
 * much CPU. What is larger than a slot, GSO frames above all, waits in the socket's queue, its slot
 * says so.
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
	/* Of a batch, for frames that are larger than a slot: few enough to stay in the CPU's
	   cache. */
	BATCH_ROOM_BYTES = 8 * FRAME_ROOM_BYTES,
	/* Room for Ethernet's 1500 bytes; as many as arrive while others have the
	 * CPU for a while. */
	LEG_SLOT_BYTES = 2048,
	LEG_SLOTS = 1024,
	LEG_RING_BYTES = LEG_SLOTS * LEG_SLOT_BYTES,
	LEG_BUFFER_BYTES = 8 * 1024 * 1024,
	/* How long a full send buffer may hold up a batch. */
	LEG_SEND_WAIT_US = 10000,
};

struct umbox_leg_socket {
	int fd; /* -1 when it is not open */
	unsigned index;
	char name[IFNAMSIZ];
	uint8_t *ring;
	unsigned next;  /* the slot that the kernel fills next, or has filled */
	unsigned taken; /* slots from there on that the batch holds */
};

struct umbox_leg_counts {
	uint64_t lost;    /* could not be sent */
	uint64_t overrun; /* came faster than they were read */
	uint64_t refused; /* longer than FRAME_ROOM_BYTES, shorter than Ethernet, or not readable */
};

/* The frames that wait, as many as are judged at once.  They lie in the ring or in the room. */
struct umbox_batch {
	unsigned count;
	struct umbox_frame frames[BATCH_FRAMES];
	uint8_t *room;
	uint32_t room_used;
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
/* For sending alone: in in-kernel mode nothing is read from the leg itself. */
int umbox_leg_open_to_send(struct umbox_leg_socket *leg, const char *name, unsigned index);
void umbox_leg_close(struct umbox_leg_socket *leg);
/* Fills the batch with what has come; false when there is (for now) no more behind it.  Every call
 * is followed by umbox_leg_release. */
bool umbox_leg_receive(struct umbox_leg_socket *leg, enum umbox_leg side, struct umbox_batch *batch,
		       int64_t now_us, struct umbox_leg_counts *counts);
/* Gives the places of the batch's frames back to the kernel. */
void umbox_leg_release(struct umbox_leg_socket *leg);
/* Puts a frame on the list; there is room for a batch. */
void umbox_outgoing_add(struct umbox_outgoing *outgoing, const struct umbox_frame *frame);
/* Sends the list and empties it; returns how many were sent, the others are lost and counted. */
unsigned umbox_leg_flush(struct umbox_leg_socket *leg, struct umbox_outgoing *outgoing,
			 struct umbox_leg_counts *counts);
/* Takes the kernel's count of what the socket had no room for. */
void umbox_leg_count_overrun(struct umbox_leg_socket *leg, struct umbox_leg_counts *counts);
