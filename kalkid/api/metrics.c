/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/metrics.c - what monitoring reads: OpenMetrics 1.0 where it is asked for, else the Prometheus
 * text format 0.0.4, which names families and knows types a little differently.
 *
 * Labels hold names only (name_check: nothing in them to escape), never a MAC or IP address. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/call.h"
#include "api/handlers.h"
#include "base/mem.h"

struct metrics {
	struct buffer text;
	bool open; /* OpenMetrics */
};

enum family_type { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_INFO, FAMILY_STATE_SET, FAMILY_TYPE_COUNT };

static const struct {
	const char *open_name, *plain_name;
	const char *suffix; /* of its samples */
} family_types[FAMILY_TYPE_COUNT] = {
	[FAMILY_GAUGE] = {"gauge", "gauge", ""},
	[FAMILY_COUNTER] = {"counter", "counter", "_total"},
	[FAMILY_INFO] = {"info", "gauge", "_info"},
	[FAMILY_STATE_SET] = {"stateset", "gauge", ""},
};

static void add_family(struct metrics *metrics, const char *name, enum family_type type,
		       const char *help)
{
	const char *suffix = metrics->open ? "" : family_types[type].suffix;
	buffer_print(&metrics->text, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name,
		     suffix,
		     metrics->open ? family_types[type].open_name : family_types[type].plain_name);
}

static void add_value(struct metrics *metrics, const char *name, enum family_type type,
		      const char *help, double value)
{
	add_family(metrics, name, type, help);
	buffer_print(&metrics->text, "%s%s %.16g\n", name, family_types[type].suffix, value);
}

/* The samples of each family of devices: a family stands in one piece, the devices
 * are walked once. */
struct device_samples {
	struct buffer state, alerts, degraded, standby, up, packets, drops, own;
};

static const struct policy *find_policy(const struct engine *engine, const char *type)
{
	for (unsigned i = 0; i < engine_policy_count(engine); i++)
		if (strcmp(engine_policy(engine, i)->type, type) == 0)
			return engine_policy(engine, i);
	return NULL;
}

static void sample_device(struct device_samples *samples, const struct engine *engine,
			  const struct device_status *status)
{
	const char *name = status->device.name;
	const struct policy *policy = find_policy(engine, status->device.type);
	for (unsigned i = 0; policy && i < policy->state_count; i++)
		buffer_print(&samples->state,
			     "kalki_device_state{device=\"%s\",kalki_device_state=\"%s\"} %d\n",
			     name, policy->states[i].name,
			     strcmp(policy->states[i].name, status->state) == 0);
	buffer_print(&samples->alerts, "kalki_alerts_total{device=\"%s\"} %llu\n", name,
		     (unsigned long long)status->alerts);
	buffer_print(&samples->degraded, "kalki_chain_degraded{device=\"%s\"} %d\n", name,
		     status->goal == PLAN_DEGRADED || status->in_trouble);
	buffer_print(&samples->standby, "kalki_standby_degraded{device=\"%s\"} %d\n", name,
		     status->standby_degraded);
}

/* Why frames that came to a hop did not leave it; of what is inside as the umbox says itself. */
static void sample_drops(struct buffer *drops, const char *device, const struct hop_status *hop)
{
	const struct umbox_counters *counters = &hop->counters;
	const struct {
		const char *reason;
		uint64_t frames;
	} reasons[] = {
		{"leg", counters->leg[LEG_IN].dropped + counters->leg[LEG_OUT].dropped},
		{"meant", counters->inside.dropped},
		{"overrun", counters->inside.overrun},
		{"lost", counters->inside.lost},
	};
	for (size_t i = 0; i < ARRAY_SIZE(reasons) && (i == 0 || counters->told); i++)
		buffer_print(drops,
			     "kalki_chain_hop_drops_total{device=\"%s\",hop=\"%s\",umbox=\"%u\","
			     "reason=\"%s\"} %llu\n",
			     device, hop->name, hop->umbox, reasons[i].reason,
			     (unsigned long long)reasons[i].frames);
}

static void sample_own(struct buffer *own, const char *device, const struct hop_status *hop)
{
	json_t *counters = hop->counters.own ? json_loads(hop->counters.own, 0, NULL) : NULL;
	const char *name;
	json_t *value;
	json_object_foreach(counters, name, value)
		buffer_print(own,
			     "kalki_umbox_own{device=\"%s\",hop=\"%s\",umbox=\"%u\","
			     "counter=\"%s\"} %" JSON_INTEGER_FORMAT "\n",
			     device, hop->name, hop->umbox, name, json_integer_value(value));
	json_decref(counters);
}

static void sample_hop(struct device_samples *samples, const char *device,
		       const struct hop_status *hop)
{
	static const char packets[] = "kalki_chain_hop_packets_total{device=\"%s\",hop=\"%s\","
				      "umbox=\"%u\",direction=\"%s\"} %llu\n";
	if (!hop->umbox)
		return;
	buffer_print(&samples->up, "kalki_umbox_up{device=\"%s\",hop=\"%s\",umbox=\"%u\"} %d\n",
		     device, hop->name, hop->umbox, hop->running && hop->ready);
	if (!hop->counted)
		return;
	buffer_print(&samples->packets, packets, device, hop->name, hop->umbox, "to_network",
		     (unsigned long long)hop->counters.leg[LEG_OUT].from_umbox_frames);
	buffer_print(&samples->packets, packets, device, hop->name, hop->umbox, "to_device",
		     (unsigned long long)hop->counters.leg[LEG_IN].from_umbox_frames);
	sample_drops(&samples->drops, device, hop);
	sample_own(&samples->own, device, hop);
}

static void sample_devices(struct device_samples *samples, struct engine *engine)
{
	cleanup_free struct chain_status *chain = mem_alloc(sizeof(*chain));
	char name[NAME_BYTES] = "";
	struct device_status status;
	while (engine_next_device(engine, *name ? name : NULL, &status) == 0) {
		TEXT_COPY(name, status.device.name);
		sample_device(samples, engine, &status);
		if (engine_read_chain(engine, name, chain, NULL) < 0)
			continue;
		for (unsigned i = 0; i < chain->hop_count; i++)
			sample_hop(samples, name, &chain->hops[i]);
	}
}

static void add_samples(struct metrics *metrics, const char *name, enum family_type type,
			const char *help, struct buffer *samples)
{
	add_family(metrics, name, type, help);
	if (samples->length)
		buffer_add(&metrics->text, samples->bytes, samples->length);
	buffer_done(samples);
}

static void add_devices(struct metrics *metrics, struct engine *engine)
{
	struct device_samples samples = {0};
	sample_devices(&samples, engine);
	add_samples(metrics, "kalki_device_state", FAMILY_STATE_SET,
		    "The security state of each device.", &samples.state);
	add_samples(metrics, "kalki_alerts", FAMILY_COUNTER, "Alerts about each device.",
		    &samples.alerts);
	add_samples(metrics, "kalki_chain_degraded", FAMILY_GAUGE,
		    "1 while a device's chain is not as its posture says.", &samples.degraded);
	add_samples(metrics, "kalki_standby_degraded", FAMILY_GAUGE,
		    "1 while a standby chain of the device fails.", &samples.standby);
	add_samples(metrics, "kalki_umbox_up", FAMILY_GAUGE, "1 while a umbox runs and is ready.",
		    &samples.up);
	add_samples(metrics, "kalki_chain_hop_packets", FAMILY_COUNTER,
		    "Frames that a hop passed on.", &samples.packets);
	add_samples(metrics, "kalki_chain_hop_drops", FAMILY_COUNTER,
		    "Frames that came to a hop and did not leave it.", &samples.drops);
	add_samples(metrics, "kalki_umbox_own", FAMILY_GAUGE,
		    "What a umbox counts by names of its own.", &samples.own);
}

static void add_site(struct metrics *metrics, const struct engine_status *status)
{
	add_family(metrics, "kalki_build", FAMILY_INFO, "Which daemon this is.");
	buffer_print(&metrics->text, "kalki_build_info{version=\"%s\"} 1\n", KALKI_VERSION);
	add_value(metrics, "kalki_transitions", FAMILY_COUNTER, "Transitions between states.",
		  (double)status->transitions);
	add_value(metrics, "kalki_not_enforced", FAMILY_COUNTER,
		  "Decisions of rules or devices in shadow.", (double)status->shadowed);
	add_value(metrics, "kalki_devices_in_shadow", FAMILY_GAUGE,
		  "Devices whose policy is not enforced.", (double)status->in_shadow);
	add_value(metrics, "kalki_drift_repairs", FAMILY_COUNTER,
		  "Changes by others that were repaired.", (double)status->drift_repairs);
	add_family(metrics, "kalki_events_dropped", FAMILY_COUNTER,
		   "Alerts over a umbox's rate, and events that could not be stored.");
	buffer_print(&metrics->text,
		     "kalki_events_dropped_total{reason=\"rate\"} %llu\n"
		     "kalki_events_dropped_total{reason=\"store\"} %llu\n",
		     (unsigned long long)status->alerts_dropped,
		     (unsigned long long)status->store.events_dropped);
}

static unsigned count_open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;
	if (!folder)
		return 0;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 3; /* ".", ".." and the folder itself */
}

static void add_process(struct metrics *metrics, const struct engine_status *status)
{
	struct rusage usage;
	struct rlimit files;
	unsigned long pages = 0, resident = 0;
	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &files);
	FILE *statm = fopen("/proc/self/statm", "re");
	if (statm) {
		if (fscanf(statm, "%lu %lu", &pages, &resident) != 2)
			pages = resident = 0;
		fclose(statm);
	}
	double page_bytes = (double)sysconf(_SC_PAGESIZE);
	add_value(metrics, "process_cpu_seconds", FAMILY_COUNTER, "CPU time used.",
		  (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	add_value(metrics, "process_start_time_seconds", FAMILY_GAUGE, "Start, since 1970.",
		  (double)status->started_wall_us / 1e6);
	add_value(metrics, "process_virtual_memory_bytes", FAMILY_GAUGE, "Address space.",
		  (double)pages * page_bytes);
	add_value(metrics, "process_resident_memory_bytes", FAMILY_GAUGE, "Memory in use.",
		  (double)resident * page_bytes);
	add_value(metrics, "process_open_fds", FAMILY_GAUGE, "Open descriptors.", count_open_fds());
	add_value(metrics, "process_max_fds", FAMILY_GAUGE, "Most open descriptors.",
		  (double)files.rlim_cur);
}

void get_metrics(struct api_call *call)
{
	const char *accept = http_request_header(call->request, "Accept");
	struct metrics metrics = {.open = accept && strstr(accept, "application/openmetrics-text")};
	struct engine_status status;
	engine_read_status(call->engine, &status);
	add_site(&metrics, &status);
	add_devices(&metrics, call->engine);
	add_process(&metrics, &status);
	if (metrics.open)
		buffer_print(&metrics.text, "# EOF\n");
	answer_text(call->request,
		    metrics.open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				 : "text/plain; version=0.0.4; charset=utf-8",
		    metrics.text.bytes, metrics.text.length);
	buffer_done(&metrics.text);
}
