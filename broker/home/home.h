/*  A broker's home: making one (`bugle init`) and reading one (`bugle-broker`, and the CLI for
    the context of a local home).

    What lies in it, with --home DIR (common/sys/home.h has the system's directories):

        DIR/etc/broker.yaml          configuration (config.h), written last: a home that has it is
                                     complete
        DIR/broker/broker.sign.key   the broker's signing key (keyfile.h); only the core reads it
        DIR/broker/broker.curve.key  the CURVE key of its sockets; only the front reads its secret
        DIR/broker/broker.db         the store; authority version 1 is in it from the beginning
        DIR/broker/ports             the ports taken at the first start when the configuration
                                     says port 0
        DIR/broker/NAME.lock         broker, core, front: who works here now (lock.h)
        DIR/run/core.sock            between front and core
        DIR/run/endpoints            what is listened on, for the CLI on this machine; written
                                     when the front starts

    In the system's directories core and front have accounts of their own: the CURVE key and
    front.lock lie in /var/lib/bugle/front, endpoints in /run/bugle/front, core.sock in
    /run/bugle/core; broker.yaml is root's and readable by all. Ports are fixed there. bugle init
    acts as these accounts when it makes their files.

    Sentences of failures name the file and say what to do.
*/
#ifndef BUGLE_BROKER_HOME_HOME_H
#define BUGLE_BROKER_HOME_HOME_H

#include "broker/home/address.h"
#include "broker/home/config.h"
#include "common/base/id.h"
#include "common/sys/home.h"
#include "common/sys/keyfile.h"

#define BROKER_HASH_BYTES 32
#define BROKER_HOST_MAX   128 /*  characters of a host name or address  */

/*  The four sockets, in the order of their ports.  */
typedef enum {
    BROKER_ORDERS,
    BROKER_DESK,
    BROKER_ENLIST,
    BROKER_OPS,
} broker_socket;
#define BROKER_SOCKETS 4

/*  "orders", "desk", "enlist", "ops".  */
const char *broker_socket_word (broker_socket which);

/*  ---- making one ----  */

/*  Texts are borrowed for the call.  */
typedef struct {
    const char *dir;       /*  made 0700 when missing; NULL: the system's directories  */
    const char *name;      /*  of the broker, as in broker.yaml. NULL: the short host name  */
    const char *listen;    /*  host, as broker_listen_parse gives it; NULL: 127.0.0.1  */
    int64_t port;          /*  the first of four: 1 to 65532; 0: chosen at the first start  */
    const char *address;   /*  what tokens carry; NULL: broker_address_choose (listen)  */
    const char *login;     /*  name of the first login, an admin  */
    bg_key admin_sign_key; /*  its public keys  */
    bg_key admin_curve_key;
    /*  Its Ed25519 secret, 64 bytes, signs authority version 1. NULL: only the public keys are
        known (--admin-key); the authority is unsigned then, its hash is what everybody pins.  */
    const uint8_t *admin_secret;
} broker_init_options;

typedef struct {
    char *home;   /*  absolute path of the directory, or of the system's state directory  */
    char *config; /*  path of broker.yaml  */
    char *name;
    char *listen; /*  as in the configuration  */
    char *address;
    broker_address chosen; /*  how, when it was not given; why is empty otherwise  */
    int64_t port;
    char *ops; /*  endpoint of the socket for people, from this machine; NULL when port is 0  */
    bg_id installation;
    bg_key sign_key;  /*  public halves of the broker's keys  */
    bg_key curve_key; /*  "the broker key"  */
    uint8_t authority_hash[BROKER_HASH_BYTES];
    uint64_t authority_version;
    bg_buf authority; /*  the encoded wire_signed, for the CLI's own chain  */
} broker_init_result;

/*  Could a broker be made in the system's directories? BG_NOT_ALLOWED: only root may; BG_NOT_FOUND:
    the package that makes them is not installed.  */
bg_result broker_system_check (bg_error *err) BG_CHECKED;

/*  Makes a home. An empty or missing directory is fine, and one that holds only a node. What was
    made is removed again when it fails. The result is the caller's (broker_init_result_fini),
    untouched on failure. Without dir only root may, and the package's accounts and directories have to
    be there: each file is made by the account it is for. Needs no bg_crypto_init. Errors: BG_EXISTS (a broker's files are there),
    BG_INVALID (a name, host or port), BG_FOREIGN_FILE (the directory is open to others),
    BG_STORAGE_FULL, BG_IO, BG_STORE.  */
bg_result broker_home_init (
    const broker_init_options *options, broker_init_result *result, bg_error *err) BG_CHECKED;
void broker_init_result_fini (broker_init_result *self);

/*  HOST[:PORT], [V6]:PORT, :PORT. *host is the caller's (free); "localhost" becomes 127.0.0.1, a
    missing HOST is 127.0.0.1; *port stays as it is when there is none. BG_INVALID.  */
bg_result broker_listen_parse (
    const char *text, char **host, int64_t *port, bg_error *err) BG_CHECKED;
/*  True for *, 0.0.0.0, :: and [::].  */
bool broker_listen_is_wildcard (const char *host);

/*  ---- reading one ----  */

typedef struct {
    bg_home home;
    broker_config config;
    char *config_path;
} broker_home;

/*  Reads the configuration and checks that the directories and key files are there and private;
    no key is read yet. Mistakes in broker.yaml are all in diag (may be NULL). Release with
    broker_home_fini. BG_NOT_FOUND: no broker was made here (the hint names `bugle init`);
    BG_FOREIGN_FILE, BG_INVALID, BG_IO.  */
bg_result broker_home_open (
    const char *dir, broker_home *self, bg_diag *diag, bg_error *err) BG_CHECKED;
void broker_home_fini (broker_home *self);
/*  Path of a file of the core in DIR/broker; of the front's own there. free() releases them.  */
char *broker_home_state_path (const broker_home *self, const char *name)
    __attribute__ ((malloc, returns_nonnull));
char *broker_home_front_path (const broker_home *self, const char *name)
    __attribute__ ((malloc, returns_nonnull));

/*  Key files. BG_NOT_FOUND, BG_FOREIGN_FILE.  */
bg_result broker_home_sign_key (
    const broker_home *self, bg_keypair *pair, bg_error *err) BG_CHECKED;
bg_result broker_home_curve_key (
    const broker_home *self, bg_keypair *pair, bg_error *err) BG_CHECKED;

/*  Where the four sockets listen, as endpoints for bind and for connecting from elsewhere.  */
typedef struct {
    char listen[BROKER_SOCKETS][256];
    char address[BROKER_SOCKETS][256]; /*  with the configured address: what tokens carry  */
    char local[BROKER_SOCKETS]
              [256]; /*  for this machine: a wildcard became the loopback address  */
} broker_endpoints;

/*  Ports of 0 are chosen now if that has not been done yet: free ones outside the system's
    ephemeral range, kept in DIR/broker/ports. BG_FOREIGN_FILE: that file is damaged; BG_IO,
    BG_OVERLOADED (no free ports); BG_INVALID: port 0 in the system's directories, where the core
    and the front share no file.  */
bg_result broker_home_endpoints (
    const broker_home *self, broker_endpoints *endpoints, bg_error *err) BG_CHECKED;

/*  ---- DIR/run/endpoints ----

    Nothing in it is secret; in the system everybody may read it. Text, one "WORD VALUE" per line: orders, desk, enlist and ops with an endpoint of this
    machine, and broker-key with the public CURVE key in Z85. Unknown words are skipped. The file
    stays when the broker ends.  */

typedef struct {
    char endpoint[BROKER_SOCKETS][256];
    bg_key broker_key;
} broker_contact;

bg_result broker_contact_write (
    const broker_home *self, const broker_contact *contact, bg_error *err) BG_CHECKED;
/*  For the CLI; dir as in broker_home_open. BG_NOT_FOUND: the broker of this home has not been
    started yet. BG_FOREIGN_FILE: not such a file.  */
bg_result broker_contact_read (const char *dir, broker_contact *contact, bg_error *err) BG_CHECKED;

#endif
