/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/fake_world.c - the machine in memory; see fake.h. */
#include "driver/fake_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct fake_world *fake_world_new(const struct clock *clock)
{
	struct fake_world *world = mem_alloc(sizeof(*world));
	world->clock = clock;
	world->random = 2463534242u;
	return world;
}

void fake_world_free(struct fake_world *world)
{
	for (unsigned i = 0; i < world->device_count; i++)
		free(world->devices[i]);
	free(world->devices);
	free(world->umboxes);
	free(world->flips);
	free(world);
}

struct fake_umbox *fake_find_umbox(struct fake_world *world, uint32_t umbox)
{
	for (unsigned i = 0; i < world->umbox_count; i++)
		if (world->umboxes[i].is.id == umbox)
			return &world->umboxes[i];
	return NULL;
}

struct fake_device *fake_find_device(struct fake_world *world, uint32_t number)
{
	for (unsigned i = 0; i < world->device_count; i++)
		if (world->devices[i]->number == number)
			return world->devices[i];
	return NULL;
}

struct fake_device *fake_need_device(struct fake_world *world, uint32_t number)
{
	struct fake_device *device = fake_find_device(world, number);
	if (device)
		return device;
	device = mem_alloc(sizeof(*device));
	device->number = number;
	world->devices = mem_resize(world->devices, world->device_count + 1,
				    sizeof(struct fake_device *));
	world->devices[world->device_count++] = device;
	return device;
}

unsigned fake_count(const struct fake_world *world, uint32_t device)
{
	unsigned count = 0;
	for (unsigned i = 0; i < world->umbox_count; i++)
		count += world->umboxes[i].is.device == device;
	return count;
}

const char *fake_path(struct fake_world *world, uint32_t number,
		      char words[static FAKE_WORDS_BYTES])
{
	struct fake_device *device = fake_find_device(world, number);
	struct path path = {.state = PATH_HELD};
	size_t length = 0;
	if (device)
		plane_path(&device->plane, &path);
	const char *state = path.state == PATH_HELD     ? "held"
			    : path.state == PATH_BROKEN ? "broken"
							: "pass";
	text_copy(words, FAKE_WORDS_BYTES, state);
	for (unsigned i = 0; i < path.count && path.state == PATH_WHOLE; i++) {
		struct fake_umbox *umbox = fake_find_umbox(world, path.ids[i]);
		length += (size_t)snprintf(words + length, FAKE_WORDS_BYTES - length, "%s%s",
					   i ? " " : "", umbox ? umbox->is.hop : "?");
	}
	return words;
}

/* --- the watch --- */

static void violate(struct fake_world *world, const char *format, ...) printf_like(2, 3);
static void violate(struct fake_world *world, const char *format, ...)
{
	va_list arguments;
	if (world->violation[0])
		return;
	va_start(arguments, format);
	vsnprintf(world->violation, sizeof(world->violation), format, arguments);
	va_end(arguments);
}

static void watch_route(struct fake_world *world, const struct fake_device *device,
			const struct path *path)
{
	for (unsigned i = 0; i < path->count; i++) {
		const struct fake_umbox *umbox = fake_find_umbox(world, path->ids[i]);
		if (!umbox->was_ready)
			violate(world, "umbox %u is routed and never got ready", path->ids[i]);
		if (umbox->is.device != device->number)
			violate(world, "umbox %u is routed for another device", path->ids[i]);
	}
}

static void watch_removal(struct fake_world *world, const struct fake_device *device,
			  uint32_t umbox)
{
	struct path path;
	plane_path(&device->plane, &path);
	if (path.state == PATH_WHOLE && path_has(&path, umbox))
		violate(world, "umbox %u is removed from the path of device %u", umbox,
			device->number);
}

static void note_flip(struct fake_world *world, const struct fake_device *device)
{
	world->flips = mem_resize(world->flips, world->flip_count + 1, sizeof(*world->flips));
	struct fake_flip *flip = &world->flips[world->flip_count++];
	*flip = (struct fake_flip){.device = device->number, .at_us = clock_now_us(world->clock)};
	plane_path(&device->plane, &flip->path);
	for (unsigned i = 0; i < flip->path.count; i++) {
		const struct fake_umbox *umbox = fake_find_umbox(world, flip->path.ids[i]);
		if (umbox)
			TEXT_COPY(flip->digests[i], umbox->is.digest);
	}
}

static uint32_t next_random(struct fake_world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 17;
	world->random ^= world->random << 5;
	return world->random;
}

void fake_traffic(struct fake_world *world)
{
	for (unsigned i = 0; i < world->device_count; i++) {
		struct fake_plane *plane = &world->devices[i]->plane;
		plane_let_in(plane, true);
		plane_let_in(plane, false);
		for (unsigned j = plane->frame_count; j-- > 0;)
			if (next_random(world) & 1)
				plane_move(plane, j);
		if (plane->astray)
			violate(world, "a frame of device %u crossed no whole path",
				world->devices[i]->number);
	}
}

/* --- steps --- */

int fake_next_fault(struct fake_world *world, enum step_kind kind)
{
	int fault = -1;
	for (unsigned i = world->fault_count; i-- > 0;) {
		if (world->faults[i].kind != kind || world->faults[i].after--)
			continue;
		fault = (int)world->faults[i].fault;
		world->faults[i] = world->faults[--world->fault_count];
	}
	return fault;
}

static bool launch(struct fake_world *world, const struct driver_task *task)
{
	const struct step *step = task->step;
	if (world->docker_down || text_equal(step->hop->name, world->missing_hop) ||
	    text_equal(task->image, world->missing_image))
		return false;
	if (fake_find_umbox(world, step->umbox))
		return true;
	world->umboxes = mem_resize(world->umboxes, world->umbox_count + 1,
				    sizeof(*world->umboxes));
	struct fake_umbox *umbox = &world->umboxes[world->umbox_count++];
	*umbox = (struct fake_umbox){
		.is = {.id = step->umbox,
		       .device = task->device->number,
		       .generation = task->generation,
		       .state = UMBOX_RUNNING},
		.shadow = step->hop->shadow,
	};
	TEXT_COPY(umbox->is.hop, step->hop->name);
	TEXT_COPY(umbox->is.digest, step->hop->digest);
	device_addresses_digest(task->device, umbox->is.serves);
	TEXT_COPY(umbox->is.image_id, task->image);
	return true;
}

bool fake_gets_ready(const struct fake_world *world, const struct fake_umbox *umbox)
{
	return world->ready_us >= 0 && !text_equal(umbox->is.hop, world->deaf_hop) &&
	       !text_equal(umbox->is.image_id, world->deaf_image);
}

static bool wire(struct fake_world *world, struct fake_device *device, uint32_t id)
{
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	if (!umbox || umbox->is.state != UMBOX_RUNNING)
		return false;
	plane_wire(&device->plane, id);
	if (fake_gets_ready(world, umbox))
		fake_tell(world,
			  &(struct driver_notice){.kind = DRIVER_UMBOX_READY,
						  .device = device->number,
						  .umbox = id},
			  world->ready_us);
	return true;
}

static bool bury(struct fake_world *world, struct fake_device *device, uint32_t id)
{
	if (world->docker_down)
		return false;
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	watch_removal(world, device, id);
	plane_unwire(&device->plane, id);
	if (umbox)
		*umbox = world->umboxes[--world->umbox_count];
	return true;
}

/* As the kernel refuses entries that name what is not there. */
static bool can_lead(struct fake_world *world, const struct fake_device *device,
		     const struct step *step)
{
	bool leads = step->kind == STEP_ROUTE || step->kind == STEP_PREPARE;
	for (unsigned i = 0; leads && i < step->path.count; i++)
		if (!fake_find_umbox(world, step->path.ids[i]) ||
		    !plane_wired(&device->plane, step->path.ids[i]))
			return false;
	return !leads || device->enrolled;
}

static bool steer(struct fake_world *world, struct fake_device *device, const struct step *step)
{
	if (!can_lead(world, device, step))
		return false;
	if (step->kind == STEP_ROUTE)
		watch_route(world, device, &step->path);
	plane_steer(&device->plane, step);
	if (step->kind == STEP_HOLD || step->kind == STEP_ROUTE)
		note_flip(world, device);
	return true;
}

/* The kernel's maps have each MAC once. */
static bool is_free(struct fake_world *world, const struct device_identity *as)
{
	for (unsigned i = 0; i < world->device_count; i++) {
		const struct fake_device *other = world->devices[i];
		if (other->number == as->number || !other->enrolled ||
		    !mac_equal(&other->as.mac, &as->mac))
			continue;
		world->enrolments_refused++;
		return false;
	}
	return true;
}

static bool enrol(struct fake_device *device, const struct device_identity *as)
{
	device->enrolled = as;
	if (as)
		device->as = *as;
	return true;
}

static bool do_step(struct fake_world *world, const struct driver_task *task)
{
	struct fake_device *device = fake_need_device(world, task->device->number);
	switch (task->step->kind) {
	case STEP_ENROL: return is_free(world, task->device) && enrol(device, task->device);
	case STEP_UNENROL: return enrol(device, NULL);
	case STEP_HOLD:
	case STEP_ROUTE:
	case STEP_PREPARE:
	case STEP_CLEAN: return steer(world, device, task->step);
	case STEP_LAUNCH: return launch(world, task);
	case STEP_WIRE: return wire(world, device, task->step->umbox);
	case STEP_REMOVE: return bury(world, device, task->step->umbox);
	case STEP_KIND_COUNT: break;
	}
	return false;
}

bool fake_carry_out(struct fake_world *world, const struct driver_task *task)
{
	if (!do_step(world, task))
		return false;
	fake_traffic(world);
	world->step_count++;
	if (world->on_step)
		world->on_step(world->on_step_data, world->step_count, task->step);
	return true;
}

/* --- what a look sees --- */

static void see_device(struct fake_device *device, struct driver_device *ret)
{
	struct path prepared;
	*ret = (struct driver_device){.device = device->number, .enrolled = device->enrolled};
	if (device->enrolled)
		ret->as = device->as;
	plane_look(&device->plane, &ret->path, &ret->leftovers, &prepared);
	ret->prepared_count = prepared.count;
	memcpy(ret->prepared, prepared.ids, sizeof(ret->prepared));
}

void fake_see(struct fake_world *world, struct driver_picture *ret)
{
	*ret = (struct driver_picture){
		.complete = !world->docker_down,
		.steered = true,
		.umboxes = mem_alloc_array(world->umbox_count + 1, sizeof(*ret->umboxes)),
		.devices = mem_alloc_array(world->device_count + 1, sizeof(*ret->devices)),
	};
	for (unsigned i = 0; i < world->device_count; i++) {
		struct fake_device *device = world->devices[i];
		struct driver_device *seen = &ret->devices[ret->device_count];
		see_device(device, seen);
		ret->device_count += seen->enrolled || seen->path.state != PATH_HELD ||
				     seen->leftovers || seen->prepared_count;
	}
	for (unsigned i = 0; i < world->umbox_count && !world->docker_down; i++) {
		struct driver_umbox *seen = &ret->umboxes[ret->umbox_count++];
		*seen = world->umboxes[i].is;
		seen->wired = plane_wired(&fake_need_device(world, seen->device)->plane, seen->id);
	}
}

/* --- what happens --- */

static void tell(struct fake_world *world, enum driver_notice_kind kind, uint32_t device,
		 uint32_t umbox, const char *words)
{
	struct driver_notice notice = {
		.kind = kind, .device = device, .umbox = umbox, .count = 1, .words = words};
	fake_tell(world, &notice, 0);
}

void fake_fail(struct fake_world *world, enum step_kind kind, unsigned n, enum fake_fault fault)
{
	if (world->fault_count == FAKE_FAULTS_MAX) {
		violate(world, "more than %d faults", FAKE_FAULTS_MAX);
		return;
	}
	world->faults[world->fault_count].kind = kind;
	world->faults[world->fault_count].after = n;
	world->faults[world->fault_count++].fault = fault;
}

void fake_kill_umbox(struct fake_world *world, uint32_t id, bool told)
{
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	if (!umbox || umbox->is.state == UMBOX_GONE)
		return;
	umbox->is.state = UMBOX_GONE;
	umbox->is.ready = umbox->was_ready = false;
	plane_unwire(&fake_need_device(world, umbox->is.device)->plane, id);
	if (told)
		tell(world, DRIVER_UMBOX_GONE, umbox->is.device, id, "killed");
}

void fake_make_ready(struct fake_world *world, uint32_t id)
{
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	if (umbox)
		tell(world, DRIVER_UMBOX_READY, umbox->is.device, id, NULL);
}

void fake_fall_silent(struct fake_world *world, uint32_t id)
{
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	if (umbox)
		tell(world, DRIVER_UMBOX_SILENT, umbox->is.device, id, "no heartbeat");
}

void fake_change_image(struct fake_world *world)
{
	world->image++;
	tell(world, DRIVER_IMAGES_CHANGED, 0, 0, NULL);
}

void fake_delete_leg(struct fake_world *world, uint32_t id, bool told)
{
	struct fake_umbox *umbox = fake_find_umbox(world, id);
	if (!umbox)
		return;
	plane_unwire(&fake_need_device(world, umbox->is.device)->plane, id);
	if (told)
		tell(world, DRIVER_RULES_CHANGED, 0, 0, "a leg was deleted");
}

void fake_flush_rules(struct fake_world *world, bool told)
{
	for (unsigned i = 0; i < world->device_count; i++) {
		plane_flush(&world->devices[i]->plane);
		world->devices[i]->enrolled = false;
		note_flip(world, world->devices[i]);
	}
	if (told)
		tell(world, DRIVER_RULES_CHANGED, 0, 0, "the rules were flushed");
}

void fake_set_docker(struct fake_world *world, bool up)
{
	if (world->docker_down == !up)
		return;
	world->docker_down = !up;
	tell(world, up ? DRIVER_ENGINE_UP : DRIVER_ENGINE_DOWN, 0, 0, NULL);
}

void fake_alert(struct fake_world *world, uint32_t number, const char *type)
{
	struct fake_device *device = fake_need_device(world, number);
	struct path path;
	plane_path(&device->plane, &path);
	struct fake_umbox *umbox = path.count ? fake_find_umbox(world, path.ids[0]) : NULL;
	struct alert alert = {
		.time_us = clock_now_us(world->clock),
		.umbox = umbox ? umbox->is.id : 0,
		.severity = ALERT_MEDIUM,
		.count = 1,
		.shadow = umbox && umbox->shadow,
	};
	TEXT_COPY(alert.type, type);
	if (umbox)
		TEXT_COPY(alert.hop, umbox->is.hop);
	struct driver_notice notice = {
		.kind = DRIVER_ALERT, .device = number, .umbox = alert.umbox, .alert = &alert};
	fake_tell(world, &notice, 0);
}
