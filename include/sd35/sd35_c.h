/* sd35 from C, and from every language that calls C: handles, and options by their names.
 *
 *   sd35_pipeline* pipeline = NULL;
 *   sd35_result* result = NULL;
 *   sd35_options* options = sd35_options_new();
 *   if (sd35_pipeline_open("stable-diffusion-3.5-medium", NULL, &pipeline) != SD35_OK ||
 *       sd35_options_set_string(options, "prompt", "a capybara holding a sign") != SD35_OK ||
 *       sd35_generate(pipeline, options, NULL, &result) != SD35_OK ||
 *       sd35_result_save(result, 0, "capybara.png") != SD35_OK)
 *     fprintf(stderr, "%s\n", sd35_last_error());
 *   sd35_result_free(result);
 *   sd35_options_free(options);
 *   sd35_pipeline_free(pipeline);
 *
 * Texts are UTF-8. A function that fails returns what kind of failure it was, sets what it would have made to
 * NULL, and leaves a line for sd35_last_error(). Nothing is printed, no signal handler is set, no exception
 * comes out. Every free takes NULL. Functions may be called from any thread; a handle that is const to a function
 * may be used by several threads at once, and so may a pipeline. The names of options are those of docs/options.md.
 * The ABI of libsd35c.so.1 only grows. */
#ifndef SD35_SD35_C_H
#define SD35_SD35_C_H

#include <stddef.h>
#include <stdint.h>

#include "sd35/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The exit codes of the program. */
typedef enum {
  SD35_OK = 0,
  SD35_ERROR = 1,    /* memory ran out, or a fault of sd35 */
  SD35_ARGUMENT = 2, /* an option or argument that cannot be */
  SD35_FILE = 3,     /* a file that is missing, damaged, or does not fit */
  SD35_NUMERIC = 4,  /* a computation gave NaN or infinity */
  SD35_CANCELLED = 130
} sd35_status;

typedef struct sd35_options sd35_options;
typedef struct sd35_pipeline sd35_pipeline;
typedef struct sd35_result sd35_result;
typedef struct sd35_buffer sd35_buffer;

/* "0.1.0" */
SD35_API const char* sd35_version(void);
/* 1: of the functions and structs here. It changes with the name of the library. */
SD35_API int sd35_abi_version(void);

/* Of the last function that failed in this thread: one line; the option it is about ("width"), and the file.
 * Empty where there is none. Valid until the thread's next failure. */
SD35_API const char* sd35_last_error(void);
SD35_API const char* sd35_last_error_option(void);
SD35_API const char* sd35_last_error_file(void);

/* Options, of loading a model and of drawing; NULL if memory ran out. */
SD35_API sd35_options* sd35_options_new(void);
SD35_API sd35_options* sd35_options_copy(const sd35_options* options);
SD35_API void sd35_options_free(sd35_options* options);
/* Each checks the value too. `name` as in "guidance_scale" and "skip_layer_guidance.scale". SD35_ARGUMENT for
 * a name that no option has; the line then says which is like it. */
SD35_API sd35_status sd35_options_set_string(sd35_options* options, const char* name, const char* value);
SD35_API sd35_status sd35_options_set_int(sd35_options* options, const char* name, int64_t value);
SD35_API sd35_status sd35_options_set_double(sd35_options* options, const char* name, double value);
SD35_API sd35_status sd35_options_set_bool(sd35_options* options, const char* name, int value);
/* Many at once, as in {"prompt": "a cat", "seed": 7, "loras": [{"path": "ink.safetensors", "weight": 0.8}]}:
 * all of them or, where one is wrong, none. */
SD35_API sd35_status sd35_options_set_json(sd35_options* options, const char* object);
/* A picture that goes in, "init.picture" or "edit": rows of red, green and blue, `stride` bytes apart; 0:
 * one after another. Copied. */
SD35_API sd35_status sd35_options_set_image(sd35_options* options, const char* name, const uint8_t* rgb,
                                            int width, int height, size_t stride);
/* "inpaint.mask": grey, likewise. */
SD35_API sd35_status sd35_options_set_mask(sd35_options* options, const char* name, const uint8_t* grey,
                                           int width, int height, size_t stride);
/* As it was before it was set. */
SD35_API sd35_status sd35_options_unset(sd35_options* options, const char* name);
/* All that are set, as an object. Pictures from memory are left out. */
SD35_API sd35_status sd35_options_to_json(const sd35_options* options, sd35_buffer** json);
/* What there is, with types, defaults, ranges and words of help: a list of objects. */
SD35_API sd35_status sd35_options_describe(sd35_buffer** json);

/* The only struct. `size` is sizeof(sd35_callbacks); what lies beyond it counts as NULL. Called by the thread
 * that draws, each pointer valid during the call only. They must not throw or jump out, and of the
 * functions here they may call sd35_cancel() alone on the pipeline that calls them. */
typedef struct sd35_callbacks {
  size_t size;
  void* user_data;
  /* 0 stops: the call that draws then returns SD35_CANCELLED. `stage`: "load", "encode_prompt",
   * "encode_picture", "denoise", "decode", "convert". `fraction`: of the stage. */
  int (*on_progress)(void* user_data, const char* stage, int picture, int step, int steps, double fraction);
  /* A rough picture of the work: red, green and blue. */
  void (*on_preview)(void* user_data, const uint8_t* rgb, int width, int height, int step);
  /* After each step, the latents [B, C, h, w] of the B pictures from `picture` on, which may be changed. 0 stops. */
  int (*on_step)(void* user_data, float* latents, const int64_t shape[4], int picture, int step,
                 double timestep);
  void (*on_warning)(void* user_data, const char* message);
} sd35_callbacks;

/* Opens a model: a folder, a file, or a name in the Hugging Face cache. `load` may be NULL. */
SD35_API sd35_status sd35_pipeline_open(const char* model, const sd35_options* load,
                                        sd35_pipeline** pipeline);
SD35_API void sd35_pipeline_free(sd35_pipeline* pipeline);
/* 32 hexadecimal digits from the model's weights. */
SD35_API sd35_status sd35_pipeline_hash(const sd35_pipeline* pipeline, sd35_buffer** hash);
/* The options as sd35_generate() takes them, complete: what it would refuse is refused here. */
SD35_API sd35_status sd35_pipeline_complete(const sd35_pipeline* pipeline, const sd35_options* options,
                                            sd35_buffer** json);
/* Draws. `callbacks` may be NULL. Several calls may run at once. */
SD35_API sd35_status sd35_generate(sd35_pipeline* pipeline, const sd35_options* options,
                                   const sd35_callbacks* callbacks, sd35_result** result);
/* Stops the calls of sd35_generate() that now run on the pipeline, and none that begins later. From any thread,
 * and from signal handlers. */
SD35_API void sd35_cancel(sd35_pipeline* pipeline);

/* 0 for NULL. */
SD35_API int sd35_result_count(const sd35_result* result);
/* Rows of red, green and blue, without gaps, valid until sd35_result_free(); NULL where there is no picture
 * `index`. */
SD35_API const uint8_t* sd35_result_pixels(const sd35_result* result, int index, int* width, int* height);
SD35_API uint64_t sd35_result_seed(const sd35_result* result, int index);
/* The bytes of a file: "png", "jpg" or "webp"; `quality` 1 to 100, or 0 for the usual one. */
SD35_API sd35_status sd35_result_encode(const sd35_result* result, int index, const char* format, int quality,
                                        sd35_buffer** file);
/* By the extension; replaces what is there. */
SD35_API sd35_status sd35_result_save(const sd35_result* result, int index, const char* path);
SD35_API void sd35_result_free(sd35_result* result);

/* Bytes; a text also ends with a NUL that does not count. NULL and 0 for NULL. */
SD35_API const char* sd35_buffer_data(const sd35_buffer* buffer);
SD35_API size_t sd35_buffer_size(const sd35_buffer* buffer);
SD35_API void sd35_buffer_free(sd35_buffer* buffer);

/* How a picture was drawn: {"model": ..., "load": {...}, "generate": {...}}. */
SD35_API sd35_status sd35_read_recipe(const char* picture, sd35_buffer** json);
/* What a model's files hold. `tensors`: each of them too. */
SD35_API sd35_status sd35_inspect(const char* model, int tensors, sd35_buffer** json);
/* Writes a model in another layout or type. `options`: NULL, or an object with "type", "layout", "components" (a
 * list), and parts of the model by their names ("vae"); see sd35 convert --help. */
SD35_API sd35_status sd35_convert(const char* input, const char* output, const char* options,
                                  const sd35_callbacks* callbacks);
/* A model with random weights. `options`: NULL, or an object with "like", "size", "layout", "dtype", "seed". */
SD35_API sd35_status sd35_make_random_model(const char* output, const char* options,
                                            const sd35_callbacks* callbacks);

#ifdef __cplusplus
}
#endif

#endif
