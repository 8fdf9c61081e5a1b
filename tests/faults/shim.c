/* Preloaded into a process, this counts its write-like calls on files under one directory, and at a chosen one
 * kills the process (before the call, or after half of its bytes) or lets a sync fail with EIO.
 *
 * Nothing happens until shim_arm() is called; a forked child arms itself. Opening a file is not counted: the state it
 * leaves behind is the one before the next counted call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, CLEAN, TORN, EIO_ONCE, EIO_EVER };

static char directory[PATH_MAX];
static size_t directory_length;
static long target;
static int how = OFF;
static int trace = -1;
static atomic_long calls, syncs;

/* how: see the enum. at: the number of the call, or of the sync, from 1. log: a file that gets a line for each call. */
void shim_arm(const char *where, int what, long at, const char *log) {
    snprintf(directory, sizeof directory, "%s/", where);
    directory_length = strlen(directory);
    calls = syncs = 0;
    target = at;
    trace = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    how = what;
}

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

static int watched(const char *path) { return path && strncmp(path, directory, directory_length) == 0; }

static int watched_fd(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return watched(path);
}

/* Counts a call; returns 1 if its bytes are to be torn. `bytes` is 0 for calls that cannot be. */
static int counted(const char *name, size_t bytes) {
    long n = ++calls;
    if (trace >= 0) {
        char line[64];
        int length = snprintf(line, sizeof line, "%s %zu\n", name, bytes);
        syscall(SYS_write, trace, line, length);
    }
    if (n != target || (how != CLEAN && how != TORN)) return 0;
    if (how == CLEAN || bytes < 2) die();
    return 1;
}

static int sync_fails(void) {
    long n = ++syncs;
    if ((how == EIO_ONCE && n == target) || (how == EIO_EVER && n >= target)) {
        errno = EIO;
        return 1;
    }
    return 0;
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

#define WATCHING_FD(fd) (how != OFF && watched_fd(fd))
#define WATCHING(path) (how != OFF && watched(path))

ssize_t write(int fd, const void *data, size_t n) {
    if (WATCHING_FD(fd) && counted("write", n)) { REAL(write)(fd, data, n / 2); die(); }
    return REAL(write)(fd, data, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    if (WATCHING_FD(fd) && counted("pwrite", n)) { REAL(pwrite)(fd, data, n / 2, at); die(); }
    return REAL(pwrite)(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    if (WATCHING_FD(fd) && counted("pwrite", n)) { REAL(pwrite64)(fd, data, n / 2, at); die(); }
    return REAL(pwrite64)(fd, data, n, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    if (WATCHING_FD(fd) && counted("writev", n)) { REAL(writev)(fd, parts, n / 2); die(); }
    return REAL(writev)(fd, parts, n);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) {
    if (WATCHING_FD(fd) && counted("pwritev", n)) { REAL(pwritev)(fd, parts, n / 2, at); die(); }
    return REAL(pwritev)(fd, parts, n, at);
}

#define BY_FD(name, declared, ...)                                  \
    int name declared {                                             \
        if (WATCHING_FD(fd)) counted(#name, 0);                     \
        return REAL(name)(__VA_ARGS__);                             \
    }
BY_FD(ftruncate, (int fd, off_t n), fd, n)
BY_FD(ftruncate64, (int fd, off64_t n), fd, n)
BY_FD(fallocate, (int fd, int mode, off_t at, off_t n), fd, mode, at, n)
BY_FD(posix_fallocate, (int fd, off_t at, off_t n), fd, at, n)
BY_FD(fchmod, (int fd, mode_t mode), fd, mode)

#define SYNC(name)                                                  \
    int name(int fd) {                                              \
        if (WATCHING_FD(fd)) {                                      \
            counted(#name, 0);                                      \
            if (sync_fails()) return -1;                            \
        }                                                           \
        return REAL(name)(fd);                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

#define BY_PATH(name, declared, path, ...)                          \
    int name declared {                                             \
        if (WATCHING(path)) counted(#name, 0);                      \
        return REAL(name)(__VA_ARGS__);                             \
    }
BY_PATH(unlink, (const char *path), path, path)
BY_PATH(unlinkat, (int fd, const char *path, int flags), path, fd, path, flags)
BY_PATH(rename, (const char *from, const char *to), to, from, to)
BY_PATH(renameat, (int a, const char *from, int b, const char *to), to, a, from, b, to)
BY_PATH(link, (const char *from, const char *to), to, from, to)
BY_PATH(linkat, (int a, const char *from, int b, const char *to, int flags), to, a, from, b, to, flags)
BY_PATH(mkdir, (const char *path, mode_t mode), path, path, mode)
BY_PATH(chmod, (const char *path, mode_t mode), path, path, mode)
BY_PATH(truncate, (const char *path, off_t n), path, path, n)
