/* Draws one picture: draw MODEL PROMPT OUTPUT [OPTIONS], where OPTIONS is an object of options as JSON, as in
 * '{"num_inference_steps": 8, "seed": 7}'. */
#include <sd35/sd35_c.h>
#include <signal.h>
#include <stdio.h>

static sd35_pipeline* drawing;

static void on_interrupt(int number) {
  (void)number;
  sd35_cancel(drawing);
}

static int on_progress(void* user_data, const char* stage, int picture, int step, int steps,
                       double fraction) {
  (void)user_data;
  (void)picture;
  if (steps > 0) fprintf(stderr, "\r%s: step %d of %d  ", stage, step, steps);
  if (fraction >= 1 && steps > 0) fputc('\n', stderr);
  return 1; /* 0 would stop */
}

static void on_warning(void* user_data, const char* message) {
  (void)user_data;
  fprintf(stderr, "warning: %s\n", message);
}

int main(int argc, char** argv) {
  sd35_options* options = sd35_options_new();
  sd35_result* result = NULL;
  sd35_callbacks callbacks = {sizeof callbacks, NULL, on_progress, NULL, NULL, on_warning};
  sd35_status status;

  if (argc < 4) {
    fprintf(stderr, "usage: draw MODEL PROMPT OUTPUT [OPTIONS]\n");
    return SD35_ARGUMENT;
  }
  status = sd35_pipeline_open(argv[1], NULL, &drawing);
  if (status == SD35_OK) status = sd35_options_set_string(options, "prompt", argv[2]);
  if (status == SD35_OK && argc > 4) status = sd35_options_set_json(options, argv[4]);
  if (status == SD35_OK) signal(SIGINT, on_interrupt);
  if (status == SD35_OK) status = sd35_generate(drawing, options, &callbacks, &result);
  if (status == SD35_OK) status = sd35_result_save(result, 0, argv[3]);
  if (status != SD35_OK) fprintf(stderr, "error: %s\n", sd35_last_error());

  sd35_result_free(result);
  sd35_options_free(options);
  sd35_pipeline_free(drawing);
  return (int)status;
}
