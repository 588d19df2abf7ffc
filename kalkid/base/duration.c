/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/duration.c - see duration.h. */
#include "base/duration.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *name;
	int64_t us;
} units[] = {
	{"w", 7 * 86400 * (int64_t)1000000},
	{"d", 86400 * (int64_t)1000000},
	{"h", 3600 * (int64_t)1000000},
	{"m", 60 * (int64_t)1000000},
	{"s", 1000000},
	{"ms", 1000},
	{"us", 1},
};

static const size_t first_printed = 1; /* weeks are read, not printed */

/* Index of the unit that is the whole word at `text`, ARRAY_SIZE(units) for none. */
static size_t find_unit(const char *text, size_t length)
{
	size_t i = 0;
	while (i < ARRAY_SIZE(units) &&
	       (strlen(units[i].name) != length || strncmp(units[i].name, text, length) != 0))
		i++;
	return i;
}

int duration_scan(int64_t *ret_us, size_t *ret_length, const char *text)
{
	int64_t total = 0;
	size_t at = 0, next_unit = 0;
	do {
		int64_t number = 0;
		size_t start = at;
		for (; isdigit((unsigned char)text[at]); at++) {
			number = number * 10 + (text[at] - '0');
			if (number > DURATION_MAX_US)
				return -ERANGE;
		}
		size_t word = at;
		while (isalpha((unsigned char)text[at]))
			at++;
		size_t unit = find_unit(text + word, at - word);
		if (word == start || unit == ARRAY_SIZE(units) || unit < next_unit)
			return -EINVAL;
		next_unit = unit + 1;
		if (number > (DURATION_MAX_US - total) / units[unit].us)
			return -ERANGE;
		total += number * units[unit].us;
	} while (isdigit((unsigned char)text[at]));
	*ret_us = total;
	*ret_length = at;
	return 0;
}

int duration_parse(int64_t *ret_us, const char *text)
{
	if (strcmp(text, "0") == 0) {
		*ret_us = 0;
		return 0;
	}
	int64_t us;
	size_t length;
	int result = duration_scan(&us, &length, text);
	if (result < 0)
		return result;
	if (text[length])
		return -EINVAL;
	*ret_us = us;
	return 0;
}

void duration_print(char text[static DURATION_TEXT_BYTES], int64_t us)
{
	uint64_t rest = us < 0 ? -(uint64_t)us : (uint64_t)us;
	size_t at = 0;
	if (us < 0)
		text[at++] = '-';
	for (size_t i = first_printed; i < ARRAY_SIZE(units); i++) {
		uint64_t count = rest / (uint64_t)units[i].us;
		rest %= (uint64_t)units[i].us;
		if (count)
			at += (size_t)snprintf(text + at, DURATION_TEXT_BYTES - at, "%" PRIu64 "%s",
					       count, units[i].name);
	}
	if (us == 0)
		text_copy(text, DURATION_TEXT_BYTES, "0s");
}
