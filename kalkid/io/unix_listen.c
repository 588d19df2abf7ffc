/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/unix_listen.c - see unix_listen.h. */
#include "io/unix_listen.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

static int open_socket(int *ret_fd, struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "socket");
	*ret_fd = fd;
	return 0;
}

/* Whether somebody accepts connections there. */
static int probe(const struct sockaddr_un *address, bool *ret_alive, struct error *err)
{
	cleanup_close int fd = -1;
	int result = open_socket(&fd, err);
	if (result < 0)
		return result;
	/* EAGAIN: alive, with a full backlog. */
	*ret_alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		     errno != ECONNREFUSED;
	return 0;
}

static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	struct stat status;
	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "%s", path);
	if (!S_ISSOCK(status.st_mode))
		return error_set(err, -EEXIST, "%s: is there already and is no socket", path);
	bool alive;
	int result = probe(address, &alive, err);
	if (result < 0)
		return result;
	if (alive)
		return error_set(err, -EADDRINUSE, "%s: another kalkid is running", path);
	if (unlink(path) < 0)
		return error_errno(err, -errno, "%s", path);
	return 0;
}

static int bind_at(int fd, const struct sockaddr_un *address,
		   const struct unix_listen_config *config, struct error *err)
{
	int result = remove_stale(address, err);
	if (result < 0)
		return result;
	/* The mode of the descriptor is that of the path at its birth: no moment
	 * with more rights. */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return error_errno(err, -errno, "%s", config->path);
	if (lchown(config->path, (uid_t)-1, config->group) < 0 ||
	    chmod(config->path, config->mode) < 0 || listen(fd, config->backlog) < 0) {
		result = error_errno(err, -errno, "%s", config->path);
		unlink(config->path);
		return result;
	}
	return 0;
}

/* Daemons that start or stop at once look, unlink and bind one after the other. */
static int lock_folder(int *ret_fd, const char *path, struct error *err)
{
	cleanup_free char *copy = mem_copy_text(path);
	const char *folder = dirname(copy);
	cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return error_errno(err, -errno, "%s", folder);
	*ret_fd = take_fd(fd);
	return 0;
}

int unix_listen(int *ret_fd, const struct unix_listen_config *config, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!TEXT_COPY(address.sun_path, config->path))
		return error_set(err, -ENAMETOOLONG, "%s: longer than %zu bytes", config->path,
				 sizeof(address.sun_path) - 1);
	cleanup_close int fd = -1, lock = -1;
	int result = open_socket(&fd, err);
	if (result == 0)
		result = lock_folder(&lock, config->path, err);
	if (result == 0)
		result = bind_at(fd, &address, config, err);
	if (result == 0)
		*ret_fd = take_fd(fd);
	return result;
}

void unix_unlink_stale(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int lock = -1;
	/* What cannot be removed now is stale for the next start, and replaced then. */
	if (TEXT_COPY(address.sun_path, path) && lock_folder(&lock, path, NULL) == 0)
		(void)!remove_stale(&address, NULL);
}
