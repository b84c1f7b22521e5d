/*  The commands of bugle-node: what ctl/table.h is for bugle.  */
#ifndef BUGLE_NODE_MAIN_TABLE_H
#define BUGLE_NODE_MAIN_TABLE_H

#define CTL_TABLE        "node/main/commands.def"
#define CTL_PROGRAM      "bugle-node"
#define CTL_HANDLER(id)  node_cmd_##id
#define CTL_BARE_COMMAND CTL_CMD_run

#define CTL_PROGRAM_TEXT  "the agent of one target: keeps its jobs and runs them"
#define CTL_PROGRAM_USAGE "bugle-node [COMMAND] [options]"
#define CTL_PROGRAM_EXAMPLES                                                                       \
    {"bugle-node enlist --home DIR --token @FILE", "join a broker"},                               \
        {"bugle-node --home DIR", "run: node and bugle-exec, in the foreground"},                  \
        {"bugle-node status --home DIR", "how is it?"},                                            \
        {"bugle-node job apply tidy.yaml --home DIR",                                              \
            "a job of this machine's own, no broker needed"},                                      \
    {                                                                                              \
        "bugle-node defect --home DIR", "leave the broker"                                         \
    }
#define CTL_PROGRAM_EXITS                                                                          \
    {"0", "done"}, {"1", "error; status: something is wrong"}, {"2", "wrong usage"},               \
        {"3", "no such job or file"}, {"4", "not allowed, or downloaded and so not changed here"}, \
        {"5", "the node is not running, or the broker does not answer"},                           \
        {"20", "the run that was waited for did not succeed"},                                     \
        {"21", "the run that was waited for was not over in time"},                                \
    {                                                                                              \
        "130", "interrupted"                                                                       \
    }
#define CTL_PROGRAM_ENVIRONMENT                                                                    \
    {"BUGLE_TOKEN", "the token, where enlist was given none"}, {"BUGLE_OUTPUT", "as --output"},    \
    {                                                                                              \
        "NO_COLOR", "as --no-color"                                                                \
    }

#endif
