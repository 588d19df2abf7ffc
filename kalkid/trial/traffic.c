/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/traffic.c - a container between its two ends: what goes in, what comes out, what it says.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "trial/frames_inner.h"
#include "trial/trial_inner.h"

enum { FRAMES_A_TURN = 4096, PROBE_EVERY_MS = 20, READY_LAG_MS = 10 };

bool trial_forwards_all(const struct trial *trial)
{
	return trial->image.forwards == UMBOX_FORWARDS_ALL;
}

bool trial_says_ready(const struct trial *trial)
{
	return !trial->image.ready_wired;
}

bool trial_has_socket(const struct trial *trial)
{
	return trial_says_ready(trial) && !trial->image.legacy;
}

static void remember(struct trial *trial, int result, const struct error *err)
{
	if (result == 0 || trial->out_of_order)
		return;
	trial->out_of_order = true;
	trial->err = *err;
}

static void take_burst(struct trial *trial, enum leg_side at, bool summed)
{
	struct burst *burst = &trial->burst;
	size_t offset, bytes;
	const char *words;
	if (at == burst->from) {
		burst->fault = "it came back where it went in";
	} else if (!frame_read_burst(trial->frame.bytes, trial->frame.count, burst->family,
				     burst->from, summed, &offset, &bytes, &words)) {
		burst->fault = words;
	} else if (offset != burst->next) {
		burst->fault = offset < burst->next ? "a part of it came out more than once"
						    : "a part of it is missing, or out of order";
	} else {
		burst->next += bytes;
	}
}

static void take_frame(struct trial *trial, enum leg_side at)
{
	struct wire_frame *frame = &trial->frame;
	const struct burst *burst = &trial->burst;
	bool whole = frame->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE;
	if (whole && frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		frame_end_checksum(frame->bytes, frame->count, frame->offload.csum_start,
				   frame->offload.csum_offset);
	if (burst->under_way &&
	    frame_is_burst(frame->bytes, frame->count, burst->family, burst->from))
		take_burst(trial, at, whole);
	else
		ledger_received(&trial->ledger, at, frame->bytes, frame->count);
}

static bool take_frames(struct trial *trial)
{
	bool came = false;
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		struct error err = {0};
		int result = 1;
		for (unsigned i = 0; i < FRAMES_A_TURN && result == 1; i++) {
			result = wire_receive(&trial->wire, side, &trial->frame, &err);
			if (result == 1)
				take_frame(trial, side);
			came = came || result == 1;
		}
		if (result < 0)
			remember(trial, result, &err);
	}
	return came;
}

/* One in the kernel forwards from one instant on and says so in the next. */
static bool says_ready_at_once(struct trial *trial)
{
	for (unsigned i = 0; i < READY_LAG_MS && !trial->box.control.ready; i++) {
		poll(NULL, 0, 1);
		control_read(&trial->box.control, clock_now_us(&trial->clock));
	}
	return trial->box.control.ready;
}

void trial_turn(struct trial *trial, int64_t timeout_ms)
{
	struct pollfd ends[6 + PORT_ENDS_MAX] = {
		{.fd = trial->wire.fd[LEG_IN], .events = POLLIN},
		{.fd = trial->wire.fd[LEG_OUT], .events = POLLIN},
		{.fd = trial->wire.fd[LEG_DIRECT], .events = POLLIN},
		{.fd = trial->deaf ? -1 : trial->box.control.listener, .events = POLLIN},
		{.fd = trial->deaf ? -1 : trial->box.control.connection, .events = POLLIN},
		{.fd = trial->box.pidfd, .events = POLLIN},
	};
	unsigned count = 6 + port_ends(&trial->box.control.port, ends + 6);
	poll(ends, count, (int)timeout_ms);
	/* Frames first: the word ready that was said before them is then there to be read. */
	bool came = take_frames(trial);
	if (!trial->deaf)
		control_read(&trial->box.control, clock_now_us(&trial->clock));
	if (trial->guarding && came && !says_ready_at_once(trial))
		trial->leaked++;
}

bool trial_wait(struct trial *trial, bool (*met)(struct trial *trial), int64_t timeout_ms)
{
	int64_t end_us = clock_now_us(&trial->clock) + timeout_ms * 1000;
	while (!met(trial)) {
		int64_t left_us = end_us - clock_now_us(&trial->clock);
		if (left_us <= 0 || trial_stopped() || trial->out_of_order)
			return false;
		if (!box_runs(&trial->box)) {
			trial_turn(trial, 0); /* what it said and sent before its end */
			return met(trial);
		}
		trial_turn(trial, left_us / 1000 + 1);
	}
	return true;
}

static bool speaks(struct trial *trial)
{
	return trial->box.control.heartbeats > trial->heartbeats_before;
}

bool trial_hear(struct trial *trial)
{
	trial_turn(trial, 0);
	trial->heartbeats_before = trial->box.control.heartbeats;
	return trial_wait(trial, speaks, trial_patience_ms(trial));
}

void trial_send(struct trial *trial, enum frame_kind kind, enum leg_side from)
{
	uint8_t bytes[FRAME_BYTES_MAX];
	struct error err = {0};
	struct frame_id id = ledger_next(&trial->ledger, kind, from);
	size_t count = frame_make(bytes, &id);
	int result = wire_send(&trial->wire, from, NULL, bytes, count, &err);
	ledger_sent(&trial->ledger, &id);
	/* A umbox that has ended took its legs with it. */
	if (result < 0 && box_runs(&trial->box))
		remember(trial, result, &err);
}

static bool probes_came(struct trial *trial, const uint32_t first[FRAME_ENDS])
{
	for (unsigned side = 0; side < FRAME_ENDS; side++) {
		if (trial->ledger.page[FRAME_PROBE][side].next <= first[side])
			return false;
	}
	return true;
}

static bool never(struct trial *trial maybe_unused)
{
	return false;
}

/* Probes from both sides, until they came or it said ready. */
static bool probe_until(struct trial *trial, bool until_ready, int64_t timeout_ms)
{
	uint32_t first[FRAME_ENDS];
	int64_t end_us = clock_now_us(&trial->clock) + timeout_ms * 1000;
	for (unsigned side = 0; side < FRAME_ENDS; side++)
		first[side] = trial->ledger.page[FRAME_PROBE][side].sent;
	while (clock_now_us(&trial->clock) < end_us && box_runs(&trial->box) && !trial_stopped() &&
	       !trial->out_of_order && !trial->leaked) {
		if (until_ready ? trial->box.control.ready : probes_came(trial, first))
			return true;
		trial_send(trial, FRAME_PROBE, LEG_IN);
		trial_send(trial, FRAME_PROBE, LEG_OUT);
		trial_wait(trial, never, PROBE_EVERY_MS);
	}
	return false;
}

bool trial_probe(struct trial *trial)
{
	if (trial_forwards_all(trial))
		return probe_until(trial, false, trial_patience_ms(trial));
	trial_turn(trial, QUIET_MS);
	return box_runs(&trial->box);
}

void trial_end_box(struct trial *trial)
{
	if (!trial->boxed)
		return;
	wire_remove_legs(&trial->wire);
	box_end(&trial->box);
	trial->boxed = false;
}

int trial_start(struct trial *trial, const struct umbox_image *image, const char *parameters,
		struct error *err)
{
	trial_end_box(trial);
	ledger_done(&trial->ledger);
	trial->leaked = 0;
	trial->guarding = trial->over = false;
	trial->boxed = true;
	return box_start(&trial->box,
			 &(struct box_order){.docker = trial->options->docker,
					     .image = image,
					     .parameters = parameters,
					     .shadow = trial->in_shadow},
			 err);
}

enum trial_readiness trial_bring_up(struct trial *trial, int64_t timeout_ms)
{
	struct error err = {0};
	int result = wire_add_legs(&trial->wire, trial->box.netns, &trial->box.container, &err);
	if (result < 0 && box_runs(&trial->box))
		remember(trial, result, &err);
	if (result < 0)
		return TRIAL_ENDED;
	trial->guarding = trial_says_ready(trial);
	bool ready = !trial->guarding || probe_until(trial, true, timeout_ms);
	trial->guarding = false;
	if (trial->leaked)
		return TRIAL_LEAKS;
	if (!box_runs(&trial->box))
		return TRIAL_ENDED;
	if (!ready)
		return TRIAL_NEVER_READY;
	return trial_probe(trial) ? TRIAL_READY : TRIAL_DEAF;
}
