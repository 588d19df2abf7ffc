/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan.c - see plan.h.  In the order of this file: the wanted chain (plan_line.c says which
 * umbox stands where in it); spares for standby chains; the one step that steers; the steps on
 * umboxes; where the device stands. */
#include "core/plan.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "core/plan_line.h"

enum claim { CLAIM_NONE, CLAIM_CHAIN, CLAIM_SPARE };

/* The notes of one run. */
struct draft {
	const struct want *want;
	const struct world *have;
	struct plan *plan;
	struct line line;   /* the wanted chain */
	struct path target; /* what it comes to, as far as `complete` */
	bool complete, degraded;
	enum claim claims[WORLD_UMBOXES_MAX];
	unsigned spare_count;
	const struct hop *missing[SPARES_MAX]; /* spares yet to be launched */
	unsigned missing_count;
	const struct hop *outdated; /* of a spare that nothing follows yet */
	struct path next;           /* the spare path to prepare, HELD for none */
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

static bool blocks(const struct want *want)
{
	return !want->enrolled || !want->posture || want->posture->mode == POSTURE_BLOCK;
}

/* --- the wanted chain --- */

static void choose_target(struct draft *d)
{
	if (blocks(d->want)) {
		d->target = (struct path){.state = PATH_HELD};
		d->complete = true;
		return;
	}
	line_up(&d->line, d->have, d->want->posture);
	d->complete = line_path(&d->target, &d->line, d->have);
	for (unsigned i = 0; i < d->line.count; i++) {
		d->degraded |= d->line.places[i].bridged;
		if (d->line.places[i].umbox >= 0)
			d->claims[d->line.places[i].umbox] = CLAIM_CHAIN;
		if (d->line.places[i].successor >= 0)
			d->claims[d->line.places[i].successor] = CLAIM_CHAIN;
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
	unsigned there = blocks(d->want) ? 0 : chain_length(wanted), count = chain_length(spare);
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
	int found = umbox_fittest(d->have, hop, not_spare);
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
	found = umbox_fittest(d->have, hop, not_free);
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

static const struct hop *spare_hop(const struct draft *d, const char *digest)
{
	for (unsigned i = 0; i < d->want->standby_count; i++) {
		const struct posture *posture = d->want->standby[i];
		for (unsigned j = 0; j < chain_length(posture); j++)
			if (text_equal(posture->hops[j].digest, digest))
				return &posture->hops[j];
	}
	return NULL;
}

/* An outdated spare stays until the one that follows it is ready. */
static void renew_spares(struct draft *d)
{
	const struct world *have = d->have;
	bool taken[WORLD_UMBOXES_MAX];
	for (unsigned i = 0; i < have->umbox_count; i++) {
		const struct hop *hop = spare_hop(d, have->umboxes[i].digest);
		if (d->claims[i] != CLAIM_SPARE || !have->umboxes[i].outdated || !hop)
			continue;
		for (unsigned j = 0; j < WORLD_UMBOXES_MAX; j++)
			taken[j] = d->claims[j] != CLAIM_NONE;
		int fresh = umbox_fittest_fresh(have, hop, taken);
		if (fresh >= 0)
			d->claims[fresh] = CLAIM_SPARE;
		else if (!d->outdated)
			d->outdated = hop;
		if (fresh >= 0 && umbox_fits_now(have, &have->umboxes[fresh]))
			d->claims[i] = CLAIM_NONE;
	}
}

/* True when the path has an umbox that is not in force, and frames inside none of these: their
 * entries may be made. */
static bool preparable(const struct draft *d, const struct path *path)
{
	bool outside = false;
	for (unsigned i = 0; i < path->count; i++) {
		if (umbox_in_path(d->have, path->ids[i]))
			continue;
		if (!d->have->umboxes[umbox_place(d->have, path->ids[i])].quiet)
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
		line_up(&line, d->have, d->want->standby[i]);
		if (line_path(&path, &line, d->have) && preparable(d, &path))
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
		int found = umbox_place(have, have->path.ids[i]);
		/* After a restart without Docker nobody is known, and the kernel's word counts. */
		if (found < 0 ? have->complete : !umbox_healthy(&have->umboxes[found]))
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
		if (umbox->state == UMBOX_RUNNING && !umbox->quiet &&
		    !umbox_in_path(d->have, umbox->id))
			return true;
	}
	return false;
}

/* Identity, what is left of old paths, what is to stand ready: no frame waits for it. */
static void plan_upkeep(struct draft *d)
{
	const struct world *have = d->have;
	bool held = have->path.state == PATH_HELD;
	bool gone = have->stale || (!d->want->enrolled && !have->umbox_count);

	if (have->complete && have->enrolled && have->readdressed && !have->stale &&
	    d->want->enrolled) {
		add(d, STEP_ENROL);
		return;
	}
	if (have->complete && needs_clean(d) && (cuts(d) || !draining(d))) {
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

static void plan_steering(struct draft *d)
{
	const struct world *have = d->have;
	bool held = have->path.state == PATH_HELD, done = target_in_force(d);

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
	} else {
		plan_upkeep(d);
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
		if (d->claims[i] == CLAIM_NONE || umbox_healthy(umbox))
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
	bool spares = target_in_force(d) && !d->have->spares_backing_off;
	for (unsigned i = 0; spares && i < d->missing_count; i++)
		launch(d, d->missing[i], HOPS_MAX);
}

/* What nothing leads to, nothing is inside of and nobody wants. */
static bool may_go(const struct draft *d, const struct umbox_view *umbox)
{
	if (umbox->busy || !d->have->complete || umbox_in_path(d->have, umbox->id))
		return false;
	if (umbox_lost(umbox) || umbox->state == UMBOX_STARTING)
		return true;
	return !needs_clean(d) && (umbox->quiet || cuts(d));
}

/* Whatever is not where it is to stay yet is waited for, too. */
static void plan_removals(struct draft *d)
{
	for (unsigned i = 0; i < d->have->umbox_count; i++) {
		const struct umbox_view *umbox = &d->have->umboxes[i];
		bool outside = !umbox_in_path(d->have, umbox->id);
		if ((outside && (d->claims[i] == CLAIM_NONE || !umbox->quiet)) || umbox->busy ||
		    umbox->stray_up || umbox->stray_down)
			d->waiting = true;
		if (d->claims[i] == CLAIM_NONE && may_go(d, umbox))
			add(d, STEP_REMOVE)->umbox = umbox->id;
	}
}

/* When all else is done, and one after the other: the chain in force first. */
static void plan_renewal(struct draft *d)
{
	const struct hop *hop = NULL;
	if (!d->have->renew || d->waiting || d->plan->count || d->degraded || !target_in_force(d) ||
	    d->have->spares_backing_off)
		return;
	for (unsigned i = 0; i < d->line.count && !hop; i++)
		if (d->have->umboxes[d->line.places[i].umbox].outdated)
			hop = d->line.places[i].hop;
	hop = hop ? hop : d->outdated;
	if (hop)
		launch(d, hop, HOPS_MAX);
	if (d->launched)
		d->plan->steps[d->plan->count - 1].renews = true;
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
		int found = umbox_place(have, have->path.ids[i]);
		if (found >= 0 && umbox_lost(&have->umboxes[found]))
			return PLAN_HELD; /* its legs are gone */
	}
	return PLAN_OLD_CHAIN;
}

bool plan_lead(struct step *ret, const struct want *want, const struct world *have)
{
	struct plan plan;
	struct draft d = {.want = want, .have = have, .plan = &plan};

	plan.count = 0;
	choose_target(&d);
	plan_steering(&d);
	if (!plan.count || (plan.steps[0].kind != STEP_HOLD && plan.steps[0].kind != STEP_ROUTE))
		return false;
	*ret = plan.steps[0];
	return true;
}

void plan_next(struct plan *plan, const struct want *want, const struct world *have)
{
	struct draft d = {.want = want, .have = have, .plan = plan};

	plan->count = 0;
	choose_target(&d);
	choose_spares(&d);
	renew_spares(&d);
	choose_next(&d);
	plan_steering(&d);
	plan_wiring(&d);
	plan_launches(&d);
	plan_removals(&d);
	plan_renewal(&d);
	plan->goal = stand(&d);
	plan->settled = !plan->count && !d.waiting && have->complete && target_in_force(&d) &&
			have->enrolled == want->enrolled && !have->stale && !have->readdressed &&
			!needs_clean(&d);
}
