/* What the shared libraries show to programs. */
#ifndef SD35_EXPORT_H
#define SD35_EXPORT_H

#define SD35_API __attribute__((visibility("default")))

#endif
