"""The same from Python by ctypes, without a package: python draw.py LIBRARY MODEL PROMPT OUTPUT [OPTIONS]"""

import ctypes
import sys


class Sd35:
    """The few functions that this example calls."""

    def __init__(self, library):
        self.c = ctypes.CDLL(library)
        for name in ("sd35_version", "sd35_last_error"):
            getattr(self.c, name).restype = ctypes.c_char_p
        for name in ("sd35_options_new", "sd35_result_pixels"):
            getattr(self.c, name).restype = ctypes.c_void_p

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.c.sd35_last_error().decode())

    def draw(self, model, prompt, output, options="{}"):
        pipeline, result, settings = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p(self.c.sd35_options_new())
        try:
            self.check(self.c.sd35_pipeline_open(model.encode(), None, ctypes.byref(pipeline)))
            self.check(self.c.sd35_options_set_string(settings, b"prompt", prompt.encode()))
            self.check(self.c.sd35_options_set_json(settings, options.encode()))
            self.check(self.c.sd35_generate(pipeline, settings, None, ctypes.byref(result)))
            self.check(self.c.sd35_result_save(result, 0, output.encode()))
        finally:
            self.c.sd35_result_free(result)
            self.c.sd35_options_free(settings)
            self.c.sd35_pipeline_free(pipeline)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    Sd35(sys.argv[1]).draw(*sys.argv[2:6])
