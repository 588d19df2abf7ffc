/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_heard.c - frames that the rules hand up because they tell of addresses. */
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/text.h"
#include "codec/claim_frame.h"
#include "codec/log_message.h"
#include "driver/nft_inner.h"

static void on_answer(void *data maybe_unused, const struct nlmsghdr *message maybe_unused)
{
}

int nft_listen(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[LOG_QUESTION_BYTES];
	int r = netlink_open(&nft->heard, link_namespace(nft->link), NETLINK_NETFILTER, err);
	if (r < 0)
		return r;
	r = netlink_ask(&nft->heard, log_ask_bind(question, NFT_LOG_GROUP), on_answer, NULL, NULL,
			err);
	if (r == 0)
		r = netlink_ask(&nft->heard, log_ask_copy(question, NFT_LOG_GROUP), on_answer, NULL,
				NULL, err);
	if (r < 0)
		netlink_close(&nft->heard);
	return r;
}

int nft_heard_fd(const struct nft *nft)
{
	return nft->heard.fd;
}

struct hearing {
	struct nft *nft;
	void (*on_claim)(void *data, uint32_t device, const struct claim *claim);
	void *data;
};

static bool is_device_port(const struct nft *nft, const char *name)
{
	const struct data_plane *plane = link_data_plane(nft->link);
	for (unsigned i = 0; i < plane->port_count; i++)
		if (text_equal(plane->ports[i].name, name))
			return true;
	return false;
}

/* What comes out of a umbox says nothing: its device has said the same at the port. */
static void on_frame(void *data, const struct nlmsghdr *message)
{
	struct hearing *hearing = data;
	struct nft *nft = hearing->nft;
	struct log_frame frame;
	struct claim claim;
	if (!log_parse(message, &frame))
		return;
	const struct link_view *link = link_find_index(nft->link, frame.interface);
	bool from_device = link && is_device_port(nft, link->name);
	if (!link || (!from_device && !text_equal(link->name, LINK_HOST_PEER_NAME) &&
		      !text_equal(link->name, link_data_plane(nft->link)->network_port)))
		return;
	const struct claim_frame claiming = {.from = frame.from,
					     .protocol = frame.protocol,
					     .payload = frame.payload,
					     .bytes = frame.bytes,
					     .from_device = from_device};
	uint32_t device = claim_parse(&claim, &claiming) ? nft_find_mac(nft, &claim.mac) : 0;
	if (device && !host_identity_has(link_host(nft->link), &claim.ip))
		hearing->on_claim(hearing->data, device, &claim);
}

int nft_read_heard(struct nft *nft,
		   void (*on_claim)(void *data, uint32_t device, const struct claim *claim),
		   void *data, struct error *err)
{
	struct hearing hearing = {nft, on_claim, data};
	return nft->heard.fd < 0 ? 0 : netlink_read(&nft->heard, on_frame, &hearing, err);
}
