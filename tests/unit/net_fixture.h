/*  What the tests of sockets and authentication share: key pairs, a server and clients over real
    CURVE, and waiting for an event with a deadline. Everything that goes wrong here fails the
    running test.  */
#ifndef BUGLE_TESTS_NET_FIXTURE_H
#define BUGLE_TESTS_NET_FIXTURE_H

#include "common/sys/zap.h"
#include "common/sys/zsocket.h"

#define NET_DEADLINE_US 20000000

typedef struct {
    bg_key public_key;
    bg_key secret_key;
} net_pair;

net_pair net_pair_new (void);
/*  Options of a server in domain "desk" and of a client to it; the pairs must outlive the
    options.  */
bg_zsocket_options net_server_options (int type, const net_pair *server);
bg_zsocket_options net_client_options (int type, const net_pair *client, const net_pair *server);

/*  Listens on a free port of 127.0.0.1; endpoint has room for BG_ENDPOINT_MAX.  */
bg_zsocket *net_listen (const bg_zsocket_options *options, char *endpoint);
/*  Followed and connecting.  */
bg_zsocket *net_connect (const bg_zsocket_options *options, const char *endpoint);
/*  Admits pair in "desk".  */
void net_admit (bg_zap *zap, const net_pair *pair);

/*  Waits until the link of a followed client says state; other states before it are skipped.  */
void net_wait_link (bg_zsocket *client, bg_link_state state);
/*  Waits for the next message; its receive result is returned.  */
bg_result net_receive (bg_zsocket *socket, bg_zmessage *message);
void net_send (bg_zsocket *socket, const char *text);
/*  True when frame index of message is text.  */
bool net_frame_is (const bg_zmessage *message, size_t index, const char *text);

#endif
