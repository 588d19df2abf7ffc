/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/device_parameters.h - what one device's umboxes are told besides what its type says: JSON
 * by the name of the hop, each key in place of the type's of the same name. */
#pragma once

#include "core/device.h"
#include "core/policy.h"

/* The hop as the device is to have it, sealed; its parameters are the caller's. */
void hop_fit(struct hop *ret, const struct hop *hop, const char *parameters);
/* The same of a whole posture; done by posture_done. */
void posture_fit(struct posture *ret, const struct posture *posture, const char *parameters);

/* -EINVAL when no chain of the type has a hop of that name, or it would be told too much. */
int device_parameters_check(const struct device *device, const struct policy *policy,
			    struct error *err) must_check;
