/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/route.c - see route.h. */
#include "api/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "base/mem.h"
#include "base/text.h"

#define EVENT_PARAMETERS "since order cursor limit"

const struct route routes[] = {
	{"GET", "/api/v1/version", get_version, "", "Which daemon this is"},
	{"GET", "/api/v1/status", get_status, "", "The whole site in numbers"},
	{"GET", "/api/v1/openapi.json", get_openapi, "", "This description as JSON"},
	{"POST", "/api/v1/reload", post_reload, "dry_run",
	 "Read the operator's files anew, and say what that changes"},
	{"GET", "/api/v1/devices", get_devices, "cursor limit",
	 "The devices, in the order of their names"},
	{"POST", "/api/v1/devices", post_device, "dry_run", "Enrol a device"},
	{"GET", "/api/v1/devices/{name}", get_device, "", "One device"},
	{"PUT", "/api/v1/devices/{name}", put_device, "dry_run",
	 "Replace the definition of a device (the name stays)"},
	{"DELETE", "/api/v1/devices/{name}", delete_device, "dry_run",
	 "Remove a device; nothing of it passes any more"},
	{"POST", "/api/v1/devices/{name}/state", post_state, "dry_run", "Set the state by hand"},
	{"POST", "/api/v1/devices/{name}/quarantine", post_quarantine, "dry_run",
	 "Let nothing pass until released, whatever the policy says"},
	{"POST", "/api/v1/devices/{name}/release", post_release, "dry_run",
	 "End quarantine or a state set by hand; back to the policy's initial state"},
	{"POST", "/api/v1/devices/{name}/shadow", post_shadow, "dry_run",
	 "From now on the policy of the device decides and is recorded, and is not enforced"},
	{"POST", "/api/v1/devices/{name}/enforce", post_enforce, "dry_run",
	 "End a device's shadow: what was decided meanwhile takes over"},
	{"POST", "/api/v1/devices/{name}/command", post_command, "dry_run",
	 "Send a command of its type to a device"},
	{"GET", "/api/v1/devices/{name}/chain", get_chain, "",
	 "The µmboxes of a device, in force, coming, draining and on standby"},
	{"GET", "/api/v1/devices/{name}/plan", get_plan, "", "What would be done for a device now"},
	{"GET", "/api/v1/devices/{name}/why", get_why, "",
	 "Why a device is in its state: each rule with what its condition is now"},
	{"GET", "/api/v1/devices/{name}/timeline", get_timeline, "kind " EVENT_PARAMETERS,
	 "What happened to a device"},
	{"GET", "/api/v1/devices/{name}/telemetry", get_telemetry, "",
	 "The newest value of each sensor of a device, and whether its sources answer"},
	{"PUT", "/api/v1/devices/{name}/telemetry", put_telemetry, "source dry_run",
	 "Values of sensors, pushed"},
	{"GET", "/api/v1/devices/{name}/captures", get_captures, "",
	 "Frames of a device that were kept, the newest first"},
	{"POST", "/api/v1/devices/{name}/captures", post_captures, "",
	 "Keep the frames that a µmbox of the device's chain has now"},
	{"GET", "/api/v1/captures/{id}", get_capture, "",
	 "Frames that were kept, as a pcapng file"},
	{"DELETE", "/api/v1/captures/{id}", delete_capture, "dry_run",
	 "Remove frames that were kept"},
	{"GET", "/api/v1/chains", get_chains, "cursor limit",
	 "The chains of all devices, in the order of the devices' names"},
	{"GET", "/api/v1/types", get_types, "", "The device types"},
	{"GET", "/api/v1/types/{name}", get_type, "",
	 "One device type with its states, postures and rules"},
	{"GET", "/api/v1/alerts", get_alerts, "device type group unacknowledged " EVENT_PARAMETERS,
	 "Alerts"},
	{"POST", "/api/v1/alerts/{id}/acknowledge", post_acknowledge, "dry_run",
	 "Mark an alert as seen"},
	{"GET", "/api/v1/events", get_events, "kind device type group " EVENT_PARAMETERS,
	 "The history, a page at a time or, with `Accept: text/event-stream`, as it happens"},
	{"GET", "/api/v1/umboxes", get_umboxes, "cursor limit",
	 "The µmboxes that run or are starting"},
	{"GET", "/api/v1/umboxes/{id}", get_umbox, "", "One µmbox"},
	{"GET", "/api/v1/umboxes/{id}/logs", get_umbox_logs, "bytes",
	 "The last lines that a µmbox wrote"},
	{"GET", "/api/v1/notifiers", get_notifiers, "", "Those that are told what happens"},
	{"POST", "/api/v1/notifiers/{name}/test", post_notifier_test, "dry_run",
	 "Send a notifier something to show that it arrives"},
	{"GET", "/metrics", get_metrics, "", "Metrics for Prometheus"},
};
const size_t route_count = ARRAY_SIZE(routes);

/* Takes the next part off a pattern that begins with '/'. */
static size_t part_length(const char *pattern)
{
	return strcspn(pattern + 1, "/");
}

static bool matches(const char *pattern, const struct target *target, const char **ret_argument)
{
	const char *argument = NULL;
	unsigned i = 0;
	for (; *pattern; pattern += part_length(pattern) + 1, i++) {
		if (i == target->segment_count)
			return false;
		const char *segment = target->segments[i];
		size_t length = part_length(pattern);
		if (pattern[1] == '{') {
			if (!*segment)
				return false;
			argument = segment;
		} else if (strlen(segment) != length || memcmp(segment, pattern + 1, length) != 0) {
			return false;
		}
	}
	if (i != target->segment_count)
		return false;
	*ret_argument = argument;
	return true;
}

enum route_result route_find(const struct route **ret, const char **ret_argument,
			     char allow[static ALLOW_BYTES], const char *method,
			     const struct target *target)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	int length = snprintf(allow, ALLOW_BYTES, "OPTIONS");
	enum route_result result = ROUTE_UNKNOWN;
	for (size_t i = 0; i < route_count; i++) {
		if (!matches(routes[i].pattern, target, ret_argument))
			continue;
		if (strcmp(routes[i].method, wanted) == 0) {
			*ret = &routes[i];
			return ROUTE_FOUND;
		}
		result = ROUTE_WRONG_METHOD;
		bool get = strcmp(routes[i].method, "GET") == 0;
		length += snprintf(allow + length, ALLOW_BYTES - (size_t)length, ", %s%s",
				   routes[i].method, get ? ", HEAD" : "");
	}
	return result;
}

/* The pattern as a path: what stands in the place of its braces in the target is taken over. */
static void fill_pattern(struct buffer *path, const char *pattern, const char *const *segments,
			 unsigned count)
{
	for (unsigned i = 0; *pattern; pattern += part_length(pattern) + 1, i++) {
		if (pattern[1] == '{' && i < count)
			buffer_print(path, "/%s", segments[i]);
		else
			buffer_print(path, "/%.*s", (int)part_length(pattern), pattern + 1);
	}
}

void route_suggest(char path[static SUGGESTION_BYTES], const struct target *target)
{
	static const char prefix[] = "/api/v1";
	/* Compared without the prefix, which may be missing or be another version. */
	bool prefixed = target->segment_count >= 2 && strcmp(target->segments[0], "api") == 0;
	const char *const *segments = target->segments + (prefixed ? 2 : 0);
	unsigned count = target->segment_count - (prefixed ? 2 : 0);
	cleanup_buffer struct buffer asked = {0};
	for (unsigned i = 0; i < count; i++)
		buffer_print(&asked, "/%s", segments[i]);

	struct buffer candidates[ARRAY_SIZE(routes)] = {0};
	const char *texts[ARRAY_SIZE(routes)];
	for (size_t i = 0; i < route_count; i++) {
		const char *pattern = routes[i].pattern;
		bool skips = text_starts(pattern, prefix);
		fill_pattern(&candidates[i], pattern + (skips ? strlen(prefix) : 0), segments,
			     count);
		texts[i] = candidates[i].bytes;
	}
	const char *nearest = count ? text_nearest(asked.bytes, texts, route_count) : NULL;
	path[0] = '\0';
	for (size_t i = 0; i < route_count; i++) {
		if (texts[i] == nearest)
			snprintf(path, SUGGESTION_BYTES, "%s%s",
				 text_starts(routes[i].pattern, prefix) ? prefix : "", nearest);
		buffer_done(&candidates[i]);
	}
}
