/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_test_internal.h - shared by policy_test_file.c (files, devices, tests) and
 * policy_test_step.c. */
#pragma once

#include "codec/fields.h"
#include "codec/policy_test_file.h"

/* What the readers work on; `reading->data`. */
struct test_reading {
	struct policy_tests *tests;
	struct policy_test *test;
};

/* For a list that was looked at; at least 1. */
unsigned policy_test_room(const struct document_node *list);
/* Adds a step to the test. */
void policy_test_read_step(struct reading *reading, const struct document_node *node,
			   struct policy_test *test);
