/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_api_target.c - the target of a request: taken apart, routed, and what its parameters
 * say. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/call.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void route(const struct target *target, const char *method)
{
	const struct route *found = NULL;
	const char *argument = NULL;
	char allow[ALLOW_BYTES], suggestion[SUGGESTION_BYTES];
	switch (route_find(&found, &argument, allow, method, target)) {
	case ROUTE_FOUND: assert(found && !strchr(found->pattern, '{') == !argument); break;
	case ROUTE_WRONG_METHOD: assert(strlen(allow) < sizeof(allow)); break;
	case ROUTE_UNKNOWN: route_suggest(suggestion, target); break;
	case ROUTE_RESULT_COUNT: abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	struct target *target = mem_alloc(sizeof(*target));
	if (size)
		memcpy(text, data, size);
	if (target_parse(target, text, NULL) == 0) {
		route(target, "GET");
		route(target, "POST");
		for (unsigned i = 0; i < target->query_count; i++) {
			int64_t us, zone_us;
			uint64_t number;
			const char *value = target->query[i].value;
			assert(target_query(target, target->query[i].name) == value);
			if (clock_parse_wall(&us, &zone_us, value) == 0)
				assert(number_parse(&number, value) < 0);
			etag_matches(value, target->query[i].name);
		}
	}
	free(target);
	free(text);
	return 0;
}
