/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/action.h - what a rule does besides leading to a state: a plain value; whoever carries it
 * out finds the command, the notifier or the devices by their names. */
#pragma once

#include "core/ids.h"

enum { ACTIONS_MAX = 16 };

enum action_kind {
	ACTION_COMMAND,          /* sends the command `name` */
	ACTION_NOTIFY,           /* tells the notifier `name` */
	ACTION_TAG,              /* puts the tag `name` on */
	ACTION_UNTAG,            /* takes it off */
	ACTION_TELEMETRY_FACTOR, /* asks `factor` times as often for `for_us` */
	ACTION_KIND_COUNT,
};

struct action {
	enum action_kind kind;
	char name[NAME_BYTES];
	/* To whom a command goes; all "": to the device itself.  `device` stands alone; `type`
	 * without `group` means the devices of that type in any group that the device is in,
	 * without itself; `group` without `type` all devices of the group. */
	char device[NAME_BYTES], group[NAME_BYTES], type[NAME_BYTES];
	double factor;  /* of telemetry, above 0 */
	int64_t for_us; /* 0: until another one is set or the state changes */
};

enum { ACTION_WORDS_BYTES = 320 };
/* "command turn-on to type hue-lamp", "tag seen-hot", "telemetry_factor 4 for 10m". */
void action_print(char words[static ACTION_WORDS_BYTES], const struct action *action);
