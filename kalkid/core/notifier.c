/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/notifier.c - names of what notifiers are. */
#include "core/notifier.h"

const char *const NOTIFIER_KIND_NAMES[NOTIFIER_KIND_COUNT + 1] = {
	"webhook",
	"email",
	"mqtt",
	NULL,
};
const char *const NOTIFIER_TLS_NAMES[NOTIFIER_TLS_COUNT + 1] = {
	"starttls",
	"implicit",
	"none",
	NULL,
};
