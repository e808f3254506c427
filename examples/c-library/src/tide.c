#include <stdio.h>
#include <stdlib.h>

#include "tidewords.h"

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: tide HEIGHT_CM\n");
        return 2;
    }
    puts(tide_word(atoi(arguments[1])));
    return 0;
}
