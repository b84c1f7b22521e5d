/*  What the files of node/store share: the connection, and one function per part of the port.  */
#ifndef BUGLE_NODE_STORE_PRIVATE_H
#define BUGLE_NODE_STORE_PRIVATE_H

#include "common/sys/sqlite.h"
#include "node/store/store.h"

struct node_db {
    bg_db *db;
    node_store port;
};

static inline bg_db *node_db_of (void *ctx)
{
    return ((node_db *) ctx)->db;
}

/*  Each fills the part of the port that its file implements.  */
void node_identity_port (node_store *port);
void node_documents_port (node_store *port);
void node_work_port (node_store *port);
void node_reports_port (node_store *port);

#endif
