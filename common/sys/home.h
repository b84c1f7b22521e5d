/*  Where things lie: one directory given by --home, or the system's directories.

    part    with --home DIR   system
    BROKER  DIR/broker        /var/lib/bugle/broker
    NODE    DIR/node          /var/lib/bugle/node
    EXEC    DIR/exec          /var/lib/bugle/exec
    RUN     DIR/run           /run/bugle
    CONF    DIR/etc           /etc/bugle

    Under --home every directory is 0700. In the system layout packages and systemd make the
   directories; what is there is taken as it is. One home may hold both a broker and a node.
*/
#ifndef BUGLE_SYS_HOME_H
#define BUGLE_SYS_HOME_H

#include "common/base/slice.h"

typedef enum {
    BG_HOME_BROKER,
    BG_HOME_NODE,
    BG_HOME_EXEC,
    BG_HOME_RUN,
    BG_HOME_CONF,
} bg_home_part;

typedef struct {
    char *state; /*  absolute; DIR itself, or /var/lib/bugle  */
    char *run;   /*  absolute  */
    char *conf;  /*  absolute  */
    bool is_system;
} bg_home;

/*  dir NULL: the system layout, nothing is made. Otherwise a missing directory is made 0700, an
   empty one of ours becomes 0700, one with content must be private already (BG_FOREIGN_FILE says
   what to do); DIR/run and DIR/etc are made. Paths become absolute. */
bg_result bg_home_init (bg_home *self, const char *dir, bg_error *err) BG_CHECKED;
/*  The same without making or changing anything: for commands that only look. A missing DIR is
 * BG_NOT_FOUND.  */
bg_result bg_home_look (bg_home *self, const char *dir, bg_error *err) BG_CHECKED;
void bg_home_fini (bg_home *self);
/*  Path of a file in a part, or of the part's directory when name is NULL. free() releases it.  */
char *bg_home_path (const bg_home *self, bg_home_part part, const char *name)
    __attribute__ ((malloc, returns_nonnull));
/*  Makes the part's directory 0700 (--home, and parts below /var/lib/bugle) and checks that it is
   private; RUN and CONF of the system layout are only checked to exist.  */
bg_result bg_home_ensure (const bg_home *self, bg_home_part part, bg_error *err) BG_CHECKED;
/*  True when the part's directory exists and has something in it.  */
bool bg_home_is_occupied (const bg_home *self, bg_home_part part);

#endif
