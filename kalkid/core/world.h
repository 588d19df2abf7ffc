/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/world.h - one device as wanted and as observed: the two values that the planner compares.
 *
 * Glossary: a *path* is the list of umboxes that the kernel's maps lead a device's frames through;
 * *held* means that no map entry leads anywhere; *spare* umboxes run for a chain that is not in
 * force (standby); an umbox is *quiet* when no frame can be inside it any more: never routed, or
 * since it left the path every umbox that left has fallen silent or is dead.  A *stray* is a frame
 * inside an umbox of the path in force that came there by the path before. */
#pragma once

#include "core/posture.h"

enum {
	STANDBY_CHAINS_MAX = 8,
	SPARES_MAX = 16,        /* of one device; further ones are not kept */
	WORLD_UMBOXES_MAX = 48, /* of one device, old generations included */
};

/* What the node is told to have for one device; hops are compared by digest.  The posture
 * pointers are borrowed for the time of the call. */
struct want {
	bool enrolled;                 /* false: everything of it is to go */
	uint32_t generation;           /* grows with each accepted transition of the device */
	const struct posture *posture; /* NULL: block */
	bool hold_old; /* while `posture` comes up the chain in force may stay; also when the chain
			* in force was put there for this very posture (a restarted daemon) */
	const struct posture *standby[STANDBY_CHAINS_MAX];
	unsigned standby_count;
};

enum umbox_state {
	UMBOX_STARTING, /* its launch is under way */
	UMBOX_RUNNING,
	UMBOX_GONE, /* exited, died, condemned, found only created, or its removal was begun */
	UMBOX_STATE_COUNT,
};

struct umbox_view {
	uint32_t id;
	char digest[DIGEST_TEXT_BYTES];
	enum umbox_state state;
	bool wired;   /* both legs up and hooked */
	bool ready;   /* it said so, or it was in force when the daemon started */
	bool overdue; /* not ready within its deadline */
	bool quiet;   /* see above */
	bool busy;    /* a step on it is running */
	/* In force, and strays may be inside: frames toward the network that did not cross exactly
	 * what stands before it in the path, frames toward the device that did not cross what
	 * stands behind it.  Until they are out, what follows it on their way must not change. */
	bool stray_up, stray_down;
	/* The image that it is made of is not the one that is wanted by now: it stays until one of
	 * that image is ready. */
	bool outdated;
};

enum path_state {
	PATH_HELD,   /* no way in from either side */
	PATH_WHOLE,  /* both directions go through exactly `ids`, with exits bound to the device */
	PATH_BROKEN, /* anything else: entries that lead to a missing leg, or disagree */
	PATH_STATE_COUNT,
};

struct path {
	enum path_state state;
	uint32_t ids[HOPS_MAX]; /* from the device to the network; empty and WHOLE: pass */
	unsigned count;
};

struct world {
	bool complete; /* everything about this device has been seen; nothing is removed before */
	bool enrolled; /* its slot and identity entries are there; false when that is unknown */
	bool stale;    /* enrolled with an older identity (MAC, port, multicast) */
	bool readdressed; /* enrolled with other addresses: to be enrolled anew, under its path */
	bool busy;        /* a step on the device itself (enrol, unenrol) is running */
	struct path path;
	struct path before; /* while held or broken: the path last in force, until it is drained */
	bool leftovers; /* map entries of legs outside the path (old generations, or prepared spares
			 * that are no longer wanted) */
	/* The spare path whose inner entries are in place, with the umboxes that it shares with the
	 * path in force. */
	uint32_t prepared[HOPS_MAX];
	unsigned prepared_count;
	/* Hops whose last launch or readiness failed, or that died in force, until one of that
	 * digest is ready again; a fail-open one is bridged over meanwhile. */
	char failed[HOPS_MAX][DIGEST_TEXT_BYTES];
	unsigned failed_count;
	/* No launch for now: the last ones failed and the delay runs.  A standby chain that cannot
	 * be had does not keep the wanted one waiting. */
	bool backing_off, spares_backing_off;
	bool renew;          /* outdated umboxes are exchanged now, one at a time */
	uint32_t next_umbox; /* the id of the next umbox to launch */
	struct umbox_view umboxes[WORLD_UMBOXES_MAX];
	unsigned umbox_count;
};

/* NULL when there is none. */
struct umbox_view *world_find(struct world *world, uint32_t umbox);
/* Another path is in force, or none: takes it over, and notes where frames may still be inside. */
void world_flip(struct world *world, const struct path *path);
/* No frame from before the last flip is inside an umbox any more.  Nothing while the path is
 * broken. */
void world_drained(struct world *world);
bool path_has(const struct path *path, uint32_t umbox);
bool path_equal(const struct path *a, const struct path *b);
