/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/call.h - one request on its way through a handler, and how handlers read what it says.
 *
 * The functions that return bool have answered the request with a problem when they return false:
 * the handler then just returns. */
#pragma once

#include "api/answer.h"
#include "api/authorise.h"
#include "api/route.h"
#include "engine/engine.h"

struct stream;

/* Lives for the time of the handler only. */
struct api_call {
	struct engine *engine;
	struct stream *stream;
	const struct clock *clock;
	struct http_request *request;
	const struct route *route;
	const char *argument; /* in the place of the route's braces */
	struct target target;
	char who[WHO_BYTES];
};

enum { PAGE_LIMIT = 100, PAGE_LIMIT_MAX = STORE_PAGE_MAX };

bool call_number(struct api_call *call, const char *parameter, uint64_t least, uint64_t most,
		 uint64_t otherwise, uint64_t *ret) must_check;
bool call_boolean(struct api_call *call, const char *parameter, bool *ret) must_check;
/* A moment (RFC 3339) or a duration back from now; 0 when it is not there. */
bool call_time(struct api_call *call, const char *parameter, int64_t *ret_wall_us) must_check;
/* What stands for {id}. */
bool call_id(struct api_call *call, uint64_t most, uint64_t *ret) must_check;

/* The body as JSON with positions; NULL when there is none and none is `required`. */
bool call_body(struct api_call *call, bool required, struct document **ret) must_check;
/* Answers 422 with every complaint. */
void call_complain(struct api_call *call, const struct complaints *complaints);

/* A body of texts only, such as {"state": "Normal", "for": "30m"}. */
struct body_field {
	const char *name;
	bool required;
	size_t bytes_max; /* with the final NUL */
	const char *text; /* filled, NULL when it is not there; owned by the document */
};
bool call_fields(struct api_call *call, struct body_field *fields, size_t count,
		 struct document **ret) must_check;

/* dry_run and who; the reason is the caller's to fill. */
bool call_order(struct api_call *call, struct operator_order *ret) must_check;
/* The same of an order whose body is a reason at most, which `*ret_document` owns. */
bool call_reasoned_order(struct api_call *call, struct operator_order *ret,
			 struct document **ret_document) must_check;
/* Answers an order that was accepted, with "accepted", "dry_run" and "written" added to `body`,
 * which is taken: once it is on disk, or cannot be for now.  `location` may be NULL. */
void call_accepted(struct engine *engine, struct http_request *request, bool dry_run,
		   unsigned status, json_t *body, const char *location);
/* Answers a change of a device: `status` when it was done, 200 when it was only tried. */
void call_changed(struct api_call *call, const struct operator_order *order, const char *device,
		  unsigned status);

/* Decimal digits only. -EINVAL. */
int number_parse(uint64_t *ret, const char *text) must_check;
