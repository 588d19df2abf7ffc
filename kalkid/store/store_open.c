/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/store_open.c - store_open: the lock, the database, engine time that goes on,
 * the first ids. */
#include "store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/database.h"
#include "store/writer.h"

enum { HEARTBEAT_MS = 60 * 1000 /* at most so much engine time is lost by a power cut */ };

/* While the disk fails no block of ids can be written, and a kill would bring them back: each start
 * then jumps by more than could be given out in the time since the last write. */
static const uint64_t PER_SECOND[COUNTER_COUNT] = {
	[COUNTER_UMBOX] = 64,
	[COUNTER_EVENT] = 100000,
};

static void read_boot_id(char boot_id[static BOOT_ID_BYTES])
{
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : read(fd, boot_id, BOOT_ID_BYTES - 1);
	boot_id[count > 0 ? count : 0] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
}

/* Engine time goes on: by the machine's clock within a boot, from the last written moment in a new
 * one, and never back. */
static void set_clock(struct store *store)
{
	const struct clock_record *last = &store->intent.clock;
	struct clock_record *time = &store->time;
	if (store->config.boot_id)
		TEXT_COPY(time->boot_id, store->config.boot_id);
	else
		read_boot_id(time->boot_id);
	store->clock->offset_us = 0;
	int64_t machine_us = clock_now_us(store->clock);
	if (last->last_us) {
		bool same_boot = text_equal(time->boot_id, last->boot_id);
		time->offset_us = last->last_us - machine_us;
		if (same_boot)
			time->offset_us = max_of(time->offset_us, last->offset_us);
	}
	store->clock->offset_us = time->offset_us;
	time->last_us = clock_now_us(store->clock);
}

static void adopt_intent(struct store *store, bool failing)
{
	int64_t lost_us = store->time.last_us - store->intent.clock.last_us;
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		store->next[i] = store->intent.counters[i];
		if (failing)
			store->next[i] += (uint64_t)(lost_us / 1000000) * PER_SECOND[i];
		store_reserve(store, i);
	}
	for (unsigned i = 0; i < store->intent.count; i++)
		store_mark_living(store, store->intent.items[i].device.number, true);
}

/* Two writers would give the same ids out twice. */
static int lock_database(struct store *store, struct error *err)
{
	cleanup_free char *path = mem_printf("%s.lock", store->path);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0 && errno != ENOSPC && errno != EDQUOT && errno != EROFS &&
	    errno != EIO)
		return error_errno(err, -errno, "%s", path);
	if (store->lock_fd >= 0 && flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, -EBUSY, "%s: another kalkid uses this database", store->path);
	return 0;
}

/* Opens the database; where the disk does not let it, goes on with what can be read. */
static int open_database(struct store *store, bool *ret_damaged, struct error *err)
{
	struct error why = {0};
	int result = database_open(&store->connection, store->path, NULL, &store->intent,
				   ret_damaged, &why);
	if (result == -ENOTSUP)
		return error_set(err, result, "%s: %s", store->path, why.text);
	struct error unread = {0};
	if (result < 0 && database_read_intent(store->path, &store->intent, &unread) < 0) {
		for (unsigned i = 0; i < COUNTER_COUNT; i++)
			store->intent.counters[i] = 1;
	}
	set_clock(store);
	adopt_intent(store, result < 0);
	/* The first block must be on disk before the first id is given out. */
	if (result == 0)
		result = writer_write(store->connection, &store->pending, &store->time, &why);
	if (result == 0)
		queue_done(&store->pending);
	else
		writer_note_failure(store, result, &why);
	store->copy_wanted = true;
	return 0;
}

static void on_heartbeat(uv_timer_t *timer)
{
	struct store *store = timer->data;
	uv_mutex_lock(&store->mutex);
	store->time.last_us = clock_now_us(store->clock);
	store->pending.beat = true;
	uv_cond_signal(&store->wake_writer);
	uv_mutex_unlock(&store->mutex);
	store_close_loop_connection(store);
}

static void start(struct store *store, uv_loop_t *loop)
{
	if (uv_mutex_init(&store->mutex) || uv_mutex_init(&store->loop_mutex) ||
	    uv_cond_init(&store->wake_writer) ||
	    uv_async_init(loop, &store->wake_loop, store_on_wake) ||
	    uv_timer_init(loop, &store->heartbeat))
		abort(); /* out of memory or descriptors, at start */
	store->wake_loop.data = store->heartbeat.data = store;
	store->handles_open = 2;
	uv_timer_start(&store->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	uv_unref((uv_handle_t *)&store->heartbeat);
	reader_start(&store->reader, store->path, &store->wake_loop);
	if (uv_thread_create(&store->thread, writer_run, store))
		abort();
}

static void free_unstarted(struct store *store)
{
	witness_close(store->witness);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->path);
	free(store);
}

int store_open(struct store **ret, uv_loop_t *loop, const struct store_config *config,
	       struct clock *clock, bool *ret_damaged, struct error *err)
{
	struct store *store = mem_alloc(sizeof(*store));
	store->config = *config;
	store->clock = clock;
	store->path = mem_copy_text(config->path);
	store->lock_fd = -1;
	int result = lock_database(store, err);
	if (result == 0 && config->witness_path)
		result = witness_open(&store->witness, config->witness_path, err);
	if (result == 0)
		result = open_database(store, ret_damaged, err);
	if (result < 0) {
		free_unstarted(store);
		return result;
	}
	start(store, loop);
	*ret = store;
	return 0;
}
