/* SPDX-License-Identifier: MIT */
#include "net/aws.h"

struct aws *aws_open(const struct aws_options *o, struct err *e)
{
	err_set(e, ERR_PERMANENT, "no AWS client for %s yet", o->service);
	return NULL;
}

void aws_close(struct aws *a)
{
	(void)a;
}

const char *aws_host(const struct aws *a)
{
	(void)a;
	return "";
}
