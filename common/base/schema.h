/* SPDX-License-Identifier: MIT */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

/*
 * Which versions of the queue's schema a program works with, so that schema and
 * programs can be upgraded one after the other. The schema says itself which older
 * programs it still serves (schema_upgrade.serves); a program says which is the
 * oldest schema that has all that it needs.
 */
#define SCHEMA_OLDEST 18

enum schema_fit {
	SCHEMA_FITS,
	SCHEMA_TOO_OLD, /* `reportctl init` is needed */
	SCHEMA_TOO_NEW, /* a newer program is needed */
};

/* found, serves: as the schema tells them; written_for: the last upgrade that the
 * program brings. */
enum schema_fit schema_fit(int found, int serves, int written_for);

#endif
