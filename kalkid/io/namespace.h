/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/namespace.h - network namespaces: make and open named ones, open a process's, work inside one.
 *
 * A thread is in one network namespace at a time.  The functions here that go into another one come
 * back before they return, and abort the program when coming back fails: a daemon that goes on in
 * the wrong namespace would configure the wrong machine. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "core/ids.h"

#define NAMESPACE_DIRECTORY "/run/netns"

/* Opens /run/netns/<name>.  The descriptor keeps the namespace alive and belongs to the caller.
 * -ENOENT when there is none (a leftover file without a namespace behind it counts as none). */
int namespace_open_named(int *ret_fd, const char *name, struct error *err) must_check;

/* Makes a namespace, runs `prepare` inside (marks of ownership: a crash before the name exists
 * leaves nothing behind), then gives it the name, as ip-netns(8) does.  -EEXIST when the name is
 * taken. */
int namespace_make_named(int *ret_fd, const char *name,
			 int (*prepare)(void *data, struct error *err), void *data,
			 struct error *err) must_check;

/* The same without a name: it ends with its last descriptor. */
int namespace_make(int *ret_fd, struct error *err) must_check;

/* Takes the name away; the namespace ends when nobody holds it.  No error when there is none. */
int namespace_remove_named(const char *name, struct error *err) must_check;

/* Opens the network namespace of a process.  A PID is not to be trusted for long: open at once
 * after the inspection that told it, then check that PID and start time are still the same.  -ESRCH
 * when the process is gone. */
int namespace_open_pid(int *ret_fd, pid_t pid, struct error *err) must_check;

/* Runs `run(data, err)` with this thread inside the namespace and comes back; its result. */
int namespace_run(int netns_fd, int (*run)(void *data, struct error *err), void *data,
		  struct error *err) must_check;

/* socket(2) made inside the namespace; it stays there.  The descriptor or a negative errno. */
int namespace_socket(int netns_fd, int domain, int type, int protocol,
		     struct error *err) must_check;

/* ethtool(8) -K of an interface in there: `command` as ETHTOOL_STXCSUM. */
int namespace_set_offload(int netns_fd, const char *interface, uint32_t command, uint32_t value,
			  struct error *err);

/* No IPv6 on interfaces that exist and on those to come: no address, no router solicitation, no
 * multicast report from the kernel itself.  No error where the kernel has no IPv6. */
int namespace_disable_ipv6(int netns_fd, struct error *err) must_check;

/* Writes one of the files under /proc/sys/net, which show the namespace that the thread is in: for
 * the functions that run inside one.  No error where the kernel has no such setting. */
int namespace_write_setting(const char *path, const char *value, struct error *err) must_check;
