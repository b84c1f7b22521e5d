/*  Output of one attempt of a step: the first and the last bytes, how many there were in all,
    and, when that is more than both hold, the beginning in a file that stays on the target.  */
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
    int dir_fd;       /*  for the kept file; borrowed  */
    char name[64];    /*  of the kept file  */
    int keep_fd;      /*  -1: not opened (yet)  */
    size_t keep_left; /*  of the whole run  */
} step_output;

/*  name: of the file for kept output, in dir_fd.  */
void step_output_init (step_output *self, size_t head_max, size_t tail_max, int dir_fd,
    const char *name, size_t keep_max);
void step_output_fini (step_output *self);
/*  A new attempt begins.  */
void step_output_reset (step_output *self);
void step_output_add (step_output *self, bg_slice bytes);
/*  Valid until the next change.  */
bg_slice step_output_head (const step_output *self);
bg_slice step_output_tail (step_output *self);

#endif
