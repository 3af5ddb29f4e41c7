/* A TCP relay that never sees a byte: splice(2) between two sockets through a pipe. The least that passing bytes on costs.
 *
 *   relay LISTEN_PORT TARGET_PORT     both on 127.0.0.1; prints "ready" once it listens
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20 };

static struct sockaddr_in target;

struct way {
    int from, to;
};

static struct sockaddr_in local(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Everything that comes from one side goes to the other, until it ends. */
static void *pump(void *argument)
{
    struct way way = *(struct way *)argument;
    int ends[2];
    if (pipe(ends) == 0) {
        fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
        ssize_t in, out;
        while ((in = splice(way.from, NULL, ends[1], NULL, PIPE_SIZE, SPLICE_F_MOVE)) > 0) {
            for (; in > 0; in -= out)
                if ((out = splice(ends[0], NULL, way.to, NULL, (size_t)in, SPLICE_F_MOVE)) <= 0)
                    goto done;
        }
    done:
        close(ends[0]);
        close(ends[1]);
    }
    shutdown(way.to, SHUT_WR);
    shutdown(way.from, SHUT_RD);
    return NULL;
}

static void *serve(void *argument)
{
    int client = (int)(intptr_t)argument, server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connect(server, (struct sockaddr *)&target, sizeof target) == 0) {
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct way there = {client, server}, back = {server, client};
        pthread_t answers;
        if (pthread_create(&answers, NULL, pump, &back) == 0) {
            pump(&there);
            pthread_join(answers, NULL);
        }
    }
    close(client);
    close(server);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in here = local(arguments[1]);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    target = local(arguments[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024))
        return 1;
    puts("ready");
    fflush(stdout);
    for (int client; (client = accept(listener, NULL, NULL)) >= 0 || 1;) {
        pthread_t thread;
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0)
            pthread_detach(thread);
    }
}
