/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/trial.h - whether an image keeps the umbox contract (umbox-images/CONTRACT.md): it is
 * started on a real engine as the daemon would, between two ends that send it what a device and a
 * network may send.
 *
 * Start here: trial.c has the list of checks, trial_inner.h what they share; checks_*.c do them.
 * box.c has one container, wire.c its legs, control.c its socket, ledger.c what went in and came
 * out, frames.c and compare.c (pure) the frames. */
#pragma once

#include "base/error.h"
#include "core/posture.h"

enum trial_result { TRIAL_PASSED, TRIAL_FAILED, TRIAL_SKIPPED, TRIAL_RESULT_COUNT };
extern const char *const TRIAL_RESULT_NAMES[TRIAL_RESULT_COUNT];

enum { TRIAL_DETAIL_BYTES = 512 };

struct trial_row {
	const char *check;
	enum trial_result result;
	char detail[TRIAL_DETAIL_BYTES];
};

struct trial_options {
	const char *docker; /* the engine's socket */
	const char *image;
	const char *parameters; /* JSON; NULL: the first of the schema's examples, else none */
	/* Names with commas between; NULL: all.  Those that make it run are done anyway. */
	const char *only;
	int64_t patience_us; /* for what must come */
	/* Called for each check once its result is known. */
	void (*on_row)(void *data, const struct trial_row *row);
	void *data;
};

/* NULL behind the last. */
const char *trial_check_name(unsigned index);
/* -EINVAL names the one in `only` that is none. */
int trial_check_names(const char *only, struct error *err) must_check;

/* Runs the checks; SIGINT and SIGTERM end it early and in order.  0 when they could be run,
 * whatever their results: -EPERM for others than root, -ENOENT when there is no such image,
 * -ENOTCONN without an engine, -ECANCELED after a signal.  `ret_image_id` may be NULL. */
int trial_run(const struct trial_options *options, char ret_image_id[static IMAGE_ID_BYTES],
	      struct error *err) must_check;
