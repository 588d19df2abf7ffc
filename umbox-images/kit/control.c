/* SPDX-License-Identifier: Apache-2.0 */
/* control.c - the connection to the daemon. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

static const char ready_line[] = "{\"kalki\":\"ready\"}\n";

void umbox_control_init(struct umbox_control *control, const char *path)
{
	*control = (struct umbox_control){
		.fd = -1, .descriptor = -1, .pause_ms = CONTROL_PAUSE_MIN_MS};
	snprintf(control->path, sizeof(control->path), "%s", path);
}

static void drop_first(struct umbox_control *control)
{
	free(control->lines[control->first].text);
	control->first = (control->first + 1) % CONTROL_LINES_MAX;
	control->count--;
	control->sent = 0;
}

void umbox_control_done(struct umbox_control *control)
{
	while (control->count)
		drop_first(control);
	if (control->fd >= 0)
		close(control->fd);
	control->fd = -1;
}

static void disconnect(struct umbox_control *control, int64_t now_us)
{
	close(control->fd);
	control->fd = -1;
	control->sent = 0; /* a line cut in two is said again as a whole */
	control->next_us = now_us + control->pause_ms * 1000;
}

static ssize_t write_some(struct umbox_control *control, const char *text, size_t length,
			  int64_t now_us)
{
	ssize_t written = send(control->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written < 0 && errno != EAGAIN && errno != EINTR)
		disconnect(control, now_us);
	return written;
}

/* So short that the kernel takes it whole or not at all, and what goes with it once. */
static bool write_ready(struct umbox_control *control, int64_t now_us)
{
	union {
		struct cmsghdr head; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} beside = {0};
	struct iovec text = {.iov_base = (char *)ready_line, .iov_len = sizeof(ready_line) - 1};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
	if (control->descriptor < 0)
		return write_some(control, ready_line, sizeof(ready_line) - 1, now_us) >= 0;
	message.msg_control = beside.bytes;
	message.msg_controllen = sizeof(beside.bytes);
	beside.head.cmsg_level = SOL_SOCKET;
	beside.head.cmsg_type = SCM_RIGHTS;
	beside.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&beside.head), &control->descriptor, sizeof(int));
	if (sendmsg(control->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN && errno != EINTR)
		disconnect(control, now_us);
	return false;
}

static void write_lines(struct umbox_control *control, int64_t now_us)
{
	while (control->fd >= 0 && (control->count || control->ready_due)) {
		if (control->ready_due && !control->sent) {
			if (!write_ready(control, now_us))
				return;
			control->ready_due = false;
			continue;
		}
		const struct umbox_control_line *line = &control->lines[control->first];
		ssize_t written = write_some(control, line->text + control->sent,
					     line->length - control->sent, now_us);
		if (written < 0)
			return;
		control->sent += (size_t)written;
		if (control->sent == line->length)
			drop_first(control);
	}
}

static int raise_descriptor(int fd)
{
	struct rlimit limit = {.rlim_cur = CONTROL_DESCRIPTOR + 1};
	getrlimit(RLIMIT_NOFILE, &limit);
	int lowest = limit.rlim_cur > CONTROL_DESCRIPTOR ? CONTROL_DESCRIPTOR
							 : (int)limit.rlim_cur - 1;
	int raised = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
	if (raised < 0)
		return fd;
	close(fd);
	return raised;
}

bool umbox_control_connect(struct umbox_control *control, int64_t now_us)
{
	if (control->fd >= 0 || now_us < control->next_us)
		return false;
	control->next_us = now_us + control->pause_ms * 1000;
	control->pause_ms *= 2;
	if (control->pause_ms > CONTROL_PAUSE_MAX_MS)
		control->pause_ms = CONTROL_PAUSE_MAX_MS;

	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, control->path, sizeof(control->path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return false;
	}
	control->fd = raise_descriptor(fd);
	control->pause_ms = CONTROL_PAUSE_MIN_MS;
	control->ready_due = control->ready;
	write_lines(control, now_us);
	return control->fd >= 0;
}

void umbox_control_ready(struct umbox_control *control, int64_t now_us)
{
	control->ready = control->ready_due = true;
	write_lines(control, now_us);
}

bool umbox_control_say(struct umbox_control *control, const char *text, size_t length,
		       int64_t now_us)
{
	if (control->count == CONTROL_LINES_MAX)
		return false;
	struct umbox_control_line *line =
		&control->lines[(control->first + control->count++) % CONTROL_LINES_MAX];
	line->text = malloc(length);
	if (!line->text)
		abort();
	memcpy(line->text, text, length);
	line->length = length;
	if (control->count == 1)
		write_lines(control, now_us);
	return true;
}

void umbox_control_serve(struct umbox_control *control, int64_t now_us)
{
	char nothing[256];
	if (control->fd < 0)
		return;
	ssize_t count;
	do
		count = recv(control->fd, nothing, sizeof(nothing), MSG_DONTWAIT);
	while (count > 0 || (count < 0 && errno == EINTR));
	if (count == 0 || errno != EAGAIN)
		disconnect(control, now_us);
	write_lines(control, now_us);
}
