/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the wrapper: runs a program that knows nothing of KalKi, and makes alerts of its lines.
 *
 *     umbox PROGRAM [ARGUMENT...] */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "settings.h"
#include "umbox_bearer.h"

enum {
	TURN_BYTES = 16 * 1024,
	PIPE_BYTES = 1 << 20, /* of a log: the program is not to wait for us */
	LOOK_US = 50 * 1000,
	ACCOUNT_US = 1000 * 1000,
};

struct wrapper;

/* One stream of lines: the program's output, or a log. */
struct source {
	struct wrapper *wrapper;
	struct lines lines;
};

struct wrapper {
	struct umbox *umbox;
	const char *const *program;
	struct settings settings;
	struct source sources[1 + SETTINGS_LOGS_MAX];
	bool started, ready;
	uint64_t *lines, *too_hard;
};

static void become_ready(struct wrapper *wrapper)
{
	if (wrapper->ready)
		return;
	wrapper->ready = true;
	if (wrapper->settings.forward)
		umbox_ready_after(wrapper->umbox, 0);
	else
		umbox_ready(wrapper->umbox);
}

static void record(struct umbox *umbox, const char *text)
{
	struct umbox_json json;
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	umbox_json_text(&json, "line", text);
	umbox_json_close(&json, '}');
	umbox_record(umbox, &json);
}

static void on_line(const char *line, size_t length, void *user)
{
	struct wrapper *wrapper = user;
	struct pattern_found found;
	enum pattern_meaning meaning = patterns_match(wrapper->settings.patterns, line, length,
						      &found);
	++*wrapper->lines;
	*wrapper->too_hard += found.too_hard;
	switch (meaning) {
	case PATTERN_NONE:
	case PATTERN_IGNORE: break;
	case PATTERN_ALERT: umbox_alert(wrapper->umbox, &found.alert); break;
	case PATTERN_RECORD: record(wrapper->umbox, found.detail); break;
	case PATTERN_READY:
		if (wrapper->started)
			become_ready(wrapper);
		break;
	}
}

static void on_readable(struct umbox *umbox, int fd, void *user)
{
	struct source *source = user;
	char bytes[TURN_BYTES];
	ssize_t count = read(fd, bytes, sizeof(bytes));
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		umbox_unwatch(umbox, fd);
		return;
	}
	lines_take(&source->lines, bytes, (size_t)count, on_line, source->wrapper);
}

static void on_words(struct umbox *umbox, const char *bytes, size_t count, void *user)
{
	struct source *source = user;
	(void)umbox;
	lines_take(&source->lines, bytes, count, on_line, source->wrapper);
}

static void start_program(struct wrapper *wrapper)
{
	umbox_start_child(wrapper->umbox, wrapper->program);
	wrapper->started = true;
	if (!patterns_tell_ready(wrapper->settings.patterns))
		become_ready(wrapper);
}

static void on_legs(struct umbox *umbox, void *user)
{
	start_program(user);
	umbox_wake_at(umbox, 0);
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	(void)umbox;
	(void)frame;
	(void)user;
	return UMBOX_PASS;
}

static uint64_t frames_sent(const char *leg)
{
	char path[64];
	unsigned long long frames = 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/tx_packets", leg);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &frames) != 1)
		frames = 0;
	fclose(file);
	return frames;
}

/* Waits for the legs where the kit forwards itself; else tells what the program forwarded. */
static void on_time(struct umbox *umbox, int64_t now_us, void *user)
{
	struct wrapper *wrapper = user;
	if (wrapper->settings.forward) {
		if (if_nametoindex("in") && if_nametoindex("out"))
			start_program(wrapper);
		else
			umbox_wake_at(umbox, now_us + LOOK_US);
		return;
	}
	umbox_set_account(
		umbox, &(struct umbox_account){.passed = frames_sent("in") + frames_sent("out")});
	umbox_wake_at(umbox, now_us + ACCOUNT_US);
}

/* A log is a FIFO: it never fills the disk, and nothing of it is missed.  Held open for writing
 * too, so that it has no end. */
static void open_log(struct wrapper *wrapper, unsigned number)
{
	const char *path = wrapper->settings.logs[number];
	int fd = -1;
	if (mkfifo(path, 0666) == 0 || errno == EEXIST)
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode)) {
		umbox_fail(wrapper->umbox, "%s: %s", path,
			   fd < 0 ? strerror(errno) : "is there and no FIFO");
		return;
	}
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	umbox_watch(wrapper->umbox, fd, on_readable, &wrapper->sources[1 + number]);
}

static void read_settings(struct wrapper *wrapper)
{
	const char *path = getenv("UMBOX_WRAPPER");
	char words[PATTERNS_ERROR_BYTES];
	json_error_t error;
	if (!path)
		path = "/umbox-wrapper.json";
	json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!document)
		umbox_fail(wrapper->umbox, "%s:%d:%d: %s", path, error.line, error.column,
			   error.text);
	else if (!settings_read(&wrapper->settings, document, words))
		umbox_fail(wrapper->umbox, "%s: %s", path, words);
	json_decref(document);
}

int main(int argc, char **argv)
{
	struct wrapper *wrapper = calloc(1, sizeof(*wrapper));
	struct umbox *umbox = wrapper->umbox = umbox_open();
	wrapper->program = (const char *const *)argv + 1;
	wrapper->lines = umbox_counter(umbox, "lines");
	wrapper->too_hard = umbox_counter(umbox, "too_hard");
	if (argc < 2)
		umbox_fail(umbox, "no program is named (usage: %s PROGRAM [ARGUMENT...])", argv[0]);
	read_settings(wrapper);
	umbox_hear_child(umbox, on_words, &wrapper->sources[0]);
	for (unsigned i = 0; i < 1 + SETTINGS_LOGS_MAX; i++)
		wrapper->sources[i].wrapper = wrapper;
	for (unsigned i = 0; i < wrapper->settings.log_count; i++)
		open_log(wrapper, i);
	struct umbox_handler handler = {.on_time = on_time, .user = wrapper};
	if (wrapper->settings.forward) {
		handler.on_frame = on_frame;
		umbox_ready_after(umbox, UMBOX_NEVER);
		umbox_wake_at(umbox, 0);
	} else {
		handler.on_legs = on_legs;
	}
	int status = umbox_run(umbox, &handler);
	settings_done(&wrapper->settings);
	free(wrapper);
	return status;
}
