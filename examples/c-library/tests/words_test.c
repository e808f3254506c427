#include <stdio.h>
#include <string.h>

#include "tidewords.h"

static int wrong(int height_cm, const char *word)
{
    if (strcmp(tide_word(height_cm), word) == 0)
        return 0;
    fprintf(stderr, "%d cm is `%s`, expected `%s`\n", height_cm, tide_word(height_cm), word);
    return 1;
}

int main(void)
{
    return wrong(51, "high water") + wrong(50, "slack water") + wrong(-51, "low water");
}
