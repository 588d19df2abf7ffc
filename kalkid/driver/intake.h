/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/intake.h - what one umbox says: its control socket, from bytes to checked lines.
 *
 * The umbox is an enemy.  One connection in its life, and only from its own network namespace;
 * lines of bounded length; a bounded number of bytes a turn of the loop; a bucket of lines a
 * second, what exceeds it is not even parsed.  What is refused is counted and told in words.
 *
 * What it passes by descriptor is looked at before it is taken: whoever is the last to close it
 * waits as long as the umbox likes.  For the same reason its sockets are closed beside the loop, as
 * what nobody received goes with them. */
#pragma once

#include <uv.h>

#include "base/text.h"
#include "codec/alert_json.h"

enum {
	INTAKE_BYTES_A_TURN = 2 * UMBOX_LINE_BYTES,
	INTAKE_BURST = 10,         /* times the lines of one second */
	INTAKE_REFUSED_A_TICK = 8, /* connections; then they wait for intake_report */
};

struct intake;

struct intake_user {
	/* A line that is well formed and within the rate; what it points to is borrowed. */
	void (*on_line)(struct intake_user *user, const struct umbox_line *line);
	/* A descriptor came with a line: the user's from now on, also when it is refused, which
	 * ends the connection. */
	int (*on_descriptor)(struct intake_user *user, int fd, struct error *err);
	/* The connection ended: the last call. */
	void (*on_end)(struct intake_user *user, const char *words);
};

/* Puts `control.sock` into the directory (in the place of one that is there) and listens;
 * connections wait until intake_accept. */
int intake_open(struct intake **ret, uv_loop_t *loop, int directory, unsigned lines_per_second,
		struct intake_user *user, struct error *err) must_check;
/* Takes connections from this network namespace. */
int intake_accept(struct intake *intake, int netns, struct error *err) must_check;
/* A line that came another way (driver/endpoint.h), under the same rate: `read` says what it is.
 * -EBUSY: over the rate, not looked at; -EPIPE: nobody listens any more. */
int intake_take(struct intake *intake,
		int (*read)(void *data, struct umbox_line *ret, struct error *err),
		void *data) must_check;
/* The other way is closed: its end, as that of the connection. */
void intake_end(struct intake *intake, const char *words);
/* No more callbacks; freed when libuv has let go. NULL is fine. */
void intake_close(struct intake *intake);

/* How many lines and connections were refused since the last call; adds words about them. */
uint64_t intake_report(struct intake *intake, struct buffer *words);
