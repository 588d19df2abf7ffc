/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_watch.c - what happens to containers, interfaces and rules, and what the rules drop,
 * as notices. */
#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/local_inner.h"

enum { DROPS_MS = 1000 };

/* --- Docker --- */

static void on_docker_up(struct docker_listener *listener)
{
	struct local_driver *local = container_of(listener, struct local_driver, docker_listener);
	local_forget_images(local);
	local_tell(local, &(struct driver_notice){.kind = DRIVER_ENGINE_UP});
}

static void on_docker_down(struct docker_listener *listener, const char *words)
{
	struct local_driver *local = container_of(listener, struct local_driver, docker_listener);
	local_forget_images(local);
	local_tell(local, &(struct driver_notice){.kind = DRIVER_ENGINE_DOWN, .words = words});
}

static struct umbox *find_container(struct umbox_set *set, const char *id)
{
	struct umbox *umbox = umbox_first(set);
	while (umbox && !text_equal(umbox->container.id, id))
		umbox = umbox_next(umbox);
	return umbox;
}

static void on_docker_event(struct docker_listener *listener, const struct docker_event *event)
{
	struct local_driver *local = container_of(listener, struct local_driver, docker_listener);
	if (event->kind == DOCKER_EVENT_IMAGES) {
		local_forget_images(local);
		local_tell(local, &(struct driver_notice){.kind = DRIVER_IMAGES_CHANGED});
		return;
	}
	struct umbox *umbox = find_container(local->umboxes, event->container);
	if (!umbox)
		return;
	cleanup_free char *words = event->kind == DOCKER_EVENT_REMOVED
					   ? mem_copy_text("its container was removed")
					   : mem_printf("it ended with code %d", event->exit_code);
	umbox_tell_gone(umbox, words);
}

void local_listen_docker(struct local_driver *local)
{
	local->docker_listener = (struct docker_listener){
		.on_up = on_docker_up,
		.on_down = on_docker_down,
		.on_event = on_docker_event,
	};
}

/* --- the kernel --- */

/* The legs of a umbox that dies or is removed go with it: that is no interference. */
static void on_link_change(void *data, const struct link_change *change)
{
	struct local_driver *local = data;
	uint32_t id;
	enum leg_side side;
	if (leg_name_parse(change->name, &id, &side)) {
		const struct umbox *umbox = umbox_find(local->umboxes, id);
		if (!umbox || umbox->gone || umbox->removing)
			return;
	}
	cleanup_free char *words = mem_printf("interface %s is %s", change->name,
					      change->gone ? "gone" : "down");
	local_tell(local, &(struct driver_notice){.kind = DRIVER_RULES_CHANGED, .words = words});
}

static void tell_rules_changed(struct local_driver *local, const char *words)
{
	local_tell(local, &(struct driver_notice){.kind = DRIVER_RULES_CHANGED, .words = words});
}

/* libuv stops looking at a socket with an error, which means that notices were lost; reading has
 * taken the error away. */
static void follow_on(uv_poll_t *poll, int status, uv_poll_cb on_readable)
{
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
}

static void on_link_notice(uv_poll_t *poll, int status, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, link_notice);
	if (link_read_notices(local->link, on_link_change, local, NULL) != 0)
		tell_rules_changed(local, "notices about interfaces were lost");
	follow_on(poll, status, on_link_notice);
}

static void on_nft_notice(uv_poll_t *poll, int status, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, nft_notice);
	if (nft_read_notices(local->nft, NULL) != 0)
		tell_rules_changed(local, "rules were changed by somebody else");
	follow_on(poll, status, on_nft_notice);
}

static void on_claim(void *data, uint32_t device, const struct claim *claim)
{
	local_tell(data,
		   &(struct driver_notice){.kind = DRIVER_CLAIM, .device = device, .claim = claim});
}

/* What was lost is said again: leases are renewed, addresses announced. */
static void on_heard(uv_poll_t *poll, int status, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, heard);
	(void)!nft_read_heard(local->nft, on_claim, local, NULL);
	follow_on(poll, status, on_heard);
}

static void on_unknown(void *data, const char *port, const struct mac *mac)
{
	struct alert alert = {.count = 1, .severity = ALERT_LOW};
	char text[MAC_TEXT_BYTES];
	mac_print(text, mac);
	TEXT_COPY(alert.type, "unknown-device");
	snprintf(alert.detail, sizeof(alert.detail), "%s at %s", text, port);
	local_tell(data,
		   &(struct driver_notice){.kind = DRIVER_UNKNOWN, .alert = &alert, .count = 1});
	local_spoof_stranger(data, port, mac);
}

static void on_drops(uv_timer_t *timer)
{
	struct local_driver *local = container_of(timer, struct local_driver, drops);
	struct nft_drops drops;
	(void)!nft_follow_host(local->nft, NULL); /* on failure the next turn tries again */
	if (nft_read_drops(local->nft, &drops, NULL) < 0)
		return;
	for (unsigned i = 0; i < NFT_DROP_COUNT; i++) {
		if (!drops.news[i] || !nft_drop_is_spoof(i))
			continue;
		local->forgeries_unread = true;
		local_tell(local, &(struct driver_notice){.kind = DRIVER_SPOOF,
							  .count = drops.news[i],
							  .words = nft_drop_words(i)});
	}
	local->strangers_unread |= drops.news[NFT_DROP_UNKNOWN] > 0;
	/* The counters tell a frame once: who sent it is asked until there is an answer. */
	if (local->forgeries_unread)
		local->forgeries_unread = local_spoof_read(local) < 0;
	if (local->strangers_unread)
		local->strangers_unread = nft_read_unknown(local->nft, on_unknown, local, NULL) < 0;
	local_spoof_tell(local);
}

/* Without a descriptor nobody tells of it here. */
static void follow(struct local_driver *local, uv_poll_t *poll, int fd, uv_poll_cb on_readable)
{
	if (fd < 0)
		return;
	uv_poll_init(local->loop, poll, fd);
	uv_poll_start(poll, UV_READABLE, on_readable);
	poll->data = local;
}

void local_watch(struct local_driver *local)
{
	follow(local, &local->link_notice, link_notice_fd(local->link), on_link_notice);
	follow(local, &local->nft_notice, nft_notice_fd(local->nft), on_nft_notice);
	follow(local, &local->heard, nft_heard_fd(local->nft), on_heard);
	uv_timer_init(local->loop, &local->drops);
	uv_timer_start(&local->drops, on_drops, DROPS_MS, DROPS_MS);
	local->drops.data = local;
}

static void unfollow(struct local_driver *local, uv_handle_t *handle)
{
	if (!handle->data)
		return;
	local->handles++;
	uv_close(handle, local_on_handle_closed);
}

void local_unwatch(struct local_driver *local)
{
	unfollow(local, (uv_handle_t *)&local->link_notice);
	unfollow(local, (uv_handle_t *)&local->nft_notice);
	unfollow(local, (uv_handle_t *)&local->heard);
	unfollow(local, (uv_handle_t *)&local->drops);
}
