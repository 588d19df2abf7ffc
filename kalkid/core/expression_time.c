/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_time.c - the functions over the local time of day and week. */
#include "base/duration.h"
#include "core/expression_internal.h"

#define DAY_US (86400 * (int64_t)1000000)

enum { WEEK_DAYS = 7, DAY_OF_1970 = 3 /* its first day was a Thursday */ };

void set_elapsed(const struct facts *facts, int64_t since_us, struct value *ret)
{
	int64_t us = max_of(facts->now_us - since_us, (int64_t)0);
	ret->known = true;
	ret->us = min_of(us, DURATION_MAX_US);
	ret->slope = 1;
}

/* Microseconds since local midnight and days since 1970; false where nobody knows the time. */
static bool read_local(const struct facts *facts, int64_t *ret_us, int64_t *ret_days)
{
	if (!facts->fleet || !facts->fleet->local.known)
		return false;
	int64_t local_us = facts->now_us + facts->fleet->local.offset_us;
	*ret_us = (local_us % DAY_US + DAY_US) % DAY_US;
	*ret_days = (local_us - *ret_us) / DAY_US;
	return true;
}

/* `in_us` from now the value may be another, or when the zone has another offset. */
static void set_boolean(const struct facts *facts, bool boolean, int64_t in_us, struct value *ret)
{
	int64_t until_us = facts->fleet->local.until_us;
	ret->known = true;
	ret->boolean = boolean;
	ret->next_us = facts->now_us + in_us;
	if (until_us > facts->now_us)
		ret->next_us = min_of(ret->next_us, until_us);
}

/* From `us` to the next time that the clock shows `at_us`. */
static int64_t distance_us(int64_t us, int64_t at_us)
{
	return at_us > us ? at_us - us : at_us - us + DAY_US;
}

void call_between(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	int64_t from_us = arguments[SLOT_FROM].us, to_us = arguments[SLOT_TO].us;
	int64_t us, days;
	if (!read_local(facts, &us, &days))
		return;
	bool within = from_us < to_us ? us >= from_us && us < to_us : us >= from_us || us < to_us;
	int64_t to_from_us = distance_us(us, from_us), to_to_us = distance_us(us, to_us);
	set_boolean(facts, within, min_of(to_from_us, to_to_us), ret);
}

void call_weekday(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	int64_t us, days;
	if (!read_local(facts, &us, &days))
		return;
	int64_t weekday = ((days + DAY_OF_1970) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS;
	set_boolean(facts, arguments[SLOT_WEEKDAYS].weekdays >> weekday & 1, DAY_US - us, ret);
}
