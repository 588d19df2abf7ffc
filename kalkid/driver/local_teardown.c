/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_teardown.c - takes everything of an instance away, with a loop of its own. */
#include <stdlib.h>

#include "base/mem.h"
#include "driver/docker.h"
#include "driver/link.h"
#include "driver/local.h"
#include "driver/umbox.h"

enum { REMOVALS_AT_ONCE = 8 };

struct teardown;

struct teardown_removal {
	struct teardown *teardown;
	struct docker_call call;
};

struct teardown {
	struct docker *docker;
	struct docker_listener listener;
	struct docker_call list_call;
	struct container *list;
	unsigned count, at, running;
	struct teardown_removal removals[REMOVALS_AT_ONCE];
	bool listed;
	int result;
	struct error err; /* the first */
};

static void note(struct teardown *teardown, int result, const struct error *err)
{
	if (result >= 0 || teardown->result < 0)
		return;
	teardown->result = result;
	teardown->err = *err;
}

static void on_closed(void *data maybe_unused)
{
}

static void remove_next(struct teardown *teardown, struct teardown_removal *removal)
{
	if (teardown->at < teardown->count) {
		teardown->running++;
		docker_remove(teardown->docker, &removal->call, teardown->list[teardown->at++].id);
	} else if (!teardown->running) {
		docker_close(teardown->docker, on_closed, NULL);
	}
}

static void on_removed(struct docker_call *call, int result, const struct error *err)
{
	struct teardown_removal *removal = container_of(call, struct teardown_removal, call);
	removal->teardown->running--;
	note(removal->teardown, result, err);
	remove_next(removal->teardown, removal);
}

static void on_listed(struct docker_call *call, int result, const struct error *err)
{
	struct teardown *teardown = container_of(call, struct teardown, list_call);
	note(teardown, result, err);
	for (unsigned i = 0; i < REMOVALS_AT_ONCE; i++) {
		struct teardown_removal *removal = &teardown->removals[i];
		removal->teardown = teardown;
		removal->call.done = on_removed;
		if (i == 0 || teardown->at < teardown->count)
			remove_next(teardown, removal);
	}
}

static void on_up(struct docker_listener *listener)
{
	struct teardown *teardown = container_of(listener, struct teardown, listener);
	if (teardown->listed)
		return;
	teardown->listed = true;
	teardown->list_call.done = on_listed;
	docker_list(teardown->docker, &teardown->list_call, &teardown->list, &teardown->count);
}

static void on_down(struct docker_listener *listener, const char *words)
{
	struct teardown *teardown = container_of(listener, struct teardown, listener);
	struct error err = {0};
	note(teardown, error_set(&err, -ENOTCONN, "containers may be left: %s", words), &err);
	if (!teardown->listed)
		docker_close(teardown->docker, on_closed, NULL);
	teardown->listed = true;
}

static void on_event(struct docker_listener *listener maybe_unused,
		     const struct docker_event *event maybe_unused)
{
}

static void remove_containers(struct teardown *teardown, uv_loop_t *loop,
			      const struct local_driver_config *config)
{
	struct error err = {0};
	teardown->listener =
		(struct docker_listener){.on_up = on_up, .on_down = on_down, .on_event = on_event};
	int result = docker_open(&teardown->docker, loop, config->docker_socket, config->instance,
				 &teardown->listener, &err);
	note(teardown, result, &err);
	if (result == 0)
		uv_run(loop, UV_RUN_DEFAULT);
	free(teardown->list);
}

static void remove_directory(void *data, uint32_t id)
{
	umbox_remove_directory(data, id);
}

static int remove_directories(uv_loop_t *loop, const struct local_driver_config *config,
			      struct error *err)
{
	const struct umbox_set_options options = {.directory = config->umbox_directory};
	struct umbox_set *set;
	int result = umbox_set_open(&set, loop, &options, NULL, err);
	if (result < 0)
		return result;
	umbox_each_stray_directory(set, remove_directory, set);
	umbox_set_close(set, on_closed, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	return 0;
}

int local_driver_teardown(const struct local_driver_config *config, struct error *err)
{
	struct teardown teardown = {0};
	struct error own = {0};
	uv_loop_t loop;
	int result = uv_loop_init(&loop);
	if (result < 0)
		return error_errno(err, result, "event loop");
	remove_containers(&teardown, &loop, config);
	note(&teardown, link_teardown(config->instance, &config->data_plane, &own), &own);
	/* A umbox that was left may still need its directory. */
	if (teardown.result == 0)
		note(&teardown, remove_directories(&loop, config, &own), &own);
	uv_loop_close(&loop);
	return teardown.result < 0 ? error_set(err, teardown.result, "%s", teardown.err.text) : 0;
}
