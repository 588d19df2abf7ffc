/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local.c - see local.h. */
#include "driver/local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "driver/local_inner.h"

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

void local_on_handle_closed(uv_handle_t *handle)
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
	local->handles = 1; /* the queue */
	local_cancel_waiting(local);
	local_cancel_observations(local);
	local_unwatch(local);
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
	local_listen_docker(local);
	int result = open_parts(local, err);
	if (result < 0) {
		nft_close(local->nft);
		link_close(local->link);
		free(local);
		return result;
	}
	later_queue_open(&local->later, loop);
	local_watch(local);
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
