/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/policy_text.h - a policy from its text, for targets that read what goes with one. */
#pragma once

#include <assert.h>
#include <string.h>

#include "codec/files.h"

/* The caller's to free. */
static inline struct policy *policy_from_text(const char *text)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	int result = document_read(&document, "box.yaml", text, strlen(text), &complaints);
	assert(result == 0);
	struct policy *policy = policy_read(document, &complaints);
	assert(policy);
	document_free(document);
	return policy;
}
