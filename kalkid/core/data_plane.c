/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/data_plane.c - see data_plane.h. */
#include "core/data_plane.h"

bool host_identity_has(const struct host_identity *host, const struct ip *ip)
{
	for (unsigned i = 0; i < host->ip_count; i++)
		if (ip_equal(&host->ips[i], ip))
			return true;
	return false;
}

bool host_identity_equal(const struct host_identity *a, const struct host_identity *b)
{
	if (!mac_equal(&a->mac, &b->mac) || a->ip_count != b->ip_count)
		return false;
	for (unsigned i = 0; i < a->ip_count; i++)
		if (!host_identity_has(b, &a->ips[i]))
			return false;
	return true;
}
