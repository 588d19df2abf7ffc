/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/definitions.c - see definitions.h. */
#include "core/definitions.h"

#include <stdlib.h>

#include "base/text.h"

void definitions_done(struct definitions *defined)
{
	for (unsigned i = 0; i < defined->policy_count; i++)
		policy_free(defined->policies[i]);
	free(defined->policies);
	free(defined->devices);
	*defined = (struct definitions){0};
}

const struct policy *definitions_find_policy(const struct definitions *defined, const char *type)
{
	for (unsigned i = 0; i < defined->policy_count; i++)
		if (text_equal(defined->policies[i]->type, type))
			return defined->policies[i];
	return NULL;
}

const struct device *definitions_find_device(const struct definitions *defined, const char *name)
{
	for (unsigned i = 0; i < defined->device_count; i++)
		if (text_equal(defined->devices[i].name, name))
			return &defined->devices[i];
	return NULL;
}
