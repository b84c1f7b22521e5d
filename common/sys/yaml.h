/*  YAML in one strict subset, as a tree with places.

    Block and flow style, comments, quoted and block scalars. Refused: anchors, aliases, tags,
   directives, keys that are not scalars, duplicate keys, more than 16 levels, 4,096 items in one
   container, 1 MiB, invalid UTF-8, several documents unless allowed. Every scalar is text; what
   "no" or "010" means is decided by whoever reads it. A plain empty value is a scalar with empty
   text and is_plain true
   ("absent"). All wrong places are collected; after a syntax error nothing behind it can be read.
*/
#ifndef BUGLE_SYS_YAML_H
#define BUGLE_SYS_YAML_H

#include "common/sys/diag.h"

#define BG_YAML_LEVELS 16
#define BG_YAML_BYTES  (1024 * 1024)
#define BG_YAML_ITEMS  4096 /*  of one list or map  */

typedef enum { BG_YAML_SCALAR = 1, BG_YAML_LIST = 2, BG_YAML_MAP = 3 } bg_yaml_kind;

typedef struct bg_yaml bg_yaml;
struct bg_yaml {
    bg_yaml_kind kind;
    uint32_t line, column; /*  from 1  */
    bool is_plain;         /*  scalar without quotes, not a block scalar  */
    bool is_block;         /*  scalar written with | or >  */
    bool is_multiline;     /*  scalar that ends in a later line than it starts  */
    bg_slice text;         /*  scalar: NUL-terminated behind its size, without NUL inside  */
    size_t count;          /*  list: items; map: pairs  */
    bg_yaml **items;       /*  list items, or map values  */
    bg_yaml **keys;        /*  map keys (scalars), else NULL  */
};

typedef struct bg_yaml_file bg_yaml_file;

/*  Reads a text. name is for places. many: several documents are allowed; an empty text has no
   document. The file owns its tree and a copy of the source. Any mistake: BG_INVALID, places in
   diag, *file stays untouched.  */
bg_result bg_yaml_parse (const char *name, bg_slice source, bool many, bg_yaml_file **file,
    bg_diag *diag, bg_error *err) BG_CHECKED;
/*  The same from a file on disk; "-" is stdin. Also the failures of bg_file_read.  */
bg_result bg_yaml_load (
    const char *path, bool many, bg_yaml_file **file, bg_diag *diag, bg_error *err) BG_CHECKED;
void bg_yaml_destroy (bg_yaml_file **self_p);

size_t bg_yaml_documents (const bg_yaml_file *self);
const bg_yaml *bg_yaml_document (const bg_yaml_file *self, size_t index);
const char *bg_yaml_name (const bg_yaml_file *self);
bg_slice bg_yaml_source (const bg_yaml_file *self);

/*  The value of a key, NULL when it is not there or map is not a map.  */
const bg_yaml *bg_yaml_get (const bg_yaml *map, const char *key);
/*  Index of the key in keys and items; -1.  */
int bg_yaml_find (const bg_yaml *map, const char *key);
/*  "a text", "a list", "a map", "nothing": for sentences.  */
const char *bg_yaml_kind_text (const bg_yaml *node);
/*  A plain scalar with nothing in it, or NULL.  */
bool bg_yaml_is_absent (const bg_yaml *node);

/*  Adds a mistake at node; nearest may be NULL.  */
void bg_yaml_error (const bg_yaml_file *self, const bg_yaml *node, bg_diag *diag,
    const char *nearest, const char *format, ...) BG_PRINTF (5, 6);
/*  The same at offset bytes into a scalar's text; for block and multi-line scalars the place is the
 * node's.  */
void bg_yaml_error_at (const bg_yaml_file *self, const bg_yaml *node, size_t offset, bg_diag *diag,
    const char *nearest, const char *format, ...) BG_PRINTF (6, 7);
/*  A warning at node.  */
void bg_yaml_warn (const bg_yaml_file *self, const bg_yaml *node, bg_diag *diag, const char *format,
    ...) BG_PRINTF (4, 5);
/*  Every key of map that is not in words becomes a mistake with the nearest one. Returns how many.
 */
size_t bg_yaml_check_keys (const bg_yaml_file *self, const bg_yaml *map, const char *const *words,
    size_t count, bg_diag *diag);

#endif
