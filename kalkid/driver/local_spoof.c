/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_spoof.c - dropped forged frames, told of the devices that they concern.
 *
 * A device that forges gets an alert of its own: the frames came in with its MAC at its own port,
 * or out of a umbox of its chain, and nobody behind another port can send them.  A device that
 * somebody else wanted to be gets a note only: an alert would let anybody in the network move its
 * state.  The first is told at once, what follows is summed up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "base/mem.h"
#include "driver/local_inner.h"

enum { ALERT_PAUSE_MS = 10 * 1000, NOTE_PAUSE_MS = 60 * 1000 };

/* One of these for each device that is concerned, and each side of the matter. */
struct local_spoof {
	uint32_t key; /* twice the device's number, and 1 more when the frames are its own */
	uint32_t device;
	bool by_device;
	uint64_t frames; /* not told yet */
	struct ip claimed;
	char words[ALERT_DETAIL_BYTES]; /* of the newest */
	uint64_t told_ms;               /* 0: never */
	UT_hash_handle hh;
};

static void describe(const struct nft_forgery *forgery, char words[static ALERT_DETAIL_BYTES])
{
	static const struct mac none;
	char ip[IP_TEXT_BYTES], mac[MAC_TEXT_BYTES] = "";
	uint32_t umbox;
	enum leg_side side;
	ip_print(ip, &forgery->ip);
	if (!mac_equal(&forgery->mac, &none))
		mac_print(mac, &forgery->mac);
	bool leg = leg_name_parse(forgery->place, &umbox, &side);
	int used = snprintf(words, ALERT_DETAIL_BYTES, "%s%s%s%s%s", forgery->words,
			    ip[0] ? " " : "", ip,
			    !mac[0] ? ""
			    : ip[0] ? ", from "
				    : " ",
			    mac);
	if (leg)
		snprintf(words + used, ALERT_DETAIL_BYTES - (size_t)used, ", out of umbox %" PRIu32,
			 umbox);
	else if (forgery->place[0])
		snprintf(words + used, ALERT_DETAIL_BYTES - (size_t)used, ", at port %s",
			 forgery->place);
}

static void note(struct local_driver *local, const struct nft_forgery *forgery)
{
	uint32_t key = forgery->device * 2 + forgery->by_device;
	struct local_spoof *spoof;
	if (!forgery->device)
		return;
	HASH_FIND(hh, local->spoofs, &key, sizeof(key), spoof);
	if (!spoof) {
		spoof = mem_alloc(sizeof(*spoof));
		spoof->key = key;
		spoof->device = forgery->device;
		spoof->by_device = forgery->by_device;
		HASH_ADD(hh, local->spoofs, key, sizeof(spoof->key), spoof);
	}
	spoof->frames += forgery->frames;
	spoof->claimed = forgery->ip;
	describe(forgery, spoof->words);
}

static void on_forgery(void *data, const struct nft_forgery *forgery)
{
	struct local_driver *local = data;
	note(local, forgery);
	if (!forgery->by_device)
		return;
	/* Whom it wanted to be. */
	struct nft_forgery other = *forgery;
	other.by_device = false;
	other.device = forgery->ip.family ? nft_find_owner(local->nft, &forgery->ip)
					  : nft_find_mac(local->nft, &forgery->mac);
	other.mac = (struct mac){0};
	other.words = "another device posed as it:";
	if (other.device && other.device != forgery->device)
		note(local, &other);
}

void local_spoof_stranger(struct local_driver *local, const char *port, const struct mac *mac)
{
	struct nft_forgery forgery = {.device = nft_find_mac(local->nft, mac),
				      .words = "its MAC was used by somebody else",
				      .frames = 1};
	TEXT_COPY(forgery.place, port);
	note(local, &forgery);
}

static void tell(struct local_driver *local, const struct local_spoof *spoof)
{
	struct alert alert = {
		.type = "spoofed-frames",
		.severity = ALERT_HIGH,
		.source = spoof->claimed,
		.count = (uint32_t)min_of(spoof->frames, UINT64_C(1000000000)),
	};
	TEXT_COPY(alert.detail, spoof->words);
	local_tell(local, &(struct driver_notice){.kind = spoof->by_device ? DRIVER_ALERT
									   : DRIVER_IMPERSONATED,
						  .device = spoof->device,
						  .alert = &alert,
						  .count = spoof->frames,
						  .words = spoof->words});
}

int local_spoof_read(struct local_driver *local)
{
	return nft_read_forgeries(local->nft, on_forgery, local, NULL);
}

void local_spoof_tell(struct local_driver *local)
{
	uint64_t now_ms = uv_now(local->loop);
	struct local_spoof *spoof, *next;
	HASH_ITER(hh, local->spoofs, spoof, next) {
		uint64_t pause_ms = spoof->by_device ? ALERT_PAUSE_MS : NOTE_PAUSE_MS;
		if (spoof->told_ms && now_ms - spoof->told_ms < pause_ms)
			continue;
		if (spoof->frames) {
			tell(local, spoof);
			spoof->frames = 0;
			spoof->told_ms = now_ms;
			continue;
		}
		HASH_DEL(local->spoofs, spoof);
		free(spoof);
	}
}

void local_spoof_forget(struct local_driver *local)
{
	struct local_spoof *spoof, *next;
	HASH_ITER(hh, local->spoofs, spoof, next) {
		HASH_DEL(local->spoofs, spoof);
		free(spoof);
	}
}
