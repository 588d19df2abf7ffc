/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/checks_life.c - checks of how it speaks, bears trouble, and ends. */
#include <inttypes.h>
#include <signal.h>

#include "base/text.h"
#include "io/ring.h"
#include "trial/trial_inner.h"

enum {
	SILENCE_MS = 10000, /* for so long condemns it */
	FULL_MS = 2500,     /* a heartbeat falls into it */
	AWAY_MS = 500,
	DOWN_MS = 100,
	DEATH_MS = 2000,
	LEG_GONE_MS = 10000,
};

static bool never(struct trial *trial maybe_unused)
{
	return false;
}

/* What the daemon would make of it now. */
void check_ring(struct trial *trial)
{
	struct error err = {0};
	cleanup_buffer struct buffer file = {0};
	if (trial->box.control.ring_fd < 0) {
		trial_skip(trial, "does not apply: it passed no ring of frames");
		return;
	}
	int frames = ring_read(trial->box.control.ring_fd, "", &file, &err);
	if (frames < 0)
		trial_fail(trial, "%s", err.text);
	else if (!frames)
		trial_fail(trial, "no frame is in it, after many that came");
	else
		trial_pass(trial, "%d frames are in it", frames);
}

void check_socket_full(struct trial *trial)
{
	struct error err = {0};
	struct control *control = &trial->box.control;
	uint64_t malformed = control->malformed;
	if (control->connection < 0 || control_stuff(control, &err) < 0) {
		trial_fail(trial, "%s",
			   control->connection < 0 ? "its connection has ended" : err.text);
		return;
	}
	trial->deaf = true;
	trial_wait(trial, never, FULL_MS);
	bool forwards = trial_probe(trial);
	trial->deaf = false;
	control->heartbeat_us = 0; /* it could not be heard */
	bool speaks_on = trial_hear(trial);
	if (!forwards)
		trial_fail(trial, "nothing came through while nobody read what it says");
	else if (!speaks_on)
		trial_fail(trial, "it said nothing more after its socket had been full");
	else if (control->malformed != malformed)
		trial_fail(trial, "afterwards it said half a line: %s", control->why.text);
	else
		trial_pass(trial, "it forwards meanwhile, and speaks on afterwards");
}

static bool is_ready(struct trial *trial)
{
	return trial->box.control.ready;
}

void check_socket_gone(struct trial *trial)
{
	struct control *control = &trial->box.control;
	control_go_away(control);
	trial_wait(trial, never, AWAY_MS);
	bool forwards = trial_probe(trial);
	if (control_listen(control, &trial->err) < 0) {
		trial->out_of_order = true;
		return;
	}
	bool back = trial_wait(trial, is_ready, trial_patience_ms(trial));
	if (!forwards)
		trial_fail(trial, "nothing came through while the daemon was away");
	else if (!back)
		trial_fail(trial, "it did not connect again and say ready within %.3g s",
			   trial_patience_s(trial));
	else if (!control->ready_first)
		trial_fail(trial, "it connected again, and said something before ready");
	else
		trial_pass(trial, "it forwards meanwhile, comes back, and says ready first");
}

void check_lines(struct trial *trial)
{
	const struct control *control = &trial->box.control;
	if (control->malformed)
		trial_fail(trial, "%" PRIu64 " lines that the daemon would refuse, such as: %s",
			   control->malformed, control->why.text);
	else if (control->over_rate)
		trial_fail(trial,
			   "%" PRIu64 " lines more than %d a second and %d at once: "
			   "the daemon would not read them",
			   control->over_rate, CONTROL_LINES_PER_SECOND, CONTROL_LINES_AT_ONCE);
	else if (control->refused)
		trial_fail(trial, "%u connections beside its first", control->refused);
	else
		trial_pass(trial, "%" PRIu64 " alerts and %" PRIu64 " records, all well formed",
			   control->alerts, control->records);
}

void check_heartbeats(struct trial *trial)
{
	const struct control *control = &trial->box.control;
	bool speaks_on = trial_hear(trial);
	int64_t silence_ms = control->silence_us / 1000;
	if (!speaks_on || silence_ms > SILENCE_MS)
		trial_fail(trial, "it was silent for %" PRId64 " s (10 s condemn it)",
			   speaks_on ? silence_ms / 1000 : trial_patience_ms(trial) / 1000);
	else
		trial_pass(trial, "%" PRIu64 ", never longer than %" PRId64 " ms apart",
			   control->heartbeats, silence_ms);
}

/* Its leg loses the carrier and gets it back. */
void check_leg_down(struct trial *trial)
{
	for (unsigned side = 0; side < FRAME_ENDS; side++) {
		int result = wire_set_up(&trial->wire, side, false, &trial->err);
		trial_wait(trial, never, DOWN_MS);
		if (result == 0)
			result = wire_set_up(&trial->wire, side, true, &trial->err);
		if (result < 0) {
			trial->out_of_order = box_runs(&trial->box);
			return;
		}
	}
	if (trial_probe(trial))
		trial_pass(trial, "it goes on when they are up again");
	else
		trial_fail(trial, "nothing came through when they were up again");
}

void check_memory(struct trial *trial)
{
	uint64_t peak, kills, limit = trial->image.memory_bytes;
	if (box_memory(&trial->box, &peak, &kills) < 0)
		trial_skip(trial, "the kernel does not tell (control groups)");
	else if (kills)
		trial_fail(trial, "the kernel ended %" PRIu64 " of its processes for lack of it",
			   kills);
	else
		trial_pass(trial, "%" PRIu64 " KiB at most, of %" PRIu64, peak >> 10, limit >> 10);
}

void check_sigterm(struct trial *trial)
{
	int64_t begin_us = clock_now_us(&trial->clock);
	box_signal(&trial->box, SIGTERM);
	bool ended = box_wait_end(&trial->box, (int64_t)DEATH_MS * 1000);
	int64_t took_ms = (clock_now_us(&trial->clock) - begin_us) / 1000;
	trial->over = true;
	if (ended)
		trial_pass(trial, "it ended after %" PRId64 " ms", took_ms);
	else
		trial_fail(trial, "it did not end within %d s", DEATH_MS / 1000);
}

void check_leg_gone(struct trial *trial)
{
	int result = wire_delete_leg(&trial->wire, LEG_IN, &trial->err);
	if (result < 0) {
		trial->out_of_order = true;
		return;
	}
	bool ended = box_wait_end(&trial->box, (int64_t)LEG_GONE_MS * 1000);
	trial->over = true;
	if (ended)
		trial_pass(trial, "it ends when a leg is gone");
	else
		trial_fail(trial, "it lives on without a leg");
}
