/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/witness.c - see witness.h.  A device has two places, written in turn: the one before stays
 * whole while the other is written.  The file is mapped, so that a witness costs no call of the
 * kernel. */
#include "store/witness.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/ids.h"

/* Of another daemon's form nothing is read. */
static const uint64_t FORM = 0x316b6c616b000000 + offsetof(struct machine_record, unused);

enum {
	PLACE_BYTES = 2048, /* two are a page */
	RECORD_BYTES = PLACE_BYTES - 2 * sizeof(uint64_t),
	HEAD_BYTES = offsetof(struct machine_record, unused),
	UNUSED_MAX = (RECORD_BYTES - HEAD_BYTES) / sizeof(uint64_t), /* of more the newest */
	FILE_BYTES = 2 * PLACE_BYTES * (DEVICE_NUMBER_MAX + 1),
};
_Static_assert(HEAD_BYTES + 64 * sizeof(uint64_t) <= RECORD_BYTES, "places are too small");

struct place {
	uint64_t form;
	uint64_t sequence; /* 0: empty, or being written */
	char record[RECORD_BYTES];
};

struct witness {
	int fd;
	struct place (*places)[2];                   /* the file, sparse */
	uint64_t sequence;                           /* the last one used */
	uint8_t backed[(DEVICE_NUMBER_MAX + 8) / 8]; /* bit: its places have memory */
};

int witness_open(struct witness **ret, const char *path, struct error *err)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, FILE_BYTES) < 0)
		return error_errno(err, -errno, "%s", path);
	void *places = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (places == MAP_FAILED)
		return error_errno(err, -errno, "%s: mmap", path);
	*ret = mem_alloc(sizeof(**ret));
	(*ret)->fd = take_fd(fd);
	(*ret)->places = places;
	return 0;
}

void witness_close(struct witness *witness)
{
	if (!witness)
		return;
	munmap(witness->places, FILE_BYTES);
	close(witness->fd);
	free(witness);
}

/* Once for each device: a page that finds no memory when it is touched would end the daemon. */
static int back(struct witness *witness, uint32_t device)
{
	uint8_t bit = (uint8_t)(1U << device % 8);
	if (witness->backed[device / 8] & bit)
		return 0;
	int result = posix_fallocate(witness->fd, (off_t)device * 2 * PLACE_BYTES, 2 * PLACE_BYTES);
	if (result == 0)
		witness->backed[device / 8] |= bit;
	return -result;
}

/* 0 when the place holds no whole record. */
static uint64_t sequence_of(const struct place *place)
{
	return place->form == FORM ? place->sequence : 0;
}

int witness_put(struct witness *witness, const struct machine_record *record)
{
	struct place *place = witness->places[record->device];
	unsigned unused = min_of(record->unused_count, (unsigned)UNUSED_MAX);
	int result = back(witness, record->device);
	if (result < 0)
		return result;
	if (sequence_of(&place[1]) < sequence_of(&place[0]))
		place++;
	/* In the order in which a kill may stop it. */
	place->sequence = 0;
	atomic_signal_fence(memory_order_seq_cst);
	place->form = FORM;
	memcpy(place->record, record, HEAD_BYTES);
	memcpy(place->record + offsetof(struct machine_record, unused_count), &unused,
	       sizeof(unused));
	memcpy(place->record + HEAD_BYTES, &record->unused[record->unused_count - unused],
	       unused * sizeof(record->unused[0]));
	atomic_signal_fence(memory_order_seq_cst);
	place->sequence = ++witness->sequence;
	return 0;
}

/* Without touching pages that are not there. */
static bool read_places(const struct witness *witness, uint32_t device, struct place ret[2])
{
	ssize_t bytes = pread(witness->fd, ret, 2 * PLACE_BYTES, (off_t)device * 2 * PLACE_BYTES);
	return bytes == 2 * PLACE_BYTES && (sequence_of(&ret[0]) || sequence_of(&ret[1]));
}

bool witness_get(struct witness *witness, uint32_t device, struct machine_record *ret)
{
	struct place places[2];
	if (!read_places(witness, device, places))
		return false;
	const struct place *newest = &places[sequence_of(&places[1]) > sequence_of(&places[0])];
	struct machine_record record = {0};
	memcpy(&record, newest->record, HEAD_BYTES);
	if (record.device != device || record.unused_count > UNUSED_MAX)
		return false;
	memcpy(record.unused, newest->record + HEAD_BYTES,
	       record.unused_count * sizeof(record.unused[0]));
	witness->sequence = max_of(witness->sequence, newest->sequence);
	*ret = record;
	return true;
}

void witness_forget(struct witness *witness, uint32_t device)
{
	struct place places[2];
	if (!read_places(witness, device, places))
		return;
	for (unsigned i = 0; i < 2; i++)
		witness->places[device][i].sequence = 0;
}
