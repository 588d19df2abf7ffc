/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_given.c - the sets that neither devices nor rules fill, but the configuration and the
 * host: ports whose EAPOL goes up, and who speaks at the host leg. */
#include <assert.h>

#include "driver/nft_inner.h"

enum { GIVEN_MAX = HOST_IPS_MAX };
static_assert(GIVEN_MAX >= DEVICE_PORTS_MAX * 4, "every set fits");

struct given {
	const struct nft_given_info *info;
	struct steering_element keys[GIVEN_MAX];
	unsigned count;
};

static void give(struct given *given, const struct steering_element *key)
{
	if (given->count < GIVEN_MAX)
		given->keys[given->count++] = *key;
}

static void wanted_eapol(const struct nft *nft, struct given *want)
{
	const struct data_plane *plane = link_data_plane(nft->link);
	for (unsigned i = 0; i < plane->port_count; i++) {
		const struct link_view *port = link_find(nft->link, plane->ports[i].name);
		if (port && plane->ports[i].eapol_up)
			give(want, &(struct steering_element){.interface = port->index});
	}
}

static void wanted(const struct nft *nft, enum nft_given set, struct given *want)
{
	static const struct mac none;
	const struct host_identity *host = link_host(nft->link);
	*want = (struct given){.info = nft_given_info(set)};
	switch (set) {
	case NFT_GIVEN_EAPOL: wanted_eapol(nft, want); break;
	case NFT_GIVEN_HOST_MAC:
		if (!mac_equal(&host->mac, &none))
			give(want, &(struct steering_element){.mac = host->mac});
		break;
	case NFT_GIVEN_HOST4:
	case NFT_GIVEN_HOST6:
		for (unsigned i = 0; i < host->ip_count; i++)
			if (host->ips[i].family == (set == NFT_GIVEN_HOST4 ? 4 : 6))
				give(want, &(struct steering_element){.ip = host->ips[i]});
		break;
	case NFT_GIVEN_COUNT: break;
	}
}

static bool has(const struct given *given, const struct steering_element *key)
{
	for (unsigned i = 0; i < given->count; i++)
		if (given->keys[i].interface == key->interface &&
		    mac_equal(&given->keys[i].mac, &key->mac) &&
		    ip_equal(&given->keys[i].ip, &key->ip))
			return true;
	return false;
}

/* The keys of `one` that `other` lacks. */
static void write_missing(struct nft *nft, const struct given *one, const struct given *other,
			  bool add)
{
	for (unsigned i = 0; i < one->count; i++)
		if (!has(other, &one->keys[i]))
			nft_batch_key(&nft->batch, one->info->name, one->info->key, add,
				      &one->keys[i]);
}

void nft_write_given(struct nft *nft)
{
	const struct given nothing = {0};
	for (enum nft_given set = 0; set < NFT_GIVEN_COUNT; set++) {
		struct given want;
		wanted(nft, set, &want);
		write_missing(nft, &want, &nothing, true);
	}
}

static void on_note(void *data, const struct nft_note *note)
{
	give(data, &note->element);
}

static void on_message(void *data, const struct nlmsghdr *message)
{
	struct given *held = data;
	(void)nft_parse_notes(message, held->info->key, STEERING_VALUE_NONE, on_note, held);
}

static void on_restart(void *data)
{
	((struct given *)data)->count = 0;
}

static int write_difference(struct nft *nft, enum nft_given set, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct given want, held = {.info = nft_given_info(set)};
	int r = netlink_ask(&nft->netlink, nft_ask_elements(question, held.info->name), on_message,
			    on_restart, &held, err);
	if (r < 0)
		return r;
	wanted(nft, set, &want);
	nft_begin(nft);
	write_missing(nft, &held, &want, false);
	write_missing(nft, &want, &held, true);
	if (!nft->batch.messages)
		return 0;
	r = nft_commit(nft, err);
	return r < 0 ? r : 1;
}

int nft_sync_given(struct nft *nft, struct error *err)
{
	int mended = 0;
	for (enum nft_given set = 0; set < NFT_GIVEN_COUNT; set++) {
		int r = write_difference(nft, set, err);
		if (r < 0)
			return r;
		mended |= r;
	}
	return mended;
}

static bool is_hosts(const struct host_identity *host, const struct device_identity *device,
		     char *ret)
{
	mac_print(ret, &device->mac);
	if (mac_equal(&host->mac, &device->mac))
		return true;
	for (unsigned i = 0; i < device->ip_count; i++) {
		ip_print(ret, &device->ips[i]);
		if (host_identity_has(host, &device->ips[i]))
			return true;
	}
	return false;
}

int nft_check_host(const struct nft *nft, const struct device_identity *device, struct error *err)
{
	static_assert(IP_TEXT_BYTES >= MAC_TEXT_BYTES, "both fit");
	char address[IP_TEXT_BYTES];
	return is_hosts(link_host(nft->link), device, address)
		       ? error_set(err, -EEXIST, "the address %s belongs to the host leg", address)
		       : 0;
}
