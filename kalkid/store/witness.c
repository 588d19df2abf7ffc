/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/witness.c - see witness.h.  A device has two places, written in turn: the one before stays
 * whole while the other is written. */
#include "store/witness.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/ids.h"

/* Of another daemon's form nothing is read. */
static const char FORM[] = "kalkid 1";

struct place {
	char form[sizeof(FORM)];
	uint64_t sequence; /* 0: empty */
	uint64_t bytes;    /* of the record; behind them stands the sequence again */
	struct machine_record record;
	uint64_t room_for_end;
};

struct witness {
	int fd;
	uint64_t sequence;                           /* the last one used */
	uint8_t second[(DEVICE_NUMBER_MAX + 8) / 8]; /* bit: the second place is the newer one */
};

int witness_open(struct witness **ret, const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, -errno, "%s", path);
	*ret = mem_alloc(sizeof(**ret));
	(*ret)->fd = fd;
	return 0;
}

void witness_close(struct witness *witness)
{
	if (!witness)
		return;
	close(witness->fd);
	free(witness);
}

static off_t offset_of(uint32_t device, bool second)
{
	return (off_t)((2 * (uint64_t)device + second) * sizeof(struct place));
}

static bool second_is_newer(const struct witness *witness, uint32_t device)
{
	return witness->second[device / 8] >> device % 8 & 1;
}

static void note_newer(struct witness *witness, uint32_t device, bool second)
{
	uint8_t bit = (uint8_t)(1U << device % 8);
	if (second)
		witness->second[device / 8] |= bit;
	else
		witness->second[device / 8] &= (uint8_t)~bit;
}

static int write_all(const struct witness *witness, const void *bytes, size_t count, off_t offset)
{
	ssize_t written = pwrite(witness->fd, bytes, count, offset);
	return written < 0 ? -errno : (size_t)written < count ? -ENOSPC : 0;
}

int witness_put(struct witness *witness, const struct machine_record *record)
{
	struct place place = {.sequence = ++witness->sequence};
	bool second = !second_is_newer(witness, record->device);
	memcpy(place.form, FORM, sizeof(FORM));
	place.bytes = offsetof(struct machine_record, unused) +
		      record->unused_count * sizeof(record->unused[0]);
	memcpy(&place.record, record, place.bytes);
	memcpy((char *)&place.record + place.bytes, &place.sequence, sizeof(place.sequence));
	int result =
		write_all(witness, &place,
			  offsetof(struct place, record) + place.bytes + sizeof(place.sequence),
			  offset_of(record->device, second));
	if (result == 0)
		note_newer(witness, record->device, second);
	return result;
}

/* 0 when the place holds no whole record. */
static uint64_t read_place(const struct witness *witness, uint32_t device, bool second,
			   struct machine_record *ret)
{
	struct place place = {0};
	uint64_t end;
	if (pread(witness->fd, &place, sizeof(place), offset_of(device, second)) < 0 ||
	    memcmp(place.form, FORM, sizeof(FORM)) != 0 || place.bytes > sizeof(place.record) ||
	    place.record.device != device || place.record.unused_count > MACHINE_ALERTS_MAX)
		return 0;
	memcpy(&end, (const char *)&place.record + place.bytes, sizeof(end));
	if (end != place.sequence)
		return 0;
	memset((char *)&place.record + place.bytes, 0, sizeof(place.record) - place.bytes);
	*ret = place.record;
	return place.sequence;
}

bool witness_get(struct witness *witness, uint32_t device, struct machine_record *ret)
{
	struct machine_record other;
	uint64_t first = read_place(witness, device, false, ret);
	uint64_t second = read_place(witness, device, true, &other);
	uint64_t newest = max_of(first, second);
	if (second > first)
		*ret = other;
	note_newer(witness, device, second > first);
	witness->sequence = max_of(witness->sequence, newest);
	return newest;
}

int witness_forget(struct witness *witness, uint32_t device)
{
	static const char NONE[sizeof(FORM)];
	struct machine_record record;
	int result = 0;
	for (unsigned i = 0; i < 2 && result == 0; i++)
		if (read_place(witness, device, i, &record))
			result = write_all(witness, NONE, sizeof(NONE), offset_of(device, i));
	return result;
}
