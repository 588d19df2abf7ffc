/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/posture.c - the postures of a device: those of its type, or with parameters of its own
 * in them. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "codec/device_parameters.h"
#include "engine/control.h"

/* Of a device that has parameters of its own. */
struct fitted {
	unsigned count;
	char parameters[DEVICE_PARAMETERS_BYTES];
	struct posture postures[]; /* one a state */
};

static struct fitted *fit(const struct policy *policy, const char *parameters)
{
	size_t bytes = sizeof(struct fitted) + policy->state_count * sizeof(struct posture);
	struct fitted *fitted = mem_alloc(bytes);
	fitted->count = policy->state_count;
	TEXT_COPY(fitted->parameters, parameters);
	for (unsigned i = 0; i < fitted->count; i++)
		posture_fit(&fitted->postures[i], &policy->states[i].posture, parameters);
	return fitted;
}

void control_free_fitted(struct fitted *fitted)
{
	for (unsigned i = 0; fitted && i < fitted->count; i++)
		posture_done(&fitted->postures[i]);
	free(fitted);
}

struct fitted *control_fit(struct control_device *device)
{
	bool same_policy = device->fitted_to == device->policy;
	const char *parameters = device->policy ? device->device.parameters : "";
	if (same_policy && device->fitted && text_equal(device->fitted->parameters, parameters))
		return NULL;
	struct fitted *before = take(device->fitted);
	device->fitted_to = device->policy;
	if (*parameters)
		device->fitted = fit(device->policy, parameters);
	return before;
}

const struct posture *control_posture(const struct control_device *device, unsigned state)
{
	bool fits = device->fitted && device->fitted_to == device->policy;
	return fits ? &device->fitted->postures[state] : &device->policy->states[state].posture;
}

unsigned control_standby(const struct control_device *device, unsigned state,
			 const struct posture **ret_postures, unsigned room)
{
	unsigned count = policy_standby(device->policy, state, ret_postures, room);
	for (unsigned i = 0; i < count && device->fitted; i++) {
		const struct policy_state *of = container_of(ret_postures[i], struct policy_state,
							     posture);
		ret_postures[i] = control_posture(device, (unsigned)(of - device->policy->states));
	}
	return count;
}
