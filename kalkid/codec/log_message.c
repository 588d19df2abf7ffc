/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/log_message.c - see log_message.h. */
#include "codec/log_message.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>
#include <sys/socket.h>

static struct nlmsghdr *configure(void *buffer, uint16_t group)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->res_id = htons(group);
	return message;
}

struct nlmsghdr *log_ask_bind(void *buffer, uint16_t group)
{
	const struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	struct nlmsghdr *message = configure(buffer, group);
	mnl_attr_put(message, NFULA_CFG_CMD, sizeof(bind), &bind);
	return message;
}

struct nlmsghdr *log_ask_copy(void *buffer, uint16_t group)
{
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(LOG_FRAME_BYTES_MAX),
						    .copy_mode = NFULNL_COPY_PACKET};
	struct nlmsghdr *message = configure(buffer, group);
	mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1)); /* none waits for others */
	return message;
}

static int on_attribute(const struct nlattr *attribute, void *data)
{
	struct log_frame *frame = data;
	const void *value = mnl_attr_get_payload(attribute);
	size_t bytes = mnl_attr_get_payload_len(attribute);
	switch (mnl_attr_get_type(attribute)) {
	case NFULA_PACKET_HDR:
		if (bytes >= sizeof(struct nfulnl_msg_packet_hdr))
			frame->protocol =
				ntohs(((const struct nfulnl_msg_packet_hdr *)value)->hw_protocol);
		break;
	case NFULA_IFINDEX_INDEV:
		if (bytes == sizeof(uint32_t))
			frame->interface = ntohl(mnl_attr_get_u32(attribute));
		break;
	case NFULA_HWHEADER:
		if (bytes >= ETH_HLEN)
			memcpy(&frame->from, (const uint8_t *)value + ETH_ALEN, ETH_ALEN);
		break;
	case NFULA_PAYLOAD:
		frame->payload = value;
		frame->bytes = bytes;
		break;
	default: break;
	}
	return MNL_CB_OK;
}

bool log_parse(const struct nlmsghdr *message, struct log_frame *ret)
{
	static const struct mac none;
	*ret = (struct log_frame){0};
	return message->nlmsg_type == ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET) &&
	       mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg) &&
	       mnl_attr_parse(message, sizeof(struct nfgenmsg), on_attribute, ret) == MNL_CB_OK &&
	       ret->interface && ret->protocol && ret->payload && !mac_equal(&ret->from, &none);
}
