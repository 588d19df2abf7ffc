/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/umbox.h - the umboxes that this daemon holds: directory, control socket, process,
 * namespace.
 *
 * A umbox is *held* from its launch, or from the moment it was found after a restart, until its
 * removal.  Its life is watched by three sources: the end of its control connection, its pidfd, and
 * what Docker says (umbox_tell_gone); the first of them is told to the listener, once. */
#pragma once

#include <uthash.h>
#include <uv.h>

#include "codec/docker_json.h"
#include "driver/driver.h"
#include "driver/endpoint.h"
#include "driver/pulse.h"

struct umbox_set;

struct umbox_set_options {
	const char *directory; /* of all umboxes: made when missing */
	unsigned alerts_per_second;
	unsigned heartbeat_timeout_ms;
};

/* Owned by its set; others read it. */
struct umbox {
	struct container container; /* as last inspected; its marks from the start on */
	int netns;                  /* -1 before umbox_hold and once it is gone */
	int ring_fd;                /* of the frames that it keeps (ring.h); -1: it keeps none */
	bool watched;               /* umbox_watch was called: it is or was a running umbox */
	bool ready;
	bool gone;
	bool removing;  /* its user's mark: a removal is under way */
	bool launching; /* its user's mark: a launch is under way */

	struct umbox_set *set;
	struct intake_user user;
	struct intake *intake;
	struct endpoint *endpoint; /* of the older contract */
	struct pid_watch *pid_watch;
	uint64_t heartbeat_due_ms; /* 0: none is due */
	struct pulse pulse;        /* of one that sends no heartbeat, as of the last look */
	unsigned still_ms;         /* so long it has taken no frame */
	bool told;                 /* `account` came with a heartbeat */
	struct umbox_account account;
	char *own; /* JSON of what it counts beside; NULL: nothing */
	UT_hash_handle hh;
};

/* The base directory is for root alone; those of the umboxes can be entered, so that a umbox
 * without root finds its own. */
int umbox_set_open(struct umbox_set **ret, uv_loop_t *loop, const struct umbox_set_options *options,
		   struct driver_listener *listener, struct error *err) must_check;
/* Lets go of all; directories stay.  `closed` runs once. */
void umbox_set_close(struct umbox_set *set, void (*closed)(void *data), void *data);

/* NULL when it is not held. */
struct umbox *umbox_find(struct umbox_set *set, uint32_t id);
/* For loops; the one in hand may be closed meanwhile if its next was read before. */
struct umbox *umbox_first(struct umbox_set *set);
struct umbox *umbox_next(struct umbox *umbox);

/* Makes or takes over the directory <id>/ and listens on its control.sock. */
int umbox_open(struct umbox **ret, struct umbox_set *set, const struct container_marks *marks,
	       struct error *err) must_check;
/* Absolute path of its directory; the caller's to free. */
char *umbox_directory(const struct umbox *umbox) must_check;
/* Writes umbox.json. */
int umbox_describe(struct umbox *umbox, const char *json, struct error *err) must_check;
/* Opens pidfd and network namespace of a running container.  To be believed only when a second
 * inspection shows the same PID and start time: umbox_watch then. -ESRCH when it has ended. */
int umbox_hold(struct umbox *umbox, const struct container *container,
	       struct error *err) must_check;
/* Its words and its end are told from now on.  An adopted one must show a sign of life within the
 * heartbeat's time (unless its image has no socket).  One of the older contract says ready only
 * once: an adopted one is ready if it was; and is gone if somebody in there has taken its endpoint.
 */
int umbox_watch(struct umbox *umbox, bool adopted, struct error *err) must_check;

/* It is to give a sign of life now and then, and to say what became of its frames. */
bool umbox_has_heartbeat(const struct umbox *umbox);

/* Told at most once each. */
void umbox_tell_ready(struct umbox *umbox);
void umbox_tell_gone(struct umbox *umbox, const char *words);

/* Lets go of it and frees it; its directory stays unless it is to be removed. */
void umbox_close(struct umbox *umbox, bool remove_directory);
/* Calls for each directory with a umbox's number whose umbox is not held. */
void umbox_each_stray_directory(struct umbox_set *set, void (*each)(void *data, uint32_t id),
				void *data);
/* No error when it is not there. */
void umbox_remove_directory(struct umbox_set *set, uint32_t id);
