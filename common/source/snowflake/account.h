/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_ACCOUNT_H
#define SOURCE_SNOWFLAKE_ACCOUNT_H

/* The forms of an account's name: ORGANISATION-ACCOUNT or LOCATOR[.REGION[.CLOUD]],
 * each also with .privatelink, and also as the host name of the account. The
 * caller frees what the functions return. */

/* Returns https://HOST of the account. */
char *account_endpoint(const char *account);

/* Returns the account as the claims of a JWT name it: in upper case, without
 * region and cloud. */
char *account_claim(const char *account);

#endif
