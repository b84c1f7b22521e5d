/*  What a command prints: data on stdout in one of six forms, talk on stderr.

    A row is a JSON object: what json, jsonl and yaml print as it is. Tables show chosen fields of
    it: columns. So one description serves all forms, and the JSON never lacks what the table has.

        static const ctl_column columns[] = {
            {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
            {"last_seen", "LAST SEEN", CTL_CELL_TIME, CTL_NORMAL, NULL},
            {"version", "VERSION", CTL_CELL_TEXT, CTL_WIDE, NULL},
        };
        ctl_list_begin (run->out, "targets", columns, 3, "name");
        ctl_list_row (run->out, json_pack ("{s:s ...}"));
        ctl_list_end (run->out, has_more, 0);

    Forms: table and wide (aligned, cut to nothing: full content), json ({"schema": 1, "kind": ...,
    "items": [...], "more": bool} or one object with "schema"), jsonl (one object a line, each with
    "schema"), yaml, name (one a line). Times are RFC 3339 strings in UTC in rows (ctl_json_time)
    and local with offset in tables (--utc: Z). Control characters of others never reach the
    terminal. Writing to a closed pipe ends the process quietly.
*/
#ifndef BUGLE_CTL_OUTPUT_H
#define BUGLE_CTL_OUTPUT_H

#include "common/base/id.h"

#include <jansson.h>
#include <stdio.h>

#define CTL_SCHEMA 1

typedef enum {
    CTL_FORM_TABLE,
    CTL_FORM_WIDE,
    CTL_FORM_JSON,
    CTL_FORM_JSONL,
    CTL_FORM_YAML,
    CTL_FORM_NAME,
} ctl_form;

typedef struct {
    ctl_form form;
    FILE *data; /*  stdout; borrowed  */
    FILE *talk; /*  stderr; borrowed  */
    bool is_quiet;
    bool is_verbose;
    bool is_utc;
    bool no_header;
    bool has_color; /*  of data: a terminal, not NO_COLOR, not TERM=dumb  */
    bool talk_is_terminal;
    bool data_is_terminal;
} ctl_output_options;

typedef struct ctl_output ctl_output;

ctl_output *ctl_output_create (const ctl_output_options *options);
void ctl_output_destroy (ctl_output **self_p);
const ctl_output_options *ctl_output_get (const ctl_output *self);
/*  True for table and wide.  */
bool ctl_is_human (const ctl_output *self);
/*  The form of a word ("jsonl"); false when there is none.  */
bool ctl_form_parse (const char *word, ctl_form *form);

/*  ---- talk, on stderr ---- */

/*  A line unless --quiet.  */
void ctl_note (ctl_output *self, const char *format, ...) BG_PRINTF (2, 3);
/*  A line with --verbose only.  */
void ctl_detail (ctl_output *self, const char *format, ...) BG_PRINTF (2, 3);
/*  "warning: ..." always.  */
void ctl_warn (ctl_output *self, const char *format, ...) BG_PRINTF (2, 3);
/*  The error in three lines: "error: what and why", the hint.  */
void ctl_print_error (ctl_output *self, const bg_error *err);

/*  ---- data, on stdout ---- */

/*  Text as it is, for handlers with a form of their own (human forms and the YAML of a job).
    Control characters but newline are replaced.  */
void ctl_print (ctl_output *self, const char *format, ...) BG_PRINTF (2, 3);
void ctl_print_slice (ctl_output *self, bg_slice text);

typedef enum {
    CTL_CELL_TEXT,     /*  string, or number printed as it is; null and missing: "-"  */
    CTL_CELL_NUMBER,   /*  right-aligned  */
    CTL_CELL_TIME,     /*  RFC 3339 string  */
    CTL_CELL_DURATION, /*  number of seconds, also with a fraction  */
    CTL_CELL_NAMES,    /*  array of strings, folded as a host list  */
    CTL_CELL_LIST,     /*  array of strings, joined by commas; object: k=v  */
    CTL_CELL_STATE,    /*  string, coloured by what it says  */
    CTL_CELL_YES,      /*  boolean: "yes" or "-"  */
    CTL_CELL_ID,       /*  the last 8 characters; all of it in wide  */
} ctl_cell;

typedef enum { CTL_NORMAL, CTL_WIDE } ctl_level;

typedef struct {
    const char *key; /*  in the row  */
    const char *header;
    ctl_cell cell;
    ctl_level level;
    /*  NULL, or prints the cell itself; key may be NULL then.  */
    void (*print) (const ctl_output *out, const json_t *row, bg_buf *text);
} ctl_column;

/*  kind: "jobs", for JSON. name_key: what -o name prints. One list at a time.  */
void ctl_list_begin (ctl_output *self, const char *kind, const ctl_column *columns, size_t count,
    const char *name_key);
/*  Takes the row (steals the reference).  */
void ctl_list_row (ctl_output *self, json_t *row);
size_t ctl_list_count (const ctl_output *self);
/*  Prints. more: rows were left out; a line on stderr says so: "first N shown, use --limit" (total
 * 0: not known).  */
void ctl_list_end (ctl_output *self, bool more, size_t total);
/*  That line, where the total is not known.  */
void ctl_note_cut (ctl_output *self, const char *kind, size_t shown);

/*  One object: json, jsonl, yaml and name as above; in the human forms "Label:  value" for each
    field that is there. Takes the object. Handlers that print a human form of their own ask
    ctl_is_human first.  */
void ctl_object (ctl_output *self, const char *kind, const ctl_column *fields, size_t count,
    const char *name_key, json_t *object);
/*  The "Label:  value" lines alone, without taking the object; nothing in other forms.  */
void ctl_fields (ctl_output *self, const ctl_column *fields, size_t count, const json_t *object);
/*  A table below the fields of a human form: a heading line (NULL: none), then rows (array,
    borrowed). Nothing when it is empty.  */
void ctl_section (ctl_output *self, const char *heading, const ctl_column *columns, size_t count,
    const json_t *rows);

/*  ---- pieces of rows ---- */

/*  Appends text of others as a terminal may show it: what is not UTF-8 becomes U+FFFD, control
    characters '?'. Newline and tab stay when is_multiline, else they become blanks; CR LF and CR
    become newlines.  */
void ctl_clean (bg_slice text, bool is_multiline, bg_buf *out);

/*  A string of bytes of others, cleaned as multi-line text.  */
json_t *ctl_json_slice (bg_slice text);
/*  The same, or null when empty.  */
json_t *ctl_json_text_or_null (bg_slice text);
/*  26 characters; null for the zero id.  */
json_t *ctl_json_id (bg_id id);
/*  RFC 3339 in UTC with microseconds as needed; null for 0.  */
json_t *ctl_json_time (int64_t utc_us);
/*  Seconds as a number with a fraction.  */
json_t *ctl_json_seconds (int64_t duration_us);
json_t *ctl_json_slices (const bg_slice *items, size_t count);
/*  Appends YAML of any JSON value, block style.  */
void ctl_yaml_write (const json_t *value, bg_buf *out);

#endif
