/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/discovery.h - a device's state for those that listen to an MQTT broker, and how Home
 * Assistant finds it: a sensor with the state, and a binary sensor that is on while it is another
 * than the first one of its type. */
#pragma once

#include "core/notifier.h"

enum { DISCOVERY_MESSAGES = 3 };

/* Retained, all of them; an empty payload takes the last one back. */
struct discovery_message {
	char *topic, *payload;
};
/* Of a notice of the kind NOTICE_STATE: state, then the two announcements. */
void discovery_write(struct discovery_message ret[static DISCOVERY_MESSAGES],
		     const struct notifier *notifier, const struct notice *notice);
void discovery_done(struct discovery_message messages[static DISCOVERY_MESSAGES]);
