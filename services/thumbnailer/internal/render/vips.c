#include "vips.h"

#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

static void
drop_message(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
}

void
render_setup(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 2);
#endif
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	vips_cache_set_max_mem(0);
	vips_block_untrusted_set(TRUE);
	g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO, drop_message, NULL);
}

char *
render_error(void)
{
	return vips_error_buffer_copy();
}

static int
get_int(VipsImage *image, const char *name, int otherwise)
{
	int value;

	if (!vips_image_get_typeof(image, name) || vips_image_get_int(image, name, &value))
		return otherwise;
	return value;
}

const char *
render_find_loader(const void *buf, size_t len)
{
	return vips_foreign_find_load_buffer(buf, len);
}

int
render_read_header(const void *buf, size_t len, int animated, render_header *h)
{
	const char *compression;
	VipsImage *image;

	if (!(image = vips_image_new_from_buffer(buf, len, "", "access", VIPS_ACCESS_SEQUENTIAL, NULL))) {
		vips_thread_shutdown();
		return RENDER_DECODE;
	}
	h->width = image->Xsize;
	h->height = image->Ysize;
	h->frames = animated ? get_int(image, VIPS_META_N_PAGES, 1) : 1;
	h->orientation = vips_image_get_orientation(image);
	h->alpha = vips_image_hasalpha(image);
	h->av1 = vips_image_get_typeof(image, "heif-compression") &&
		!vips_image_get_string(image, "heif-compression", &compression) &&
		strcmp(compression, "av1") == 0;
	g_object_unref(image);
	vips_thread_shutdown();
	return RENDER_OK;
}

static VipsImage *
load(const void *buf, size_t len, const render_job *job)
{
	if (job->frames == 1)
		return vips_image_new_from_buffer(buf, len, "",
			"access", VIPS_ACCESS_SEQUENTIAL,
			"fail_on", VIPS_FAIL_ON_ERROR, NULL);
	return vips_image_new_from_buffer(buf, len, "",
		"access", VIPS_ACCESS_SEQUENTIAL,
		"fail_on", VIPS_FAIL_ON_ERROR,
		"n", -1, NULL);
}

// Alpha has to be multiplied in first: scaled by itself, the unseen colour of transparent pixels would bleed into their neighbours.
static int
scale(VipsImage *in, const render_job *job, VipsImage **out)
{
	double hscale = (double) job->scaled_width / in->Xsize;
	double vscale = (double) job->scaled_height / in->Ysize;
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(in), 3);

	if (hscale == 1 && vscale == 1)
		return vips_copy(in, out, NULL);
	if (!vips_image_hasalpha(in))
		return vips_resize(in, out, hscale, "vscale", vscale, NULL);
	return vips_premultiply(in, &t[0], NULL) ||
		vips_resize(t[0], &t[1], hscale, "vscale", vscale, NULL) ||
		vips_unpremultiply(t[1], &t[2], NULL) ||
		vips_cast(t[2], out, in->BandFmt, NULL);
}

// A profile that does not fit its picture is ignored, as browsers do.
static int
to_srgb(VipsImage *in, VipsImage **out)
{
	if (vips_image_get_typeof(in, VIPS_META_ICC_NAME)) {
		if (!vips_icc_transform(in, out, "srgb", "embedded", TRUE, "depth", 8, NULL))
			return 0;
		vips_error_clear();
	}
	return vips_colourspace(in, out, VIPS_INTERPRETATION_sRGB, NULL);
}

// Only JPEG cannot hold alpha: it gets a white background.
static int
flatten(VipsImage *in, const render_job *job, VipsImage **out)
{
	double white[] = { 255, 255, 255 };
	VipsArrayDouble *background;
	int failed;

	if (job->format != RENDER_JPEG || !vips_image_hasalpha(in))
		return vips_copy(in, out, NULL);
	background = vips_array_double_new(white, VIPS_NUMBER(white));
	failed = vips_flatten(in, out, "background", background, NULL);
	vips_area_unref(VIPS_AREA(background));
	return failed;
}

// Makes frame i of the output. It is held in memory before it is turned, so that the source is read once, from its beginning to its end.
static VipsImage *
render_frame(VipsImage *in, int i, const render_job *job)
{
	VipsImage *base = vips_image_new();
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(base), 6);
	VipsImage *out = NULL;

	if (!vips_crop(in, &t[0], 0, i * job->frame_height, in->Xsize, job->frame_height, NULL) &&
		!scale(t[0], job, &t[1]) &&
		!vips_crop(t[1], &t[2], job->left, job->top, job->width, job->height, NULL) &&
		!to_srgb(t[2], &t[3]) &&
		!flatten(t[3], job, &t[4]) &&
		(t[5] = vips_image_copy_memory(t[4])) &&
		vips_autorot(t[5], &out, NULL))
		out = NULL;
	g_object_unref(base);
	return out;
}

// Stacks the frames on top of each other, which is how libvips writes an animation. Delays and loop count come with the first.
static int
stack(VipsImage **frames, int n, VipsImage **out)
{
	VipsImage *joined;

	if (vips_arrayjoin(frames, &joined, n, "across", 1, NULL))
		return -1;
	if (vips_copy(joined, out, NULL)) {
		g_object_unref(joined);
		return -1;
	}
	g_object_unref(joined);
	vips_image_set_int(*out, VIPS_META_PAGE_HEIGHT, frames[0]->Ysize);
	return 0;
}

static int
encode(VipsImage *in, const render_job *job, void **out, size_t *len)
{
	switch (job->format) {
	case RENDER_PNG:
		return vips_pngsave_buffer(in, out, len, "strip", TRUE, NULL);
	case RENDER_WEBP:
		return vips_webpsave_buffer(in, out, len, "strip", TRUE, "Q", job->quality, NULL);
	case RENDER_AVIF:
		return vips_heifsave_buffer(in, out, len, "strip", TRUE, "Q", job->quality,
			"compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "effort", job->effort, NULL);
	case RENDER_GIF:
		return vips_gifsave_buffer(in, out, len, "strip", TRUE, "effort", job->effort, NULL);
	default:
		return vips_jpegsave_buffer(in, out, len, "strip", TRUE, "Q", job->quality, "optimize_coding", TRUE, NULL);
	}
}

static int
encode_frames(VipsImage **frames, const render_job *job, void **out, size_t *len)
{
	VipsImage *all;
	int failed;

	if (job->frames == 1)
		return encode(frames[0], job, out, len);
	if (stack(frames, job->frames, &all))
		return -1;
	failed = encode(all, job, out, len);
	g_object_unref(all);
	return failed;
}

int
render_frames(const void *buf, size_t len, const render_job *job, void **out, size_t *out_len)
{
	VipsImage **frames;
	VipsImage *in;
	int i, result = RENDER_OK;

	if (!(in = load(buf, len, job))) {
		vips_thread_shutdown();
		return RENDER_DECODE;
	}
	frames = g_new0(VipsImage *, job->frames);
	for (i = 0; i < job->frames && result == RENDER_OK; i++)
		if (!(frames[i] = render_frame(in, i, job)))
			result = RENDER_DECODE;
	g_object_unref(in);

	if (result == RENDER_OK && encode_frames(frames, job, out, out_len))
		result = RENDER_ENCODE;

	for (i = 0; i < job->frames; i++)
		g_clear_object(&frames[i]);
	g_free(frames);
	vips_thread_shutdown();
	return result;
}
