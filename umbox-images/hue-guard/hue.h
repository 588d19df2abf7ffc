/* SPDX-License-Identifier: Apache-2.0 */
/* hue.h - watches the requests to a Philips Hue bridge: who guesses tokens, and what is asked at
 * all. */
#pragma once

#include "umbox_guard.h"
#include "umbox_http.h"

enum {
	HUE_PORTS_MAX = 16,
	HUE_PATHS_MAX = 64,
	HUE_CONNECTIONS_MAX = 128,
	HUE_COPIES_BYTES = 1024 * 1024, /* of all connections */
	HUE_SOURCES_MAX = 2048,
	HUE_TOKEN_BYTES = 64, /* the bridge's have 40 characters */
};

struct hue_ports {
	int64_t port[HUE_PORTS_MAX];
	size_t count;
};

struct hue_settings {
	struct hue_ports http;
	struct hue_ports tls;       /* closed as long as requests are restricted */
	bool read_only;             /* GET and HEAD alone */
	const char **allowed_paths; /* prefixes of whole parts, `*` for any one part */
	size_t allowed_count;       /* 0: all paths */
	uint32_t attempts;
	uint32_t network_attempts; /* of an IPv6 /64; 0: not counted */
	int64_t interval_us, block_us, alert_pause_us;
	/* Sources that are neither counted nor restricted; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *source);
	const void *exempt_user;
};

struct hue_counts {
	uint64_t requests, new_users, tokens; /* requests for a new user; tokens that were new */
	uint64_t restricted, blocked;         /* requests; frames */
};

typedef void hue_tell_fn(const struct umbox_alert *alert, void *user);

struct hue_guard;

/* The texts of the settings must live on. */
struct hue_guard *hue_new(const struct hue_settings *settings, hue_tell_fn *tell, void *user);
void hue_free(struct hue_guard *guard);
/* `umbox` may be NULL: then no resets are sent. */
enum umbox_verdict hue_frame(struct hue_guard *guard, struct umbox *umbox,
			     struct umbox_frame *frame);
const struct hue_counts *hue_counts(const struct hue_guard *guard);
const struct umbox_stream_counts *hue_streams(const struct hue_guard *guard);

/* Whether the path begins with the parts of the prefix. */
bool hue_path_matches(const char *prefix, const char *path);
