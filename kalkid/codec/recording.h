/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/recording.h - what was recorded, line by line as facts for a replay: our own history,
 * Suricata's EVE, values of sensors as CSV.
 *
 * The first line says which: JSON begins with '{'; else it names the columns of a table, parted by
 * ',', ';' or tabs: time, device, source, and sensors of the policy. */
#pragma once

#include "core/machine.h"

enum {
	RECORDING_LINE_BYTES = 1024 * 1024,
	RECORDING_REASON_BYTES = 256,
};

/* What a column of a table is: a sensor by its index, or one of these; each only once. */
enum recording_column {
	COLUMN_TIME = SENSORS_MAX,
	COLUMN_DEVICE,
	COLUMN_SOURCE,
	RECORDING_COLUMNS_MAX,
};

enum recorded_kind {
	RECORDED_OTHER, /* nothing that a policy looks at */
	RECORDED_ALERT,
	RECORDED_READINGS,
	RECORDED_TRANSITION,
};

/* One line. */
struct recorded {
	enum recorded_kind kind;
	bool own;                /* of our own history: it says, too, what became of it */
	int64_t wall_us;         /* since 1970, UTC */
	int64_t zone_us;         /* how far local time is ahead of it, as far as it is known */
	char device[NAME_BYTES]; /* "": the line does not say */
	struct alert alert;
	char source[NAME_BYTES]; /* of the readings; that the daemon's alert is about, "": none */
	bool source_silent;      /* which it gave up; else it answers again */
	struct sensor_reading readings[SENSORS_MAX];
	unsigned reading_count;
	char from[NAME_BYTES], to[NAME_BYTES]; /* of the transition */
	enum decision_cause cause;
	char reason[RECORDING_REASON_BYTES];
};

enum recording_form { RECORDING_UNKNOWN, RECORDING_JSON, RECORDING_TABLE };

/* One file, zeroed but for the policy. */
struct recording {
	const struct policy *policy; /* whose sensors are meant; borrowed */
	enum recording_form form;
	bool has_own;
	int64_t own_start_us; /* wall time at engine time 0: engine time alone never goes back */
	char separator;       /* of a table */
	unsigned columns[RECORDING_COLUMNS_MAX];
	unsigned column_count;
};

/* Reads the next line, which it may write into (a final newline is taken off): 1 with a fact, 0
 * when there is nothing in it, -EINVAL when it is not understood, -EBADMSG when the whole file is
 * not (the line named its columns). */
int recording_read(struct recording *recording, char *line, struct recorded *ret,
		   struct error *err) must_check;

/* Of recording_table.c: the line with the names of the columns, and each other. */
int recording_read_head(struct recording *recording, char *line, struct error *err) must_check;
int recording_read_row(const struct recording *recording, char *line, struct recorded *ret,
		       struct error *err) must_check;
