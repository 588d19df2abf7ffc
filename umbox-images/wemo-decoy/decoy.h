/* SPDX-License-Identifier: Apache-2.0 */
/* decoy.h - stands in for the device: answers in its name, and lets it see nothing.
 *
 *   wemo.c    what a WeMo Insight answers
 *   files.c   recorded answers
 *   decoy.c   frames, connections, what is answered
 */
#pragma once

#include "files.h"
#include "umbox_guard.h"
#include "umbox_http.h"
#include "umbox_server.h"
#include "wemo.h"

enum { DECOY_PORTS_MAX = 16, DECOY_PAGES_MAX = 64, DECOY_SOURCES_MAX = 1024 };

struct decoy_settings {
	int64_t ports[DECOY_PORTS_MAX];
	size_t port_count;
	/* "PATH TYPE CONTENT", looked at first. */
	const char *pages[DECOY_PAGES_MAX];
	size_t page_count;
	const struct files *files; /* recorded answers, looked at behind them; NULL: none */
	struct wemo wemo;
	bool no_wemo;    /* pages and files alone */
	int64_t began_s; /* the time since 1970 at the time 0 of frames */
	int64_t alert_pause_us;
	/* Who goes on to see the device itself; NULL: nobody. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *ip);
	void (*tell)(const void *user, const struct umbox_alert *alert);
	/* Sends a frame toward the network. */
	void (*send)(const void *user, const struct umbox_frame *frame);
	const void *user;
};

struct decoy_counts {
	uint64_t requests, hidden; /* hidden: frames that the device, or the network, did not see */
};

struct decoy;

/* The texts of the settings must live on. */
struct decoy *decoy_new(const struct decoy_settings *settings);
void decoy_free(struct decoy *decoy);
enum umbox_verdict decoy_frame(struct decoy *decoy, struct umbox_frame *frame);
/* Does what is due; returns when it is to be called again. */
int64_t decoy_time(struct decoy *decoy, int64_t now_us);
const struct decoy_counts *decoy_counts(const struct decoy *decoy);
/* Whether the page has all three parts. */
bool decoy_page_is_whole(const char *page);
