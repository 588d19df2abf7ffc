/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/control.h - the daemon's end of a umbox's control socket, and of the port of the older
 * contract, which remembers what was said. */
#pragma once

#include "codec/alert_json.h"
#include "trial/port.h"

enum {
	/* What the daemon takes of one umbox without being told otherwise. */
	CONTROL_LINES_PER_SECOND = 100,
	CONTROL_LINES_AT_ONCE = 1000,
};

struct control {
	char path[108];
	int listener, connection; /* -1: none */
	char line[UMBOX_LINE_BYTES];
	size_t used;
	bool overlong; /* the line in hand */
	struct port port;
	int ring_fd; /* of the frames that it keeps; -1: it passed none */

	unsigned connections, refused; /* refused: a second one while there is one */
	bool ready;                    /* said on this connection */
	bool ready_first;              /* and before anything else */
	uint64_t lines;                /* of this connection */
	uint64_t alerts, records, heartbeats;
	uint64_t malformed, over_rate;
	struct error why; /* the last one was malformed */
	/* The last one, 0 when the time since then does not count; the longest time between two. */
	int64_t heartbeat_us, silence_us;
	struct umbox_account account;
	double tokens;
	int64_t filled_us;
};

/* `path` is where it listens, from now on. */
int control_open(struct control *ret, const char *path, struct error *err) must_check;
int control_listen(struct control *control, struct error *err) must_check;
/* Nobody listens there, and the connection has ended. */
void control_go_away(struct control *control);

/* Takes connections and lines; `now_us` is a monotonic time. */
void control_read(struct control *control, int64_t now_us);
/* Fills the queue of the umbox's own socket until nothing more goes into it; what is in it is read
 * later and counts as nothing. */
int control_stuff(struct control *control, struct error *err) must_check;
