#ifndef TIDEWORDS_H
#define TIDEWORDS_H

/* Return the word for a height in centimetres above the mean; never NULL. */
const char *tide_word(int height_cm);

#endif
