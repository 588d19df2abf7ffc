/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_fixture.h - a daemon's engine on a real store and the fake driver, for the tests of
 * the whole engine: time passes when they say so, kills come where they want them.  Behind
 * cmocka.h. */
#pragma once

#include "driver/fake.h"
#include "engine/control.h"

enum { DIED = 42 /* how a process ends that `dies` */ };

struct fixture {
	char folder[64], path[96], witness[96];
	uv_loop_t loop;
	struct clock_fake clock;
	struct store *store;
	struct fake_world *world;
	struct driver *driver;
	struct engine *engine;
	const char *types; /* what the file says at the next start or reload; NULL: nothing */
	unsigned cut_at;   /* step after which the daemon is killed; 0: never */
	bool dies;         /* with its process, at the next HOLD */
	bool stopped, closed, store_closed;
	struct engine_subscriber subscriber;
	uint32_t kinds;     /* of events that are heard */
	struct buffer told; /* what was heard, a line each */
};

extern const struct operator_order ORDER;

/* The type "camera": Open (pass), Normal (a), Watched (a b), Attacked (c), Shut (block); "odd"
 * leads from Normal to Watched, the third "bad" from any to Attacked. */
extern const char CAMERA[];
/* With other states: Quiet (a), Guarded (d). */
extern const char RENAMED[];

/* `err` is there for the call. */
#define must(call)                                \
	do {                                      \
		struct error err = {0};           \
		if ((call) < 0)                   \
			fail_msg("%s", err.text); \
	} while (0)

/* With the device "cam" of CAMERA in its Normal, whose chain "a" stands. */
int setup(void **state);
int teardown(void **state);
void start_daemon(struct fixture *f);
void end_daemon(struct fixture *f);
/* With a kill between. */
void restart_daemon(struct fixture *f);
void reload(struct fixture *f);

void turn(struct fixture *f);
/* Everything given to the store is on disk, and who waited for that was told. */
void write_all(struct fixture *f);
/* The world moves on, in small steps. */
void pass(struct fixture *f, unsigned ms);
/* Seconds go by at once. */
void wait_some(struct fixture *f, unsigned seconds);
/* Until the path of "cam" is this and what is wanted. */
void await(struct fixture *f, const char *words);

/* Forgets what was heard, and hears the events of these kinds (a bit each) until the daemon ends.
 */
void hear_events(struct fixture *f, uint32_t kinds);

struct device camera(void);
uint32_t number_of(struct fixture *f, const char *name);
/* What is in force for "cam": "a b", "pass", "held". */
const char *path(struct fixture *f);
void set_state(struct fixture *f, const char *state);
struct device_status status_of(struct fixture *f);
