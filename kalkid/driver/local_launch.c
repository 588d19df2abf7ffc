/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_launch.c - a launch: from a hop to a running container that is watched.
 *
 * Its stages follow each other; a failure at any of them undoes what was done. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "driver/local_inner.h"

enum launch_stage {
	LAUNCH_IMAGE,  /* what the image says of itself; parameters against its schema */
	LAUNCH_CREATE, /* directory, umbox.json, socket, container */
	LAUNCH_FIND,   /* the name is taken: by an earlier try of ours? */
	LAUNCH_START,
	LAUNCH_INSPECT, /* its PID: open pidfd and namespace */
	LAUNCH_SETTLE,  /* it is gone already: until the engine has seen that too */
	LAUNCH_CONFIRM, /* still the same PID and start time: what was opened is the umbox's */
	LAUNCH_LOGS,    /* failed: its last words */
	LAUNCH_UNDO,
	LAUNCH_DONE,
};

enum { LAST_WORDS_BYTES = 200 };

struct launch {
	struct local_driver *local;
	struct driver_call *call;
	struct launch *next;
	struct docker_call docker;
	enum launch_stage stage;
	struct container_marks marks;
	struct device_identity device;
	struct hop hop;
	char source[IMAGE_BYTES]; /* the image's id, or its reference */
	struct umbox_image image; /* without its schema */
	struct umbox *umbox;
	char id[CONTAINER_ID_BYTES];
	struct container container;
	char *logs;
	bool left;    /* failed, and a container may have stayed */
	bool counted; /* in local->starts */
	int result;
	struct error err;
};

static void run_stage(struct launch *launch, enum launch_stage stage);

static void start_waiting(struct local_driver *local)
{
	while (local->waiting && !local->closing && local->starts < local->config.starts_at_once) {
		struct launch *launch = local->waiting;
		local->waiting = launch->next;
		if (!local->waiting)
			local->waiting_end = &local->waiting;
		local->starts++;
		launch->counted = true;
		run_stage(launch, LAUNCH_IMAGE);
	}
}

static void finish(struct launch *launch)
{
	struct local_driver *local = launch->local;
	if (launch->umbox && launch->result < 0) {
		/* With its directory a container that stayed can be adopted. */
		umbox_close(launch->umbox, !launch->left);
	} else if (launch->umbox) {
		launch->umbox->launching = false;
	}
	if (launch->result < 0)
		error_prefix(&launch->err, "umbox %" PRIu32 " (%s): ", launch->marks.umbox,
			     launch->hop.image);
	local->starts -= launch->counted;
	TEXT_COPY(launch->call->image_id, launch->image.id);
	local_finish(local, launch->call, launch->result, &launch->err);
	umbox_image_done(&launch->image);
	free(launch->hop.parameters);
	free(launch->logs);
	free(launch);
	start_waiting(local);
}

static void fail(struct launch *launch, int result, const struct error *err)
{
	launch->result = result;
	launch->err = *err;
	launch->left = launch->id[0] || result == -ETIMEDOUT || result == -ECANCELED;
	/* While the engine cannot be asked, the next observation finds what is left. */
	bool undo = launch->id[0] && result != -ECANCELED && !launch->local->closing;
	if (undo)
		run_stage(launch, result == -ESRCH ? LAUNCH_LOGS : LAUNCH_UNDO);
	else
		finish(launch);
}

static struct umbox_image *find_image(struct local_driver *local, const char *reference)
{
	for (unsigned i = 0; i < local->image_count; i++)
		if (text_equal(local->images[i].reference, reference))
			return &local->images[i].image;
	return NULL;
}

static const struct umbox_image *keep_image(struct local_driver *local, const char *reference,
					    struct umbox_image *image)
{
	struct umbox_image *kept = find_image(local, reference);
	if (kept) {
		umbox_image_done(kept);
	} else {
		if (local->image_count == IMAGES_KEPT)
			local_forget_images(local);
		struct image_entry *entry = &local->images[local->image_count++];
		TEXT_COPY(entry->reference, reference);
		kept = &entry->image;
	}
	*kept = *image;
	*image = (struct umbox_image){0};
	return kept;
}

static int use_image(struct launch *launch, const struct umbox_image *image, struct error *err)
{
	int result = umbox_image_check_parameters(image, launch->hop.parameters, err);
	if (result == 0)
		result = umbox_image_check_shadow(image, &launch->hop, err);
	if (result == 0 && image->legacy && !device_ip4(&launch->device))
		result = error_set(err, -EINVAL,
				   "an image with umbox.mode=legacy is started with the device's "
				   "IPv4 address, and '%s' has none (it needs one in its ips)",
				   launch->device.name);
	launch->image = *image;
	launch->image.parameters = NULL; /* the schema stays the cache's */
	return result;
}

static int make_directory(struct launch *launch, struct error *err)
{
	int result = umbox_open(&launch->umbox, launch->local->umboxes, &launch->marks, err);
	if (result < 0)
		return result;
	launch->umbox->launching = true;
	cleanup_free char *json = umbox_description(launch->marks.umbox, launch->marks.generation,
						    &launch->hop, &launch->device,
						    link_host(launch->local->link));
	return umbox_describe(launch->umbox, json, err);
}

static void order(struct launch *launch)
{
	cleanup_free char *directory = umbox_directory(launch->umbox);
	char address[IP_TEXT_BYTES] = "";
	if (launch->image.legacy)
		ip_print(address, device_ip4(&launch->device));
	const struct container_order container = {
		.marks = &launch->marks,
		.image = &launch->image,
		.directory = directory,
		.argument = launch->image.legacy ? address : NULL,
		.without_log = launch->local->without_log,
	};
	docker_create(launch->local->docker, &launch->docker, &container, launch->id);
}

static void look_at_image(struct launch *launch)
{
	struct error err = {0};
	const struct umbox_image *image = find_image(launch->local, launch->source);
	if (!image)
		docker_image(launch->local->docker, &launch->docker, launch->source,
			     &launch->image);
	else if (use_image(launch, image, &err) < 0)
		fail(launch, err.code, &err);
	else
		run_stage(launch, LAUNCH_CREATE);
}

static void run_stage(struct launch *launch, enum launch_stage stage)
{
	struct docker *docker = launch->local->docker;
	struct error err = {0};
	char name[CONTAINER_NAME_BYTES];
	launch->stage = stage;
	switch (stage) {
	case LAUNCH_IMAGE: look_at_image(launch); break;
	case LAUNCH_CREATE:
		if (!launch->umbox && make_directory(launch, &err) < 0)
			fail(launch, err.code, &err);
		else
			order(launch);
		break;
	case LAUNCH_FIND:
		docker_container_name(name, launch->local->config.instance, launch->marks.umbox);
		docker_inspect(docker, &launch->docker, name, &launch->container);
		break;
	case LAUNCH_START: docker_start(docker, &launch->docker, launch->id); break;
	case LAUNCH_SETTLE: docker_stop(docker, &launch->docker, launch->id, 0); break;
	case LAUNCH_INSPECT:
	case LAUNCH_CONFIRM:
		docker_inspect(docker, &launch->docker, launch->id, &launch->container);
		break;
	case LAUNCH_LOGS:
		docker_logs(docker, &launch->docker, launch->id, LAST_WORDS_BYTES, &launch->logs);
		break;
	case LAUNCH_UNDO: docker_remove(docker, &launch->docker, launch->id); break;
	case LAUNCH_DONE: finish(launch); break;
	}
}

static int after_image(struct launch *launch, struct error *err)
{
	return use_image(launch, keep_image(launch->local, launch->source, &launch->image), err);
}

/* A container of that name and digest is what an earlier try left behind. */
static int after_find(struct launch *launch, struct error *err)
{
	const struct container *found = &launch->container;
	if (found->marks.umbox != launch->marks.umbox ||
	    !text_equal(found->marks.digest, launch->marks.digest))
		return error_set(err, -EEXIST, "another container has its name");
	TEXT_COPY(launch->id, found->id);
	return 0;
}

static int check_running(const struct launch *launch, struct error *err)
{
	const struct container *found = &launch->container;
	if (found->state == CONTAINER_RUNNING)
		return 0;
	return error_set(err, -ESRCH, "it ended at once with code %d%s", found->exit_code,
			 found->out_of_memory ? ", out of memory" : "");
}

static int after_inspect(struct launch *launch, struct error *err)
{
	int result = check_running(launch, err);
	if (result == 0)
		result = umbox_hold(launch->umbox, &launch->container, err);
	/* When it has ended meanwhile, a later inspection knows with which code. */
	return result == -ESRCH ? 0 : result;
}

static int after_confirm(struct launch *launch, struct error *err)
{
	const struct container *held = &launch->umbox->container;
	int result = check_running(launch, err);
	if (result < 0)
		return result;
	if (held->pid != launch->container.pid ||
	    !text_equal(held->started_at, launch->container.started_at))
		return error_set(err, -ESRCH, "it was started anew by somebody else");
	return umbox_watch(launch->umbox, false, err);
}

/* "...: <the last line that it wrote>" */
static void add_last_words(struct launch *launch)
{
	char *logs = launch->logs;
	size_t length = logs ? strlen(logs) : 0;
	while (length && logs[length - 1] == '\n')
		logs[--length] = '\0';
	if (!length)
		return;
	const char *newline = strrchr(logs, '\n');
	struct error err = launch->err;
	error_set(&launch->err, err.code, "%.512s: %s", err.text, newline ? newline + 1 : logs);
}

static const struct {
	enum launch_stage next;
	int (*after)(struct launch *launch, struct error *err);
} STAGES[] = {
	[LAUNCH_IMAGE] = {LAUNCH_CREATE, after_image},
	[LAUNCH_CREATE] = {LAUNCH_START, NULL},
	[LAUNCH_FIND] = {LAUNCH_START, after_find},
	[LAUNCH_START] = {LAUNCH_INSPECT, NULL},
	[LAUNCH_INSPECT] = {LAUNCH_CONFIRM, after_inspect},
	[LAUNCH_SETTLE] = {LAUNCH_CONFIRM, NULL},
	[LAUNCH_CONFIRM] = {LAUNCH_DONE, after_confirm},
};

static enum launch_stage next_stage(const struct launch *launch)
{
	if (launch->stage == LAUNCH_INSPECT && !launch->umbox->pid_watch)
		return LAUNCH_SETTLE;
	return STAGES[launch->stage].next;
}

/* Failures that have a way on. */
static bool recover(struct launch *launch, int result, const struct error *err)
{
	if (launch->stage == LAUNCH_CREATE && result == -EEXIST) {
		run_stage(launch, LAUNCH_FIND);
		return true;
	}
	if (launch->stage == LAUNCH_CREATE && !launch->local->without_log &&
	    strstr(err->text, "log driver")) {
		launch->local->without_log = true;
		run_stage(launch, LAUNCH_CREATE);
		return true;
	}
	return false;
}

static void on_docker_done(struct docker_call *call, int result, const struct error *err)
{
	struct launch *launch = container_of(call, struct launch, docker);
	struct error own = {0};
	if (launch->stage == LAUNCH_LOGS) {
		add_last_words(launch);
		run_stage(launch, LAUNCH_UNDO);
		return;
	}
	if (launch->stage == LAUNCH_UNDO) {
		launch->left = result < 0;
		if (!launch->left)
			local_observed_removal(launch->local, launch->id);
		finish(launch);
		return;
	}
	if (result < 0 && recover(launch, result, err))
		return;
	if (result == 0 && STAGES[launch->stage].after) {
		result = STAGES[launch->stage].after(launch, &own);
		err = &own;
	}
	if (result < 0)
		fail(launch, result, err);
	else
		run_stage(launch, next_stage(launch));
}

void local_cancel_waiting(struct local_driver *local)
{
	struct error err = {0};
	int result = error_set(&err, -ECANCELED, "cancelled");
	while (local->waiting) {
		struct launch *launch = local->waiting;
		local->waiting = launch->next;
		launch->result = result;
		launch->err = err;
		finish(launch);
	}
	local->waiting_end = &local->waiting;
}

void local_launch(struct local_driver *local, const struct driver_task *task,
		  struct driver_call *call)
{
	const struct hop *hop = task->step->hop;
	const struct umbox *held = umbox_find(local->umboxes, task->step->umbox);
	struct error err = {0};
	if (held) {
		bool same = held->watched && !held->gone && !held->removing &&
			    text_equal(held->container.marks.digest, hop->digest);
		int result = same ? 0
				  : error_set(&err, -EEXIST, "umbox %" PRIu32 " is there already",
					      task->step->umbox);
		local_finish(local, call, result, &err);
		return;
	}
	struct launch *launch = mem_alloc(sizeof(*launch));
	launch->local = local;
	launch->call = call;
	launch->docker.done = on_docker_done;
	launch->device = *task->device;
	launch->hop = *hop;
	launch->hop.parameters = mem_copy_text(hop->parameters);
	TEXT_COPY(launch->source, task->image[0] ? task->image : hop->image);
	launch->marks = (struct container_marks){
		.umbox = task->step->umbox,
		.device = task->device->number,
		.generation = task->generation,
		.shadow = hop->shadow,
	};
	TEXT_COPY(launch->marks.instance, local->config.instance);
	TEXT_COPY(launch->marks.device_name, task->device->name);
	TEXT_COPY(launch->marks.state, task->state);
	TEXT_COPY(launch->marks.hop, hop->name);
	TEXT_COPY(launch->marks.digest, hop->digest);
	device_addresses_digest(task->device, launch->marks.serves);
	*local->waiting_end = launch;
	local->waiting_end = &launch->next;
	start_waiting(local);
}
