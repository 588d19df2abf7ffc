/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `flow-stats`: tells at an interval who exchanged how much with the device. */
#include "flows.h"

struct program {
	struct flows *flows;
	struct umbox *umbox;
	int64_t interval_s;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	(void)umbox;
	flows_frame(program->flows, frame);
	return UMBOX_PASS;
}

static void say(const struct umbox_json *record, void *user)
{
	struct program *program = user;
	umbox_record(program->umbox, record);
}

static void on_time(struct umbox *umbox, int64_t now_us, void *user)
{
	struct program *program = user;
	flows_report(program->flows, program->interval_s, say, program);
	umbox_wake_at(umbox, now_us + program->interval_s * 1000000);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {
		.flows = flows_new(),
		.umbox = umbox,
		.interval_s = umbox_integer(umbox, "interval_s", 5, 1, 3600),
	};
	umbox_wake_at(umbox, 0);
	int status = umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame,
							      .on_time = on_time,
							      .user = &program});
	flows_free(program.flows);
	return status;
}
