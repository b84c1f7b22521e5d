/*  What a node says about its machine: operating system, architecture, kernel, cores, memory, zone, its own version.
    Keys and values are label words (common/job/selector.h), so that a selector can ask for them as fact.KEY.
*/
#ifndef BUGLE_NODE_SHELL_FACTS_H
#define BUGLE_NODE_SHELL_FACTS_H

#include "common/base/arena.h"
#include "proto/wire.h"

#define NODE_FACTS_MAX 16

/*  Reads them; what cannot be found out is left out. os_release: the file, /etc/os-release. zone and version are those of
    the node. facts has room for NODE_FACTS_MAX; what they point to lives in the arena. Returns how many there are.  */
size_t node_facts_read (const char *os_release, const char *zone, const char *version,
    bg_arena *arena, wire_pair *facts);

#endif
