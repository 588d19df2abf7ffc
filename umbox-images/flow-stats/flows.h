/* SPDX-License-Identifier: Apache-2.0 */
/* flows.h - counts frames by protocol and by peer, and writes the counts as records. */
#pragma once

#include "umbox.h"

enum { PEERS_MAX = 256 };

struct flows;

struct flows *flows_new(void);
void flows_free(struct flows *flows);
/* `packets`: as umbox_frame_packets has it. */
void flows_frame(struct flows *flows, const struct umbox_frame *frame,
		 const struct umbox_headers *headers, uint32_t packets);
/* Calls `say` with one record of totals, then as many as the peers need, and starts again from 0.
 * Says nothing when nothing passed. */
void flows_report(struct flows *flows, int64_t interval_s,
		  void (*say)(const struct umbox_json *record, void *user), void *user);
