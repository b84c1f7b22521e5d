/*  Output of one attempt of a step: the first and the last bytes, how many there were in all, and a
    file that stays on the target (kept_output.h) when that is more than both hold, or when the step
    takes long enough for somebody to look at it meanwhile.  */
#ifndef BUGLE_EXEC_SUPERVISOR_OUTPUT_H
#define BUGLE_EXEC_SUPERVISOR_OUTPUT_H

#include "common/base/slice.h"

typedef struct {
    uint8_t *head;
    size_t head_max;
    size_t head_size;
    uint8_t *tail; /*  a ring  */
    size_t tail_max;
    size_t tail_size;
    size_t tail_at; /*  where the next byte goes  */
    uint64_t total;
    int dir_fd;        /*  for kept files; borrowed  */
    char run[32];      /*  id, begins their names  */
    size_t step;       /*  from 1  */
    uint64_t has_file; /*  bit step - 1: one was made  */
    int keep_fd;       /*  -1: not opened (yet)  */
    bool is_kept;      /*  opened, or tried to  */
    size_t keep_max;   /*  bytes of one step  */
    size_t keep_left;
    size_t keep_unseen; /*  bytes until the room on the disk is looked at again  */
} step_output;

/*  Bytes of head, of tail and of what is kept on the target.  */
typedef struct {
    size_t head;
    size_t tail;
    size_t keep;
} step_output_sizes;

/*  run: the text of its id; kept files lie in dir_fd.  */
void step_output_init (step_output *self, int dir_fd, const char *run);
void step_output_fini (step_output *self);
/*  A new attempt of a step (from 1) begins. What was kept of the one before goes.  */
void step_output_reset (step_output *self, size_t step, const step_output_sizes *sizes);
void step_output_add (step_output *self, bg_slice bytes);
/*  From now on everything goes to the file at once; nothing when it does already.  */
void step_output_keep (step_output *self);
/*  Something was written that is in no file yet.  */
bool step_output_is_loose (const step_output *self);
/*  Valid until the next change.  */
bg_slice step_output_head (const step_output *self);
bg_slice step_output_tail (step_output *self);

#endif
