/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/machine.c - see machine.h. */
#include "driver/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "driver/machine_inner.h"

enum { DROPS_MS = 1000 };

/* A result on its way to its caller. */
struct finished {
	struct later later;
	struct driver_call *call;
	int result;
	struct error err;
};

static struct machine_driver *machine_of(struct driver *driver)
{
	return container_of(driver, struct machine_driver, driver);
}

void machine_tell(struct machine_driver *machine, const struct driver_notice *notice)
{
	if (!machine->closing)
		machine->driver.listener->on_notice(machine->driver.listener, notice);
}

static void on_finished(struct later *later)
{
	struct finished *finished = container_of(later, struct finished, later);
	finished->call->done(finished->call, finished->result, &finished->err);
	free(finished);
}

void machine_finish(struct machine_driver *machine, struct driver_call *call, int result,
		    const struct error *err)
{
	struct finished *finished = mem_alloc(sizeof(*finished));
	finished->call = call;
	finished->result = result;
	if (result < 0)
		finished->err = *err;
	later_add(&machine->later, &finished->later, on_finished);
}

void machine_forget_images(struct machine_driver *machine)
{
	for (unsigned i = 0; i < machine->image_count; i++)
		umbox_image_done(&machine->images[i].image);
	machine->image_count = 0;
}

static void on_umbox_notice(struct driver_listener *listener, const struct driver_notice *notice)
{
	machine_tell(container_of(listener, struct machine_driver, umbox_listener), notice);
}

static void on_docker_up(struct docker_listener *listener)
{
	struct machine_driver *machine = container_of(listener, struct machine_driver,
						      docker_listener);
	machine_forget_images(machine);
	machine_tell(machine, &(struct driver_notice){.kind = DRIVER_ENGINE_UP});
}

static void on_docker_down(struct docker_listener *listener, const char *words)
{
	struct machine_driver *machine = container_of(listener, struct machine_driver,
						      docker_listener);
	machine_forget_images(machine);
	machine_tell(machine, &(struct driver_notice){.kind = DRIVER_ENGINE_DOWN, .words = words});
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
	struct machine_driver *machine = container_of(listener, struct machine_driver,
						      docker_listener);
	if (event->kind == DOCKER_EVENT_IMAGES) {
		machine_forget_images(machine);
		return;
	}
	struct umbox *umbox = find_container(machine->umboxes, event->container);
	if (!umbox)
		return;
	cleanup_free char *words = event->kind == DOCKER_EVENT_REMOVED
					   ? mem_copy_text("its container was removed")
					   : mem_printf("it ended with code %d", event->exit_code);
	umbox_tell_gone(umbox, words);
}

static int enrol(struct machine_driver *machine, const struct device *device, struct error *err)
{
	int result = link_add_slot(machine->link, device, err);
	return result < 0 ? result : nft_enrol(machine->nft, device, err);
}

static int unenrol(struct machine_driver *machine, uint32_t device, struct error *err)
{
	int result = nft_unenrol(machine->nft, device, err);
	return result < 0 ? result : link_remove_slot(machine->link, device, err);
}

/* A umbox without a socket of its own is ready once it is wired: told after the step's result, as
 * nothing is told from within a call. */
struct wired {
	struct later later;
	struct machine_driver *machine;
	uint32_t umbox;
};

static void on_wired(struct later *later)
{
	struct wired *wired = container_of(later, struct wired, later);
	struct umbox *umbox = wired->machine->closing
				      ? NULL
				      : umbox_find(wired->machine->umboxes, wired->umbox);
	if (umbox && umbox->container.ready_wired)
		umbox_tell_ready(umbox);
	free(wired);
}

static void tell_wired(struct machine_driver *machine, uint32_t umbox)
{
	struct wired *wired = mem_alloc(sizeof(*wired));
	wired->machine = machine;
	wired->umbox = umbox;
	later_add(&machine->later, &wired->later, on_wired);
}

static int wire(struct machine_driver *machine, uint32_t id, struct error *err)
{
	struct umbox *umbox = umbox_find(machine->umboxes, id);
	if (!umbox || !umbox->watched || umbox->gone)
		return error_set(err, -ENOENT, "umbox %" PRIu32 " does not run", id);
	const struct leg_options options = {
		.netns = umbox->netns,
		.plain_frames = umbox->container.plain_frames,
	};
	int result = link_add_legs(machine->link, id, &options, err);
	if (result < 0)
		return result;
	result = nft_hook_legs(machine->nft, id, err);
	if (result < 0) {
		(void)!link_remove_legs(machine->link, id, NULL);
		return result;
	}
	return 0;
}

static void run(struct driver *driver, const struct driver_task *task, struct driver_call *call)
{
	struct machine_driver *machine = machine_of(driver);
	const struct step *step = task->step;
	uint32_t device = task->device->number;
	struct error err = {0};
	int result = 0;
	switch (step->kind) {
	case STEP_ENROL: result = enrol(machine, task->device, &err); break;
	case STEP_UNENROL: result = unenrol(machine, device, &err); break;
	case STEP_HOLD: result = nft_hold(machine->nft, device, step->cut, &err); break;
	case STEP_ROUTE:
		result = nft_route(machine->nft, device, &step->path, step->cut, &err);
		break;
	case STEP_PREPARE: result = nft_prepare(machine->nft, device, &step->path, &err); break;
	case STEP_CLEAN: result = nft_clean(machine->nft, device, &step->path, &err); break;
	case STEP_WIRE: result = wire(machine, step->umbox, &err); break;
	case STEP_LAUNCH: machine_launch(machine, task, call); return;
	case STEP_REMOVE: machine_remove(machine, step->umbox, call); return;
	case STEP_KIND_COUNT: result = error_set(&err, -EINVAL, "not a step"); break;
	}
	call->committed = result;
	machine_finish(machine, call, result, &err);
	if (step->kind == STEP_WIRE && result == 0)
		tell_wired(machine, step->umbox);
}

static void observe(struct driver *driver, struct driver_picture *ret, struct driver_call *call)
{
	machine_observe(machine_of(driver), ret, call);
}

static int counters(struct driver *driver, uint32_t umbox, struct umbox_counters *ret)
{
	return link_counters(machine_of(driver)->link, umbox, ret, NULL);
}

/* Looks first whether the name is one of ours. */
struct log_call {
	struct machine_driver *machine;
	struct driver_call *call;
	struct docker_call docker;
	struct container container;
	size_t bytes_max;
	char **ret;
};

static void on_logs_done(struct docker_call *call, int result, const struct error *err)
{
	struct log_call *log = container_of(call, struct log_call, docker);
	machine_finish(log->machine, log->call, result, err);
	free(log);
}

static void on_logs_found(struct docker_call *call, int result, const struct error *err)
{
	struct log_call *log = container_of(call, struct log_call, docker);
	call->done = on_logs_done;
	if (result < 0)
		on_logs_done(call, result, err);
	else
		docker_logs(log->machine->docker, call, log->container.id, log->bytes_max,
			    log->ret);
}

static void logs(struct driver *driver, uint32_t umbox, size_t bytes_max, char **ret,
		 struct driver_call *call)
{
	struct log_call *log = mem_alloc(sizeof(*log));
	log->machine = machine_of(driver);
	log->call = call;
	log->bytes_max = bytes_max;
	log->ret = ret;
	log->docker.done = on_logs_found;
	char name[CONTAINER_NAME_BYTES];
	docker_container_name(name, log->machine->config.instance, umbox);
	docker_inspect(log->machine->docker, &log->docker, name, &log->container);
}

/* The legs of a umbox that dies or is removed go with it: that is no interference. */
static void on_link_change(void *data, const struct link_change *change)
{
	struct machine_driver *machine = data;
	uint32_t id;
	enum leg_side side;
	if (leg_name_parse(change->name, &id, &side)) {
		const struct umbox *umbox = umbox_find(machine->umboxes, id);
		if (!umbox || umbox->gone || umbox->removing)
			return;
	}
	cleanup_free char *words = mem_printf("interface %s is %s", change->name,
					      change->gone ? "gone" : "down");
	machine_tell(machine,
		     &(struct driver_notice){.kind = DRIVER_RULES_CHANGED, .words = words});
}

static void tell_rules_changed(struct machine_driver *machine, const char *words)
{
	machine_tell(machine,
		     &(struct driver_notice){.kind = DRIVER_RULES_CHANGED, .words = words});
}

static void on_link_notice(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct machine_driver *machine = container_of(poll, struct machine_driver, link_notice);
	if (link_read_notices(machine->link, on_link_change, machine, NULL) != 0)
		tell_rules_changed(machine, "notices about interfaces were lost");
}

static void on_nft_notice(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct machine_driver *machine = container_of(poll, struct machine_driver, nft_notice);
	if (nft_read_notices(machine->nft, NULL) != 0)
		tell_rules_changed(machine, "rules were changed by somebody else");
}

static void on_unknown(void *data, const char *port, const struct mac *mac)
{
	struct alert alert = {.count = 1, .severity = ALERT_LOW};
	char text[MAC_TEXT_BYTES];
	mac_print(text, mac);
	TEXT_COPY(alert.type, "unknown-device");
	snprintf(alert.detail, sizeof(alert.detail), "%s at %s", text, port);
	machine_tell(data,
		     &(struct driver_notice){.kind = DRIVER_UNKNOWN, .alert = &alert, .count = 1});
}

static void on_drops(uv_timer_t *timer)
{
	struct machine_driver *machine = container_of(timer, struct machine_driver, drops);
	struct nft_drops drops;
	if (nft_read_drops(machine->nft, &drops, NULL) < 0)
		return;
	for (unsigned i = 0; i < NFT_DROP_COUNT; i++)
		if (drops.news[i] && nft_drop_is_spoof(i))
			machine_tell(machine, &(struct driver_notice){.kind = DRIVER_SPOOF,
								      .count = drops.news[i],
								      .words = nft_drop_words(i)});
	if (drops.news[NFT_DROP_UNKNOWN])
		(void)!nft_read_unknown(machine->nft, on_unknown, machine, NULL);
}

static void handle_closed(struct machine_driver *machine)
{
	if (--machine->handles)
		return;
	void (*closed)(void *) = machine->closed;
	void *data = machine->closed_data;
	machine_forget_images(machine);
	nft_close(machine->nft);
	link_close(machine->link);
	free(machine);
	closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_later_closed(struct later_queue *queue)
{
	handle_closed(container_of(queue, struct machine_driver, later));
}

static void on_umboxes_closed(void *data)
{
	struct machine_driver *machine = data;
	later_queue_close(&machine->later, on_later_closed);
}

/* Every call to Docker has ended, and with them launches, removals and observations. */
static void on_docker_closed(void *data)
{
	struct machine_driver *machine = data;
	umbox_set_close(machine->umboxes, on_umboxes_closed, machine);
}

static void close_driver(struct driver *driver, void (*closed)(void *data), void *data)
{
	struct machine_driver *machine = machine_of(driver);
	machine->closing = true;
	machine->closed = closed;
	machine->closed_data = data;
	machine->handles = 3 + machine->watches_nft;
	machine_cancel_waiting(machine);
	machine_cancel_observations(machine);
	uv_close((uv_handle_t *)&machine->link_notice, on_handle_closed);
	uv_close((uv_handle_t *)&machine->drops, on_handle_closed);
	if (machine->watches_nft)
		uv_close((uv_handle_t *)&machine->nft_notice, on_handle_closed);
	docker_close(machine->docker, on_docker_closed, machine);
}

static const struct driver_ops OPS = {
	.run = run,
	.observe = observe,
	.counters = counters,
	.logs = logs,
	.close = close_driver,
};

static void on_given_up(void *data maybe_unused)
{
}

/* Nothing of libuv's before the last that may fail: its handles live until the loop runs. */
static int open_parts(struct machine_driver *machine, struct error *err)
{
	const struct machine_driver_config *config = &machine->config;
	const struct umbox_set_options options = {
		.directory = config->umbox_directory,
		.alerts_per_second = config->alerts_per_second,
		.heartbeat_timeout_ms = config->heartbeat_timeout_ms,
	};
	int result = link_open(&machine->link, config->instance, &config->data_plane, err);
	if (result == 0)
		result = nft_open(&machine->nft, machine->link, NULL, err);
	if (result == 0)
		result = umbox_set_open(&machine->umboxes, machine->loop, &options,
					&machine->umbox_listener, err);
	if (result < 0)
		return result;
	result = docker_open(&machine->docker, machine->loop, config->docker_socket,
			     config->instance, &machine->docker_listener, err);
	if (result < 0)
		umbox_set_close(machine->umboxes, on_given_up, NULL);
	return result;
}

static void watch(struct machine_driver *machine)
{
	int nft_fd = nft_notice_fd(machine->nft);
	uv_poll_init(machine->loop, &machine->link_notice, link_notice_fd(machine->link));
	uv_poll_start(&machine->link_notice, UV_READABLE, on_link_notice);
	machine->link_notice.data = machine;
	machine->watches_nft = nft_fd >= 0;
	if (machine->watches_nft) {
		uv_poll_init(machine->loop, &machine->nft_notice, nft_fd);
		uv_poll_start(&machine->nft_notice, UV_READABLE, on_nft_notice);
		machine->nft_notice.data = machine;
	}
	uv_timer_init(machine->loop, &machine->drops);
	uv_timer_start(&machine->drops, on_drops, DROPS_MS, DROPS_MS);
	machine->drops.data = machine;
	later_queue_open(&machine->later, machine->loop);
}

int machine_driver_open(struct driver **ret, uv_loop_t *loop,
			const struct machine_driver_config *config,
			struct driver_listener *listener, struct error *err)
{
	struct machine_driver *machine = mem_alloc(sizeof(*machine));
	machine->driver = (struct driver){.ops = &OPS, .listener = listener};
	machine->loop = loop;
	machine->config = *config;
	if (!machine->config.starts_at_once)
		machine->config.starts_at_once = (unsigned)max_of(sysconf(_SC_NPROCESSORS_ONLN),
								  1L);
	machine->waiting_end = &machine->waiting;
	machine->umbox_listener.on_notice = on_umbox_notice;
	machine->docker_listener = (struct docker_listener){
		.on_up = on_docker_up,
		.on_down = on_docker_down,
		.on_event = on_docker_event,
	};
	int result = open_parts(machine, err);
	if (result < 0) {
		nft_close(machine->nft);
		link_close(machine->link);
		free(machine);
		return result;
	}
	watch(machine);
	*ret = &machine->driver;
	return 0;
}

int machine_driver_early(const struct machine_driver_config *config, struct error *err)
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
