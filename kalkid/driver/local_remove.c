/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_remove.c - a removal: stops a umbox and takes away all that belongs to it.
 *
 * The legs go with the namespace, when its last process and our descriptor are gone: the kernel
 * does that beside the loop, where deleting them first would stop the loop for tens of
 * milliseconds. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "driver/local_inner.h"

enum removal_stage {
	REMOVAL_FIND, /* by its name, where the container is not held */
	REMOVAL_STOP,
	REMOVAL_DELETE,
};

struct removal {
	struct local_driver *local;
	struct driver_call *call;
	struct docker_call docker;
	enum removal_stage stage;
	uint32_t umbox;
	struct container container;
};

/* Mostly the kernel has taken them by now; asking it would wait for its lock. */
static int remove_legs(struct link *link, uint32_t umbox, struct error *err)
{
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		if (link_find(link, name))
			return link_remove_legs(link, umbox, err);
	}
	return 0;
}

static void finish(struct removal *removal, int result, struct error *err)
{
	struct local_driver *local = removal->local;
	struct umbox *umbox = umbox_find(local->umboxes, removal->umbox);
	if (result == 0) {
		local_observed_removal(local, removal->container.id);
		if (umbox)
			umbox_close(umbox, true);
		else
			umbox_remove_directory(local->umboxes, removal->umbox);
		result = remove_legs(local->link, removal->umbox, err);
	} else if (umbox) {
		umbox->removing = false;
	}
	if (result < 0)
		error_prefix(err, "umbox %" PRIu32 ": ", removal->umbox);
	local_finish(local, removal->call, result, err);
	free(removal);
}

static void run_stage(struct removal *removal, enum removal_stage stage)
{
	struct docker *docker = removal->local->docker;
	const char *id = removal->container.id;
	char name[CONTAINER_NAME_BYTES];
	removal->stage = stage;
	switch (stage) {
	case REMOVAL_FIND:
		docker_container_name(name, removal->local->config.instance, removal->umbox);
		docker_inspect(docker, &removal->docker, name, &removal->container);
		break;
	case REMOVAL_STOP: docker_stop(docker, &removal->docker, id, STOP_GRACE_S); break;
	case REMOVAL_DELETE: docker_remove(docker, &removal->docker, id); break;
	}
}

static void on_docker_done(struct docker_call *call, int result, const struct error *err)
{
	struct removal *removal = container_of(call, struct removal, docker);
	struct error own = *err;
	if (removal->stage == REMOVAL_FIND && result == -ENOENT) {
		finish(removal, 0, &own);
	} else if (removal->stage == REMOVAL_FIND && result == 0) {
		bool running = removal->container.state == CONTAINER_RUNNING;
		run_stage(removal, running ? REMOVAL_STOP : REMOVAL_DELETE);
	} else if (removal->stage == REMOVAL_STOP && (result == 0 || result == -EIO)) {
		struct umbox *umbox = umbox_find(removal->local->umboxes, removal->umbox);
		if (umbox && result == 0)
			umbox_tell_gone(umbox, "removed");
		/* What the engine cannot stop is deleted by force. */
		run_stage(removal, REMOVAL_DELETE);
	} else {
		finish(removal, result, &own);
	}
}

void local_remove(struct local_driver *local, uint32_t umbox, struct driver_call *call)
{
	struct error err = {0};
	struct umbox *held = umbox_find(local->umboxes, umbox);
	if (held && (held->launching || held->removing)) {
		local_finish(
			local, call,
			error_set(&err, -EBUSY, "umbox %" PRIu32 ": a step is under way", umbox),
			&err);
		return;
	}
	int result = nft_unhook_legs(local->nft, umbox, &err);
	if (result < 0) {
		local_finish(local, call, result, &err);
		return;
	}
	struct removal *removal = mem_alloc(sizeof(*removal));
	removal->local = local;
	removal->call = call;
	removal->umbox = umbox;
	removal->docker.done = on_docker_done;
	if (held) {
		held->removing = true;
		removal->container = held->container;
	}
	run_stage(removal, !held ? REMOVAL_FIND : held->gone ? REMOVAL_DELETE : REMOVAL_STOP);
}
