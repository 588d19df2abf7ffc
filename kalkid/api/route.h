/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/route.h - the table of everything that the API serves; openapi.yaml describes the same, and a
 * test compares the two. */
#pragma once

#include <stddef.h>

#include "api/target.h"

struct api_call;

struct route {
	const char *method;
	const char *pattern; /* one part in braces at most, as in OpenAPI */
	void (*handle)(struct api_call *call);
	const char *parameters; /* of the query, separated by spaces */
	const char *summary;
};

extern const struct route routes[];
extern const size_t route_count;

enum { ALLOW_BYTES = 64, SUGGESTION_BYTES = 128 };

enum route_result {
	ROUTE_FOUND,
	ROUTE_WRONG_METHOD, /* `allow` is filled */
	ROUTE_UNKNOWN,
	ROUTE_RESULT_COUNT,
};

/* HEAD finds the route of GET.  `ret_argument` is what stands in the place of the braces, borrowed
 * from the target, NULL without braces. */
enum route_result route_find(const struct route **ret, const char **ret_argument,
			     char allow[static ALLOW_BYTES], const char *method,
			     const struct target *target);
/* The path nearest to one that does not exist, "" when none is near. */
void route_suggest(char path[static SUGGESTION_BYTES], const struct target *target);
