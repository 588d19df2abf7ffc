/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/later.h - runs a callback in the next turn of the loop: how a completion that is already known
 * is kept from running before the function that started it has returned. */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct later;
typedef void later_fn(struct later *later);

/* Embedded in what waits; stays where it is until `run` was called. */
struct later {
	later_fn *run;
	struct later *next;
	bool queued;
};

/* One queue a loop user; first in, first out. */
struct later_queue {
	uv_idle_t idle;
	struct later *first, **end;
	bool running;
	void (*closed)(struct later_queue *queue); /* closing, when set */
};

void later_queue_open(struct later_queue *queue, uv_loop_t *loop);
/* What is queued still runs; the queue's memory is free to go when `closed` runs. */
void later_queue_close(struct later_queue *queue, void (*closed)(struct later_queue *queue));

/* What is queued already stays as it is. */
void later_add(struct later_queue *queue, struct later *later, later_fn *run);
