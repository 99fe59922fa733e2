/* A V4L2 capture card that exists only for one process.
 *
 * Loaded with LD_PRELOAD it answers the system calls that a program makes on the path FAKE_V4L2_DEVICE, and lets all
 * others pass. What the card does is read from the shared file FAKE_V4L2_CONTROL (struct card below), which
 * fake_v4l2.py writes while the program runs. Frames fall due on the monotonic clock; a frame that finds no queued
 * buffer is lost, as in a real driver.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FORMATS 4
#define MAX_BUFFERS 8
#define MAX_HANDLES 16
#define PATH_BYTES 256

enum mode { MODE_OK = 0, MODE_UNPLUGGED = 1, MODE_BUSY = 2, MODE_STALLED = 3, MODE_HANGING = 4 };
enum resize { RESIZE_KEEPS_SENDING = 0, RESIZE_FAILS = 1 };
enum stamp { STAMP_MONOTONIC = 0, STAMP_REALTIME = 1, STAMP_ZERO = 2 };

struct format {
    uint32_t fourcc, fps_num, fps_den, reserved;
    char content[PATH_BYTES]; /* raw frames, one after another; one JPEG for MJPG; empty: a grey ramp */
};

/* fake_v4l2.py knows this layout. The first part is written by the test, the counters by this library. */
struct card {
    uint32_t magic, generation, mode, plug_count, width, height, resize, stamp;
    struct format formats[MAX_FORMATS];
    uint32_t opens, closes, streaming, frames, lost, granted_fourcc, granted_width, granted_height, queries;
};

static volatile struct card *card;
static const char *device_path;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct handle { int fd; uint32_t plug_count; } handles[MAX_HANDLES];

static struct {
    int owner; /* the handle that holds the buffers, -1: none */
    uint32_t width, height, fourcc;
    int streaming, count;
    void *memory[MAX_BUFFERS];
    size_t length;
    int queued[MAX_BUFFERS], n_queued;
    struct { int index; uint32_t bytes, sequence; int64_t at_ns; } done[MAX_BUFFERS];
    int n_done;
    int64_t next_ns;
    uint32_t sequence;
} state = {.owner = -1};

static struct { uint32_t generation, format; int loaded; uint8_t *data; size_t bytes; } content;

/* ---- the real calls ---- */

#define REAL(ret, name, ...) static ret (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, open64, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(int, close, int);
REAL(int, ioctl, int, unsigned long, ...);
REAL(void *, mmap, void *, size_t, int, int, int, off_t);
REAL(int, select, int, fd_set *, fd_set *, fd_set *, struct timeval *);
REAL(int, poll, struct pollfd *, nfds_t, int);
REAL(int, stat, const char *, struct stat *);
REAL(int, stat64, const char *, struct stat64 *);
REAL(int, fstatat, int, const char *, struct stat *, int);
REAL(int, fstatat64, int, const char *, struct stat64 *, int);
REAL(int, access, const char *, int);
REAL(int, faccessat, int, const char *, int, int);

static void find_real(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name)
    FIND(open); FIND(open64); FIND(openat); FIND(close); FIND(ioctl); FIND(mmap); FIND(select); FIND(poll);
    FIND(stat); FIND(stat64); FIND(fstatat); FIND(fstatat64); FIND(access); FIND(faccessat);
}

__attribute__((constructor)) static void start(void) {
    if (!real_open) find_real();
    device_path = getenv("FAKE_V4L2_DEVICE");
    const char *control = getenv("FAKE_V4L2_CONTROL");
    if (!device_path || !control) return;
    int fd = real_open(control, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *shared = real_mmap(NULL, sizeof(struct card), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    real_close(fd);
    if (shared != MAP_FAILED) card = shared;
}

/* ---- small helpers ---- */

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void nap_ms(long ms) {
    struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

static int fail(int error) { errno = error; return -1; }

static int is_device(const char *path) {
    if (!real_open) find_real(); /* another library's constructor may run before ours */
    if (!card || !path) return 0;
    if (strcmp(path, device_path) == 0) return 1;
    char target[PATH_BYTES];
    ssize_t n = readlink(path, target, sizeof target - 1); /* the links of /dev/v4l/by-id */
    if (n <= 0) return 0;
    target[n] = 0;
    return strcmp(target, device_path) == 0;
}

static struct handle *find_handle(int fd) {
    if (!real_open) find_real();
    if (!card || fd < 0) return NULL;
    for (int i = 0; i < MAX_HANDLES; i++)
        if (handles[i].fd == fd + 1) return &handles[i]; /* stored plus one, so that zero means free */
    return NULL;
}

static int is_dead(const struct handle *h) {
    return card->mode == MODE_UNPLUGGED || h->plug_count != card->plug_count;
}

static int format_index(uint32_t fourcc) {
    for (int i = 0; i < MAX_FORMATS; i++)
        if (card->formats[i].fourcc && card->formats[i].fourcc == fourcc) return i;
    return -1;
}

static int is_jpeg(uint32_t fourcc) { return fourcc == V4L2_PIX_FMT_MJPEG || fourcc == V4L2_PIX_FMT_JPEG; }

static uint32_t bytes_per_pixel(uint32_t fourcc) {
    if (fourcc == V4L2_PIX_FMT_GREY) return 1;
    return fourcc == V4L2_PIX_FMT_BGR24 ? 3 : 2; /* YUYV; a JPEG never needs more */
}

static int64_t period_ns(void) {
    int i = format_index(state.fourcc);
    if (i < 0 || !card->formats[i].fps_num) return 33333333;
    return (int64_t)1000000000 * card->formats[i].fps_den / card->formats[i].fps_num;
}

/* ---- what the card shows ---- */

static void load_content(void) {
    int i = format_index(state.fourcc);
    if (content.loaded && content.generation == card->generation && content.format == state.fourcc) return;
    if (content.data) munmap(content.data, content.bytes);
    content.data = NULL;
    content.loaded = 1;
    content.generation = card->generation;
    content.format = state.fourcc;
    char path[PATH_BYTES];
    memcpy(path, (const char *)card->formats[i < 0 ? 0 : i].content, sizeof path);
    int fd = i < 0 || !path[0] ? -1 : real_open(path, O_RDONLY | O_CLOEXEC);
    struct stat64 info;
    if (fd < 0) return;
    if (real_fstatat64(fd, "", &info, AT_EMPTY_PATH) == 0 && info.st_size > 0) {
        void *data = real_mmap(NULL, info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data != MAP_FAILED) { content.data = data; content.bytes = info.st_size; }
    }
    real_close(fd);
}

static uint32_t fill(uint8_t *target) {
    load_content();
    size_t frame = (size_t)card->width * card->height * bytes_per_pixel(state.fourcc);
    if (is_jpeg(state.fourcc)) frame = content.bytes;
    size_t bytes = frame < state.length ? frame : state.length;
    if (content.data && frame && content.bytes >= frame)
        memcpy(target, content.data + frame * (state.sequence % (content.bytes / frame)), bytes);
    else
        for (size_t k = 0; k < bytes; k++) target[k] = (uint8_t)(k + state.sequence * 4);
    return bytes;
}

/* ---- time passes: frames that are due go into queued buffers ---- */

static int has_new_size(void) { return card->width != state.width || card->height != state.height; }

static int broken_by_resize(void) { return card->resize == RESIZE_FAILS && has_new_size(); }

static void take_frame(void) {
    if (!state.n_queued) { card->lost++; state.sequence++; return; }
    int index = state.queued[0];
    memmove(state.queued, state.queued + 1, --state.n_queued * sizeof(int));
    int k = state.n_done++;
    state.done[k].index = index;
    state.done[k].bytes = fill(state.memory[index]);
    state.done[k].sequence = state.sequence++;
    state.done[k].at_ns = state.next_ns;
    card->frames++;
}

static void advance(void) {
    int64_t now = now_ns(CLOCK_MONOTONIC);
    if (!state.streaming) return;
    if (card->mode != MODE_OK && card->mode != MODE_BUSY) { state.next_ns = now + period_ns(); return; }
    if (now - state.next_ns > 2000000000) state.next_ns = now;
    for (; state.next_ns <= now; state.next_ns += period_ns()) take_frame();
}

static int is_ready(struct handle *h) {
    pthread_mutex_lock(&lock);
    advance();
    int ready = is_dead(h) || broken_by_resize() || state.n_done > 0;
    pthread_mutex_unlock(&lock);
    return ready;
}

/* ---- the ioctls ---- */

static int query_capability(struct v4l2_capability *c) {
    memset(c, 0, sizeof *c);
    strcpy((char *)c->driver, "fakecard");
    strcpy((char *)c->card, "Fake capture card");
    strcpy((char *)c->bus_info, "platform:fakecard");
    c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int enum_format(struct v4l2_fmtdesc *f) {
    if (f->index >= MAX_FORMATS || !card->formats[f->index].fourcc) return fail(EINVAL);
    f->pixelformat = card->formats[f->index].fourcc;
    f->flags = is_jpeg(f->pixelformat) ? V4L2_FMT_FLAG_COMPRESSED : 0;
    memcpy(f->description, &f->pixelformat, 4);
    return 0;
}

static int enum_size(struct v4l2_frmsizeenum *s) {
    if (s->index || format_index(s->pixel_format) < 0) return fail(EINVAL);
    s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    s->discrete.width = card->width;
    s->discrete.height = card->height;
    return 0;
}

static void describe(struct v4l2_pix_format *pix, uint32_t fourcc) {
    pix->width = card->width; /* like a grabber, the card grants the size of its input and no other */
    pix->height = card->height;
    pix->pixelformat = fourcc;
    pix->field = V4L2_FIELD_NONE;
    pix->bytesperline = is_jpeg(fourcc) ? 0 : card->width * bytes_per_pixel(fourcc);
    pix->sizeimage = card->width * card->height * bytes_per_pixel(fourcc);
    pix->colorspace = V4L2_COLORSPACE_SRGB;
}

static int get_format(struct v4l2_format *f) {
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    describe(&f->fmt.pix, state.fourcc ? state.fourcc : card->formats[0].fourcc);
    return 0;
}

static int is_taken(int fd) {
    return card->mode == MODE_BUSY || (state.owner >= 0 && state.owner != fd);
}

static int set_format(int fd, struct v4l2_format *f) {
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    if (is_taken(fd) || state.count) return fail(EBUSY);
    uint32_t wish = f->fmt.pix.pixelformat;
    state.fourcc = format_index(wish) >= 0 ? wish : card->formats[0].fourcc;
    describe(&f->fmt.pix, state.fourcc);
    state.width = card->granted_width = f->fmt.pix.width;
    state.height = card->granted_height = f->fmt.pix.height;
    card->granted_fourcc = state.fourcc;
    return 0;
}

static int stream_parameters(struct v4l2_streamparm *p) {
    int i = format_index(state.fourcc ? state.fourcc : card->formats[0].fourcc);
    memset(&p->parm.capture, 0, sizeof p->parm.capture);
    p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    p->parm.capture.timeperframe.numerator = card->formats[i].fps_den;
    p->parm.capture.timeperframe.denominator = card->formats[i].fps_num;
    return 0;
}

static void stop_stream(void) {
    state.streaming = card->streaming = 0;
    state.n_queued = state.n_done = 0;
}

static void free_buffers(void) {
    stop_stream();
    for (int i = 0; i < state.count; i++) munmap(state.memory[i], state.length);
    state.count = 0;
    state.owner = -1;
}

static int request_buffers(int fd, struct v4l2_requestbuffers *r) {
    if (is_taken(fd)) return fail(EBUSY);
    free_buffers();
    if (r->count > MAX_BUFFERS) r->count = MAX_BUFFERS;
    if (!r->count) return 0;
    state.length = (size_t)state.width * state.height * bytes_per_pixel(state.fourcc);
    for (; state.count < (int)r->count; state.count++)
        state.memory[state.count] =
            real_mmap(NULL, state.length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    state.owner = fd;
    return 0;
}

static int query_buffer(struct v4l2_buffer *b) {
    if ((int)b->index >= state.count) return fail(EINVAL);
    b->length = state.length;
    b->m.offset = b->index << 24;
    b->flags = V4L2_BUF_FLAG_MAPPED;
    return 0;
}

static int queue_buffer(struct v4l2_buffer *b) {
    if ((int)b->index >= state.count || state.n_queued >= MAX_BUFFERS) return fail(EINVAL);
    state.queued[state.n_queued++] = b->index;
    return 0;
}

static struct timeval stamp_of(int64_t at_ns) {
    if (card->stamp == STAMP_ZERO) at_ns = 0;
    if (card->stamp == STAMP_REALTIME) at_ns += now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
    return (struct timeval){at_ns / 1000000000, at_ns % 1000000000 / 1000};
}

static int dequeue_buffer(struct v4l2_buffer *b) {
    if (!state.streaming) return fail(EINVAL);
    advance();
    if (broken_by_resize()) return fail(EPIPE);
    if (!state.n_done) return fail(EAGAIN);
    b->index = state.done[0].index;
    b->bytesused = state.done[0].bytes;
    b->sequence = state.done[0].sequence;
    b->timestamp = stamp_of(state.done[0].at_ns);
    b->length = state.length;
    b->field = V4L2_FIELD_NONE;
    b->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    memmove(state.done, state.done + 1, --state.n_done * sizeof state.done[0]);
    return 0;
}

static int start_stream(void) {
    state.streaming = card->streaming = 1;
    state.sequence = 0;
    state.next_ns = now_ns(CLOCK_MONOTONIC) + period_ns();
    return 0;
}

static int answer(int fd, unsigned long request, void *arg) {
    card->queries++;
    switch (request) {
    case VIDIOC_QUERYCAP: return query_capability(arg);
    case VIDIOC_ENUM_FMT: return enum_format(arg);
    case VIDIOC_ENUM_FRAMESIZES: return enum_size(arg);
    case VIDIOC_G_FMT: return get_format(arg);
    case VIDIOC_S_FMT: return set_format(fd, arg);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: return stream_parameters(arg);
    case VIDIOC_REQBUFS: return request_buffers(fd, arg);
    case VIDIOC_QUERYBUF: return query_buffer(arg);
    case VIDIOC_QBUF: return queue_buffer(arg);
    case VIDIOC_DQBUF: return dequeue_buffer(arg);
    case VIDIOC_STREAMON: return start_stream();
    case VIDIOC_STREAMOFF: stop_stream(); return 0;
    case VIDIOC_G_INPUT: *(int *)arg = 0; return 0;
    case VIDIOC_S_INPUT: return *(int *)arg == 0 ? 0 : fail(EINVAL);
    default: return fail(EINVAL); /* no controls, no standards */
    }
}

static int card_ioctl(int fd, struct handle *h, unsigned long request, void *arg) {
    while (request == VIDIOC_DQBUF && card->mode == MODE_HANGING) nap_ms(2); /* a driver that does not come back */
    pthread_mutex_lock(&lock);
    int result = is_dead(h) ? fail(ENODEV) : answer(fd, request & 0xffffffffUL, arg);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static int card_open(void) {
    if (card->mode == MODE_UNPLUGGED) return fail(ENOENT);
    int fd = real_open("/dev/null", O_RDWR | O_CLOEXEC);
    pthread_mutex_lock(&lock);
    struct handle *owner = find_handle(state.owner);
    if (owner && is_dead(owner)) free_buffers(); /* a card that comes back is a new device */
    for (int i = 0; fd >= 0 && i < MAX_HANDLES; i++)
        if (!handles[i].fd) {
            handles[i].plug_count = card->plug_count;
            handles[i].fd = fd + 1;
            card->opens++;
            break;
        }
    pthread_mutex_unlock(&lock);
    return fd;
}

static void card_close(int fd, struct handle *h) {
    pthread_mutex_lock(&lock);
    if (state.owner == fd) free_buffers();
    h->fd = 0;
    card->closes++;
    pthread_mutex_unlock(&lock);
}

/* ---- the calls that the program sees ---- */

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, mode_t); va_end(a); }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return is_device(path) ? card_open() : real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return is_device(path) ? card_open() : real_open64(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return is_device(path) ? card_open() : real_openat(at, path, flags, mode);
}

int close(int fd) {
    struct handle *h = find_handle(fd);
    if (h) card_close(fd, h);
    return real_close(fd);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list a;
    va_start(a, request);
    void *arg = va_arg(a, void *);
    va_end(a);
    struct handle *h = find_handle(fd);
    return h ? card_ioctl(fd, h, request, arg) : real_ioctl(fd, request, arg);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (!find_handle(fd)) return real_mmap(at, length, protection, flags, fd, offset);
    int index = offset >> 24;
    if (index >= state.count) { errno = EINVAL; return MAP_FAILED; }
    /* the program's own view of the same memory, so that its munmap leaves ours alone */
    return mremap(state.memory[index], 0, length, MREMAP_MAYMOVE);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, length, protection, flags, fd, offset);
}

int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout) {
    struct handle *h = n > 0 && r && FD_ISSET(n - 1, r) ? find_handle(n - 1) : NULL;
    if (!h) return real_select(n, r, w, e, timeout);
    int64_t until = timeout ? now_ns(CLOCK_MONOTONIC) + timeout->tv_sec * 1000000000LL + timeout->tv_usec * 1000LL
                            : INT64_MAX;
    while (card->mode == MODE_HANGING || !is_ready(h)) {
        if (card->mode != MODE_HANGING && now_ns(CLOCK_MONOTONIC) >= until) { FD_ZERO(r); return 0; }
        nap_ms(1);
    }
    return 1;
}

#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* glibc declares fds as written only */
int poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    struct handle *h = n == 1 ? find_handle(fds[0].fd) : NULL;
    if (!h) return real_poll(fds, n, timeout_ms);
    int64_t until = timeout_ms < 0 ? INT64_MAX : now_ns(CLOCK_MONOTONIC) + timeout_ms * 1000000LL;
    while (!is_ready(h)) {
        if (now_ns(CLOCK_MONOTONIC) >= until) return 0;
        nap_ms(1);
    }
    fds[0].revents = POLLIN;
    return 1;
}

/* The node looks like a character device; it is gone while the card is unplugged. */
static const char *seen_path(const char *path) {
    if (!is_device(path)) return path;
    return card->mode == MODE_UNPLUGGED ? "/nonexistent/unplugged" : "/dev/null";
}

int stat(const char *path, struct stat *s) { return real_stat(seen_path(path), s); }
int stat64(const char *path, struct stat64 *s) { return real_stat64(seen_path(path), s); }
int access(const char *path, int how) { return real_access(seen_path(path), how); }
int fstatat(int at, const char *path, struct stat *s, int flags) { return real_fstatat(at, seen_path(path), s, flags); }
int fstatat64(int at, const char *path, struct stat64 *s, int flags) {
    return real_fstatat64(at, seen_path(path), s, flags);
}
int faccessat(int at, const char *path, int how, int flags) { return real_faccessat(at, seen_path(path), how, flags); }
