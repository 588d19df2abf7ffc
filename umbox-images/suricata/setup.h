/* SPDX-License-Identifier: Apache-2.0 */
/* setup.h - the files that Suricata reads beside those of the image: its rules, and what depends on
 * the umbox's parameters. */
#pragma once

#include <stdio.h>

#include "umbox.h"

enum {
	SETUP_RULES_MAX = 256,
	SETUP_HOME_MAX = 64,
	SETUP_RECORDS_MAX = 16,
};

struct setup {
	const char *rules[SETUP_RULES_MAX]; /* of the parameters */
	size_t rule_count;
	char *const *rule_files; /* of the image */
	size_t rule_file_count;
	const char *home[SETUP_HOME_MAX]; /* $HOME_NET; none: the device's addresses */
	size_t home_count;
	const struct umbox_addresses *device, *host;
	const char *records[SETUP_RECORDS_MAX]; /* kinds of events that are records */
	size_t record_count;
	const char *folder; /* of the files that are written */
};

/* NULL, or what is wrong with the parameters in words. */
const char *setup_check(const struct setup *setup);
/* Writes the rules of the parameters, one a line. */
void setup_write_rules(const struct setup *setup, FILE *file);
/* Writes what is included into suricata.yaml. */
void setup_write_yaml(const struct setup *setup, FILE *file);

/* Rules are counted and looked through for the newest `updated_at` or `created_at` of their
 * metadata. */
struct rules_seen {
	unsigned count;
	int64_t newest_day; /* since 1970; 0: none says */
};
void rules_look(struct rules_seen *seen, const char *line);
