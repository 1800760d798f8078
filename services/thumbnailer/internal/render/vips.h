// The part of libvips that this package calls by itself. No function keeps a pointer that it is given, and none prints.

#ifndef INLET_RENDER_VIPS_H
#define INLET_RENDER_VIPS_H

#include <stddef.h>

// How a call ended.
enum {
	RENDER_OK,
	RENDER_DECODE, // the source is not sound
	RENDER_ENCODE, // the result cannot be written
};

// What the header of a picture says.
typedef struct {
	int width, height; // of one frame, as stored
	int frames;
	int orientation; // EXIF, 1 to 8
	int alpha;
	int av1; // a HEIF file with AV1 inside
} render_header;

enum { RENDER_JPEG, RENDER_PNG, RENDER_WEBP, RENDER_AVIF, RENDER_GIF };

// What to make of each frame, in this order: scale, cut, turn by the EXIF orientation.
typedef struct {
	int frames;       // how many, from the first
	int frame_height; // of the source
	int scaled_width, scaled_height;
	int left, top, width, height; // the cut, in the scaled frame
	int format;                   // RENDER_JPEG …
	int quality, effort;
} render_job;

// Sets libvips up for untrusted pictures and steady memory. For the whole process; may be called again.
void render_setup(void);

// Names the class of the loader for buf, blocked or not: a static string, NULL when there is none.
const char *render_find_loader(const void *buf, size_t len);

// Reads the header of buf and no pixel. Only of an animated type are pages frames; those of TIFF and HEIF are other pictures.
int render_read_header(const void *buf, size_t len, int animated, render_header *h);

// Renders buf into *out, which the caller frees with g_free.
int render_frames(const void *buf, size_t len, const render_job *job, void **out, size_t *out_len);

// Takes what libvips has to say of the last failure; the caller frees it with g_free. The text is shared by all threads: for logs only.
char *render_error(void);

#endif
