/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/device.h - what the views of devices share. */
#pragma once

#include "cli/output.h"

/* A cell with the state, or what stands over it: a quarantine, a shadow. */
void table_device_state(struct table *table, const json_t *device);
