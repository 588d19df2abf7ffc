/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/namespace.c - see namespace.h. */
#include "io/namespace.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

enum { PATH_BYTES = sizeof(NAMESPACE_DIRECTORY) + NAME_BYTES };

#define THIS_NAMESPACE "/proc/thread-self/ns/net"

static void named_path(char path[static PATH_BYTES], const char *name)
{
	snprintf(path, PATH_BYTES, NAMESPACE_DIRECTORY "/%s", name);
}

static bool is_namespace(int fd)
{
	struct statfs status;
	return fstatfs(fd, &status) == 0 && status.f_type == NSFS_MAGIC;
}

int namespace_open_named(int *ret_fd, const char *name, struct error *err)
{
	char path[PATH_BYTES];
	int r = name_check("namespace", name, err);
	if (r < 0)
		return r;
	named_path(path, name);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, -errno, "namespace '%s'", name);
	if (!is_namespace(fd))
		return error_set(err, -ENOENT, "%s is no namespace", path);
	*ret_fd = take_fd(fd);
	return 0;
}

/* Mounts in the directory must be seen, and taken away, in every mount namespace: ip-netns(8). */
static int share_directory(struct error *err)
{
	if (mkdir(NAMESPACE_DIRECTORY, 0755) < 0 && errno != EEXIST)
		return error_errno(err, -errno, NAMESPACE_DIRECTORY);
	if (mount("", NAMESPACE_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	/* EINVAL: it is no mount point yet. */
	if (errno != EINVAL ||
	    mount(NAMESPACE_DIRECTORY, NAMESPACE_DIRECTORY, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", NAMESPACE_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) < 0)
		return error_errno(err, -errno, "sharing " NAMESPACE_DIRECTORY);
	return 0;
}

/* Puts the thread's namespace under `path`.  A plain file there is what a crash left. */
static int mount_named(const char *path, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "%s", path);
	if (is_namespace(fd))
		return error_set(err, -EEXIST, "%s is there already", path);
	if (mount(THIS_NAMESPACE, path, "none", MS_BIND, NULL) < 0)
		return error_errno(err, -errno, "mount on %s", path);
	return 0;
}

/* Back from another namespace; there is no going on elsewhere. */
static void go_back(int home)
{
	if (setns(home, CLONE_NEWNET) < 0) {
		perror("cannot come back from a network namespace");
		abort();
	}
}

static int open_this(struct error *err)
{
	int fd = open(THIS_NAMESPACE, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, -errno, THIS_NAMESPACE) : fd;
}

int namespace_make_named(int *ret_fd, const char *name,
			 int (*prepare)(void *data, struct error *err), void *data,
			 struct error *err)
{
	char path[PATH_BYTES];
	int r = name_check("namespace", name, err);
	if (r < 0)
		return r;
	named_path(path, name);
	r = share_directory(err);
	if (r < 0)
		return r;
	cleanup_close int home = open_this(err);
	if (home < 0)
		return home;
	if (unshare(CLONE_NEWNET) < 0)
		return error_errno(err, -errno, "a new network namespace");
	r = prepare ? prepare(data, err) : 0;
	if (r >= 0)
		r = mount_named(path, err);
	go_back(home);
	return r < 0 ? r : namespace_open_named(ret_fd, name, err);
}

int namespace_make(int *ret_fd, struct error *err)
{
	cleanup_close int home = open_this(err);
	if (home < 0)
		return home;
	if (unshare(CLONE_NEWNET) < 0)
		return error_errno(err, -errno, "a new network namespace");
	int fd = open_this(err);
	go_back(home);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int namespace_remove_named(const char *name, struct error *err)
{
	char path[PATH_BYTES];
	int r = name_check("namespace", name, err);
	if (r < 0)
		return r;
	named_path(path, name);
	/* EINVAL: a plain file that a crash left. */
	if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
		return error_errno(err, -errno, "unmount %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, -errno, "%s", path);
	return 0;
}

int namespace_open_pid(int *ret_fd, pid_t pid, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int code = errno == ENOENT ? ESRCH : errno;
		return error_errno(err, -code, "the network namespace of process %d", (int)pid);
	}
	*ret_fd = fd;
	return 0;
}

int namespace_run(int netns_fd, int (*run)(void *data, struct error *err), void *data,
		  struct error *err)
{
	cleanup_close int home = open_this(err);
	if (home < 0)
		return home;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return error_errno(err, -errno, "entering a network namespace");
	int r = run(data, err);
	go_back(home);
	return r;
}

struct socket_kind {
	int domain, type, protocol;
};

static int open_socket(void *data, struct error *err)
{
	const struct socket_kind *kind = data;
	int fd = socket(kind->domain, kind->type, kind->protocol);
	return fd < 0 ? error_errno(err, -errno, "socket") : fd;
}

int namespace_socket(int netns_fd, int domain, int type, int protocol, struct error *err)
{
	struct socket_kind kind = {domain, type, protocol};
	return namespace_run(netns_fd, open_socket, &kind, err);
}

int namespace_set_offload(int netns_fd, const char *interface, uint32_t command, uint32_t value,
			  struct error *err)
{
	cleanup_close int fd = namespace_socket(netns_fd, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0,
						err);
	if (fd < 0)
		return fd;
	struct ethtool_value setting = {.cmd = command, .data = value};
	struct ifreq request = {.ifr_data = (void *)&setting};
	TEXT_COPY(request.ifr_name, interface);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return error_errno(err, -errno, "offload of %s", interface);
	return 0;
}

int namespace_write_setting(const char *path, const char *value, struct error *err)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, -errno, "%s", path);
	if (write(fd, value, strlen(value)) < 0)
		return error_errno(err, -errno, "%s", path);
	return 0;
}

static int disable_ipv6(void *data maybe_unused, struct error *err)
{
	int r = namespace_write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", err);
	return r < 0 ? r
		     : namespace_write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1",
					       err);
}

int namespace_disable_ipv6(int netns_fd, struct error *err)
{
	return namespace_run(netns_fd, disable_ipv6, NULL, err);
}
