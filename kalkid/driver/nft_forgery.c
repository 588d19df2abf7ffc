/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_forgery.c - what the rules noted of forged frames, and which devices they concern. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/nft_inner.h"

static const char *const tally_words[NFT_TALLY_COUNT] = {
	[NFT_FORGED_IP4] = "sent as",
	[NFT_FORGED_IP6] = "sent as",
	[NFT_FORGED_ARP] = "forged ARP for",
	[NFT_FORGED_MAC] = "forged ARP in the name of",
	[NFT_FORGED_ND] = "forged a neighbour advertisement for",
	[NFT_FORGED_ROUTER] = "spoke as a router, as",
	[NFT_CLAIMED_MAC] = "its MAC was used by somebody else",
	[NFT_CLAIMED4] = "somebody else claimed",
	[NFT_CLAIMED6] = "somebody else claimed",
};

static uint32_t find_element(const struct nft *nft, enum steering_set set, const struct mac *mac,
			     const struct ip *ip)
{
	static const struct mac no_mac;
	static const struct ip no_ip;
	struct nft_device *device, *next;
	HASH_ITER(hh, nft->devices, device, next) {
		for (unsigned i = 0; i < device->held.count; i++) {
			const struct steering_element *element = &device->held.elements[i];
			if (element->set == set && mac_equal(&element->mac, mac ? mac : &no_mac) &&
			    ip_equal(&element->ip, ip ? ip : &no_ip))
				return device->number;
		}
	}
	return 0;
}

uint32_t nft_find_mac(const struct nft *nft, const struct mac *mac)
{
	return find_element(nft, STEERING_DEVICES, mac, NULL);
}

uint32_t nft_find_owner(const struct nft *nft, const struct ip *ip)
{
	uint32_t owner = find_element(nft, ip->family == 4 ? STEERING_OWNED4 : STEERING_OWNED6,
				      NULL, ip);
	return owner ? owner
		     : find_element(nft,
				    ip->family == 4 ? STEERING_ANNOUNCED4 : STEERING_ANNOUNCED6,
				    NULL, ip);
}

struct note_list {
	enum nft_tally tally;
	struct nft_note *list;
	unsigned count;
};

static void on_note(void *data, const struct nft_note *note)
{
	struct note_list *notes = data;
	if (notes->count < NFT_TALLY_MAX)
		notes->list[notes->count++] = *note;
}

static void on_message(void *data, const struct nlmsghdr *message)
{
	const struct nft_tally_info *info = nft_tally_info(((struct note_list *)data)->tally);
	(void)nft_parse_notes(message, info->key, info->value, on_note, data);
}

static void on_restart(void *data)
{
	((struct note_list *)data)->count = 0;
}

static void name_place(const struct nft *nft, uint32_t interface, struct nft_forgery *forgery)
{
	const struct link_view *link = link_find_index(nft->link, interface);
	if (link)
		TEXT_COPY(forgery->place, link->name);
}

/* It was learnt while the frame was on its way. */
static bool became_its_own(const struct nft *nft, enum nft_tally tally, const struct nft_note *note)
{
	enum steering_set set = note->to_ip.family == 4 ? STEERING_ID4 : STEERING_ID6;
	return (tally == NFT_FORGED_IP4 || tally == NFT_FORGED_IP6 || tally == NFT_FORGED_ARP ||
		tally == NFT_FORGED_ND) &&
	       find_element(nft, set, &note->element.mac, &note->to_ip);
}

static void read_note(const struct nft *nft, enum nft_tally tally, const struct nft_note *note,
		      struct nft_forgery *ret)
{
	const struct steering_element *element = &note->element;
	*ret = (struct nft_forgery){.words = tally_words[tally], .frames = note->frames};
	switch (tally) {
	case NFT_FORGED_IP4:
	case NFT_FORGED_IP6:
	case NFT_FORGED_ARP:
	case NFT_FORGED_MAC:
	case NFT_FORGED_ND:
	case NFT_FORGED_ROUTER:
		ret->by_device = true;
		ret->ip = note->to_ip;
		ret->mac = element->to_mac;
		if (!became_its_own(nft, tally, note))
			ret->device = nft_find_mac(nft, &element->mac);
		name_place(nft, element->interface, ret);
		break;
	case NFT_CLAIMED_MAC:
		ret->device = nft_find_mac(nft, &element->mac);
		name_place(nft, element->to_interface, ret);
		break;
	case NFT_CLAIMED4:
	case NFT_CLAIMED6:
		ret->ip = element->ip;
		ret->mac = element->to_mac;
		ret->device = nft_find_owner(nft, &element->ip);
		break;
	case NFT_TALLY_COUNT: break;
	}
}

/* What is noted between the look and the flush is in the sums of nft_read_drops alone. */
static int read_tally(struct nft *nft, struct note_list *notes, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	const char *map = nft_tally_info(notes->tally)->name;
	notes->count = 0;
	int r = netlink_ask(&nft->netlink, nft_ask_elements(question, map), on_message, on_restart,
			    notes, err);
	if (r < 0 || !notes->count)
		return r;
	nft_begin(nft);
	nft_batch_flush(&nft->batch, map);
	return nft_commit(nft, err);
}

int nft_read_forgeries(struct nft *nft,
		       void (*on_forgery)(void *data, const struct nft_forgery *forgery),
		       void *data, struct error *err)
{
	struct note_list notes = {.list = mem_alloc_array(NFT_TALLY_MAX, sizeof(*notes.list))};
	int r = 0;
	for (; r == 0 && notes.tally < NFT_TALLY_COUNT; notes.tally++) {
		r = read_tally(nft, &notes, err);
		for (unsigned i = 0; r == 0 && i < notes.count; i++) {
			struct nft_forgery forgery;
			read_note(nft, notes.tally, &notes.list[i], &forgery);
			on_forgery(data, &forgery);
		}
	}
	free(notes.list);
	return r;
}
