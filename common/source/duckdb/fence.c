/* SPDX-License-Identifier: MIT */
#include "source/duckdb/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* The rights that the first version of Landlock knows: all up to MAKE_SYM. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FILE_RIGHTS LANDLOCK_ACCESS_FS_READ_FILE

/* Allows the rights below a path. A path that is not there needs none. */
static int allow(int rules, const char *path, uint64_t rights, struct err *e)
{
	struct landlock_path_beneath_attr below = {
	    .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	long rc = 0;

	if (below.parent_fd < 0)
		return 0;
	if (fstat(below.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= FILE_RIGHTS;
	below.allowed_access = rights;
	rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
	    &below, 0);
	close(below.parent_fd);
	return rc == 0 ? 0 : err_errno(e, errno, "Landlock: %s", path);
}

static int allow_folders(int rules, const char *folders, struct err *e)
{
	char *folder;
	int rc = 0;

	while (rc == 0 && (folder = duckdb_next_folder(&folders)) != NULL) {
		rc = allow(rules, folder, READ_RIGHTS, e);
		free(folder);
	}
	return rc;
}

static int allow_relations(
    int rules, const struct job_session *session, struct err *e)
{
	for (int i = 0; i < session->relation_count; i++) {
		const struct source_relation *r = &session->relations[i];

		for (int k = 0; k < r->path_count; k++) {
			if (allow(rules, r->paths[k], READ_RIGHTS, e) != 0)
				return -1;
		}
	}
	return 0;
}

bool fence_is_there(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		   LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

int fence_close(const struct duckdb_config *config,
    const struct job_session *session, const char *scratch, struct err *e)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_RIGHTS};
	int rules =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	int rc = -1;

	if (rules < 0) /* the kernel has no Landlock */
		return 0;
	if (allow_folders(rules, config->folders, e) == 0 &&
	    allow_relations(rules, session, e) == 0 &&
	    (config->database == NULL ||
		allow(rules, config->database, READ_RIGHTS, e) == 0) &&
	    (scratch == NULL || allow(rules, scratch, ALL_RIGHTS, e) == 0))
		rc = 0;
	if (rc == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			   syscall(SYS_landlock_restrict_self, rules, 0) != 0))
		rc = err_errno(e, errno, "Landlock");
	close(rules);
	return rc;
}
