/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/error.c - see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_write(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return;
	err->code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
}

void error_write_errno(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return;
	err->code = code;
	va_list args;
	va_start(args, format);
	int length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(err->text))
		snprintf(err->text + length, sizeof(err->text) - (size_t)length, ": %s",
			 strerror(code < 0 ? -code : code));
}

void error_prefix(struct error *err, const char *format, ...)
{
	if (!err)
		return;
	char words[ERROR_TEXT_BYTES];
	memcpy(words, err->text, sizeof(words));
	va_list args;
	va_start(args, format);
	int length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(err->text))
		snprintf(err->text + length, sizeof(err->text) - (size_t)length, "%s", words);
}
