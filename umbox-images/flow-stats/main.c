/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `flow-stats`: tells at an interval who exchanged how much with the device. */
#include "conversations.h"
#include "flows.h"

struct program {
	struct flows *flows;
	struct conversations *conversations; /* NULL: not wanted */
	struct umbox *umbox;
	uint64_t *untold;
	int64_t interval_s;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	(void)umbox;
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	uint32_t packets = umbox_frame_packets(frame, &headers);
	flows_frame(program->flows, frame, &headers, packets);
	if (program->conversations)
		conversations_frame(program->conversations, frame, &headers, packets);
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
	if (program->conversations) {
		conversations_report(program->conversations, now_us, say, program);
		*program->untold = conversations_untold(program->conversations);
	}
	umbox_wake_at(umbox, now_us + program->interval_s * 1000000);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {
		.flows = flows_new(),
		.umbox = umbox,
		.untold = umbox_counter(umbox, "untold"),
		.interval_s = umbox_integer(umbox, "interval_s", 5, 1, 3600),
	};
	struct conversation_limits limits = {
		.idle_us = umbox_integer(umbox, "idle_s", 15, 1, 3600) * 1000000,
		.active_us = umbox_integer(umbox, "active_s", 300, 1, 86400) * 1000000,
	};
	if (umbox_boolean(umbox, "flows", false))
		program.conversations = conversations_new(&limits);
	umbox_wake_at(umbox, 0);
	int status = umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame,
							      .on_time = on_time,
							      .user = &program});
	conversations_free(program.conversations);
	flows_free(program.flows);
	return status;
}
