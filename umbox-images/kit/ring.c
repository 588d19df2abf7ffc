/* SPDX-License-Identifier: Apache-2.0 */
/* ring.c - see umbox_ring.h.  Positions only grow; a place is its position modulo the data's size.
 * Before bytes are overwritten `oldest` leaves them, so whoever copies everything and then looks at
 * `oldest` knows what of the copy is whole. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "umbox_ring.h"

enum {
	PAGE_BYTES = 4096,
	UNIT_BYTES = 32, /* records are multiples of it, so that a head always fits */
	FILLER = 0xff,   /* the leg of what fills the end of the data */
};

struct ring_head {
	char magic[8];
	uint32_t version, unused;
	uint64_t data_bytes;
	_Atomic uint64_t oldest, newest; /* of the first record, and behind the last */
	uint8_t rest[24];
};

struct record_head {
	uint32_t bytes; /* with this head */
	uint32_t captured, length;
	uint32_t leg;
	int64_t wall_us;
	uint64_t unused;
};

_Static_assert(sizeof(struct ring_head) == 64, "as CONTRACT.md has it");
_Static_assert(sizeof(struct record_head) == UNIT_BYTES, "as CONTRACT.md has it");

struct umbox_ring {
	int fd;
	struct ring_head *head;
	uint8_t *data;
	uint64_t data_bytes;
};

struct umbox_ring *umbox_ring_new(size_t bytes)
{
	size_t whole = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return NULL;
	void *memory = MAP_FAILED;
	if (ftruncate(fd, (off_t)whole) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct umbox_ring *ring = memory == MAP_FAILED ? NULL : calloc(1, sizeof(*ring));
	if (!ring) {
		close(fd);
		return NULL;
	}
	ring->fd = fd;
	ring->head = memory;
	ring->data = (uint8_t *)memory + sizeof(struct ring_head);
	ring->data_bytes = (whole - sizeof(struct ring_head)) / UNIT_BYTES * UNIT_BYTES;
	memcpy(ring->head->magic, "umboxrng", 8);
	ring->head->version = 1;
	ring->head->data_bytes = ring->data_bytes;
	return ring;
}

void umbox_ring_free(struct umbox_ring *ring)
{
	if (!ring)
		return;
	munmap(ring->head, ring->data_bytes + sizeof(struct ring_head));
	close(ring->fd);
	free(ring);
}

static struct record_head *record_at(const struct umbox_ring *ring, uint64_t position)
{
	return (struct record_head *)(void *)(ring->data + position % ring->data_bytes);
}

static uint64_t put_head(struct umbox_ring *ring, uint64_t position, const struct record_head *head)
{
	struct ring_head *all = ring->head;
	uint64_t oldest = atomic_load_explicit(&all->oldest, memory_order_relaxed);
	while (position + head->bytes - oldest > ring->data_bytes)
		oldest += record_at(ring, oldest)->bytes;
	atomic_store(&all->oldest, oldest);
	atomic_thread_fence(memory_order_seq_cst);
	*record_at(ring, position) = *head;
	return position + head->bytes;
}

void umbox_ring_add(struct umbox_ring *ring, const struct umbox_frame *frame, uint32_t snap_bytes,
		    int64_t wall_us)
{
	uint64_t newest = atomic_load_explicit(&ring->head->newest, memory_order_relaxed);
	uint64_t left = ring->data_bytes - newest % ring->data_bytes;
	uint32_t captured = frame->length < snap_bytes ? frame->length : snap_bytes;
	struct record_head head = {
		.bytes = UNIT_BYTES + (captured + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES,
		.captured = captured,
		.length = frame->length,
		.leg = (uint32_t)frame->from,
		.wall_us = wall_us,
	};
	if (head.bytes > ring->data_bytes)
		return;
	if (head.bytes > left)
		newest = put_head(ring, newest,
				  &(struct record_head){.bytes = (uint32_t)left, .leg = FILLER});
	uint64_t end = put_head(ring, newest, &head);
	memcpy(record_at(ring, newest) + 1, frame->bytes, captured);
	atomic_store_explicit(&ring->head->newest, end, memory_order_release);
}

void umbox_offer_ring(struct umbox *umbox, const struct umbox_ring *ring)
{
	umbox->control.descriptor = ring->fd;
}
