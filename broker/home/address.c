/*  Choosing an address for tokens: see address.h. Asks the kernel and the resolver; sends nothing.  */
#include "broker/home/address.h"

#include "broker/home/home.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*  ---- the machine's addresses ----  */

static socklen_t size_of (const struct sockaddr *address)
{
    return address->sa_family == AF_INET ? sizeof (struct sockaddr_in)
                                         : sizeof (struct sockaddr_in6);
}

static bool print_numeric (const struct sockaddr *address, char text[BROKER_ADDRESS_TEXT])
{
    return getnameinfo (
               address, size_of (address), text, BROKER_ADDRESS_TEXT, NULL, 0, NI_NUMERICHOST) == 0;
}

/*  Other machines can have it: neither loopback nor of one cable only.  */
static bool is_for_others (const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *) (const void *) address;
        uint32_t number = ntohl (four->sin_addr.s_addr);
        return number >> 24 != 127 && number >> 16 != 0xa9fe && number != 0;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) (const void *) address;
    return address->sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK (&six->sin6_addr) &&
           !IN6_IS_ADDR_LINKLOCAL (&six->sin6_addr) && !IN6_IS_ADDR_UNSPECIFIED (&six->sin6_addr);
}

/*  The first address of one family that fits; interface NULL: of any that is up, for others. *found gets the
    interface.  */
static bool find_address (const struct ifaddrs *list, const char *interface, int family,
    char text[BROKER_ADDRESS_TEXT], const char **found)
{
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != family)
            continue;
        bool fits = interface ? strcmp (at->ifa_name, interface) == 0
                              : (at->ifa_flags & IFF_UP) && is_for_others (at->ifa_addr);
        if (fits && print_numeric (at->ifa_addr, text)) {
            *found = at->ifa_name;
            return true;
        }
    }
    return false;
}

bool broker_interface_address (const char *name, char text[BROKER_ADDRESS_TEXT])
{
    struct ifaddrs *list = NULL;
    const char *found;
    if (getifaddrs (&list) != 0)
        return false;
    bool is_found = find_address (list, name, AF_INET, text, &found) ||
                    find_address (list, name, AF_INET6, text, &found);
    freeifaddrs (list);
    return is_found;
}

static bool is_own (const struct ifaddrs *list, const struct sockaddr *address)
{
    char wanted[BROKER_ADDRESS_TEXT], text[BROKER_ADDRESS_TEXT];
    if (!print_numeric (address, wanted))
        return false;
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (at->ifa_addr && at->ifa_addr->sa_family == address->sa_family &&
            print_numeric (at->ifa_addr, text) && strcmp (text, wanted) == 0)
            return true;
    }
    return false;
}

/*  ---- the ways ----  */

/*  A name without a domain means something here only, and one that stands for loopback, as Debian's 127.0.1.1, nothing
    to others.  */
static bool by_name (const struct ifaddrs *list, broker_address *out)
{
    char name[BROKER_HOST_MAX + 1] = "";
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    if (gethostname (name, sizeof name - 1) != 0 || getaddrinfo (name, NULL, &hints, &found) != 0)
        return false;
    const char *full = found->ai_canonname ? found->ai_canonname : name;
    bool is_good = strchr (full, '.') && strlen (full) < sizeof out->host &&
                   bg_is_ok (broker_host_check (full, NULL));
    for (const struct addrinfo *at = found; is_good && at; at = at->ai_next)
        is_good = is_for_others (at->ai_addr) && is_own (list, at->ai_addr);
    if (is_good) {
        snprintf (out->host, sizeof out->host, "%s", full);
        snprintf (out->why, sizeof out->why, "the name of this machine");
    }
    freeaddrinfo (found);
    return is_good;
}

/*  A datagram socket that is connected sends nothing, and knows from which address it would.  */
static bool by_route (const struct ifaddrs *list, broker_address *out)
{
    const struct sockaddr_in far = {
        .sin_family = AF_INET, .sin_port = htons (9), .sin_addr.s_addr = htonl (0xc6336401)};
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_found = fd >= 0 && connect (fd, (const struct sockaddr *) &far, sizeof far) == 0 &&
                    getsockname (fd, (struct sockaddr *) &own, &size) == 0 &&
                    is_for_others ((struct sockaddr *) &own) &&
                    is_own (list, (struct sockaddr *) &own) &&
                    print_numeric ((struct sockaddr *) &own, out->host);
    if (fd >= 0)
        close (fd);
    if (is_found)
        snprintf (out->why, sizeof out->why, "the address with the default route");
    return is_found;
}

static bool by_any (const struct ifaddrs *list, broker_address *out)
{
    const char *found;
    if (!find_address (list, NULL, AF_INET, out->host, &found) &&
        !find_address (list, NULL, AF_INET6, out->host, &found))
        return false;
    snprintf (out->why, sizeof out->why, "the address of %s", found);
    return true;
}

static void by_host_name (broker_address *out)
{
    snprintf (out->host, sizeof out->host, "localhost");
    (void) gethostname (out->host, sizeof out->host - 1);
    snprintf (
        out->why, sizeof out->why, "the host name, for want of an address that others could reach");
    out->is_doubtful = true;
}

broker_address broker_address_choose (const char *listen)
{
    broker_address out = {0};
    struct ifaddrs *list = NULL;
    if (!broker_listen_is_wildcard (listen)) {
        if (broker_interface_address (listen, out.host))
            snprintf (out.why, sizeof out.why, "the address of %.60s", listen);
        else
            snprintf (out.host, sizeof out.host, "%.128s", listen);
        return out;
    }
    if (getifaddrs (&list) != 0)
        list = NULL;
    if (!by_name (list, &out) && !by_route (list, &out) && !by_any (list, &out))
        by_host_name (&out);
    if (list)
        freeifaddrs (list);
    return out;
}
