/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_report.c - what the rules tell: dropped frames, strangers, and changes by others. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/nft_inner.h"

/* Counters */

static void on_counter(void *data, const struct nlmsghdr *message)
{
	struct nft_drops *drops = data;
	char name[NFT_NAME_BYTES];
	uint64_t frames;
	if (!nft_parse_counter(message, name, &frames) || !text_starts(name, "drop_"))
		return;
	for (unsigned drop = 0; drop < NFT_DROP_COUNT; drop++)
		if (text_equal(name + strlen("drop_"), nft_drop_name(drop)))
			drops->frames[drop] = frames;
}

int nft_read_drops(struct nft *nft, struct nft_drops *ret, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct nft_drops drops = {0};
	int r = netlink_ask(&nft->netlink, nft_ask_counters(question), on_counter, NULL, &drops,
			    err);
	if (r < 0)
		return r;
	for (unsigned drop = 0; drop < NFT_DROP_COUNT; drop++) {
		uint64_t before = nft->drops_before[drop];
		/* Less than before: somebody reset it, or the table is a new one. */
		drops.news[drop] = drops.frames[drop] - (drops.frames[drop] < before ? 0 : before);
		nft->drops_before[drop] = drops.frames[drop];
	}
	*ret = drops;
	return 0;
}

struct unknown_list {
	struct nft_unknown *list;
	unsigned count;
};

static void on_unknown_note(void *data, const struct nft_note *note)
{
	struct unknown_list *list = data;
	if (list->count == NFT_UNKNOWN_MAX)
		return;
	list->list[list->count++] = (struct nft_unknown){note->element.interface,
							 note->element.mac};
}

static void on_unknown_message(void *data, const struct nlmsghdr *message)
{
	(void)nft_parse_notes(message, STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_NONE,
			      on_unknown_note, data);
}

static void on_unknown_restart(void *data)
{
	((struct unknown_list *)data)->count = 0;
}

static int unknown_compare(const void *a, const void *b)
{
	const struct nft_unknown *one = a, *other = b;
	if (one->interface != other->interface)
		return one->interface < other->interface ? -1 : 1;
	return memcmp(&one->mac, &other->mac, sizeof(one->mac));
}

/* Its first frames came before it was enrolled. */
static bool is_known_by_now(const struct nft *nft, const struct nft_unknown *one)
{
	const struct nft_device *device = nft_device_find(nft, nft_find_mac(nft, &one->mac));
	struct device_identity as;
	uint32_t port;
	return device && steering_identity(&device->held, &as, &port) && port == one->interface;
}

int nft_read_unknown(struct nft *nft,
		     void (*on_unknown)(void *data, const char *port, const struct mac *mac),
		     void *data, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct unknown_list now = {.list = mem_alloc_array(NFT_UNKNOWN_MAX, sizeof(*now.list))};
	int r = netlink_ask(&nft->netlink, nft_ask_elements(question, NFT_UNKNOWN_SET),
			    on_unknown_message, on_unknown_restart, &now, err);
	if (r < 0) {
		free(now.list);
		return r;
	}
	qsort(now.list, now.count, sizeof(*now.list), unknown_compare);
	for (unsigned i = 0; i < now.count; i++) {
		const struct nft_unknown *one = &now.list[i];
		if (nft->unknown_count &&
		    bsearch(one, nft->unknown, nft->unknown_count, sizeof(*one), unknown_compare))
			continue;
		if (is_known_by_now(nft, one))
			continue;
		const struct link_view *port = link_find_index(nft->link, one->interface);
		on_unknown(data, port ? port->name : "?", &one->mac);
	}
	free(nft->unknown);
	nft->unknown = mem_resize(now.list, now.count + 1, sizeof(*now.list));
	nft->unknown_count = now.count;
	return 0;
}

/* Notices */

int nft_notice_fd(const struct nft *nft)
{
	return nft->watch.fd;
}

struct change_reader {
	uint32_t own_port;
	bool others;
};

/* Each transaction ends in a notice of the new generation, in the name of the socket that made it.
 */
static void on_change(void *data, const struct nlmsghdr *message)
{
	struct change_reader *reader = data;
	if (message->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN) &&
	    message->nlmsg_pid != reader->own_port)
		reader->others = true;
}

int nft_read_notices(struct nft *nft, struct error *err)
{
	struct change_reader reader = {.own_port = nft->netlink.port};
	if (nft->watch.fd < 0)
		return 0;
	int lost = netlink_read(&nft->watch, on_change, &reader, err);
	return lost < 0 ? lost : lost || reader.others;
}
