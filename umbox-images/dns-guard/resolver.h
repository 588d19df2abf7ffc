/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.h - finds DNS messages in frames, over UDP and over TCP, and has them judged. */
#pragma once

#include "sift.h"
#include "umbox_stream.h"

enum {
	RESOLVER_PORTS_MAX = 8,
	RESOLVER_CONNECTIONS_MAX = 24,       /* each may be in the middle of two messages */
	RESOLVER_COPIES_BYTES = 1024 * 1024, /* of all connections */
};

struct resolver_settings {
	struct sift_settings sift;
	int64_t ports[RESOLVER_PORTS_MAX]; /* of the servers */
	size_t port_count;
};

struct resolver;

struct resolver *resolver_new(const struct resolver_settings *settings, sift_tell_fn *tell,
			      void *user);
void resolver_free(struct resolver *resolver);
/* `umbox` may be NULL: then no resets are sent. */
enum umbox_verdict resolver_frame(struct resolver *resolver, struct umbox *umbox,
				  struct umbox_frame *frame);
const struct sift_counts *resolver_counts(const struct resolver *resolver);
