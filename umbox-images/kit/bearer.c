/* SPDX-License-Identifier: Apache-2.0 */
/* bearer.c - see umbox_bearer.h. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

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

static _Noreturn void become(const char *const argv[], pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* In a container the kernel ends all with the first process; elsewhere this does. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execv(argv[0], (char *const *)argv);
	_exit(127);
}

void umbox_start_child(struct umbox *umbox, const char *const argv[])
{
	assert(!umbox->child);
	pid_t parent = getpid(), child = fork();
	if (child == 0)
		become(argv, parent);
	if (child < 0) {
		umbox_fail(umbox, "%s: %s", argv[0], strerror(errno));
		return;
	}
	umbox->child = child;
	umbox->child_name = argv[0];
}

static void tell_end(struct umbox *umbox, int status)
{
	umbox->child = 0;
	if (WIFSIGNALED(status))
		umbox_fail(umbox, "%s ended by signal %d", umbox->child_name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		umbox_fail(umbox, "%s could not be started", umbox->child_name);
	else
		umbox_fail(umbox, "%s ended with status %d", umbox->child_name,
			   WEXITSTATUS(status));
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
	if (!umbox->child)
		return;
	kill(umbox->child, SIGKILL);
	while (waitpid(umbox->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	umbox->child = 0;
}
