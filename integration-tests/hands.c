/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hands.c - moves the local driver by hand: commands on standard input, JSON lines on standard
 * output.
 *
 * usage: hands INSTANCE NAMESPACE PORT DOCKER_SOCKET UMBOX_DIRECTORY [teardown]
 *
 *   launch ID IMAGE PARAMETERS   wire ID   remove ID   logs ID
 *   enrol   unenrol   route ID...   hold   observe
 *
 * There is one device, number 1, behind PORT, and no network port.  The end of the input closes the
 * driver; what runs stays. */
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/local.h"

enum { COMMAND_BYTES = 16 * 1024, LOG_BYTES = 4096 };

static struct device_identity device = {
	.number = 1,
	.name = "cam1",
	.type = "camera",
	.mac = {{2, 0, 0, 0, 0xa, 1}},
};

static struct driver *driver;
static struct buffer input;

/* One command on its way. */
struct ordered {
	struct driver_call call;
	char words[64];
	uint64_t start_ns;
	struct hop hop;
	struct step step;
	struct driver_picture picture;
	char *logs;
};

static double now_ms(void)
{
	return (double)uv_hrtime() / 1e6;
}

static void print(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(line);
}

static void on_notice(struct driver_listener *listener maybe_unused,
		      const struct driver_notice *notice)
{
	static const char *const names[] = {
		[DRIVER_UMBOX_READY] = "ready",
		[DRIVER_UMBOX_GONE] = "gone",
		[DRIVER_UMBOX_SILENT] = "silent",
		[DRIVER_ALERT] = "alert",
		[DRIVER_RECORD] = "record",
		[DRIVER_DROPPED] = "dropped",
		[DRIVER_RULES_CHANGED] = "rules-changed",
		[DRIVER_SPOOF] = "spoof",
		[DRIVER_CLAIM] = "claim",
		[DRIVER_IMPERSONATED] = "impersonated",
		[DRIVER_UNKNOWN] = "unknown",
		[DRIVER_ENGINE_DOWN] = "engine-down",
		[DRIVER_ENGINE_UP] = "engine-up",
		[DRIVER_IMAGES_CHANGED] = "images-changed",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == DRIVER_NOTICE_COUNT, "each has a name");
	print(json_pack("{ss si sI ss* ss* ss* sf}", "notice", names[notice->kind], "umbox",
			(int)notice->umbox, "count", (json_int_t)notice->count, "words",
			notice->words, "alert", notice->alert ? notice->alert->type : NULL,
			"detail", notice->alert ? notice->alert->detail : NULL, "at_ms", now_ms()));
}

static json_t *picture_json(const struct driver_picture *picture)
{
	static const char *const states[] = {
		[UMBOX_STARTING] = "starting",
		[UMBOX_RUNNING] = "running",
		[UMBOX_GONE] = "gone",
	};
	json_t *umboxes = json_array();
	for (unsigned i = 0; i < picture->umbox_count; i++) {
		const struct driver_umbox *umbox = &picture->umboxes[i];
		json_array_append_new(
			umboxes, json_pack("{si si si ss ss ss sb sb}", "umbox", (int)umbox->id,
					   "device", (int)umbox->device, "generation",
					   (int)umbox->generation, "hop", umbox->hop, "image",
					   umbox->image_id, "state", states[umbox->state], "wired",
					   umbox->wired, "ready", umbox->ready));
	}
	return json_pack("{sb so}", "complete", picture->complete, "umboxes", umboxes);
}

static void on_done(struct driver_call *call, int result, const struct error *err)
{
	struct ordered *ordered = container_of(call, struct ordered, call);
	json_t *line = json_pack("{ss si ss sf ss*}", "call", ordered->words, "result", result,
				 "words", result < 0 ? err->text : "", "ms",
				 (double)(uv_hrtime() - ordered->start_ns) / 1e6, "logs",
				 ordered->logs);
	if (strcmp(ordered->words, "observe") == 0)
		json_object_set_new(line, "picture", picture_json(&ordered->picture));
	print(line);
	driver_picture_done(&ordered->picture);
	free(ordered->logs);
	free(ordered->hop.parameters);
	free(ordered);
}

static bool read_step(struct ordered *ordered, const char *word, char *rest)
{
	struct step *step = &ordered->step;
	char *end = rest;
	if (strcmp(word, "launch") == 0) {
		step->kind = STEP_LAUNCH;
		step->umbox = (uint32_t)strtoul(strsep(&rest, " "), NULL, 10);
		step->hop = &ordered->hop;
		TEXT_COPY(ordered->hop.image, strsep(&rest, " "));
		ordered->hop.parameters = mem_copy_text(rest);
		TEXT_COPY(ordered->hop.name, "hop");
		hop_seal(&ordered->hop);
		return true;
	}
	step->umbox = (uint32_t)strtoul(rest, NULL, 10);
	step->path.state = PATH_WHOLE;
	if (strcmp(word, "route") == 0)
		for (uint32_t id; (id = (uint32_t)strtoul(end, &end, 10));)
			step->path.ids[step->path.count++] = id;
	static const struct {
		const char *word;
		enum step_kind kind;
	} steps[] = {
		{"wire", STEP_WIRE},       {"remove", STEP_REMOVE}, {"enrol", STEP_ENROL},
		{"unenrol", STEP_UNENROL}, {"route", STEP_ROUTE},   {"hold", STEP_HOLD},
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		step->kind = steps[i].kind;
		if (strcmp(word, steps[i].word) == 0)
			return true;
	}
	return false;
}

static void obey(char *line)
{
	struct ordered *ordered = mem_alloc(sizeof(*ordered));
	ordered->call.done = on_done;
	ordered->start_ns = uv_hrtime();
	snprintf(ordered->words, sizeof(ordered->words), "%.*s", (int)strcspn(line, "{"), line);
	char *rest = line, empty[] = "";
	const char *word = strsep(&rest, " ");
	rest = rest ? rest : empty;
	const struct driver_task task = {.step = &ordered->step,
					 .device = &device,
					 .generation = 1,
					 .image = "",
					 .state = "Normal"};
	if (strcmp(word, "observe") == 0)
		driver->ops->observe(driver, &ordered->picture, &ordered->call);
	else if (strcmp(word, "logs") == 0)
		driver->ops->logs(driver, (uint32_t)strtoul(rest, NULL, 10), LOG_BYTES,
				  &ordered->logs, &ordered->call);
	else if (read_step(ordered, word, rest))
		driver->ops->run(driver, &task, &ordered->call);
	else
		abort();
}

static void on_closed(void *data maybe_unused)
{
	print(json_pack("{ss}", "notice", "closed"));
}

static void on_input(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	char bytes[COMMAND_BYTES];
	ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (count <= 0) {
		uv_close((uv_handle_t *)poll, NULL);
		driver->ops->close(driver, on_closed, NULL);
		return;
	}
	buffer_add(&input, bytes, (size_t)count);
	char *newline;
	while (input.length && (newline = memchr(input.bytes, '\n', input.length))) {
		*newline = '\0';
		size_t length = (size_t)(newline - input.bytes) + 1;
		obey(input.bytes);
		buffer_drop(&input, length);
	}
}

int main(int argc, char **argv)
{
	struct local_driver_config config = {
		.data_plane = {.port_count = 1},
		.alerts_per_second = 100,
		.heartbeat_timeout_ms = 5000,
	};
	struct error err = {0};
	if (argc < 6)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	TEXT_COPY(config.instance, argv[1]);
	TEXT_COPY(config.data_plane.namespace, argv[2]);
	TEXT_COPY(config.data_plane.ports[0].name, argv[3]);
	TEXT_COPY(device.port, argv[3]);
	TEXT_COPY(config.docker_socket, argv[4]);
	TEXT_COPY(config.umbox_directory, argv[5]);
	if (argc > 6) {
		int result = local_driver_teardown(&config, &err);
		print(json_pack("{ss si ss}", "call", "teardown", "result", result, "words",
				err.text));
		return result < 0;
	}
	uv_loop_t loop;
	uv_poll_t poll;
	uv_loop_init(&loop);
	struct driver_listener listener = {.on_notice = on_notice};
	if (local_driver_open(&driver, &loop, &config, &listener, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	uv_poll_init(&loop, &poll, STDIN_FILENO);
	uv_poll_start(&poll, UV_READABLE, on_input);
	uv_run(&loop, UV_RUN_DEFAULT);
	buffer_done(&input);
	return uv_loop_close(&loop) != 0;
}
