/*  A program with commands: parses the command line, runs one handler, says what went wrong, ends with its exit code.  */
#ifndef BUGLE_CTL_PROGRAM_H
#define BUGLE_CTL_PROGRAM_H

#include "ctl/run.h"

/*  Releases what a handler may have put into its run.  */
typedef void ctl_run_end (ctl_run *run);

/*  The exit code.  */
int ctl_program_run (int argc, char **argv, ctl_run_end *end);

#endif
