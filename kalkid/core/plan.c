/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan.c - see plan.h.  In the order of this file: what an umbox is good for; which umbox
 * stands where in a chain; which are kept for standby chains; the one step that steers; the steps
 * on umboxes; where the device stands. */
#include "core/plan.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

/* One hop of a chain and the umbox that stands for it. */
struct place {
	const struct hop *hop;
	int umbox;    /* place in world.umboxes, -1: none yet */
	bool now;     /* it may be led to now */
	bool bridged; /* fail-open and failed: left out of the path */
};

struct line {
	struct place places[HOPS_MAX];
	unsigned count;
};

enum claim { CLAIM_NONE, CLAIM_CHAIN, CLAIM_SPARE };

/* The notes of one run. */
struct draft {
	const struct want *want;
	const struct world *have;
	struct plan *plan;
	const struct path *trail; /* whose frames may be inside umboxes: in force, or before held */
	struct line line;         /* the wanted chain */
	struct path target;       /* what it comes to, as far as `complete` */
	bool complete, degraded;
	enum claim claims[WORLD_UMBOXES_MAX];
	unsigned spare_count;
	const struct hop *missing[SPARES_MAX]; /* spares yet to be launched */
	unsigned missing_count;
	struct path next; /* the spare path to prepare, HELD for none */
	unsigned launched;
	bool holds;   /* the plan begins with a HOLD */
	bool waiting; /* something is missing, or on its way */
};

static struct step *add(struct draft *d, enum step_kind kind)
{
	assert(d->plan->count < PLAN_STEPS_MAX);
	struct step *step = &d->plan->steps[d->plan->count++];
	*step = (struct step){.kind = kind};
	return step;
}

static unsigned hop_count(const struct posture *posture)
{
	return posture && posture->mode == POSTURE_CHAIN ? posture->hop_count : 0;
}

static bool blocks(const struct want *want)
{
	return !want->enrolled || !want->posture || want->posture->mode == POSTURE_BLOCK;
}

/* --- what an umbox is good for --- */

static int find(const struct world *have, uint32_t id)
{
	for (unsigned i = 0; i < have->umbox_count; i++)
		if (have->umboxes[i].id == id)
			return (int)i;
	return -1;
}

static bool healthy(const struct umbox_view *umbox)
{
	return umbox->state == UMBOX_RUNNING && umbox->wired && umbox->ready && !umbox->busy;
}

/* Of no use any more.  Ready without legs: somebody took them away, and its sockets with them.
 * Wired and busy: nothing is done to a wired umbox but its removal. */
static bool lost(const struct umbox_view *umbox)
{
	return umbox->state == UMBOX_GONE || (umbox->overdue && !umbox->ready) ||
	       (umbox->ready && !umbox->wired && !umbox->busy) || (umbox->wired && umbox->busy);
}

static bool in_path(const struct world *have, uint32_t id)
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
static enum fitness fitness(const struct draft *d, const struct umbox_view *umbox)
{
	if (lost(umbox) || in_path(d->have, umbox->id))
		return FIT_NEVER;
	if (!healthy(umbox))
		return FIT_LATER;
	return umbox->quiet ? FIT_NOW : FIT_SOON;
}

/* The fittest of the hop's digest that is not taken, the oldest of equals; -1: none. */
static int fittest(const struct draft *d, const struct hop *hop, const bool taken[])
{
	int best = -1;
	enum fitness best_fitness = FIT_NEVER;
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		if (taken[i] || !text_equal(umbox->digest, hop->digest))
			continue;
		enum fitness fit = fitness(d, umbox);
		if (fit > best_fitness ||
		    (best >= 0 && fit == best_fitness && umbox->id < d->have->umboxes[best].id)) {
			best = (int)i;
			best_fitness = fit;
		}
	}
	return best;
}

/* One that is being removed did not fail; if it did before, the world has noted that. */
static bool failed(const struct draft *d, const char *digest)
{
	for (unsigned i = 0; i < d->have->failed_count; i++)
		if (text_equal(d->have->failed[i], digest))
			return true;
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		bool fell = umbox->overdue || path_has(d->trail, umbox->id);
		if (fell && lost(umbox) && !umbox->busy && text_equal(umbox->digest, digest))
			return true;
	}
	return false;
}

/* --- which umbox stands where in a chain --- */

/* The umbox at a place of the trail when it may stand for `hop` there, else -1. */
static int stays(const struct draft *d, unsigned at, const struct hop *hop)
{
	int found = find(d->have, d->trail->ids[at]);
	if (found < 0 || !healthy(&d->have->umboxes[found]))
		return -1;
	return text_equal(d->have->umboxes[found].digest, hop->digest) ? found : -1;
}

/* X = P.M.S becomes Y = P.M'.S: P and S stay where they are, with their memory.  A frame inside P
 * has seen P and will see M'.S; one inside S has seen P.M and will see S: each one whole chain.
 * Strays have seen something else, so what follows them must wait until they are out. */
static void keep_ends(const struct draft *d, struct line *line)
{
	struct place *places[HOPS_MAX];
	unsigned count = 0, trail = d->trail->count, first = 0, last = 0;

	for (unsigned i = 0; i < line->count; i++)
		if (!line->places[i].bridged)
			places[count++] = &line->places[i];
	unsigned shorter = min_of(count, trail);
	for (int found; first < shorter; first++) {
		if ((found = stays(d, first, places[first]->hop)) < 0)
			break;
		places[first]->umbox = found;
	}
	bool same = first == count && first == trail;
	for (int found; last < shorter - first; last++) {
		if ((found = stays(d, trail - 1 - last, places[count - 1 - last]->hop)) < 0)
			break;
		places[count - 1 - last]->umbox = found;
		places[count - 1 - last]->now = !d->have->umboxes[found].stray_down;
	}
	for (unsigned i = 0; i < first; i++)
		places[i]->now = same || !d->have->umboxes[places[i]->umbox].stray_up;
}

static void fill(const struct draft *d, struct line *line, bool taken[], bool bridged)
{
	for (unsigned i = 0; i < line->count; i++) {
		struct place *place = &line->places[i];
		if (place->umbox >= 0 || place->bridged != bridged)
			continue;
		place->umbox = fittest(d, place->hop, taken);
		if (place->umbox < 0)
			continue;
		taken[place->umbox] = true;
		place->now = fitness(d, &d->have->umboxes[place->umbox]) == FIT_NOW;
	}
}

/* Leaves out the fail-open hops that failed; one that is merely coming up is waited for. */
static bool bridge(const struct draft *d, struct line *line)
{
	bool more = false;
	for (unsigned i = 0; i < line->count; i++) {
		struct place *place = &line->places[i];
		if (place->bridged || place->now || place->hop->fail != HOP_FAIL_OPEN ||
		    !failed(d, place->hop->digest))
			continue;
		place->bridged = more = true;
	}
	return more;
}

static void line_up(const struct draft *d, struct line *line, const struct posture *posture)
{
	bool taken[WORLD_UMBOXES_MAX];

	*line = (struct line){.count = hop_count(posture)};
	for (unsigned i = 0; i < line->count; i++)
		line->places[i].hop = &posture->hops[i];
	do { /* a hop fewer may let more of the others stay */
		for (unsigned i = 0; i < line->count; i++) {
			line->places[i].umbox = -1;
			line->places[i].now = false;
		}
		keep_ends(d, line);
		for (unsigned i = 0; i < WORLD_UMBOXES_MAX; i++)
			taken[i] = false;
		for (unsigned i = 0; i < line->count; i++)
			if (line->places[i].umbox >= 0)
				taken[line->places[i].umbox] = true;
		fill(d, line, taken, false);
	} while (bridge(d, line));
	fill(d, line, taken, true); /* they come back one day */
}

/* False while not every hop that counts may be led to. */
static bool path_of(const struct draft *d, const struct line *line, struct path *ret)
{
	*ret = (struct path){.state = PATH_WHOLE};
	for (unsigned i = 0; i < line->count; i++) {
		const struct place *place = &line->places[i];
		if (place->bridged)
			continue;
		if (!place->now)
			return false;
		ret->ids[ret->count++] = d->have->umboxes[place->umbox].id;
	}
	return true;
}

static void choose_target(struct draft *d)
{
	if (blocks(d->want)) {
		d->target = (struct path){.state = PATH_HELD};
		d->complete = true;
		return;
	}
	line_up(d, &d->line, d->want->posture);
	d->complete = path_of(d, &d->line, &d->target);
	for (unsigned i = 0; i < d->line.count; i++) {
		d->degraded |= d->line.places[i].bridged;
		if (d->line.places[i].umbox >= 0)
			d->claims[d->line.places[i].umbox] = CLAIM_CHAIN;
	}
}

static bool target_in_force(const struct draft *d)
{
	const struct world *have = d->have;
	if (d->target.state == PATH_HELD)
		return have->path.state == PATH_HELD;
	return d->complete && have->enrolled && !have->stale && path_equal(&have->path, &d->target);
}

/* --- spares --- */

static bool same_hop(const struct posture *a, unsigned i, const struct posture *b, unsigned j)
{
	return text_equal(a->hops[i].digest, b->hops[j].digest);
}

/* What `spare` would need besides what it may take over from the wanted chain: its middle. */
static void spare_middle(const struct draft *d, const struct posture *spare, unsigned *ret_first,
			 unsigned *ret_end)
{
	const struct posture *wanted = d->want->posture;
	unsigned there = blocks(d->want) ? 0 : hop_count(wanted), count = hop_count(spare);
	unsigned shorter = min_of(there, count), first = 0, last = 0;
	while (first < shorter && same_hop(wanted, first, spare, first))
		first++;
	while (last < shorter - first &&
	       same_hop(wanted, there - 1 - last, spare, count - 1 - last))
		last++;
	*ret_first = first;
	*ret_end = count - last;
}

/* The umbox or the missing one that already stands by for another chain, else a new one of either.
 * `used` are those of the chain at hand: umboxes, then missing ones. */
static void claim_spare(struct draft *d, const struct hop *hop, bool used[])
{
	bool not_spare[WORLD_UMBOXES_MAX], not_free[WORLD_UMBOXES_MAX];
	for (unsigned i = 0; i < WORLD_UMBOXES_MAX; i++) {
		not_spare[i] = d->claims[i] != CLAIM_SPARE || used[i];
		not_free[i] = d->claims[i] != CLAIM_NONE;
	}
	int found = fittest(d, hop, not_spare);
	if (found >= 0) {
		used[found] = true;
		return;
	}
	bool *missing_used = used + WORLD_UMBOXES_MAX;
	for (unsigned i = 0; i < d->missing_count; i++) {
		if (!missing_used[i] && text_equal(d->missing[i]->digest, hop->digest)) {
			missing_used[i] = true;
			return;
		}
	}
	if (d->spare_count == SPARES_MAX)
		return;
	d->spare_count++;
	found = fittest(d, hop, not_free);
	if (found >= 0) {
		d->claims[found] = CLAIM_SPARE;
		used[found] = true;
	} else {
		missing_used[d->missing_count] = true;
		d->missing[d->missing_count++] = hop;
	}
}

/* Only one of the standby chains will be needed next, so they share: of each digest there are as
 * many spares as the chain needs that needs most. */
static void choose_spares(struct draft *d)
{
	const struct want *want = d->want;
	for (unsigned i = 0; want->enrolled && i < want->standby_count; i++) {
		bool used[WORLD_UMBOXES_MAX + SPARES_MAX] = {0};
		unsigned first, end;
		spare_middle(d, want->standby[i], &first, &end);
		for (; first < end; first++)
			claim_spare(d, &want->standby[i]->hops[first], used);
	}
}

/* True when the path has an umbox that is not in force, and frames inside none of these: their
 * entries may be made. */
static bool preparable(const struct draft *d, const struct path *path)
{
	bool outside = false;
	for (unsigned i = 0; i < path->count; i++) {
		if (in_path(d->have, path->ids[i]))
			continue;
		if (!d->have->umboxes[find(d->have, path->ids[i])].quiet)
			return false;
		outside = true;
	}
	return outside;
}

/* The first standby chain, which is the tightest, that could be routed now. */
static void choose_next(struct draft *d)
{
	if (!target_in_force(d) || !d->have->enrolled || d->have->stale)
		return;
	for (unsigned i = 0; i < d->want->standby_count && !d->next.count; i++) {
		struct line line;
		struct path path;
		line_up(d, &line, d->want->standby[i]);
		if (path_of(d, &line, &path) && preparable(d, &path))
			d->next = path;
	}
}

/* --- the one step that steers --- */

static bool next_prepared(const struct draft *d)
{
	return d->have->prepared_count == d->next.count &&
	       memcmp(d->have->prepared, d->next.ids, d->next.count * sizeof(d->next.ids[0])) == 0;
}

static bool needs_clean(const struct draft *d)
{
	return d->have->leftovers || (d->have->prepared_count && !next_prepared(d));
}

/* The chain in force is another one, but whole, alive and allowed until the wanted one is there. */
static bool old_chain_may_stay(const struct draft *d)
{
	const struct world *have = d->have;
	if (!d->want->hold_old || blocks(d->want) || !have->enrolled || have->stale ||
	    have->path.state != PATH_WHOLE)
		return false;
	for (unsigned i = 0; i < have->path.count; i++) {
		int found = find(have, have->path.ids[i]);
		/* After a restart without Docker nobody is known, and the kernel's word counts. */
		if (found < 0 ? have->complete : !healthy(&have->umboxes[found]))
			return false;
	}
	return true;
}

/* What is inside the old chain is not wanted out: "stop now", or it entered under an identity that
 * the device no longer has. */
static bool cuts(const struct draft *d)
{
	return d->have->stale || !d->want->enrolled || (d->want->posture && d->want->posture->cut);
}

/* Taking entries away would lose frames that are on their way out. */
static bool draining(const struct draft *d)
{
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		if (umbox->state == UMBOX_RUNNING && !umbox->quiet && !in_path(d->have, umbox->id))
			return true;
	}
	return false;
}

static void plan_steering(struct draft *d)
{
	const struct world *have = d->have;
	bool held = have->path.state == PATH_HELD, done = target_in_force(d);
	bool gone = have->stale || (!d->want->enrolled && !have->umbox_count);

	if (have->busy) {
		d->waiting = true;
	} else if (!done && d->target.state == PATH_WHOLE && d->complete && have->enrolled &&
		   !have->stale && have->path.state != PATH_BROKEN) {
		struct step *step = add(d, STEP_ROUTE);
		step->path = d->target;
		step->cut = cuts(d);
	} else if (!done && !held && !old_chain_may_stay(d)) {
		add(d, STEP_HOLD)->cut = cuts(d);
		d->holds = true;
	} else if (have->complete && needs_clean(d) && (cuts(d) || !draining(d))) {
		struct step *step = add(d, STEP_CLEAN);
		if (next_prepared(d))
			step->path = d->next;
	} else if (have->complete && have->enrolled && held && gone && !needs_clean(d)) {
		add(d, STEP_UNENROL);
	} else if (d->want->enrolled && !have->enrolled && held) {
		add(d, STEP_ENROL);
	} else if (d->next.count && !needs_clean(d) && !next_prepared(d)) {
		add(d, STEP_PREPARE)->path = d->next;
	}
}

/* --- the steps on umboxes --- */

/* Not while it is unknown what there is already, and not before a HOLD has set free what it can.
 * `room` of the places in the world stay free. */
static void launch(struct draft *d, const struct hop *hop, unsigned room)
{
	const struct world *have = d->have;
	d->waiting = true;
	if (have->backing_off || !have->complete || d->holds ||
	    have->umbox_count + d->launched + room >= WORLD_UMBOXES_MAX)
		return;
	struct step *step = add(d, STEP_LAUNCH);
	step->hop = hop;
	step->umbox = have->next_umbox + d->launched++;
}

static void plan_wiring(struct draft *d)
{
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		if (d->claims[i] == CLAIM_NONE || healthy(umbox))
			continue;
		d->waiting = true;
		if (umbox->state == UMBOX_RUNNING && !umbox->wired && !umbox->busy)
			add(d, STEP_WIRE)->umbox = umbox->id;
	}
}

/* Spares are launched only once the wanted chain is in force, and leave room for the next one,
 * which may be needed when none of the old umboxes is gone yet. */
static void plan_launches(struct draft *d)
{
	for (unsigned i = 0; i < d->line.count; i++)
		if (d->line.places[i].umbox < 0)
			launch(d, d->line.places[i].hop, 0);
	if (d->missing_count)
		d->waiting = true;
	for (unsigned i = 0; target_in_force(d) && i < d->missing_count; i++)
		launch(d, d->missing[i], HOPS_MAX);
}

/* What nothing leads to, nothing is inside of and nobody wants. */
static bool may_go(const struct draft *d, const struct umbox_view *umbox)
{
	if (umbox->busy || !d->have->complete || in_path(d->have, umbox->id))
		return false;
	if (lost(umbox) || umbox->state == UMBOX_STARTING)
		return true;
	return !needs_clean(d) && (umbox->quiet || cuts(d));
}

static void plan_removals(struct draft *d)
{
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		bool outside = !in_path(d->have, umbox->id);
		if ((outside && (d->claims[i] == CLAIM_NONE || !umbox->quiet)) || umbox->busy ||
		    umbox->stray_up || umbox->stray_down)
			d->waiting = true;
		if (d->claims[i] == CLAIM_NONE && may_go(d, umbox))
			add(d, STEP_REMOVE)->umbox = umbox->id;
	}
}

/* --- where the device stands --- */

static enum plan_goal stand(const struct draft *d)
{
	const struct world *have = d->have;
	if (have->path.state != PATH_WHOLE)
		return PLAN_HELD;
	if (target_in_force(d))
		return d->degraded ? PLAN_DEGRADED : PLAN_CONVERGED;
	for (unsigned i = 0; i < have->path.count; i++) {
		int found = find(have, have->path.ids[i]);
		if (found >= 0 && lost(&have->umboxes[found]))
			return PLAN_HELD; /* its legs are gone */
	}
	return PLAN_OLD_CHAIN;
}

void plan_next(struct plan *plan, const struct want *want, const struct world *have)
{
	static const struct path NOWHERE = {.state = PATH_HELD};
	const struct path *trail = have->path.state == PATH_WHOLE  ? &have->path
				   : have->path.state == PATH_HELD ? &have->before
								   : &NOWHERE;
	struct draft d = {.want = want, .have = have, .plan = plan, .trail = trail};

	plan->count = 0;
	choose_target(&d);
	choose_spares(&d);
	choose_next(&d);
	plan_steering(&d);
	plan_wiring(&d);
	plan_launches(&d);
	plan_removals(&d);
	plan->goal = stand(&d);
	plan->settled = !plan->count && !d.waiting && have->complete && target_in_force(&d) &&
			have->enrolled == want->enrolled && !have->stale && !needs_clean(&d);
}

static void flipped(struct world *world, const struct path *path)
{
	/* Of what was on the way something may not have been taken over, if only an exit. */
	if (world->path.state != PATH_HELD || world->prepared_count)
		world->leftovers = true;
	world->prepared_count = 0;
	world_flip(world, path);
}

void plan_steered(struct world *world, const struct step *step, bool known)
{
	if (step->kind == STEP_HOLD) {
		flipped(world, &(struct path){.state = PATH_HELD});
	} else if (step->kind == STEP_ROUTE) {
		flipped(world, &step->path);
	} else if (step->kind == STEP_PREPARE || step->kind == STEP_CLEAN) {
		world->leftovers = world->leftovers && step->kind == STEP_PREPARE;
		world->prepared_count = step->path.count;
		memcpy(world->prepared, step->path.ids, sizeof(world->prepared));
	}
	if (known)
		return;
	world->complete = false;
	if (step->kind == STEP_HOLD || step->kind == STEP_ROUTE)
		world_flip(world, &(struct path){.state = PATH_BROKEN});
}

const char *step_kind_name(enum step_kind kind)
{
	static const char *const NAMES[STEP_KIND_COUNT] = {
		[STEP_ENROL] = "enrol",   [STEP_UNENROL] = "unenrol", [STEP_HOLD] = "hold",
		[STEP_ROUTE] = "route",   [STEP_PREPARE] = "prepare", [STEP_CLEAN] = "clean",
		[STEP_LAUNCH] = "launch", [STEP_WIRE] = "wire",       [STEP_REMOVE] = "remove",
	};
	return NAMES[kind];
}

const char *plan_goal_name(enum plan_goal goal)
{
	static const char *const NAMES[PLAN_GOAL_COUNT] = {
		[PLAN_CONVERGED] = "converged",
		[PLAN_DEGRADED] = "degraded",
		[PLAN_HELD] = "held",
		[PLAN_OLD_CHAIN] = "old_chain",
	};
	return NAMES[goal];
}
