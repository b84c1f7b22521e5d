/*  One value of an option: text to number, duration, time or choice. Part of the parser's inside.
 */
#ifndef BUGLE_CTL_OPTION_VALUE_H
#define BUGLE_CTL_OPTION_VALUE_H

#include "ctl/command.h"

typedef struct {
    bool is_given;
    const char *text;   /*  the last one; borrowed  */
    int64_t number;     /*  NUMBER; microseconds for DURATION and TIME  */
    const char **items; /*  LIST  */
    size_t count;
} ctl_value;

/*  Adds one more text to the value. now_us: for TIME. looks_ahead: a duration counts from now on.
    BG_USAGE names the option, what was given and what it takes.  */
bg_result ctl_value_set (ctl_value *self, const ctl_option *option, const char *text,
    int64_t now_us, bool looks_ahead, bg_error *err) BG_CHECKED;
void ctl_value_fini (ctl_value *self);
/*  A value that only the command can judge was refused with err: a usage mistake that begins with the
    option, as in "--group 'a b'".  */
bg_result ctl_value_refuse (bg_error *err, const char *option, const char *text) BG_CHECKED;
/*  True when word is one of the |-separated words of choices.  */
bool ctl_choice_has (const char *choices, const char *word);

#endif
