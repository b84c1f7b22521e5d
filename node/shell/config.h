/*  node.yaml: the node's one configuration file. Everything has a default; the file may be missing.  */
#ifndef BUGLE_NODE_SHELL_CONFIG_H
#define BUGLE_NODE_SHELL_CONFIG_H

#include "common/sys/conf.h"
#include "common/sys/home.h"

typedef struct {
    char *name;         /*  NULL: what enlistment says  */
    char *location;     /*  NULL: none  */
    char *zone;         /*  NULL: of the machine  */
    int64_t idle_below; /*  percent  */
    int64_t idle_for_us;
    char *log_level;
    bool log_json;
} node_config;

extern const bg_conf_schema node_config_schema;

/*  Reads CONF/node.yaml of a home. Mistakes are printed to stderr, all at once. BG_INVALID.  */
bg_result node_config_load (const bg_home *home, node_config *config, bg_error *err) BG_CHECKED;
void node_config_fini (node_config *config);
/*  The short host name in lower case, as a target name; free() releases it.  */
char *node_default_name (void) __attribute__ ((malloc, returns_nonnull));

#endif
