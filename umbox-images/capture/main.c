/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `capture`: keeps the newest frames for whoever asks what led to an alert. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "umbox.h"
#include "umbox_ring.h"

enum { RING_KB_MAX = 6000 }; /* with it the umbox stays below 8 MB */

struct program {
	struct umbox_ring *ring;
	uint32_t snap_bytes;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	const struct program *program = user;
	struct timespec now;
	(void)umbox;
	clock_gettime(CLOCK_REALTIME, &now);
	umbox_ring_add(program->ring, frame, program->snap_bytes,
		       now.tv_sec * 1000000ll + now.tv_nsec / 1000);
	return UMBOX_PASS;
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	int64_t kilobytes = umbox_integer(umbox, "ring_kb", 2048, UMBOX_RING_BYTES_MIN >> 10,
					  RING_KB_MAX);
	struct program program = {
		.ring = umbox_ring_new((size_t)kilobytes << 10),
		.snap_bytes = (uint32_t)umbox_integer(umbox, "snap", 1536, 64, 65535),
	};
	if (program.ring)
		umbox_offer_ring(umbox, program.ring);
	else
		umbox_fail(umbox, "no memory for the ring: %s", strerror(errno));
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	umbox_ring_free(program.ring);
	return status;
}
