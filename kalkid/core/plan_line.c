/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_line.c - see plan_line.h. */
#include "core/plan_line.h"

#include "base/text.h"

/* --- what an umbox is good for --- */

int umbox_place(const struct world *have, uint32_t id)
{
	for (unsigned i = 0; i < have->umbox_count; i++)
		if (have->umboxes[i].id == id)
			return (int)i;
	return -1;
}

bool umbox_healthy(const struct umbox_view *umbox)
{
	return umbox->state == UMBOX_RUNNING && umbox->wired && umbox->ready && !umbox->busy;
}

/* Ready without legs: somebody took them away, and its sockets with them.  Wired and busy: nothing
 * is done to a wired umbox but its removal. */
bool umbox_lost(const struct umbox_view *umbox)
{
	return umbox->state == UMBOX_GONE || (umbox->overdue && !umbox->ready) ||
	       (umbox->ready && !umbox->wired && !umbox->busy) || (umbox->wired && umbox->busy);
}

bool umbox_in_path(const struct world *have, uint32_t id)
{
	return have->path.state != PATH_HELD && path_has(&have->path, id);
}

enum fitness {
	FIT_NEVER,
	FIT_LATER, /* starting */
	FIT_SOON,  /* running, but frames of another path may be inside */
	FIT_NOW,
};

/* For a new place in a chain. */
static enum fitness fitness(const struct world *have, const struct umbox_view *umbox)
{
	if (umbox_lost(umbox) || umbox_in_path(have, umbox->id))
		return FIT_NEVER;
	if (!umbox_healthy(umbox))
		return FIT_LATER;
	return umbox->quiet ? FIT_NOW : FIT_SOON;
}

bool umbox_fits_now(const struct world *have, const struct umbox_view *umbox)
{
	return fitness(have, umbox) == FIT_NOW;
}

/* Of equally fit ones. */
static bool comes_before(const struct umbox_view *a, const struct umbox_view *b)
{
	return a->outdated != b->outdated ? b->outdated : a->id < b->id;
}

int umbox_fittest(const struct world *have, const struct hop *hop, const bool taken[])
{
	int best = -1;
	enum fitness best_fitness = FIT_NEVER;
	for (unsigned i = 0; i < have->umbox_count; i++) {
		const struct umbox_view *umbox = &have->umboxes[i];
		if (taken[i] || !text_equal(umbox->digest, hop->digest))
			continue;
		enum fitness fit = fitness(have, umbox);
		if (fit > best_fitness || (best >= 0 && fit == best_fitness &&
					   comes_before(umbox, &have->umboxes[best]))) {
			best = (int)i;
			best_fitness = fit;
		}
	}
	return best;
}

int umbox_fittest_fresh(const struct world *have, const struct hop *hop, const bool taken[])
{
	bool hidden[WORLD_UMBOXES_MAX];
	for (unsigned i = 0; i < WORLD_UMBOXES_MAX; i++)
		hidden[i] = taken[i] || have->umboxes[i].outdated;
	return umbox_fittest(have, hop, hidden);
}

/* --- which stands where --- */

/* The path whose frames may be inside umboxes: the one in force, or the one before it was held. */
static const struct path *trail_of(const struct world *have)
{
	static const struct path NOWHERE = {.state = PATH_HELD};
	switch (have->path.state) {
	case PATH_WHOLE: return &have->path;
	case PATH_HELD: return &have->before;
	case PATH_BROKEN: return &NOWHERE; /* held first */
	case PATH_STATE_COUNT: break;
	}
	return &NOWHERE;
}

/* One that is being removed did not fail; if it did before, the world has noted that. */
static bool failed(const struct world *have, const char *digest)
{
	for (unsigned i = 0; i < have->failed_count; i++)
		if (text_equal(have->failed[i], digest))
			return true;
	for (unsigned i = 0; i < have->umbox_count; i++) {
		const struct umbox_view *umbox = &have->umboxes[i];
		bool fell = umbox->overdue || path_has(trail_of(have), umbox->id);
		if (fell && umbox_lost(umbox) && !umbox->busy && text_equal(umbox->digest, digest))
			return true;
	}
	return false;
}

/* The umbox at a place of the trail when it may stand for `hop` there, else -1. */
static int stays(const struct world *have, unsigned at, const struct hop *hop)
{
	int found = umbox_place(have, trail_of(have)->ids[at]);
	if (found < 0 || !umbox_healthy(&have->umboxes[found]))
		return -1;
	return text_equal(have->umboxes[found].digest, hop->digest) ? found : -1;
}

/* X = P.M.S becomes Y = P.M'.S: P and S stay where they are, with their memory.  A frame inside P
 * has seen P and will see M'.S; one inside S has seen P.M and will see S: each one whole chain.
 * Strays have seen something else, so what follows them must wait until they are out. */
static void keep_ends(const struct world *have, struct line *line)
{
	struct place *places[HOPS_MAX];
	unsigned count = 0, trail = trail_of(have)->count, first = 0, last = 0;

	for (unsigned i = 0; i < line->count; i++)
		if (!line->places[i].bridged)
			places[count++] = &line->places[i];
	unsigned shorter = min_of(count, trail);
	for (int found; first < shorter; first++) {
		if ((found = stays(have, first, places[first]->hop)) < 0)
			break;
		places[first]->umbox = found;
	}
	bool same = first == count && first == trail;
	for (int found; last < shorter - first; last++) {
		if ((found = stays(have, trail - 1 - last, places[count - 1 - last]->hop)) < 0)
			break;
		places[count - 1 - last]->umbox = found;
		places[count - 1 - last]->now = !have->umboxes[found].stray_down;
	}
	for (unsigned i = 0; i < first; i++)
		places[i]->now = same || !have->umboxes[places[i]->umbox].stray_up;
}

static void fill(const struct world *have, struct line *line, bool taken[], bool bridged)
{
	for (unsigned i = 0; i < line->count; i++) {
		struct place *place = &line->places[i];
		if (place->umbox >= 0 || place->bridged != bridged)
			continue;
		place->umbox = umbox_fittest(have, place->hop, taken);
		if (place->umbox < 0)
			continue;
		taken[place->umbox] = true;
		place->now = fitness(have, &have->umboxes[place->umbox]) == FIT_NOW;
	}
}

/* Leaves out the fail-open hops that failed; one that is merely coming up is waited for. */
static bool bridge(const struct world *have, struct line *line)
{
	bool more = false;
	for (unsigned i = 0; i < line->count; i++) {
		struct place *place = &line->places[i];
		if (place->bridged || place->now || place->hop->fail != HOP_FAIL_OPEN ||
		    !failed(have, place->hop->digest))
			continue;
		place->bridged = more = true;
	}
	return more;
}

/* The path in force is the line, and no frame inside has seen another neighbour of the place. */
static bool may_exchange(const struct world *have, const struct line *line, unsigned at)
{
	struct path path;
	if (!line_path(&path, line, have) || !path_equal(&path, &have->path))
		return false;
	for (unsigned i = 0; i < line->count; i++) {
		const struct place *place = &line->places[i];
		const struct umbox_view *umbox = &have->umboxes[place->umbox];
		if (!place->bridged &&
		    ((i < at && umbox->stray_up) || (i > at && umbox->stray_down)))
			return false;
	}
	return true;
}

/* An outdated umbox gives way to one that is ready, one of them at a time: P.m.S becomes P.m'.S. */
static void renew(const struct world *have, struct line *line, bool taken[])
{
	bool exchanged = false;
	for (unsigned i = 0; i < line->count; i++) {
		struct place *place = &line->places[i];
		place->successor = -1;
		if (place->bridged || place->umbox < 0 || !have->umboxes[place->umbox].outdated)
			continue;
		int fresh = umbox_fittest_fresh(have, place->hop, taken);
		if (fresh < 0)
			continue;
		taken[fresh] = true;
		place->successor = fresh;
		if (!exchanged && umbox_fits_now(have, &have->umboxes[fresh]) &&
		    may_exchange(have, line, i)) {
			place->umbox = fresh;
			exchanged = true;
		}
	}
}

unsigned chain_length(const struct posture *posture)
{
	return posture && posture->mode == POSTURE_CHAIN ? posture->hop_count : 0;
}

void line_up(struct line *line, const struct world *have, const struct posture *posture)
{
	bool taken[WORLD_UMBOXES_MAX];

	*line = (struct line){.count = chain_length(posture)};
	for (unsigned i = 0; i < line->count; i++)
		line->places[i].hop = &posture->hops[i];
	do { /* a hop fewer may let more of the others stay */
		for (unsigned i = 0; i < line->count; i++) {
			line->places[i].umbox = -1;
			line->places[i].now = false;
		}
		keep_ends(have, line);
		for (unsigned i = 0; i < WORLD_UMBOXES_MAX; i++)
			taken[i] = false;
		for (unsigned i = 0; i < line->count; i++)
			if (line->places[i].umbox >= 0)
				taken[line->places[i].umbox] = true;
		fill(have, line, taken, false);
	} while (bridge(have, line));
	fill(have, line, taken, true); /* they come back one day */
	renew(have, line, taken);
}

bool line_path(struct path *ret, const struct line *line, const struct world *have)
{
	*ret = (struct path){.state = PATH_WHOLE};
	for (unsigned i = 0; i < line->count; i++) {
		const struct place *place = &line->places[i];
		if (place->bridged)
			continue;
		if (!place->now)
			return false;
		ret->ids[ret->count++] = have->umboxes[place->umbox].id;
	}
	return true;
}
