/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/control.c - see control.h. */
#include "trial/control.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/ring.h"
#include "io/unix_listen.h"

/* A line of ours, in the umbox's stead. */
#define STUFFING "{\"kalki\":\"record\",\"record\":{\"stuffing\":\""

int control_listen(struct control *control, struct error *err)
{
	return unix_listen(
		&control->listener,
		&(struct unix_listen_config){
			.path = control->path, .group = (gid_t)-1, .mode = 0666, .backlog = 4},
		err);
}

int control_open(struct control *ret, const char *path, struct error *err)
{
	*ret = (struct control){.listener = -1,
				.connection = -1,
				.port.listener = -1,
				.ring_fd = -1,
				.tokens = CONTROL_LINES_AT_ONCE};
	if (!TEXT_COPY(ret->path, path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket", path);
	return control_listen(ret, err);
}

static void hang_up(struct control *control)
{
	if (control->connection >= 0)
		close(take_fd(control->connection));
	control->used = 0;
	control->heartbeat_us = 0;
	control->overlong = control->ready = false;
}

void control_go_away(struct control *control)
{
	hang_up(control);
	port_close(&control->port);
	if (control->ring_fd >= 0)
		close(take_fd(control->ring_fd));
	if (control->listener >= 0) {
		close(take_fd(control->listener));
		unlink(control->path);
	}
}

static void take_heartbeat(struct control *control, const struct umbox_line *line, int64_t now_us)
{
	control->heartbeats++;
	if (control->heartbeat_us)
		control->silence_us = max_of(control->silence_us, now_us - control->heartbeat_us);
	control->heartbeat_us = now_us;
	control->account = line->account;
}

static bool take_token(struct control *control, int64_t now_us)
{
	double more = (double)(now_us - control->filled_us) * CONTROL_LINES_PER_SECOND / 1e6;
	control->tokens = min_of(control->tokens + more, (double)CONTROL_LINES_AT_ONCE);
	control->filled_us = now_us;
	if (control->tokens < 1)
		return false;
	control->tokens -= 1;
	return true;
}

static void remember(struct control *control, const struct umbox_line *line, int64_t now_us)
{
	switch (line->kind) {
	case UMBOX_LINE_READY:
		control->ready_first = !control->ready && control->lines == 1;
		control->ready = true;
		break;
	case UMBOX_LINE_HEARTBEAT: take_heartbeat(control, line, now_us); break;
	case UMBOX_LINE_ALERT: control->alerts++; break;
	case UMBOX_LINE_RECORD: control->records++; break;
	case UMBOX_LINE_KIND_COUNT: break;
	}
}

static void take_line(struct control *control, const char *bytes, size_t count, int64_t now_us)
{
	struct umbox_line line;
	struct error err = {0};
	if (count > strlen(STUFFING) && memcmp(bytes, STUFFING, strlen(STUFFING)) == 0)
		return;
	control->lines++;
	if (!take_token(control, now_us))
		control->over_rate++;
	if (umbox_line_read(&line, bytes, count, &err) < 0) {
		control->malformed++;
		control->why = err;
		return;
	}
	remember(control, &line, now_us);
	free(line.json);
}

struct told {
	struct control *control;
	int64_t now_us;
};

static int take_request(void *data, const struct legacy_request *request)
{
	const struct told *told = data;
	struct control *control = told->control;
	struct umbox_line line;
	struct error err = {0};
	control->lines++;
	if (!take_token(control, told->now_us)) {
		control->over_rate++;
		return -EBUSY;
	}
	int result = legacy_request_read(request, &line, &err);
	if (result < 0) {
		control->malformed++;
		control->why = err;
		return result;
	}
	remember(control, &line, told->now_us);
	free(line.json);
	return 0;
}

static void take_lines(struct control *control, int64_t now_us)
{
	size_t at = 0;
	char *newline;
	while ((newline = memchr(control->line + at, '\n', control->used - at))) {
		size_t length = (size_t)(newline - control->line) - at;
		if (!control->overlong)
			take_line(control, control->line + at, length, now_us);
		control->overlong = false;
		at += length + 1;
	}
	control->used -= at;
	memmove(control->line, control->line + at, control->used);
	if (control->used < sizeof(control->line))
		return;
	control->malformed += !control->overlong;
	error_set(&control->why, -EINVAL, "longer than %d bytes", UMBOX_LINE_BYTES);
	control->overlong = true;
	control->used = 0;
}

static void take_connections(struct control *control)
{
	while (control->listener >= 0) {
		int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (control->connection >= 0) {
			control->refused++;
			close(fd);
			continue;
		}
		control->connection = fd;
		control->connections++;
		control->lines = 0;
	}
}

/* The first one counts, as one that connects again passes it again; the daemon hangs up on what is
 * no ring. */
static void take_descriptor(struct control *control, int fd)
{
	cleanup_close int ring = fd;
	struct error err = {0};
	if (ring_check(ring, &err) < 0) {
		control->malformed++;
		control->why = err;
	} else if (control->ring_fd < 0) {
		control->ring_fd = take_fd(ring);
	}
}

/* As recv(2), with the descriptors that came as well. */
static ssize_t receive(struct control *control)
{
	struct iovec room = {control->line + control->used, sizeof(control->line) - control->used};
	_Alignas(struct cmsghdr) char beside[CMSG_SPACE(8 * sizeof(int))];
	struct msghdr message = {.msg_iov = &room,
				 .msg_iovlen = 1,
				 .msg_control = beside,
				 .msg_controllen = sizeof(beside)};
	ssize_t count = recvmsg(control->connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *part = count < 0 ? NULL : CMSG_FIRSTHDR(&message);
	for (; part; part = CMSG_NXTHDR(&message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		const int *fds = (const int *)CMSG_DATA(part);
		for (size_t i = 0; i < (part->cmsg_len - CMSG_LEN(0)) / sizeof(*fds); i++)
			take_descriptor(control, fds[i]);
	}
	return count;
}

void control_read(struct control *control, int64_t now_us)
{
	if (!control->filled_us)
		control->filled_us = now_us;
	port_read(&control->port, take_request, &(struct told){control, now_us});
	take_connections(control);
	while (control->connection >= 0) {
		ssize_t count = receive(control);
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count <= 0) {
			hang_up(control);
			return;
		}
		control->used += (size_t)count;
		take_lines(control, now_us);
	}
}

/* Whether the descriptor, a copy of one of the umbox's, is its end of our connection. */
static bool is_its_end(const struct control *control, int fd)
{
	struct sockaddr_un peer = {0};
	socklen_t bytes = sizeof(peer);
	return getpeername(fd, (struct sockaddr *)&peer, &bytes) == 0 &&
	       peer.sun_family == AF_UNIX && bytes > sizeof(peer.sun_family) &&
	       text_equal(peer.sun_path, control->path);
}

static int find_its_end(const struct control *control, pid_t pid, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	cleanup_close int process = (int)syscall(SYS_pidfd_open, pid, 0);
	DIR *directory = process < 0 ? NULL : opendir(path);
	if (!directory)
		return error_errno(err, -errno, "process %d", (int)pid);
	int found = -1;
	for (struct dirent *entry; found < 0 && (entry = readdir(directory));) {
		int fd = (int)syscall(SYS_pidfd_getfd, process, atoi(entry->d_name), 0);
		if (fd >= 0 && is_its_end(control, fd))
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	closedir(directory);
	return found < 0 ? error_set(err, -ENOTSOCK, "process %d does not hold its connection",
				     (int)pid)
			 : found;
}

int control_stuff(struct control *control, struct error *err)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);
	if (getsockopt(control->connection, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return error_errno(err, -errno, "control socket");
	cleanup_close int fd = find_its_end(control, peer.pid, err);
	if (fd < 0)
		return fd;
	/* Whole lines, so that they cannot be mixed with its own; small ones last, for the rest. */
	static const int fillings[] = {1024, 1};
	for (unsigned i = 0; i < ARRAY_SIZE(fillings); i++) {
		cleanup_free char *line = mem_printf(STUFFING "%0*d\"}}\n", fillings[i], 0);
		while (send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
	}
	return 0;
}
