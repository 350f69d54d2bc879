/* SPDX-License-Identifier: MIT */
#include "http/files.h"
#include "http/endpoint.h"

void serve_openapi(struct call *c)
{
	call_answer(c, &(struct answer){.status = 200,
			   .type = "application/json",
			   .body = file_openapi_json,
			   .length = sizeof(file_openapi_json) - 1});
}
