/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/local_capture.c - copies the frames that a umbox keeps, on a thread beside the loop. */
#include <stdlib.h>
#include <unistd.h>

#include <fcntl.h>

#include "base/mem.h"
#include "driver/local_inner.h"
#include "io/ring.h"

struct copying {
	uv_work_t work;
	struct local_driver *local;
	struct driver_call *call;
	int fd; /* our own: the umbox may go meanwhile */
	char *comment;
	struct buffer *ret;
	int result;
	struct error err;
};

static void copy(uv_work_t *work)
{
	struct copying *copying = container_of(work, struct copying, work);
	copying->result = ring_read(copying->fd, copying->comment, copying->ret, &copying->err);
}

static void on_copied(uv_work_t *work, int status)
{
	struct copying *copying = container_of(work, struct copying, work);
	struct local_driver *local = copying->local;
	int result = status < 0 ? status : copying->result;
	local_finish(local, copying->call, result, &copying->err);
	close(copying->fd);
	free(copying->comment);
	free(copying);
	local_work_ended(local);
}

void local_capture(struct local_driver *local, uint32_t id, const char *comment, struct buffer *ret,
		   struct driver_call *call)
{
	const struct umbox *umbox = umbox_find(local->umboxes, id);
	struct error err = {0};
	int fd = umbox && umbox->ring_fd >= 0 ? fcntl(umbox->ring_fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0) {
		int result = error_set(
			&err, -ENOENT,
			"umbox %u keeps no frames (one of kalki/capture in the chain does)", id);
		local_finish(local, call, result, &err);
		return;
	}
	struct copying *copying = mem_alloc(sizeof(*copying));
	copying->local = local;
	copying->call = call;
	copying->fd = fd;
	copying->comment = mem_copy_text(comment);
	copying->ret = ret;
	local->works++;
	uv_queue_work(local->loop, &copying->work, copy, on_copied);
}
