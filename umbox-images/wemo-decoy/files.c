/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8 };

struct files {
	size_t root; /* so many letters of names are the folder's */
	unsigned count;
	size_t bytes;
	struct file file[FILES_MAX];
};

static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html"},        {".htm", "text/html"},  {".xml", "text/xml"},
		{".json", "application/json"}, {".css", "text/css"},   {".js", "text/javascript"},
		{".txt", "text/plain"},        {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
		{".png", "image/png"},         {".gif", "image/gif"},  {".svg", "image/svg+xml"},
		{".ico", "image/x-icon"},
	};
	size_t length = strlen(path);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t end = strlen(types[i].end);
		if (length > end && !strcmp(path + length - end, types[i].end))
			return types[i].type;
	}
	return "application/octet-stream";
}

/* NULL, or what is wrong. */
static const char *read_content(struct file *file, int fd)
{
	while (file->length <= FILE_BYTES_MAX) {
		ssize_t count = read(fd, file->content + file->length,
				     FILE_BYTES_MAX + 1 - file->length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return strerror(errno);
		if (count == 0)
			return NULL;
		file->length += (size_t)count;
	}
	return "larger than 40 KiB";
}

/* NULL, or what is wrong. */
static const char *take_file(struct files *files, const char *name)
{
	static const char head[] = "HTTP/1.";
	struct file *file = &files->file[files->count];
	if (files->count == FILES_MAX)
		return "more than 256 files";
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	files->count++;
	*file = (struct file){.path = strdup(name + files->root),
			      .content = malloc(FILE_BYTES_MAX + 1)};
	if (!file->path || !file->content)
		abort();
	const char *wrong = read_content(file, fd);
	close(fd);
	if (wrong)
		return wrong;
	uint8_t *content = realloc(file->content, file->length + 1);
	file->content = content ? content : file->content;
	bool whole = file->length >= sizeof(head) - 1 &&
		     !memcmp(file->content, head, sizeof(head) - 1);
	file->type = whole ? NULL : type_of(file->path);
	files->bytes += file->length;
	return files->bytes > FILES_BYTES_MAX ? "more than 2 MiB together" : NULL;
}

static bool read_folder(struct files *files, const char *folder, unsigned depth, char *error);

static bool take(struct files *files, const char *name, unsigned depth, char *error)
{
	const char *wrong;
	struct stat status;
	if (stat(name, &status) < 0)
		wrong = strerror(errno);
	else if (S_ISDIR(status.st_mode))
		return read_folder(files, name, depth + 1, error);
	else
		wrong = S_ISREG(status.st_mode) ? take_file(files, name) : "no file";
	if (wrong)
		snprintf(error, FILES_ERROR_BYTES, "%.200s: %s", name, wrong);
	return !wrong;
}

static bool read_folder(struct files *files, const char *folder, unsigned depth, char *error)
{
	char name[PATH_MAX];
	const struct dirent *entry;
	DIR *stream = depth < DEPTH_MAX ? opendir(folder) : NULL;
	bool good = stream || (!depth && errno == ENOENT);
	if (!good)
		snprintf(error, FILES_ERROR_BYTES, "%.200s: %s", folder,
			 depth < DEPTH_MAX ? strerror(errno) : "too deep");
	while (good && stream && (entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		good = (size_t)snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name) <
			       sizeof(name) &&
		       take(files, name, depth, error);
	}
	if (stream)
		closedir(stream);
	return good;
}

struct files *files_read(const char *folder, char error[static FILES_ERROR_BYTES])
{
	struct files *files = calloc(1, sizeof(*files));
	if (!files)
		abort();
	files->root = strlen(folder);
	snprintf(error, FILES_ERROR_BYTES, "%.200s: a name is too long", folder);
	if (read_folder(files, folder, 0, error))
		return files;
	files_free(files);
	return NULL;
}

void files_free(struct files *files)
{
	if (!files)
		return;
	for (unsigned i = 0; i < files->count; i++) {
		free(files->file[i].path);
		free(files->file[i].content);
	}
	free(files);
}

const struct file *files_find(const struct files *files, const char *path)
{
	static const char index[] = "index.html";
	size_t length = strlen(path);
	bool folder = length && path[length - 1] == '/';
	for (unsigned i = 0; i < files->count; i++) {
		const char *own = files->file[i].path;
		if (!strncmp(own, path, length) && !strcmp(own + length, folder ? index : ""))
			return &files->file[i];
	}
	return NULL;
}
