/*  From a command's id to its function.  */
#ifndef BUGLE_CTL_HANDLERS_H
#define BUGLE_CTL_HANDLERS_H

#include "ctl/run.h"

ctl_handler *ctl_handler_of (ctl_command_id id) __attribute__ ((returns_nonnull));

#endif
