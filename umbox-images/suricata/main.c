/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `suricata`: runs Suricata between the legs, and speaks for it.
 *
 * $UMBOX_SURICATA and $UMBOX_SCRATCH replace the program and /tmp for trials by hand. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "eve.h"
#include "porter.h"
#include "pulse.h"
#include "setup.h"
#include "umbox_bearer.h"

enum {
	CHECK_US = 1000 * 1000,
	RECORDS_PER_SECOND = 10,
	RECORDS_BURST = 50,
	DAY_S = 24 * 60 * 60,
};

static const char undecodable[] = "/etc/suricata/undecodable.rules";
static const char gate_library[] = "/gate.so";

struct program {
	struct umbox *umbox;
	struct setup setup;
	bool skip_bad_rules;
	glob_t files;
	struct rules_seen rules, own;
	bool running, told;
	struct pulse pulse;
	struct porter porter;
	int64_t micro_records, records_us; /* that may be said now, in millionths */

	int eve_fd, notify_fd, stream_fd; /* Suricata's end of eve_fd is stream_fd; -1: none */
	char text[EVE_LINE_BYTES];
	size_t used;
	bool skipping; /* to the newline of a line that is too long */

	char yaml_path[64];
	uint64_t *rule_count, *rules_failed, *rules_age, *flows, *midstream, *malformed;
};

/* --- its files */

static void look_through(struct program *program, struct rules_seen *seen, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");
	if (!file) {
		umbox_fail(program->umbox, "%s: %s", path, strerror(errno));
		return;
	}
	while (getline(&line, &room, file) >= 0)
		rules_look(seen, line);
	free(line);
	fclose(file);
}

static void write_file(struct program *program, const char *path,
		       void (*write)(const struct setup *setup, FILE *file))
{
	FILE *file = fopen(path, "we");
	if (file)
		write(&program->setup, file);
	if (!file || fclose(file) != 0)
		umbox_fail(program->umbox, "%s: %s", path, strerror(errno));
}

static void write_files(struct program *program)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/umbox.rules", program->setup.folder);
	write_file(program, path, setup_write_rules);
	write_file(program, program->yaml_path, setup_write_yaml);
	for (size_t i = 0; i < program->setup.rule_count; i++)
		rules_look(&program->rules, program->setup.rules[i]);
	for (size_t i = 0; i < program->setup.rule_file_count; i++)
		look_through(program, &program->rules, program->setup.rule_files[i]);
	if (access(undecodable, R_OK) == 0)
		look_through(program, &program->own, undecodable);
}

/* --- what it says */

static bool may_record(struct program *program, int64_t now_us)
{
	const int64_t full = RECORDS_BURST * 1000000ll;
	program->micro_records += (now_us - program->records_us) * RECORDS_PER_SECOND;
	if (program->micro_records > full)
		program->micro_records = full;
	program->records_us = now_us;
	if (program->micro_records < 1000000)
		return false;
	program->micro_records -= 1000000;
	return true;
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* What has arrived at both legs: the kernel's count of what it received there. */
static uint64_t arrived(void)
{
	unsigned long long sum = 0;
	char line[512], name[32];
	FILE *file = fopen("/proc/self/net/dev", "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long long bytes, frames;
		if (sscanf(line, " %31[^:]: %llu %llu", name, &bytes, &frames) == 3 &&
		    (strcmp(name, "in") == 0 || strcmp(name, "out") == 0))
			sum += frames;
	}
	if (file)
		fclose(file);
	return sum;
}

/* Once, for the history; the counters say it to whoever looks later. */
static void tell_rules(struct program *program)
{
	struct umbox_json json;
	char date[16] = "";
	time_t newest = (time_t)program->rules.newest_day * DAY_S;
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	umbox_json_number(&json, "rules", *program->rule_count);
	umbox_json_number(&json, "rules_failed", *program->rules_failed);
	if (newest && strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&newest)))
		umbox_json_text(&json, "newest_rule", date);
	umbox_json_close(&json, '}');
	umbox_record(program->umbox, &json);
	program->told = true;
}

static void take_stats(struct program *program, const struct eve_stats *stats)
{
	struct porter_counts kept = porter_count(&program->porter);
	uint64_t passed = stats->passed > kept.held ? stats->passed - kept.held : 0;
	umbox_set_account(
		program->umbox,
		&(struct umbox_account){.passed = passed,
					.dropped = stats->dropped + kept.held + kept.hidden,
					.lost = stats->lost,
					.overrun = stats->overrun});
	int64_t today = time(NULL) / DAY_S;
	*program->rule_count = stats->rules > program->own.count ? stats->rules - program->own.count
								 : 0;
	*program->rules_failed = stats->rules_failed;
	if (program->rules.newest_day && today > program->rules.newest_day)
		*program->rules_age = (uint64_t)(today - program->rules.newest_day);
	*program->flows = stats->flows;
	*program->midstream = stats->midstream;
	pulse_beat(&program->pulse, stats->frames, arrived() - kept.hidden, now_us());
	if (!program->told)
		tell_rules(program);
	if (!*program->rule_count)
		umbox_fail(program->umbox, "none of its rules could be loaded");
}

static void take_line(struct program *program, const char *line, size_t length)
{
	struct eve eve;
	eve_read(&eve, line, length);
	switch (eve.kind) {
	case EVE_NOTHING: ++*program->malformed; break;
	case EVE_ALERT: umbox_alert(program->umbox, &eve.alert); break;
	case EVE_STATS: take_stats(program, &eve.stats); break;
	case EVE_RECORD:
		if (may_record(program, now_us()))
			umbox_line(program->umbox, line, length);
		break;
	}
}

static void take_lines(struct program *program)
{
	size_t at = 0;
	char *newline;
	while ((newline = memchr(program->text + at, '\n', program->used - at))) {
		size_t length = (size_t)(newline - program->text) - at;
		if (!program->skipping)
			take_line(program, program->text + at, length);
		program->skipping = false;
		at += length + 1;
	}
	program->used -= at;
	memmove(program->text, program->text + at, program->used);
	if (program->used == sizeof(program->text)) {
		*program->malformed += !program->skipping;
		program->skipping = true;
		program->used = 0;
	}
}

static void on_stream(struct umbox *umbox, int fd, void *user)
{
	struct program *program = user;
	ssize_t count = recv(fd, program->text + program->used,
			     sizeof(program->text) - program->used, MSG_DONTWAIT);
	if (count > 0) {
		program->used += (size_t)count;
		take_lines(program);
	} else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
		umbox_unwatch(umbox, fd);
		close(fd);
		program->stream_fd = -1;
	}
}

/* It connects again when it thinks that it has to. */
static void on_eve(struct umbox *umbox, int fd, void *user)
{
	struct program *program = user;
	int stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (stream < 0)
		return;
	if (program->stream_fd >= 0) {
		umbox_unwatch(umbox, program->stream_fd);
		close(program->stream_fd);
	}
	program->stream_fd = stream;
	program->used = 0;
	program->skipping = false;
	umbox_watch(umbox, stream, on_stream, program);
}

/* As it tells systemd: READY=1 once its threads take frames. */
static void on_notify(struct umbox *umbox, int fd, void *user)
{
	struct program *program = user;
	char text[256];
	ssize_t count = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (count <= 0 || program->running)
		return;
	text[count] = '\0';
	if (!strstr(text, "READY=1"))
		return;
	program->running = true;
	pulse_start(&program->pulse, now_us());
	umbox_wake_at(umbox, now_us() + CHECK_US);
	umbox_ready(umbox);
	porter_open(&program->porter);
}

static void on_time(struct umbox *umbox, int64_t now, void *user)
{
	const struct program *program = user;
	const char *fault = pulse_fault(&program->pulse, now);
	if (fault)
		umbox_fail(umbox, "%s", fault);
	umbox_wake_at(umbox, now + CHECK_US);
}

/* --- its start */

static int listen_at(struct program *program, const char *name, int type, umbox_on_readable *serve)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", program->setup.folder, name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 1) < 0))
		umbox_fail(program->umbox, "%s: %s", address.sun_path, strerror(errno));
	else
		umbox_watch(program->umbox, fd, serve, program);
	return fd;
}

/* Not earlier: Suricata wants its interfaces from the start on. */
static void on_legs(struct umbox *umbox, void *user)
{
	static const char *argv[16];
	struct program *program = user;
	const char *path = getenv("UMBOX_SURICATA");
	char notify[64], gate[64];
	const char *all[] = {path ? path : "/usr/bin/suricata",
			     "-c",
			     "/etc/suricata/umbox.yaml",
			     "--include",
			     program->yaml_path,
			     "--af-packet",
			     "--runmode",
			     "workers",
			     "-l",
			     program->setup.folder,
			     program->skip_bad_rules ? NULL : "--init-errors-fatal",
			     NULL};
	memcpy(argv, all, sizeof(all));
	snprintf(notify, sizeof(notify), "%s/notify.sock", program->setup.folder);
	snprintf(gate, sizeof(gate), "%s/gate", program->setup.folder);
	/* Suricata would start without it as well. */
	if (access(gate_library, R_OK) < 0 || !porter_start(&program->porter, gate)) {
		umbox_fail(umbox, "the gate: %s", strerror(errno));
		return;
	}
	setenv("NOTIFY_SOCKET", notify, 1);
	setenv("UMBOX_GATE", gate, 1);
	setenv("LD_PRELOAD", gate_library, 1);
	umbox_start_child(umbox, argv);
}

static void read_parameters(struct program *program)
{
	struct umbox *umbox = program->umbox;
	struct setup *setup = &program->setup;
	const char *scratch = getenv("UMBOX_SCRATCH");
	setup->folder = scratch ? scratch : "/tmp";
	setup->rule_count = umbox_texts(umbox, "rules", setup->rules, 0, SETUP_RULES_MAX);
	setup->home_count = umbox_texts(umbox, "home_net", setup->home, 0, SETUP_HOME_MAX);
	setup->record_count = umbox_texts(umbox, "records", setup->records, 0, SETUP_RECORDS_MAX);
	setup->device = umbox_device_addresses(umbox);
	setup->host = umbox_host_addresses(umbox);
	program->skip_bad_rules = umbox_boolean(umbox, "skip_bad_rules", false);
	if (glob("/etc/suricata/rules/*.rules", 0, NULL, &program->files) == 0) {
		setup->rule_files = program->files.gl_pathv;
		setup->rule_file_count = program->files.gl_pathc;
	}
	if ((size_t)snprintf(program->yaml_path, sizeof(program->yaml_path), "%s/umbox.yaml",
			     setup->folder) >= sizeof(program->yaml_path))
		umbox_fail(umbox, "UMBOX_SCRATCH is too long");
	const char *wrong = setup_check(setup);
	if (wrong)
		umbox_fail(umbox, "%s", wrong);
}

int main(void)
{
	static struct program program = {.stream_fd = -1};
	struct umbox *umbox = program.umbox = umbox_open();
	program.micro_records = RECORDS_BURST * 1000000ll;
	program.records_us = now_us();
	program.rule_count = umbox_counter(umbox, "rules");
	program.rules_failed = umbox_counter(umbox, "rules_failed");
	program.rules_age = umbox_counter(umbox, "rules_age_days");
	program.flows = umbox_counter(umbox, "flows");
	program.midstream = umbox_counter(umbox, "midstream");
	program.malformed = umbox_counter(umbox, "malformed");
	read_parameters(&program);
	write_files(&program);
	program.eve_fd = listen_at(&program, "eve.sock", SOCK_STREAM, on_eve);
	program.notify_fd = listen_at(&program, "notify.sock", SOCK_DGRAM, on_notify);
	return umbox_run(umbox, &(struct umbox_handler){
					.on_time = on_time, .user = &program, .on_legs = on_legs});
}
