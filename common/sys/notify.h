/*  Telling systemd (sd_notify protocol) without its library.  */
#ifndef BUGLE_SYS_NOTIFY_H
#define BUGLE_SYS_NOTIFY_H

#include "common/base/err.h"

/*  Sends state ("READY=1", "STOPPING=1", "STATUS=text", lines) to $NOTIFY_SOCKET. False when nobody
   listens there or it could not be sent; that is no error, the program may simply not run under
   systemd.  */
bool bg_notify (const char *state);

#endif
