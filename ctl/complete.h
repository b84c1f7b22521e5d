/*  What may stand next on a command line: for the shells' completion.

    A script of `completion bash|zsh|fish` asks the program itself at each Tab, as `PROGRAM __complete WORD...`: the words
    after the program's name up to the cursor, the last one perhaps empty. So what is offered always fits the program's
    own table of commands, and one place decides for three shells. The answer on stdout:

        words | file | dir       first line; file and dir: the shell offers names of files or directories itself
        WORD<Tab>TEXT            candidates for the last word, with what they mean where that is known

    Names of jobs, targets, groups, executions and contexts are those that the list commands show, asked for within
    CTL_COMPLETE_MS; nothing is offered, and nothing said, when that takes longer or fails.
*/
#ifndef BUGLE_CTL_COMPLETE_H
#define BUGLE_CTL_COMPLETE_H

#include "ctl/program.h"

#define CTL_COMPLETE_MS 300

/*  words: argv after "__complete". Always 0, as a shell in the middle of a line wants no more.  */
int ctl_complete_run (int count, char *const *words, ctl_run_end *end);

#endif
