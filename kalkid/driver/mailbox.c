/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/mailbox.c - see mailbox.h. */
#include "driver/mailbox.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/smtp.h"

enum {
	BACKLOG = 16,
	CALLERS_MAX = 256,
	CALLERS_OF_ONE_MAX = 4, /* so that no device keeps the others out */
	CALLER_MS = 60000,
	RETRY_MS = 1000,
	PIECE_BYTES = 4096,
};

/* One address that is listened at. */
struct mail_door {
	struct mailboxes *mailboxes;
	char *listen;
	uv_tcp_t tcp;
	uv_timer_t retry;
	struct mailbox *users;
	struct caller *callers;
	unsigned caller_count;
	unsigned handles;
	bool listening, told;
	struct mail_door *prev, *next;
};

/* One connection. */
struct caller {
	struct mail_door *door;
	uv_tcp_t tcp;
	uv_timer_t deadline;
	unsigned handles;
	struct ip peer;
	struct smtp_session session;
	char piece[PIECE_BYTES];
	struct caller *prev, *next;
};

struct mailboxes {
	uv_loop_t *loop;
	struct mail_door *doors;
	unsigned ending;
	uv_timer_t timer;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

struct reply {
	uv_write_t write;
	char *text;
};

/* --- ends --- */

static void on_timer_closed(uv_handle_t *handle)
{
	struct mailboxes *mailboxes = container_of((uv_timer_t *)handle, struct mailboxes, timer);
	void (*closed)(void *) = mailboxes->closed;
	void *data = mailboxes->closed_data;
	free(mailboxes);
	closed(data);
}

static void close_when_idle(struct mailboxes *mailboxes)
{
	if (mailboxes->closing && !mailboxes->doors && !mailboxes->ending)
		uv_close((uv_handle_t *)&mailboxes->timer, on_timer_closed);
}

static void free_door_when_closed(struct mail_door *door)
{
	struct mailboxes *mailboxes = door->mailboxes;
	if (door->handles || door->callers)
		return;
	free(door->listen);
	free(door);
	mailboxes->ending--;
	close_when_idle(mailboxes);
}

static void on_door_closed(uv_handle_t *handle)
{
	struct mail_door *door = handle->data;
	door->handles--;
	free_door_when_closed(door);
}

static void on_caller_closed(uv_handle_t *handle)
{
	struct caller *caller = handle->data;
	struct mail_door *door = caller->door;
	if (--caller->handles)
		return;
	DL_DELETE(door->callers, caller);
	door->caller_count--;
	free(caller);
	if (!door->users)
		free_door_when_closed(door);
}

static void close_caller(struct caller *caller)
{
	if (uv_is_closing((uv_handle_t *)&caller->tcp))
		return;
	uv_close((uv_handle_t *)&caller->tcp, on_caller_closed);
	uv_close((uv_handle_t *)&caller->deadline, on_caller_closed);
}

/* --- one connection --- */

static bool is_of(const struct mailbox *mailbox, const struct ip *peer)
{
	for (unsigned i = 0; i < mailbox->device->ip_count; i++)
		if (ip_equal(&mailbox->device->ips[i], peer))
			return true;
	return false;
}

static bool is_for(const struct mailbox *mailbox, const char *address)
{
	return !mailbox->to || strcasecmp(mailbox->to, address) == 0;
}

static void on_replied(uv_write_t *write, int status maybe_unused)
{
	struct reply *reply = container_of(write, struct reply, write);
	struct caller *caller = write->handle->data;
	if (caller->session.phase == SMTP_ENDED)
		close_caller(caller);
	free(reply->text);
	free(reply);
}

static void say(void *data, const char *line)
{
	struct caller *caller = data;
	struct reply *reply = mem_alloc(sizeof(*reply));
	reply->text = mem_copy_text(line);
	uv_buf_t piece = uv_buf_init(reply->text, (unsigned)strlen(line));
	if (uv_write(&reply->write, (uv_stream_t *)&caller->tcp, &piece, 1, on_replied) == 0)
		return;
	free(reply->text);
	free(reply);
	close_caller(caller);
}

static bool accepts(void *data, const char *address)
{
	const struct caller *caller = data;
	const struct mailbox *mailbox;
	DL_FOREACH(caller->door->users, mailbox)
	if (is_of(mailbox, &caller->peer) && is_for(mailbox, address))
		return true;
	return false;
}

static void on_mail(void *data, const struct smtp_session *session)
{
	struct caller *caller = data;
	struct mailbox *mailbox, *next;
	DL_FOREACH_SAFE(caller->door->users, mailbox, next)
	{
		bool for_it = false;
		for (unsigned i = 0; i < session->to_count; i++)
			for_it = for_it || is_for(mailbox, session->to[i]);
		if (for_it && is_of(mailbox, &caller->peer))
			mailbox->on_mail(mailbox);
	}
}

static const struct smtp_hooks HOOKS = {say, accepts, on_mail};

static void on_alloc(uv_handle_t *handle, size_t size maybe_unused, uv_buf_t *ret)
{
	struct caller *caller = handle->data;
	*ret = uv_buf_init(caller->piece, sizeof(caller->piece));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct caller *caller = stream->data;
	if (count < 0)
		close_caller(caller);
	else
		smtp_feed(&caller->session, bytes->base, (size_t)count, &HOOKS, caller);
}

static void on_deadline(uv_timer_t *timer)
{
	close_caller(timer->data);
}

/* None for what is no address of IP. */
static struct ip peer_of(const uv_tcp_t *tcp)
{
	struct sockaddr_storage address = {0};
	int length = sizeof(address);
	struct ip ip = {0};
	uv_tcp_getpeername(tcp, (struct sockaddr *)&address, &length);
	if (address.ss_family == AF_INET) {
		ip.family = 4;
		memcpy(ip.octet, &((struct sockaddr_in *)&address)->sin_addr, 4);
	} else if (address.ss_family == AF_INET6) {
		const struct in6_addr *in6 = &((struct sockaddr_in6 *)&address)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(in6);
		ip.family = mapped ? 4 : 6;
		memcpy(ip.octet, mapped ? in6->s6_addr + 12 : in6->s6_addr, mapped ? 4 : 16);
	}
	return ip;
}

static unsigned callers_of(const struct mail_door *door, const struct ip *peer)
{
	const struct caller *caller;
	unsigned count = 0;
	DL_FOREACH(door->callers, caller)
	count += ip_equal(&caller->peer, peer);
	return count;
}

/* Strangers are not spoken with. */
static bool is_welcome(const struct mail_door *door, const struct ip *peer)
{
	const struct mailbox *mailbox;
	DL_FOREACH(door->users, mailbox)
	if (is_of(mailbox, peer))
		return door->caller_count <= CALLERS_MAX &&
		       callers_of(door, peer) <= CALLERS_OF_ONE_MAX;
	return false;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct mail_door *door = listener->data;
	if (status < 0)
		return;
	struct caller *caller = mem_alloc(sizeof(*caller));
	caller->door = door;
	caller->handles = 2;
	DL_APPEND(door->callers, caller);
	door->caller_count++;
	uv_tcp_init(listener->loop, &caller->tcp);
	uv_timer_init(listener->loop, &caller->deadline);
	caller->tcp.data = caller->deadline.data = caller;
	if (uv_accept(listener, (uv_stream_t *)&caller->tcp) < 0) {
		close_caller(caller);
		return;
	}
	caller->peer = peer_of(&caller->tcp);
	if (!is_welcome(door, &caller->peer)) {
		close_caller(caller);
		return;
	}
	uv_timer_start(&caller->deadline, on_deadline, CALLER_MS, 0);
	smtp_begin(&caller->session, &HOOKS, caller);
	uv_read_start((uv_stream_t *)&caller->tcp, on_alloc, on_read);
}

/* --- listening --- */

static int bind_address(struct mail_door *door)
{
	struct sockaddr_storage address;
	cleanup_free char *host = mem_copy_text(door->listen);
	char *colon = strrchr(host, ':');
	int port = atoi(colon + 1);
	*colon = '\0';
	char *bare = host[0] == '[' ? host + 1 : host;
	bare[strcspn(bare, "]")] = '\0';
	int r = host[0] == '[' ? uv_ip6_addr(bare, port, (struct sockaddr_in6 *)&address)
			       : uv_ip4_addr(bare, port, (struct sockaddr_in *)&address);
	if (r == 0)
		r = uv_tcp_bind(&door->tcp, (struct sockaddr *)&address, 0);
	return r < 0 ? r : uv_listen((uv_stream_t *)&door->tcp, BACKLOG, on_connection);
}

static void on_retry(uv_timer_t *timer);

static void on_tcp_closed(uv_handle_t *handle)
{
	struct mail_door *door = handle->data;
	door->handles--;
	if (door->users)
		uv_timer_start(&door->retry, on_retry, RETRY_MS, 0);
	else
		free_door_when_closed(door);
}

static void on_retry(uv_timer_t *timer)
{
	struct mail_door *door = timer->data;
	uv_tcp_init(door->mailboxes->loop, &door->tcp);
	door->tcp.data = door;
	door->handles++;
	int r = bind_address(door);
	door->listening = r == 0;
	if (r == 0)
		return;
	if (!door->told)
		log_warning("no mail can be taken yet", "listen=%s error=\"%s\"", door->listen,
			    uv_strerror(r));
	door->told = true;
	uv_close((uv_handle_t *)&door->tcp, on_tcp_closed);
}

void mailboxes_open(struct mailboxes **ret, uv_loop_t *loop)
{
	struct mailboxes *mailboxes = mem_alloc(sizeof(*mailboxes));
	mailboxes->loop = loop;
	uv_timer_init(loop, &mailboxes->timer);
	*ret = mailboxes;
}

void mailboxes_close(struct mailboxes *mailboxes, void (*closed)(void *data), void *data)
{
	mailboxes->closing = true;
	mailboxes->closed = closed;
	mailboxes->closed_data = data;
	close_when_idle(mailboxes);
}

static struct mail_door *find_door(struct mailboxes *mailboxes, const char *listen)
{
	struct mail_door *door;
	DL_FOREACH(mailboxes->doors, door)
	if (text_equal(door->listen, listen))
		return door;
	door = mem_alloc(sizeof(*door));
	door->mailboxes = mailboxes;
	door->listen = mem_copy_text(listen);
	uv_timer_init(mailboxes->loop, &door->retry);
	door->retry.data = door;
	door->handles = 1;
	uv_timer_start(&door->retry, on_retry, 0, 0);
	DL_APPEND(mailboxes->doors, door);
	return door;
}

void mailbox_enter(struct mailboxes *mailboxes, struct mailbox *mailbox)
{
	mailbox->door = find_door(mailboxes, mailbox->listen);
	DL_APPEND(mailbox->door->users, mailbox);
}

void mailbox_leave(struct mailbox *mailbox)
{
	struct mail_door *door = mailbox->door;
	struct caller *caller;
	DL_DELETE(door->users, mailbox);
	if (door->users)
		return;
	DL_DELETE(door->mailboxes->doors, door);
	door->mailboxes->ending++;
	DL_FOREACH(door->callers, caller)
	close_caller(caller);
	uv_close((uv_handle_t *)&door->retry, on_door_closed);
	if (door->listening)
		uv_close((uv_handle_t *)&door->tcp, on_door_closed);
}
