/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/later.c - see later.h. */
#include "io/later.h"

#include "base/macros.h"

void later_queue_open(struct later_queue *queue, uv_loop_t *loop)
{
	uv_idle_init(loop, &queue->idle);
	queue->first = NULL;
	queue->end = &queue->first;
	queue->running = false;
	queue->closed = NULL;
}

static void on_closed(uv_handle_t *handle)
{
	struct later_queue *queue = container_of((uv_idle_t *)handle, struct later_queue, idle);
	queue->closed(queue);
}

static void close_when_empty(struct later_queue *queue)
{
	if (queue->closed && !queue->first && !uv_is_closing((uv_handle_t *)&queue->idle))
		uv_close((uv_handle_t *)&queue->idle, on_closed);
}

void later_queue_close(struct later_queue *queue, void (*closed)(struct later_queue *queue))
{
	queue->closed = closed;
	if (!queue->running)
		close_when_empty(queue);
}

/* What a callback adds waits for the next turn. */
static void on_idle(uv_idle_t *idle)
{
	struct later_queue *queue = container_of(idle, struct later_queue, idle);
	struct later *first = queue->first;
	queue->first = NULL;
	queue->end = &queue->first;
	uv_idle_stop(idle);
	queue->running = true;
	while (first) {
		struct later *later = first;
		first = later->next;
		later->queued = false;
		later->run(later);
	}
	queue->running = false;
	close_when_empty(queue);
}

void later_add(struct later_queue *queue, struct later *later, later_fn *run)
{
	if (later->queued)
		return;
	later->queued = true;
	later->run = run;
	later->next = NULL;
	*queue->end = later;
	queue->end = &later->next;
	uv_idle_start(&queue->idle, on_idle);
}
