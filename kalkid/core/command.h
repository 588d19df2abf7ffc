/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/command.h - something that the devices of a type can be told to do. */
#pragma once

#include "core/exchange.h"

enum { COMMANDS_MAX = 64, COMMAND_RETRIES_MAX = 10 };

struct device_command {
	struct exchange exchange; /* first, for the tables of codec/exchange_file.h */
	char name[NAME_BYTES];    /* unique in the type */
	unsigned retries;         /* after a failure; 0: it is sent once at most */
};
