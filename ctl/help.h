/*  Help, made from the table of commands: examples first. Pure text; 78 columns.  */
#ifndef BUGLE_CTL_HELP_H
#define BUGLE_CTL_HELP_H

#include "ctl/command.h"

/*  All commands, and the exit codes.  */
void ctl_help_top (bg_buf *out);
/*  The commands of a noun.  */
void ctl_help_noun (const ctl_noun *noun, bg_buf *out);
/*  One command with its options.  */
void ctl_help_command (const ctl_command *command, bg_buf *out);

#endif
