/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - the connection to the daemon: lines out, nothing back; connects again by itself and
 * keeps a bounded number of lines meanwhile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONTROL_LINES_MAX = 256,
	CONTROL_PAUSE_MIN_MS = 100,
	CONTROL_PAUSE_MAX_MS = 1000,
	/* Descriptors close from the highest on when a process dies: this one
	 * shall be the first. */
	CONTROL_DESCRIPTOR = 1000,
};

struct umbox_control_line {
	char *text;
	size_t length;
};

struct umbox_control {
	char path[108];
	int fd;          /* -1 between two connections */
	bool ready;      /* to be said at the start of each connection */
	bool ready_due;  /* not yet said on this one */
	int64_t next_us; /* of the next attempt to connect */
	int64_t pause_ms;
	struct umbox_control_line lines[CONTROL_LINES_MAX]; /* a ring */
	unsigned first, count;
	size_t sent;    /* of the first line */
	int descriptor; /* goes with `ready`; -1: none */
};

void umbox_control_init(struct umbox_control *control, const char *path);
void umbox_control_done(struct umbox_control *control);
/* Connects when it is time to; true when there is a new descriptor to watch (for reading, and for
 * writing while lines wait). */
bool umbox_control_connect(struct umbox_control *control, int64_t now_us);
/* Says ready now and on each later connection. */
void umbox_control_ready(struct umbox_control *control, int64_t now_us);
/* Queues a line that ends with a newline, and writes what can be written; false
 * when it was lost. */
bool umbox_control_say(struct umbox_control *control, const char *text, size_t length,
		       int64_t now_us);
/* The descriptor can be read or written, or has failed. */
void umbox_control_serve(struct umbox_control *control, int64_t now_us);
