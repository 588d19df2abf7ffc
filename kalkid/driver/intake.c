/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/intake.c - see intake.h. */
#include "driver/intake.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/close_beside.h"

enum { TOKENS_A_LINE = 1000 };

struct intake {
	struct intake_user *user;
	uv_poll_t listener, connection;
	int listener_fd, connection_fd; /* -1: none */
	unsigned handles; /* libuv's, not closed yet, and a connection in `refusing` */
	bool closing;
	bool refusing; /* a connection is being closed: no other is taken */
	struct stat netns;

	char line[UMBOX_LINE_BYTES];
	size_t used;
	bool skipping; /* to the newline of a line that is too long */

	unsigned rate;
	uint64_t tokens, filled_ms; /* thousandths of a line */

	uint64_t over_rate, malformed, refused; /* since the last report */
	struct error last;                      /* why the last one was malformed or refused */
};

static void let_go(struct intake *intake)
{
	if (--intake->handles == 0 && intake->closing)
		free(intake);
}

static void on_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

static void close_socket(uv_poll_t *poll, int *fd)
{
	if (*fd < 0)
		return;
	uv_close((uv_handle_t *)poll, on_closed);
	close_beside(poll->loop, take_fd(*fd), NULL, NULL);
}

void intake_close(struct intake *intake)
{
	if (!intake || intake->closing)
		return;
	intake->closing = true;
	close_socket(&intake->listener, &intake->listener_fd);
	close_socket(&intake->connection, &intake->connection_fd);
	if (!intake->handles)
		free(intake);
}

static bool take_token(struct intake *intake)
{
	uint64_t now_ms = uv_now(intake->listener.loop);
	uint64_t most = (uint64_t)intake->rate * INTAKE_BURST * TOKENS_A_LINE;
	/* A line a second is a thousandth of a line a millisecond. */
	uint64_t more = min_of(now_ms - intake->filled_ms, (uint64_t)INTAKE_BURST * 1000) *
			intake->rate;
	intake->filled_ms = now_ms;
	intake->tokens = min_of(intake->tokens + more, most);
	if (intake->tokens < TOKENS_A_LINE)
		return false;
	intake->tokens -= TOKENS_A_LINE;
	return true;
}

int intake_take(struct intake *intake,
		int (*read)(void *data, struct umbox_line *ret, struct error *err), void *data)
{
	if (intake->closing)
		return -EPIPE;
	if (!take_token(intake)) {
		intake->over_rate++;
		return -EBUSY;
	}
	struct umbox_line line;
	int result = read(data, &line, &intake->last);
	if (result < 0) {
		intake->malformed++;
		return result;
	}
	intake->user->on_line(intake->user, &line);
	free(line.json);
	return 0;
}

struct line_bytes {
	const char *bytes;
	size_t count;
};

static int read_line(void *data, struct umbox_line *ret, struct error *err)
{
	const struct line_bytes *line = data;
	return umbox_line_read(ret, line->bytes, line->count, err);
}

/* Takes the whole lines out of the buffer. */
static void take_lines(struct intake *intake)
{
	size_t at = 0;
	char *newline;
	while (!intake->closing && (newline = memchr(intake->line + at, '\n', intake->used - at))) {
		size_t length = (size_t)(newline - intake->line) - at;
		if (!intake->skipping)
			(void)!intake_take(intake, read_line,
					   &(struct line_bytes){intake->line + at, length});
		intake->skipping = false;
		at += length + 1;
	}
	intake->used -= at;
	memmove(intake->line, intake->line + at, intake->used);
	if (intake->used < sizeof(intake->line))
		return;
	if (!intake->skipping) {
		intake->malformed++;
		error_set(&intake->last, -EINVAL, "longer than %d bytes", UMBOX_LINE_BYTES);
	}
	intake->skipping = true;
	intake->used = 0;
}

void intake_end(struct intake *intake, const char *words)
{
	if (intake->closing)
		return;
	close_socket(&intake->connection, &intake->connection_fd);
	close_socket(&intake->listener, &intake->listener_fd);
	intake->user->on_end(intake->user, words);
}

/* What comes along with a line, one descriptor at most; -1: nothing. */
static int find_descriptor(struct msghdr *message)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd = -1;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* Looks at what comes next, which stays in the socket: how many bytes, and with what.  -EPROTO,
 * with the reason: with something that is not to be received. */
static ssize_t look(struct intake *intake, struct error *err)
{
	union {
		struct cmsghdr head; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} beside;
	struct iovec room = {.iov_base = intake->line + intake->used,
			     .iov_len = sizeof(intake->line) - intake->used};
	struct msghdr message = {.msg_iov = &room,
				 .msg_iovlen = 1,
				 .msg_control = beside.bytes,
				 /* Without padding, in which a second one had room. */
				 .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t count = recvmsg(intake->connection_fd, &message,
				MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd = count < 0 ? -1 : find_descriptor(&message);
	if (fd >= 0 && intake->user->on_descriptor(intake->user, fd, err) < 0) {
		error_prefix(err, "it passed a descriptor: ");
		return -EPROTO;
	}
	if (count >= 0 && (message.msg_flags & MSG_CTRUNC))
		return error_set(err, -EPROTO, "it passed more than one descriptor");
	return count < 0 ? -errno : count;
}

/* No more than was looked at: a descriptor that came with it is held already. */
static ssize_t receive(struct intake *intake, struct error *err)
{
	ssize_t count = look(intake, err);
	if (count <= 0)
		return count;
	count = recv(intake->connection_fd, intake->line + intake->used, (size_t)count,
		     MSG_DONTWAIT);
	return count < 0 ? -errno : count;
}

static void on_readable(uv_poll_t *poll, int status, int events maybe_unused)
{
	struct intake *intake = poll->data;
	struct error err = {0};
	ssize_t total = 0;
	while (!intake->closing && total < INTAKE_BYTES_A_TURN) {
		ssize_t count = status < 0 ? 0 : receive(intake, &err);
		if (count == -EAGAIN || count == -EINTR)
			return;
		if (count <= 0) {
			intake_end(intake,
				   count == -EPROTO ? err.text : "its control socket closed");
			return;
		}
		total += count;
		intake->used += (size_t)count;
		take_lines(intake);
	}
}

/* Whoever connects must live in the umbox's own network namespace. */
static int check_peer(const struct intake *intake, int fd, struct error *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char path[64];
	struct stat status;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return error_errno(err, -errno, "a connection without credentials");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", peer.pid);
	if (stat(path, &status) < 0)
		return error_errno(err, -errno, "a connection of process %d", peer.pid);
	if (status.st_dev != intake->netns.st_dev || status.st_ino != intake->netns.st_ino)
		return error_set(err, -EPERM, "a connection of process %d from outside the umbox",
				 peer.pid);
	return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void listen_again(struct intake *intake)
{
	if (intake->listener_fd >= 0 && !intake->refusing)
		uv_poll_start(&intake->listener, UV_READABLE, on_connection);
}

static void on_refused(void *data)
{
	struct intake *intake = data;
	bool enough = intake->refused && intake->refused % INTAKE_REFUSED_A_TICK == 0;
	intake->refusing = false;
	if (!enough)
		listen_again(intake);
	let_go(intake);
}

static void refuse(struct intake *intake, int fd)
{
	intake->refused++;
	intake->refusing = true;
	intake->handles++;
	uv_poll_stop(&intake->listener);
	close_beside(intake->listener.loop, fd, on_refused, intake);
}

static void on_connection(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct intake *intake = poll->data;
	int fd = accept4(intake->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	int result = check_peer(intake, fd, &intake->last);
	if (result == 0 && intake->connection_fd >= 0)
		result = error_set(&intake->last, -EBUSY, "a second connection");
	if (result < 0 || uv_poll_init(poll->loop, &intake->connection, fd) < 0) {
		refuse(intake, fd);
		return;
	}
	intake->handles++;
	intake->connection_fd = fd;
	intake->connection.data = intake;
	uv_poll_start(&intake->connection, UV_READABLE, on_readable);
}

static int listen_in(int directory, struct error *err)
{
	/* Through the descriptor, as a socket's path has room for 108 bytes; and under another name
	 * first, so that a umbox that connects again finds the old one or the new one. */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control.new",
		 directory);
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, -errno, "control.sock");
	unlinkat(directory, "control.new", 0);
	/* Any user of the umbox may connect; the folder above keeps others out. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(directory, "control.new", 0666, 0) < 0 || listen(fd, 1) < 0 ||
	    renameat(directory, "control.new", directory, "control.sock") < 0)
		return error_errno(err, -errno, "control.sock");
	return take_fd(fd);
}

int intake_open(struct intake **ret, uv_loop_t *loop, int directory, unsigned lines_per_second,
		struct intake_user *user, struct error *err)
{
	int fd = listen_in(directory, err);
	if (fd < 0)
		return fd;
	struct intake *intake = mem_alloc(sizeof(*intake));
	int result = uv_poll_init(loop, &intake->listener, fd);
	if (result < 0) {
		close(fd);
		free(intake);
		return error_errno(err, result, "control.sock");
	}
	intake->listener.data = intake;
	intake->handles = 1;
	intake->listener_fd = fd;
	intake->connection_fd = -1;
	intake->user = user;
	intake->rate = lines_per_second;
	intake->tokens = (uint64_t)lines_per_second * INTAKE_BURST * TOKENS_A_LINE;
	intake->filled_ms = uv_now(loop);
	*ret = intake;
	return 0;
}

int intake_accept(struct intake *intake, int netns, struct error *err)
{
	if (fstat(netns, &intake->netns) < 0)
		return error_errno(err, -errno, "network namespace");
	int result = uv_poll_start(&intake->listener, UV_READABLE, on_connection);
	return result < 0 ? error_errno(err, result, "control.sock") : 0;
}

static void report_one(struct buffer *words, uint64_t count, const char *what)
{
	if (count)
		buffer_print(words, "%s%" PRIu64 " %s", words->length ? ", " : "", count, what);
}

uint64_t intake_report(struct intake *intake, struct buffer *words)
{
	uint64_t count = intake->over_rate + intake->malformed + intake->refused;
	report_one(words, intake->over_rate, "over the rate");
	report_one(words, intake->malformed, "malformed");
	report_one(words, intake->refused, "refused");
	if (intake->malformed || intake->refused)
		buffer_print(words, " (the last: %s)", intake->last.text);
	if (intake->refused)
		listen_again(intake);
	intake->over_rate = intake->malformed = intake->refused = 0;
	return count;
}
