/*  Diagnostics: everything that is wrong in a text that a person wrote, all at once, each with its
   place.

        jobs.yaml:4:3: unknown key "schedule"
            4 |   schedule: nightly
              |   ^
          did you mean "schedules"?

    Items are kept sorted by file (in order of appearance), line, column. At most 100 are kept, the
   rest is counted. A warning is an item that is told, but makes nothing wrong: only mistakes count.
*/
#ifndef BUGLE_SYS_DIAG_H
#define BUGLE_SYS_DIAG_H

#include "common/base/slice.h"

typedef struct bg_diag bg_diag;

typedef struct {
    const char *file; /*  name to show  */
    bg_slice source;  /*  the whole text, for the source line; may be empty  */
    uint32_t line;    /*  from 1; 0: no place, only the file  */
    uint32_t column;  /*  from 1, characters  */
} bg_diag_place;

typedef struct {
    const char *file;
    uint32_t line, column;
    const char *message;
    const char *nearest;     /*  NULL when none  */
    const char *source_line; /*  NULL when none; control characters are replaced  */
    bool is_warning;
} bg_diag_item;

#define BG_DIAG_MAX 100

bg_diag *bg_diag_create (void);
void bg_diag_destroy (bg_diag **self_p);
/*  Everything is copied. nearest: the right word, or NULL. */
void bg_diag_add (bg_diag *self, const bg_diag_place *place, const char *nearest,
    const char *format, ...) BG_PRINTF (4, 5);
/*  The same as a warning.  */
void bg_diag_warn (bg_diag *self, const bg_diag_place *place, const char *nearest,
    const char *format, ...) BG_PRINTF (4, 5);
/*  All mistakes that were added, also those not kept; warnings are not among them.  */
size_t bg_diag_count (const bg_diag *self);
size_t bg_diag_warnings (const bg_diag *self);
/*  Kept ones, warnings too, in order; index < bg_diag_kept. Valid until the next add.  */
size_t bg_diag_kept (const bg_diag *self);
bg_diag_item bg_diag_get (const bg_diag *self, size_t index);
void bg_diag_print (const bg_diag *self, bg_buf *out);
/*  BG_OK when there is no mistake; otherwise BG_INVALID with the number ("3 errors in broker.yaml").  */
bg_result bg_diag_result (const bg_diag *self, bg_error *err);

#endif
