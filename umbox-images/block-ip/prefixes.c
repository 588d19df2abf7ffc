/* SPDX-License-Identifier: Apache-2.0 */
/* prefixes.c - see prefixes.h. */
#include "prefixes.h"

#include <stdlib.h>
#include <string.h>

bool prefixes_add(struct prefixes *prefixes, const char *text)
{
	if (prefixes->count == PREFIXES_MAX ||
	    !umbox_prefix_parse(&prefixes->prefix[prefixes->count], text))
		return false;
	prefixes->count++;
	return true;
}

/* A wider one before what lies within it. */
static int compare(const void *one, const void *other)
{
	const struct umbox_prefix *a = one, *b = other;
	if (a->ip.family != b->ip.family)
		return a->ip.family - b->ip.family;
	int order = memcmp(a->ip.octet, b->ip.octet, sizeof(a->ip.octet));
	return order ? order : a->bits - b->bits;
}

void prefixes_tidy(struct prefixes *prefixes)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < prefixes->count; i++)
		umbox_ip_cut(&prefixes->prefix[i].ip, prefixes->prefix[i].bits);
	qsort(prefixes->prefix, prefixes->count, sizeof(prefixes->prefix[0]), compare);
	for (unsigned i = 0; i < prefixes->count; i++) {
		const struct umbox_prefix *next = &prefixes->prefix[i];
		if (!kept || !umbox_prefix_has(&prefixes->prefix[kept - 1], &next->ip))
			prefixes->prefix[kept++] = *next;
	}
	prefixes->count = kept;
}
