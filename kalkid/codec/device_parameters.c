/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/device_parameters.c - see device_parameters.h. */
#include "codec/device_parameters.h"

#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/text.h"

static void free_json_at(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(free_json_at)))

void hop_fit(struct hop *ret, const struct hop *hop, const char *parameters)
{
	cleanup_json json_t *of_device = json_loads(parameters, 0, NULL);
	cleanup_json json_t *told = json_loads(hop->parameters, 0, NULL);
	json_t *own = json_object_get(of_device, hop->name);
	*ret = *hop;
	ret->parameters = NULL;
	if (own && json_object_update(told, own) == 0)
		ret->parameters = json_dumps(told, JSON_SORT_KEYS | JSON_COMPACT);
	if (!ret->parameters)
		ret->parameters = mem_copy_text(hop->parameters);
	hop_seal(ret);
}

void posture_fit(struct posture *ret, const struct posture *posture, const char *parameters)
{
	*ret = *posture;
	for (unsigned i = 0; i < posture->hop_count; i++)
		hop_fit(&ret->hops[i], &posture->hops[i], parameters);
}

enum { HOP_NAMES_MAX = POLICY_STATES_MAX * HOPS_MAX };

/* Of each hop the first that has its name. */
static unsigned hop_names(const struct policy *policy, const char *names[static HOP_NAMES_MAX])
{
	unsigned count = 0;
	for (unsigned i = 0; i < policy->state_count; i++) {
		const struct posture *posture = &policy->states[i].posture;
		for (unsigned j = 0; j < posture->hop_count; j++)
			names[count++] = posture->hops[j].name;
	}
	return count;
}

static int check_name(const struct policy *policy, const char *name, struct error *err)
{
	const char *names[HOP_NAMES_MAX];
	char hint[TEXT_HINT_BYTES];
	unsigned count = hop_names(policy, names);
	for (unsigned i = 0; i < count; i++)
		if (text_equal(names[i], name))
			return 0;
	text_hint(hint, name, names, count);
	return error_set(err, -EINVAL, "no chain of the type '%s' has a hop named '%.64s'%s",
			 policy->type, name, hint);
}

static int check_length(const struct device *device, const struct policy *policy, struct error *err)
{
	for (unsigned i = 0; i < policy->state_count; i++) {
		struct posture fitted;
		bool too_long = false;
		posture_fit(&fitted, &policy->states[i].posture, device->parameters);
		for (unsigned j = 0; j < fitted.hop_count; j++)
			too_long |= strlen(fitted.hops[j].parameters) > PARAMETERS_BYTES_MAX;
		posture_done(&fitted);
		if (too_long)
			return error_set(err, -EINVAL,
					 "with those of the type '%s' they are longer than %d "
					 "bytes as JSON",
					 policy->type, PARAMETERS_BYTES_MAX);
	}
	return 0;
}

int device_parameters_check(const struct device *device, const struct policy *policy,
			    struct error *err)
{
	cleanup_json json_t *parameters = json_loads(device->parameters, 0, NULL);
	const char *name;
	json_t *value;
	json_object_foreach(parameters, name, value)
	{
		int result = check_name(policy, name, err);
		if (result < 0)
			return result;
	}
	return parameters ? check_length(device, policy, err) : 0;
}
