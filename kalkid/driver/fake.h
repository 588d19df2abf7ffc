/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/fake.h - a machine in memory, and a driver that works on it: for the tests of the engine.
 *
 * The world outlives its drivers, as a machine outlives its daemons: a test cuts one driver off in
 * the middle of something (fake_cut) and opens the next on the same world.  All times are those of
 * the clock that the world was given; after a test has moved it, it calls fake_wake.  Nothing is
 * ever called back from within a call: everything comes from the loop.
 *
 * The world watches what the engine does to it: `violation` says the first thing that must never
 * happen, "" while all is well. */
#pragma once

#include <uv.h>

#include "base/clock.h"
#include "core/fake_plane.h"
#include "driver/driver.h"

enum { FAKE_FAULTS_MAX = 32, FAKE_WORDS_BYTES = 256 };

struct fake_umbox {
	struct driver_umbox is; /* but for `wired`: that the plane knows */
	bool was_ready;         /* before the daemon restarted, too */
	unsigned tried;         /* frames of the driver's own, into each leg */
	bool shadow;
};

struct fake_device {
	uint32_t number;
	bool enrolled;
	struct device_identity as;
	struct fake_plane plane;
};

/* One change of the way of a device's frames. */
struct fake_flip {
	uint32_t device;
	int64_t at_us;
	struct path path;
	char digests[HOPS_MAX][DIGEST_TEXT_BYTES];
};

enum fake_fault {
	FAKE_REFUSED,     /* not done, and told so (-EIO) */
	FAKE_LOST_DONE,   /* done, but the result is -ETIMEDOUT */
	FAKE_LOST_UNDONE, /* not done, and the result is -ETIMEDOUT */
	FAKE_HANGS,       /* no result before the driver closes, and nothing done */
};

struct fake_world {
	/* For the test to set. */
	int64_t delay_us[STEP_KIND_COUNT]; /* until a step has its result; 0: in the next round */
	int64_t observe_us;                /* the same for a look */
	int64_t ready_us;        /* from wired to ready; negative: fake_make_ready says when */
	const char *deaf_hop;    /* umboxes of this hop never get ready; NULL: none */
	const char *missing_hop; /* this hop's image does not exist; NULL: none */
	const char *deaf_image, *missing_image; /* the same of ids, "sha256:<number>" */
	/* Umboxes of this image or digest get ready and let no frame out, as the counters say. */
	const char *mute_image, *mute_digest;
	bool choosy;               /* no image need let them out */
	bool heartbeats, accounts; /* all have them; and say there what became of frames */
	unsigned image;            /* which one every reference means */
	bool finishes_cut; /* steps under way when a driver is cut off are done all the same */
	bool keeps_frames; /* all umboxes: for `capture`, which takes */
	int64_t capture_us;
	/* After each step that was carried out; `number` counts them from 1. */
	void (*on_step)(void *data, unsigned number, const struct step *step);
	void *on_step_data;

	/* For the test to read. */
	unsigned step_count;
	unsigned enrolments_refused;          /* the address is another's */
	unsigned capturing, captured_at_once; /* the most */
	char violation[FAKE_WORDS_BYTES];
	struct fake_flip *flips; /* every change of any path, in order */
	unsigned flip_count;
	struct fake_umbox *umboxes;
	unsigned umbox_count;
	struct fake_device **devices; /* those that ever had a step */
	unsigned device_count;

	/* Its own. */
	const struct clock *clock;
	struct fake_driver *driver; /* open and not cut off, or NULL */
	struct {
		enum step_kind kind;
		unsigned after; /* so many more of this kind go well */
		enum fake_fault fault;
	} faults[FAKE_FAULTS_MAX];
	unsigned fault_count;
	bool docker_down;
	uint32_t random;
};

struct fake_world *fake_world_new(const struct clock *clock);
/* Every driver on it was closed before. */
void fake_world_free(struct fake_world *world);

/* A driver on the world, one at a time.  Closing it frees it. */
struct driver *fake_open(struct fake_world *world, uv_loop_t *loop,
			 struct driver_listener *listener);
/* The clock was moved: what is due runs, and frames of a path before have come out. */
void fake_wake(struct driver *driver);
/* The daemon was killed: from now on this driver does nothing, sees nothing, tells nothing; what is
 * asked of it ends with -ECANCELED when it is closed. */
void fake_cut(struct driver *driver);

/* The (n+1)th step of the kind from now on, counted by itself, goes wrong. */
void fake_fail(struct fake_world *world, enum step_kind kind, unsigned n, enum fake_fault fault);

/* What happens to the world.  `told`: the driver notices. */
void fake_kill_umbox(struct fake_world *world, uint32_t umbox, bool told);
void fake_make_ready(struct fake_world *world, uint32_t umbox);
void fake_fall_silent(struct fake_world *world, uint32_t umbox);
/* Every reference means another image from now on, and the driver notices. */
void fake_change_image(struct fake_world *world);
void fake_delete_leg(struct fake_world *world, uint32_t umbox, bool told);
void fake_flush_rules(struct fake_world *world, bool told);
/* The container engine: while it is down nothing is launched or removed, and looks
 * are incomplete. */
void fake_set_docker(struct fake_world *world, bool up);
/* An alert of the device's umbox nearest to it, or of the daemon when it has none. */
void fake_alert(struct fake_world *world, uint32_t device, const char *type);
/* Lets frames in from both sides of every device and moves some of those that are inside.  Each
 * step does it, too. */
void fake_traffic(struct fake_world *world);

struct fake_umbox *fake_find_umbox(struct fake_world *world, uint32_t umbox);
/* NULL when it never had a step. */
struct fake_device *fake_find_device(struct fake_world *world, uint32_t number);
/* The way of the device's frames in words: "held", "pass", "broken", or its hops'
 * names: "a b c". */
const char *fake_path(struct fake_world *world, uint32_t device,
		      char words[static FAKE_WORDS_BYTES]);
/* How many umboxes the device has. */
unsigned fake_count(const struct fake_world *world, uint32_t device);
