/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/skeletons.h - what umbox-images/skeletons/ has; scripts/embed-skeletons makes a table of it.
 */
#pragma once

#include <stddef.h>

struct skeleton_file {
	const char *folder, *name;
	const char *text; /* with @name@ where the image's name belongs */
};
extern const struct skeleton_file SKELETON_FILES[];
extern const size_t SKELETON_FILE_COUNT;
