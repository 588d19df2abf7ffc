/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/authorise.c - see authorise.h. */
#include "api/authorise.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static void print_who(char who[static WHO_BYTES], uid_t uid)
{
	struct passwd entry, *found = NULL;
	char names[1024];
	if (getpwuid_r(uid, &entry, names, sizeof(names), &found) == 0 && found)
		snprintf(who, WHO_BYTES, "uid %u (%s)", uid, found->pw_name);
	else
		snprintf(who, WHO_BYTES, "uid %u", uid);
}

int authorise(char who[static WHO_BYTES], const struct http_request *request, gid_t group,
	      struct error *err)
{
	struct http_peer peer;
	int result = http_request_peer(request, &peer, err);
	if (result < 0)
		return result;
	print_who(who, peer.uid);
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == group ||
	    http_request_peer_in_group(request, group))
		return 0;
	return error_set(err, -EACCES, "%s is neither root nor in the group that owns the socket",
			 who);
}
