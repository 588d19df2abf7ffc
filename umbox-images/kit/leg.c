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
	batch->room = mmap(NULL, (size_t)BATCH_FRAMES * FRAME_ROOM_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (batch->room == MAP_FAILED)
		abort();
	return batch;
}

void umbox_batch_free(struct umbox_batch *batch)
{
	if (!batch)
		return;
	munmap(batch->room, (size_t)BATCH_FRAMES * FRAME_ROOM_BYTES);
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

int umbox_leg_open(struct umbox_leg_socket *leg, const char *name, unsigned index)
{
	static const struct timeval wait = {.tv_usec = LEG_SEND_WAIT_MS * 1000};
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)index};
	/* Protocol 0: nothing arrives before it is bound to the one interface. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set_buffers(fd);
	int result = set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (!result)
		result = set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (!result)
		result = set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (!result && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		result = -errno;
	if (!result && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		result = -errno;
	if (result < 0) {
		close(fd);
		return result;
	}
	leg->fd = fd;
	leg->index = index;
	snprintf(leg->name, sizeof(leg->name), "%s", name);
	return 0;
}

static void prepare(struct umbox_batch *batch)
{
	for (unsigned i = 0; i < BATCH_FRAMES; i++) {
		uint8_t *room = batch->room + (size_t)i * FRAME_ROOM_BYTES;
		batch->parts[i][0] = (struct iovec){&batch->headers[i], sizeof(batch->headers[i])};
		/* In front stays place for a tag that the kernel hands over beside the frame. */
		batch->parts[i][1] = (struct iovec){room + TAG_BYTES, FRAME_ROOM_BYTES - TAG_BYTES};
		batch->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = batch->parts[i],
					.msg_iovlen = 2,
					.msg_control = &batch->extra[i],
					.msg_controllen = sizeof(batch->extra[i])};
	}
}

static const struct tpacket_auxdata *find_auxdata(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA)
			return (const void *)CMSG_DATA(part);
	return NULL;
}

static void put_tag_back(struct umbox_frame *frame, const struct tpacket_auxdata *auxdata)
{
	uint16_t type = auxdata->tp_status & TP_STATUS_VLAN_TPID_VALID ? auxdata->tp_vlan_tpid
								       : ETH_P_8021Q;
	uint16_t tag[2] = {htons(type), htons(auxdata->tp_vlan_tci)};
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

static bool take_frame(struct umbox_batch *batch, unsigned i, struct umbox_frame *frame)
{
	struct mmsghdr *message = &batch->messages[i];
	const struct virtio_net_hdr *header = &batch->headers[i];
	if (message->msg_len < sizeof(*header) + ETHERNET_BYTES ||
	    message->msg_hdr.msg_flags & MSG_TRUNC)
		return false;
	frame->bytes = batch->parts[i][1].iov_base;
	frame->length = message->msg_len - sizeof(*header);
	frame->room = FRAME_ROOM_BYTES - TAG_BYTES;
	frame->offload = (struct umbox_offload){
		.flags = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = header->gso_type,
		.header_bytes = header->hdr_len,
		.segment_bytes = header->gso_size,
		.checksum_start = header->csum_start,
		.checksum_offset = header->csum_offset,
	};
	const struct tpacket_auxdata *auxdata = find_auxdata(&message->msg_hdr);
	if (auxdata && auxdata->tp_status & TP_STATUS_VLAN_VALID)
		put_tag_back(frame, auxdata);
	return true;
}

bool umbox_leg_receive(struct umbox_leg_socket *leg, enum umbox_leg side, struct umbox_batch *batch,
		       int64_t now_us, struct umbox_leg_counts *counts)
{
	prepare(batch);
	batch->count = 0;
	int received = recvmmsg(leg->fd, batch->messages, BATCH_FRAMES, MSG_DONTWAIT, NULL);
	if (received < 0) {
		/* A frame that the kernel cannot describe (GSO of a kind that has no virtio header)
		 * is gone with the error; so is the news that the leg went down.  More may wait
		 * behind. */
		bool empty = errno == EAGAIN || errno == ENETDOWN;
		counts->refused += !empty && errno != EINTR;
		return !empty;
	}
	for (int i = 0; i < received; i++) {
		struct umbox_frame *frame = &batch->frames[batch->count];
		frame->from = side;
		frame->time_us = now_us;
		if (take_frame(batch, (unsigned)i, frame))
			batch->count++;
		else
			counts->refused++;
	}
	return received == BATCH_FRAMES;
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
