/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_history_check.c - what every plan, every path and every end of a history must keep. */
#include <assert.h>

#include "base/text.h"
#include "core/plan_history_inner.h"

bool history_steers(enum step_kind kind)
{
	return kind != STEP_LAUNCH && kind != STEP_WIRE && kind != STEP_REMOVE;
}

/* --- what a plan must not do --- */

static bool may_cut(const struct subject *s)
{
	return s->have.stale || !s->want.enrolled || s->want.posture->cut;
}

static bool known_failed(const struct subject *s, const char *digest)
{
	for (unsigned i = 0; i < s->have.failed_count; i++)
		if (text_equal(s->have.failed[i], digest))
			return true;
	for (unsigned i = 0; i < s->have.umbox_count; i++) {
		const struct umbox_view *view = &s->have.umboxes[i];
		if (text_equal(view->digest, digest) &&
		    (view->state == UMBOX_GONE || view->overdue || !view->wired))
			return true;
	}
	return false;
}

static bool rest_is_whole(struct subject *s, const struct path *path, bool failed, unsigned hop,
			  unsigned at)
{
	const struct posture *posture = s->want.posture;
	if (hop == posture->hop_count)
		return at == path->count;
	const struct hop *wanted = &posture->hops[hop];
	if (at < path->count) {
		const struct body *body = history_body(s, path->ids[at]);
		const struct umbox_view *view = world_find(&s->have, path->ids[at]);
		const char *digest = body ? body->digest : view ? view->digest : "";
		if (text_equal(digest, wanted->digest) &&
		    rest_is_whole(s, path, failed, hop + 1, at + 1))
			return true;
	}
	return wanted->fail == HOP_FAIL_OPEN && (!failed || known_failed(s, wanted->digest)) &&
	       rest_is_whole(s, path, failed, hop + 1, at);
}

/* The path is the posture's chain; a hop may be missing that fails open (and, with
 * `failed`, did). */
static bool chain_is_whole(struct subject *s, const struct path *path, bool failed)
{
	return s->want.posture->mode != POSTURE_BLOCK && rest_is_whole(s, path, failed, 0, 0);
}

static void check_route(struct subject *s, const struct step *step)
{
	assert(s->have.enrolled && !s->have.stale && s->want.enrolled);
	assert(step->path.state == PATH_WHOLE);
	assert(chain_is_whole(s, &step->path, true));
	for (unsigned i = 0; i < step->path.count; i++) {
		const struct umbox_view *view = world_find(&s->have, step->path.ids[i]);
		assert(view && view->state == UMBOX_RUNNING && view->wired && view->ready &&
		       !view->busy);
	}
}

static void check_removal(struct subject *s, const struct step *step)
{
	const struct umbox_view *view = world_find(&s->have, step->umbox);
	struct path path = history_path(s);
	assert(s->have.complete && view && !view->busy);
	assert(path.state == PATH_HELD || !path_has(&path, step->umbox));
	if (view->state == UMBOX_RUNNING && !may_cut(s))
		assert(plane_inside(&s->plane, step->umbox) == 0);
}

static void check_clean(struct subject *s)
{
	const struct path *path = &s->have.path;
	assert(s->have.complete);
	for (unsigned i = 0; i < s->have.umbox_count && !may_cut(s); i++) {
		const struct umbox_view *view = &s->have.umboxes[i];
		if (view->state == UMBOX_RUNNING && !path_has(path, view->id))
			assert(plane_inside(&s->plane, view->id) == 0);
	}
}

static void check_step(struct history *h, struct subject *s, const struct step *step,
		       unsigned launched)
{
	const struct umbox_view *view = world_find(&s->have, step->umbox);
	switch (step->kind) {
	case STEP_ROUTE: check_route(s, step); break;
	case STEP_CLEAN: check_clean(s); break;
	case STEP_UNENROL:
		assert(s->have.complete && s->have.path.state == PATH_HELD);
		assert(!s->have.leftovers && !s->have.prepared_count);
		break;
	case STEP_ENROL: assert(s->have.path.state == PATH_HELD); break;
	case STEP_HOLD:
	case STEP_PREPARE: break;
	case STEP_LAUNCH:
		assert(!s->have.backing_off && s->have.complete && !view);
		assert(step->umbox == h->next_umbox + launched && step->hop);
		assert(!step->renews || (s->have.renew && h->plan.count == 1));
		assert(s->have.umbox_count + launched < WORLD_UMBOXES_MAX);
		break;
	case STEP_WIRE:
		assert(view && !view->busy && view->state == UMBOX_RUNNING && !view->wired);
		break;
	case STEP_REMOVE: check_removal(s, step); break;
	case STEP_KIND_COUNT: assert(false);
	}
}

/* The same as the plan begins with. */
static void check_lead(const struct plan *plan, const struct subject *s)
{
	struct step lead;
	const struct step *first = plan->count ? &plan->steps[0] : NULL;
	bool leads = first && (first->kind == STEP_HOLD || first->kind == STEP_ROUTE);
	assert(plan_lead(&lead, &s->want, &s->have) == leads);
	assert(!leads || (lead.kind == first->kind && lead.cut == first->cut &&
			  path_equal(&lead.path, &first->path)));
}

void history_check_plan(struct history *h, struct subject *s)
{
	const struct plan *plan = &h->plan;
	unsigned launched = 0;
	check_lead(plan, s);
	assert(plan->count <= PLAN_STEPS_MAX);
	assert(!plan->settled || !plan->count);
	for (unsigned i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];
		check_step(h, s, step, launched);
		if (history_steers(step->kind))
			assert(i == 0 && !s->have.busy); /* one, and first of all */
		launched += step->kind == STEP_LAUNCH;
		for (unsigned j = 0; j < i; j++)
			assert(history_steers(step->kind) || plan->steps[j].umbox != step->umbox);
	}
}

/* What passes is a whole chain that is wanted or that may stay. */
void history_check_path(struct subject *s)
{
	struct path path = history_path(s);
	assert(!s->plane.astray);
	for (unsigned i = 0; i < s->have.path.count && s->have.path.state == PATH_WHOLE; i++) {
		const struct umbox_view *view = world_find(&s->have, s->have.path.ids[i]);
		assert(!view || (view->state == UMBOX_RUNNING && view->wired) || s->faulted ||
		       s->have.busy);
	}
	if (path.state != PATH_WHOLE || s->faulted || s->have.busy)
		return;
	assert(s->want.enrolled && s->enrolled_as == s->identity);
	assert(chain_is_whole(s, &path, false) ||
	       (s->want.hold_old && path_equal(&path, &s->routed) &&
		s->want.posture->mode != POSTURE_BLOCK));
}

/* --- what must be once all is at rest --- */

static unsigned count_digest(const struct posture *posture, unsigned first, unsigned end,
			     const char *digest)
{
	unsigned count = 0;
	for (unsigned i = first; i < end; i++)
		count += text_equal(posture->hops[i].digest, digest);
	return count;
}

static unsigned chain_length(const struct posture *posture)
{
	return posture->mode == POSTURE_CHAIN ? posture->hop_count : 0;
}

/* What of `spare` the wanted chain does not give: hops `ret_first` to before `ret_end`. */
static void middle(const struct posture *wanted, const struct posture *spare, unsigned *ret_first,
		   unsigned *ret_end)
{
	unsigned a = chain_length(wanted), b = chain_length(spare), first = 0;
	while (first < a && first < b &&
	       text_equal(wanted->hops[first].digest, spare->hops[first].digest))
		first++;
	while (a > first && b > first &&
	       text_equal(wanted->hops[a - 1].digest, spare->hops[b - 1].digest))
		a--, b--;
	*ret_first = first;
	*ret_end = b;
}

static unsigned spares_wanted(const struct want *want)
{
	unsigned total = 0;
	for (int letter = 'a'; letter <= 'e'; letter++) {
		unsigned most = 0;
		for (unsigned i = 0; i < want->standby_count; i++) {
			unsigned first, end;
			middle(want->posture, want->standby[i], &first, &end);
			unsigned count = count_digest(want->standby[i], first, end,
						      (char[]){letter, '\0'});
			most = max_of(most, count);
		}
		total += most;
	}
	return min_of(total, (unsigned)SPARES_MAX);
}

static void check_prepared(struct subject *s, const struct path *prepared)
{
	unsigned first = 0, end = 0, i = 0;
	const struct posture *spare = NULL;
	while (first == end && i < s->want.standby_count) {
		spare = s->want.standby[i++];
		middle(s->want.posture, spare, &first, &end);
	}
	if (first == end) {
		assert(prepared->count == 0);
		return;
	}
	assert(prepared->count == spare->hop_count);
	for (i = 0; i < prepared->count; i++)
		assert(text_equal(history_body(s, prepared->ids[i])->digest,
				  spare->hops[i].digest));
}

void history_check_rest(struct history *h, struct subject *s)
{
	struct path path, prepared;
	bool leftovers;
	plane_look(&s->plane, &path, &leftovers, &prepared);
	assert(h->plan.settled);
	assert(!leftovers);
	if (!s->want.enrolled) {
		assert(path.state == PATH_HELD && !s->enrolled_as && !s->body_count);
		return;
	}
	assert(s->enrolled_as == s->identity);
	bool block = s->want.posture->mode == POSTURE_BLOCK;
	assert(path.state == (block ? PATH_HELD : PATH_WHOLE));
	assert(path.count == chain_length(s->want.posture));
	assert(block || chain_is_whole(s, &path, false));
	assert(h->plan.goal == (block ? PLAN_HELD : PLAN_CONVERGED));
	assert(s->body_count == path.count + spares_wanted(&s->want));
	check_prepared(s, &prepared);
	for (unsigned i = 0; i < s->body_count; i++)
		assert(s->bodies[i].image == s->image);
}
