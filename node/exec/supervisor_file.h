/*  The output file of a step: opened by the step's own process while that already is the step's account
    and still our program, and handed to the supervisor. So it is never opened as root, and a file
    system that hangs holds up the step, not the supervisor.  */
#ifndef BUGLE_EXEC_SUPERVISOR_FILE_H
#define BUGLE_EXEC_SUPERVISOR_FILE_H

#include "common/base/slice.h"

#define STEP_FILE_IRREGULAR (-1) /*  for an error number: no regular file  */

typedef struct {
    int fd;         /*  -1: none (yet)  */
    uint64_t left;  /*  bytes that may still be written  */
    int error;      /*  what ended the writing: an error number; 0: nothing  */
    bool is_full;   /*  the step's limit for files ended it  */
    bool is_wanted; /*  the step has one  */
} step_file;

/*  In the child: opens (or makes) the file, empties it unless append, and sends it through the
    socket. 0, or an error number, or STEP_FILE_IRREGULAR.  */
int step_file_hand_over (const char *path, bool append, int socket_fd);
/*  In the supervisor: begins an attempt; limit_bytes 0: none.  */
void step_file_init (step_file *self, bool is_wanted, uint64_t limit_bytes);
/*  Takes the file from the socket, which does not block; nothing happens when it did before.  */
void step_file_take (step_file *self, int socket_fd);
/*  Writes all, or ends the writing for good and remembers why.  */
void step_file_write (step_file *self, bg_slice bytes);
/*  Closes it; an error that only shows then counts as well.  */
void step_file_close (step_file *self);

#endif
