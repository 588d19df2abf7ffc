/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/mail.h - a notice as a mail (RFC 5322, RFC 2045, RFC 2047). */
#pragma once

#include "core/notifier.h"

/* Appends the whole message, lines ended by CR LF.  Subject and text are the notifier's templates,
 * or say what is known.  The same notice has the same Message-ID whenever it is sent. */
void mail_write(struct buffer *ret, const struct notifier *notifier, const struct notice *notice);
