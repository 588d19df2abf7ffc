/* SPDX-License-Identifier: Apache-2.0 */
/* bearer.c - see umbox_bearer.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

enum { CHILD_RELAYED_BYTES = 32 * 1024 }; /* less than a pipe takes whose reader hangs */

void umbox_ready(struct umbox *umbox)
{
	assert(umbox->legs_seen);
	umbox_control_ready(&umbox->control, umbox->now_us);
}

void umbox_set_account(struct umbox *umbox, const struct umbox_account *account)
{
	umbox->passed = account->passed;
	umbox->dropped = account->dropped;
	umbox->counts.lost = account->lost;
	umbox->counts.overrun = account->overrun;
}

static struct umbox_watched *find_watched(struct umbox *umbox, int fd)
{
	for (unsigned i = 0; i < umbox->watched_count; i++)
		if (umbox->watched[i].fd == fd)
			return &umbox->watched[i];
	return NULL;
}

static void follow(struct umbox *umbox, const struct umbox_watched *watched)
{
	uint32_t number = (uint32_t)(watched - umbox->watched);
	umbox_watch_fd(umbox, watched->fd, UMBOX_WATCHED_OWN + number, EPOLLIN);
}

void umbox_watch(struct umbox *umbox, int fd, umbox_on_readable *on_readable, void *user)
{
	struct umbox_watched *place = find_watched(umbox, -1);
	if (!place) {
		assert(umbox->watched_count < UMBOX_WATCHED_MAX);
		place = &umbox->watched[umbox->watched_count++];
	}
	*place = (struct umbox_watched){.fd = fd, .on_readable = on_readable, .user = user};
	if (umbox->watch_fd >= 0)
		follow(umbox, place);
}

void umbox_unwatch(struct umbox *umbox, int fd)
{
	struct umbox_watched *place = find_watched(umbox, fd);
	assert(place);
	if (umbox->watch_fd >= 0)
		epoll_ctl(umbox->watch_fd, EPOLL_CTL_DEL, fd, NULL);
	place->fd = -1;
}

void umbox_bearer_start(struct umbox *umbox)
{
	for (unsigned i = 0; i < umbox->watched_count; i++)
		if (umbox->watched[i].fd >= 0)
			follow(umbox, &umbox->watched[i]);
}

void umbox_bearer_serve(struct umbox *umbox, unsigned number)
{
	struct umbox_watched watched = umbox->watched[number];
	if (watched.fd >= 0) /* not given up in this very turn */
		watched.on_readable(umbox, watched.fd, watched.user);
}

void umbox_hear_child(struct umbox *umbox, umbox_on_words *on_words, void *user)
{
	umbox->on_words = on_words;
	umbox->words_user = user;
}

/* Its output goes on to our own, as far as nobody's not listening can hold us up; the end of it is
 * kept. Returns as read(2) does. */
static ssize_t hear(struct umbox *umbox, int fd)
{
	char text[UMBOX_WORDS_BYTES / 2];
	ssize_t count = read(fd, text, sizeof(text));
	if (count <= 0)
		return count;
	size_t length = (size_t)count, kept = umbox->child_words_length;
	if (umbox->on_words)
		umbox->on_words(umbox, text, length, umbox->words_user);
	if (umbox->child_said + length <= CHILD_RELAYED_BYTES)
		umbox->child_said += write(STDERR_FILENO, text, length) > 0 ? length : 0;
	if (kept + length > UMBOX_WORDS_BYTES) {
		size_t gone = kept + length - UMBOX_WORDS_BYTES;
		kept -= gone;
		memmove(umbox->child_words, umbox->child_words + gone, kept);
	}
	memcpy(umbox->child_words + kept, text, length);
	umbox->child_words_length = kept + length;
	return count;
}

static void on_output(struct umbox *umbox, int fd, void *user)
{
	(void)user;
	if (hear(umbox, fd) != 0)
		return;
	umbox_unwatch(umbox, fd);
	close(fd);
	umbox->child_output = -1;
}

static _Noreturn void become(const char *const argv[], pid_t parent, int output)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	/* In a container the kernel ends all with the first process; elsewhere this does. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execv(argv[0], (char *const *)argv);
	_exit(127);
}

void umbox_start_child(struct umbox *umbox, const char *const argv[])
{
	int ends[2];
	assert(!umbox->child);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		umbox_fail(umbox, "%s: %s", argv[0], strerror(errno));
		return;
	}
	pid_t parent = getpid(), child = fork();
	if (child == 0)
		become(argv, parent, ends[1]);
	close(ends[1]);
	if (child < 0) {
		umbox_fail(umbox, "%s: %s", argv[0], strerror(errno));
		close(ends[0]);
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	umbox->child = child;
	umbox->child_name = argv[0];
	umbox->child_output = ends[0];
	umbox_watch(umbox, ends[0], on_output, NULL);
}

/* The last words as one line, without what is left of a first one that is not whole. */
static const char *last_words(struct umbox *umbox, char text[static UMBOX_WORDS_BYTES + 1])
{
	while (umbox->child_output >= 0 && hear(umbox, umbox->child_output) > 0)
		continue;
	size_t length = umbox->child_words_length;
	memcpy(text, umbox->child_words, length);
	while (length && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	char *first = strchr(text, '\n');
	const char *words = umbox->child_words_length == UMBOX_WORDS_BYTES && first ? first + 1
										    : text;
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = '|';
	return words;
}

static void tell_end(struct umbox *umbox, int status)
{
	char text[UMBOX_WORDS_BYTES + 1];
	const char *words = last_words(umbox, text), *between = *words ? ": " : "";
	umbox->child = 0;
	if (WIFSIGNALED(status))
		umbox_fail(umbox, "%s ended by signal %d%s%s", umbox->child_name, WTERMSIG(status),
			   between, words);
	else if (WEXITSTATUS(status) == 127)
		umbox_fail(umbox, "%s could not be started", umbox->child_name);
	else
		umbox_fail(umbox, "%s ended with status %d%s%s", umbox->child_name,
			   WEXITSTATUS(status), between, words);
}

void umbox_bearer_bury(struct umbox *umbox)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == umbox->child)
			tell_end(umbox, status);
}

void umbox_bearer_stop(struct umbox *umbox)
{
	if (umbox->child_output >= 0)
		close(umbox->child_output);
	if (!umbox->child)
		return;
	kill(umbox->child, SIGKILL);
	while (waitpid(umbox->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	umbox->child = 0;
}
