/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `stamp`, for tests: marks what crosses it, can hold it back, and can fail. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"
#include "umbox.h"

enum {
	HELD_MAX = 4096,
	DIED_STATUS = 3,
};

/* A frame that waits for its time. */
struct held {
	struct umbox_frame frame; /* its bytes are ours */
	int64_t due_us;
};

struct program {
	int64_t delay_us, die_after_us;
	int64_t die_at_us;
	struct held
		held[HELD_MAX]; /* a ring; all wait for the same time, so the first is due first */
	unsigned first, count;
	uint64_t *marked, *overfull;
};

static void hold(struct umbox *umbox, struct program *program, const struct umbox_frame *frame)
{
	if (program->count == HELD_MAX) {
		++*program->overfull;
		return;
	}
	struct held *held = &program->held[(program->first + program->count++) % HELD_MAX];
	*held = (struct held){*frame, frame->time_us + program->delay_us};
	held->frame.bytes = malloc(frame->length);
	if (!held->frame.bytes)
		abort();
	memcpy(held->frame.bytes, frame->bytes, frame->length);
	umbox_wake_at(umbox, held->due_us);
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	const struct umbox_identity *identity = umbox_identity(umbox);
	*program->marked += mark_frame(frame, identity->umbox, identity->generation);
	if (!program->delay_us)
		return UMBOX_PASS;
	hold(umbox, program, frame);
	return UMBOX_KEEP;
}

static void release(struct umbox *umbox, struct program *program, int64_t now_us)
{
	while (program->count) {
		struct held *held = &program->held[program->first];
		if (held->due_us > now_us) {
			umbox_wake_at(umbox, held->due_us);
			return;
		}
		umbox_send(umbox, held->frame.from == UMBOX_IN ? UMBOX_OUT : UMBOX_IN,
			   &held->frame);
		free(held->frame.bytes);
		program->first = (program->first + 1) % HELD_MAX;
		program->count--;
	}
}

static void on_time(struct umbox *umbox, int64_t now_us, void *user)
{
	struct program *program = user;
	release(umbox, program, now_us);
	if (!program->die_after_us)
		return;
	if (!program->die_at_us)
		program->die_at_us = now_us + program->die_after_us;
	if (now_us >= program->die_at_us)
		_exit(DIED_STATUS);
	umbox_wake_at(umbox, program->die_at_us);
}

int main(void)
{
	static struct program program;
	struct umbox *umbox = umbox_open();
	program.delay_us = umbox_integer(umbox, "delay_us", 0, 0, 1000000);
	program.die_after_us = umbox_integer(umbox, "die_after_ms", 0, 0, 3600000) * 1000;
	program.marked = umbox_counter(umbox, "marked");
	program.overfull = umbox_counter(umbox, "overfull");
	umbox_ready_after(umbox, umbox_integer(umbox, "ready_after_ms", 0, 0, 3600000));
	if (umbox_boolean(umbox, "never_ready", false))
		umbox_ready_after(umbox, UMBOX_NEVER);
	if (program.die_after_us)
		umbox_wake_at(umbox, 0);
	return umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame,
							.on_time = on_time,
							.user = &program});
}
