// What the shared library shows to programs.
#pragma once

#define SD35_API __attribute__((visibility("default")))
