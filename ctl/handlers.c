/*  The handler of each command: the one place that names them all.  */
#include "ctl/handlers.h"

#define CTL_NOUN(word, aliases, text)
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    [CTL_CMD_##id] = CTL_HANDLER (id),
#define CTL_ABOUT(text)
#define CTL_EXAMPLE(line, text)
#define CTL_TAKES(ID, text)
#define CTL_END(id)
static ctl_handler *const handlers[CTL_COMMAND_COUNT] = {
#include CTL_TABLE
};

ctl_handler *ctl_handler_of (ctl_command_id id)
{
    bg_assert (id < CTL_COMMAND_COUNT && handlers[id] != NULL);
    return handlers[id];
}
