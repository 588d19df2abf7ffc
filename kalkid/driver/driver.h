/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/driver.h - the hands and the eyes of a node: carries steps out, says what is there.
 *
 * Two of them exist: driver/local.c (Docker, links, rules, control sockets) and driver/fake.c (in
 * memory, for the tests of the engine).  The node never asks which. */
#pragma once

#include "base/text.h"
#include "core/alert.h"
#include "core/device.h"
#include "core/learn.h"
#include "core/plan.h"

struct driver;
struct driver_call;

/* Runs exactly once for each call, never before the function that started it has returned.
 * -ETIMEDOUT means that the result is unknown: observe again before planning. */
typedef void driver_done_fn(struct driver_call *call, int result, const struct error *err);

/* Embedded in the caller's request; stays where it is until done has run. */
struct driver_call {
	driver_done_fn *done;
	char image_id[IMAGE_ID_BYTES]; /* of LAUNCH, when `done` runs: what it was made of */
	int committed; /* of HOLD, ROUTE, PREPARE and CLEAN: the result, known when `run` returns */
};

/* What observing one umbox found. */
struct driver_umbox {
	uint32_t id;
	uint32_t device;     /* number, from its labels */
	uint32_t generation; /* in which it was launched */
	char hop[NAME_BYTES];
	char digest[DIGEST_TEXT_BYTES];
	char image_id[IMAGE_ID_BYTES];  /* of the image that runs */
	char serves[DIGEST_TEXT_BYTES]; /* the addresses that it was started for (core/device.h) */
	enum umbox_state state;
	bool wired, ready;
};

/* What observing one device's steering found. */
struct driver_device {
	uint32_t device;
	bool enrolled;             /* slot pair and identity entries present */
	struct device_identity as; /* as enrolled: port, mac, addresses, multicast alone */
	struct path path;
	bool leftovers;
	uint32_t prepared[HOPS_MAX];
	unsigned prepared_count;
};

struct driver_picture {
	bool complete; /* false: Docker or the kernel could not be asked; what is listed is true */
	bool steered;  /* the kernel could: a device that is not listed has no rules */
	struct driver_umbox *umboxes;
	unsigned umbox_count;
	struct driver_device *devices;
	unsigned device_count;
};

/* What the eyes tell without being asked. */
enum driver_notice_kind {
	DRIVER_UMBOX_READY,   /* it said that it forwards */
	DRIVER_UMBOX_GONE,    /* socket closed, process dead, or a die event; `words` say how */
	DRIVER_UMBOX_SILENT,  /* no heartbeat within its time: to be condemned */
	DRIVER_ALERT,         /* `alert`, checked and within the umbox's rate */
	DRIVER_RECORD,        /* a log record of a umbox: `words` is JSON for the history */
	DRIVER_DROPPED,       /* `count` lines were over the rate, or malformed: `words` */
	DRIVER_RULES_CHANGED, /* somebody else touched rules or links: observe all */
	DRIVER_SPOOF, /* `count` forged frames dropped, of all devices, for the reason in `words`;
		       * whose they were comes as DRIVER_ALERT of umbox 0 */
	DRIVER_IMPERSONATED,   /* `count` frames dropped by which somebody wanted to be `device` */
	DRIVER_CLAIM,          /* `claim`: heard of an address of the device */
	DRIVER_UNKNOWN,        /* frames of a stranger dropped; `alert.detail`: MAC and port */
	DRIVER_IMAGES_CHANGED, /* references may mean other images */
	DRIVER_ENGINE_DOWN,    /* Docker cannot be reached */
	DRIVER_ENGINE_UP,      /* it can again: observe all */
	DRIVER_NOTICE_COUNT,
};

struct driver_notice {
	enum driver_notice_kind kind;
	uint32_t device, umbox;
	const struct alert *alert;
	const struct claim *claim;
	uint64_t count;
	const char *words;
};

struct driver_listener {
	/* Never from within a call of the driver. */
	void (*on_notice)(struct driver_listener *listener, const struct driver_notice *notice);
};

/* Frames and bytes that crossed one leg since it was made, as the host end counts them. */
struct leg_counters {
	uint64_t from_umbox_frames, from_umbox_bytes; /* received on the host end */
	uint64_t to_umbox_frames, to_umbox_bytes;     /* sent into the umbox */
	uint64_t dropped;
};

struct umbox_counters {
	struct leg_counters leg[LEG_SIDE_COUNT];
	bool direct; /* it has such a leg */
	bool told;   /* `inside` came with a heartbeat */
	struct umbox_account inside;
	/* JSON of what it counts beside, NULL: nothing; the driver's, until it turns again. */
	const char *own;
};

/* Everything of one step that the driver needs besides the step itself; borrowed for the call of
 * `run`, which copies what it keeps. */
struct driver_task {
	const struct step *step;
	const struct device_identity *device;
	uint32_t generation;
	const char *image; /* LAUNCH: the image's id; "": what the hop's reference means now */
	const char *state; /* the device's state when it was launched: a label */
};

struct driver_ops {
	/* Carries one step out.  HOLD, ROUTE, PREPARE and CLEAN are committed to the kernel, or
	 * refused, when `run` returns (`call->committed`); `done` brings the words later all the
	 * same. */
	void (*run)(struct driver *driver, const struct driver_task *task,
		    struct driver_call *call);
	/* Looks at everything that carries this instance's marks.  `ret` belongs to the caller
	 * (driver_picture_done) and is filled when `done` runs, on failure with what was seen. */
	void (*observe)(struct driver *driver, struct driver_picture *ret,
			struct driver_call *call);
	/* 0, or -ENOENT when it has no legs. */
	int (*counters)(struct driver *driver, uint32_t umbox, struct umbox_counters *ret);
	/* Sends a frame of our own into each leg of a umbox that nothing leads to; what comes out
	 * leads nowhere, and `counters` tell of it.  1: its image need not let them through, but
	 * has to account for them; -EOPNOTSUPP: nor that. */
	int (*try_frames)(struct driver *driver, uint32_t umbox,
			  const struct device_identity *device);
	/* The id of the image that a reference means.  -ENOENT: none; -EINVAL: one that is no
	 * umbox. */
	void (*image)(struct driver *driver, const char *reference,
		      char ret_id[static IMAGE_ID_BYTES], struct driver_call *call);
	/* The last log lines of a umbox, at most `bytes_max` of them; the text belongs to the
	 * caller. */
	void (*logs)(struct driver *driver, uint32_t umbox, size_t bytes_max, char **ret,
		     struct driver_call *call);
	/* The frames that a umbox keeps, as a pcapng file with `comment`, added to `ret` when
	 * `done` runs with their number; -ENOENT: it keeps none. */
	void (*capture)(struct driver *driver, uint32_t umbox, const char *comment,
			struct buffer *ret, struct driver_call *call);
	/* Stops listening and closes; open calls end with -ECANCELED; then `closed` runs once.
	 * What runs in the kernel and in Docker stays. */
	void (*close)(struct driver *driver, void (*closed)(void *data), void *data);
};

struct driver {
	const struct driver_ops *ops;
	struct driver_listener *listener;
};

void driver_picture_done(struct driver_picture *picture);
