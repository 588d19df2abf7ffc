/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_observe.c - an observation: mends the data plane, asks Docker for its containers,
 * adopts those that run and are not held, reads the rules, and tells what all that amounts to.
 *
 * Steps go on meanwhile.  So the containers' list, which is older than the rest, is corrected by
 * what is held and by what was removed since; links and rules are read last, in one go. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "driver/local_inner.h"

enum { ADOPTIONS_AT_ONCE = 8 };

struct observation;

/* Takes one running container over: two inspections around opening its process, as in a launch. */
struct adoption {
	struct observation *observation;
	struct docker_call docker;
	struct container *listed; /* NULL: idle */
	struct container found;
	struct umbox *umbox; /* opened, not watched yet */
};

struct observation {
	struct local_driver *local;
	struct driver_picture *ret;
	struct driver_call *call;
	struct observation *next;
	struct docker_call list_call;
	struct container *list;
	unsigned count, at;
	uint32_t *listed; /* the ids of the list, in order */
	struct adoption adoptions[ADOPTIONS_AT_ONCE];
	unsigned adopting;
	bool incomplete;
	int result;
	struct error err; /* the first */
};

static void start(struct observation *observation);
static void adopt_more(struct observation *observation);

static void note(struct observation *observation, int result, const struct error *err)
{
	observation->incomplete = true;
	if (observation->result < 0)
		return;
	observation->result = result;
	observation->err = *err;
}

static int compare(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
	return (one > other) - (one < other);
}

static bool is_among(const uint32_t *sorted, unsigned count, uint32_t number)
{
	return count && bsearch(&number, sorted, count, sizeof(number), compare);
}

/* Once the list does not change any more. */
static void sort_listed(struct observation *observation)
{
	unsigned count = observation->count;
	observation->listed = mem_alloc_array(count + 1, sizeof(*observation->listed));
	for (unsigned i = 0; i < count; i++)
		observation->listed[i] = observation->list[i].marks.umbox;
	qsort(observation->listed, count, sizeof(*observation->listed), compare);
}

static bool is_listed(const struct observation *observation, uint32_t umbox)
{
	return is_among(observation->listed, observation->count, umbox);
}

struct strays {
	const struct observation *observation;
	uint32_t *ids;
	unsigned count;
};

static void collect_stray(void *data, uint32_t umbox)
{
	struct strays *strays = data;
	if (umbox_find(strays->observation->local->umboxes, umbox) ||
	    is_listed(strays->observation, umbox))
		return;
	strays->ids = mem_resize(strays->ids, strays->count + 1, sizeof(*strays->ids));
	strays->ids[strays->count++] = umbox;
}

/* Legs and directories of umboxes that Docker and we know nothing of. */
static void sweep(struct observation *observation)
{
	struct local_driver *local = observation->local;
	struct strays strays = {.observation = observation};
	struct error err = {0};
	umbox_each_stray_directory(local->umboxes, collect_stray, &strays);
	for (unsigned i = 0; i < strays.count; i++)
		umbox_remove_directory(local->umboxes, strays.ids[i]);
	strays.count = 0;
	link_each_legs(local->link, collect_stray, &strays);
	for (unsigned i = 0; i < strays.count; i++) {
		int result = nft_unhook_legs(local->nft, strays.ids[i], &err);
		if (result == 0)
			result = link_remove_legs(local->link, strays.ids[i], &err);
		if (result < 0)
			note(observation, result, &err);
	}
	free(strays.ids);
}

static enum umbox_state state_of(const struct umbox *held)
{
	if (!held || held->gone || held->removing)
		return UMBOX_GONE;
	return held->watched ? UMBOX_RUNNING : UMBOX_STARTING;
}

static void add_umbox(struct observation *observation, const struct container *container)
{
	struct local_driver *local = observation->local;
	struct driver_picture *picture = observation->ret;
	const struct container_marks *marks = &container->marks;
	const struct umbox *held = umbox_find(local->umboxes, marks->umbox);
	struct driver_umbox *umbox = &picture->umboxes[picture->umbox_count++];
	*umbox = (struct driver_umbox){
		.id = marks->umbox,
		.device = marks->device,
		.generation = marks->generation,
		.state = state_of(held),
		.wired = link_legs_up(local->link, marks->umbox, held && held->container.direct) &&
			 nft_legs_hooked(local->nft, marks->umbox),
		.ready = held && held->ready,
	};
	TEXT_COPY(umbox->hop, marks->hop);
	TEXT_COPY(umbox->digest, marks->digest);
	TEXT_COPY(umbox->serves, marks->serves);
	TEXT_COPY(umbox->image_id, container->image_id);
}

/* A container that runs but could not be adopted is left out of an incomplete picture: nobody knows
 * what it is good for. */
static void list_umboxes(struct observation *observation)
{
	struct umbox_set *set = observation->local->umboxes;
	unsigned held_count = 0;
	for (struct umbox *umbox = umbox_first(set); umbox; umbox = umbox_next(umbox))
		held_count++;
	observation->ret->umboxes = mem_alloc_array(observation->count + held_count,
						    sizeof(struct driver_umbox));
	for (unsigned i = 0; i < observation->count; i++) {
		const struct container *container = &observation->list[i];
		if (container->marks.umbox && (container->state != CONTAINER_RUNNING ||
					       umbox_find(set, container->marks.umbox)))
			add_umbox(observation, container);
	}
	for (struct umbox *umbox = umbox_first(set); umbox; umbox = umbox_next(umbox))
		if (!is_listed(observation, umbox->container.marks.umbox))
			add_umbox(observation, &umbox->container);
}

struct slots {
	struct driver_picture *picture;
	uint32_t *known; /* the devices that have rules, in order */
	unsigned known_count;
};

static void add_slot(void *data, uint32_t device)
{
	const struct slots *slots = data;
	struct driver_picture *picture = slots->picture;
	if (is_among(slots->known, slots->known_count, device))
		return;
	picture->devices = mem_resize(picture->devices, picture->device_count + 1,
				      sizeof(*picture->devices));
	picture->devices[picture->device_count++] = (struct driver_device){.device = device,
									   .as.number = device};
}

/* A slot without rules is of a device all the same.  Each is told once. */
static void add_slots(struct observation *observation)
{
	struct driver_picture *picture = observation->ret;
	struct slots slots = {picture, NULL, picture->device_count};
	slots.known = mem_alloc_array(slots.known_count + 1, sizeof(*slots.known));
	for (unsigned i = 0; i < slots.known_count; i++)
		slots.known[i] = picture->devices[i].device;
	qsort(slots.known, slots.known_count, sizeof(*slots.known), compare);
	link_each_slot(observation->local->link, add_slot, &slots);
	free(slots.known);
}

/* Legs that stand but lost their hook (the table was flushed) are steered again; lost legs are not
 * made anew, as the umbox's sockets went with them. */
static int hook_again(struct local_driver *local, struct error *err)
{
	for (struct umbox *umbox = umbox_first(local->umboxes); umbox; umbox = umbox_next(umbox)) {
		uint32_t id = umbox->container.marks.umbox;
		if (!link_legs_up(local->link, id, umbox->container.direct) ||
		    nft_legs_hooked(local->nft, id))
			continue;
		int result = nft_hook_legs(local->nft, id, err);
		if (result < 0)
			return result;
	}
	return 0;
}

static void look_at_kernel(struct observation *observation)
{
	struct local_driver *local = observation->local;
	struct driver_picture *picture = observation->ret;
	struct error err = {0};
	int result = link_observe(local->link, &err);
	int mended = result < 0 ? 0 : link_repair(local->link, &err);
	if (mended < 0) /* it keeps nothing else from being mended */
		note(observation, mended, &err);
	if (result >= 0)
		result = nft_repair(local->nft, &err);
	if (result >= 0)
		result = hook_again(local, &err);
	if (result >= 0)
		result = nft_observe(local->nft, &picture->devices, &picture->device_count, &err);
	picture->steered = result >= 0;
	if (result < 0)
		note(observation, result, &err);
	else
		add_slots(observation);
}

static void finish(struct observation *observation)
{
	struct local_driver *local = observation->local;
	if (!local->closing) {
		sort_listed(observation);
		look_at_kernel(observation);
		list_umboxes(observation);
		if (!observation->incomplete)
			sweep(observation);
	}
	observation->ret->complete = !observation->incomplete;
	local->observations = observation->next;
	local_finish(local, observation->call, observation->result, &observation->err);
	free(observation->list);
	free(observation->listed);
	free(observation);
	if (local->observations && !local->closing)
		start(local->observations);
}

static void end_adoption(struct adoption *adoption, int result, const struct error *err)
{
	struct observation *observation = adoption->observation;
	if (adoption->umbox && result < 0)
		umbox_close(adoption->umbox, false);
	else if (adoption->umbox)
		adoption->umbox->launching = false;
	if (result == -ENOENT || result == -ESRCH)
		adoption->listed->state = CONTAINER_ENDED; /* since the list was made */
	else if (result < 0)
		note(observation, result, err);
	adoption->listed = NULL;
	adoption->umbox = NULL;
	observation->adopting--;
	adopt_more(observation);
}

static int take_over(struct adoption *adoption, struct error *err)
{
	struct local_driver *local = adoption->observation->local;
	if (adoption->umbox) {
		const struct container *held = &adoption->umbox->container;
		if (held->pid != adoption->found.pid ||
		    !text_equal(held->started_at, adoption->found.started_at))
			return error_set(err, -ESRCH, "it was started anew meanwhile");
		return umbox_watch(adoption->umbox, true, err);
	}
	int result = umbox_open(&adoption->umbox, local->umboxes, &adoption->found.marks, err);
	if (result < 0)
		return result;
	assert(adoption->umbox);
	adoption->umbox->launching = true;
	return umbox_hold(adoption->umbox, &adoption->found, err);
}

static void on_inspected(struct docker_call *call, int result, const struct error *err)
{
	struct adoption *adoption = container_of(call, struct adoption, docker);
	struct local_driver *local = adoption->observation->local;
	struct error own = *err;
	if (result == 0 && adoption->found.state != CONTAINER_RUNNING)
		result = -ESRCH;
	if (result == 0)
		result = take_over(adoption, &own);
	if (result == 0 && !adoption->umbox->watched)
		docker_inspect(local->docker, &adoption->docker, adoption->listed->id,
			       &adoption->found);
	else
		end_adoption(adoption, result, &own);
}

static void adopt(struct observation *observation, struct container *container)
{
	struct adoption *adoption = observation->adoptions;
	while (adoption->listed)
		adoption++;
	adoption->observation = observation;
	adoption->listed = container;
	adoption->docker.done = on_inspected;
	observation->adopting++;
	docker_inspect(observation->local->docker, &adoption->docker, container->id,
		       &adoption->found);
}

static void adopt_more(struct observation *observation)
{
	struct umbox_set *set = observation->local->umboxes;
	while (observation->at < observation->count && observation->adopting < ADOPTIONS_AT_ONCE &&
	       !observation->local->closing) {
		struct container *container = &observation->list[observation->at++];
		struct umbox *held = umbox_find(set, container->marks.umbox);
		if (held && container->state == CONTAINER_ENDED)
			umbox_tell_gone(held, "Docker lists it as ended");
		if (!held && container->state == CONTAINER_RUNNING)
			adopt(observation, container);
	}
	if (!observation->adopting)
		finish(observation);
}

static void on_listed(struct docker_call *call, int result, const struct error *err)
{
	struct observation *observation = container_of(call, struct observation, list_call);
	if (result < 0)
		note(observation, result, err);
	adopt_more(observation);
}

static void start(struct observation *observation)
{
	observation->list_call.done = on_listed;
	docker_list(observation->local->docker, &observation->list_call, &observation->list,
		    &observation->count);
}

void local_observed_removal(struct local_driver *local, const char *container)
{
	struct observation *observation = local->observations;
	for (unsigned i = 0; observation && i < observation->count; i++)
		if (text_equal(observation->list[i].id, container))
			observation->list[i].marks.umbox = 0;
}

void local_cancel_observations(struct local_driver *local)
{
	struct error err = {0};
	int result = error_set(&err, -ECANCELED, "cancelled");
	struct observation *running = local->observations;
	if (!running)
		return;
	struct observation *waiting = take(running->next);
	while (waiting) {
		struct observation *next = waiting->next;
		local_finish(local, waiting->call, result, &err);
		free(waiting);
		waiting = next;
	}
}

void local_observe(struct local_driver *local, struct driver_picture *ret, struct driver_call *call)
{
	struct observation *observation = mem_alloc(sizeof(*observation));
	*ret = (struct driver_picture){0};
	observation->local = local;
	observation->ret = ret;
	observation->call = call;
	struct observation **end = &local->observations;
	while (*end)
		end = &(*end)->next;
	*end = observation;
	if (local->observations == observation)
		start(observation);
}
