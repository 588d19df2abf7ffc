/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document.c - to be written. */
#include "codec/document.h"
extern int codec_document_empty;
