/* SPDX-License-Identifier: Apache-2.0 */
/* wemo.h - what a WeMo Insight answers: a metering switch that is asked over UPnP.  Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEMO_TEXT_BYTES = 8 * 1024 };

/* A switch that is not there. */
struct wemo {
	const char *serial, *name; /* letters, digits, blanks and '-' */
	bool is_on;
	uint32_t power_mw;   /* while it is on */
	int64_t changed_s;   /* since 1970 */
	int64_t midnight_s;  /* from when on it counts as today */
	int64_t on_before_s; /* how long it was on today, before `changed_s` */
};

struct wemo_request {
	const char *method, *path;
	const char *action; /* the field SOAPAction; "" when there is none */
	const char *body;
	int64_t now_s; /* since 1970 */
};

struct wemo_answer {
	unsigned status;
	const char *type; /* of the content */
	size_t length;
	char text[WEMO_TEXT_BYTES];
};

/* Whether names hold nothing but what may stand in XML. */
bool wemo_is_plain(const char *text);
void wemo_answer(struct wemo *wemo, const struct wemo_request *request, struct wemo_answer *ret);
