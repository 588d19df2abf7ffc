/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression.c - to be written. */
#include "core/expression.h"
extern int core_expression_empty;
