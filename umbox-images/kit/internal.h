/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what stands behind `struct umbox`; for the kit's own files. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "control.h"
#include "leg.h"
#include "names.h"
#include "umbox.h"
#include "umbox_bearer.h"

enum {
	UMBOX_COUNTERS_MAX = 16,
	UMBOX_ALERT_TYPES_MAX = 8,
	UMBOX_ALERTS_BURST = 32,
	UMBOX_ALERTS_PER_SECOND = 10,
	UMBOX_FAILURE_BYTES = 640,
	UMBOX_WORDS_BYTES = 512,
	UMBOX_WATCHED_MAX = 8,
	UMBOX_WATCHED_OWN = 16, /* what epoll tells of the first */
};

struct umbox_own_counter {
	const char *name;
	uint64_t value;
};

/* The alerts of one type that may be said now, in millionths, so that a microsecond counts. */
struct umbox_alert_budget {
	char type[64];
	int64_t micro_alerts;
	int64_t time_us;
};

/* A descriptor of the program's own. */
struct umbox_watched {
	int fd;
	umbox_on_readable *on_readable;
	void *user;
};

struct umbox_kernel;

struct umbox {
	char failure[UMBOX_FAILURE_BYTES]; /* the first thing that went wrong; "" */
	struct umbox_identity identity;
	struct umbox_addresses device, host;
	struct names names;            /* of the device */
	json_t *document, *parameters; /* parameters: borrowed from the document, may be NULL */
	int64_t ready_after_ms;
	struct umbox_control control;

	struct umbox_leg_socket legs[UMBOX_LEG_COUNT];
	struct umbox_leg_socket direct; /* for answers; index 0: there is none */
	struct umbox_kernel *kernel;    /* NULL: all frames come to user space */
	/* What on_frame is given: the legs' frames, or what the kernel hands up. */
	struct umbox_leg_socket *sources;
	struct umbox_batch *batch;
	struct umbox_outgoing outgoing[UMBOX_LEG_COUNT];
	const struct umbox_handler *handler;

	int64_t now_us; /* of this turn of the loop */
	int64_t wake_us, ready_us, heartbeat_us;
	int watch_fd, signal_fd, link_fd;

	/* Of those for whom somebody else forwards. */
	bool legs_seen;
	pid_t child;      /* 0: none */
	int child_output; /* our end of the pipe; -1: none */
	const char *child_name;
	umbox_on_words *on_words; /* NULL: nobody hears it */
	void *words_user;
	char child_words[UMBOX_WORDS_BYTES]; /* the last that it wrote */
	size_t child_words_length, child_said;
	struct umbox_watched watched[UMBOX_WATCHED_MAX];
	unsigned watched_count;

	bool shadow;
	uint8_t *shadow_room; /* for the copy that is judged then */

	uint64_t passed, dropped, would_drop, answered, kept;
	struct umbox_leg_counts counts;
	uint64_t alerts, alerts_lost, records, records_lost;
	struct umbox_alert_budget budgets[UMBOX_ALERT_TYPES_MAX];
	struct umbox_own_counter counters[UMBOX_COUNTERS_MAX];
	unsigned counter_count;
};

int64_t umbox_now_us(void);
/* Ready-made JSON. */
void umbox_json_raw(struct umbox_json *json, const char *key, const char *text, size_t length);
void umbox_free(struct umbox *umbox);
/* Says the heartbeat, unless lines are waiting: then it would say nothing new. */
void umbox_heartbeat(struct umbox *umbox);

/* Follows the program's own descriptors from now on, and serves the n-th. */
void umbox_bearer_start(struct umbox *umbox);
void umbox_bearer_serve(struct umbox *umbox, unsigned number);
/* A process has ended: the umbox ends with its child, and buries everybody else's. */
void umbox_bearer_bury(struct umbox *umbox);
/* Says why the umbox ends, for the history. */
void umbox_say_failure(struct umbox *umbox);
/* Kills the child. */
void umbox_bearer_stop(struct umbox *umbox);
void umbox_watch_fd(struct umbox *umbox, int fd, uint32_t what, uint32_t events);
