/* SPDX-License-Identifier: Apache-2.0 */
/* sift.h - judges the questions that a device asks by DNS, and the answers that it gets.
 *
 *   sift.c     what a message means
 *   resolver.c messages in frames: over UDP, and over TCP
 */
#pragma once

#include "umbox.h"
#include "umbox_guard.h"

enum {
	SIFT_NAMES_MAX = 256,
	SIFT_BASES_MAX = 256, /* domains whose names are counted at once */
};

struct sift_names {
	const char *name[SIFT_NAMES_MAX]; /* as umbox_dns_is wants them */
	size_t count;
};

struct sift_settings {
	struct sift_names allow; /* none: all */
	struct sift_names deny;  /* stronger than allow */
	struct sift_names local; /* may have private addresses */
	bool rebinding;
	uint32_t questions; /* within the interval */
	/* Different ones of one domain within the two intervals; slow 0: off. */
	uint32_t subdomains, slow_subdomains;
	uint32_t coded, slow_coded;         /* of these such that look like data */
	uint32_t label_bytes, prefix_bytes; /* how long a name is that looks like data */
	int64_t interval_us, slow_interval_us, alert_pause_us;
	bool drop;
};

struct sift_counts {
	uint64_t questions, denied, rebound, tunnelled, too_many, odd;
};

/* Who talks to whom; of an answer too the device is `device`. */
struct sift_ends {
	struct umbox_ip device, server;
	uint16_t server_port;
	int64_t now_us;
};

typedef void sift_tell_fn(const struct umbox_alert *alert, void *user);

struct sift;

/* The names must live on. */
struct sift *sift_new(const struct sift_settings *settings, sift_tell_fn *tell, void *user);
void sift_free(struct sift *sift);
/* A message from the device, or to it; false: do not let it through. */
bool sift_question(struct sift *sift, const struct sift_ends *ends, const uint8_t *bytes,
		   size_t length);
bool sift_answer(struct sift *sift, const struct sift_ends *ends, const uint8_t *bytes,
		 size_t length);
/* Something on the port of DNS that cannot be read as such; false: do not let it through. */
bool sift_odd(struct sift *sift);
const struct sift_counts *sift_counts(const struct sift *sift);

/* Whether a name's part before its domain looks like data: very long, or with a long label of high
 * entropy. */
bool sift_is_coded(const struct sift_settings *settings, const char *prefix, size_t length);
/* Where the domain begins that somebody registered: the last two labels, or three where the last
 * has two letters and the one before at most three ("example.co.uk"). */
size_t sift_base(const char *name);
/* An address that belongs to no public host. */
bool sift_is_private(const struct umbox_ip *ip);
