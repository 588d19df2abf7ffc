/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_history_inner.h - between the histories (plan_history.c) and what they must keep
 * (plan_history_check.c). */
#pragma once

#include "core/fake_plane.h"
#include "core/plan_history.h"

enum {
	SUBJECTS_MAX = 3,
	POSTURES_MAX = 5,
	BODIES_MAX = 96,
	JOBS_MAX = PLAN_STEPS_MAX,
	EVENTS_MAX = 400,
	STEER_ROUNDS_MAX = 12, /* steering steps in a row after one event */
	REST_ROUNDS_MAX = 200,
};

/* A container, as it really is. */
struct body {
	uint32_t id;
	char digest[DIGEST_TEXT_BYTES];
	unsigned image;
	bool running, deaf, said_ready; /* deaf: never gets ready */
};

/* A step under way. */
struct job {
	enum step_kind kind;
	uint32_t umbox;
	char digest[DIGEST_TEXT_BYTES];
	unsigned image;
	int identity;
};

enum fault { FAULT_NONE, FAULT_REFUSED, FAULT_UNKNOWN_DONE, FAULT_UNKNOWN_UNDONE, FAULT_COUNT };

/* One device. */
struct subject {
	struct posture postures[POSTURES_MAX];
	unsigned posture_count;
	struct want want;
	struct world have;
	struct job jobs[JOBS_MAX];
	unsigned job_count;
	int identity, enrolled_as; /* as it should be, as it is; 0: not enrolled */
	struct fake_plane plane;
	struct body bodies[BODIES_MAX];
	unsigned body_count;
	struct path routed;     /* by the last ROUTE */
	uint32_t reached;       /* generation that was in force */
	unsigned image, proven; /* that is wanted; that is launched where nothing is renewed */
	bool adopting;          /* the node was just started */
	enum fault fault;       /* of the next steering step */
	bool deaf_next;         /* the next umbox launched never gets ready */
	bool faulted;           /* a steering step of the last act failed */
};

/* The bytes as far as they were played. */
struct history {
	const uint8_t *bytes;
	size_t count, at;
	uint32_t random;
	uint32_t next_umbox;
	struct plan plan;
	struct plan_history_tally *tally;
};

struct body *history_body(struct subject *s, uint32_t id);
/* The way of the frames as it really is. */
struct path history_path(const struct subject *s);
/* HOLD, ROUTE, PREPARE, CLEAN; ENROL and UNENROL. */
bool history_steers(enum step_kind kind);

/* Each asserts what it is about. */
void history_check_plan(struct history *h, struct subject *s);
void history_check_path(struct subject *s);
void history_check_rest(struct history *h, struct subject *s);
