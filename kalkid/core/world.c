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
