/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan.h - what to do next: compares what a device should have with the world as observed.
 *
 * There is no program counter.  The node carries the listed steps out, looks again and asks again;
 * a step that was lost is listed again, a step that succeeded is not. */
#pragma once

#include "core/world.h"

enum step_kind {
	STEP_ENROL,   /* slot, identity entries, in place of older ones; leads nowhere yet */
	STEP_UNENROL, /* the reverse, once nothing of the device is left */
	STEP_HOLD,    /* take the entries away, in one transaction: nothing in, nothing out */
	STEP_ROUTE,   /* make `path` the way of both directions, in one transaction */
	STEP_PREPARE, /* put the inner entries of a spare `path` in place; leads nowhere yet */
	STEP_CLEAN,   /* delete the entries of legs outside the path in force and `path` */
	STEP_LAUNCH,  /* create and start umbox `umbox` for `hop` */
	STEP_WIRE,    /* give it its legs */
	STEP_REMOVE,  /* stop and remove umbox `umbox` */
	STEP_KIND_COUNT,
};

const char *step_kind_name(enum step_kind kind);

struct step {
	enum step_kind kind;
	uint32_t umbox;        /* LAUNCH, WIRE, REMOVE */
	const struct hop *hop; /* LAUNCH: borrowed from the want */
	bool renews;           /* LAUNCH: to take the place of an outdated one */
	struct path path;      /* ROUTE, PREPARE; CLEAN: the prepared path that stays, HELD: none */
	bool cut; /* HOLD, ROUTE: the exits of the path left go in the same transaction */
};

enum { PLAN_STEPS_MAX = WORLD_UMBOXES_MAX + 8 };

enum plan_goal {
	PLAN_CONVERGED, /* the path in force is the wanted one, complete */
	PLAN_DEGRADED,  /* in force with a fail-open hop bridged over */
	PLAN_HELD,      /* nothing passes while the wanted chain is not ready (for ever: block) */
	PLAN_OLD_CHAIN, /* the chain before is in force while the wanted one comes up */
	PLAN_GOAL_COUNT,
};

const char *plan_goal_name(enum plan_goal goal);

struct plan {
	enum plan_goal goal; /* where the device stands now, before the steps */
	bool settled;        /* as wanted: nothing is listed, under way, waited for or left over */
	struct step steps[PLAN_STEPS_MAX];
	unsigned count;
};

/* What a HOLD, ROUTE, PREPARE or CLEAN makes of the picture.  `known` false: nobody knows whether
 * it was committed; the picture allows for both, and is incomplete until it is looked at again. */
void plan_steered(struct world *world, const struct step *step, bool known);

/* The HOLD or ROUTE that plan_next would list first; false when there is none.  Looks at nothing
 * else, so that it is quick. */
bool plan_lead(struct step *ret, const struct want *want, const struct world *have);

/* Lists the steps that may start now, most urgent first; none means the world is as wanted, or that
 * something under way must end first.  No step it lists lets a frame past a missing umbox, reuses a
 * umbox in a new place while frames may be inside it (X = P.M.S may become Y = P.M'.S with M and M'
 * disjoint, nothing else), or removes anything while the picture is incomplete.  Pure: no I/O, no
 * clock, no allocation; same input, same plan. */
void plan_next(struct plan *plan, const struct want *want, const struct world *have);
