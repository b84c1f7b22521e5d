/*  Reading job files: of bugle apply, and of a machine's own jobs. Everything is read before anything is done, and every
    mistake of all files is told at once.
*/
#ifndef BUGLE_CTL_JOB_FILES_H
#define BUGLE_CTL_JOB_FILES_H

#include "common/job/yaml_job.h"
#include "ctl/run.h"

/*  Appends the paths of the job files in a directory (*.yaml, *.yml, not hidden, no directories) in byte order of their
    names to paths, each to be released with free(). BG_NOT_FOUND when there is none, BG_IO.  */
bg_result ctl_apply_files (const char *dir, char ***paths, size_t *count, bg_error *err) BG_CHECKED;
/*  The jobs of files and directories; "-" is stdin. is_local: jobs of this machine alone (job_yaml_set_local). Mistakes
    are printed, then BG_INVALID. job_yaml_set_destroy releases *set.  */
bg_result ctl_job_files_read (ctl_run *run, const char *const *given, size_t count, bool is_local,
    job_yaml_set **set, bg_error *err) BG_CHECKED;

#endif
