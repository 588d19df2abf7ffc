/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/action.c - see action.h. */
#include "core/action.h"

#include <stdio.h>

#include "base/duration.h"

static void print_command(char words[static ACTION_WORDS_BYTES], const struct action *action)
{
	size_t at = (size_t)snprintf(words, ACTION_WORDS_BYTES, "command %s", action->name);
	const char *type = action->type, *group = action->group;
	if (action->device[0])
		snprintf(words + at, ACTION_WORDS_BYTES - at, " to device %s", action->device);
	else if (type[0] && group[0])
		snprintf(words + at, ACTION_WORDS_BYTES - at, " to type %s in group %s", type,
			 group);
	else if (type[0])
		snprintf(words + at, ACTION_WORDS_BYTES - at, " to type %s", type);
	else if (group[0])
		snprintf(words + at, ACTION_WORDS_BYTES - at, " to group %s", group);
}

static void print_factor(char words[static ACTION_WORDS_BYTES], const struct action *action)
{
	char time[DURATION_TEXT_BYTES];
	duration_print(time, action->for_us);
	snprintf(words, ACTION_WORDS_BYTES, "telemetry_factor %g%s%s", action->factor,
		 action->for_us ? " for " : "", action->for_us ? time : "");
}

void action_print(char words[static ACTION_WORDS_BYTES], const struct action *action)
{
	switch (action->kind) {
	case ACTION_COMMAND: print_command(words, action); break;
	case ACTION_NOTIFY: snprintf(words, ACTION_WORDS_BYTES, "notify %s", action->name); break;
	case ACTION_TAG: snprintf(words, ACTION_WORDS_BYTES, "tag %s", action->name); break;
	case ACTION_UNTAG: snprintf(words, ACTION_WORDS_BYTES, "untag %s", action->name); break;
	case ACTION_TELEMETRY_FACTOR: print_factor(words, action); break;
	case ACTION_KIND_COUNT: break;
	}
}
