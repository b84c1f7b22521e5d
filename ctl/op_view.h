/*  Instructions of the download list in words and in JSON. Pure.  */
#ifndef BUGLE_CTL_OP_VIEW_H
#define BUGLE_CTL_OP_VIEW_H

#include "ctl/output.h"
#include "proto/wire.h"

/*  Appends the id of a row: "12-7gk2m9qx".  */
void ctl_op_id (const wire_op_row *row, bg_buf *out);
/*  {id, operation, type, object, target, number, key, version, document_version, held_version, state, code, error,
    posted, posted_by, settled, settled_by, attempts, expires, reason}. New reference.  */
json_t *ctl_op_json (const wire_op_row *row);
/*  Appends one line about a change: time, state, operation, object, target, error.  */
void ctl_op_line (const wire_op_event *event, bool is_utc, bg_buf *out);

extern const ctl_column ctl_op_columns[];
extern const size_t ctl_op_column_count;
extern const ctl_column ctl_op_fields[];
extern const size_t ctl_op_field_count;

#endif
