/*  A whole iCalendar file: which components it has and what is taken from them.  */
#ifndef BUGLE_CTL_ICS_FILE_H
#define BUGLE_CTL_ICS_FILE_H

#include "ctl/ics/event.h"

/*  Reads a file into the ranges of the scope, which are merged afterwards. What is not understood is refused
    (scope->refusals); then the ranges mean nothing.  */
void ctl_ics_file_read (ctl_ics_scope *scope, bg_slice text);

#endif
