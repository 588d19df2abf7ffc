/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/link_message.c - see link_message.h. */
#include "codec/link_message.h"

#include <assert.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

enum { MESSAGE_BYTES_MAX = 1024 };

void link_batch_begin(struct link_batch *batch, uint32_t sequence)
{
	batch->length = batch->last = 0;
	batch->sequence = sequence;
}

uint32_t link_batch_end(struct link_batch *batch)
{
	assert(batch->length);
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)(batch->bytes + batch->last);
	last->nlmsg_flags |= NLM_F_ACK;
	return batch->sequence;
}

static struct nlmsghdr *start(struct link_batch *batch, uint16_t type, uint16_t flags)
{
	assert(sizeof(batch->bytes) - batch->length >= MESSAGE_BYTES_MAX);
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch->bytes + batch->length);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = batch->sequence++;
	return message;
}

static struct ifinfomsg *start_link(struct link_batch *batch, struct nlmsghdr **ret, uint16_t type,
				    uint16_t flags)
{
	*ret = start(batch, type, flags);
	return mnl_nlmsg_put_extra_header(*ret, sizeof(struct ifinfomsg));
}

static void finish(struct link_batch *batch, const struct nlmsghdr *message)
{
	assert(message->nlmsg_len <= MESSAGE_BYTES_MAX);
	batch->last = batch->length;
	batch->length += MNL_ALIGN(message->nlmsg_len);
}

static void put_pair_end(struct nlmsghdr *message, const char *name, unsigned mtu, uint32_t group)
{
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_MTU, mtu);
	mnl_attr_put_u32(message, IFLA_GROUP, group);
}

void link_batch_new_pair(struct link_batch *batch, const struct link_pair *pair)
{
	struct nlmsghdr *message;
	struct ifinfomsg *header = start_link(batch, &message, RTM_NEWLINK,
					      NLM_F_CREATE | NLM_F_EXCL);
	if (pair->up)
		header->ifi_flags = header->ifi_change = IFF_UP;
	put_pair_end(message, pair->name, pair->mtu, pair->group);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	put_pair_end(message, pair->peer, pair->mtu, pair->peer_group);
	if (pair->peer_netns >= 0)
		mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)pair->peer_netns);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	finish(batch, message);
}

void link_batch_new_bridge(struct link_batch *batch, const char *name)
{
	struct nlmsghdr *message;
	start_link(batch, &message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u32(message, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u32(message, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_put_u8(message, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	finish(batch, message);
}

void link_batch_edit(struct link_batch *batch, const struct link_edit *edit)
{
	struct nlmsghdr *message;
	struct ifinfomsg *header = start_link(batch, &message, RTM_SETLINK, 0);
	header->ifi_index = (int)edit->index;
	if (!edit->index)
		mnl_attr_put_strz(message, IFLA_IFNAME, edit->name);
	else if (edit->new_name)
		mnl_attr_put_strz(message, IFLA_IFNAME, edit->new_name);
	if (edit->up != LINK_LEAVE)
		header->ifi_change |= IFF_UP;
	if (edit->up == LINK_ON)
		header->ifi_flags |= IFF_UP;
	if (edit->promiscuous != LINK_LEAVE)
		header->ifi_change |= IFF_PROMISC;
	if (edit->promiscuous == LINK_ON)
		header->ifi_flags |= IFF_PROMISC;
	if (edit->alias)
		mnl_attr_put_str(message, IFLA_IFALIAS, edit->alias);
	if (edit->mtu)
		mnl_attr_put_u32(message, IFLA_MTU, edit->mtu);
	if (edit->master || edit->no_master)
		mnl_attr_put_u32(message, IFLA_MASTER, edit->master);
	if (edit->group)
		mnl_attr_put_u32(message, IFLA_GROUP, edit->group);
	if (edit->netns)
		mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)*edit->netns);
	finish(batch, message);
}

void link_batch_bridge_port_slot(struct link_batch *batch, const char *name)
{
	struct nlmsghdr *message;
	start_link(batch, &message, RTM_NEWLINK, 0);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_put_u8(message, IFLA_BRPORT_LEARNING, 0);
	mnl_attr_put_u8(message, IFLA_BRPORT_UNICAST_FLOOD, 0);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	finish(batch, message);
}

void link_batch_new_address_behind(struct link_batch *batch, uint32_t index, const struct mac *mac)
{
	struct nlmsghdr *message = start(batch, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ndm_family = AF_BRIDGE;
	header->ndm_ifindex = (int)index;
	header->ndm_state = NUD_NOARP;
	header->ndm_flags = NTF_MASTER | NTF_STICKY;
	mnl_attr_put(message, NDA_LLADDR, sizeof(*mac), mac);
	finish(batch, message);
}

void link_batch_new_address(struct link_batch *batch, uint32_t index, const struct ip *ip,
			    unsigned prefix_bits)
{
	struct nlmsghdr *message = start(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	size_t bytes = ip->family == 4 ? 4 : 16;
	header->ifa_family = ip->family == 4 ? AF_INET : AF_INET6;
	header->ifa_prefixlen = (uint8_t)prefix_bits;
	header->ifa_index = index;
	mnl_attr_put(message, IFA_LOCAL, bytes, ip->octet);
	mnl_attr_put(message, IFA_ADDRESS, bytes, ip->octet);
	finish(batch, message);
}

void link_batch_new_local_route(struct link_batch *batch, uint32_t index)
{
	struct nlmsghdr *message = start(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->rtm_family = AF_INET;
	header->rtm_table = RT_TABLE_LOCAL;
	header->rtm_protocol = RTPROT_STATIC;
	header->rtm_scope = RT_SCOPE_HOST;
	header->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(message, RTA_OIF, index);
	finish(batch, message);
}

void link_batch_delete(struct link_batch *batch, uint32_t index)
{
	struct nlmsghdr *message;
	start_link(batch, &message, RTM_DELLINK, 0)->ifi_index = (int)index;
	finish(batch, message);
}

void link_batch_delete_group(struct link_batch *batch, uint32_t group)
{
	struct nlmsghdr *message;
	start_link(batch, &message, RTM_DELLINK, 0);
	mnl_attr_put_u32(message, IFLA_GROUP, group);
	finish(batch, message);
}

static struct nlmsghdr *ask(void *buffer, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	return message;
}

struct nlmsghdr *link_ask_all(void *buffer)
{
	return ask(buffer, NLM_F_DUMP);
}

struct nlmsghdr *link_ask_name(void *buffer, const char *name)
{
	struct nlmsghdr *message = ask(buffer, NLM_F_ACK);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return message;
}

static bool read_text(const struct nlattr *attribute, char *target, size_t bytes)
{
	return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 &&
	       text_copy(target, bytes, mnl_attr_get_str(attribute));
}

static bool read_u32(const struct nlattr *attribute, uint32_t *target)
{
	if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return false;
	*target = mnl_attr_get_u32(attribute);
	return true;
}

static int on_info(const struct nlattr *attribute, void *data)
{
	struct link_info *info = data;
	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
	    !read_text(attribute, info->kind, sizeof(info->kind)))
		info->kind[0] = '\0'; /* longer than any that matters here */
	return MNL_CB_OK;
}

static bool read_counters(const struct nlattr *attribute, struct link_info *info)
{
	struct rtnl_link_stats64 stats = {0};
	size_t bytes = mnl_attr_get_payload_len(attribute);
	/* The structure grows with the kernel; what is read here has been there from the start. */
	if (bytes < offsetof(struct rtnl_link_stats64, multicast))
		return false;
	memcpy(&stats, mnl_attr_get_payload(attribute), min_of(bytes, sizeof(stats)));
	info->rx_frames = stats.rx_packets;
	info->rx_bytes = stats.rx_bytes;
	info->tx_frames = stats.tx_packets;
	info->tx_bytes = stats.tx_bytes;
	info->dropped = stats.rx_dropped + stats.tx_dropped;
	return true;
}

static int on_attribute(const struct nlattr *attribute, void *data)
{
	struct link_info *info = data;
	bool well = true;
	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME: well = read_text(attribute, info->name, sizeof(info->name)); break;
	case IFLA_IFALIAS: well = read_text(attribute, info->alias, sizeof(info->alias)); break;
	case IFLA_MTU: well = read_u32(attribute, &info->mtu); break;
	case IFLA_MASTER: well = read_u32(attribute, &info->master); break;
	case IFLA_GROUP: well = read_u32(attribute, &info->group); break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(info->mac))
			memcpy(&info->mac, mnl_attr_get_payload(attribute), sizeof(info->mac));
		break;
	case IFLA_STATS64: well = read_counters(attribute, info); break;
	case IFLA_LINKINFO:
		well = mnl_attr_parse_nested(attribute, on_info, info) == MNL_CB_OK;
		break;
	default: break;
	}
	return well ? MNL_CB_OK : MNL_CB_ERROR;
}

bool link_parse(const struct nlmsghdr *message, struct link_info *ret)
{
	*ret = (struct link_info){0};
	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct ifinfomsg))
		return false;
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	/* Notices of a bridge about its ports are of another family. */
	if (header->ifi_family != AF_UNSPEC || header->ifi_index <= 0)
		return false;
	ret->gone = message->nlmsg_type == RTM_DELLINK;
	ret->index = (uint32_t)header->ifi_index;
	ret->up = header->ifi_flags & IFF_UP;
	ret->running = header->ifi_flags & IFF_RUNNING;
	ret->promiscuous = header->ifi_flags & IFF_PROMISC;
	return mnl_attr_parse(message, sizeof(*header), on_attribute, ret) == MNL_CB_OK &&
	       ret->name[0];
}

struct nlmsghdr *link_ask_addresses(void *buffer)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = RTM_GETADDR;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifaddrmsg));
	return message;
}

/* IFA_LOCAL is the own address where both stand (a point-to-point link). */
bool link_parse_address(const struct nlmsghdr *message, uint32_t *ret_index, struct ip *ret)
{
	const struct nlattr *attribute, *own = NULL;
	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct ifaddrmsg))
		return false;
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	mnl_attr_for_each(attribute, message, sizeof(*header)) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !own))
			own = attribute;
	}
	size_t bytes = header->ifa_family == AF_INET ? 4 : header->ifa_family == AF_INET6 ? 16 : 0;
	if (!own || !bytes || mnl_attr_get_payload_len(own) != bytes)
		return false;
	*ret_index = header->ifa_index;
	*ret = (struct ip){.family = bytes == 4 ? 4 : 6};
	memcpy(ret->octet, mnl_attr_get_payload(own), bytes);
	return true;
}
