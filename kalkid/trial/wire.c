/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/wire.c - see wire.h. */
#include "trial/wire.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/link_message.h"
#include "io/namespace.h"
#include "trial/frames.h"

enum { QUEUE_BYTES = 32 * 1024 * 1024, TAG_AT = 12, TAG_BYTES = 4 };

static const char *const INNER[LEG_SIDE_COUNT] = {"in", "out", "direct"};
static const char *const INNER_OLDER[LEG_SIDE_COUNT] = {"eth1", "eth2", "eth3"};
static const char *const OUTER[LEG_SIDE_COUNT] = {"device", "network", "direct"};

int wire_open(struct wire *ret, struct error *err)
{
	struct wire wire = {.netns = -1, .netlink = NETLINK_NONE, .fd = {-1, -1, -1}};
	int result = namespace_make(&wire.netns, err);
	if (result == 0)
		result = namespace_disable_ipv6(wire.netns, err);
	if (result == 0)
		result = netlink_open(&wire.netlink, wire.netns, NETLINK_ROUTE, err);
	if (result < 0)
		wire_close(&wire);
	else
		*ret = wire;
	return result;
}

void wire_close(struct wire *wire)
{
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		if (wire->fd[side] >= 0)
			close(take_fd(wire->fd[side]));
	}
	netlink_close(&wire->netlink);
	if (wire->netns >= 0)
		close(take_fd(wire->netns));
}

static int commit(struct netlink *netlink, struct link_batch *batch, struct error *err)
{
	netlink->sequence = link_batch_end(batch);
	return netlink_send(netlink, batch->bytes, batch->length, err);
}

static int raise_inner(int netns, const char *const names[], unsigned sides, struct error *err)
{
	struct netlink netlink = NETLINK_NONE;
	struct link_batch batch;
	int result = netlink_open(&netlink, netns, NETLINK_ROUTE, err);
	if (result < 0)
		return result;
	link_batch_begin(&batch, netlink.sequence);
	for (unsigned side = 0; side < sides; side++)
		link_batch_edit(&batch, &(struct link_edit){.name = names[side], .up = LINK_ON});
	result = commit(&netlink, &batch, err);
	netlink_close(&netlink);
	return result;
}

static void on_answer(void *data, const struct nlmsghdr *message)
{
	struct link_info info;
	if (link_parse(message, &info))
		*(uint32_t *)data = info.index;
}

static int set_option(int fd, int option, int value, struct error *err)
{
	if (setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0)
		return error_errno(err, -errno, "packet socket");
	return 0;
}

/* Sees what comes in, with what the sender left undone and with VLAN tags. */
static int open_end(struct wire *wire, enum leg_side side, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[LINK_QUESTION_BYTES];
	int queue = QUEUE_BYTES;
	int result = netlink_ask(&wire->netlink, link_ask_name(question, OUTER[side]), on_answer,
				 NULL, &wire->index[side], err);
	if (result < 0)
		return result;
	cleanup_close int fd = namespace_socket(wire->netns, AF_PACKET,
						SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, err);
	if (fd < 0)
		return fd;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)wire->index[side],
	};
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
	result = set_option(fd, PACKET_IGNORE_OUTGOING, 1, err);
	if (result == 0)
		result = set_option(fd, PACKET_AUXDATA, 1, err);
	if (result == 0)
		result = set_option(fd, PACKET_VNET_HDR, 1, err);
	if (result < 0)
		return result;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, -errno, "packet socket");
	wire->fd[side] = take_fd(fd);
	return 0;
}

int wire_add_legs(struct wire *wire, int umbox_netns, const struct container *container,
		  struct error *err)
{
	struct link_batch batch;
	unsigned sides = container->direct ? LEG_SIDE_COUNT : LEG_DIRECT;
	const char *const *names = container->legacy ? INNER_OLDER : INNER;
	int result = namespace_disable_ipv6(umbox_netns, err);
	if (result < 0)
		return result;
	link_batch_begin(&batch, wire->netlink.sequence);
	for (unsigned side = 0; side < sides; side++)
		link_batch_new_pair(&batch, &(struct link_pair){.name = OUTER[side],
								.peer = names[side],
								.mtu = FRAME_MTU,
								.peer_netns = umbox_netns,
								.up = true});
	result = commit(&wire->netlink, &batch, err);
	for (unsigned side = 0; side < sides && result == 0; side++) {
		if (container->plain_frames)
			result = namespace_set_offload(wire->netns, OUTER[side], ETHTOOL_STXCSUM, 0,
						       err);
		if (result == 0)
			result = open_end(wire, side, err);
	}
	if (result == 0)
		result = raise_inner(umbox_netns, names, sides, err);
	if (result < 0)
		error_prefix(err, "making the legs: ");
	return result;
}

int wire_delete_leg(struct wire *wire, enum leg_side side, struct error *err)
{
	struct link_batch batch;
	uint32_t index = wire->index[side];
	wire->index[side] = 0;
	if (wire->fd[side] >= 0)
		close(take_fd(wire->fd[side]));
	if (!index)
		return 0;
	link_batch_begin(&batch, wire->netlink.sequence);
	link_batch_delete(&batch, index);
	return commit(&wire->netlink, &batch, err);
}

void wire_remove_legs(struct wire *wire)
{
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		struct error err = {0};
		/* Those of a umbox that ended are gone with its namespace. */
		int result = wire_delete_leg(wire, side, &err);
		if (result < 0 && result != -ENODEV)
			fprintf(stderr, "kalkictl: %s\n", err.text);
	}
}

int wire_set_up(struct wire *wire, enum leg_side side, bool up, struct error *err)
{
	struct link_batch batch;
	link_batch_begin(&batch, wire->netlink.sequence);
	link_batch_edit(&batch, &(struct link_edit){.index = wire->index[side],
						    .up = up ? LINK_ON : LINK_OFF});
	return commit(&wire->netlink, &batch, err);
}

int wire_send(struct wire *wire, enum leg_side side, const struct virtio_net_hdr *offload,
	      const uint8_t *bytes, size_t count, struct error *err)
{
	struct virtio_net_hdr nothing = {0};
	struct iovec parts[] = {
		{.iov_base = offload ? (void *)offload : &nothing, .iov_len = sizeof(nothing)},
		{.iov_base = (void *)bytes, .iov_len = count},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
	ssize_t sent;
	do
		sent = sendmsg(wire->fd[side], &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? error_errno(err, -errno, "sending %zu bytes", count) : 0;
}

/* The kernel took the tag out of the frame; puts it back. */
static void put_tag_back(struct wire_frame *frame, const struct tpacket_auxdata *status)
{
	if (!(status->tp_status & TP_STATUS_VLAN_VALID) || frame->count < TAG_AT)
		return;
	uint16_t type = status->tp_status & TP_STATUS_VLAN_TPID_VALID ? status->tp_vlan_tpid
								      : ETH_P_8021Q;
	uint16_t tag[2] = {htons(type), htons(status->tp_vlan_tci)};
	memmove(frame->bytes + TAG_AT + TAG_BYTES, frame->bytes + TAG_AT, frame->count - TAG_AT);
	memcpy(frame->bytes + TAG_AT, tag, sizeof(tag));
	frame->count += TAG_BYTES;
	if (frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		frame->offload.csum_start += TAG_BYTES;
}

int wire_receive(struct wire *wire, enum leg_side side, struct wire_frame *ret, struct error *err)
{
	struct iovec parts[] = {
		{.iov_base = &ret->offload, .iov_len = sizeof(ret->offload)},
		{.iov_base = ret->bytes, .iov_len = sizeof(ret->bytes) - TAG_BYTES},
	};
	_Alignas(struct cmsghdr) char control[256];
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = ARRAY_SIZE(parts),
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = wire->fd[side] < 0 ? 0 : recvmsg(wire->fd[side], &message, MSG_DONTWAIT);
	/* ENETDOWN: our own end went down. */
	if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN))
		return 0;
	if (got < 0)
		return error_errno(err, -errno, "receiving");
	if ((size_t)got < sizeof(ret->offload))
		return 0;
	ret->count = (size_t)got - sizeof(ret->offload);
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
	     part = CMSG_NXTHDR(&message, part)) {
		struct tpacket_auxdata status;
		if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&status, CMSG_DATA(part), sizeof(status));
		put_tag_back(ret, &status);
	}
	return 1;
}
