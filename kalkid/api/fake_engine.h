/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/fake_engine.h - for tests: the functions of engine/engine.h over two devices in memory. */
#pragma once

#include "engine/engine.h"

enum { FAKE_DEVICES = 2, FAKE_EVENTS_MAX = 12000 };

struct fake_event {
	struct event event;
	char *json;
	char acknowledged_by[NAME_BYTES];
};

struct engine {
	struct engine_status status;
	struct device_status devices[FAKE_DEVICES]; /* in the order of names: cam1, cam2 */
	struct policy *policy;
	struct fake_event events[FAKE_EVENTS_MAX];
	unsigned event_count;
	unsigned uncommitted; /* that many of the newest are not in the history yet */
	struct engine_subscriber *subscribers;
	struct engine_logs *logs;        /* the call that waits */
	struct engine_capture *capture;  /* the same, for a capture, */
	struct capture_job *capture_job; /* and for its file */
	struct engine_written *written;  /* the order that waits */
	bool writing_rests;              /* until fake_engine_end_writing */
	uv_loop_t *loop;
	struct store_read *reads; /* those begun */
	bool reads_rest;          /* until fake_engine_end_reads */
	size_t logs_bytes;
	int fails;        /* the next order fails with this */
	char order[1024]; /* what was ordered last */
};

struct engine *fake_engine_new(uv_loop_t *loop);
void fake_engine_free(struct engine *engine);
void fake_engine_emit(struct engine *engine, enum event_kind kind, unsigned device,
		      const char *json);
/* Ends the reads of the history that were begun while they rest. */
void fake_engine_end_reads(struct engine *engine);
/* Ends the order's wait for the disk. */
void fake_engine_end_writing(struct engine *engine, int result);
/* Ends the call for a capture that waits, and that for its file. */
void fake_engine_end_capture(struct engine *engine, int result, const char *words);
void fake_engine_end_capture_job(struct engine *engine, const char *file);
/* Ends the call for logs that waits. */
void fake_engine_end_logs(struct engine *engine, int result, const char *text);
