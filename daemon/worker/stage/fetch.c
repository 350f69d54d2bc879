/* SPDX-License-Identifier: MIT */
#include "worker/stage/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "input/whole.h"
#include "worker/inputs.h"
#include "worker/stage/fetch_answer.h"

#define PIECE ((size_t)256 << 10)
/* Bytes that must stay free on the disk of the copies. */
#define SPARE ((int64_t)64 << 20)

static int64_t size_of(const json_t *file)
{
	return json_integer_value(json_array_get(file, INPUT_SIZE));
}

static void set_aside(
    struct job *job, const json_t *file, const char *kind, const char *reason)
{
	if (job->outcome.aside == NULL)
		job->outcome.aside = json_array();
	json_array_append_new(job->outcome.aside,
	    json_pack(
		"[O s s]", json_array_get(file, INPUT_FILE_ID), kind, reason));
}

/* ---- one file ---- */

/* A file at work, and the folder that is lent for it. */
struct file {
	struct job *job;
	const json_t *input;
	json_t *file; /* its array, see inputs.h */
	struct inputs_lent lent;
	struct place_reader *reader;
	char *copy; /* path; NULL: none is made */
};

static int copy_bytes(struct file *f, int fd, struct err *e)
{
	int64_t at = 0, size = f->reader->size;
	char *piece = mem_alloc(PIECE);
	int rc = 0;

	while (rc == 0 && at < size) {
		size_t n =
		    size - at < (int64_t)PIECE ? (size_t)(size - at) : PIECE;

		rc = place_read_at(f->reader, at, piece, n, e);
		if (rc == 0)
			rc = io_write_all(fd, piece, n, f->copy, e);
		if (rc == 0)
			rc = watch_check(f->job->lent.watch, e);
		at += (int64_t)n;
	}
	free(piece);
	return rc;
}

static int make_copy(struct file *f, struct err *e)
{
	int fd = open(f->copy,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return err_errno(e, errno, "%s", f->copy);
	rc = copy_bytes(f, fd, e);
	close(fd);
	return rc;
}

/* Reads the copy from now on, which nobody else can change. */
static int use_copy(struct file *f, struct err *e)
{
	place_read_end(f->reader);
	f->lent.places.root = NULL;
	f->reader = place_read(&f->lent.places, f->copy, e);
	return f->reader ? 0 : -1;
}

/* Says whether the columns of the input are those that its files name. */
static bool named_by_files(const json_t *input)
{
	const json_t *spec = json_object_get(input, "spec");

	return strcmp(json_str(spec, "format", ""), "csv") == 0 &&
	       json_object_get(spec, "columns") == NULL;
}

/* 1: the file was set aside. */
static int judge(struct file *f, struct err *e)
{
	char reason[WHOLE_REASON];
	struct whole w = {.reader = f->reader,
	    .name = inputs_text(f->file, INPUT_ADDRESS),
	    .spec = json_object_get(f->input, "spec"),
	    .watch = f->job->lent.watch,
	    .line_most = f->copy ? SOURCE_CSV_LINE : 0,
	    .names = job_copies_files(f->job) || named_by_files(f->input)
			 ? json_array()
			 : NULL};
	int rc = whole_check(&w, reason, e);

	if (rc == 0 && w.names != NULL)
		rc = inputs_add_names(f->input, f->file, w.names, e);
	json_decref(w.names);

	if (rc == 1 && (f->copy != NULL || place_pinned(f->reader, e) == 0))
		set_aside(f->job, f->file, w.wrong ? "WRONG" : "TORN", reason);
	else if (rc == 1)
		set_aside(f->job, f->file, "GONE", e->text);
	return rc;
}

/* Opens the version that was listed, copies and judges it. 1: it was set
 * aside. */
static int bring(struct file *f, struct err *e)
{
	int rc;

	if (inputs_lend(f->job, f->input, f->file, &f->lent, e) != 0)
		return -1;
	rc = place_pin(&f->lent.places, inputs_text(f->file, INPUT_ADDRESS),
	    inputs_text(f->file, INPUT_VERSION), &f->reader, e);
	if (rc == 0 && f->copy != NULL)
		rc = make_copy(f, e);
	if (rc == 0)
		rc = place_pinned(f->reader, e);
	if (rc == 1)
		set_aside(f->job, f->file, "GONE", e->text);
	if (rc == 0 && f->copy != NULL)
		rc = use_copy(f, e);
	return rc == 0 ? judge(f, e) : rc;
}

/* Returns the end of the file's name, which has the extension. The query of a
 * URL, and characters that DuckDB takes for a pattern, are left out. */
static char *copy_name(
    const struct job *job, const json_t *input, size_t i, const json_t *file)
{
	const char *address = inputs_text(file, INPUT_ADDRESS);
	size_t len = input_name_length(address);
	const char *slash = memrchr(address, '/', len);
	size_t skip = (size_t)(slash + 1 - address);
	char *path, *c;

	if (len - skip > 100)
		skip = len - 100;
	path = mem_printf("%s/%s.%zu.%.*s", job->fetched.path,
	    json_str(input, "name", ""), i, (int)(len - skip), address + skip);
	for (c = strrchr(path, '/') + 1; *c != '\0'; c++)
		*c = strchr("*?[", *c) ? '_' : *c;
	return path;
}

/* ---- inputs ---- */

static bool is_read_as_relation(const struct job *job, const json_t *input)
{
	const json_t *spec = json_object_get(input, "spec");

	return job->reads_files && json_str(spec, "format", NULL) != NULL;
}

/* Says whether the source reads files; it is not connected yet. */
static bool source_reads_files(const struct job *job)
{
	json_t *from = json_loads(job->asked.from, 0, NULL);
	const struct source_type *type =
	    source_type_named(json_str(from, "type", ""));

	json_decref(from);
	return type != NULL && (type->abilities & SOURCE_FILES) != 0;
}

/* Removes a file that was set aside from the input's list, and counts it. */
static void drop_file(json_t *input, json_t *files, size_t i)
{
	json_array_remove(files, i);
	json_object_set_new(
	    input, "aside", json_integer(json_int(input, "aside", 0) + 1));
}

static int bring_input(
    struct job *job, json_t *input, char **paths, int *count, struct err *e)
{
	json_t *files = json_object_get(input, "files");
	bool copies = is_read_as_relation(job, input);
	size_t i = 0, number = 0;
	int rc = 0;

	while (rc >= 0 && i < json_array_size(files)) {
		struct file f = {.job = job,
		    .input = input,
		    .file = json_array_get(files, i)};

		if (copies)
			f.copy = copy_name(job, input, ++number, f.file);
		rc = bring(&f, e);
		place_read_end(f.reader);
		free(f.lent.root);
		if (rc == 0 && copies)
			paths[(*count)++] = mem_strdup(f.copy);
		if (rc != 0 && copies)
			unlink(f.copy);
		free(f.copy);
		if (rc == 0)
			i++;
		else if (rc == 1)
			drop_file(input, files, i);
	}
	if (rc < 0)
		return err_wrap(e, "input \"%s\"", json_str(input, "name", ""));
	inputs_note_aside(job, input);
	return 0;
}

static bool comes_in_batches(const struct job *job)
{
	return json_is_true(job_member(job, "batches"));
}

/* Gives all other files of a batch back, for a later request. */
static void give_back(struct job *job)
{
	const json_t *input, *file;
	size_t i, k;

	json_array_foreach(job->asked.inputs, i, input)
	{
		json_array_foreach(json_object_get(input, "files"), k, file)
		{
			set_aside(job, file, "BACK", "");
		}
	}
}

/* Decides what becomes of the run when a required input has no file left: one
 * whose files another request has read, or a batch of files, ends well, as
 * others will come; any other run fails. */
static int check_left(struct job *job, const json_t *input, struct err *e)
{
	const json_t *spec = json_object_get(input, "spec");
	const json_t *last = json_array_get(
	    job->outcome.aside, json_array_size(job->outcome.aside) - 1);
	const char *why =
	    last ? json_string_value(json_array_get(last, 2)) : "none is there";
	json_int_t read_by = json_integer_value(job_member(job, "read_by"));

	if (!json_bool(spec, "required", true) ||
	    json_array_size(json_object_get(input, "files")) > 0)
		return 0;
	if (!comes_in_batches(job) && read_by == 0)
		return err_set(e, ERR_TRANSIENT,
		    "input \"%s\" has no whole file: %s",
		    json_str(input, "name", ""), why);
	job->outcome.idle = true;
	free(job->outcome.remark);
	job->outcome.remark =
	    read_by != 0
		? mem_printf("request %lld has read what came for it: nothing "
			     "was left to do",
		      (long long)read_by)
		: mem_printf("no file of input \"%s\" was whole: %s",
		      json_str(input, "name", ""), why);
	give_back(job);
	return 0;
}

/* ---- room ---- */

static int check_room(struct job *job, int64_t need, struct err *e)
{
	int64_t most = services_settings(job->lent.services)->inputs_max_bytes;
	struct statvfs fs;
	int64_t room;

	if (most > 0 && need > most)
		return err_set(e, ERR_PERMANENT,
		    "its files have %" PRId64 " bytes, more than the %" PRId64
		    " of max_bytes in [inputs] of the settings; give the input "
		    "a smaller \"batch\"",
		    need, most);
	if (statvfs(job->fetched.path, &fs) != 0)
		return err_errno(e, errno, "%s", job->fetched.path);
	room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize - SPARE;
	if (need <= room)
		return 0;
	return err_set(e, ERR_TRANSIENT,
	    "its files have %" PRId64 " bytes, and on the disk of %s there is "
	    "room for %" PRId64 "; see temp_directory in [inputs] of the "
	    "settings",
	    need, job->fetched.path, room > 0 ? room : 0);
}

/* Makes the private folder when files are to be copied. */
static int make_room(struct job *job, struct err *e)
{
	const struct settings *set = services_settings(job->lent.services);
	const json_t *input, *file;
	int64_t need = 0;
	size_t i, k;
	bool copies = false;

	json_array_foreach(job->asked.inputs, i, input)
	{
		if (!is_read_as_relation(job, input))
			continue;
		copies = true;
		json_array_foreach(json_object_get(input, "files"), k, file)
		{
			need += size_of(file);
		}
	}
	if (!copies)
		return 0;
	if (scratch_open(
		&job->fetched, "inputs", set->inputs_temp_directory, e) != 0)
		return err_wrap(e, "[inputs] temp_directory");
	return check_room(job, need, e);
}

/* ---- relations ---- */

/* An input without files is an empty relation, where its columns are known. */
static char *empty_file(
    const struct job *job, const json_t *input, struct err *e)
{
	char *path = mem_printf(
	    "%s/%s.none", job->fetched.path, json_str(input, "name", ""));
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return path;
	}
	err_errno(e, errno, "%s", path);
	free(path);
	return NULL;
}

/* Makes texts of the columns that the files name, in their order. */
static int add_columns(const json_t *input, struct err *e)
{
	const json_t *files = json_object_get(input, "files"), *file, *name;
	const json_t *first = json_array_get(files, 0),
		     *names = json_array_get(first, INPUT_NAMES);
	json_t *columns;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (!json_equal(json_array_get(file, INPUT_NAMES), names))
			return err_set(e, ERR_PERMANENT,
			    "%s has its columns in another order than %s; "
			    "write the columns of the input, or have a request "
			    "for each file by \"batch\": 1",
			    inputs_text(file, INPUT_ADDRESS),
			    inputs_text(first, INPUT_ADDRESS));
	}
	columns = json_array();
	json_array_foreach(names, i, name)
	{
		json_array_append_new(
		    columns, json_pack("[Os]", name, "varchar"));
	}
	json_object_set_new(json_object_get(input, "spec"), "columns", columns);
	return 0;
}

static int add_relation(struct job *job, json_t *input, struct err *e)
{
	const json_t *spec = json_object_get(input, "spec");
	size_t most = json_array_size(json_object_get(input, "files")) + 1;
	char **paths = mem_zalloc(most * sizeof(*paths));
	struct source_relation *r = &job->relations[job->relation_count];

	*r = (struct source_relation){.name = json_str(input, "name", ""),
	    .format = json_str(spec, "format", ""),
	    .options = spec,
	    .paths = (const char *const *)paths};
	job->relation_count++;
	if (inputs_is_answer(input)) {
		paths[0] =
		    mem_printf("%s/%s.jsonl", job->fetched.path, r->name);
		r->path_count = 1;
		return fetch_answer(job, input, paths[0], e);
	}
	if (bring_input(job, input, paths, &r->path_count, e) != 0)
		return -1;
	if (r->path_count > 0)
		return named_by_files(input) ? add_columns(input, e) : 0;
	if (check_left(job, input, e) != 0)
		return -1;
	if (json_object_get(spec, "columns") == NULL) {
		free(paths);
		job->relation_count--;
		return 0;
	}
	paths[0] = empty_file(job, input, e);
	r->path_count = paths[0] != NULL;
	return paths[0] ? 0 : -1;
}

/* ---- the stage ---- */

static bool wanted(const struct job *job)
{
	return json_array_size(job->asked.inputs) > 0;
}

/* Each batch of files writes an output of its own. */
static int prepare(struct job *job, struct err *e)
{
	const char *path = json_str(job->asked.terms, "output", "");

	if (!comes_in_batches(job) || !job_has(job, "export_sql") ||
	    job_text(job, "output_path") != NULL ||
	    strstr(path, "{request_id}") != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the default path of the settings, \"%s\", lacks {request_id}: "
	    "each batch of files would replace the output of the one before; "
	    "give the report an output_path with {request_id}",
	    path);
}

static int run(struct job *job, struct err *e)
{
	size_t i, n = json_array_size(job->asked.inputs);
	json_t *input;
	int count = 0;

	job->reads_files = job->needs_source && source_reads_files(job);
	if (inputs_check_words(job, e) != 0 || make_room(job, e) != 0)
		return -1;
	job->relations = mem_zalloc(n * sizeof(*job->relations));
	for (i = 0; i < n && !job->outcome.idle; i++) {
		input = json_array_get(job->asked.inputs, i);
		if (inputs_is_answer(input) && !job->reads_files)
			return fetch_answer_refused(input, e);
		if (is_read_as_relation(job, input)
			? add_relation(job, input, e) != 0
			: bring_input(job, input, NULL, &count, e) != 0 ||
			      check_left(job, input, e) != 0)
			return -1;
	}
	return 0;
}

static void drop(struct job *job)
{
	for (int i = 0; i < job->relation_count; i++) {
		const struct source_relation *r = &job->relations[i];

		for (int k = 0; k < r->path_count; k++)
			free((char *)(uintptr_t)r->paths[k]);
		free((void *)(uintptr_t)r->paths);
	}
	free(job->relations);
	job->relations = NULL;
	job->relation_count = 0;
	scratch_close(&job->fetched);
	json_decref(job->outcome.aside);
	job->outcome.aside = NULL;
}

const struct stage stage_fetch = {
    .name = "fetch",
    .before_source = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
    .drop = drop,
};
