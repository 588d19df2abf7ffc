/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/docker_json.h - Docker's JSON and log frames <-> values; only what the daemon uses. */
#pragma once

#include <sys/types.h>

#include "base/digest.h"
#include "codec/umbox_image.h"
#include "core/ids.h"

enum {
	CONTAINER_ID_BYTES = 65,
	STARTED_AT_BYTES = 40,
	CONTAINERS_MAX = 65536, /* in one list */
};

/* Our labels on a container: whose it is and what it is for. */
struct container_marks {
	char instance[NAME_BYTES];
	uint32_t umbox, device, generation;
	char device_name[NAME_BYTES];
	char state[NAME_BYTES];
	char hop[NAME_BYTES];
	char digest[DIGEST_TEXT_BYTES]; /* of the hop */
	char serves[DIGEST_TEXT_BYTES]; /* device_addresses_digest, as it was told at its start */
	bool shadow;                    /* of the hop */
};

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_ENDED, /* exited, dead, being removed */
	CONTAINER_STATE_COUNT,
};

struct container {
	char id[CONTAINER_ID_BYTES];
	char image_id[IMAGE_ID_BYTES];
	struct container_marks marks;
	enum container_state state;
	pid_t pid;                         /* of an inspection; 0 when it does not run */
	char started_at[STARTED_AT_BYTES]; /* of an inspection */
	int exit_code;
	bool out_of_memory;
	/* Labels that it has from its image. */
	bool legacy, plain_frames, ready_wired, direct, forwards_all;
};

/* What a new container is made of. */
struct container_order {
	const struct container_marks *marks;
	const struct umbox_image *image;
	const char *directory; /* bound to /run/kalki, read-only */
	const char *argument;  /* of its program; NULL: what its image says */
	bool without_log;      /* where the engine has no log driver "local" */
};

/* The body of POST /containers/create; the caller's to free. */
char *docker_create_body(const struct container_order *order) must_check;
enum { CONTAINER_NAME_BYTES = NAME_BYTES + 32 };
void docker_container_name(char name[static CONTAINER_NAME_BYTES], const char *instance,
			   uint32_t umbox);

/* The answers.  -EPROTO when one is not what it must be, -ENOKEY for a container without marks of
 * ours (a wrong or missing label). */
int docker_read_created(char id[static CONTAINER_ID_BYTES], const char *bytes, size_t count,
			struct error *err) must_check;
int docker_read_container(struct container *ret, const char *bytes, size_t count,
			  struct error *err) must_check;
/* Only the instance's own; others are left out. The list is the caller's to free. */
int docker_read_list(struct container **ret, unsigned *ret_count, const char *instance,
		     const char *bytes, size_t count, struct error *err) must_check;

enum docker_event_kind {
	DOCKER_EVENT_OTHER,
	DOCKER_EVENT_DIED,
	DOCKER_EVENT_REMOVED,
	DOCKER_EVENT_IMAGES, /* tagged, deleted, loaded: what a name means may have changed */
	DOCKER_EVENT_KIND_COUNT,
};

struct docker_event {
	enum docker_event_kind kind;
	char container[CONTAINER_ID_BYTES];
	char instance[NAME_BYTES]; /* label of the container, "" for none */
	int exit_code;             /* of DIED; -1 unknown */
};

int docker_read_event(struct docker_event *ret, const char *bytes, size_t count,
		      struct error *err) must_check;

/* Docker's own words in an answer that is an error: JSON or plain text, without line breaks. */
void docker_error_words(char *words, size_t words_bytes, const char *bytes, size_t count);

/* The text in Docker's log frames (8 bytes of header each); of it the last `bytes_max` bytes,
 * without control characters but newline and tab.  The caller's to free. */
char *docker_log_text(const char *bytes, size_t count, size_t bytes_max) must_check;
