/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_bearer.h - a µmbox whose frames somebody else forwards: another program, or the kernel.
 *
 * The kit does the rest: it waits for the legs, holds the connection to the daemon, sends
 * heartbeats, ends on SIGTERM and when a leg is gone.  Such a umbox has no `on_frame`; it says
 * itself when it forwards, and what was forwarded. */
#pragma once

#include "umbox.h"

/* Somebody forwards from now on; not before both legs are there. */
void umbox_ready(struct umbox *umbox);

/* Of all frames since the start, for the heartbeat. */
struct umbox_account {
	uint64_t passed, dropped, lost, overrun; /* as in CONTRACT.md */
};
void umbox_set_account(struct umbox *umbox, const struct umbox_account *account);

/* A line of Suricata EVE for the history, as it is, without a newline (alerts go by umbox_alert).
 * False when it is too long or the queue is full; counted as a record. */
bool umbox_line(struct umbox *umbox, const char *line, size_t length);

/* Calls on_readable when the descriptor can be read or has come to its end, from umbox_run on; at
 * most 8.  The descriptor stays the caller's. */
typedef void umbox_on_readable(struct umbox *umbox, int fd, void *user);
void umbox_watch(struct umbox *umbox, int fd, umbox_on_readable *on_readable, void *user);
/* No more: to be called before the descriptor is closed. */
void umbox_unwatch(struct umbox *umbox, int fd);

/* Starts the program that forwards, once: argv[0] is its path, argv ends with NULL and lives on.
 * What it writes goes to the umbox's standard error.  When it ends, the umbox ends, and says how,
 * with its last words; it ends with the umbox. */
void umbox_start_child(struct umbox *umbox, const char *const argv[]);

/* Tells also what the program writes, as it comes; asked for before it is started. */
typedef void umbox_on_words(struct umbox *umbox, const char *bytes, size_t count, void *user);
void umbox_hear_child(struct umbox *umbox, umbox_on_words *on_words, void *user);
