/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/close_beside.c - see close_beside.h. */
#include "io/close_beside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/mem.h"

enum { WAKE_MS = 1000 };

struct closing {
	int fd;
	void (*closed)(void *data);
	void *data;
	uv_thread_t thread;
	uv_async_t ended;
	uv_timer_t wake;
	unsigned handles;
};

static void on_signal(int number maybe_unused)
{
}

/* Without a handler the signal would be ignored and end no wait. */
static void handle_signal(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGURG, &action, NULL);
}

static void run(void *data)
{
	struct closing *closing = data;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGURG);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	close(closing->fd);
	uv_async_send(&closing->ended);
}

static void finish(struct closing *closing)
{
	if (closing->closed)
		closing->closed(closing->data);
	free(closing);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct closing *closing = handle->data;
	if (--closing->handles == 0)
		finish(closing);
}

static void on_ended(uv_async_t *async)
{
	struct closing *closing = container_of(async, struct closing, ended);
	uv_thread_join(&closing->thread);
	uv_close((uv_handle_t *)&closing->ended, on_handle_closed);
	uv_close((uv_handle_t *)&closing->wake, on_handle_closed);
}

static void on_wake(uv_timer_t *timer)
{
	pthread_kill(container_of(timer, struct closing, wake)->thread, SIGURG);
}

void close_beside(uv_loop_t *loop, int fd, void (*closed)(void *data), void *data)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, handle_signal);
	struct closing *closing = mem_alloc(sizeof(*closing));
	*closing = (struct closing){.fd = fd, .closed = closed, .data = data, .handles = 2};
	closing->ended.data = closing->wake.data = closing;
	uv_async_init(loop, &closing->ended, on_ended);
	uv_timer_init(loop, &closing->wake);
	uv_timer_start(&closing->wake, on_wake, WAKE_MS, WAKE_MS);
	if (uv_thread_create(&closing->thread, run, closing) == 0)
		return;
	close(fd); /* no thread to be had: better late than never */
	uv_close((uv_handle_t *)&closing->ended, on_handle_closed);
	uv_close((uv_handle_t *)&closing->wake, on_handle_closed);
}
