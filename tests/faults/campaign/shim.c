/* What a program does to the files under one folder, counted, and disturbed at an operation of a given number.
 *
 * Loaded before all other libraries (LD_PRELOAD) it sees what C libraries do as well as what Python does. A process
 * arms it with a folder, a log and a fault; until then, and for all other files, it passes everything on.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING = 0, SHORT = -1, SIGNALS = 1000 };

static char folder[PATH_MAX];
static size_t folder_length;
static int log_descriptor = -1;
static int fault;
static long at;
static int lasting;
static atomic_long seen;

/* A fault is an errno, a signal (SIGNALS + its number), a short write, or nothing. */
void shim_arm(const char *where, const char *log, int what, long number, int for_ever) {
    fault = what;
    at = number;
    lasting = for_ever;
    log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    strncpy(folder, where, sizeof folder - 1);
    folder_length = strlen(folder);
}

static int inside(const char *path) {
    return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* The errno with which an operation is to fail, SHORT, or NOTHING. */
static int met(const char *operation, const char *path) {
    if (!folder_length || !inside(path)) return NOTHING;
    long number = ++seen;
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\n", operation, path + folder_length + (path[folder_length] == '/'));
    syscall(SYS_write, log_descriptor, line, (size_t)length);
    if (number != at && !(lasting && number > at)) return NOTHING;
    if (fault < SIGNALS) return fault;
    if (number == at) syscall(SYS_kill, getpid(), fault - SIGNALS);
    if (fault == SIGNALS + SIGKILL) for (;;) pause();
    return NOTHING;
}

static int met_at(const char *operation, int directory, const char *name) {
    if (!folder_length) return NOTHING;
    if (name[0] == '/') return met(operation, name);
    char path[2 * PATH_MAX + 2];
    if (directory == AT_FDCWD) {
        if (!getcwd(path, PATH_MAX)) return NOTHING;
    } else if (!path_of(directory, path)) return NOTHING;
    strcat(path, "/");
    strncat(path, name, PATH_MAX);
    return met(operation, path);
}

static int met_in(const char *operation, int descriptor) {
    char path[PATH_MAX];
    if (!folder_length || !path_of(descriptor, path)) return NOTHING;
    return met(operation, path);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL_IF(expression) do { int code = (expression); if (code > 0) { errno = code; return -1; } } while (0)

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT; }

#define OPEN(name, directory, parameters, arguments) \
    int name parameters { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        FAIL_IF(met_at(writes(flags) ? "open" : "read", directory, path)); \
        return real arguments; \
    }
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, directory, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
OPEN(openat64, directory, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))

#define FOPEN(name) \
    FILE *name(const char *path, const char *how) { \
        REAL(name); \
        int code = met_at(how[0] != 'r' || strchr(how, '+') ? "open" : "read", AT_FDCWD, path); \
        if (code > 0) { errno = code; return NULL; } \
        return real(path, how); \
    }
FOPEN(fopen)
FOPEN(fopen64)

DIR *opendir(const char *path) {
    REAL(opendir);
    int code = met_at("read", AT_FDCWD, path);
    if (code > 0) { errno = code; return NULL; }
    return real(path);
}

#define WRITE(name, parameters, whole, half) \
    ssize_t name parameters { \
        REAL(name); \
        int code = met_in("write", descriptor); \
        if (code > 0) { errno = code; return -1; } \
        if (code == SHORT && size > 1) return real half; \
        return real whole; \
    }
WRITE(write, (int descriptor, const void *bytes, size_t size), (descriptor, bytes, size), (descriptor, bytes, size / 2))
WRITE(pwrite, (int descriptor, const void *bytes, size_t size, off_t from), (descriptor, bytes, size, from), (descriptor, bytes, size / 2, from))
WRITE(pwrite64, (int descriptor, const void *bytes, size_t size, off64_t from), (descriptor, bytes, size, from), (descriptor, bytes, size / 2, from))
WRITE(writev, (int descriptor, const struct iovec *parts, int size), (descriptor, parts, size), (descriptor, parts, size / 2))
WRITE(pwritev, (int descriptor, const struct iovec *parts, int size, off_t from), (descriptor, parts, size, from), (descriptor, parts, size / 2, from))
WRITE(pwritev64, (int descriptor, const struct iovec *parts, int size, off64_t from), (descriptor, parts, size, from), (descriptor, parts, size / 2, from))
WRITE(sendfile, (int descriptor, int source, off_t *from, size_t size), (descriptor, source, from, size), (descriptor, source, from, size / 2))
WRITE(sendfile64, (int descriptor, int source, off64_t *from, size_t size), (descriptor, source, from, size), (descriptor, source, from, size / 2))
WRITE(copy_file_range, (int source, off64_t *from, int descriptor, off64_t *to, size_t size, unsigned flags), (source, from, descriptor, to, size, flags), (source, from, descriptor, to, size / 2, flags))

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
    REAL(fwrite);
    int code = folder_length ? met_in("write", fileno(stream)) : NOTHING;
    if (code > 0) { errno = code; return 0; }
    return real(bytes, size, count, stream);
}

#define CHANGE(operation, name, parameters, directory, path, arguments) \
    int name parameters { REAL(name); FAIL_IF(met_at(operation, directory, path)); return real arguments; }
CHANGE("rename", rename, (const char *from, const char *to), AT_FDCWD, to, (from, to))
CHANGE("rename", renameat, (int a, const char *from, int b, const char *to), b, to, (a, from, b, to))
CHANGE("rename", renameat2, (int a, const char *from, int b, const char *to, unsigned how), b, to, (a, from, b, to, how))
CHANGE("link", link, (const char *from, const char *to), AT_FDCWD, to, (from, to))
CHANGE("link", symlink, (const char *from, const char *to), AT_FDCWD, to, (from, to))
CHANGE("unlink", unlink, (const char *path), AT_FDCWD, path, (path))
CHANGE("unlink", unlinkat, (int a, const char *path, int how), a, path, (a, path, how))
CHANGE("unlink", rmdir, (const char *path), AT_FDCWD, path, (path))
CHANGE("mkdir", mkdir, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
CHANGE("mkdir", mkdirat, (int a, const char *path, mode_t mode), a, path, (a, path, mode))
CHANGE("truncate", truncate, (const char *path, off_t size), AT_FDCWD, path, (path, size))
CHANGE("truncate", truncate64, (const char *path, off64_t size), AT_FDCWD, path, (path, size))

int ftruncate(int descriptor, off_t size) { REAL(ftruncate); FAIL_IF(met_in("truncate", descriptor)); return real(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { REAL(ftruncate64); FAIL_IF(met_in("truncate", descriptor)); return real(descriptor, size); }

/* Processes die here, but no power is cut: what was written is there, and a busy disk need not be waited for. */
static int sync_of(int descriptor) { FAIL_IF(met_in("fsync", descriptor)); return 0; }
int fsync(int descriptor) { return sync_of(descriptor); }
int fdatasync(int descriptor) { return sync_of(descriptor); }

/* A close that fails has closed all the same. */
int close(int descriptor) {
    REAL(close);
    int code = NOTHING;
    if (folder_length) {
        int before = errno, flags = fcntl(descriptor, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) code = met_in("close", descriptor);
        errno = before;
    }
    int result = real(descriptor);
    if (result == 0 && code > 0) { errno = code; return -1; }
    return result;
}
