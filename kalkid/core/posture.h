/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/posture.h - what a device should have: an ordered chain of umboxes, and what holds while it
 * is not there.  Plain values: control hands them to the node, the planner compares them. */
#pragma once

#include "base/digest.h"
#include "core/ids.h"

enum {
	HOPS_MAX = 8,
	IMAGE_BYTES = 192,
	IMAGE_ID_BYTES = 80, /* "sha256:" and 64 hex digits */
	PARAMETERS_BYTES_MAX = 16 * 1024,
};

enum hop_fail {
	HOP_FAIL_CLOSED, /* without this hop the device is held */
	HOP_FAIL_OPEN,   /* a hop that failed is bridged over, and the chain shown as degraded */
	HOP_FAIL_COUNT,
};

/* One umbox of a chain.  `digest` names image, parameters and shadow: hops of equal digests are
 * interchangeable. */
struct hop {
	char name[NAME_BYTES];   /* unique in its chain */
	char image[IMAGE_BYTES]; /* reference as the operator wrote it */
	char *parameters;        /* canonical JSON (sorted keys, compact), owned; never NULL */
	enum hop_fail fail;
	bool shadow; /* it drops nothing, and its alerts are no input of rules */
	char digest[DIGEST_TEXT_BYTES];
};

enum posture_mode {
	POSTURE_CHAIN, /* through every hop, in order */
	POSTURE_PASS,  /* no hops: an explicit choice of the policy */
	POSTURE_BLOCK, /* nothing passes */
	POSTURE_MODE_COUNT,
};

/* What holds while the new chain comes up. */
enum posture_hold {
	POSTURE_HOLD_AUTO, /* held when the transition tightens, else the old chain */
	POSTURE_HOLD_HELD,
	POSTURE_HOLD_OLD,
	POSTURE_HOLD_COUNT,
};

/* When the chain of a state runs without being in force. */
enum posture_standby {
	POSTURE_STANDBY_NEXT, /* while the device is in a state from which a rule leads here */
	POSTURE_STANDBY_NONE,
	POSTURE_STANDBY_ALL, /* always */
	POSTURE_STANDBY_COUNT,
};

struct posture {
	enum posture_mode mode;
	enum posture_hold hold;
	enum posture_standby standby;
	bool cut; /* "stop now": what is still inside the old chain is dropped, not drained */
	struct hop hops[HOPS_MAX];
	unsigned hop_count;
};

/* What files and the API call them; the last of each is NULL. */
extern const char *const HOP_FAIL_NAMES[HOP_FAIL_COUNT + 1];
extern const char *const POSTURE_HOLD_NAMES[POSTURE_HOLD_COUNT + 1];
extern const char *const POSTURE_STANDBY_NAMES[POSTURE_STANDBY_COUNT + 1];
const char *posture_mode_name(enum posture_mode mode);

struct buffer;
/* "through a > b (fails open)", "everything passes", "nothing passes". */
void posture_print(struct buffer *words, const struct posture *posture);
/* The same chain of the same hops. */
bool posture_same_chain(const struct posture *a, const struct posture *b);
/* Computes `digest`. */
void hop_seal(struct hop *hop);
void posture_done(struct posture *posture);
