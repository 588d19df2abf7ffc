/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/umbox.c - see umbox.h. */
#include "driver/umbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/ring.h"
#include "io/namespace.h"

enum { TICK_MS = 1000 };

struct umbox_set {
	uv_loop_t *loop;
	char *path;
	int directory;
	unsigned alerts_per_second, heartbeat_timeout_ms;
	struct driver_listener *listener;
	struct umbox *umboxes;
	uv_timer_t tick;
	uint64_t ticked_ms;
	void (*closed)(void *data);
	void *closed_data;
};

/* Outlives its umbox until libuv has let go. */
struct pid_watch {
	uv_poll_t poll;
	int fd;
	struct umbox *umbox;
};

static void tell(struct umbox *umbox, struct driver_notice *notice)
{
	notice->umbox = umbox->container.marks.umbox;
	notice->device = umbox->container.marks.device;
	umbox->set->listener->on_notice(umbox->set->listener, notice);
}

static void free_pid_watch(uv_handle_t *handle)
{
	free(container_of((uv_poll_t *)handle, struct pid_watch, poll));
}

static void stop_pid_watch(struct umbox *umbox)
{
	struct pid_watch *watch = take(umbox->pid_watch);
	if (!watch)
		return;
	uv_close((uv_handle_t *)&watch->poll, free_pid_watch);
	close(watch->fd);
}

/* The namespace goes with the process: holding it would keep the legs of the dead. */
static void let_go(struct umbox *umbox)
{
	endpoint_close(take(umbox->endpoint));
	intake_close(take(umbox->intake));
	stop_pid_watch(umbox);
	if (umbox->netns >= 0)
		close(take_fd(umbox->netns));
	if (umbox->ring_fd >= 0)
		close(take_fd(umbox->ring_fd));
}

/* Told first: holding the device is not to wait while the kernel takes the legs apart. */
static void end(struct umbox *umbox, enum driver_notice_kind kind, const char *words)
{
	umbox->gone = true;
	umbox->ready = false;
	if (!umbox->removing)
		tell(umbox, &(struct driver_notice){.kind = kind, .words = words});
	let_go(umbox);
}

/* The mark that one of the older contract has said it, for the next daemon. */
static void ready_path(const struct umbox *umbox, char path[static 64])
{
	snprintf(path, 64, "%" PRIu32 "/ready", umbox->container.marks.umbox);
}

static void mark_ready(const struct umbox *umbox)
{
	char path[64];
	ready_path(umbox, path);
	cleanup_close int fd maybe_unused = openat(
		umbox->set->directory, path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool was_ready(const struct umbox *umbox)
{
	char path[64];
	ready_path(umbox, path);
	return faccessat(umbox->set->directory, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void umbox_tell_ready(struct umbox *umbox)
{
	if (umbox->ready || umbox->gone)
		return;
	umbox->ready = true;
	if (umbox->container.legacy)
		mark_ready(umbox);
	tell(umbox, &(struct driver_notice){.kind = DRIVER_UMBOX_READY});
}

void umbox_tell_gone(struct umbox *umbox, const char *words)
{
	if (umbox->gone || !umbox->watched)
		return;
	end(umbox, DRIVER_UMBOX_GONE, words);
}

bool umbox_has_heartbeat(const struct umbox *umbox)
{
	return !umbox->container.ready_wired && !umbox->container.legacy;
}

static void on_line(struct intake_user *user, const struct umbox_line *line)
{
	struct umbox *umbox = container_of(user, struct umbox, user);
	struct umbox_set *set = umbox->set;
	if (umbox_has_heartbeat(umbox))
		umbox->heartbeat_due_ms = uv_now(set->loop) + set->heartbeat_timeout_ms;
	if (line->kind == UMBOX_LINE_ALERT) {
		struct alert alert = line->alert;
		alert.umbox = umbox->container.marks.umbox;
		TEXT_COPY(alert.hop, umbox->container.marks.hop);
		alert.shadow = umbox->container.marks.shadow;
		tell(umbox, &(struct driver_notice){.kind = DRIVER_ALERT, .alert = &alert});
		return;
	}
	if (line->kind == UMBOX_LINE_HEARTBEAT) {
		umbox->told = true;
		umbox->account = line->account;
		free(umbox->own);
		umbox->own = line->json ? mem_copy_text(line->json) : NULL;
	}
	if (line->kind == UMBOX_LINE_READY)
		umbox_tell_ready(umbox);
	if (line->kind == UMBOX_LINE_RECORD)
		tell(umbox, &(struct driver_notice){.kind = DRIVER_RECORD, .words = line->json});
}

/* The first one counts: a umbox that connects again says ready again. */
static int on_descriptor(struct intake_user *user, int fd, struct error *err)
{
	struct umbox *umbox = container_of(user, struct umbox, user);
	cleanup_close int ring = fd;
	int result = ring_check(ring, err);
	if (result == 0 && umbox->ring_fd < 0)
		umbox->ring_fd = take_fd(ring);
	return result;
}

static void on_end(struct intake_user *user, const char *words)
{
	umbox_tell_gone(container_of(user, struct umbox, user), words);
}

static void on_pid(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	umbox_tell_gone(container_of(poll, struct pid_watch, poll)->umbox, "its process ended");
}

static void check_heartbeat(struct umbox *umbox)
{
	uint64_t due_ms = umbox->heartbeat_due_ms;
	if (umbox->gone || !due_ms || uv_now(umbox->set->loop) < due_ms)
		return;
	end(umbox, DRIVER_UMBOX_SILENT, "it gave no sign of life");
}

/* Where it cannot be looked at its process is all that is watched. */
static void check_pulse(struct umbox *umbox)
{
	static const char *const legs[] = {"in", "out"}, *const older_legs[] = {"eth1", "eth2"};
	struct pulse now;
	if (umbox->gone || !umbox->ready || umbox->netns < 0 || umbox_has_heartbeat(umbox) ||
	    pulse_look(&now, umbox->netns, umbox->container.legacy ? older_legs : legs, NULL) < 0)
		return;
	bool still = pulse_stands_still(&umbox->pulse, &now);
	umbox->pulse = now;
	umbox->still_ms = still ? umbox->still_ms + TICK_MS : 0;
	if (umbox->still_ms >= umbox->set->heartbeat_timeout_ms)
		end(umbox, DRIVER_UMBOX_GONE, "it takes no frames any more");
}

/* While we were stopped or could not run nothing was heard: what was said then is read after this
 * timer. */
static uint64_t lost_ms(struct umbox_set *set)
{
	uint64_t now_ms = uv_now(set->loop), passed_ms = now_ms - set->ticked_ms;
	set->ticked_ms = now_ms;
	return passed_ms > 2 * TICK_MS ? passed_ms : 0;
}

static void on_tick(uv_timer_t *timer)
{
	struct umbox_set *set = container_of(timer, struct umbox_set, tick);
	uint64_t lost = lost_ms(set);
	struct umbox *umbox, *next;
	HASH_ITER(hh, set->umboxes, umbox, next) {
		struct buffer words = {0};
		uint64_t count = umbox->intake ? intake_report(umbox->intake, &words) : 0;
		if (count)
			tell(umbox, &(struct driver_notice){.kind = DRIVER_DROPPED,
							    .count = count,
							    .words = words.bytes});
		buffer_done(&words);
		if (umbox->heartbeat_due_ms)
			umbox->heartbeat_due_ms += lost;
		check_heartbeat(umbox);
		check_pulse(umbox);
	}
}

/* As mkdir -p; the last is for its owner only. */
static int make_base(const char *path, struct error *err)
{
	cleanup_free char *partial = mem_copy_text(path);
	for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(partial, 0755) < 0 && errno != EEXIST)
			return error_errno(err, -errno, "%s", partial);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, -errno, "%s", path);
	int fd = open(path, O_DIRECTORY | O_CLOEXEC | O_RDONLY);
	return fd < 0 ? error_errno(err, -errno, "%s", path) : fd;
}

int umbox_set_open(struct umbox_set **ret, uv_loop_t *loop, const struct umbox_set_options *options,
		   struct driver_listener *listener, struct error *err)
{
	int directory = make_base(options->directory, err);
	if (directory < 0)
		return directory;
	struct umbox_set *set = mem_alloc(sizeof(*set));
	set->loop = loop;
	set->path = mem_copy_text(options->directory);
	set->directory = directory;
	set->alerts_per_second = options->alerts_per_second;
	set->heartbeat_timeout_ms = options->heartbeat_timeout_ms;
	set->listener = listener;
	set->ticked_ms = uv_now(loop);
	uv_timer_init(loop, &set->tick);
	uv_timer_start(&set->tick, on_tick, TICK_MS, TICK_MS);
	*ret = set;
	return 0;
}

static void on_set_closed(uv_handle_t *handle)
{
	struct umbox_set *set = container_of((uv_timer_t *)handle, struct umbox_set, tick);
	void (*closed)(void *) = set->closed;
	void *data = set->closed_data;
	free(set->path);
	free(set);
	closed(data);
}

void umbox_set_close(struct umbox_set *set, void (*closed)(void *data), void *data)
{
	set->closed = closed;
	set->closed_data = data;
	while (set->umboxes)
		umbox_close(set->umboxes, false);
	close(set->directory);
	uv_close((uv_handle_t *)&set->tick, on_set_closed);
}

struct umbox *umbox_find(struct umbox_set *set, uint32_t id)
{
	struct umbox *umbox;
	HASH_FIND(hh, set->umboxes, &id, sizeof(id), umbox);
	return umbox;
}

struct umbox *umbox_first(struct umbox_set *set)
{
	return set->umboxes;
}

struct umbox *umbox_next(struct umbox *umbox)
{
	return umbox->hh.next;
}

static int open_directory(struct umbox_set *set, uint32_t id, struct error *err)
{
	char name[16];
	snprintf(name, sizeof(name), "%" PRIu32, id);
	if (mkdirat(set->directory, name, 0755) < 0 && errno != EEXIST)
		return error_errno(err, -errno, "%s/%s", set->path, name);
	int fd = openat(set->directory, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_RDONLY);
	if (fd < 0)
		return error_errno(err, -errno, "%s/%s", set->path, name);
	if (fchmod(fd, 0755) < 0) { /* whatever the umask says */
		int result = error_errno(err, -errno, "%s/%s", set->path, name);
		close(fd);
		return result;
	}
	return fd;
}

int umbox_open(struct umbox **ret, struct umbox_set *set, const struct container_marks *marks,
	       struct error *err)
{
	if (umbox_find(set, marks->umbox))
		return error_set(err, -EEXIST, "umbox %" PRIu32 " is held already", marks->umbox);
	cleanup_close int directory = open_directory(set, marks->umbox, err);
	if (directory < 0)
		return directory;
	struct umbox *umbox = mem_alloc(sizeof(*umbox));
	umbox->set = set;
	umbox->user = (struct intake_user){
		.on_line = on_line, .on_end = on_end, .on_descriptor = on_descriptor};
	int result = intake_open(&umbox->intake, set->loop, directory, set->alerts_per_second,
				 &umbox->user, err);
	if (result < 0) {
		free(umbox);
		return result;
	}
	umbox->container.marks = *marks;
	umbox->netns = umbox->ring_fd = -1;
	HASH_ADD(hh, set->umboxes, container.marks.umbox, sizeof(uint32_t), umbox);
	*ret = umbox;
	return 0;
}

char *umbox_directory(const struct umbox *umbox)
{
	return mem_printf("%s/%" PRIu32, umbox->set->path, umbox->container.marks.umbox);
}

int umbox_describe(struct umbox *umbox, const char *json, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "%" PRIu32 "/umbox.json", umbox->container.marks.umbox);
	cleanup_close int fd = openat(umbox->set->directory, path,
				      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t count = (ssize_t)strlen(json);
	if (fd < 0 || fchmod(fd, 0644) < 0) /* whatever the umask says */
		return error_errno(err, -errno, "%s/%s", umbox->set->path, path);
	ssize_t written = write(fd, json, (size_t)count);
	if (written != count)
		return error_errno(err, written < 0 ? -errno : -ENOSPC, "%s/%s", umbox->set->path,
				   path);
	return 0;
}

int umbox_hold(struct umbox *umbox, const struct container *container, struct error *err)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, container->pid, 0);
	if (container->pid <= 0 || pidfd < 0)
		return error_errno(err, -ESRCH, "the umbox's process");
	int result = namespace_open_pid(&umbox->netns, container->pid, err);
	if (result < 0)
		return result;
	struct pid_watch *watch = mem_alloc(sizeof(*watch));
	watch->umbox = umbox;
	result = uv_poll_init(umbox->set->loop, &watch->poll, pidfd);
	if (result < 0) {
		free(watch);
		return error_errno(err, result, "pidfd");
	}
	watch->fd = take_fd(pidfd);
	umbox->pid_watch = watch;
	umbox->container = *container;
	return 0;
}

/* What keeps an endpoint from being opened is somebody in the namespace, unless we have no means.
 */
static bool are_our_means(int result)
{
	return result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS ||
	       result == -EAGAIN;
}

int umbox_watch(struct umbox *umbox, bool adopted, struct error *err)
{
	int endpoint = 0, result = intake_accept(umbox->intake, umbox->netns, err);
	if (result == 0)
		result = uv_poll_start(&umbox->pid_watch->poll, UV_READABLE, on_pid);
	if (result == 0 && umbox->container.legacy)
		endpoint = endpoint_open(&umbox->endpoint, umbox->set->loop, umbox->netns,
					 umbox->intake, err);
	if (result < 0 || (endpoint < 0 && (!adopted || are_our_means(endpoint))))
		return min_of(result, endpoint);
	umbox->watched = true;
	if (endpoint < 0)
		umbox_tell_gone(umbox, err->text);
	else if (adopted && (umbox->container.ready_wired || was_ready(umbox)))
		umbox->ready = true;
	else if (adopted && umbox_has_heartbeat(umbox))
		umbox->heartbeat_due_ms = uv_now(umbox->set->loop) +
					  umbox->set->heartbeat_timeout_ms;
	return 0;
}

void umbox_close(struct umbox *umbox, bool remove_directory)
{
	struct umbox_set *set = umbox->set;
	let_go(umbox);
	HASH_DELETE(hh, set->umboxes, umbox);
	if (remove_directory)
		umbox_remove_directory(set, umbox->container.marks.umbox);
	free(umbox->own);
	free(umbox);
}

void umbox_each_stray_directory(struct umbox_set *set, void (*each)(void *data, uint32_t id),
				void *data)
{
	DIR *directory = opendir(set->path);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		char *end;
		unsigned long id = strtoul(entry->d_name, &end, 10);
		if (id && id <= UINT32_MAX && !*end && !umbox_find(set, (uint32_t)id))
			each(data, (uint32_t)id);
	}
	if (directory)
		closedir(directory);
}

void umbox_remove_directory(struct umbox_set *set, uint32_t id)
{
	static const char *const files[] = {"umbox.json", "control.sock", "control.new", "ready"};
	char path[64];
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%" PRIu32 "/%s", id, files[i]);
		unlinkat(set->directory, path, 0);
	}
	snprintf(path, sizeof(path), "%" PRIu32, id);
	unlinkat(set->directory, path, AT_REMOVEDIR);
}
