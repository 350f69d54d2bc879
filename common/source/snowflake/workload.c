/* SPDX-License-Identifier: MIT */
#include "source/snowflake/workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/aws/aws.h"

/*
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
 */
#define VERSION "2011-06-15"
#define AUDIENCE "snowflakecomputing.com"
#define LIFE_S 3600
#define EARLY_S 300

static void advise(const char *code, struct err *e)
{
	if (strcmp(code, "OutboundWebIdentityFederationDisabled") == 0 ||
	    strcmp(code, "OutboundWebIdentityFederationDisabledException") == 0)
		err_hint(e, "enable it once in the AWS account: aws iam "
			    "enable-outbound-web-identity-federation");
	else if (strncmp(code, "AccessDenied", 12) == 0)
		err_hint(
		    e, "the role of this host needs sts:GetWebIdentityToken");
}

char *workload_token(const struct source_reach *reach, int64_t now,
    int64_t *until, struct err *e)
{
	const struct sigv4_pair arguments[] = {
	    {"Audience.member.1", AUDIENCE},
	    {"SigningAlgorithm", "RS256"},
	    {"DurationSeconds", "3600"},
	};
	struct aws *sts = reach->aws(reach->arg, "sts", e);
	char code[64] = "", *xml = NULL, *jwt, *token = NULL;

	if (sts != NULL)
		xml = aws_query(sts, VERSION, "GetWebIdentityToken", arguments,
		    sizeof(arguments) / sizeof(*arguments), code, e);
	if (xml == NULL) {
		advise(code, e);
		err_wrap(e, "workload_identity");
		return NULL;
	}
	jwt = aws_xml_text(xml, strlen(xml), "WebIdentityToken");
	mem_wipe(xml);
	if (jwt == NULL) {
		err_set(e, ERR_TRANSIENT,
		    "workload_identity: the answer of STS holds no token");
		return NULL;
	}
	token = mem_printf("WIF.AWS.%s", jwt);
	mem_wipe(jwt);
	*until = now + LIFE_S - EARLY_S;
	return token;
}
