/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/ring.c - see ring.h. */
#include "io/ring.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/capture.h"

int ring_check(int fd, struct error *err)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS); /* files in memory alone have some */
	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return error_set(err, -EINVAL, "a descriptor that is no sealed memory file");
	if (fstat(fd, &status) < 0)
		return error_errno(err, -errno, "ring of frames");
	if (status.st_size < CAPTURE_HEAD_BYTES || status.st_size > CAPTURE_RING_BYTES_MAX)
		return error_set(err, -EINVAL, "a ring of frames of %lld bytes: at most %d",
				 (long long)status.st_size, CAPTURE_RING_BYTES_MAX);
	return 0;
}

static int read_bytes(int fd, uint8_t *room, size_t count, struct error *err)
{
	size_t got = 0;
	while (got < count) {
		ssize_t some = pread(fd, room + got, count - got, (off_t)got);
		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return error_errno(err, some < 0 ? -errno : -EIO, "ring of frames");
		got += (size_t)some;
	}
	return 0;
}

int ring_read(int fd, const char *comment, struct buffer *ret, struct error *err)
{
	struct stat status;
	struct capture_about about = {.comment = comment};
	uint8_t head[CAPTURE_HEAD_BYTES];
	if (fstat(fd, &status) < 0)
		return error_errno(err, -errno, "ring of frames");
	cleanup_free uint8_t *ring = mem_alloc((size_t)status.st_size);
	int result = read_bytes(fd, ring, (size_t)status.st_size, err);
	if (result == 0)
		result = read_bytes(fd, head, sizeof(head), err);
	if (result == 0)
		result = capture_oldest(&about.oldest, head, err);
	if (result < 0)
		return result;
	return capture_to_pcapng(ret, ring, (size_t)status.st_size, &about, err);
}
