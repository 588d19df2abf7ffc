/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/fake_plane.h - the map entries of one device in memory, and frames that really follow them:
 * what a test needs to see that no frame ever crossed anything but one whole path. */
#pragma once

#include "core/plan.h"

enum {
	PLANE_LEGS_MAX = 128,  /* umboxes with legs or with entries that remained */
	PLANE_FRAMES_MAX = 48, /* inside umboxes at a time; more are not let in */
	PLANE_ERAS_MAX = 32,   /* flips that a frame can live through */
};

/* Where entries lead: an umbox, or one of these. */
enum { PLANE_NOWHERE = 0, PLANE_OUT = 0xffffffff };

struct plane_legs {
	uint32_t umbox;
	bool alive;        /* its legs exist; entries of dead ones remain until they are cleaned */
	uint32_t up, down; /* toward the network, toward the device */
	uint64_t frames;   /* that went in */
};

struct plane_frame {
	bool up;
	uint64_t era; /* in which it came in */
	uint32_t crossed[HOPS_MAX + 1];
	unsigned count; /* the last of `crossed` is where it is */
};

struct fake_plane {
	uint32_t head, tail; /* first umbox for frames of the device, and from the network */
	struct path known;   /* what a driver believes to be in force: as last read or written */
	struct plane_legs legs[PLANE_LEGS_MAX];
	unsigned leg_count;
	struct plane_frame frames[PLANE_FRAMES_MAX];
	unsigned frame_count;
	uint64_t era;                     /* grows with each change of the path */
	struct path eras[PLANE_ERAS_MAX]; /* the path in force in era i, at i % PLANE_ERAS_MAX */
	/* Frames that came out, were dropped, crossed no whole path. */
	uint64_t passed, lost, astray;
};

/* Legs come, and go with every frame inside. */
void plane_wire(struct fake_plane *plane, uint32_t umbox);
void plane_unwire(struct fake_plane *plane, uint32_t umbox);
bool plane_wired(const struct fake_plane *plane, uint32_t umbox);
/* HOLD, ROUTE, PREPARE, CLEAN as one transaction each. */
void plane_steer(struct fake_plane *plane, const struct step *step);
/* Somebody emptied the maps. */
void plane_flush(struct fake_plane *plane);
/* As a driver reads it. */
void plane_look(struct fake_plane *plane, struct path *ret_path, bool *ret_leftovers,
		struct path *ret_prepared);
/* The truth, behind the driver's back. */
void plane_path(const struct fake_plane *plane, struct path *ret);

/* Lets one frame in, if there is a way and room. */
void plane_let_in(struct fake_plane *plane, bool up);
/* The frame leaves the umbox where it is: into the next, out, or it is lost. */
void plane_move(struct fake_plane *plane, unsigned frame);
/* Moves what came in before the path in force was, until it is out. */
void plane_drain(struct fake_plane *plane);
unsigned plane_inside(const struct fake_plane *plane, uint32_t umbox);
/* How many went in since it was wired. */
uint64_t plane_frames(const struct fake_plane *plane, uint32_t umbox);
