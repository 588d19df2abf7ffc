/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_step.c - the steps of a plan: their names, and what steering makes of the picture. */
#include <string.h>

#include "core/plan.h"

static void flipped(struct world *world, const struct path *path)
{
	/* Of what was on the way something may not have been taken over, if only an exit. */
	if (world->path.state != PATH_HELD || world->prepared_count)
		world->leftovers = true;
	world->prepared_count = 0;
	world_flip(world, path);
}

void plan_steered(struct world *world, const struct step *step, bool known)
{
	if (step->kind == STEP_HOLD) {
		flipped(world, &(struct path){.state = PATH_HELD});
	} else if (step->kind == STEP_ROUTE) {
		flipped(world, &step->path);
	} else if (step->kind == STEP_PREPARE || step->kind == STEP_CLEAN) {
		world->leftovers = world->leftovers && step->kind == STEP_PREPARE;
		world->prepared_count = step->path.count;
		memcpy(world->prepared, step->path.ids, sizeof(world->prepared));
	}
	if (known)
		return;
	world->complete = false;
	if (step->kind == STEP_HOLD || step->kind == STEP_ROUTE)
		world_flip(world, &(struct path){.state = PATH_BROKEN});
}

const char *step_kind_name(enum step_kind kind)
{
	static const char *const NAMES[STEP_KIND_COUNT] = {
		[STEP_ENROL] = "enrol",   [STEP_UNENROL] = "unenrol", [STEP_HOLD] = "hold",
		[STEP_ROUTE] = "route",   [STEP_PREPARE] = "prepare", [STEP_CLEAN] = "clean",
		[STEP_LAUNCH] = "launch", [STEP_WIRE] = "wire",       [STEP_REMOVE] = "remove",
	};
	return NAMES[kind];
}

const char *plan_goal_name(enum plan_goal goal)
{
	static const char *const NAMES[PLAN_GOAL_COUNT] = {
		[PLAN_CONVERGED] = "converged",
		[PLAN_DEGRADED] = "degraded",
		[PLAN_HELD] = "held",
		[PLAN_OLD_CHAIN] = "old_chain",
	};
	return NAMES[goal];
}
