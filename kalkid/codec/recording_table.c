/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/recording_table.c - values of sensors as a table, see recording.h.  Cells may stand in
 * quotes, a quote in them twice (RFC 4180); a row is a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "codec/answer.h"
#include "codec/recording.h"

enum { TIME_CELL_BYTES = 64 };

#define SECONDS_MAX 2.5e11 /* the year 9892 */

/* Takes the quotes off, in place; where the cell ends. */
static char *unquote(char *cell)
{
	char *target = cell, *at = cell + 1;
	for (; *at && (*at != '"' || at[1] == '"'); at++) {
		at += *at == '"';
		*target++ = *at;
	}
	at += *at == '"';
	*target = '\0';
	return at;
}

/* The next cell, without spaces around it; NULL behind the last. */
static char *take_cell(char **rest, char separator)
{
	const char ends[] = {separator, '\0'};
	char *cell = *rest;
	if (!cell)
		return NULL;
	cell += strspn(cell, " ");
	char *end = *cell == '"' ? unquote(cell) : cell;
	end += strcspn(end, ends);
	*rest = *end ? end + 1 : NULL;
	*end = '\0';
	for (size_t length = strlen(cell); length && cell[length - 1] == ' '; length--)
		cell[length - 1] = '\0';
	return cell;
}

/* --- the head --- */

static int unknown_column(const struct policy *policy, const char *name, struct error *err)
{
	const char *names[SENSORS_MAX + 3] = {"time", "device", "source"};
	char hint[TEXT_HINT_BYTES];
	for (unsigned i = 0; i < policy->sensor_count; i++)
		names[i + 3] = policy->sensors[i].name;
	text_hint(hint, name, names, policy->sensor_count + 3);
	return error_set(err, -EBADMSG,
			 "the column '%.64s' is neither time, device, source nor a sensor of the "
			 "type '%s'%s",
			 name, policy->type, hint);
}

static int read_column(struct recording *recording, const char *name, struct error *err)
{
	int sensor = policy_find_sensor(recording->policy, name);
	unsigned column = text_equal(name, "time")     ? COLUMN_TIME
			  : text_equal(name, "device") ? COLUMN_DEVICE
			  : text_equal(name, "source") ? COLUMN_SOURCE
						       : (unsigned)sensor;
	if (column >= RECORDING_COLUMNS_MAX)
		return unknown_column(recording->policy, name, err);
	for (unsigned i = 0; i < recording->column_count; i++)
		if (recording->columns[i] == column)
			return error_set(err, -EBADMSG, "the column '%s' is there twice", name);
	recording->columns[recording->column_count++] = column;
	return 0;
}

int recording_read_head(struct recording *recording, char *line, struct error *err)
{
	char *separator = strpbrk(line, ",;\t"), *rest = line, *name;
	bool has_time = false, has_sensor = false;
	recording->separator = ',';
	if (separator)
		recording->separator = *separator;
	while ((name = take_cell(&rest, recording->separator))) {
		int result = read_column(recording, name, err);
		if (result < 0)
			return result;
		unsigned column = recording->columns[recording->column_count - 1];
		has_time = has_time || column == COLUMN_TIME;
		has_sensor = has_sensor || column < SENSORS_MAX;
	}
	if (!has_time || !has_sensor)
		return error_set(err, -EBADMSG,
				 "a table needs the column 'time' and at least one of a sensor");
	return 0;
}

/* --- rows --- */

/* With an offset, in local time (then UTC is taken to be the same), or in seconds since 1970. */
static int read_time(const char *text, struct recorded *ret, struct error *err)
{
	char in_utc[TIME_CELL_BYTES];
	char *end;
	double seconds = strtod(text, &end);
	if (*text && !*end && seconds >= 0 && seconds <= SECONDS_MAX) {
		ret->wall_us = llround(seconds * 1e6);
		return 0;
	}
	snprintf(in_utc, sizeof(in_utc), "%.40sZ", text);
	if ((clock_parse_wall(&ret->wall_us, &ret->zone_us, text) == 0 ||
	     clock_parse_wall(&ret->wall_us, &ret->zone_us, in_utc) == 0) &&
	    ret->wall_us >= 0)
		return 0;
	return error_set(err, -EINVAL,
			 "'%.40s' is no time (2026-01-31T12:00:00Z, or seconds since 1970)", text);
}

/* Without a value nothing was said of the sensor. */
static int read_cell(const struct policy *policy, unsigned sensor, const char *text,
		     struct recorded *ret, struct error *err)
{
	struct sensor_reading *reading = &ret->readings[ret->reading_count];
	if (!*text)
		return 0;
	*reading = (struct sensor_reading){.sensor = sensor, .missing = text_equal(text, "null")};
	if (!reading->missing && !answer_take_text(&policy->sensors[sensor], text, reading))
		return error_set(err, -EINVAL, "'%.40s' in the column '%s' is no %s", text,
				 policy->sensors[sensor].name,
				 SENSOR_TYPE_NAMES[policy->sensors[sensor].type]);
	ret->reading_count++;
	return 0;
}

/* The first that says something of the sensor. */
static void find_source(const struct policy *policy, unsigned sensor,
			char source[static NAME_BYTES])
{
	for (unsigned i = 0; i < policy->source_count; i++)
		for (unsigned j = 0; j < policy->sources[i].mapping_count; j++)
			if (policy->sources[i].mappings[j].sensor == sensor) {
				text_copy(source, NAME_BYTES, policy->sources[i].name);
				return;
			}
	text_copy(source, NAME_BYTES, "recorded");
}

static int read_column_cell(const struct policy *policy, unsigned column, const char *text,
			    struct recorded *ret, struct error *err)
{
	switch (column) {
	case COLUMN_TIME: return read_time(text, ret, err);
	case COLUMN_DEVICE:
		TEXT_COPY(ret->device, text);
		return *text ? name_check("device", text, err) : 0;
	case COLUMN_SOURCE:
		TEXT_COPY(ret->source, text);
		return *text ? name_check("source", text, err) : 0;
	default: return read_cell(policy, column, text, ret, err);
	}
}

int recording_read_row(const struct recording *recording, char *line, struct recorded *ret,
		       struct error *err)
{
	char *rest = line;
	for (unsigned i = 0; i < recording->column_count; i++) {
		const char *cell = take_cell(&rest, recording->separator);
		if (!cell)
			return error_set(err, -EINVAL, "has %u columns, not %u", i,
					 recording->column_count);
		int result = read_column_cell(recording->policy, recording->columns[i], cell, ret,
					      err);
		if (result < 0)
			return result;
	}
	if (rest)
		return error_set(err, -EINVAL, "has more than %u columns", recording->column_count);
	if (ret->reading_count) {
		ret->kind = RECORDED_READINGS;
		if (!ret->source[0])
			find_source(recording->policy, ret->readings[0].sensor, ret->source);
	}
	return 1;
}
