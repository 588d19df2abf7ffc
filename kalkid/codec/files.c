/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files.c - to be written. */
#include "codec/files.h"
extern int codec_files_empty;
