/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/box.h - one container of the image in hand: directory, socket, process. */
#pragma once

#include "codec/docker_json.h"
#include "trial/control.h"

struct box {
	const char *docker;
	char directory[64];
	struct container container;
	int pidfd, netns; /* -1: it does not run */
	struct control control;
};

struct box_order {
	const char *docker;
	const struct umbox_image *image;
	const char *parameters;
	bool shadow;
};

/* Starts it as the daemon would, without legs.  -ESRCH when it ended at once. */
int box_start(struct box *ret, const struct box_order *order, struct error *err) must_check;
/* Removes it and its directory; fine for one that was not started. */
void box_end(struct box *box);
bool box_runs(const struct box *box);
/* Waits for its end at most so long; true when it has ended. */
bool box_wait_end(const struct box *box, int64_t timeout_us);
void box_signal(const struct box *box, int number);
/* "it ended with code 1: its last words" */
void box_epitaph(const struct box *box, char *words, size_t words_bytes);
/* The most memory that it ever used, and how often it ran out of it; -ENOENT where the kernel does
 * not tell. */
int box_memory(const struct box *box, uint64_t *ret_peak, uint64_t *ret_kills) must_check;
