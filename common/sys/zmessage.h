/*  One received multipart message: its frames as libzmq holds them, who sent it, and the descriptor
    it came from.

    The routing id of a ROUTER stands apart from the payload. It is an address for the answer, never
    an identity: peers may choose it. The identity is the User-Id that our ZAP handler gave (zap.h),
    read from the first payload frame because libzmq 4.3.4 loses it on the routing id frame.
*/
#ifndef BUGLE_SYS_ZMESSAGE_H
#define BUGLE_SYS_ZMESSAGE_H

#include "common/base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#define BG_ZMESSAGE_FRAMES_MAX 8

typedef struct {
    zmq_msg_t routing_id;
    zmq_msg_t frames[BG_ZMESSAGE_FRAMES_MAX];
    size_t count; /*  payload frames held  */
    bool has_routing_id;
} bg_zmessage;

/*  A zeroed struct is empty and may be given to fini or to receive.  */
void bg_zmessage_fini (bg_zmessage *self);
#define BG_AUTO_ZMESSAGE __attribute__ ((cleanup (bg_zmessage_fini))) bg_zmessage

/*  Reads one message from a raw socket without waiting. BG_AGAIN: there was none. BG_TOO_LARGE: it
    had more than frames_max payload frames (at most BG_ZMESSAGE_FRAMES_MAX); the surplus is gone,
    the message holds the first ones so that the sender can be named. BG_IO otherwise. What self
    held before is released first; err is not filled for BG_AGAIN.  */
bg_result bg_zmessage_receive (
    bg_zmessage *self, void *socket, bool is_router, size_t frames_max, bg_error *err) BG_CHECKED;

/*  Borrowed until the next receive or fini. index must be below count.  */
bg_slice bg_zmessage_frame (const bg_zmessage *self, size_t index);
/*  Empty when the socket is no ROUTER.  */
bg_slice bg_zmessage_routing_id (const bg_zmessage *self);
/*  What the ZAP handler said, or NULL. Trust it only after bg_zap_check_user_id.  */
const char *bg_zmessage_user_id (const bg_zmessage *self);
/*  Numeric address without a port, empty when not known. For logs.  */
bg_slice bg_zmessage_peer_address (const bg_zmessage *self);
/*  A numeric address without the prefix that an IPv6 socket gives to IPv4 peers.  */
bg_slice bg_zmessage_plain_address (bg_slice address);

/*  The connection a message came on: enough to cut it later without hitting a newer one that got
    the same number.  */
typedef struct {
    int fd;
    uint64_t inode; /*  of the socket; 0: not known  */
} bg_zpeer;

/*  False when the connection is gone already or the descriptor is not that of the peer address in
    the message.  */
bool bg_zmessage_peer (const bg_zmessage *self, bg_zpeer *peer);
/*  Shuts the connection down on both directions; the peer sees a disconnect and its next handshake
    asks ZAP again. BG_NOT_FOUND when that connection no longer exists.  */
bg_result bg_zpeer_cut (const bg_zpeer *self, bg_error *err) BG_CHECKED;

#endif
