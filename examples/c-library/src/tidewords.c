#include "tidewords.h"

const char *tide_word(int height_cm)
{
    if (height_cm > 50)
        return "high water";
    if (height_cm < -50)
        return "low water";
    return "slack water";
}
