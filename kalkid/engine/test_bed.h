/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_bed.h - what the tests of the engine share: policies from text, and waiting for a
 * loop and a store.  Behind cmocka.h and its own headers. */
#pragma once

#include <string.h>
#include <uv.h>

#include "codec/files.h"
#include "store/store.h"

static inline struct policy *read_policy(const char *text)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct policy *policy = NULL;
	if (document_read(&document, "t.yaml", text, strlen(text), &complaints) == 0)
		policy = policy_read(document, &complaints);
	document_free(document);
	if (!policy)
		fail_msg("%s", complaints.text.bytes);
	complaints_done(&complaints);
	return policy;
}

/* `data` is the bool that loop_until waits for. */
static inline void on_done(void *data)
{
	*(bool *)data = true;
}

static inline void loop_until(uv_loop_t *loop, const bool *done)
{
	while (!*done)
		uv_run(loop, UV_RUN_ONCE);
}

struct written {
	struct store_barrier barrier;
	bool done;
};

static inline void on_written(struct store_barrier *barrier, int result)
{
	assert_int_equal(result, 0);
	container_of(barrier, struct written, barrier)->done = true;
}

/* Everything given to the store is on disk, and who waited for that was told. */
static inline void write_store(uv_loop_t *loop, struct store *store)
{
	struct written written = {.barrier.done = on_written};
	store_sync(store, &written.barrier);
	loop_until(loop, &written.done);
}
