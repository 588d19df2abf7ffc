/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - the loop: waits for the legs, judges frames, keeps the connection and the time. */
#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "kernel.h"

enum {
	HEARTBEAT_US = 2 * 1000 * 1000,
	BATCHES_PER_TURN = 8, /* before the other leg, and the clock, have their turn */
};

static const char *const leg_names[UMBOX_LEG_COUNT] = {"in", "out"};
static const char direct_name[] = "direct";

enum watched { WATCHED_IN, WATCHED_OUT, WATCHED_SIGNAL, WATCHED_LINK, WATCHED_CONTROL };

int64_t umbox_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

void umbox_watch_fd(struct umbox *umbox, int fd, uint32_t what, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = what};
	if (fd < 0 || epoll_ctl(umbox->watch_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		umbox_fail(umbox, "cannot watch a descriptor: %s", strerror(errno));
}

/* --- legs */

static int open_link_notices(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool attached(const struct umbox *umbox)
{
	return umbox->legs_seen;
}

/* An image that asks for it has a third leg, for answers. */
static bool open_direct(struct umbox *umbox)
{
	int result = umbox_leg_open_to_send(&umbox->direct, direct_name, umbox->direct.index);
	if (result < 0)
		umbox_fail(umbox, "leg '%s': %s", direct_name, strerror(-result));
	return result == 0;
}

static bool open_legs(struct umbox *umbox)
{
	for (int i = 0; i < UMBOX_LEG_COUNT; i++) {
		int result = umbox_leg_open(&umbox->legs[i], leg_names[i], umbox->legs[i].index);
		if (result < 0) {
			umbox_fail(umbox, "leg '%s': %s", leg_names[i], strerror(-result));
			return false;
		}
	}
	return !umbox->direct.index || open_direct(umbox);
}

static void start_forwarding(struct umbox *umbox)
{
	if (!(umbox->kernel ? kernel_attach(umbox->kernel) : open_legs(umbox)))
		return;
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		umbox_watch_fd(umbox, umbox->sources[i].fd, (uint32_t)i, EPOLLIN);
	umbox_control_ready(&umbox->control, umbox->now_us);
}

static void attach(struct umbox *umbox)
{
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		if (!umbox_leg_is_up(leg_names[i], &umbox->legs[i].index))
			return;
	if (if_nametoindex(direct_name) && !umbox_leg_is_up(direct_name, &umbox->direct.index))
		return;
	if (umbox->ready_after_ms == UMBOX_NEVER)
		return;
	if (umbox->ready_after_ms && umbox->ready_us == INT64_MAX)
		umbox->ready_us = umbox->now_us + umbox->ready_after_ms * 1000;
	if (umbox->ready_us != INT64_MAX && umbox->now_us < umbox->ready_us)
		return;
	umbox->ready_us = INT64_MAX;
	umbox->legs_seen = true;
	if (umbox->kernel || umbox->handler->on_frame)
		start_forwarding(umbox);
	else if (umbox->handler->on_legs)
		umbox->handler->on_legs(umbox, umbox->handler->user);
}

/* A leg that is down may come up again; one that is gone never comes back. */
static void check_legs(struct umbox *umbox)
{
	if (!attached(umbox)) {
		attach(umbox);
		return;
	}
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		if (if_nametoindex(leg_names[i]) != umbox->legs[i].index)
			umbox_fail(umbox, "leg '%s' is gone", leg_names[i]);
	if (umbox->direct.index && if_nametoindex(direct_name) != umbox->direct.index)
		umbox_fail(umbox, "leg '%s' is gone", direct_name);
}

static void on_link_notice(struct umbox *umbox)
{
	char notices[16 * 1024];
	while (recv(umbox->link_fd, notices, sizeof(notices), MSG_DONTWAIT) > 0)
		continue;
	check_legs(umbox);
}

/* --- frames */

static enum umbox_leg other(enum umbox_leg leg)
{
	return leg == UMBOX_IN ? UMBOX_OUT : UMBOX_IN;
}

/* Without on_frame the rules in the kernel hand nothing up, and what is there is not theirs. */
static enum umbox_verdict verdict_of(struct umbox *umbox, struct umbox_frame *frame)
{
	const struct umbox_handler *handler = umbox->handler;
	return handler->on_frame ? handler->on_frame(umbox, frame, handler->user) : UMBOX_DROP;
}

/* In shadow a copy is judged, and the frame passes as it came. */
static void only_judge(struct umbox *umbox, const struct umbox_frame *frame)
{
	struct umbox_frame copy = *frame;
	copy.bytes = umbox->shadow_room;
	memcpy(copy.bytes, frame->bytes, frame->length);
	enum umbox_verdict verdict = verdict_of(umbox, &copy);
	if (verdict == UMBOX_SEEN)
		return; /* the kernel has passed what this is a copy of */
	if (verdict != UMBOX_PASS)
		umbox->would_drop++;
	umbox_outgoing_add(&umbox->outgoing[other(frame->from)], frame);
}

static void answer(struct umbox *umbox, struct umbox_frame *frame)
{
	frame->offload = (struct umbox_offload){0};
	if (frame->from == UMBOX_OUT && !names_allow(&umbox->names, frame))
		umbox->dropped++;
	else
		umbox_outgoing_add(&umbox->outgoing[frame->from], frame);
}

static void judge(struct umbox *umbox, struct umbox_frame *frame)
{
	if (umbox->shadow) {
		only_judge(umbox, frame);
		return;
	}
	switch (verdict_of(umbox, frame)) {
	case UMBOX_PASS: umbox_outgoing_add(&umbox->outgoing[other(frame->from)], frame); break;
	case UMBOX_DROP: umbox->dropped++; break;
	case UMBOX_ANSWER: answer(umbox, frame); break;
	case UMBOX_KEEP: umbox->kept++; break;
	case UMBOX_SEEN: break;
	}
}

static void on_frames(struct umbox *umbox, enum umbox_leg side)
{
	struct umbox_leg_socket *legs = umbox->legs;
	struct umbox_leg_socket *back = umbox->direct.fd >= 0 ? &umbox->direct : &legs[side];
	bool more = true;
	for (int turn = 0; more && turn < BATCHES_PER_TURN; turn++) {
		more = umbox_leg_receive(&umbox->sources[side], side, umbox->batch, umbox->now_us,
					 &umbox->counts);
		for (unsigned i = 0; i < umbox->batch->count; i++) {
			if (side == UMBOX_IN)
				names_hear(&umbox->names, &umbox->batch->frames[i]);
			judge(umbox, &umbox->batch->frames[i]);
		}
		umbox->passed += umbox_leg_flush(&legs[other(side)], &umbox->outgoing[other(side)],
						 &umbox->counts);
		umbox->answered += umbox_leg_flush(back, &umbox->outgoing[side], &umbox->counts);
		umbox_leg_release(&umbox->sources[side]);
	}
}

void umbox_send(struct umbox *umbox, enum umbox_leg to, const struct umbox_frame *frame)
{
	struct umbox_outgoing one = {0};
	if (umbox->shadow || (to == UMBOX_OUT && !names_allow(&umbox->names, frame)))
		return;
	umbox_outgoing_add(&one, frame);
	umbox->passed += umbox_leg_flush(&umbox->legs[to], &one, &umbox->counts);
}

void umbox_ready_after(struct umbox *umbox, int64_t ms)
{
	umbox->ready_after_ms = ms;
	if (ms == 0 && umbox->watch_fd >= 0 && !attached(umbox))
		attach(umbox);
}

void umbox_wake_at(struct umbox *umbox, int64_t at_us)
{
	if (at_us < umbox->wake_us)
		umbox->wake_us = at_us;
}

/* --- the loop */

static void on_signal(struct umbox *umbox, bool *stop)
{
	struct signalfd_siginfo info;
	while (read(umbox->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			umbox_bearer_bury(umbox);
		else
			*stop = true;
	}
}

static void on_event(struct umbox *umbox, uint32_t what, bool *stop)
{
	if (what >= UMBOX_WATCHED_OWN) {
		umbox_bearer_serve(umbox, what - UMBOX_WATCHED_OWN);
		return;
	}
	switch ((enum watched)what) {
	case WATCHED_IN: on_frames(umbox, UMBOX_IN); break;
	case WATCHED_OUT: on_frames(umbox, UMBOX_OUT); break;
	case WATCHED_SIGNAL: on_signal(umbox, stop); break;
	case WATCHED_LINK: on_link_notice(umbox); break;
	case WATCHED_CONTROL: umbox_control_serve(&umbox->control, umbox->now_us); break;
	}
}

static void on_time(struct umbox *umbox)
{
	/* Edge-triggered, so that room for writing wakes only when it was missing before. */
	if (umbox_control_connect(&umbox->control, umbox->now_us))
		umbox_watch_fd(umbox, umbox->control.fd, WATCHED_CONTROL,
			       EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	if (umbox->now_us >= umbox->ready_us)
		attach(umbox);
	if (umbox->now_us >= umbox->heartbeat_us) {
		umbox->heartbeat_us = umbox->now_us + HEARTBEAT_US;
		check_legs(umbox); /* a notice may have been lost */
		umbox_heartbeat(umbox);
	}
	if (umbox->now_us >= umbox->wake_us) {
		umbox->wake_us = INT64_MAX;
		if (umbox->handler->on_time)
			umbox->handler->on_time(umbox, umbox->now_us, umbox->handler->user);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int time_left_ms(const struct umbox *umbox)
{
	int64_t next = earlier(umbox->heartbeat_us, umbox->wake_us);
	next = earlier(next, umbox->ready_us);
	if (umbox->control.fd < 0)
		next = earlier(next, umbox->control.next_us);
	int64_t left = (next - umbox->now_us + 999) / 1000;
	return left < 0 ? 0 : (int)left; /* a heartbeat away at most */
}

static void start(struct umbox *umbox)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	umbox->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	umbox->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	umbox->link_fd = open_link_notices();
	umbox_watch_fd(umbox, umbox->signal_fd, WATCHED_SIGNAL, EPOLLIN);
	umbox_watch_fd(umbox, umbox->link_fd, WATCHED_LINK, EPOLLIN);
	for (unsigned i = 0; i < umbox->device.count; i++)
		names_add(&umbox->names, &umbox->device.ip[i]);
	umbox->batch = umbox_batch_new();
	if (umbox->shadow) {
		umbox->shadow_room = malloc(FRAME_ROOM_BYTES);
		if (!umbox->shadow_room)
			abort();
	}
	umbox->now_us = umbox_now_us();
	umbox->ready_us = INT64_MAX;
	umbox->heartbeat_us = umbox->now_us + HEARTBEAT_US;
	umbox_bearer_start(umbox);
	check_legs(umbox);
}

static int stop(struct umbox *umbox)
{
	int failed = umbox->failure[0] != '\0';
	if (failed) {
		fprintf(stderr, "%s\n", umbox->failure);
		umbox_say_failure(umbox);
	}
	/* The connection first: its end is what the daemon waits for, and packet sockets are slow
	 * to close. */
	umbox_control_done(&umbox->control);
	umbox_bearer_stop(umbox);
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		umbox_leg_close(&umbox->legs[i]);
	umbox_leg_close(&umbox->direct);
	int descriptors[] = {umbox->watch_fd, umbox->signal_fd, umbox->link_fd};
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	umbox_batch_free(umbox->batch);
	umbox_free(umbox);
	return failed;
}

int umbox_run(struct umbox *umbox, const struct umbox_handler *handler)
{
	bool ended = false;
	umbox->handler = handler;
	if (umbox->shadow && !umbox->kernel && !handler->on_frame)
		umbox_fail(umbox, "it cannot run in shadow: another program forwards");
	if (!umbox->failure[0])
		start(umbox);
	while (!ended && !umbox->failure[0]) {
		struct epoll_event events[8];
		on_time(umbox);
		int count = epoll_wait(umbox->watch_fd, events, 8, time_left_ms(umbox));
		umbox->now_us = umbox_now_us();
		for (int i = 0; i < count; i++)
			on_event(umbox, events[i].data.u32, &ended);
	}
	return stop(umbox);
}
