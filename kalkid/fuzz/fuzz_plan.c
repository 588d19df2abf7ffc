/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_plan.c - the planner under every history that the fuzzer can think of. */
#include "core/plan_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_history_tally tally = {0};
	plan_history(&tally, data, size);
	return 0;
}
