/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/posture.c - to be written. */
#include "core/posture.h"
extern int core_posture_empty;
