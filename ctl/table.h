/*  Which table of commands a program has, and what its help says besides.

    Parser, help and the program around a handler (program.h) are written once and compiled for each program that has
    commands: bugle, and bugle-node with a table of its own (CTL_PROGRAM_TABLE names the file to take instead of this
    one).
*/
#ifndef BUGLE_CTL_TABLE_H
#define BUGLE_CTL_TABLE_H

#define CTL_TABLE   "ctl/commands.def"
#define CTL_PROGRAM "bugle"
/*  The function of a command.  */
#define CTL_HANDLER(id) ctl_##id

#define CTL_PROGRAM_TEXT  "define jobs once, run them on many machines"
#define CTL_PROGRAM_USAGE "bugle COMMAND [options]"
/*  {line, text}  */
#define CTL_PROGRAM_EXAMPLES                                                                       \
    {"bugle init --home ~/bugle", "a broker on this machine"},                                     \
        {"bugle token create > first.token", "a token with which a machine enlists"},              \
        {"bugle apply -f jobs/", "jobs from a directory of files"},                                \
    {                                                                                              \
        "bugle job start inventory --wait", "start one now and see how it goes"                    \
    }
/*  {code, meaning}  */
#define CTL_PROGRAM_EXITS                                                                          \
    {"0", "done; with --wait: every target succeeded"}, {"1", "error"}, {"2", "wrong usage"},      \
        {"3", "no such object, or the selector matched no target"}, {"4", "not allowed"},          \
        {"5", "the broker does not answer"}, {"6", "changed since it was looked at"},              \
        {"20", "some targets failed"}, {"21", "some targets did not report in time"},              \
        {"22", "stopped by --max-failed"},                                                         \
    {                                                                                              \
        "130", "interrupted"                                                                       \
    }
/*  {variable, meaning}  */
#define CTL_PROGRAM_ENVIRONMENT                                                                    \
    {"BUGLE_CONFIG_DIR", "directory of your key and contexts (default: ~/.config/bugle)"},         \
        {"BUGLE_CONTEXT", "as --context"}, {"BUGLE_OUTPUT", "as --output"},                        \
    {                                                                                              \
        "NO_COLOR", "as --no-color"                                                                \
    }

#endif
