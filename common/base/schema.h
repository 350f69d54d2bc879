/* SPDX-License-Identifier: MIT */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

/*
 * The versions of the queue's schema that a program works with, so that schema
 * and programs can be upgraded one after the other. The schema records the
 * oldest program that it still serves (schema_upgrade.serves); a program
 * records the oldest schema that has everything it needs.
 */
#define SCHEMA_OLDEST 8

enum schema_fit {
	SCHEMA_FITS,
	SCHEMA_TOO_OLD, /* `reportctl init` is needed */
	SCHEMA_TOO_NEW, /* a newer program is needed */
};

/* Compares the schema with this program. `found` and `serves` come from the
 * schema; `written_for` is the last upgrade that the program contains. */
enum schema_fit schema_fit(int found, int serves, int written_for);

#endif
