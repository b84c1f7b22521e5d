/*  The inside of output.h, shared by output.c, list.c and cells.c.  */
#ifndef BUGLE_CTL_OUTPUT_PRIVATE_H
#define BUGLE_CTL_OUTPUT_PRIVATE_H

#include "ctl/output.h"

struct ctl_output {
    ctl_output_options options;
    const char *kind; /*  of the list that is open; NULL when none  */
    const ctl_column *columns;
    size_t column_count;
    const char *name_key;
    json_t *rows;
};

/*  Appends what a table shows for this cell: never empty, "-" for nothing.  */
void ctl_cell_text (
    const ctl_output *self, const ctl_column *column, const json_t *row, bg_buf *out);
/*  The colour (a terminal sequence) of a state's word, NULL for none.  */
const char *ctl_state_color (const char *word);
/*  A table of rows on the data stream. indent: blanks before each line.  */
void ctl_table_print (const ctl_output *self, const ctl_column *columns, size_t count,
    const json_t *rows, int indent);

#endif
