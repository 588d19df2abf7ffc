/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/trial_inner.h - what the checks share: one image, one container of it at a time, what went
 * through it, and the row in hand. */
#pragma once

#include "base/clock.h"
#include "trial/box.h"
#include "trial/ledger.h"
#include "trial/trial.h"
#include "trial/wire.h"

enum { QUIET_MS = 20 }; /* after which no more is waited for of what need not come */

/* A TCP frame that others cut into segments, as it comes together again. */
struct burst {
	bool under_way;
	uint8_t family;
	enum leg_side from;
	size_t next; /* all before that came, in order */
	const char *fault;
};

struct trial {
	const struct trial_options *options;
	struct clock clock;
	struct umbox_image image;
	char *parameters; /* JSON that it is tried with; owned */
	struct wire wire;
	struct box box;
	bool boxed; /* there is a container */
	struct ledger ledger;
	struct burst burst;
	enum frame_kind awaited_first, awaited_last; /* by the check in hand */
	bool deaf;                                   /* what it says is left unread */
	uint64_t heartbeats_before;
	bool guarding; /* nothing may come out before it said ready */
	uint64_t leaked;
	bool works;        /* it was ready once */
	bool in_shadow;    /* the next one that is started */
	bool over;         /* it ended, or never got ready: nothing more of it can be tried */
	bool out_of_order; /* something of ours failed: `err` */
	struct error err;
	struct trial_row row;
	struct wire_frame frame; /* the one in hand */
};

/* The result of the check in hand. */
void trial_pass(struct trial *trial, const char *format, ...) printf_like(2, 3);
void trial_fail(struct trial *trial, const char *format, ...) printf_like(2, 3);
void trial_skip(struct trial *trial, const char *format, ...) printf_like(2, 3);

static inline int64_t trial_patience_ms(const struct trial *trial)
{
	return trial->options->patience_us / 1000;
}

static inline double trial_patience_s(const struct trial *trial)
{
	return (double)trial->options->patience_us / 1e6;
}

bool trial_stopped(void); /* by a signal */
bool trial_forwards_all(const struct trial *trial);
bool trial_says_ready(const struct trial *trial);
/* And speaks by the socket of the present contract. */
bool trial_has_socket(const struct trial *trial);

/* Takes in what comes, for at most so long or until something came. */
void trial_turn(struct trial *trial, int64_t timeout_ms);
/* Until `met`; false when that did not come about in time, or cannot any more. */
bool trial_wait(struct trial *trial, bool (*met)(struct trial *trial), int64_t timeout_ms);
/* Until a heartbeat comes that nobody has read yet; false when none does. */
bool trial_hear(struct trial *trial);
/* The next frame of that kind; a failure of ours is remembered. */
void trial_send(struct trial *trial, enum frame_kind kind, enum leg_side from);
/* Sends probes until one that was sent from now on came out on each side; true at once for a umbox
 * that need not let them through, as long as it lives. */
bool trial_probe(struct trial *trial);

/* Another container, in the place of the one in hand. */
int trial_start(struct trial *trial, const struct umbox_image *image, const char *parameters,
		struct error *err) must_check;
void trial_end_box(struct trial *trial);

/* Gives it its legs and waits until it is ready. */
enum trial_readiness {
	TRIAL_READY,
	TRIAL_LEAKS, /* it forwards before it is ready */
	TRIAL_ENDED,
	TRIAL_NEVER_READY,
	TRIAL_DEAF, /* ready, and lets nothing through */
};
enum trial_readiness trial_bring_up(struct trial *trial, int64_t timeout_ms);

/* checks_*.c, in their order */
void check_labels(struct trial *trial);
void check_parameters(struct trial *trial);
void check_start(struct trial *trial);
void check_ready(struct trial *trial);
void check_arp(struct trial *trial);
void check_ipv4(struct trial *trial);
void check_ipv6(struct trial *trial);
void check_fragments(struct trial *trial);
void check_vlan(struct trial *trial);
void check_other(struct trial *trial);
void check_sizes(struct trial *trial);
void check_offload(struct trial *trial);
void check_midstream(struct trial *trial);
void check_delay(struct trial *trial);
void check_accounts(struct trial *trial);
void check_flood(struct trial *trial);
void check_identity(struct trial *trial);
void check_ring(struct trial *trial);
void check_socket_full(struct trial *trial);
void check_socket_gone(struct trial *trial);
void check_lines(struct trial *trial);
void check_heartbeats(struct trial *trial);
void check_leg_down(struct trial *trial);
void check_memory(struct trial *trial);
void check_sigterm(struct trial *trial);
void check_shadow(struct trial *trial);
void check_defaults(struct trial *trial);
void check_leg_gone(struct trial *trial);
void check_capabilities(struct trial *trial);
