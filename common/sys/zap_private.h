/*  What zap.c shares with zap_test.c.  */
#ifndef BUGLE_SYS_ZAP_PRIVATE_H
#define BUGLE_SYS_ZAP_PRIVATE_H

/*  Domain of the self-test's own socket; its requests are not counted or remembered.  */
#define ZAP_SELF_TEST_DOMAIN "self-test"

#endif
