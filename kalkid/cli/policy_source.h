/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_source.h - a type's file as the commands about policies need it. */
#pragma once

#include "cli/output.h"
#include "codec/files.h"

struct policy_source {
	const char *file;
	struct document *document;
	struct policy *policy; /* NULL when it cannot be loaded */
	struct complaints errors, warnings;
	int code; /* exit code: 0, EXIT_NOT_FOUND or EXIT_INVALID */
};

void policy_source_read(struct policy_source *ret, const char *file);
void policy_source_done(struct policy_source *source);
#define cleanup_policy_source __attribute__((cleanup(policy_source_done)))
/* The same, and tells the errors on standard error. */
int policy_source_open(struct policy_source *ret, const char *file);

/* Each line as a text. */
json_t *complaint_lines(const struct complaints *complaints);
/* To standard error. */
void complaints_print(const struct complaints *complaints);
