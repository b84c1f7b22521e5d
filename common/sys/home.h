/*  Where things lie: one directory given by --home, or the system's directories.

    part       with --home DIR   system                   account of the system's (mode)
    BROKER     DIR/broker        /var/lib/bugle/broker    bugle-core (0700)
    FRONT      DIR/broker        /var/lib/bugle/front     bugle-front (0700)
    NODE       DIR/node          /var/lib/bugle/node      bugle-node (0700)
    EXEC       DIR/exec          /var/lib/bugle/exec      root (0700)
    RUN        DIR/run           /run/bugle               root
    RUN_CORE   DIR/run           /run/bugle/core          bugle-core, group bugle-broker (2750)
    RUN_FRONT  DIR/run           /run/bugle/front         bugle-front (0755)
    RUN_NODE   DIR/run           /run/bugle/node          bugle-node (0700)
    RUN_EXEC   DIR/run           /run/bugle/exec          root, group bugle-target (2750)
    CONF       DIR/etc           /etc/bugle               root

    Under --home every directory is 0700 and ours. The system's are made by the packages
    (deploy/systemd: sysusers and tmpfiles) and never by a program: whoever owns a directory there
    is the account of that part, on which the parts that talk to each other agree. One home, and one
    system, may hold both a broker and a node.
*/
#ifndef BUGLE_SYS_HOME_H
#define BUGLE_SYS_HOME_H

#include "common/base/slice.h"

#include <sys/types.h>

typedef enum {
    BG_HOME_BROKER,
    BG_HOME_FRONT,
    BG_HOME_NODE,
    BG_HOME_EXEC,
    BG_HOME_RUN,
    BG_HOME_RUN_CORE,
    BG_HOME_RUN_FRONT,
    BG_HOME_RUN_NODE,
    BG_HOME_RUN_EXEC,
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
/*  With --home: makes the part's directory 0700 and checks that it is private. System: RUN and CONF
   have to be there, any other part also has to be our account's own. BG_NOT_FOUND says to install
   the package, BG_NOT_ALLOWED to become its account.  */
bg_result bg_home_ensure (const bg_home *self, bg_home_part part, bg_error *err) BG_CHECKED;
/*  The account that a part belongs to: our own with --home, in the system the owner of its directory.
   BG_NOT_FOUND.  */
bg_result bg_home_account (
    const bg_home *self, bg_home_part part, uid_t *user, gid_t *group, bg_error *err) BG_CHECKED;
/*  True when the part's directory exists and has something in it.  */
bool bg_home_is_occupied (const bg_home *self, bg_home_part part);

#endif
