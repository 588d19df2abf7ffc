/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/fake_plane.c - see fake_plane.h. */
#include "core/fake_plane.h"

#include <assert.h>
#include <string.h>

static struct plane_legs *find(struct fake_plane *plane, uint32_t umbox)
{
	for (unsigned i = 0; i < plane->leg_count; i++)
		if (plane->legs[i].umbox == umbox)
			return &plane->legs[i];
	return NULL;
}

static const struct plane_legs *look_up(const struct fake_plane *plane, uint32_t umbox)
{
	return find((struct fake_plane *)plane, umbox);
}

bool plane_wired(const struct fake_plane *plane, uint32_t umbox)
{
	const struct plane_legs *legs = look_up(plane, umbox);
	return legs && legs->alive;
}

void plane_wire(struct fake_plane *plane, uint32_t umbox)
{
	struct plane_legs *legs = find(plane, umbox);
	if (!legs) {
		assert(plane->leg_count < PLANE_LEGS_MAX);
		legs = &plane->legs[plane->leg_count++];
		legs->alive = false;
	}
	/* New legs have new indices: entries of older ones do not lead here. */
	if (!legs->alive)
		*legs = (struct plane_legs){.umbox = umbox, .alive = true};
}

static void take_frame_out(struct fake_plane *plane, unsigned frame)
{
	plane->frames[frame] = plane->frames[--plane->frame_count];
}

static uint32_t place_of(const struct plane_frame *frame)
{
	return frame->crossed[frame->count - 1];
}

unsigned plane_inside(const struct fake_plane *plane, uint32_t umbox)
{
	unsigned count = 0;
	for (unsigned i = 0; i < plane->frame_count; i++)
		count += place_of(&plane->frames[i]) == umbox;
	return count;
}

uint64_t plane_frames(const struct fake_plane *plane, uint32_t umbox)
{
	const struct plane_legs *legs = look_up(plane, umbox);
	return legs ? legs->frames : 0;
}

/* Legs that are dead and have no entry are forgotten. */
static void sweep(struct fake_plane *plane)
{
	for (unsigned i = plane->leg_count; i-- > 0;) {
		const struct plane_legs *legs = &plane->legs[i];
		if (!legs->alive && legs->up == PLANE_NOWHERE && legs->down == PLANE_NOWHERE)
			plane->legs[i] = plane->legs[--plane->leg_count];
	}
}

void plane_unwire(struct fake_plane *plane, uint32_t umbox)
{
	struct plane_legs *legs = find(plane, umbox);
	if (!legs)
		return;
	legs->alive = false;
	for (unsigned i = plane->frame_count; i-- > 0;) {
		if (place_of(&plane->frames[i]) == umbox) {
			take_frame_out(plane, i);
			plane->lost++;
		}
	}
	sweep(plane);
}

/* --- entries --- */

/* Follows the entries from the head; false when they do not make a path. */
static bool walk(const struct fake_plane *plane, struct path *ret)
{
	uint32_t at = plane->head, before = PLANE_OUT;
	*ret = (struct path){.state = PATH_WHOLE};
	while (at != PLANE_OUT) {
		const struct plane_legs *legs = at == PLANE_NOWHERE ? NULL : look_up(plane, at);
		if (!legs || !legs->alive || legs->down != before || ret->count == HOPS_MAX)
			return false;
		ret->ids[ret->count++] = at;
		before = at;
		at = legs->up;
	}
	return plane->tail == before;
}

void plane_path(const struct fake_plane *plane, struct path *ret)
{
	if (plane->head == PLANE_NOWHERE && plane->tail == PLANE_NOWHERE)
		*ret = (struct path){.state = PATH_HELD};
	else if (!walk(plane, ret))
		ret->state = PATH_BROKEN;
}

static void new_era(struct fake_plane *plane, const struct path *path)
{
	plane->era++;
	plane->eras[plane->era % PLANE_ERAS_MAX] = *path;
}

static void lay(struct fake_plane *plane, const struct path *path, const struct path *leave_alone)
{
	for (unsigned i = 0; i < path->count; i++) {
		struct plane_legs *legs = find(plane, path->ids[i]);
		if (!legs || path_has(leave_alone, path->ids[i]))
			continue;
		legs->down = i ? path->ids[i - 1] : PLANE_OUT;
		legs->up = i + 1 < path->count ? path->ids[i + 1] : PLANE_OUT;
	}
}

static void cut(struct fake_plane *plane, const struct path *left, const struct path *now)
{
	for (unsigned i = 0; i < left->count; i++) {
		struct plane_legs *legs = find(plane, left->ids[i]);
		if (!legs || path_has(now, left->ids[i]))
			continue;
		legs->up = legs->up == PLANE_OUT ? PLANE_NOWHERE : legs->up;
		legs->down = legs->down == PLANE_OUT ? PLANE_NOWHERE : legs->down;
	}
}

static void clean(struct fake_plane *plane, const struct path *path, const struct path *prepared)
{
	for (unsigned i = 0; i < plane->leg_count; i++) {
		struct plane_legs *legs = &plane->legs[i];
		if (!path_has(path, legs->umbox) && !path_has(prepared, legs->umbox))
			legs->up = legs->down = PLANE_NOWHERE;
	}
	sweep(plane);
}

void plane_steer(struct fake_plane *plane, const struct step *step)
{
	static const struct path NONE = {.state = PATH_HELD};
	const struct path *path = &step->path;

	if (step->kind == STEP_PREPARE) {
		lay(plane, path, &plane->known);
	} else if (step->kind == STEP_CLEAN) {
		clean(plane, &plane->known, path);
	} else if (step->kind == STEP_HOLD || step->kind == STEP_ROUTE) {
		bool hold = step->kind == STEP_HOLD;
		if (step->cut)
			cut(plane, &plane->known, hold ? &NONE : path);
		plane->head = plane->tail = hold ? PLANE_NOWHERE : PLANE_OUT;
		if (!hold && path->count) {
			plane->head = path->ids[0];
			plane->tail = path->ids[path->count - 1];
			lay(plane, path, &NONE);
		}
		plane->known = hold ? NONE : *path;
		new_era(plane, &plane->known);
	}
}

void plane_flush(struct fake_plane *plane)
{
	static const struct path NONE = {.state = PATH_HELD};
	plane->head = plane->tail = PLANE_NOWHERE;
	clean(plane, &NONE, &NONE);
	new_era(plane, &NONE);
}

/* Follows the entries from `legs` to one end and adds what is there; false when
 * they lead nowhere. */
static bool walk_to_end(const struct fake_plane *plane, const struct plane_legs *legs, bool up,
			struct path *path)
{
	for (uint32_t at; (at = up ? legs->up : legs->down) != PLANE_OUT;) {
		legs = at == PLANE_NOWHERE ? NULL : look_up(plane, at);
		if (!legs || !legs->alive || path->count == HOPS_MAX)
			return false;
		path->ids[path->count++] = at;
	}
	return true;
}

/* The spare path that `legs`, outside the path in force, is in; false when there
 * is no whole one. */
static bool walk_spare(const struct fake_plane *plane, const struct plane_legs *legs,
		       struct path *ret)
{
	struct path down = {0}, path = {.state = PATH_WHOLE};
	if (!legs->alive || !walk_to_end(plane, legs, false, &down) || down.count == HOPS_MAX)
		return false;
	while (down.count)
		path.ids[path.count++] = down.ids[--down.count];
	path.ids[path.count++] = legs->umbox;
	if (!walk_to_end(plane, legs, true, &path))
		return false;
	*ret = path;
	return true;
}

void plane_look(struct fake_plane *plane, struct path *ret_path, bool *ret_leftovers,
		struct path *ret_prepared)
{
	*ret_prepared = (struct path){.state = PATH_HELD};
	*ret_leftovers = false;
	plane_path(plane, ret_path);
	plane->known = *ret_path;
	for (unsigned i = 0; i < plane->leg_count; i++) {
		const struct plane_legs *legs = &plane->legs[i];
		bool leads = legs->up != PLANE_NOWHERE || legs->down != PLANE_NOWHERE;
		if (!leads || path_has(ret_path, legs->umbox) ||
		    path_has(ret_prepared, legs->umbox))
			continue;
		if (ret_prepared->count || !walk_spare(plane, legs, ret_prepared))
			*ret_leftovers = true;
	}
}

/* --- frames --- */

/* It must have crossed just the umboxes of a path that was in force since it came in. */
static void let_out(struct fake_plane *plane, const struct plane_frame *frame)
{
	plane->passed++;
	for (uint64_t era = frame->era; era <= plane->era; era++) {
		const struct path *path = &plane->eras[era % PLANE_ERAS_MAX];
		bool same = path->state == PATH_WHOLE && path->count == frame->count;
		for (unsigned i = 0; same && i < path->count; i++)
			same = frame->crossed[i] == path->ids[frame->up ? i : path->count - 1 - i];
		if (same)
			return;
	}
	plane->astray++;
}

/* False when it is lost or out. */
static bool step_on(struct fake_plane *plane, struct plane_frame *frame, uint32_t to)
{
	if (to == PLANE_OUT) {
		let_out(plane, frame);
		return false;
	}
	struct plane_legs *legs = to == PLANE_NOWHERE ? NULL : find(plane, to);
	if (!legs || !legs->alive || frame->count > HOPS_MAX) {
		plane->lost++;
		return false;
	}
	legs->frames++;
	frame->crossed[frame->count++] = to;
	return true;
}

void plane_let_in(struct fake_plane *plane, bool up)
{
	struct plane_frame frame = {.up = up, .era = plane->era};
	if (plane->frame_count == PLANE_FRAMES_MAX ||
	    (up ? plane->head : plane->tail) == PLANE_NOWHERE)
		return;
	if (step_on(plane, &frame, up ? plane->head : plane->tail))
		plane->frames[plane->frame_count++] = frame;
}

void plane_move(struct fake_plane *plane, unsigned at)
{
	struct plane_frame *frame = &plane->frames[at];
	const struct plane_legs *legs = look_up(plane, place_of(frame));
	if (!legs || plane->era - frame->era >= PLANE_ERAS_MAX) {
		plane->lost++;
		take_frame_out(plane, at);
	} else if (!step_on(plane, frame, frame->up ? legs->up : legs->down)) {
		take_frame_out(plane, at);
	}
}

void plane_drain(struct fake_plane *plane)
{
	for (unsigned i = plane->frame_count; i-- > 0;) {
		unsigned count = plane->frame_count;
		while (i < plane->frame_count && plane->frame_count == count &&
		       plane->frames[i].era != plane->era)
			plane_move(plane, i);
	}
}
