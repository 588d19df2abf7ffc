/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/box.c - see box.h. */
#include "trial/box.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/namespace.h"
#include "trial/engine.h"
#include "trial/frames.h"

/* How long Docker may need to learn of an end, and how often it is asked. */
enum { KNOWN_MS = 5000, LOOK_MS = 20 };

static int write_file(const char *path, const char *text, struct error *err)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t length = strlen(text);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, text, length) != (ssize_t)length)
		return error_errno(err, -errno, "%s", path);
	return 0;
}

/* A folder that only root reaches, and in it the one that the umbox sees. */
static int make_directory(struct box *box, const char *description, struct error *err)
{
	TEXT_COPY(box->directory, "/run/kalki-trial-XXXXXX");
	if (!mkdtemp(box->directory)) {
		int result = error_errno(err, -errno, "%s", box->directory);
		box->directory[0] = '\0';
		return result;
	}
	cleanup_free char *inner = mem_printf("%s/box", box->directory);
	cleanup_free char *file = mem_printf("%s/umbox.json", inner);
	cleanup_free char *socket = mem_printf("%s/control.sock", inner);
	if (mkdir(inner, 0755) < 0 || chmod(inner, 0755) < 0)
		return error_errno(err, -errno, "%s", inner);
	int result = write_file(file, description, err);
	return result < 0 ? result : control_open(&box->control, socket, err);
}

/* Its process and namespace, while it is surely its own. */
static int hold(struct box *box, struct error *err)
{
	const struct container *container = &box->container;
	struct container again;
	if (container->state != CONTAINER_RUNNING)
		return error_set(err, -ESRCH, "it ended");
	box->pidfd = (int)syscall(SYS_pidfd_open, container->pid, 0);
	if (box->pidfd < 0)
		return error_errno(err, -errno, "process %d", (int)container->pid);
	int result = namespace_open_pid(&box->netns, container->pid, err);
	if (result == 0)
		result = engine_inspect(box->docker, container->id, &again, err);
	if (result == 0 && again.pid != container->pid)
		result = error_set(err, -ESRCH, "it ended");
	return result;
}

static int start(struct box *box, const struct box_order *order, struct error *err)
{
	struct container_marks marks = {.umbox = (uint32_t)getpid(), .device = 1, .generation = 1};
	struct hop hop = {.parameters = (char *)order->parameters, .shadow = order->shadow};
	struct device_identity device;
	struct host_identity nobody = {0};
	frame_device(&device);
	snprintf(marks.instance, sizeof(marks.instance), "trial");
	TEXT_COPY(marks.device_name, device.name);
	TEXT_COPY(marks.state, "trial");
	TEXT_COPY(marks.hop, "trial");
	TEXT_COPY(hop.name, "trial");
	hop_seal(&hop);
	TEXT_COPY(marks.digest, hop.digest);
	cleanup_free char *description = umbox_description(marks.umbox, marks.generation, &hop,
							   &device, &nobody);
	int result = make_directory(box, description, err);
	if (result < 0)
		return result;
	cleanup_free char *inner = mem_printf("%s/box", box->directory);
	char address[IP_TEXT_BYTES];
	ip_print(address, &device.ips[0]); /* of IPv4 */
	struct container_order container = {
		.marks = &marks,
		.image = order->image,
		.directory = inner,
		.argument = order->image->legacy ? address : NULL,
	};
	result = engine_launch(box->docker, &container, &box->container, err);
	if (result == 0)
		result = hold(box, err);
	if (result == 0 && order->image->legacy)
		result = port_open(&box->control.port, box->netns, err);
	return result;
}

int box_start(struct box *ret, const struct box_order *order, struct error *err)
{
	*ret = (struct box){
		.docker = order->docker,
		.pidfd = -1,
		.netns = -1,
		.control = {.listener = -1, .connection = -1, .port.listener = -1, .ring_fd = -1},
	};
	int result = start(ret, order, err);
	if (result == -ESRCH && err)
		box_epitaph(ret, err->text, sizeof(err->text));
	return result;
}

static void remove_directory(struct box *box)
{
	static const char *const files[] = {"box/umbox.json", "box/control.sock", "box", ""};
	for (size_t i = 0; i < ARRAY_SIZE(files) && box->directory[0]; i++) {
		cleanup_free char *path = mem_printf("%s/%s", box->directory, files[i]);
		remove(path);
	}
	box->directory[0] = '\0';
}

void box_end(struct box *box)
{
	if (box->netns >= 0)
		close(take_fd(box->netns));
	if (box->pidfd >= 0)
		close(take_fd(box->pidfd));
	control_go_away(&box->control);
	struct error err = {0};
	if (box->container.id[0] && engine_remove(box->docker, box->container.id, &err) < 0)
		fprintf(stderr, "kalkictl: container %.12s stays behind: %s\n", box->container.id,
			err.text);
	box->container.id[0] = '\0';
	remove_directory(box);
}

bool box_wait_end(const struct box *box, int64_t timeout_us)
{
	struct pollfd end = {.fd = box->pidfd, .events = POLLIN};
	return box->pidfd < 0 || poll(&end, 1, (int)(timeout_us / 1000)) > 0;
}

bool box_runs(const struct box *box)
{
	return !box_wait_end(box, 0);
}

void box_signal(const struct box *box, int number)
{
	syscall(SYS_pidfd_send_signal, box->pidfd, number, NULL, 0);
}

/* Docker knows it a moment after the kernel. */
static int inspect_ended(const struct box *box, struct container *ret)
{
	int result = -ENOENT;
	for (int waited_ms = 0; waited_ms < KNOWN_MS; waited_ms += LOOK_MS) {
		result = engine_inspect(box->docker, box->container.id, ret, NULL);
		if (result < 0 || ret->state == CONTAINER_ENDED)
			break;
		poll(NULL, 0, LOOK_MS);
	}
	return result;
}

void box_epitaph(const struct box *box, char *words, size_t words_bytes)
{
	struct container container = {0};
	int result = inspect_ended(box, &container);
	cleanup_free char *last = engine_last_words(box->docker, box->container.id);
	if (result < 0 || container.state != CONTAINER_ENDED)
		snprintf(words, words_bytes, "it ended%s%s", *last ? ": " : "", last);
	else
		snprintf(words, words_bytes, "it ended with code %d%s%s%s", container.exit_code,
			 container.out_of_memory ? ", out of memory" : "", *last ? ": " : "", last);
}

static int read_number(const char *path, const char *key, uint64_t *ret)
{
	FILE *file = fopen(path, "re");
	char line[256];
	int result = -ENOENT;
	size_t length = strlen(key);
	while (file && result < 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, length) == 0 && sscanf(line + length, "%" SCNu64, ret) == 1)
			result = 0;
	}
	if (file)
		fclose(file);
	return result;
}

/* The path of its control group: version 2, or that of the controller of version 1. */
static char *find_group(const struct box *box, const char *controller)
{
	char path[64], line[512];
	char *found = NULL;
	size_t length = strlen(controller);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)box->container.pid);
	FILE *file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *name = strchr(line, ':');
		if (name && strncmp(name + 1, controller, length) == 0 && name[1 + length] == ':')
			found = mem_printf("%.*s", (int)strcspn(name + 2 + length, "\n"),
					   name + 2 + length);
	}
	if (file)
		fclose(file);
	return found;
}

int box_memory(const struct box *box, uint64_t *ret_peak, uint64_t *ret_kills)
{
	static const struct {
		const char *controller, *folder, *peak, *events;
	} versions[] = {
		{"", "/sys/fs/cgroup", "memory.peak", "memory.events"},
		{"memory", "/sys/fs/cgroup/memory", "memory.max_usage_in_bytes",
		 "memory.oom_control"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		cleanup_free char *group = find_group(box, versions[i].controller);
		cleanup_free char *peak = mem_printf("%s%s/%s", versions[i].folder,
						     group ? group : "", versions[i].peak);
		cleanup_free char *events = mem_printf("%s%s/%s", versions[i].folder,
						       group ? group : "", versions[i].events);
		if (group && read_number(peak, "", ret_peak) == 0 &&
		    read_number(events, "oom_kill ", ret_kills) == 0)
			return 0;
	}
	return -ENOENT;
}
