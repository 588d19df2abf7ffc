/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_fixture.h - for tests: the API over the fake engine, and a way to ask it.  Every answer
 * is compared with openapi.yaml. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <jansson.h>

#include "api/api.h"
#include "api/fake_engine.h"
#include "base/mem.h"
#include "io/test_client.h"

struct fixture {
	uv_loop_t loop;
	struct clock_fake clock;
	struct engine *engine;
	struct api *api;
	char folder[64], path[96];
	bool closed;
	struct test_client client; /* kept alive over the questions of a test */
	struct test_reply reply;   /* to the last question */
	json_t *json;              /* its body */
	json_t *description;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Closes the API before the teardown does. */
void fixture_close(struct fixture *fixture);

/* Asks and waits for the answer; `headers` end with "\r\n" each and may be NULL, so may `body`. */
void ask(struct fixture *fixture, const char *method, const char *target, const char *headers,
	 const char *body);
/* The same, and what it must say: the status and, of a problem, code and detail (or
 * its beginning). */
void ask_problem(struct fixture *fixture, const char *method, const char *target, const char *body,
		 unsigned status, const char *code, const char *detail);
void get(struct fixture *fixture, const char *target);
/* The value at "items.0.name" of the last answer's body. */
json_t *at(struct fixture *fixture, const char *path);
const char *text_at(struct fixture *fixture, const char *path);
json_int_t number_at(struct fixture *fixture, const char *path);
/* A header of the last answer, or NULL. */
const char *header(struct fixture *fixture, const char *name);
/* What the engine was ordered last, by whoever runs the test: "add cam3 eth1 because -". */
void expect_order(struct fixture *fixture, const char *order);
