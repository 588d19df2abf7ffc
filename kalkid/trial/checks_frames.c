/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/checks_frames.c - checks of what comes out of what goes in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trial/frames_inner.h"
#include "trial/trial_inner.h"

enum {
	ROUNDS = 4,  /* frames of each kind from each side */
	WINDOW = 32, /* frames from each side that are waited for together */
	FLOOD_FRAMES = 5000,
	FLOOD_AT_ONCE = 64,
	DELAY_FRAMES = 51,
	DELAY_MAX_US = 50000, /* drain_quiet */
};

static bool all_came(struct trial *trial)
{
	for (enum frame_kind kind = trial->awaited_first; kind <= trial->awaited_last; kind++) {
		if (ledger_missing(&trial->ledger, kind))
			return false;
	}
	return true;
}

/* What must come is waited for; else until it has been quiet. */
static bool settle(struct trial *trial, enum frame_kind first, enum frame_kind last)
{
	trial->awaited_first = first;
	trial->awaited_last = last;
	return trial_wait(trial, all_came,
			  trial_forwards_all(trial) ? trial_patience_ms(trial) : QUIET_MS);
}

static uint64_t sent_of(const struct trial *trial, enum frame_kind kind)
{
	return (uint64_t)trial->ledger.page[kind][LEG_IN].sent +
	       trial->ledger.page[kind][LEG_OUT].sent;
}

static void judge(struct trial *trial, enum frame_kind first, enum frame_kind last)
{
	char words[256];
	uint64_t sent = 0, missing = 0;
	enum frame_kind missed = first;
	for (enum frame_kind kind = first; kind <= last; kind++) {
		if (ledger_fault(&trial->ledger, kind, words, sizeof(words))) {
			trial_fail(trial, "%s", words);
			return;
		}
		uint64_t more = ledger_missing(&trial->ledger, kind);
		missed = more && !missing ? kind : missed;
		missing += more;
		sent += sent_of(trial, kind);
	}
	if (missing && trial_forwards_all(trial))
		trial_fail(trial, "%" PRIu64 " of %" PRIu64 " frames never came out, such as %s",
			   missing, sent, frame_kind_words(missed));
	else if (missing)
		trial_pass(trial, "%" PRIu64 " of %" PRIu64 " came out (umbox.forwards is not all)",
			   sent - missing, sent);
	else
		trial_pass(trial, "all %" PRIu64 " came out as they went in", sent);
}

static void try_kinds(struct trial *trial, enum frame_kind first, enum frame_kind last)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (enum frame_kind kind = first; kind <= last; kind++) {
			trial_send(trial, kind, LEG_IN);
			trial_send(trial, kind, LEG_OUT);
		}
		if (!settle(trial, first, last) && trial_forwards_all(trial))
			break;
	}
	judge(trial, first, last);
}

void check_arp(struct trial *trial)
{
	try_kinds(trial, FRAME_ARP_REQUEST, FRAME_ARP_REPLY);
}

void check_ipv4(struct trial *trial)
{
	try_kinds(trial, FRAME_UDP, FRAME_ESP);
}

void check_ipv6(struct trial *trial)
{
	try_kinds(trial, FRAME_UDP6, FRAME_EXTENSION);
}

void check_fragments(struct trial *trial)
{
	try_kinds(trial, FRAME_FIRST_FRAGMENT, FRAME_FRAGMENT6);
}

void check_vlan(struct trial *trial)
{
	if (trial->image.legacy)
		trial_skip(trial, "does not apply: the older contract has no tags");
	else
		try_kinds(trial, FRAME_VLAN, FRAME_VLAN_TWICE);
}

void check_other(struct trial *trial)
{
	try_kinds(trial, FRAME_EAPOL, FRAME_UNKNOWN);
}

void check_sizes(struct trial *trial)
{
	for (unsigned i = 0; i < FRAME_SIZES; i++) {
		trial_send(trial, FRAME_SIZED, LEG_IN);
		trial_send(trial, FRAME_SIZED, LEG_OUT);
		bool wait = i % WINDOW == WINDOW - 1 || i == FRAME_SIZES - 1;
		if (wait && !settle(trial, FRAME_SIZED, FRAME_SIZED) && trial_forwards_all(trial))
			break;
	}
	judge(trial, FRAME_SIZED, FRAME_SIZED);
	if (trial->row.result == TRIAL_PASSED && all_came(trial))
		trial_pass(trial, "%d to %d bytes, in order", FRAME_BYTES_MIN, FRAME_MTU + 14);
}

static bool burst_came(struct trial *trial)
{
	return trial->burst.next == FRAME_BURST_BYTES || trial->burst.fault;
}

static bool send_burst(struct trial *trial, uint8_t family, enum leg_side from)
{
	static uint8_t bytes[FRAME_BURST_BYTES + 80];
	size_t headers = frame_make_burst(bytes, family, from);
	struct virtio_net_hdr offload = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = family == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = FRAME_SEGMENT_BYTES,
		.hdr_len = (uint16_t)headers,
		.csum_start = (uint16_t)(headers - 20),
		.csum_offset = 16,
	};
	trial->burst = (struct burst){.under_way = true, .family = family, .from = from};
	if (wire_send(&trial->wire, from, &offload, bytes, headers + FRAME_BURST_BYTES,
		      &trial->err) < 0) {
		trial->out_of_order = box_runs(&trial->box);
		return false;
	}
	bool came = trial_wait(trial, burst_came,
			       trial_forwards_all(trial) ? trial_patience_ms(trial) : QUIET_MS);
	trial->burst.under_way = false;
	return came && !trial->burst.fault;
}

/* A UDP packet whose checksum the kernel is to compute at the last moment. */
static void send_unsummed(struct trial *trial, enum leg_side from)
{
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t start, offset;
	struct frame_id id = ledger_next(&trial->ledger, FRAME_UDP, from);
	size_t count = frame_make(bytes, &id);
	frame_fill_checksum(bytes, count, true);
	if (!frame_checksum_place(bytes, count, &start, &offset))
		return;
	struct virtio_net_hdr offload = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)start,
		.csum_offset = (uint16_t)offset,
	};
	ledger_sent(&trial->ledger, &id);
	if (wire_send(&trial->wire, from, &offload, bytes, count, &trial->err) < 0)
		trial->out_of_order = box_runs(&trial->box);
}

void check_offload(struct trial *trial)
{
	static const uint8_t families[] = {4, 6};
	char words[256];
	bool came = true;
	for (unsigned i = 0; i < FRAME_ENDS * 2; i++) {
		uint8_t family = families[i / FRAME_ENDS];
		came = send_burst(trial, family, i % FRAME_ENDS) && came;
		if (trial->burst.fault || (!came && trial_forwards_all(trial))) {
			trial_fail(trial, "a TCP frame of %d bytes over IPv%u: %s",
				   FRAME_BURST_BYTES, family,
				   trial->burst.fault ? trial->burst.fault : "it never came out");
			return;
		}
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		send_unsummed(trial, LEG_IN);
		send_unsummed(trial, LEG_OUT);
	}
	came = settle(trial, FRAME_UDP, FRAME_UDP) && came;
	if (ledger_fault(&trial->ledger, FRAME_UDP, words, sizeof(words)))
		trial_fail(trial, "with its checksum still to be computed, %s", words);
	else if (!came && trial_forwards_all(trial))
		trial_fail(trial, "a frame with its checksum still to be computed never came out");
	else if (!came)
		trial_pass(trial, "not all came out (umbox.forwards is not all)");
	else
		trial_pass(trial,
			   trial->image.plain_frames
				   ? "whole frames only, as it wants them"
				   : "frames of %d bytes, checksums still to be computed",
			   FRAME_BURST_BYTES);
}

void check_midstream(struct trial *trial)
{
	if (trial->image.resets)
		trial_skip(trial, "it says that sessions from before end (umbox.midstream)");
	else
		try_kinds(trial, FRAME_MIDSTREAM, FRAME_MIDSTREAM6);
}

static void try_in_shadow(struct trial *trial, bool drops)
{
	const struct umbox_account *account = &trial->box.control.account;
	try_kinds(trial, FRAME_ARP_REQUEST, FRAME_UNKNOWN);
	if (trial->row.result == TRIAL_FAILED)
		return;
	bool heard = trial_hear(trial); /* it may have been under way already */
	heard = trial_hear(trial) && heard;
	if (!heard)
		trial_fail(trial, "in shadow it gives no sign of life");
	else if (drops && !account->would_drop)
		trial_fail(trial, "it counts nothing as would_drop");
	else if (account->dropped || account->answered)
		trial_fail(trial, "it counts %" PRIu64 " frames as dropped or answered",
			   account->dropped + account->answered);
	else
		trial_pass(trial, "everything passes, and %" PRIu64 " would have been dropped",
			   account->would_drop);
}

/* Now it has to let everything pass, whatever it does else. */
void check_shadow(struct trial *trial)
{
	struct error err = {0};
	enum umbox_forwards forwards = trial->image.forwards;
	if (!trial->image.shadow || !trial->works) {
		trial_skip(trial, trial->works ? "does not apply: it cannot be in shadow"
					       : "it does not get ready");
		return;
	}
	trial->in_shadow = true;
	trial->image.forwards = UMBOX_FORWARDS_ALL;
	if (trial_start(trial, &trial->image, trial->parameters, &err) < 0)
		trial_fail(trial, "in shadow: %s", err.text);
	else if (trial_bring_up(trial, trial_patience_ms(trial)) != TRIAL_READY)
		trial_fail(trial, "in shadow it does not get ready, or lets nothing through");
	else
		try_in_shadow(trial, forwards != UMBOX_FORWARDS_ALL);
	trial->image.forwards = forwards;
	trial->in_shadow = false;
}

static int by_size(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static bool timed_came(struct trial *trial)
{
	return !ledger_missing(&trial->ledger, FRAME_TIMED);
}

/* The middle one of many: a loaded machine holds up some. */
void check_delay(struct trial *trial)
{
	int64_t took_us[DELAY_FRAMES];
	for (unsigned i = 0; i < DELAY_FRAMES; i++) {
		int64_t begin_us = clock_now_us(&trial->clock);
		trial_send(trial, FRAME_TIMED, i % FRAME_ENDS);
		bool all = trial_forwards_all(trial);
		if (!trial_wait(trial, timed_came, all ? trial_patience_ms(trial) : QUIET_MS)) {
			if (all)
				trial_fail(trial, "one frame of many never came out");
			else
				trial_skip(trial, "it does not let the frames through");
			return;
		}
		took_us[i] = clock_now_us(&trial->clock) - begin_us;
	}
	qsort(took_us, DELAY_FRAMES, sizeof(took_us[0]), by_size);
	int64_t middle_us = took_us[DELAY_FRAMES / 2];
	if (middle_us > DELAY_MAX_US)
		trial_fail(trial, "it keeps frames for %" PRId64 " ms (50 ms are allowed)",
			   middle_us / 1000);
	else
		trial_pass(trial, "half of the frames within %" PRId64 " us", middle_us);
}

static uint64_t missing_in_all(const struct trial *trial)
{
	uint64_t missing = 0;
	for (unsigned kind = 0; kind < FRAME_FLOOD_SYN; kind++) {
		if (kind != FRAME_PROBE)
			missing += ledger_missing(&trial->ledger, kind);
	}
	return missing;
}

static uint64_t accounted(const struct trial *trial)
{
	const struct umbox_account *account = &trial->box.control.account;
	return account->dropped + account->overrun + account->lost + account->answered;
}

static bool is_accounted(struct trial *trial)
{
	return accounted(trial) >= missing_in_all(trial);
}

/* What did not come out it has dropped on purpose, and said so. */
void check_accounts(struct trial *trial)
{
	char words[256];
	bool met = trial_wait(trial, is_accounted, trial_patience_ms(trial));
	uint64_t missing = missing_in_all(trial);
	for (enum frame_kind kind = 0; kind < FRAME_FLOOD_SYN; kind++) {
		/* Of a check that did not wait for it. */
		if (ledger_fault(&trial->ledger, kind, words, sizeof(words))) {
			trial_fail(trial, "%s", words);
			return;
		}
	}
	if (met)
		trial_pass(trial, "%" PRIu64 " frames did not come out; its counters know of them",
			   missing);
	else
		trial_fail(trial,
			   "%" PRIu64 " frames did not come out, its counters know of %" PRIu64
			   " (dropped, overrun, lost, answered)",
			   missing, accounted(trial));
}

static void send_flood(struct trial *trial, enum frame_kind kind, enum leg_side from)
{
	for (unsigned i = 0; i < FLOOD_FRAMES && !trial_stopped(); i++) {
		trial_send(trial, kind, from);
		if (i % FLOOD_AT_ONCE == 0)
			trial_turn(trial, 0);
	}
}

void check_flood(struct trial *trial)
{
	char words[256];
	for (enum frame_kind kind = FRAME_FLOOD_SYN; kind <= FRAME_FLOOD_UDP; kind++) {
		send_flood(trial, kind, LEG_OUT);
		send_flood(trial, kind, LEG_IN);
	}
	bool alive = trial_probe(trial);
	uint64_t sent = sent_of(trial, FRAME_FLOOD_SYN) + sent_of(trial, FRAME_FLOOD_UDP);
	uint64_t missing = ledger_missing(&trial->ledger, FRAME_FLOOD_SYN) +
			   ledger_missing(&trial->ledger, FRAME_FLOOD_UDP);
	if (ledger_fault(&trial->ledger, FRAME_FLOOD_SYN, words, sizeof(words)) ||
	    ledger_fault(&trial->ledger, FRAME_FLOOD_UDP, words, sizeof(words)))
		trial_fail(trial, "%s", words);
	else if (!alive)
		trial_fail(trial, "after %" PRIu64 " frames it lets nothing through any more",
			   sent);
	else
		trial_pass(trial,
			   "%" PRIu64 " of %" PRIu64 " frames came out; it goes on as before",
			   sent - missing, sent);
}

void check_identity(struct trial *trial)
{
	const struct ledger *ledger = &trial->ledger;
	if (ledger->forged)
		trial_fail(trial, "%" PRIu32 " of %" PRIu32 " frames of its own in another's name",
			   ledger->forged, ledger->own);
	else if (ledger->own)
		trial_pass(trial, "%" PRIu32 " frames of its own, as the device", ledger->own);
	else
		trial_pass(trial, "no frames of its own");
}
