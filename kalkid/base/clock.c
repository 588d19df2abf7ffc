/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/clock.c - see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t machine_now(const struct clock *clock)
{
	return read_clock(CLOCK_BOOTTIME) + clock->offset_us;
}

static int64_t machine_wall(const struct clock *clock maybe_unused)
{
	return read_clock(CLOCK_REALTIME);
}

void clock_init_machine(struct clock *clock)
{
	*clock = (struct clock){.now_us = machine_now, .wall_now_us = machine_wall};
}

static int64_t fake_now(const struct clock *clock)
{
	return container_of(clock, struct clock_fake, clock)->time_us;
}

static int64_t fake_wall(const struct clock *clock)
{
	return container_of(clock, struct clock_fake, clock)->wall_us;
}

void clock_init_fake(struct clock_fake *fake, int64_t time_us, int64_t wall_us)
{
	*fake = (struct clock_fake){
		.clock = {.now_us = fake_now, .wall_now_us = fake_wall},
		.time_us = time_us,
		.wall_us = wall_us,
	};
}

void clock_fake_advance(struct clock_fake *fake, int64_t by_us)
{
	fake->time_us += by_us;
	fake->wall_us += by_us;
}

void clock_print_wall(char text[static TIME_TEXT_BYTES], int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	char date[TIME_TEXT_BYTES];
	if (!strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts))
		date[0] = '\0';
	snprintf(text, TIME_TEXT_BYTES, "%.22s.%06uZ", date,
		 (unsigned)(wall_us % 1000000) % 1000000);
}

/* What stands behind the seconds. */
static int parse_zone(int64_t *ret_us, const char *text)
{
	int hours, minutes, end = 0;
	*ret_us = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return 0;
	if (*text != '+' && *text != '-')
		return -EINVAL;
	if ((sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 &&
	     sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &end) != 2) ||
	    text[1 + end])
		return -EINVAL;
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_us = (*text == '-' ? -60000000 : 60000000) * (int64_t)(hours * 60 + minutes);
	return 0;
}

int clock_parse_wall(int64_t *ret_wall_us, int64_t *ret_zone_us, const char *text)
{
	struct tm parts = {0};
	const char *at = strptime(text, "%Y-%m-%d", &parts);
	if (!at || !*at || !strchr("Tt ", *at))
		return -EINVAL;
	at = strptime(at + 1, "%H:%M:%S", &parts);
	if (!at)
		return -EINVAL;
	int64_t fraction_us = 0, unit_us = 100000, zone_us;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++, unit_us /= 10)
			fraction_us += (*at - '0') * unit_us;
	int result = parse_zone(&zone_us, at);
	if (result < 0)
		return result;
	*ret_wall_us = (int64_t)timegm(&parts) * 1000000 - zone_us + fraction_us;
	*ret_zone_us = zone_us;
	return 0;
}
