/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/alert.c - see alert.h. */
#include "core/alert.h"

const char *alert_severity_name(enum alert_severity severity)
{
	static const char *const NAMES[ALERT_SEVERITY_COUNT] = {
		[ALERT_LOW] = "low",
		[ALERT_MEDIUM] = "medium",
		[ALERT_HIGH] = "high",
		[ALERT_CRITICAL] = "critical",
	};
	return NAMES[severity];
}
