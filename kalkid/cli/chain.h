/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/chain.h - what the views of a chain share. */
#pragma once

#include "cli/client.h"
#include "cli/output.h"

int chain_get(struct cli *cli, const char *device, json_t **ret);
