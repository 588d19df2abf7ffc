/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/world.c - see world.h. */
#include "core/world.h"

#include <string.h>

struct umbox_view *world_find(struct world *world, uint32_t umbox)
{
	for (unsigned i = 0; i < world->umbox_count; i++)
		if (world->umboxes[i].id == umbox)
			return &world->umboxes[i];
	return NULL;
}

bool path_has(const struct path *path, uint32_t umbox)
{
	for (unsigned i = 0; i < path->count; i++)
		if (path->ids[i] == umbox)
			return true;
	return false;
}

bool path_equal(const struct path *a, const struct path *b)
{
	return a->state == b->state && a->count == b->count &&
	       memcmp(a->ids, b->ids, a->count * sizeof(a->ids[0])) == 0;
}

/* X = P.M.S became Y = P.M'.S.  A frame in S on its way up may have crossed M instead of M', one in
 * P on its way down as well: for them what follows is still right, and must stay as it is. */
static void note_strays(struct world *world, const struct path *from, const struct path *to)
{
	unsigned prefix = 0;
	while (prefix < from->count && prefix < to->count && from->ids[prefix] == to->ids[prefix])
		prefix++;
	if (prefix == from->count && prefix == to->count)
		return;
	for (unsigned i = 0; i < to->count; i++) {
		struct umbox_view *umbox = world_find(world, to->ids[i]);
		if (!umbox || !path_has(from, umbox->id))
			continue;
		umbox->stray_down = umbox->stray_down || i < prefix;
		umbox->stray_up = umbox->stray_up || i >= prefix;
	}
}

void world_flip(struct world *world, const struct path *path)
{
	if (world->path.state == PATH_WHOLE)
		world->before = world->path;
	if (path->state == PATH_WHOLE) {
		note_strays(world, &world->before, path);
		world->before.count = 0;
	}
	world->path = *path;
	for (unsigned i = 0; i < path->count; i++) {
		struct umbox_view *umbox = world_find(world, path->ids[i]);
		if (umbox)
			umbox->quiet = false;
	}
}

void world_drained(struct world *world)
{
	if (world->path.state == PATH_BROKEN)
		return;
	world->before.count = 0;
	for (unsigned i = 0; i < world->umbox_count; i++) {
		struct umbox_view *umbox = &world->umboxes[i];
		umbox->stray_up = umbox->stray_down = false;
		umbox->quiet = umbox->quiet || world->path.state == PATH_HELD ||
			       !path_has(&world->path, umbox->id);
	}
}
