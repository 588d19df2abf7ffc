/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/docker.h - the Docker engine's API: calls with deadlines, and the stream of its events.
 *
 * The version of the API is agreed on at each (re)connection.  While the engine is away the calls
 * fail at once and the connection is tried again, at first soon, then every other second. */
#pragma once

#include <uv.h>

#include "codec/docker_json.h"
#include "io/http_client.h"

struct docker;
struct docker_call;

/* Results: 0; -ENOENT (no such container or image), -EEXIST (a conflict: the name is taken, or a
 * removal is under way), -EINVAL and -EIO with the engine's words; -ENOTCONN, -ECONNREFUSED, ...
 * when it was not reached; -ETIMEDOUT when what it did is unknown; -ECANCELED. */
typedef void docker_done_fn(struct docker_call *call, int result, const struct error *err);

/* Embedded in the caller's object; stays where it is until `done` ran, once. */
struct docker_call {
	docker_done_fn *done;
	/* The docker's own. */
	struct docker *docker;
	struct http_client_request request;
	int (*read)(struct docker_call *call, const char *bytes, size_t count, struct error *err);
	void *ret;
	unsigned *ret_count;
	size_t bytes_max;
	bool gone_is_fine;
	struct later failing;
};

struct docker_listener {
	/* The events flow: look at everything, then trust them. */
	void (*on_up)(struct docker_listener *listener);
	/* Once for each time that the engine is not there, at the start too. */
	void (*on_down)(struct docker_listener *listener, const char *words);
	/* Of images, and of containers of this instance. */
	void (*on_event)(struct docker_listener *listener, const struct docker_event *event);
};

/* Connects from the next turn of the loop on.  `instance` is a checked name: label filter. */
int docker_open(struct docker **ret, uv_loop_t *loop, const char *socket, const char *instance,
		struct docker_listener *listener, struct error *err) must_check;
/* Open calls end with -ECANCELED; then `closed` runs. */
void docker_close(struct docker *docker, void (*closed)(void *data), void *data);

/* Each fills `ret` before `done` runs with 0.  -EINVAL at once is told by `done` too. */
void docker_image(struct docker *docker, struct docker_call *call, const char *reference,
		  struct umbox_image *ret);
/* The order's name is made of its marks. */
void docker_create(struct docker *docker, struct docker_call *call,
		   const struct container_order *order, char ret_id[static CONTAINER_ID_BYTES]);
/* No error when it runs already. */
void docker_start(struct docker *docker, struct docker_call *call, const char *id);
/* By id or name; -ENOKEY when it is not one of this instance's. */
void docker_inspect(struct docker *docker, struct docker_call *call, const char *id,
		    struct container *ret);
/* SIGTERM, and SIGKILL after `grace_s`; no error when it is stopped or gone. */
void docker_stop(struct docker *docker, struct docker_call *call, const char *id, unsigned grace_s);
/* With its anonymous volumes, running or not; no error when it is gone. */
void docker_remove(struct docker *docker, struct docker_call *call, const char *id);
/* All containers of the instance; the list is the caller's. */
void docker_list(struct docker *docker, struct docker_call *call, struct container **ret,
		 unsigned *ret_count);
/* The end of its log; the text is the caller's. */
void docker_logs(struct docker *docker, struct docker_call *call, const char *id, size_t bytes_max,
		 char **ret);
