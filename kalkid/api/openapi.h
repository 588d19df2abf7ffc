/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/openapi.h - openapi.yaml as JSON, put into the program by scripts/embed-openapi. */
#pragma once

extern const char openapi_json[];
