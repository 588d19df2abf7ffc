/* SPDX-License-Identifier: Apache-2.0 */
/* umbox.h - the µmbox kit: stand in a device's way and judge its traffic, frame by frame.
 *
 *     struct umbox *umbox = umbox_open();
 *     int64_t attempts = umbox_integer(umbox, "attempts", 5, 1, 255);
 *     ...
 *     return umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame, .user = &mine});
 *
 * The kit attaches to the legs `in` (toward the device) and `out` (toward the network), says ready,
 * forwards, sends heartbeats, and ends on SIGTERM.  One thread; nothing here may be called from
 * another.  See umbox_frame.h for what is in a frame, umbox_table.h for memory per source,
 * umbox_json.h for records, README.md for a whole program, ../CONTRACT.md for the world outside. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "umbox_frame.h"
#include "umbox_json.h"

struct umbox;

enum umbox_verdict {
	UMBOX_PASS, /* on to the other leg, with what on_frame changed in it */
	UMBOX_DROP,
	UMBOX_ANSWER, /* back to where it came from, past the rest of the chain where the image has
			 a direct leg: on_frame has made it the answer, checksums whole.  To the
			 network only in the device's name, else it is dropped */
	UMBOX_KEEP,   /* on_frame has made a copy and will umbox_send() it */
	UMBOX_SEEN,   /* it was a copy only, see umbox_kernel.h: like DROP, and not counted */
};

struct umbox_handler {
	/* NULL: somebody else forwards, see umbox_bearer.h; in in-kernel mode it is given what
	 * the rules hand up, see umbox_kernel.h. */
	enum umbox_verdict (*on_frame)(struct umbox *umbox, struct umbox_frame *frame, void *user);
	/* The moment of umbox_wake_at has come; may be NULL. */
	void (*on_time)(struct umbox *umbox, int64_t now_us, void *user);
	void *user;
	/* Without on_frame: both legs are there and up.  May be NULL. */
	void (*on_legs)(struct umbox *umbox, void *user);
};

/* Reads the parameters.  Never NULL: what goes wrong here or in the getters is remembered, and
 * umbox_run refuses to start with it.  $UMBOX_FOLDER replaces /run/kalki for trials by hand. */
struct umbox *umbox_open(void);

/* Runs until SIGTERM or until a leg is gone; returns the exit status of the program, having said on
 * standard error why it is not 0.  `umbox` is freed. */
int umbox_run(struct umbox *umbox, const struct umbox_handler *handler);

/* Says ready so long after the legs are there (for what must load first); UMBOX_NEVER: not at all.
 * Before ready nothing is received.  May be called again later: with 0 it is time now. */
enum { UMBOX_NEVER = -1 };
void umbox_ready_after(struct umbox *umbox, int64_t ms);

/* Parameters of umbox.json: the default when absent; wrong kinds and values out of range are told
 * by umbox_run. */
int64_t umbox_integer(struct umbox *umbox, const char *name, int64_t fallback, int64_t min,
		      int64_t max);
bool umbox_boolean(struct umbox *umbox, const char *name, bool fallback);
/* Lives as long as `umbox`. */
const char *umbox_text(struct umbox *umbox, const char *name, const char *fallback);
/* A list: `values` has room for `room` and holds `count` defaults; returns how
 * many it holds now. */
size_t umbox_integers(struct umbox *umbox, const char *name, int64_t *values, size_t count,
		      size_t room, int64_t min, int64_t max);
/* The same of texts, which live as long as `umbox`. */
size_t umbox_texts(struct umbox *umbox, const char *name, const char **values, size_t count,
		   size_t room);

/* Remembers why umbox_run must not start, or must end; the first reason stays.  For parameters that
 * the schema lets through and the program cannot work with. */
void umbox_fail(struct umbox *umbox, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct umbox_identity {
	uint32_t umbox, generation;
	char hop[64], device[64];
};
const struct umbox_identity *umbox_identity(const struct umbox *umbox);

/* As of the umbox's start; of a device that learns its addresses there may be none. */
enum { UMBOX_ADDRESSES_MAX = 64 };
struct umbox_addresses {
	unsigned count;
	struct umbox_ip ip[UMBOX_ADDRESSES_MAX];
};
const struct umbox_addresses *umbox_device_addresses(const struct umbox *umbox);
/* Of the machine that runs the daemon, see umbox_is_host. */
const struct umbox_addresses *umbox_host_addresses(const struct umbox *umbox);

/* Whether the address is one of the machine's that runs the daemon: telemetry and commands come
 * from there, and the daemon sees to it that nobody else sends under it.  For detectors that count
 * what strangers do; such a frame is forwarded, or dropped, like any other. */
bool umbox_is_host(const struct umbox *umbox, const struct umbox_ip *ip);

enum umbox_severity { UMBOX_LOW, UMBOX_MEDIUM, UMBOX_HIGH, UMBOX_CRITICAL };

struct umbox_alert {
	const char *type; /* letters, digits, '-', '_', '.' */
	enum umbox_severity severity;
	struct umbox_ip source, target; /* family 0: left out, as are ports and count of 0 */
	uint16_t source_port, target_port;
	uint32_t count;
	const char *detail; /* for people; may be NULL */
};

/* At most 10 a second of each type, 32 at once; false when it was more, or the queue toward the
 * daemon was full (both are counted in the heartbeat). */
bool umbox_alert(struct umbox *umbox, const struct umbox_alert *alert);
/* A log record: one JSON object.  False when it does not fit (UMBOX_RECORD_BYTES) or the queue is
 * full. */
bool umbox_record(struct umbox *umbox, const struct umbox_json *object);

/* A counter of your own that the heartbeat tells; at most 16, asked for before umbox_run; `name`
 * must live on, and be none that the kit has (CONTRACT.md). */
uint64_t *umbox_counter(struct umbox *umbox, const char *name);

/* on_time is called once the clock of frame->time_us has reached this (1 ms fine); the earliest of
 * several calls counts. */
void umbox_wake_at(struct umbox *umbox, int64_t at_us);

/* Sends a copy that on_frame kept, out of `to`; `frame->offload` must be the original's.  What goes
 * to the network and has an address that is not the device's is not sent.  In shadow (CONTRACT.md)
 * nothing is: on_frame gets a copy, and each frame passes as it came. */
void umbox_send(struct umbox *umbox, enum umbox_leg to, const struct umbox_frame *frame);
