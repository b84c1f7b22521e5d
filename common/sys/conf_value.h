/*  Values of configuration keys: from text and back. Private to conf.c.  */
#ifndef BUGLE_SYS_CONF_VALUE_H
#define BUGLE_SYS_CONF_VALUE_H

#include "common/sys/conf.h"

typedef struct {
    int64_t number; /*  INTEGER, DURATION; BOOL as 0 and 1  */
    char *text;     /*  STRING, ENDPOINT; owned  */
    bg_conf_list list;
} conf_value;

void conf_value_fini (conf_value *self);
/*  One scalar of any type but LIST; the sentence of a failure does not name the key. BG_INVALID. */
bg_result conf_value_parse (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err) BG_CHECKED;
/*  One more item of a LIST. BG_INVALID.  */
bg_result conf_value_add_item (bg_slice text, conf_value *value, bg_error *err) BG_CHECKED;
/*  A LIST as "[a, b]" or "a, b": from flags and defaults.  */
bg_result conf_value_parse_list (bg_slice text, conf_value *value, bg_error *err) BG_CHECKED;
/*  Moves the value into the caller's struct, what was there is freed.  */
void conf_value_store (const bg_conf_key *key, conf_value *value, void *values);
/*  The field as YAML; false when it has no value (a NULL text).  */
bool conf_value_print (const bg_conf_key *key, const void *values, bg_buf *out);
/*  "text", "number", ...; for the reference.  */
const char *conf_type_word (bg_conf_type type);

#endif
