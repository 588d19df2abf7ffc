/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/pulse.c - see pulse.h. */
#include "driver/pulse.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/namespace.h"

enum { FILE_BYTES = 16384 }; /* what is behind is not looked at: then it does not stand still */

struct look {
	const char *const *legs;
	struct pulse *pulse;
};

static void read_socket(struct pulse *ret, const char *line, const unsigned *legs)
{
	unsigned protocol, interface;
	uint64_t waiting;
	/* sk RefCnt Type Proto Iface R Rmem User Inode; one without a protocol only sends. */
	if (sscanf(line, "%*s %*s %*s %x %u %*s %" SCNu64, &protocol, &interface, &waiting) != 3 ||
	    !protocol)
		return;
	if (interface && interface != legs[PULSE_IN] && interface != legs[PULSE_OUT])
		return;
	ret->listening++;
	ret->all_wait = ret->all_wait && waiting;
	ret->waiting += waiting;
}

static void read_interface(struct pulse *ret, const char *line)
{
	uint64_t sent;
	const char *numbers = strchr(line, ':');
	/* Eight numbers of what was received, then bytes and frames sent. */
	if (numbers &&
	    sscanf(numbers + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64, &sent) == 1)
		ret->sent += sent;
}

void pulse_read(struct pulse *ret, char *sockets, char *interfaces,
		const unsigned legs[static PULSE_SIDES])
{
	const char *line;
	*ret = (struct pulse){.all_wait = true};
	while ((line = strsep(&sockets, "\n")))
		read_socket(ret, line, legs);
	while ((line = strsep(&interfaces, "\n")))
		read_interface(ret, line);
}

static int read_file(const char *path, char bytes[static FILE_BYTES], struct error *err)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return error_errno(err, -errno, "%s", path);
	size_t count = fread(bytes, 1, FILE_BYTES, file);
	bytes[min_of(count, (size_t)FILE_BYTES - 1)] = '\0';
	fclose(file);
	return count == FILE_BYTES ? error_set(err, -E2BIG, "%s: too long", path) : 0;
}

static int look(void *data, struct error *err)
{
	const struct look *at = data;
	cleanup_free char *sockets = mem_alloc(FILE_BYTES), *interfaces = mem_alloc(FILE_BYTES);
	const unsigned legs[PULSE_SIDES] = {if_nametoindex(at->legs[PULSE_IN]),
					    if_nametoindex(at->legs[PULSE_OUT])};
	int result = read_file("/proc/thread-self/net/packet", sockets, err);
	if (result == 0)
		result = read_file("/proc/thread-self/net/dev", interfaces, err);
	if (result == 0)
		pulse_read(at->pulse, sockets, interfaces, legs);
	return result;
}

int pulse_look(struct pulse *ret, int netns, const char *const legs[static PULSE_SIDES],
	       struct error *err)
{
	struct look at = {.legs = legs, .pulse = ret};
	return namespace_run(netns, look, &at, err);
}

bool pulse_stands_still(const struct pulse *before, const struct pulse *now)
{
	return before->listening && now->listening && now->all_wait &&
	       now->waiting >= before->waiting && now->sent == before->sent;
}
