/*  Configuration: one table per file is the truth for reader, --print-config and the reference
   page.

    Keys are paths of at most two words ("desk.backlog"): maps in YAML. Values land in a struct of
   the caller by offset. Nothing in the file is optional syntax: an unknown key, a wrong type or a
   value out of range is a mistake with its place; all are told at once. A missing file gives the
   defaults unless it was asked for by name.

    type      field in the struct   YAML
    STRING    char *                text; NULL when the default is NULL
    INTEGER   int64_t               decimal, min..max
    BOOL      bool                  true, false, yes, no, on, off
    DURATION  int64_t (us)          500ms 90s 5m 2h 7d 1h30m; min..max in us
    ENDPOINT  char *                tcp://HOST:PORT (HOST may be *, [v6], PORT may be 0) or
   ipc://PATH LIST      bg_conf_list          list of texts
*/
#ifndef BUGLE_SYS_CONF_H
#define BUGLE_SYS_CONF_H

#include "common/sys/diag.h"

typedef enum {
    BG_CONF_STRING,
    BG_CONF_INTEGER,
    BG_CONF_BOOL,
    BG_CONF_DURATION,
    BG_CONF_ENDPOINT,
    BG_CONF_LIST,
} bg_conf_type;

typedef struct {
    char **items;
    size_t count;
} bg_conf_list;

typedef struct {
    const char *key;
    bg_conf_type type;
    size_t offset;        /*  offsetof in the struct  */
    int64_t min, max;     /*  INTEGER, DURATION  */
    const char *fallback; /*  default as written in YAML; NULL: none (STRING, ENDPOINT: NULL; LIST:
                             empty)  */
    const char *help;     /*  one sentence for the reference page  */
} bg_conf_key;

typedef struct {
    const char *name;  /*  "broker.yaml"  */
    const char *about; /*  paragraph for the reference page  */
    const bg_conf_key *keys;
    size_t count;
} bg_conf_schema;

/*  Fills values with the defaults. values is zeroed memory; release with bg_conf_fini.  */
void bg_conf_defaults (const bg_conf_schema *schema, void *values);
/*  Reads path over what values has now. is_required: a missing file is BG_NOT_FOUND, else it
   changes nothing. Mistakes: BG_INVALID, all of them in diag; values is unchanged then.  */
bg_result bg_conf_load (const bg_conf_schema *schema, const char *path, bool is_required,
    void *values, bg_diag *diag, bg_error *err) BG_CHECKED;
/*  The same from a text.  */
bg_result bg_conf_parse (const bg_conf_schema *schema, const char *name, bg_slice source,
    void *values, bg_diag *diag, bg_error *err) BG_CHECKED;
/*  One value, as from a flag. BG_INVALID.  */
bg_result bg_conf_set (const bg_conf_schema *schema, void *values, const char *key,
    const char *text, bg_error *err) BG_CHECKED;
void bg_conf_fini (const bg_conf_schema *schema, void *values);
/*  The values as YAML that reads back the same (--print-config).  */
void bg_conf_print (const bg_conf_schema *schema, const void *values, bg_buf *out);
/*  The reference page in Markdown.  */
void bg_conf_reference (const bg_conf_schema *schema, bg_buf *out);

/*  Duration text to microseconds and back (shortest form).  */
bg_result bg_conf_parse_duration (bg_slice text, int64_t *us, bg_error *err) BG_CHECKED;
void bg_conf_format_duration (int64_t us, bg_buf *out);

#endif
