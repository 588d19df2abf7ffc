/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/transfer.c - see transfer.h.
 *
 * curl tells which sockets it waits for (on_socket) and until when (on_timeout); a uv_poll_t for
 * each socket and one uv_timer_t drive it.  curl is entered from those two places and from the
 * queue of started and cancelled transfers only, so that no completion runs inside one of curl's
 * callbacks. */
#include "io/transfer.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { CONNECTIONS_KEPT = 8 };

struct transfers {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct later_queue later;
	struct transfer *all;
	unsigned handles; /* libuv handles that are not closed yet */
	bool closing, cleaned;
	struct later finish;
	void (*closed)(void *data);
	void *closed_data;
};

/* One of curl's sockets; freed in its handle's close callback. */
struct watched {
	struct transfers *transfers;
	uv_poll_t poll;
};

static void handle_closed(struct transfers *transfers)
{
	if (--transfers->handles)
		return;
	void (*closed)(void *) = transfers->closed;
	void *data = transfers->closed_data;
	free(transfers);
	curl_global_cleanup();
	closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_timer_t *)handle, struct transfers, timer));
}

static void on_later_closed(struct later_queue *queue)
{
	handle_closed(container_of(queue, struct transfers, later));
}

/* Cleaning the multi handle closes the kept connections, which closes their poll handles. */
static void on_finish(struct later *later)
{
	struct transfers *transfers = container_of(later, struct transfers, finish);
	curl_multi_cleanup(transfers->multi);
	transfers->cleaned = true;
	uv_close((uv_handle_t *)&transfers->timer, on_timer_closed);
	later_queue_close(&transfers->later, on_later_closed);
}

static void finish_when_idle(struct transfers *transfers)
{
	if (transfers->closing && !transfers->all && !transfers->cleaned)
		later_add(&transfers->later, &transfers->finish, on_finish);
}

int transfer_result(const struct transfer *transfer, CURLcode code, const char *what,
		    struct error *err)
{
	if (transfer->cancelled)
		return error_set(err, -ECANCELED, "%s: cancelled", what);
	if (code == CURLE_OK)
		return 0;
	long os_error = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
	if (code == CURLE_COULDNT_CONNECT && os_error)
		return error_errno(err, -(int)os_error, "%s", what);
	return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO, "%s: %s", what,
			 transfer->words[0] ? transfer->words : curl_easy_strerror(code));
}

static void complete(struct transfer *transfer, CURLcode code)
{
	struct transfers *transfers = transfer->transfers;
	curl_multi_remove_handle(transfers->multi, transfer->easy);
	if (transfer->previous)
		transfer->previous->next = transfer->next;
	else
		transfers->all = transfer->next;
	if (transfer->next)
		transfer->next->previous = transfer->previous;
	transfer->done(transfer, code);
	finish_when_idle(transfers);
}

static void complete_finished(struct transfers *transfers)
{
	int left;
	CURLMsg *message;
	while (!transfers->cleaned && (message = curl_multi_info_read(transfers->multi, &left))) {
		char *private;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct transfer *transfer = (void *)private;
		if (!transfer->cancelled) /* else on_cancel is on its way */
			complete(transfer, code);
	}
}

static void act(struct transfers *transfers, curl_socket_t socket, int events)
{
	int running;
	curl_multi_socket_action(transfers->multi, socket, events, &running);
	complete_finished(transfers);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched *watched = container_of(poll, struct watched, poll);
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)poll, &fd) < 0)
		return;
	int action = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		action |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		action |= CURL_CSELECT_OUT;
	act(watched->transfers, fd, action);
}

static void on_timer(uv_timer_t *timer)
{
	act(container_of(timer, struct transfers, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi maybe_unused, long timeout_ms, void *data)
{
	struct transfers *transfers = data;
	if (timeout_ms < 0)
		return uv_timer_stop(&transfers->timer);
	return uv_timer_start(&transfers->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_watched_closed(uv_handle_t *handle)
{
	struct watched *watched = container_of((uv_poll_t *)handle, struct watched, poll);
	struct transfers *transfers = watched->transfers;
	free(watched);
	handle_closed(transfers);
}

static void unwatch(struct transfers *transfers, curl_socket_t socket, struct watched *watched)
{
	curl_multi_assign(transfers->multi, socket, NULL);
	uv_close((uv_handle_t *)&watched->poll, on_watched_closed);
}

static int on_socket(CURL *easy maybe_unused, curl_socket_t socket, int what, void *data,
		     void *socket_data)
{
	struct transfers *transfers = data;
	struct watched *watched = socket_data;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			unwatch(transfers, socket, watched);
		return 0;
	}
	if (!watched) {
		watched = mem_alloc(sizeof(*watched));
		watched->transfers = transfers;
		if (uv_poll_init(transfers->loop, &watched->poll, socket) < 0) {
			free(watched);
			return -1;
		}
		transfers->handles++;
		curl_multi_assign(transfers->multi, socket, watched);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
		     (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&watched->poll, events, on_poll);
}

static curl_socket_t on_open_socket(void *data maybe_unused, curlsocktype purpose maybe_unused,
				    struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl has told on_socket to forget it by now, so that no poll handle looks at a
 * closed descriptor. */
static int on_close_socket(void *data maybe_unused, curl_socket_t socket)
{
	return close(socket);
}

int transfers_open(struct transfers **ret, uv_loop_t *loop, struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -EIO, "curl cannot be set up");
	struct transfers *transfers = mem_alloc(sizeof(*transfers));
	transfers->loop = loop;
	transfers->multi = curl_multi_init();
	assert(transfers->multi);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	uv_timer_init(loop, &transfers->timer);
	later_queue_open(&transfers->later, loop);
	transfers->handles = 2;
	*ret = transfers;
	return 0;
}

void transfers_close(struct transfers *transfers, void (*closed)(void *data), void *data)
{
	transfers->closing = true;
	transfers->closed = closed;
	transfers->closed_data = data;
	for (struct transfer *t = transfers->all; t; t = t->next)
		transfer_cancel(t);
	finish_when_idle(transfers);
}

/* Only asks for a timeout of 0; the work begins in the loop. */
static void on_start(struct later *later)
{
	struct transfer *transfer = container_of(later, struct transfer, later);
	if (transfer->cancelled) {
		complete(transfer, CURLE_OK);
		return;
	}
	CURLMcode code = curl_multi_add_handle(transfer->transfers->multi, transfer->easy);
	assert(code == CURLM_OK);
}

void transfer_start(struct transfers *transfers, struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	assert(!transfers->closing);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	transfer->transfers = transfers;
	transfer->words[0] = '\0';
	transfer->cancelled = false;
	transfer->previous = NULL;
	transfer->next = transfers->all;
	if (transfers->all)
		transfers->all->previous = transfer;
	transfers->all = transfer;
	transfer->later = (struct later){0};
	later_add(&transfers->later, &transfer->later, on_start);
}

static void on_cancel(struct later *later)
{
	complete(container_of(later, struct transfer, later), CURLE_OK);
}

void transfer_cancel(struct transfer *transfer)
{
	if (transfer->cancelled)
		return;
	transfer->cancelled = true;
	later_add(&transfer->transfers->later, &transfer->later, on_cancel);
}
