/* SPDX-License-Identifier: MIT */
#ifndef WORKER_INPUTS_H
#define WORKER_INPUTS_H

#include "worker/job.h"

/*
 * The files that a job reads. Each input of asked.inputs is an object: "name",
 * "spec" (as in report_config.inputs) and "files", an array of [file_id,
 * address, version, size, modified in ms], without those that fetch has set
 * aside, and "aside", their number. "fault": why the run must not begin;
 * "remark": which files it leaves out; null: nothing is to be said.
 */

/* The members of a file's array. Fetch adds INPUT_NAMES, the names of the columns
 * of CSV, where the files are copied into a table. */
enum {
	INPUT_FILE_ID,
	INPUT_ADDRESS,
	INPUT_VERSION,
	INPUT_SIZE,
	INPUT_MODIFIED,
	INPUT_NAMES
};
const char *inputs_text(const json_t *file, size_t member);

/* Fails by the fault of an input, and adds the remarks of all inputs to those of the
 * job. */
int inputs_check_words(struct job *job, struct err *e);
/* Adds a remark on the files of an input of all files that were set aside. */
void inputs_note_aside(struct job *job, const json_t *input);

/* Notes the names of a file's columns with it. All files of an input have the same
 * ones, in any order; they share the memory of their names. */
int inputs_add_names(
    const json_t *input, json_t *file, json_t *names, struct err *e);

/* The settings by which a place reads a file. */
struct inputs_lent {
	struct place_lent places;
	char *root; /* the caller frees it, also after an error */
};
/* Checks that the settings allow the file to be read. */
int inputs_lend(const struct job *job, const json_t *input, const json_t *file,
    struct inputs_lent *lent, struct err *e);

/* Says whether the input is a JSON answer of a web server, which each run reads
 * anew. */
bool inputs_is_answer(const json_t *input);
/* The prefixes of URLs that its owner may read; NULL: all that the settings
 * allow. */
const json_t *inputs_readable(const json_t *input);

/* Returns the input of this name, or NULL. */
const json_t *inputs_named(const struct job *job, const char *name);

/* Finds the value of the parameter NAME__url (the address of the input's only
 * file; null: it has none) or NAME__files (a JSON array of all addresses).
 * Returns 1 with *value, which the caller releases; 0: no input has such a
 * parameter; -1: it has no value. */
int inputs_parameter(const struct job *job, const char *parameter,
    json_t **value, struct err *e);

#endif
