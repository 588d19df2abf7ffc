/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/driver.c - see driver.h. */
#include "driver/driver.h"

#include <stdlib.h>

void driver_picture_done(struct driver_picture *picture)
{
	free(picture->umboxes);
	free(picture->devices);
	*picture = (struct driver_picture){0};
}
