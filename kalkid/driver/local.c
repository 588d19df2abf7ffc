/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local.c - see local.h. */
#include "driver/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "driver/local_inner.h"

enum { DROPS_MS = 1000 };

/* A result on its way to its caller. */
struct finished {
	struct later later;
	struct driver_call *call;
	int result;
	struct error err;
};

static struct local_driver *local_of(struct driver *driver)
{
	return container_of(driver, struct local_driver, driver);
}

void local_tell(struct local_driver *local, const struct driver_notice *notice)
{
	if (!local->closing)
		local->driver.listener->on_notice(local->driver.listener, notice);
}

static void on_finished(struct later *later)
{
	struct finished *finished = container_of(later, struct finished, later);
	finished->call->done(finished->call, finished->result, &finished->err);
	free(finished);
}

void local_finish(struct local_driver *local, struct driver_call *call, int result,
		  const struct error *err)
{
	struct finished *finished = mem_alloc(sizeof(*finished));
	finished->call = call;
	finished->result = result;
	if (result < 0)
		finished->err = *err;
	later_add(&local->later, &finished->later, on_finished);
}

void local_forget_images(struct local_driver *local)
{
	for (unsigned i = 0; i < local->image_count; i++)
		umbox_image_done(&local->images[i].image);
	local->image_count = 0;
}

static void on_umbox_notice(struct driver_listener *listener, const struct driver_notice *notice)
{
	local_tell(container_of(listener, struct local_driver, umbox_listener), notice);
}

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

static int enrol(struct local_driver *local, const struct device_identity *device,
		 struct error *err)
{
	int result = link_add_slot(local->link, device, err);
	return result < 0 ? result : nft_enrol(local->nft, device, err);
}

static int unenrol(struct local_driver *local, uint32_t device, struct error *err)
{
	int result = nft_unenrol(local->nft, device, err);
	return result < 0 ? result : link_remove_slot(local->link, device, err);
}

/* A umbox without a socket of its own is ready once it is wired: told after the step's result, as
 * nothing is told from within a call. */
struct wired {
	struct later later;
	struct local_driver *local;
	uint32_t umbox;
};

static void on_wired(struct later *later)
{
	struct wired *wired = container_of(later, struct wired, later);
	struct umbox *umbox = wired->local->closing
				      ? NULL
				      : umbox_find(wired->local->umboxes, wired->umbox);
	if (umbox && umbox->container.ready_wired)
		umbox_tell_ready(umbox);
	free(wired);
}

static void tell_wired(struct local_driver *local, uint32_t umbox)
{
	struct wired *wired = mem_alloc(sizeof(*wired));
	wired->local = local;
	wired->umbox = umbox;
	later_add(&local->later, &wired->later, on_wired);
}

static int wire(struct local_driver *local, uint32_t id, struct error *err)
{
	struct umbox *umbox = umbox_find(local->umboxes, id);
	if (!umbox || !umbox->watched || umbox->gone)
		return error_set(err, -ENOENT, "umbox %" PRIu32 " does not run", id);
	bool legacy = umbox->container.legacy;
	const struct leg_options options = {
		.netns = umbox->netns,
		.name = {[LEG_IN] = legacy ? "eth1" : NULL,
			 [LEG_OUT] = legacy ? "eth2" : NULL,
			 [LEG_DIRECT] = legacy ? "eth3" : NULL},
		.direct = umbox->container.direct,
		.plain_frames = umbox->container.plain_frames,
	};
	int result = link_add_legs(local->link, id, &options, err);
	if (result < 0)
		return result;
	result = nft_hook_legs(local->nft, id, err);
	if (result < 0) {
		(void)!link_remove_legs(local->link, id, NULL);
		return result;
	}
	return 0;
}

static void run(struct driver *driver, const struct driver_task *task, struct driver_call *call)
{
	struct local_driver *local = local_of(driver);
	const struct step *step = task->step;
	uint32_t device = task->device->number;
	struct error err = {0};
	int result = 0;
	switch (step->kind) {
	case STEP_ENROL: result = enrol(local, task->device, &err); break;
	case STEP_UNENROL: result = unenrol(local, device, &err); break;
	case STEP_HOLD: result = nft_hold(local->nft, device, step->cut, &err); break;
	case STEP_ROUTE:
		result = nft_route(local->nft, device, &step->path, step->cut, &err);
		break;
	case STEP_PREPARE: result = nft_prepare(local->nft, device, &step->path, &err); break;
	case STEP_CLEAN: result = nft_clean(local->nft, device, &step->path, &err); break;
	case STEP_WIRE: result = wire(local, step->umbox, &err); break;
	case STEP_LAUNCH: local_launch(local, task, call); return;
	case STEP_REMOVE: local_remove(local, step->umbox, call); return;
	case STEP_KIND_COUNT: result = error_set(&err, -EINVAL, "not a step"); break;
	}
	call->committed = result;
	local_finish(local, call, result, &err);
	if (step->kind == STEP_WIRE && result == 0)
		tell_wired(local, step->umbox);
}

static void observe(struct driver *driver, struct driver_picture *ret, struct driver_call *call)
{
	local_observe(local_of(driver), ret, call);
}

static int counters(struct driver *driver, uint32_t id, struct umbox_counters *ret)
{
	struct local_driver *local = local_of(driver);
	const struct umbox *umbox = umbox_find(local->umboxes, id);
	int result = link_counters(local->link, id, ret, NULL);
	if (result == 0 && umbox && umbox->told) {
		ret->told = true;
		ret->inside = umbox->account;
		ret->own = umbox->own;
	}
	return result;
}

static int try_frames(struct driver *driver, uint32_t id, const struct device_identity *device)
{
	struct local_driver *local = local_of(driver);
	const struct umbox *umbox = umbox_find(local->umboxes, id);
	bool all = !umbox || umbox->container.forwards_all;
	if (!all && !umbox_has_heartbeat(umbox))
		return -EOPNOTSUPP;
	struct error err = {0};
	int result = link_try_legs(local->link, id, device, &err);
	if (result == -EPERM || result == -EAFNOSUPPORT) {
		/* Whoever runs us does not let us: then a new image is believed. */
		log_warning("a new image cannot be tried with frames", "umbox=%u error=\"%s\"", id,
			    err.text);
		return -EOPNOTSUPP;
	}
	return result < 0 ? result : !all;
}

struct image_call {
	struct local_driver *local;
	struct driver_call *call;
	struct docker_call docker;
	struct umbox_image image;
	char *ret_id;
};

static void on_image_done(struct docker_call *docker, int result, const struct error *err)
{
	struct image_call *ask = container_of(docker, struct image_call, docker);
	if (result == 0)
		text_copy(ask->ret_id, IMAGE_ID_BYTES, ask->image.id);
	local_finish(ask->local, ask->call, result, err);
	umbox_image_done(&ask->image);
	free(ask);
}

static void image(struct driver *driver, const char *reference, char ret_id[static IMAGE_ID_BYTES],
		  struct driver_call *call)
{
	struct image_call *ask = mem_alloc(sizeof(*ask));
	ask->local = local_of(driver);
	ask->call = call;
	ask->ret_id = ret_id;
	ask->docker.done = on_image_done;
	docker_image(ask->local->docker, &ask->docker, reference, &ask->image);
}

/* Looks first whether the name is one of ours. */
struct log_call {
	struct local_driver *local;
	struct driver_call *call;
	struct docker_call docker;
	struct container container;
	size_t bytes_max;
	char **ret;
};

static void on_logs_done(struct docker_call *call, int result, const struct error *err)
{
	struct log_call *log = container_of(call, struct log_call, docker);
	local_finish(log->local, log->call, result, err);
	free(log);
}

static void on_logs_found(struct docker_call *call, int result, const struct error *err)
{
	struct log_call *log = container_of(call, struct log_call, docker);
	call->done = on_logs_done;
	if (result < 0)
		on_logs_done(call, result, err);
	else
		docker_logs(log->local->docker, call, log->container.id, log->bytes_max, log->ret);
}

static void logs(struct driver *driver, uint32_t umbox, size_t bytes_max, char **ret,
		 struct driver_call *call)
{
	struct log_call *log = mem_alloc(sizeof(*log));
	log->local = local_of(driver);
	log->call = call;
	log->bytes_max = bytes_max;
	log->ret = ret;
	log->docker.done = on_logs_found;
	char name[CONTAINER_NAME_BYTES];
	docker_container_name(name, log->local->config.instance, umbox);
	docker_inspect(log->local->docker, &log->docker, name, &log->container);
}

static void capture(struct driver *driver, uint32_t umbox, const char *comment, struct buffer *ret,
		    struct driver_call *call)
{
	local_capture(local_of(driver), umbox, comment, ret, call);
}

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

static void on_link_notice(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, link_notice);
	if (link_read_notices(local->link, on_link_change, local, NULL) != 0)
		tell_rules_changed(local, "notices about interfaces were lost");
}

static void on_nft_notice(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, nft_notice);
	if (nft_read_notices(local->nft, NULL) != 0)
		tell_rules_changed(local, "rules were changed by somebody else");
}

static void on_claim(void *data, uint32_t device, const struct claim *claim)
{
	local_tell(data,
		   &(struct driver_notice){.kind = DRIVER_CLAIM, .device = device, .claim = claim});
}

/* What was lost is said again: leases are renewed, addresses announced. */
static void on_heard(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct local_driver *local = container_of(poll, struct local_driver, heard);
	(void)!nft_read_heard(local->nft, on_claim, local, NULL);
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
	bool spoofed = false;
	for (unsigned i = 0; i < NFT_DROP_COUNT; i++) {
		if (!drops.news[i] || !nft_drop_is_spoof(i))
			continue;
		spoofed = true;
		local_tell(local, &(struct driver_notice){.kind = DRIVER_SPOOF,
							  .count = drops.news[i],
							  .words = nft_drop_words(i)});
	}
	if (spoofed)
		local_spoof_read(local);
	if (drops.news[NFT_DROP_UNKNOWN])
		(void)!nft_read_unknown(local->nft, on_unknown, local, NULL);
	local_spoof_tell(local);
}

static void handle_closed(struct local_driver *local)
{
	if (--local->handles)
		return;
	void (*closed)(void *) = local->closed;
	void *data = local->closed_data;
	local_forget_images(local);
	local_spoof_forget(local);
	nft_close(local->nft);
	link_close(local->link);
	free(local);
	closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_later_closed(struct later_queue *queue)
{
	handle_closed(container_of(queue, struct local_driver, later));
}

/* What works on a thread ends within milliseconds, and completes by the queue. */
static void close_later(struct local_driver *local)
{
	if (local->umboxes_closed && !local->works)
		later_queue_close(&local->later, on_later_closed);
}

static void on_umboxes_closed(void *data)
{
	struct local_driver *local = data;
	local->umboxes_closed = true;
	close_later(local);
}

void local_work_ended(struct local_driver *local)
{
	local->works--;
	close_later(local);
}

/* Every call to Docker has ended, and with them launches, removals and observations. */
static void on_docker_closed(void *data)
{
	struct local_driver *local = data;
	umbox_set_close(local->umboxes, on_umboxes_closed, local);
}

static void close_driver(struct driver *driver, void (*closed)(void *data), void *data)
{
	struct local_driver *local = local_of(driver);
	local->closing = true;
	local->closed = closed;
	local->closed_data = data;
	local->handles = 3 + local->watches_nft + local->hears;
	local_cancel_waiting(local);
	local_cancel_observations(local);
	uv_close((uv_handle_t *)&local->link_notice, on_handle_closed);
	uv_close((uv_handle_t *)&local->drops, on_handle_closed);
	if (local->watches_nft)
		uv_close((uv_handle_t *)&local->nft_notice, on_handle_closed);
	if (local->hears)
		uv_close((uv_handle_t *)&local->heard, on_handle_closed);
	docker_close(local->docker, on_docker_closed, local);
}

static const struct driver_ops OPS = {
	.run = run,
	.observe = observe,
	.counters = counters,
	.try_frames = try_frames,
	.image = image,
	.logs = logs,
	.capture = capture,
	.close = close_driver,
};

static void on_given_up(void *data maybe_unused)
{
}

/* Nothing of libuv's before the last that may fail: its handles live until the loop runs. */
static int open_parts(struct local_driver *local, struct error *err)
{
	const struct local_driver_config *config = &local->config;
	const struct umbox_set_options options = {
		.directory = config->umbox_directory,
		.alerts_per_second = config->alerts_per_second,
		.heartbeat_timeout_ms = config->heartbeat_timeout_ms,
	};
	int result = link_open(&local->link, config->instance, &config->data_plane, err);
	if (result == 0)
		result = nft_open(&local->nft, local->link, NULL, err);
	if (result == 0)
		result = umbox_set_open(&local->umboxes, local->loop, &options,
					&local->umbox_listener, err);
	if (result < 0)
		return result;
	result = docker_open(&local->docker, local->loop, config->docker_socket, config->instance,
			     &local->docker_listener, err);
	if (result < 0)
		umbox_set_close(local->umboxes, on_given_up, NULL);
	return result;
}

static void watch(struct local_driver *local)
{
	int nft_fd = nft_notice_fd(local->nft);
	uv_poll_init(local->loop, &local->link_notice, link_notice_fd(local->link));
	uv_poll_start(&local->link_notice, UV_READABLE, on_link_notice);
	local->link_notice.data = local;
	local->watches_nft = nft_fd >= 0;
	if (local->watches_nft) {
		uv_poll_init(local->loop, &local->nft_notice, nft_fd);
		uv_poll_start(&local->nft_notice, UV_READABLE, on_nft_notice);
		local->nft_notice.data = local;
	}
	local->hears = nft_heard_fd(local->nft) >= 0;
	if (local->hears) {
		uv_poll_init(local->loop, &local->heard, nft_heard_fd(local->nft));
		uv_poll_start(&local->heard, UV_READABLE, on_heard);
		local->heard.data = local;
	}
	uv_timer_init(local->loop, &local->drops);
	uv_timer_start(&local->drops, on_drops, DROPS_MS, DROPS_MS);
	local->drops.data = local;
	later_queue_open(&local->later, local->loop);
}

int local_driver_open(struct driver **ret, uv_loop_t *loop,
		      const struct local_driver_config *config, struct driver_listener *listener,
		      struct error *err)
{
	struct local_driver *local = mem_alloc(sizeof(*local));
	local->driver = (struct driver){.ops = &OPS, .listener = listener};
	local->loop = loop;
	local->config = *config;
	if (!local->config.starts_at_once)
		local->config.starts_at_once = (unsigned)max_of(sysconf(_SC_NPROCESSORS_ONLN), 1L);
	local->waiting_end = &local->waiting;
	local->umbox_listener.on_notice = on_umbox_notice;
	local->docker_listener = (struct docker_listener){
		.on_up = on_docker_up,
		.on_down = on_docker_down,
		.on_event = on_docker_event,
	};
	int result = open_parts(local, err);
	if (result < 0) {
		nft_close(local->nft);
		link_close(local->link);
		free(local);
		return result;
	}
	watch(local);
	*ret = &local->driver;
	return 0;
}

int local_driver_early(const struct local_driver_config *config, struct error *err)
{
	struct link *link = NULL;
	struct nft *nft = NULL;
	int result = link_open(&link, config->instance, &config->data_plane, err);
	if (result >= 0)
		result = nft_open(&nft, link, NULL, err);
	nft_close(nft);
	link_close(link);
	return result < 0 ? result : 0;
}
