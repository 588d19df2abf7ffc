/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_history.c - see plan_history.h.
 *
 * A `subject` is one device: its truth (`plane`, `bodies`, `enrolled_as`) and what the node
 * believes of it (`have`).  Events change the truth; the node learns of it by notices, results and
 * looks, some of which are lost; after each event it plans and acts. */
#include "core/plan_history_inner.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static uint8_t next_byte(struct history *h)
{
	return h->at < h->count ? h->bytes[h->at++] : 0;
}

static uint32_t next_random(struct history *h)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 17;
	h->random ^= h->random << 5;
	return h->random;
}

/* --- the truth --- */

struct body *history_body(struct subject *s, uint32_t id)
{
	for (unsigned i = 0; i < s->body_count; i++)
		if (s->bodies[i].id == id)
			return &s->bodies[i];
	return NULL;
}

struct path history_path(const struct subject *s)
{
	struct path path;
	plane_path(&s->plane, &path);
	return path;
}

static struct body *make_body(struct subject *s, const struct job *job)
{
	assert(s->body_count < BODIES_MAX);
	struct body *body = &s->bodies[s->body_count++];
	*body = (struct body){.id = job->umbox, .deaf = s->deaf_next, .image = job->image};
	TEXT_COPY(body->digest, job->digest);
	s->deaf_next = false;
	return body;
}

static void bury(struct subject *s, uint32_t id)
{
	struct body *body = history_body(s, id);
	plane_unwire(&s->plane, id);
	if (body)
		*body = s->bodies[--s->body_count];
}

/* --- what the node believes --- */

static void forget(struct subject *s, uint32_t id)
{
	struct umbox_view *view = world_find(&s->have, id);
	if (view)
		*view = s->have.umboxes[--s->have.umbox_count];
}

static void mark_failed(struct subject *s, const char *digest, bool is)
{
	struct world *have = &s->have;
	for (unsigned i = have->failed_count; i-- > 0;)
		if (text_equal(have->failed[i], digest))
			memmove(have->failed[i], have->failed[--have->failed_count],
				sizeof(have->failed[i]));
	if (is && have->failed_count < HOPS_MAX)
		TEXT_COPY(have->failed[have->failed_count++], digest);
}

static void hear_death(struct subject *s, struct umbox_view *view)
{
	if (view->state != UMBOX_GONE)
		mark_failed(s, view->digest, true);
	view->state = UMBOX_GONE;
	view->ready = false;
}

static void hear_ready(struct subject *s, struct umbox_view *view)
{
	view->ready = true;
	view->overdue = false;
	mark_failed(s, view->digest, false);
}

static void look_at_steering(struct subject *s)
{
	struct world *have = &s->have;
	struct path path, prepared;
	plane_look(&s->plane, &path, &have->leftovers, &prepared);
	if (!path_equal(&path, &have->path))
		world_flip(have, &path);
	have->prepared_count = prepared.count;
	memcpy(have->prepared, prepared.ids, sizeof(prepared.ids));
	have->enrolled = s->enrolled_as;
	have->stale = s->enrolled_as && s->enrolled_as != s->identity;
}

static void look_at_body(struct subject *s, const struct body *body)
{
	struct world *have = &s->have;
	struct umbox_view *view = world_find(have, body->id);
	bool in_force = have->path.state == PATH_WHOLE && path_has(&have->path, body->id);
	if (!view) {
		if (have->umbox_count == WORLD_UMBOXES_MAX)
			return;
		view = &have->umboxes[have->umbox_count++];
		*view = (struct umbox_view){.id = body->id, .ready = in_force};
		view->stray_up = view->stray_down = in_force;
		TEXT_COPY(view->digest, body->digest);
		view->state = UMBOX_RUNNING;
		view->outdated = body->image != s->image;
	}
	view->wired = plane_wired(&s->plane, body->id);
	if (!body->running)
		hear_death(s, view);
	else if (body->said_ready && view->state == UMBOX_RUNNING && !view->ready)
		hear_ready(s, view);
}

/* Fail-open hops that the chain of the posture reached is without have failed
 * before the restart. */
static void adopt_failures(struct subject *s)
{
	const struct posture *posture = s->want.posture;
	if (!s->adopting || s->reached != s->want.generation)
		return;
	for (unsigned i = 0; i < posture->hop_count; i++) {
		bool there = posture->hops[i].fail != HOP_FAIL_OPEN;
		for (unsigned j = 0; !there && j < s->have.path.count; j++) {
			const struct umbox_view *view = world_find(&s->have, s->have.path.ids[j]);
			there = view && text_equal(view->digest, posture->hops[i].digest);
		}
		if (!there)
			mark_failed(s, posture->hops[i].digest, true);
	}
}

static void look(struct subject *s)
{
	if (s->job_count)
		return; /* what is under way would be seen half done */
	look_at_steering(s);
	for (unsigned i = 0; i < s->body_count; i++)
		look_at_body(s, &s->bodies[i]);
	for (unsigned i = s->have.umbox_count; i-- > 0;)
		if (!history_body(s, s->have.umboxes[i].id))
			forget(s, s->have.umboxes[i].id);
	adopt_failures(s);
	s->adopting = false;
	s->have.complete = true;
}

/* --- the node acts --- */

static void steer(struct history *h, struct subject *s, const struct step *step)
{
	enum fault fault = s->fault;
	s->fault = FAULT_NONE;
	s->faulted = s->faulted || fault;
	h->tally->routes += step->kind == STEP_ROUTE;
	h->tally->holds += step->kind == STEP_HOLD;
	h->tally->prepared += step->kind == STEP_PREPARE;
	if (fault == FAULT_REFUSED)
		return;
	if (fault != FAULT_UNKNOWN_UNDONE) {
		plane_steer(&s->plane, step);
		if (step->kind == STEP_ROUTE)
			s->routed = step->path;
	}
	plan_steered(&s->have, step, fault == FAULT_NONE);
}

static void start(struct history *h, struct subject *s, const struct step *step)
{
	assert(s->job_count < JOBS_MAX);
	struct job *job = &s->jobs[s->job_count++];
	*job = (struct job){.kind = step->kind, .umbox = step->umbox, .identity = s->identity};
	h->tally->launches += step->kind == STEP_LAUNCH;
	h->tally->removals += step->kind == STEP_REMOVE;
	if (step->kind == STEP_ENROL || step->kind == STEP_UNENROL) {
		s->have.busy = true;
		return;
	}
	struct umbox_view *view = world_find(&s->have, step->umbox);
	if (step->kind == STEP_LAUNCH) {
		view = &s->have.umboxes[s->have.umbox_count++];
		*view = (struct umbox_view){.id = step->umbox, .state = UMBOX_STARTING};
		TEXT_COPY(view->digest, step->hop->digest);
		TEXT_COPY(job->digest, step->hop->digest);
		job->image = step->renews ? s->image : s->proven;
		view->outdated = job->image != s->image;
		h->next_umbox = step->umbox + 1;
	}
	view->busy = true;
}

static bool act_once(struct history *h, struct subject *s)
{
	bool steered = false;
	s->have.next_umbox = h->next_umbox;
	plan_next(&h->plan, &s->want, &s->have);
	h->tally->plans++;
	history_check_plan(h, s);
	for (unsigned i = 0; i < h->plan.count; i++) {
		const struct step *step = &h->plan.steps[i];
		if (history_steers(step->kind) && step->kind != STEP_ENROL &&
		    step->kind != STEP_UNENROL) {
			steer(h, s, step);
			steered = true;
		} else {
			start(h, s, step);
		}
	}
	h->tally->bridged += h->plan.goal == PLAN_DEGRADED;
	if (h->plan.goal <= PLAN_DEGRADED ||
	    (s->want.posture->mode == POSTURE_BLOCK && h->plan.goal == PLAN_HELD))
		s->reached = s->want.generation;
	return steered && !s->faulted;
}

static void act(struct history *h, struct subject *s)
{
	unsigned rounds = 0;
	s->faulted = false;
	while (act_once(h, s))
		assert(++rounds < STEER_ROUNDS_MAX);
	history_check_path(s);
}

/* Frames come in from both sides, and some of those inside move on. */
static void let_traffic_flow(struct history *h, struct subject *s)
{
	struct fake_plane *plane = &s->plane;
	plane_let_in(plane, true);
	plane_let_in(plane, false);
	for (unsigned i = plane->frame_count; i-- > 0;)
		if (next_random(h) & 1)
			plane_move(plane, i);
	assert(!plane->astray);
}

/* --- events --- */

static void on_transition(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h), others = next_byte(h);
	unsigned wanted = byte % s->posture_count;
	s->want.posture = &s->postures[wanted];
	s->want.hold_old = byte & 0x80;
	s->want.generation++;
	s->want.standby_count = 0;
	for (unsigned i = 0; i < s->posture_count; i++)
		if ((others >> i & 1) && i != wanted)
			s->want.standby[s->want.standby_count++] = &s->postures[i];
}

/* The death of an umbox, told or not. */
static void on_death(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h);
	if (!s->body_count)
		return;
	struct body *body = &s->bodies[(byte & 0x7f) % s->body_count];
	struct umbox_view *view = world_find(&s->have, body->id);
	body->running = body->said_ready = false;
	plane_unwire(&s->plane, body->id);
	if (view && byte & 0x80)
		hear_death(s, view);
}

static void launch_ended(struct subject *s, const struct job *job, bool done, bool told)
{
	struct umbox_view *view = world_find(&s->have, job->umbox);
	struct body *body = done || s->deaf_next ? make_body(s, job) : NULL;
	if (body)
		body->running = done; /* else it was only created */
	if (done && told) {
		view->state = UMBOX_RUNNING;
		view->quiet = true;
		view->busy = false;
	} else {
		mark_failed(s, job->digest, true);
		forget(s, job->umbox);
		s->have.complete = s->have.complete && told && !body;
	}
}

static void wiring_ended(struct subject *s, const struct job *job, bool done, bool told)
{
	struct umbox_view *view = world_find(&s->have, job->umbox);
	struct body *body = history_body(s, job->umbox);
	if (done && body && body->running)
		plane_wire(&s->plane, job->umbox);
	else
		done = false;
	view->busy = false;
	if (done && told)
		view->wired = true;
	else
		hear_death(s, view);
}

static void removal_ended(struct subject *s, const struct job *job, bool done, bool told)
{
	if (done)
		bury(s, job->umbox);
	if (done && told)
		forget(s, job->umbox);
	else
		world_find(&s->have, job->umbox)->busy = false;
}

static void enrolment_ended(struct subject *s, const struct job *job, bool done, bool told)
{
	bool enrols = job->kind == STEP_ENROL;
	if (done)
		s->enrolled_as = enrols ? job->identity : 0;
	s->have.busy = false;
	if (done || !told) {
		s->have.enrolled = enrols && told;
		s->have.stale = s->have.enrolled && s->enrolled_as != s->identity;
	}
}

static void end_job(struct subject *s, unsigned at, bool done, bool told)
{
	struct job job = s->jobs[at];
	s->jobs[at] = s->jobs[--s->job_count];
	if (job.kind == STEP_LAUNCH)
		launch_ended(s, &job, done, told);
	else if (job.kind == STEP_WIRE)
		wiring_ended(s, &job, done, told);
	else if (job.kind == STEP_REMOVE)
		removal_ended(s, &job, done, told);
	else
		enrolment_ended(s, &job, done, told);
	if (!told)
		s->have.complete = false;
}

static void on_job_end(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h);
	if (!s->job_count)
		return;
	bool well = byte & 0x40 || byte & 0x20;
	end_job(s, (byte & 0x1f) % s->job_count, well || byte & 0x80, well || !(byte & 0x80));
}

static void on_jobs_end(struct history *h maybe_unused, struct subject *s)
{
	while (s->job_count)
		end_job(s, 0, true, true);
}

static void on_ready(struct history *h maybe_unused, struct subject *s)
{
	for (unsigned i = 0; i < s->body_count; i++) {
		struct body *body = &s->bodies[i];
		struct umbox_view *view = world_find(&s->have, body->id);
		if (!body->running || body->deaf || !plane_wired(&s->plane, body->id))
			continue;
		body->said_ready = true;
		if (view && view->state == UMBOX_RUNNING && !view->ready)
			hear_ready(s, view);
	}
}

static void pass_deadlines(struct subject *s, bool only_deaf)
{
	for (unsigned i = 0; i < s->have.umbox_count; i++) {
		struct umbox_view *view = &s->have.umboxes[i];
		const struct body *body = history_body(s, view->id);
		if (view->state != UMBOX_RUNNING || view->ready ||
		    (only_deaf && body && !body->deaf))
			continue;
		view->overdue = true;
		mark_failed(s, view->digest, true);
	}
}

static void on_overdue(struct history *h maybe_unused, struct subject *s)
{
	pass_deadlines(s, false);
}

static void on_look(struct history *h maybe_unused, struct subject *s)
{
	look(s);
}

static void on_drained(struct history *h maybe_unused, struct subject *s)
{
	plane_drain(&s->plane);
	world_drained(&s->have);
}

static void on_restart(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h);
	while (s->job_count)
		end_job(s, 0, byte & 1, true);
	s->have = (struct world){0};
	look_at_steering(s);
	s->adopting = true;
	s->want.hold_old = s->want.hold_old || s->reached == s->want.generation;
	if (byte & 2)
		look(s);
}

static void on_flush(struct history *h, struct subject *s)
{
	plane_flush(&s->plane);
	if (next_byte(h) & 1)
		look(s);
}

static void on_leg_deleted(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h);
	if (!s->body_count)
		return;
	plane_unwire(&s->plane, s->bodies[(byte & 0x7f) % s->body_count].id);
	if (byte & 0x80)
		look(s);
}

static void on_identity(struct history *h maybe_unused, struct subject *s)
{
	s->identity++;
	s->have.stale = s->have.enrolled;
}

static void on_enrolment(struct history *h maybe_unused, struct subject *s)
{
	s->want.enrolled = !s->want.enrolled;
	s->want.hold_old = false;
	s->want.generation++;
}

static void on_back_off(struct history *h maybe_unused, struct subject *s)
{
	s->have.backing_off = !s->have.backing_off;
}

/* From now on another is wanted; what is not launched to renew one may still be of another. */
static void on_image(struct history *h, struct subject *s)
{
	s->proven = s->image + (next_byte(h) & 1);
	s->image++;
	for (unsigned i = 0; i < s->have.umbox_count; i++) {
		struct umbox_view *view = &s->have.umboxes[i];
		const struct body *body = history_body(s, view->id);
		view->outdated = !body || body->image != s->image;
	}
}

static void on_renewal(struct history *h maybe_unused, struct subject *s)
{
	s->have.renew = !s->have.renew;
}

static void on_fault(struct history *h, struct subject *s)
{
	s->fault = next_byte(h) % FAULT_COUNT;
}

static void on_deaf(struct history *h maybe_unused, struct subject *s)
{
	s->deaf_next = true;
}

/* Its frames do not come to an end: the node gives it up. */
static void on_condemned(struct history *h, struct subject *s)
{
	uint8_t byte = next_byte(h);
	if (!s->have.umbox_count)
		return;
	struct umbox_view *view = &s->have.umboxes[byte % s->have.umbox_count];
	if (!view->quiet && view->state == UMBOX_RUNNING && !path_has(&s->have.path, view->id))
		view->state = UMBOX_GONE;
}

static void on_time(struct history *h maybe_unused, struct subject *s maybe_unused)
{
}

typedef void event_fn(struct history *h, struct subject *s);

/* Some stand here more than once, as they come more often. */
static event_fn *const EVENTS[] = {
	on_transition, on_transition, on_transition, on_death,   on_job_end, on_job_end,
	on_jobs_end,   on_jobs_end,   on_ready,      on_ready,   on_overdue, on_look,
	on_look,       on_drained,    on_drained,    on_restart, on_flush,   on_leg_deleted,
	on_identity,   on_enrolment,  on_back_off,   on_fault,   on_deaf,    on_condemned,
	on_time,       on_image,      on_renewal,    on_renewal,
};

/* --- rest --- */

/* Nothing happens any more and every step succeeds: soon all is as wanted. */
static void come_to_rest(struct history *h, struct subject *s)
{
	s->fault = FAULT_NONE;
	s->deaf_next = false;
	s->have.backing_off = false;
	s->have.renew = true;
	for (unsigned i = 0; i < REST_ROUNDS_MAX; i++) {
		on_jobs_end(h, s);
		on_ready(h, s);
		pass_deadlines(s, true);
		look(s);
		on_drained(h, s);
		act(h, s);
		let_traffic_flow(h, s);
		if (h->plan.settled)
			break;
	}
	history_check_rest(h, s);
}

/* --- the beginning --- */

static void make_posture(struct history *h, struct posture *posture)
{
	uint8_t byte = next_byte(h);
	posture->mode = (byte & 7) == 7   ? POSTURE_BLOCK
			: (byte & 7) == 6 ? POSTURE_PASS
					  : POSTURE_CHAIN;
	posture->cut = byte & 8;
	posture->hop_count = posture->mode == POSTURE_CHAIN ? 1 + (byte >> 4) % 5 : 0;
	for (unsigned i = 0; i < posture->hop_count; i++) {
		uint8_t hop = next_byte(h);
		posture->hops[i].digest[0] = (char)('a' + hop % 5);
		posture->hops[i].digest[1] = '\0';
		posture->hops[i].fail = hop & 0x80 ? HOP_FAIL_OPEN : HOP_FAIL_CLOSED;
	}
}

static void make_subject(struct history *h, struct subject *s)
{
	s->posture_count = 2 + next_byte(h) % (POSTURES_MAX - 1);
	for (unsigned i = 0; i < s->posture_count; i++)
		make_posture(h, &s->postures[i]);
	s->want = (struct want){.enrolled = true, .generation = 1, .posture = &s->postures[0]};
	s->have = (struct world){.complete = true};
	s->identity = 1;
	s->enrolled_as = 0;
	s->plane.leg_count = s->plane.frame_count = 0;
	s->plane.head = s->plane.tail = PLANE_NOWHERE;
	s->plane.known = (struct path){.state = PATH_HELD};
	s->plane.era = 0;
	s->plane.eras[0] = (struct path){.state = PATH_HELD};
	s->plane.passed = s->plane.lost = s->plane.astray = 0;
	s->job_count = s->body_count = s->reached = 0;
	s->image = s->proven = 0;
	s->adopting = s->deaf_next = s->faulted = false;
	s->fault = FAULT_NONE;
}

void plan_history(struct plan_history_tally *tally, const uint8_t *bytes, size_t count)
{
	static struct subject subjects[SUBJECTS_MAX]; /* large, and set up anew each time */
	struct history h = {.bytes = bytes, .count = count, .random = 2463534242u, .next_umbox = 1};
	unsigned subject_count = 1 + next_byte(&h) % SUBJECTS_MAX;
	h.tally = tally;

	for (unsigned i = 0; i < subject_count; i++)
		make_subject(&h, &subjects[i]);
	for (unsigned i = 0; i < EVENTS_MAX && h.at < h.count; i++) {
		uint8_t byte = next_byte(&h);
		struct subject *s = &subjects[byte % subject_count];
		EVENTS[byte / subject_count % ARRAY_SIZE(EVENTS)](&h, s);
		act(&h, s);
		let_traffic_flow(&h, s);
	}
	for (unsigned i = 0; i < subject_count; i++) {
		come_to_rest(&h, &subjects[i]);
		tally->frames += subjects[i].plane.passed;
	}
}
