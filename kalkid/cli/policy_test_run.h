/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_test_run.h - runs one test of a policy in virtual time. */
#pragma once

#include "codec/policy_test_file.h"

/* Complains of each expectation that is not met, with the reason below it.  `fired[i]` becomes true
 * when rule i of the tested policy fires. */
void policy_test_run(const struct policy_tests *tests, const struct policy_test *test,
		     const struct document *document, bool *fired, struct complaints *failures);
