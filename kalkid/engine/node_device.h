/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_device.h - what the node keeps of one device; only node*.c look inside. */
#pragma once

#include <uthash.h>

#include "engine/node.h"

/* What is known of a umbox beyond what the planner needs; same place as in world.umboxes. */
struct node_umbox {
	char hop[NAME_BYTES], state[NAME_BYTES], image_id[IMAGE_ID_BYTES];
	uint32_t generation;
	bool trial;            /* launched to follow an outdated one, and not in force yet */
	bool found;            /* a look found it: nobody knows what was seen of it before */
	bool tried;            /* it said ready, and has yet to let frames of ours through */
	bool may_account;      /* or to say what became of them */
	int64_t ready_by_us;   /* deadline of its readiness, DEADLINE_NEVER when none */
	uint64_t drain_frames; /* counted at the last look */
	/* While in force: let out or accounted for at the last look, and taken when that grew last;
	 * since when it is not worth a word how many were taken since, 0: not known. */
	uint64_t done_frames, taken_frames;
	int64_t mute_since_us;
};

/* Grows with each failure. */
struct node_delay {
	unsigned failures;
	int64_t until_us;
};

struct node_device {
	struct node *node;
	uint32_t number;
	struct device_identity device;
	struct want want;
	char state[NAME_BYTES]; /* label of launched umboxes */
	struct device_identity enrolled_as;
	struct world have;
	struct node_umbox *umboxes; /* owned */
	unsigned umbox_room;
	struct deadline deadline;
	bool draining;                          /* frames of a path before may be inside umboxes */
	int64_t drain_since_us, still_since_us; /* the last flip; the last frame counted since */
	unsigned steps_running;
	unsigned change; /* counts starts and ends of steps, notices: an older picture is stale */
	unsigned change_at_look;
	struct node_delay chain; /* of everything; standby chains and removals have their own */
	struct node_delay spares;
	uint32_t generation_enforced;
	int64_t enforced_us; /* when the kernel was told so; 0: not by this process */
	bool observed;       /* at least once */
	bool told_want;      /* control has said what it wants */
	uint32_t first_want; /* the first generation of it */
	bool held_unseen;    /* this generation, before the first look */
	bool path_failed;    /* the last HOLD or ROUTE was refused */
	bool waits;          /* to be enrolled, until another with one of its addresses is not */
	enum plan_goal goal;
	uint32_t goal_generation;
	int64_t goal_since_us;
	bool told; /* goal and goal_generation were told to the listener */
	bool settled;
	char trouble[TROUBLE_BYTES];
	uint32_t mute; /* umbox in force that does nothing with what it takes; 0: none */
	/* Of the standby chains and of what is to go: the last failure, the hop's digest ("" when
	 * it is about none), until all is as wanted. */
	char spare_trouble[TROUBLE_BYTES], spare_failed[DIGEST_TEXT_BYTES];
	UT_hash_handle hh;
};

struct node {
	const struct clock *clock;
	struct deadlines *deadlines;
	struct engine_config config;
	struct node_listener *listener;
	struct driver_listener driver_listener;
	struct driver *driver;
	struct node_device *devices; /* by number */
	struct deadline observe_deadline, mute_deadline;
	unsigned mute_next; /* devices before it were looked at in this round */
	bool started, stopping, observing, observe_again, engine_down, complete;
	char trouble[ERROR_TEXT_BYTES]; /* why the last look did not go well, Docker apart */
	unsigned calls;                 /* under way, over all devices */
	uint64_t drift_repairs, alerts_dropped, frames_spoofed;
	struct node_image *images; /* by reference */
	bool rolling;              /* some umbox may be of another image than is wanted */
	uint32_t umbox_seen;       /* the greatest number of any that was there */
	void (*stopped)(void *data);
	void *stopped_data;
};

/* node.c */
void node_device_plan(struct node_device *device);
/* What is enrolled against what shall be. */
void node_device_compare(struct node_device *device);
struct node_device *node_device_find(const struct node *node, uint32_t number);
struct node_device *node_device_new(struct node *node, uint32_t number);
void node_device_forget_umbox(struct node_device *device, uint32_t umbox);
/* The place of the umbox in both arrays, made when there is none; -1 when there is no room. */
int node_device_umbox(struct node_device *device, uint32_t umbox, bool make);
void node_call_ended(struct node *node);

/* node_status.c: the hop of that digest in a posture that is wanted, now or on standby; or NULL. */
const struct hop *node_device_hop(const struct node_device *device, const char *digest);

/* node_image.c: the image (by id) that a launch is to be made of; "": what its reference means. */
const char *node_image_for(struct node_device *device, const struct step *step);
/* The umbox at the place got ready; failed (`missing`: there is no such image). */
void node_image_ready(struct node_device *device, unsigned place);
void node_image_failed(struct node_device *device, unsigned place, bool missing, const char *words);
/* Whether the umbox is of an image that has yet to prove itself. */
bool node_image_is_new(const struct node_device *device, unsigned place);
/* Which umboxes of the device are outdated; before each plan. */
void node_images_mark(struct node_device *device);
/* Whose turn it is; after each plan. */
void node_images_follow(struct node *node);
/* What references mean may have changed. */
void node_images_ask(struct node *node, bool refused_too);
void node_images_forget(struct node *node);

/* node_try.c: it said that it forwards. */
void node_umbox_ready(struct node_device *device, unsigned place);
/* Of one that is `tried`: it may be ready now; returns when to look again. */
int64_t node_umbox_try(struct node_device *device, unsigned place, int64_t now_us);

/* node_step.c: starts a step when it may start now; the planner is asked again when it ends. */
bool node_step_start(struct node_device *device, const struct step *step);
/* What failed is waited for before it is tried again, ever longer. */
void node_umbox_failed(struct node_device *device, const struct umbox_view *view,
		       const char *words);
/* One of the same digest is ready: it is no failure any more. */
void node_umbox_well(struct node_device *device, const struct umbox_view *view);
void node_forget_failures(struct node_device *device);

/* node_observe.c: looks at everything soon; many requests, one look. */
void node_observe(struct node *node);

/* node_mute.c: looks at the next few devices, and sets the deadline again. */
void node_on_mute_due(struct deadline *deadline);

/* node_drain.c: another path is in force since then, or may be; looks whether what was inside the
 * one before is out, and returns when to look again. */
void node_device_flipped(struct node_device *device, int64_t at_us);
int64_t node_device_drain(struct node_device *device, int64_t now_us);
