/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_EXPORT_H
#define WORKER_STAGE_EXPORT_H

#include "worker/stage/stage.h"

/* Streams the result of export_sql through the encoders into the places of the
 * outputs, where the outputs are complete and stored at the end, but not
 * visible before they are published. */
extern const struct stage stage_export;

/* Notes the remarks of all outputs and the digest of the first one, once all are
 * complete. */
void export_note_outputs(struct job *job);

/* The parts of the stage that hold for whatever the outputs are made of. */

/* Returns what each output of the job is opened with. */
struct place_output export_made_with(struct job *job);
/* Asks the place of a single output whether an earlier attempt has published it,
 * and takes the outcome from there. The first run of a request asks nothing: the
 * transaction that loads the rows asks once more. With several outputs all are made
 * again, and that place takes the rows once. */
int export_ask_landed(struct job *job, struct err *e);
/* Notes the bytes so far and checks max_output. */
int export_check_size(struct job *job, struct err *e);
int export_publish(struct job *job, struct err *e);

#endif
