/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/act.h - what rules and operators want besides states: commands to devices, tags, notices.
 *
 * Commands of one device go out one after the other, in the order in which they were asked for;
 * devices do not wait for each other.  What waits is bounded, and lives in memory only: a command
 * is not sent again after a restart, because nobody knows whether the device did it already, and
 * whether it is still wanted. */
#pragma once

#include "engine/engine.h"

enum {
	ACT_WAITING_MAX = 1024,     /* of all devices */
	ACT_DEVICE_WAITING_MAX = 32 /* of one */
};

struct act;
struct control_device;

struct act *act_new(struct engine *engine);
/* After act_stop, or without commands. */
void act_free(struct act *act);
/* Cancels what is under way and gives up what waits, each recorded; then `stopped` runs, maybe at
 * once. */
void act_stop(struct act *act, void (*stopped)(void *data), void *data);

/* An operator's, checked before. */
void act_command(struct act *act, struct control_device *device, const char *name,
		 const struct operator_order *order);
/* To be set with engine_set_actor. */
struct engine_actor *act_actor(struct act *act);
