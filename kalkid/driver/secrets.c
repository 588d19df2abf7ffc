/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/secrets.c - see secrets.h. */
#include "driver/secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/mem.h"
#include "core/ids.h"

static bool is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* Whoever may write into the directory can put another file in the place of one. */
static int open_directory(const char *path, struct error *err)
{
	struct stat found;
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &found) < 0)
		return error_errno(err, -errno, "the directory of credentials %s", path);
	if (!is_trusted(found.st_uid) || (found.st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, -EPERM,
				 "the directory of credentials %s: others can write into it "
				 "(chown root, chmod 0700)",
				 path);
	return take_fd(fd);
}

static int check_file(const struct stat *found, const char *directory, const char *name,
		      struct error *err)
{
	if (!S_ISREG(found->st_mode))
		return error_set(err, -EPERM, "credential '%s': %s/%s is no regular file", name,
				 directory, name);
	if (!is_trusted(found->st_uid))
		return error_set(err, -EPERM,
				 "credential '%s': %s/%s belongs to user %u (chown root)", name,
				 directory, name, (unsigned)found->st_uid);
	if (found->st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, -EPERM,
				 "credential '%s': others than its owner have rights on %s/%s "
				 "(chmod 0600)",
				 name, directory, name);
	if (found->st_size == 0 || found->st_size > SECRET_BYTES_MAX)
		return error_set(err, -EINVAL, "credential '%s': %s/%s is %s", name, directory,
				 name, found->st_size ? "longer than 64 KiB" : "empty");
	return 0;
}

/* A name, or "name@device". */
static int check_name(const char *name, struct error *err)
{
	char first[NAME_BYTES];
	size_t length = strcspn(name, "@");
	if (!name[length] || length >= sizeof(first))
		return name_check("credential", name, err);
	memcpy(first, name, length);
	first[length] = '\0';
	int r = name_check("credential", first, err);
	return r < 0 ? r : name_check("device", name + length + 1, err);
}

void secret_find(char ret[static SECRET_NAME_BYTES], const char *directory, const char *name,
		 const char *device)
{
	snprintf(ret, SECRET_NAME_BYTES, "%s@%s", name, device);
	cleanup_free char *path = mem_printf("%s/%s", directory, ret);
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		snprintf(ret, SECRET_NAME_BYTES, "%s", name);
}

/* A descriptor of the file, which is what it should be. */
static int open_file(const char *directory, const char *name, struct error *err)
{
	struct stat found;
	int r = check_name(name, err);
	if (r < 0)
		return r;
	cleanup_close int folder = open_directory(directory, err);
	if (folder < 0)
		return folder;
	/* What is no regular file must not be waited for. */
	cleanup_close int fd = openat(folder, name,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return error_set(err, -EPERM, "credential '%s': %s/%s is no regular file", name,
				 directory, name);
	if (fd < 0 || fstat(fd, &found) < 0)
		return error_errno(err, -errno, "credential '%s': %s/%s", name, directory, name);
	r = check_file(&found, directory, name, err);
	return r < 0 ? r : take_fd(fd);
}

int secret_check(const char *directory, const char *name, struct error *err)
{
	cleanup_close int fd = open_file(directory, name, err);
	return fd < 0 ? fd : 0;
}

static ssize_t read_all(int fd, char *bytes, size_t room)
{
	size_t length = 0;
	while (length < room) {
		ssize_t count = read(fd, bytes + length, room - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	return (ssize_t)length;
}

static size_t without_newline(const char *bytes, size_t length)
{
	if (length && bytes[length - 1] == '\n')
		length--;
	if (length && bytes[length - 1] == '\r')
		length--;
	return length;
}

int secret_read(struct secret *ret, const char *directory, const char *name, struct error *err)
{
	cleanup_close int fd = open_file(directory, name, err);
	if (fd < 0)
		return fd;
	cleanup_secret struct secret secret = {.room = SECRET_BYTES_MAX + 2};
	secret.bytes = mem_alloc(secret.room);
	ssize_t count = read_all(fd, secret.bytes, secret.room - 1);
	if (count < 0)
		return error_errno(err, (int)count, "credential '%s': %s/%s", name, directory,
				   name);
	if (count > SECRET_BYTES_MAX)
		return error_set(err, -EINVAL, "credential '%s': %s/%s is longer than 64 KiB", name,
				 directory, name);
	secret.length = without_newline(secret.bytes, (size_t)count);
	secret.bytes[secret.length] = '\0';
	if (!secret.length || strlen(secret.bytes) != secret.length)
		return error_set(err, -EINVAL, "credential '%s': %s/%s is %s", name, directory,
				 name, secret.length ? "no text" : "empty");
	*ret = secret;
	secret.bytes = NULL;
	return 0;
}

void secret_wipe(struct secret *secret)
{
	if (secret->bytes)
		sodium_memzero(secret->bytes, secret->room);
	free(secret->bytes);
	*secret = (struct secret){0};
}
