/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/captures.c - see captures.h.  A file's name is `ID_WALL-US_FRAMES_DEVICE.pcapng`; one that
 * is being written ends in `.new` and is removed at the next start. */
#include "store/captures.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uthash.h>

#include "base/log.h"
#include "base/mem.h"

enum { FILE_NAME_BYTES = NAME_BYTES + 96 };

/* What one device has of it all. */
struct share {
	char device[NAME_BYTES];
	uint64_t bytes;
	unsigned count;
	UT_hash_handle hh;
};

struct captures {
	uv_loop_t *loop;
	int directory;
	uint64_t bytes_max, bytes;
	struct capture_entry *entries[CAPTURES_MAX]; /* the oldest first */
	unsigned count;
	struct share *shares;
	unsigned jobs;
	bool closing;
	void (*closed)(void *data);
	void *data;
};

static void print_name(char name[static FILE_NAME_BYTES], const struct capture_entry *entry,
		       const char *more)
{
	snprintf(name, FILE_NAME_BYTES, "%" PRIu64 "_%" PRId64 "_%u_%s.pcapng%s", entry->id,
		 entry->wall_us, entry->frames, entry->device, more);
}

static bool parse_name(struct capture_entry *ret, const char *name)
{
	char device[FILE_NAME_BYTES], printed[FILE_NAME_BYTES];
	if (strlen(name) >= FILE_NAME_BYTES ||
	    sscanf(name, "%" SCNu64 "_%" SCNd64 "_%u_%s", &ret->id, &ret->wall_us, &ret->frames,
		   device) != 4)
		return false;
	char *end = strstr(device, ".pcapng");
	if (!end || (size_t)(end - device) >= sizeof(ret->device))
		return false;
	*end = '\0';
	TEXT_COPY(ret->device, device);
	print_name(printed, ret, "");
	return text_equal(printed, name);
}

static int delete_file(const struct captures *captures, const struct capture_entry *entry)
{
	char name[FILE_NAME_BYTES];
	print_name(name, entry, "");
	return unlinkat(captures->directory, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static void add_to_share(struct captures *captures, const struct capture_entry *entry)
{
	struct share *share;
	HASH_FIND_STR(captures->shares, entry->device, share);
	if (!share) {
		share = mem_alloc(sizeof(*share));
		TEXT_COPY(share->device, entry->device);
		HASH_ADD_STR(captures->shares, device, share);
	}
	share->bytes += entry->bytes;
	share->count++;
}

static void take_from_share(struct captures *captures, const struct capture_entry *entry)
{
	struct share *share;
	HASH_FIND_STR(captures->shares, entry->device, share);
	assert(share);
	share->bytes -= entry->bytes;
	if (--share->count)
		return;
	HASH_DEL(captures->shares, share);
	free(share);
}

static void forget(struct captures *captures, unsigned place)
{
	struct capture_entry *entry = captures->entries[place];
	take_from_share(captures, entry);
	captures->bytes -= entry->bytes;
	memmove(captures->entries + place, captures->entries + place + 1,
		(--captures->count - place) * sizeof(captures->entries[0]));
	free(entry);
}

/* The oldest of the device that has most: none pushes out what was kept of others. */
static void make_room(struct captures *captures)
{
	const struct share *most = captures->shares;
	unsigned place = 0;
	for (const struct share *share = captures->shares; share; share = share->hh.next)
		if (share->bytes > most->bytes)
			most = share;
	while (!text_equal(captures->entries[place]->device, most->device))
		place++;
	(void)delete_file(captures, captures->entries[place]);
	forget(captures, place);
}

static void add(struct captures *captures, const struct capture_entry *entry)
{
	unsigned place;
	while (captures->count == CAPTURES_MAX ||
	       (captures->count && captures->bytes + entry->bytes > captures->bytes_max))
		make_room(captures);
	for (place = captures->count; place && captures->entries[place - 1]->id > entry->id;
	     place--)
		captures->entries[place] = captures->entries[place - 1];
	captures->entries[place] = mem_copy(entry, sizeof(*entry));
	captures->count++;
	captures->bytes += entry->bytes;
	add_to_share(captures, entry);
}

static int by_id(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name); /* numbers first, by their value */
}

static void take_stock(struct captures *captures)
{
	struct dirent **files = NULL;
	int count = scandirat(captures->directory, ".", &files, NULL, by_id);
	for (int i = 0; i < count; i++) {
		const char *name = files[i]->d_name;
		struct capture_entry entry = {0};
		struct stat status;
		size_t length = strlen(name);
		if (length > 4 && text_equal(name + length - 4, ".new"))
			unlinkat(captures->directory, name, 0);
		else if (parse_name(&entry, name) &&
			 fstatat(captures->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
			entry.bytes = (uint64_t)status.st_size;
			add(captures, &entry);
		}
		free(files[i]);
	}
	free(files);
}

int captures_open(struct captures **ret, uv_loop_t *loop, const char *directory, uint64_t bytes_max,
		  struct error *err)
{
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_errno(err, -errno, "%s", directory);
	int fd = open(directory, O_DIRECTORY | O_CLOEXEC | O_RDONLY);
	if (fd < 0)
		return error_errno(err, -errno, "%s", directory);
	struct captures *captures = mem_alloc(sizeof(*captures));
	captures->loop = loop;
	captures->directory = fd;
	captures->bytes_max = bytes_max;
	take_stock(captures);
	*ret = captures;
	return 0;
}

static void close_when_idle(struct captures *captures)
{
	if (!captures->closing || captures->jobs)
		return;
	void (*closed)(void *) = captures->closed;
	void *data = captures->data;
	while (captures->count)
		forget(captures, captures->count - 1);
	close(captures->directory);
	free(captures);
	closed(data);
}

void captures_close(struct captures *captures, void (*closed)(void *data), void *data)
{
	captures->closing = true;
	captures->closed = closed;
	captures->data = data;
	close_when_idle(captures);
}

static void end(struct capture_job *job, int status)
{
	struct captures *captures = job->captures;
	captures->jobs--;
	job->done(job, status < 0 ? status : job->result, &job->err);
	close_when_idle(captures);
}

/* --- writing --- */

static int write_all(int fd, const struct buffer *file)
{
	size_t written = 0;
	while (written < file->length) {
		ssize_t some = write(fd, file->bytes + written, file->length - written);
		if (some < 0 && errno != EINTR)
			return -errno;
		written += some < 0 ? 0 : (size_t)some;
	}
	return 0;
}

/* Its name is there once the file is whole. */
static void write_file(uv_work_t *work)
{
	struct capture_job *job = container_of(work, struct capture_job, work);
	char name[FILE_NAME_BYTES], unfinished[FILE_NAME_BYTES];
	int directory = job->captures->directory;
	print_name(name, &job->entry, "");
	print_name(unfinished, &job->entry, ".new");
	cleanup_close int fd = openat(directory, unfinished,
				      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = fd < 0 ? -errno : write_all(fd, &job->file);
	if (result == 0 && renameat(directory, unfinished, directory, name) < 0)
		result = -errno;
	if (result < 0) {
		unlinkat(directory, unfinished, 0);
		error_errno(&job->err, result, "captures/%s", name);
	}
	job->result = result;
}

static void on_written(uv_work_t *work, int status)
{
	struct capture_job *job = container_of(work, struct capture_job, work);
	if (status == 0 && job->result == 0)
		add(job->captures, &job->entry);
	end(job, status);
}

void captures_write(struct captures *captures, struct capture_job *job)
{
	job->captures = captures;
	job->entry.bytes = job->file.length;
	captures->jobs++;
	uv_queue_work(captures->loop, &job->work, write_file, on_written);
}

/* --- reading --- */

static void read_file(uv_work_t *work)
{
	struct capture_job *job = container_of(work, struct capture_job, work);
	char name[FILE_NAME_BYTES], bytes[65536];
	ssize_t count = 0;
	print_name(name, &job->entry, "");
	cleanup_close int fd = openat(job->captures->directory, name,
				      O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	while (fd >= 0 && (count = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&job->file, bytes, (size_t)count);
	if (fd < 0 || count < 0)
		job->result = error_errno(&job->err, -errno, "captures/%s", name);
}

static void on_read(uv_work_t *work, int status)
{
	end(container_of(work, struct capture_job, work), status);
}

int captures_read(struct captures *captures, uint64_t id, struct capture_job *job,
		  struct error *err)
{
	int result = captures_find(captures, id, &job->entry, err);
	if (result < 0)
		return result;
	job->captures = captures;
	captures->jobs++;
	uv_queue_work(captures->loop, &job->work, read_file, on_read);
	return 0;
}

/* --- what is there --- */

static int place_of(const struct captures *captures, uint64_t id, struct error *err)
{
	for (unsigned i = 0; i < captures->count; i++)
		if (captures->entries[i]->id == id)
			return (int)i;
	return error_set(err, -ENOENT, "there is no capture %" PRIu64, id);
}

int captures_find(const struct captures *captures, uint64_t id, struct capture_entry *ret,
		  struct error *err)
{
	int place = place_of(captures, id, err);
	if (place < 0)
		return place;
	*ret = *captures->entries[place];
	return 0;
}

int captures_remove(struct captures *captures, uint64_t id, struct error *err)
{
	int place = place_of(captures, id, err);
	if (place < 0)
		return place;
	int result = delete_file(captures, captures->entries[place]);
	if (result < 0)
		return error_errno(err, result, "capture %" PRIu64, id);
	forget(captures, (unsigned)place);
	return 0;
}

bool captures_next(const struct captures *captures, const char *device, uint64_t before,
		   struct capture_entry *ret)
{
	for (unsigned i = captures->count; i-- > 0;) {
		const struct capture_entry *entry = captures->entries[i];
		if ((before && entry->id >= before) || !text_equal(entry->device, device))
			continue;
		*ret = *entry;
		return true;
	}
	return false;
}
