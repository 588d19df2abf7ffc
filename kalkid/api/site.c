/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/site.c - version, status, and the API's own description. */
#include <string.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "api/openapi.h"

void get_version(struct api_call *call)
{
	answer_json(call->request,
		    json_pack("{s:s, s:s, s:s}", "name", "kalkid", "version", KALKI_VERSION, "api",
			      "v1"),
		    NULL);
}

void get_status(struct api_call *call)
{
	struct engine_status status;
	engine_read_status(call->engine, &status);
	answer_json(call->request, encode_status(&status), NULL);
}

void get_openapi(struct api_call *call)
{
	answer_json_text(call->request, openapi_json, strlen(openapi_json), NULL, NULL);
}
