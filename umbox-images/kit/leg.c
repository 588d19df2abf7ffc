/* SPDX-License-Identifier: Apache-2.0 */
/* leg.c - packet sockets, batches, VLAN tags. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leg.h"

enum {
	ETHERNET_BYTES = 14,
	ADDRESSES_BYTES = 12,
	TAG_BYTES = 4,
};

struct umbox_batch *umbox_batch_new(void)
{
	struct umbox_batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		abort();
	/* Pages are there once they are used: an idle umbox stays small. */
	batch->room = mmap(NULL, BATCH_ROOM_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (batch->room == MAP_FAILED)
		abort();
	return batch;
}

void umbox_batch_free(struct umbox_batch *batch)
{
	if (!batch)
		return;
	munmap(batch->room, BATCH_ROOM_BYTES);
	free(batch);
}

bool umbox_leg_is_up(const char *name, unsigned *ret_index)
{
	struct ifreq request = {0};
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool up = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) &&
		  ioctl(fd, SIOCGIFINDEX, &request) == 0;
	close(fd);
	if (up)
		*ret_index = (unsigned)request.ifr_ifindex;
	return up;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* The big size needs NET_ADMIN; without it net.core.rmem_max and wmem_max are the limit. */
static void set_buffers(int fd)
{
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, LEG_BUFFER_BYTES) < 0)
		(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, LEG_BUFFER_BYTES);
	if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, LEG_BUFFER_BYTES) < 0)
		(void)set_option(fd, SOL_SOCKET, SO_SNDBUF, LEG_BUFFER_BYTES);
}

static int set_options(int fd)
{
	static const struct {
		int option, value;
	} options[] = {
		{PACKET_VERSION, TPACKET_V2},
		{PACKET_AUXDATA, 1},
		{PACKET_COPY_THRESH, 1}, /* what does not fit into its slot is queued as a whole */
	};
	int result = 0;
	for (size_t i = 0; !result && i < sizeof(options) / sizeof(options[0]); i++)
		result = set_option(fd, SOL_PACKET, options[i].option, options[i].value);
	return result;
}

static int map_ring(int fd, uint8_t **ret)
{
	enum { BLOCK_BYTES = 64 * 1024 };
	struct tpacket_req request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = LEG_RING_BYTES / BLOCK_BYTES,
		.tp_frame_size = LEG_SLOT_BYTES,
		.tp_frame_nr = LEG_SLOTS,
	};
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return -errno;
	void *ring = mmap(NULL, LEG_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	*ret = ring;
	return 0;
}

/* Protocol 0: nothing arrives before it is bound to the one interface. */
static int open_socket(struct umbox_leg_socket *leg, const char *name, unsigned index)
{
	static const struct timeval wait = {.tv_usec = LEG_SEND_WAIT_US};
	*leg = (struct umbox_leg_socket){.index = index};
	leg->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (leg->fd < 0)
		return -errno;
	snprintf(leg->name, sizeof(leg->name), "%s", name);
	set_buffers(leg->fd);
	if (setsockopt(leg->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	return set_option(leg->fd, SOL_PACKET, PACKET_VNET_HDR, 1);
}

static int bind_socket(const struct umbox_leg_socket *leg, uint16_t protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(protocol),
				      .sll_ifindex = (int)leg->index};
	return bind(leg->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int umbox_leg_open(struct umbox_leg_socket *leg, const char *name, unsigned index)
{
	int result = open_socket(leg, name, index);
	if (!result)
		result = set_options(leg->fd);
	if (!result)
		result = map_ring(leg->fd, &leg->ring);
	if (!result)
		result = bind_socket(leg, ETH_P_ALL);
	if (result < 0)
		umbox_leg_close(leg);
	return result;
}

int umbox_leg_open_to_send(struct umbox_leg_socket *leg, const char *name, unsigned index)
{
	int result = open_socket(leg, name, index);
	if (!result)
		result = bind_socket(leg, 0);
	if (result < 0)
		umbox_leg_close(leg);
	return result;
}

void umbox_leg_close(struct umbox_leg_socket *leg)
{
	if (leg->ring)
		munmap(leg->ring, LEG_RING_BYTES);
	if (leg->fd >= 0)
		close(leg->fd);
	leg->ring = NULL;
	leg->fd = -1;
}

static void set_offload(struct umbox_frame *frame, const struct virtio_net_hdr *header)
{
	frame->offload = (struct umbox_offload){
		.flags = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = header->gso_type,
		.header_bytes = header->hdr_len,
		.segment_bytes = header->gso_size,
		.checksum_start = header->csum_start,
		.checksum_offset = header->csum_offset,
	};
}

/* A tag that the kernel hands over beside the frame goes back to where it was on the wire; there is
 * room in front. */
static void put_tag_back(struct umbox_frame *frame, uint32_t status, uint16_t type,
			 uint16_t control)
{
	if (!(status & TP_STATUS_VLAN_VALID))
		return;
	if (!(status & TP_STATUS_VLAN_TPID_VALID))
		type = ETH_P_8021Q;
	uint16_t tag[2] = {htons(type), htons(control)};
	memmove(frame->bytes - TAG_BYTES, frame->bytes, ADDRESSES_BYTES);
	frame->bytes -= TAG_BYTES;
	frame->length += TAG_BYTES;
	frame->room += TAG_BYTES;
	memcpy(frame->bytes + ADDRESSES_BYTES, tag, sizeof(tag));
	if (frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		frame->offload.checksum_start += TAG_BYTES;
	if (frame->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		frame->offload.header_bytes += TAG_BYTES;
}

static bool take_from_slot(uint8_t *slot, struct umbox_frame *frame)
{
	const struct tpacket2_hdr *about = (const void *)slot;
	struct virtio_net_hdr header;
	if (about->tp_snaplen < ETHERNET_BYTES)
		return false;
	frame->bytes = slot + about->tp_mac;
	frame->length = about->tp_snaplen;
	frame->room = LEG_SLOT_BYTES - about->tp_mac;
	memcpy(&header, frame->bytes - sizeof(header), sizeof(header));
	set_offload(frame, &header);
	put_tag_back(frame, about->tp_status, about->tp_vlan_tpid, about->tp_vlan_tci);
	return true;
}

static const struct tpacket_auxdata *find_auxdata(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA)
			return (const void *)CMSG_DATA(part);
	return NULL;
}

static bool take_from_queue(int fd, uint8_t *room, struct umbox_frame *frame)
{
	struct virtio_net_hdr header;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} extra;
	frame->bytes = room + TAG_BYTES;
	frame->room = FRAME_ROOM_BYTES - TAG_BYTES;
	struct iovec parts[] = {{&header, sizeof(header)}, {frame->bytes, frame->room}};
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = 2,
				 .msg_control = &extra,
				 .msg_controllen = sizeof(extra)};
	ssize_t bytes = recvmsg(fd, &message, MSG_DONTWAIT);
	if (bytes < (ssize_t)sizeof(header) + ETHERNET_BYTES || message.msg_flags & MSG_TRUNC)
		return false;
	frame->length = (uint32_t)bytes - (uint32_t)sizeof(header);
	set_offload(frame, &header);
	const struct tpacket_auxdata *about = find_auxdata(&message);
	if (about)
		put_tag_back(frame, about->tp_status, about->tp_vlan_tpid, about->tp_vlan_tci);
	return true;
}

static uint8_t *slot_at(const struct umbox_leg_socket *leg, unsigned number)
{
	return leg->ring + (size_t)(number % LEG_SLOTS) * LEG_SLOT_BYTES;
}

/* False when the room of the batch is used up. */
static bool take_slot(struct umbox_leg_socket *leg, uint8_t *slot, uint32_t status,
		      struct umbox_batch *batch, struct umbox_leg_counts *counts)
{
	const struct tpacket2_hdr *about = (const void *)slot;
	struct umbox_frame *frame = &batch->frames[batch->count];
	if (status & TP_STATUS_COPY) {
		if (batch->room_used + FRAME_ROOM_BYTES > BATCH_ROOM_BYTES)
			return false;
		if (!take_from_queue(leg->fd, batch->room + batch->room_used, frame)) {
			counts->refused++;
			return true;
		}
		batch->room_used += (TAG_BYTES + frame->length + 63) / 64 * 64;
	} else if (about->tp_snaplen < about->tp_len) {
		counts->overrun++; /* the queue had no room for the whole */
		return true;
	} else if (!take_from_slot(slot, frame)) {
		counts->refused++;
		return true;
	}
	batch->count++;
	return true;
}

bool umbox_leg_receive(struct umbox_leg_socket *leg, enum umbox_leg side, struct umbox_batch *batch,
		       int64_t now_us, struct umbox_leg_counts *counts)
{
	int error;
	batch->count = leg->taken = batch->room_used = 0;
	for (; batch->count < BATCH_FRAMES && leg->taken < LEG_SLOTS; leg->taken++) {
		uint8_t *slot = slot_at(leg, leg->next + leg->taken);
		struct tpacket2_hdr *about = (void *)slot;
		uint32_t status = __atomic_load_n(&about->tp_status, __ATOMIC_ACQUIRE);
		if (!(status & TP_STATUS_USER)) {
			if (!leg->taken) /* awake for an error then, as of a leg that went down */
				getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &error,
					   &(socklen_t){sizeof(error)});
			return false;
		}
		batch->frames[batch->count].from = side;
		batch->frames[batch->count].time_us = now_us;
		if (!take_slot(leg, slot, status, batch, counts))
			break;
	}
	return true;
}

void umbox_leg_release(struct umbox_leg_socket *leg)
{
	for (; leg->taken; leg->taken--, leg->next = (leg->next + 1) % LEG_SLOTS) {
		struct tpacket2_hdr *about = (void *)slot_at(leg, leg->next);
		__atomic_store_n(&about->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}

void umbox_outgoing_add(struct umbox_outgoing *outgoing, const struct umbox_frame *frame)
{
	unsigned i = outgoing->count++;
	assert(i < BATCH_FRAMES);
	outgoing->headers[i] = (struct virtio_net_hdr){
		.flags = frame->offload.flags,
		.gso_type = frame->offload.gso_type,
		.hdr_len = frame->offload.header_bytes,
		.gso_size = frame->offload.segment_bytes,
		.csum_start = frame->offload.checksum_start,
		.csum_offset = frame->offload.checksum_offset,
	};
	outgoing->parts[i][0] = (struct iovec){&outgoing->headers[i], sizeof(outgoing->headers[i])};
	outgoing->parts[i][1] = (struct iovec){frame->bytes, frame->length};
	outgoing->messages[i].msg_hdr = (struct msghdr){.msg_iov = outgoing->parts[i],
							.msg_iovlen = 2};
}

unsigned umbox_leg_flush(struct umbox_leg_socket *leg, struct umbox_outgoing *outgoing,
			 struct umbox_leg_counts *counts)
{
	unsigned at = 0, sent = 0;
	int flags = 0; /* waits for LEG_SEND_WAIT_MS, once in a batch */
	while (at < outgoing->count) {
		int result = sendmmsg(leg->fd, outgoing->messages + at, outgoing->count - at,
				      flags);
		if (result > 0) {
			at += (unsigned)result;
			sent += (unsigned)result;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			flags = MSG_DONTWAIT;
		counts->lost++;
		at++;
	}
	outgoing->count = 0;
	return sent;
}

void umbox_leg_count_overrun(struct umbox_leg_socket *leg, struct umbox_leg_counts *counts)
{
	struct tpacket_stats stats;
	socklen_t length = sizeof(stats);
	if (leg->fd >= 0 &&
	    getsockopt(leg->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0)
		counts->overrun += stats.tp_drops;
}
