/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node.h - the data node: makes the world of each device as control wants it.
 *
 * Start here: node_want takes "device, generation, posture"; node_device_plan in node.c asks
 * the planner; node_step.c starts its steps; node_observe.c takes in what the driver sees.
 * Nothing here knows of policies, states' rules or history: a node on another machine would be this
 * file and a driver. */
#pragma once

#include "engine/deadline.h"
#include "engine/engine.h"

struct node;

/* How one step went; for the history. */
struct node_step {
	const struct step *step;
	const char *hop; /* the name of the hop that `umbox` is of, "" when it is of none */
	int result;
	const char *words; /* of the error, "" when it went well */
	int64_t started_us, ended_us;
};

/* What control is told.  All run on the loop's thread. */
struct node_listener {
	void (*on_alert)(struct node_listener *listener, uint32_t device,
			 const struct alert *alert);
	/* The kernel has begun to lead frames as `generation` says: through `path`, or held. */
	void (*on_enforced)(struct node_listener *listener, uint32_t device, uint32_t generation,
			    const struct path *path, int64_t at_us);
	/* Where the device stands has changed (also to another generation). */
	void (*on_goal)(struct node_listener *listener, uint32_t device, uint32_t generation,
			enum plan_goal goal, const struct path *path);
	void (*on_step)(struct node_listener *listener, uint32_t device, uint32_t generation,
			const struct node_step *step);
	/* A record of a umbox (JSON). */
	void (*on_record)(struct node_listener *listener, uint32_t device, uint32_t umbox,
			  const char *json);
	/* Something about the node, or about a device (0: none), in words; `kind` is a short name:
	 * engine-down, engine-up, repaired, alerts-dropped, spoofed, impersonated, unknown-device,
	 * umbox-died, umbox-mute, image-new, image-changed, image-refused, look-failed. */
	void (*on_remark)(struct node_listener *listener, uint32_t device, const char *kind,
			  uint64_t count, const char *words);
	/* A number that no umbox of this instance ever had; greater than `seen`, the greatest that
	 * the node saw. */
	uint32_t (*new_umbox)(struct node_listener *listener, uint32_t seen);
	/* Heard of an address of the device. */
	void (*on_claim)(struct node_listener *listener, uint32_t device,
			 const struct claim *claim);
};

struct node *node_new(struct deadlines *deadlines, const struct clock *clock,
		      const struct engine_config *config, struct node_listener *listener);
void node_free(struct node *node);
struct driver_listener *node_driver_listener(struct node *node);

/* Looks at the world, then acts; what is wanted was said before. */
void node_start(struct node *node, struct driver *driver);
/* Starts nothing more; runs `stopped` when every call has ended. */
void node_stop(struct node *node, void (*stopped)(void *data), void *data);

/* The device as it should be from now on.  `want`'s postures stay where they are until the next
 * call for this device.  When its chain is ready the kernel follows before this returns. */
void node_want(struct node *node, const struct device_identity *device, const struct want *want,
	       const char *state);
/* Images that were refused, too. */
void node_try_images_again(struct node *node);
/* Everything of the device is to go. */
void node_forget(struct node *node, uint32_t device);

/* For the API. */
struct node_view {
	enum plan_goal goal;
	uint32_t generation_enforced;
	int64_t enforced_us; /* when the kernel was told that generation; 0: not by this process */
	bool settled;
	const char *trouble;
	bool mute;                 /* that is what `trouble` says, of a chain that is in force */
	const char *spare_trouble; /* "" when all is well, also while the chain in force is */
	const char *spare_failed;  /* digest of the standby hop that it is about, or "" */
};
bool node_read(const struct node *node, uint32_t device, struct node_view *ret);
void node_read_chain(struct node *node, uint32_t device, struct chain_status *ret);
bool node_read_plan(struct node *node, uint32_t device, struct plan *ret);
void node_read_status(const struct node *node, struct engine_status *ret);
