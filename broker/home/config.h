/*  broker.yaml: the broker's one configuration file. The schema table is the truth for reader,
    --print-config and the reference page; bugle init writes the file from broker_config_write,
    with comments.
*/
#ifndef BUGLE_BROKER_HOME_CONFIG_H
#define BUGLE_BROKER_HOME_CONFIG_H

#include "common/sys/conf.h"

#define BROKER_PORT_DEFAULT 7411

typedef struct {
    char *name;
    char *listen;
    int64_t port;
    char *address;      /*  NULL: from listen  */
    char *endpoints[4]; /*  by broker_socket; NULL: from listen and port  */
    char *log_level;
    bool log_json;
    int64_t peer_rate; /*  messages per second of one key  */
    int64_t peer_burst;
    int64_t enlist_rate; /*  the same for a stranger  */
    int64_t enlist_burst;
    int64_t queue_kib; /*  between front and core  */
} broker_config;

extern const bg_conf_schema broker_config_schema;

/*  Defaults; release with broker_config_fini.  */
void broker_config_init (broker_config *self);
void broker_config_fini (broker_config *self);
/*  What the schema cannot say: name, hosts, ports, endpoints that do not collide. BG_INVALID.  */
bg_result broker_config_check (const broker_config *self, bg_error *err) BG_CHECKED;
/*  Appends the commented file that bugle init writes.  */
void broker_config_write (const broker_config *self, bg_buf *out);

/*  A host to listen on or to hand out: numeric address, name, interface or *. BG_INVALID.  */
bg_result broker_host_check (const char *host, bg_error *err) BG_CHECKED;

#endif
