#include <sd35/sd35_c.h>

/* Twice does no harm. */
#include <sd35/sd35_c.h>

int header_is_enough(void);
int header_is_enough(void) { return (int)sizeof(sd35_callbacks) + SD35_OK; }
